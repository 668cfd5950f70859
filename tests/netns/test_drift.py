#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever is changed by hand in ctpolicy's rules, `diff` shows it and `apply`
repairs it: the listing is the previous one.

A tampering is a line of shell. "{h}" stands for the handle, "{n}" for the
position, of the first rule with the words before "|".
"""
import os
import re
import subprocess
import sys

import lab

SET = ", ".join("10.%d.0.0/16" % i for i in range(0, 120, 2))
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: [server, router], protocol: [tcp, udp], accept: open,
     ports: [80, 443, "8000-9000"]}
  - {name: dns, role: client, protocol: udp, ports: [53], accept: open,
     servers: [192.0.2.53, "2001:db8::53"]}
  - {name: nets, role: server, protocol: udp, ports: [5000], accept: open,
     clients: [%s]}
""" % SET
HOST = {"nftables": """table inet mine {
        set other {
            type inet_service
            elements = { 7 }
        }
        chain in {
            type filter hook input priority 0; policy drop;
            ct state established accept
        }
        chain out {
            type filter hook output priority 0; policy drop;
            ct state established accept
        }
    }
    """, "iptables": """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m state --state ESTABLISHED -j ACCEPT
COMMIT
"""}

PRE = "inet ctpolicy prerouting"
TCP = PRE + "_tcp"              # where the rules of tcp are
OWN = "nft insert rule " + PRE + " "
# its line begins with it: on loopback another one goes on like this
RULE = "\tth dport @server_tcp_p fib"
SWAP = RULE + "|nft replace rule " + TCP + " handle {h} "
BACK = "fib daddr type local notrack accept comment '\"ctpolicy\"'"
IN = "jump ctpolicy-input|nft replace rule inet mine in handle {h} "
HEAD = "jump ctpolicy-input|nft delete rule inet mine in handle {h}"
HOOK = ("nft flush chain inet ctpolicy output && "
        "nft delete chain inet ctpolicy output && "
        "nft add chain inet ctpolicy output ")
E80 = "nft delete element inet ctpolicy server_tcp_p { 80 } && " \
      "nft add element inet ctpolicy server_tcp_p "
NFT = [
    OWN + "tcp dport 22 notrack",
    OWN + "drop",
    OWN + "return",
    SWAP + "th dport @server_tcp_p counter " + BACK,
    SWAP + "th dport @server_tcp_p limit rate 1/second " + BACK,
    SWAP + "th dport @server_tcp_p log " + BACK,
    SWAP + "th dport @server_tcp_p meta mark 7 " + BACK,
    SWAP + "th dport @server_tcp_p iifname eth9 " + BACK,
    SWAP + "th dport @server_tcp_p meta nfproto ipv4 " + BACK,
    SWAP + "th dport != @server_tcp_p " + BACK,
    SWAP + "th sport @server_tcp_p " + BACK,
    SWAP + "tcp dport @server_tcp_p " + BACK,
    SWAP + "udp dport @server_tcp_p " + BACK,
    SWAP + "th dport @server_tcp_p " + BACK.replace("accept ", ""),
    SWAP + "th dport @server_tcp_p " + BACK.replace("accept", "return"),
    SWAP + "th dport @server_tcp_p " + BACK.replace("notrack ", ""),
    SWAP + "th dport @server_tcp_p fib daddr type != local notrack accept",
    SWAP + "th dport @server_tcp_p fib saddr type local notrack accept",
    SWAP + "th dport @server_tcp_p notrack accept",
    SWAP + "th dport @server_tcp_p fib daddr type local accept",
    SWAP + "th dport @server_tcp_p fib daddr type local notrack "
           "accept",
    SWAP + "th dport @server_tcp_p meta l4proto '&' 0 == tcp " + BACK,
    SWAP + "th dport @server_tcp_p " + BACK.replace("ctpol", "pol"),
    RULE + "|nft delete rule " + TCP + " handle {h}",
    RULE + "|nft add rule " + TCP + " handle {h} "
           "th dport @server_tcp_p " + BACK,
    "nft flush chain " + PRE,
    "nft flush chain " + TCP,
    E80 + "{ 81 }",
    E80 + "{ 80 comment '\"other\"' }",
    "nft add element inet ctpolicy server_tcp_p { 22 }",
    "nft add element inet ctpolicy server_tcp_p { '*' }",
    "nft add element inet ctpolicy server_tcp_p_r { 22-23 }",
    "nft flush set inet ctpolicy server_tcp_p",
    "nft flush chain " + TCP + " && "
           "nft flush chain inet ctpolicy output_tcp && "
           "nft delete set inet ctpolicy server_tcp_p && "
           "nft add set inet ctpolicy server_tcp_p "
           "'{ type inet_service; flags timeout; }' && "
           "nft add element inet ctpolicy server_tcp_p "
           "{ 443, 80 timeout 1h } && nft insert rule " + TCP +
           " th dport @server_tcp_p " + BACK,
    HOOK + "'{ type filter hook output priority 10; }'",
    HOOK + "'{ type filter hook output priority raw; policy drop; }'",
    HOOK + "'{ type filter hook input priority raw; }'",
    HOOK + "'{ type route hook output priority raw; }'",
    HOOK + "",
    "nft add chain inet ctpolicy extra",
    "nft add chain inet ctpolicy extra "
    "'{ type filter hook input priority 0; policy drop; }'",
    "nft add set inet ctpolicy extra '{ type inet_service; }'",
    "nft add table inet ctpolicy '{ flags dormant; }'",
    "nft delete table inet ctpolicy",
    IN + "tcp dport 1-1024 jump ctpolicy-input comment '\"ctpolicy\"'",
    IN + "counter jump ctpolicy-input comment '\"ctpolicy\"'",
    IN + "goto ctpolicy-input comment '\"ctpolicy\"'",
    IN + "jump ctpolicy-input",
    IN + "counter comment '\"ctpolicy\"'|keeps",
    HEAD,
    HEAD + " && nft add rule inet mine in jump ctpolicy-input comment "
           "'\"ctpolicy\"'",
    "nft add rule inet mine in jump ctpolicy-input comment '\"ctpolicy\"'",
    "nft insert rule inet mine in jump ctpolicy-input comment "
    "'\"ctpolicy\"'",
    "nft insert rule inet mine ctpolicy-input tcp dport 22 accept",
    "nft add rule inet mine ctpolicy-input drop",
    "nft flush chain inet mine ctpolicy-output",
    "nft add set inet mine ctpolicy-extra '{ type inet_service; }'",
    "nft add chain inet mine ctpolicy-extra",
]

W = "--dports 80,443,8000:9000 -m addrtype --dst-type LOCAL"
RAW = "iptables-legacy -t raw "
REP = "-p tcp -m multiport " + W + "|" + RAW + "-R CTPOLICY-PREROUTING {n} "
MULTI = "-p tcp -m multiport --dports 80,443,8000:9000 "
TO = " -m comment --comment web -j CT --notrack"
LOC = "-m addrtype --dst-type LOCAL"
JUMP = "PREROUTING -m comment --comment ctpolicy -j CTPOLICY-PREROUTING"
OUT = "CTPOLICY-FORWARD -m comment"
NET = "ctpolicy-n-udp4"
SIX = "ip6tables-legacy "
IPT = [
    RAW + "-I CTPOLICY-PREROUTING -p tcp --dport 22 -j CT --notrack",
    RAW + "-I CTPOLICY-PREROUTING -j DROP",
    RAW + "-A CTPOLICY-PREROUTING -j RETURN",
    REP + MULTI + LOC + " -m limit --limit 1/s" + TO,
    REP + MULTI + LOC + " -m mark --mark 7" + TO,
    REP + MULTI + LOC + " -i eth9" + TO,
    REP + MULTI + LOC + " ! -i eth9" + TO,
    REP + MULTI + LOC + " ! -s 192.0.2.1" + TO,
    REP + MULTI + LOC + " -s 1.0.0.0/0.0.0.255" + TO,
    REP + MULTI + LOC + " ! -f" + TO,
    REP + MULTI + "-m addrtype ! --dst-type LOCAL " + LOC + TO,
    REP + MULTI + "-m addrtype ! --dst-type LOCAL" + TO,
    REP + MULTI + "-m addrtype --src-type LOCAL" + TO,
    REP + MULTI + LOC + " --limit-iface-in" + TO,
    REP + MULTI + LOC + " -m tcp --syn" + TO,
    REP + MULTI + LOC + " -m tcp ! --syn" + TO,
    REP + MULTI + TO,
    REP + MULTI + LOC + " -m socket" + TO,
    REP + MULTI + LOC + " -m socket --transparent" + TO,
    REP + MULTI + LOC + " -m conntrack --ctstate NEW" + TO,
    REP + MULTI + LOC + TO + " --zone 3",
    REP + MULTI + LOC + " -m comment --comment web -j CT --zone 3",
    REP + MULTI + LOC + " -m comment --comment web -j ACCEPT",
    REP + MULTI + LOC + " -m comment --comment web -j LOG",
    REP + MULTI + LOC + " -m comment --comment web",
    REP + MULTI + LOC + " -m comment --comment bad -j CT --notrack",
    REP + MULTI.replace("--dports", "--ports") + LOC + TO,
    REP + MULTI.replace("--dports", "! --dports") + LOC + TO,
    REP + MULTI.replace("-p tcp", "-p udp") + LOC + TO,
    REP + MULTI.replace("443,", "") + LOC + TO,
    RAW + "-F CTPOLICY-PREROUTING",
    RAW + "-D CTPOLICY-PREROUTING 1",
    RAW + "-A CTPOLICY-PREROUTING " + MULTI + LOC + TO,
    RAW + "-D " + JUMP,
    RAW + "-I " + JUMP,
    RAW + "-A " + JUMP,
    RAW + "-D " + JUMP + " && " + RAW + "-I " + JUMP.replace("-m", "-i x -m"),
    RAW + "-D " + JUMP + " && " + RAW + "-I " + JUMP.replace("-j", "-g"),
    RAW + "-D " + JUMP + " && " + RAW + "-I " + JUMP.replace("-m comment "
          "--comment ctpolicy ", ""),
    RAW + "-N CTPOLICY-EXTRA",
    RAW + "-N CTPOLICY-EXTRA && " + RAW + "-A OUTPUT -j CTPOLICY-EXTRA",
    "iptables-legacy -A INPUT -j CTPOLICY-INPUT",
    "iptables-legacy -D INPUT 1 && "
    "iptables-legacy -A INPUT -m comment --comment ctpolicy "
    "-j CTPOLICY-INPUT",
    "iptables-legacy -I CTPOLICY-INPUT -p tcp --dport 22 -j ACCEPT",
    "iptables-legacy -F CTPOLICY-OUTPUT",
    SIX + "-A CTPOLICY-INPUT -j ACCEPT",
    SIX + "-D INPUT 1 && " + SIX + "-I INPUT -m comment --comment ctpolicy "
    "-g CTPOLICY-INPUT",
    SIX + "-t raw -F",
    "ipset add {set} 172.16.0.0/12",
    "ipset del {set} 10.0.0.0/16",
    "ipset flush {set}",
    "ipset add {set} 10.2.3.0/24 nomatch",
    "ipset del {set} 10.0.0.0/16 && ipset add {set} 10.0.0.0/16",
    "ipset create tmp hash:net && ipset swap tmp {set}|ipset destroy tmp",
    "ipset create tmp hash:net counters comment && "
    "ipset swap tmp {set}|ipset destroy tmp",
    "ipset create tmp hash:net timeout 900 comment && "
    "for i in $(seq 0 2 118); do ipset add tmp 10.$i.0.0/16 comment nets; "
    "done; ipset swap tmp {set}|ipset destroy tmp",
    "ipset create ctpolicy-extra hash:ip",
    "ipset create ctpolicy-extra list:set && ipset add ctpolicy-extra {set}",
]
failed = passed = 0


def listing(space, backend):
    """Lines, without what the kernel counts: handles, packets, the seeds of
    hash tables. Elements and sets come in no order."""
    if backend == "nftables":
        text = space.run("nft list ruleset")
    else:
        text = space.run("iptables-legacy-save; ip6tables-legacy-save; "
                         "ipset save")
    text = re.sub(r"\[\d+:\d+\]|initval \S+|^#.*$", "", text, flags=re.M)
    lines = text.splitlines()
    if backend == "iptables":
        sets = [l for l in lines if l.startswith(("add ", "create "))]
        lines = [l for l in lines if l not in sets] + sorted(sets)
    return lines


def fill_in(space, command):
    """The command with its "{...}" filled in, and what is to clean up."""
    words, _, rest = command.partition("|")
    if not rest or not re.search("{[hn]}", rest):
        command, cleanup, words = words, rest, ""
    else:
        command, _, cleanup = rest.partition("|")
    handle = number = 0
    if words and "nft " in command:
        found = [l for l in space.run("nft -a list ruleset").splitlines()
                 if words in l]
        handle = int(found[0].split()[-1])
    elif words:
        rules = [l for l in space.run(RAW + "-S CTPOLICY-PREROUTING")
                 .splitlines() if l.startswith("-A")]
        number = [words in l for l in rules].index(True) + 1
    name = "-"
    if "{set}" in command:
        name = [n for n in space.run("ipset list -n").split()
                if n.startswith(NET)][0]
    for mark, value in (("{h}", handle), ("{n}", number), ("{set}", name)):
        command = command.replace(mark, str(value))
    return command, cleanup


def ctpolicy(space, backend, verb):
    path = os.path.join(lab.WORK, "drift.yaml")
    with open(path, "w") as out:
        out.write(POLICY)
    process = space.popen([lab.CTPOLICY, verb, "--backend", backend, path],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    out = process.communicate()[0]
    return process.returncode, out


def try_one(space, backend, tampering, before):
    command, cleanup = fill_in(space, tampering)
    space.run(command)
    if cleanup == "keeps":
        # Another rule stands first now: ours must move back to the head.
        cleanup = "nft delete rule inet mine in handle $(nft -a list chain " \
            "inet mine in | sed -n 's/.*\\tcounter.*comment.*handle //p')"
    code, out = ctpolicy(space, backend, "diff")
    if code != 1:
        return "diff: exit %d\n%s" % (code, out)
    code, out = ctpolicy(space, backend, "apply")
    if code:
        return "apply: exit %d\n%s" % (code, out)
    if cleanup:
        space.run(cleanup)
    code, out = ctpolicy(space, backend, "diff")
    if code:
        return "diff after repair: exit %d\n%s" % (code, out)
    after = listing(space, backend)
    if sorted(after) != sorted(before):
        return "not as before:\n" + "\n".join(
            ["- " + l for l in before if l not in after] +
            ["+ " + l for l in after if l not in before])
    return ""


def fresh(backend):
    space = lab.Namespace()
    if backend == "nftables":
        space.nft(HOST[backend])
    else:
        space.legacy(4, HOST[backend])
        space.legacy(6, HOST[backend])
    code, out = ctpolicy(space, backend, "apply")
    if code:
        raise RuntimeError("apply: exit %d\n%s" % (code, out))
    return space, listing(space, backend)


def run(backend, tamperings):
    global failed, passed
    space, before = fresh(backend)
    for tampering in tamperings:
        try:
            bad = try_one(space, backend, tampering, before)
        except RuntimeError as err:
            bad = str(err)
        if bad:
            failed += 1
            print("not ok - %s: %s: %s" % (backend, tampering, bad))
            space, before = fresh(backend)
        else:
            passed += 1
    out = space.remove(backend)
    left = [l for l in listing(space, backend) if "ctpolicy" in l.lower()]
    if left:
        failed += 1
        print("not ok - %s: left after remove: %s\n%s" % (backend, left, out))


lab.require_ctpolicy()
if "nftables" in lab.BACKENDS:
    run("nftables", NFT)
if "iptables" in lab.BACKENDS:
    run("iptables", IPT)
print("%d tamperings passed, %d failed" % (passed, failed))
sys.exit(1 if failed or not passed else 0)
