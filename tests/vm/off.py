# SPDX-License-Identifier: GPL-2.0-or-later
"""`modules: unload` on Debian's stock kernel: connection tracking goes, packets
pass, what holds it is named, and whatever fails is put back."""
import json
import random

import machine  # noqa: F401  first: it finds the others
import tally

OFF = """version: 1
state_matching: forbidden
conntrack: {modules: unload}
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: none}
"""
ON = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: none}
"""
REPLACE = OFF.replace("conntrack:", "existing_rules: replace\nconntrack:")
# The modules of the classic recipe, and what a busy host has beside them.
LOADED = ("nf_conntrack xt_CT xt_conntrack nf_conntrack_netlink "
          "nf_conntrack_ftp nf_nat_ftp nft_ct xt_connlimit")
SETTINGS = {"nf_conntrack_max": "77777", "nf_conntrack_buckets": "20480",
            "nf_conntrack_tcp_timeout_established": "999",
            "nf_conntrack_acct": "1"}
SETTINGS_FOLDER = "/proc/sys/net/netfilter/"


def prepare(vm):
    vm.put("/tmp/off.yaml", OFF)
    vm.put("/tmp/on.yaml", ON)
    vm.put("/tmp/replace.yaml", REPLACE)
    vm.put("/tmp/talk", """#!/bin/dash
# A connection over lo, with an answer.
(echo hello | nc -l -p 80 >/tmp/heard) &
sleep 0.3
echo hi | nc -w 2 127.0.0.1 80 >/tmp/answer
wait
grep -q hi /tmp/heard && grep -q hello /tmp/answer
""")


def load(vm):
    vm.run("set -e; for m in %s; do modprobe $m; done\n" % LOADED +
           "\n".join("echo %s >%s%s" % (value, SETTINGS_FOLDER, name)
                     for name, value in sorted(SETTINGS.items())))


def modules(vm):
    return {line.split()[0] for line in vm.run("lsmod").splitlines()[1:]}


def is_off(vm):
    return "nf_conntrack" not in modules(vm)


def settings(vm):
    return vm.run("cd %s; grep -H . %s" % (
        SETTINGS_FOLDER, " ".join(sorted(SETTINGS))))


def expect_loaded(vm, before, what):
    missing = before - modules(vm)
    assert not missing, "%s left out %s" % (what, sorted(missing))
    for line in settings(vm).splitlines():
        name, _, value = line.partition(":")
        assert SETTINGS[name] == value, "%s left %s" % (what, line)


def off(vm, more="", **how):
    return vm.run("ctpolicy apply --backend nftables %s /tmp/off.yaml" % more,
                  **how)


def goes_and_returns(vm, _how):
    load(vm)
    before = modules(vm)
    plan = json.loads(vm.run(
        "ctpolicy diff --backend nftables --json /tmp/off.yaml", code=1))
    steps = [s for s in plan["steps"] if s["kind"] == "module"]
    assert steps[-1]["value"] == "nf_conntrack", steps
    assert all(s["action"] == "unload" for s in steps), steps
    off(vm)
    assert is_off(vm)
    gone = before - modules(vm)
    assert gone == {s["value"] for s in steps}, (gone, steps)
    vm.run("dash /tmp/talk && ping -c 1 127.0.0.1")
    assert is_off(vm)
    off(vm, "--detailed-exitcode")
    assert is_off(vm)
    vm.run("ctpolicy rollback")
    expect_loaded(vm, before, "rollback")
    vm.run("ctpolicy rollback --redo")
    assert is_off(vm)
    said = vm.run("ctpolicy remove")
    assert not is_off(vm), said
    expect_loaded(vm, before, "remove")


def own_rules_go_first(vm, _how):
    vm.run("ctpolicy apply --backend nftables /tmp/on.yaml")
    assert not is_off(vm)
    off(vm)
    assert is_off(vm)
    vm.run("ctpolicy rollback")
    assert "notrack" in vm.run("nft list ruleset")


def replaced_rules_go_first(vm, _how):
    """State rules of the host's hold it until stateless ones stand for them."""
    for kind, backend in (("legacy", "iptables"), ("nft", "nftables")):
        tool = "iptables-" + kind
        vm.run("%s-restore" % tool + """ <<EOF
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
EOF""")
        before, loaded = vm.run(tool + " -S"), modules(vm)
        said = vm.run("ctpolicy apply --backend %s /tmp/replace.yaml" % backend)
        assert is_off(vm), said
        vm.run("dash /tmp/talk")
        assert is_off(vm)
        said = vm.run("ctpolicy remove")
        assert vm.run(tool + " -S") == before, said
        missing = loaded - modules(vm)
        assert not missing, missing
        vm.run("%s -P INPUT ACCEPT; %s -F" % (tool, tool))


def another_policy(vm, how):
    """One that says nothing of modules loads them again, too, also after more
    changes than the history keeps."""
    vm.run("modprobe iptable_filter; modprobe ip6table_filter")
    load(vm)
    before = modules(vm)
    # what `ip netns` leaves of a namespace after a reboot
    vm.run("mkdir -p /run/netns; touch /run/netns/stale")
    off(vm)
    assert is_off(vm)
    vm.run(NFT % ("inet", "chain c { type filter hook input priority 0; "
                  "policy drop; }"))
    for port in range(90, 100 if how.all else 91):
        vm.put("/tmp/port.yaml", OFF.replace("[80]", "[%d]" % port).replace(
            "accept: none", "accept: open"))
        vm.run("ctpolicy apply --backend nftables /tmp/port.yaml")
        assert str(port) in vm.run("nft list ruleset"), port
    if how.all:
        assert len(vm.run("ls /var/lib/ctpolicy/main | grep '^[0-9]'")
                   .split()) == 8
    vm.run("ctpolicy apply --backend nftables /tmp/on.yaml")
    expect_loaded(vm, before, "another policy")
    assert "notrack" in vm.run("nft list ruleset")


NFT = "nft -f - <<'END'\ntable %s t { %s; }\nEND\n"
GONE = "nft flush ruleset"
# What makes it hold, the words that must name it, and what lets it go
HOLDERS = (
    ("iptables-legacy -A INPUT -m conntrack --ctstate NEW -j ACCEPT",
     "chain INPUT of table ip filter", "iptables-legacy -F"),
    ("ip6tables-legacy -A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT",
     "chain INPUT of table ip6 filter", "ip6tables-legacy -F"),
    ("iptables-legacy -t raw -A PREROUTING -p tcp --dport 9 -j NOTRACK",
     "chain PREROUTING of table ip raw", "iptables-legacy -t raw -F"),
    ("iptables-legacy -t nat -A POSTROUTING -j MASQUERADE",
     "chain POSTROUTING of table ip nat", "iptables-legacy -t nat -F"),
    ("iptables-legacy -A INPUT -p tcp -m connlimit --connlimit-above 3 "
     "-j DROP", "counts connections", "iptables-legacy -F"),
    ("iptables-nft -A INPUT -m conntrack --ctstate NEW -j ACCEPT",
     "chain INPUT of table ip filter", GONE),
    (NFT % ("inet", "chain c { ct state new accept; }"),
     "chain c of table inet t", GONE),
    (NFT % ("ip", "chain c { type nat hook postrouting priority 100; }"),
     "it is of type nat", GONE),
    (NFT % ("ip", "chain c { type filter hook prerouting priority -300; "
            "notrack; }"), "takes packets out of tracking", GONE),
    (NFT % ("ip", 'ct helper h { type "ftp" protocol tcp; }'),
     "a declared helper, timeout, expectation or synproxy needs tracking",
     GONE),
    ("modprobe ip_vs", "module ip_vs needs connection tracking",
     "rmmod ip_vs"),
    ("modprobe openvswitch", "module openvswitch needs connection tracking",
     "rmmod openvswitch"),
    ("ip netns add blue; ip netns exec blue " + NFT %
     ("inet", "chain c { ct state new accept; }"),
     "it is in network namespace blue", "ip netns del blue; sleep 1"),
)


def is_held(vm, make, words, undo):
    vm.run(make)
    before = modules(vm)
    said = off(vm, code=14)
    assert words in said, "%r not in:\n%s" % (words, said)
    missing = before - modules(vm)
    assert not missing, missing
    vm.run(undo)


def each_holder(vm, how):
    """One after the other: what is undone holds nothing any more."""
    played = HOLDERS if how.all else random.Random(how.seed).sample(
        HOLDERS, len(HOLDERS) // 2)
    for make, words, undo in played:
        tally.case("held by: " + words, is_held, vm, make, words, undo)
    off(vm)
    assert is_off(vm)


def packets_in_flight(vm, _how):
    """They wait for longer than anything takes here, and no 32 bits of netem's
    time overflow."""
    load(vm)
    before = modules(vm)
    vm.run("""set -e
ip link add v0 type veth peer name v1
ip addr add 192.0.2.1/24 dev v0; ip link set v0 up; ip link set v1 up
ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0
tc qdisc add dev v0 root netem delay 250s
nft add table ip t
nft 'add chain ip t o { type filter hook output priority 0; }'
nft add rule ip t o ct state new accept
ping -c 1 -W 1 192.0.2.2 || true
nft delete table ip t""")
    said = off(vm, code=14)
    assert "packets of this connection wait in a queue" in said, said
    expect_loaded(vm, before, "the refusal")


def refused_in_the_middle(vm, how):
    load(vm)
    before = modules(vm)
    faults = [(1, "EPERM", 77), (4, "EPERM", 10)]
    if how.all:
        faults += [(1, "EAGAIN", 10), (len(before), "EAGAIN", 0)]
    for when, error, wanted in faults:
        vm.run("strace -f -qq -o /dev/null -e trace=delete_module -e "
               "inject=delete_module:error=%s:when=%d ctpolicy apply "
               "--backend nftables /tmp/off.yaml" % (error, when), code=wanted)
        if wanted:
            expect_loaded(vm, before, "%s at call %d" % (error, when))
            assert "no unfinished" in vm.run("ctpolicy recover 2>&1")


def killed_in_the_middle(vm, how):
    load(vm)
    before = modules(vm)
    for when in (1, 3, 6) if how.all else (4,):
        vm.run("strace -f -qq -o /dev/null -e trace=delete_module -e "
               "inject=delete_module:signal=KILL:when=%d ctpolicy apply "
               "--backend nftables /tmp/off.yaml" % when, code=None)
        vm.run("ctpolicy recover")
        expect_loaded(vm, before, "recover after call %d" % when)


def way_back_is_held(vm, _how):
    """By a rule of the host's: `rollback` names it, and does nothing; a trial
    ends all the same, but for the modules."""
    load(vm)
    off(vm)
    on = "ctpolicy apply --backend nftables %s /tmp/on.yaml"
    vm.run(on % "")
    hold = NFT % ("inet", "chain c { ct state new accept; }")
    vm.run(hold)
    before, loaded = vm.run("nft list ruleset"), modules(vm)
    said = vm.run("ctpolicy rollback", code=14)
    assert "chain c of table inet t: this rule holds" in said, said
    assert vm.run("nft list ruleset") == before
    missing = loaded - modules(vm)
    assert not missing, missing
    assert "no unfinished" in vm.run("ctpolicy recover 2>&1")
    vm.run("nft delete table inet t; ctpolicy rollback")
    assert is_off(vm)
    # what was not confirmed
    for end in ("sleep 4; ctpolicy confirm", "ctpolicy rollback"):
        vm.run(on % "--confirm 2s" + "; " + hold)
        said = vm.run(end, code=None)[1]
        rules = vm.run("nft list ruleset")
        assert "notrack" not in rules and "ct state" in rules, (said, rules)
        assert not is_off(vm) and "no unfinished" in vm.run(
            "ctpolicy recover 2>&1")
        vm.run("nft delete table inet t")
        off(vm)
        assert is_off(vm)
    vm.run("ctpolicy remove")


def watched(vm, _how):
    """A reload brings rules back that match states: told once, and what they
    loaded goes when they do; nothing that is held is waited for."""
    load(vm)
    off(vm)
    assert is_off(vm)
    vm.run("ctpolicy watch --json >/tmp/watched 2>&1 &\n"
           "echo $! >/tmp/watcher; sleep 3")
    for _ in range(2):
        vm.run("nft 'add table inet h; add chain inet h c; "
               "add rule inet h c ct state new accept'")
        wait_for(vm, "failed")
        assert not is_off(vm)
        vm.run("nft 'add table inet other; delete table inet other'; sleep 3")
        vm.run("nft delete table inet h")
        wait_for(vm, "repaired")
        assert is_off(vm), modules(vm)
    told = [json.loads(line)["event"]
            for line in vm.run("cat /tmp/watched").splitlines()]
    assert told == ["in_force"] + 2 * ["failed", "repaired"], told
    vm.run("kill $(cat /tmp/watcher); ctpolicy remove")


def wait_for(vm, event):
    """The newest that was told."""
    vm.run("for i in $(seq 200); do tail -n 1 /tmp/watched | grep -q "
           "'\"event\":\"%s\"' && exit 0; sleep .1; done; "
           "cat /tmp/watched; exit 1" % event)


def cycles(vm, how):
    load(vm)
    before = modules(vm)
    for i in range(how.cycles):
        off(vm)
        assert is_off(vm), "cycle %d" % i
        vm.run("ctpolicy rollback")
        expect_loaded(vm, before, "cycle %d" % i)


# What leaves nothing behind shares a machine.
CASES = (
    (goes_and_returns, own_rules_go_first),
    (replaced_rules_go_first,),
    (another_policy,),
    (each_holder,),
    (packets_in_flight,),
    (watched,),
    (way_back_is_held,),
    (refused_in_the_middle, killed_in_the_middle),
    (cycles,),
)
