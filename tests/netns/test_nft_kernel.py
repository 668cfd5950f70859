#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The nftables backend against a kernel, and against nft's own eyes.

Drives tests/netns/nft_tool, which makes the kernel hold what an nft text says,
and looks at the result with `nft`. Runs in the namespace that tests/run gives.
"""
import os
import random
import re
import subprocess
import sys
import tempfile

import cost

TOOL = os.path.join(os.environ["builddir"], "tests/netns/nft_tool")
DIR = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
SANITIZED = cost.is_sanitized(TOOL)
failures = 0

OWN = """table inet ctpolicy {
    set e { type inet_service; elements = { 80 comment "web", 443 } }
    set r { type inet_service; flags interval
        elements = { 0-79 comment "q", 81, 82-83, 84-90 comment "next",
                     100-200, 65000-65535 } }
    set pa { type inet_service . ipv4_addr; flags interval
        elements = { 80 . 10.0.0.0/8 comment "web", 81-83 . 1.2.3.4 } }
    set ap { type ipv6_addr . inet_service; flags interval
        elements = { 2001:db8::/32 . 80, ::1 . 1-1000 comment "me" } }
    set ea { type inet_service . ipv4_addr; elements = { 80 . 10.0.0.1 } }
    set i6 { type ipv6_addr; flags interval
        elements = { 2001:db8::/32, fe80::1, ::-::5 } }
    set pif { type inet_service . ifname; elements = { 80 . "eth0" } }
    set local_types { type fib_addrtype
        elements = { local, broadcast, multicast } }
    set transit_types { type fib_addrtype
        elements = { unicast, blackhole, unreachable, prohibit } }
    chain prerouting {
        type filter hook prerouting priority raw; policy accept;
        tcp dport @e fib daddr type local notrack comment "ctpolicy"
        udplite dport @e fib daddr type @transit_types notrack
        meta l4proto gre notrack
        meta nfproto ipv6 meta l4proto 253 notrack
        tcp dport . ip daddr @ea fib daddr type @local_types notrack
        ip6 saddr . tcp sport @ap socket transparent 0 notrack
        sctp sport . ip saddr @pa notrack
        iifname "wan*" tcp dport @r notrack
        iifname "lo" meta l4proto esp ip6 saddr @i6 notrack
        meta l4proto tcp frag frag-off != 0 accept
        meta l4proto udp ip frag-off & 8191 != 0 accept
        icmp type 11-12 accept
        icmpv6 type mld2-listener-report accept
    }
    chain output {
        type filter hook output priority raw; policy accept;
        tcp dport . oifname @pif notrack accept
        udp dport @e fib saddr type local notrack accept comment "own"
        oifname "lo" udp sport @e notrack
    }
}
"""
HOST = """table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related counter packets 5 bytes 300 accept
    }
}
"""
ACCEPTS = """table inet filter {
    set ctpolicy-p { type inet_service; elements = { 80 comment "web" } }
    chain ctpolicy-input {
        tcp dport @ctpolicy-p ct state untracked accept comment "ctpolicy"
        udp sport @ctpolicy-p socket wildcard 1 return
        udp sport @ctpolicy-p ct state invalid,untracked accept
    }
}
insert rule inet filter input jump ctpolicy-input comment "ctpolicy"
"""


def run(*command, text=None, code=0):
    done = subprocess.run(command, input=text, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if code is not None and done.returncode != code:
        raise AssertionError("%s: exit %d, not %d\n%s%s" % (
            " ".join(command), done.returncode, code, done.stdout[-2000:],
            done.stderr[-2000:]))
    return done


def nft(text):
    run("nft", "-f", "-", text=text)


def listing(*options):
    return run("nft", *options, "list", "ruleset").stdout


def save(text, name="want.nft"):
    path = os.path.join(DIR, name)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    return path


def tool(how, text=None, code=0):
    args = [save(text)] if text is not None else []
    return run(TOOL, how, *args, code=code)


def steps(text):
    return tool("diff", text).stdout.splitlines()


def equal(got, want, what):
    assert got == want, "%s: %r, not %r" % (what, got, want)


def test_nft_sees_what_we_wrote():
    tool("load", OWN)
    seen = listing()
    equal(steps(OWN), [], "steps left")
    equal(steps(seen), [], "steps after nft's listing")
    for line in OWN.splitlines():
        line = line.strip()
        if re.search(r"(notrack|accept)( comment .*)?$", line):
            assert line in seen, "nft does not list: " + line


def test_we_see_what_nft_wrote():
    nft(OWN)
    equal(steps(OWN), [], "steps left")
    shown = tool("show").stdout
    nft("flush ruleset")
    nft(shown)
    equal(steps(OWN), [], "steps left from our own text")


def test_remove_takes_all():
    nft(HOST)
    before = listing("-a")
    tool("load", HOST + OWN + ACCEPTS)
    assert "jump ctpolicy-input" in listing()
    assert "ours 1" in tool("survey").stdout
    tool("remove")
    equal(listing("-a"), before, "the host's own rules")


def test_jump_goes_first():
    nft(HOST)
    tool("load", ACCEPTS)
    nft("insert rule inet filter input meta mark 5 accept")
    got = steps(ACCEPTS)
    equal([s[:2] for s in got], ["+ ", "- "], "a jump that stood second")
    tool("load", ACCEPTS)
    chain = run("nft", "list", "chain", "inet", "filter", "input").stdout
    assert chain.index("ctpolicy-input") < chain.index("mark"), chain


def test_one_element_is_one_step():
    tool("load", OWN)
    for old, new in (("443", "443, 444"), ("82-83", "82"),
                     ('1-1000 comment "me"', '1-1000 comment "you"'),
                     ("81-83 . 1.2.3.4", "81-83 . 1.2.3.4, 84 . 9.0.0.0/9"),
                     (", ::-::5", ""), ("100-200", "100-250")):
        want = OWN.replace(old, new)
        got = steps(want)
        assert 1 <= len(got) <= 2, got
        assert all(" element " in s for s in got), got
        tool("load", want)
        tool("load", OWN)


def test_tampering_is_undone():
    tool("load", OWN)
    for change in ("flush chain inet ctpolicy prerouting",
                   "insert rule inet ctpolicy output counter",
                   "delete element inet ctpolicy e { 443 }",
                   "add element inet ctpolicy r { 30000 }",
                   "add chain inet ctpolicy extra",
                   "add set inet ctpolicy more { type mark; }",
                   "add rule inet ctpolicy output tcp dport 5 drop",
                   "delete chain inet ctpolicy output",
                   "flush set inet ctpolicy pa"):
        nft("flush chain inet ctpolicy output\n" + change
            if change.startswith("delete chain") else change)
        assert steps(OWN), change
        tool("load", OWN)


def test_policy_of_our_chain():
    tool("load", OWN)
    nft("chain inet ctpolicy prerouting { policy drop; }")
    tool("load", OWN)
    assert "policy drop" not in listing()


def test_race_is_told():
    tool("load", OWN)
    path = save(OWN.replace("443", "445"))
    with subprocess.Popen([TOOL, "race", path], stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as racer:
        # it plans, then reads a line: let it get there
        while "pipe" not in open("/proc/%d/wchan" % racer.pid).read():
            if racer.poll() is not None:
                break
        nft("add table ip somebody")
        before = listing()
        _, err = racer.communicate("\n")
    equal(racer.returncode, 1, "exit of the one that came late")
    assert "the live rules changed" in err, err
    equal(listing(), before, "rules after a refused batch")


def test_check_changes_nothing():
    tool("check", OWN)
    equal(listing(), "", "rules after a check")
    bad = OWN.replace("iifname \"wan*\"", "iifname \"wan*\"").replace(
        "fib daddr type local notrack", "jump nowhere")
    done = tool("check", bad, code=1)
    assert "nowhere" in done.stderr and "refuses" in done.stderr, done.stderr
    # the kernel's own word, not what we make of it
    assert "': No such file or directory" in done.stderr, done.stderr
    equal(listing(), "", "rules after a failed check")


def test_long_names():
    """The kernel takes names of 255 letters, in our table and in others."""
    table, chain, own = "t" * 255, "c" * 255, "o" * 70
    nft("table inet %s {\n chain ctpolicy-input {\n accept\n }\n"
        "chain %s {\n type filter hook input priority 0; policy drop;\n"
        "jump ctpolicy-input\n }\n }\n" % (table, chain))
    nft("table inet ctpolicy {\n set %s { type inet_service; "
        "elements = { 1 }; }\n chain %s { tcp dport @%s accept; }\n"
        "chain x { jump %s; }\n }\n" % ("s" * 255, own, "s" * 255, own))
    shown = tool("show").stdout
    for name in table, chain, "s" * 255, own:
        assert name in shown, "%.10s... is not seen" % name
    assert "filter inet %s %s input" % (table, chain) in tool("survey").stdout
    equal(steps(shown), [], "steps left from our own text")
    tool("load", OWN)
    equal(steps(OWN), [], "steps left")
    assert "ctpolicy-input" not in listing() and own not in listing()


def test_survey():
    nft("""table inet a { chain i { type filter hook input priority 0
            ip saddr vmap @m
        }
        map m { type ipv4_addr : verdict; elements = { 1.1.1.1 : jump x } }
        chain x { goto y; }
        chain y { reject; }
        chain quiet { type filter hook output priority 0; accept; }
    }
    table ip sleeping { flags dormant
        chain f { type filter hook forward priority 0; policy drop; }
    }
    table ip filter { chain FORWARD {
        type filter hook forward priority 0; policy drop; }
    }
    """.replace("; }", "\n}").replace("a { chain", "a {\nchain")
        .replace("filter { chain", "filter {\nchain"))
    equal(tool("survey").stdout.splitlines(), [
        "in_use 1 ours 0 iptables_nft 1 firewalld 0",
        "filter inet a i input owner 0",
        "filter ip filter FORWARD forward owner 1"], "survey")


def test_random_sets():
    rand = random.Random(7)
    for _ in range(6):
        ports = sorted(rand.sample(range(65536), 40))
        text = "table inet ctpolicy {\nset r { type inet_service\n" \
            "flags interval\nelements = { %s }\n}\n}\n" % ", ".join(
                "%d-%d" % (a, b - rand.randint(1, b - a))
                for a, b in zip(ports, ports[1:]))
        tool("load", text)
        equal(steps(listing()), [], "nft's view of random ranges")


def test_many_elements():
    for kind, body in (
            ("hash", ["80 . 10.%d.%d.%d comment \"web\"" %
                      (i >> 16, i >> 8 & 255, i & 255)
                      for i in range(100000)]),
            ("tree", ["10.%d.%d.%d/31 comment \"web\"" %
                      (i >> 14, i >> 6 & 255, i << 2 & 255)
                      for i in range(100000)])):
        head = "inet_service . ipv4_addr" if kind == "hash" else \
            "ipv4_addr\nflags interval"
        text = "table inet ctpolicy {\nset s { type %s\nelements = { %%s }" \
            "\n}\n}\n" % head
        done = tool("load", text % ",\n".join(body)).stdout
        print(kind, done.strip())
        memory = int(re.search(r"memory (\d+) kB", done)[1])
        if not SANITIZED:
            assert memory < 30000, "%s: %d kB" % (kind, memory)
        equal(len(steps(text % ",\n".join(body[1:]))), 1, "one less")
        tool("remove")


def main():
    global failures
    for name, test in sorted(globals().items()):
        if not name.startswith("test_") or \
                (sys.argv[1:] and name not in sys.argv[1:]):
            continue
        nft("flush ruleset")
        try:
            test()
            print("ok -", name)
        except AssertionError as err:
            failures += 1
            print("FAILED -", name, err)
    return 1 if failures else 0


if subprocess.run(["nft", "list", "ruleset"], check=False,
                  capture_output=True).returncode:
    print("SKIP: no right to nft rules, or no nft")
    sys.exit(77)
sys.exit(main())
