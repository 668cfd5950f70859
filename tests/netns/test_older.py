#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules as older releases wrote them, a set for each leg, become rules that
share their sets: no packet is lost or tracked meanwhile, nor on the way back.

The older rules are today's, with a copy of its set for each rule, those of
loopback first; and in nft a packet that was taken out of tracking met the rest
of them. Then one address more is one element more for all legs of a table.
"""
import itertools
import os
import re
import tempfile

import lab
from tally import check, end
from traffic import Echo
from unseen import changes_unseen

BACKENDS = os.environ.get("CTPOLICY_BACKENDS", "nftables iptables").split()
PORT = 5300
STATE = tempfile.mkdtemp()
NETS = {4: "10.9.%d.1", 6: "2001:db8:%x::1"}
HOST = {"nftables": """table inet filter {
    chain in { type filter hook input priority 0; policy drop;
        ct state established accept; meta l4proto ipv6-icmp accept; }
    chain out { type filter hook output priority 0; policy drop;
        ct state established accept; meta l4proto ipv6-icmp accept; }
}
""", "iptables": """*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m state --state ESTABLISHED -j ACCEPT
-A INPUT -p %s -j ACCEPT
-A OUTPUT -m state --state ESTABLISHED -j ACCEPT
-A OUTPUT -p %s -j ACCEPT
COMMIT
"""}


def policy(more=0):
    clients = [lab.address("client", v) for v in (4, 6)]
    clients += [NETS[v] % i for v in (4, 6) for i in range(1, 40 + more)]
    return """version: 1
state_matching: allowed
untracked:
  - {name: dns, role: server, protocol: udp, ports: [%d], accept: open,
     clients: [%s]}
""" % (PORT, ", ".join('"%s"' % c for c in clients))


def filter_at(space, backend):
    if backend == "nftables":
        space.nft(HOST[backend])
        return
    for version, icmp in ((4, "icmp"), (6, "ipv6-icmp")):
        space.legacy(version, HOST[backend] % (icmp, icmp))


def loopback_first(text):
    """In each chain, of the rules that take packets out of tracking."""
    out = []
    for own, lines in itertools.groupby(text.splitlines(True),
                                        lambda line: "notrack" in line):
        out += sorted(lines, key=lambda line: 'oifname "lo"' not in line and
                      "-o lo" not in line) if own else lines
    return "".join(out)


def split_nft(space):
    """Sets of our own in the whole ruleset, one for each rule."""
    number = 0
    out = []
    for table in re.split(r"(?m)^(?=table )",
                          space.run("nft -s list ruleset")):
        sets = dict(re.findall(r"(?ms)^\tset (\S+) \{\n(.*?)^\t\}\n", table))
        made = ""

        def renamed(match):
            nonlocal number, made
            number += 1
            name = "ctpolicy-older-%d" % number
            made += "\tset %s {\n%s\t}\n" % (name, sets[match[1]])
            return "@" + name

        rest = re.sub(r"(?ms)^\tset .*?^\t\}\n", "", table)
        rest = re.sub(r"@([\w-]+)", renamed, rest)
        out.append(rest.replace("{\n", "{\n" + made, 1))
    text = loopback_first("".join(out))
    space.nft("flush ruleset\n" + text.replace(" notrack accept ", " notrack "))


def split_legacy(space):
    """The same with ipsets."""
    saved = space.run("ipset save")
    names = re.findall(r"(?m)^create (\S+)", saved)
    number = 0
    made = []
    texts = {}

    def renamed(match):
        nonlocal number
        number += 1
        name = "ctpolicy-n-%d" % number
        made.extend(re.sub(r"^(\w+) \S+", r"\1 " + name, line)
                    for line in saved.splitlines()
                    if line.split()[1] == match[1])
        return "--match-set " + name

    for tool in ("iptables", "ip6tables"):
        texts[tool] = re.sub(r"--match-set (\S+)", renamed,
                             space.run(tool + "-legacy-save"))
    space.run("ipset restore", text="\n".join(made) + "\n")
    for tool, text in texts.items():
        space.run(tool + "-legacy-restore", text=loopback_first(text))
    for name in names:
        space.run("ipset destroy " + name)


def sets_of(space, backend):
    if backend == "nftables":
        return re.findall(r"(?m)^\tset (\S+) \{\n\t\ttype inet_service",
                          space.run("nft list ruleset"))
    return space.run("ipset list -n").split()


def rules_of(space, backend):
    """Ours that take packets out of tracking, in their order, without sets."""
    text = "".join(space.run(command) for command in (
        ("nft -s list table inet ctpolicy",) if backend == "nftables" else
        ("iptables-legacy-save -t raw", "ip6tables-legacy-save -t raw")))
    return [re.sub(r"@\S+|match-set \S+", "@", line).strip()
            for line in text.splitlines() if "notrack" in line]


def try_backend(net, backend):
    server = net.server
    state = os.path.join(STATE, backend)

    def apply(more=0):
        server.apply(backend, policy(more), "--state-dir", state)

    def unseen(what, function):
        changes_unseen(net, PORT, "%s: %s" % (backend, what), function)

    filter_at(server, backend)
    apply()
    shared = sets_of(server, backend)
    check(len(shared) == 4, "%s: one set each of a family, for NOTRACK and for "
          "accept rules" % backend, shared)
    rules = rules_of(server, backend)
    (split_nft if backend == "nftables" else split_legacy)(server)
    older = sets_of(server, backend)
    other = rules_of(server, backend)
    check(len(other) == len(rules) and other != rules,
          "%s: in another order" % backend, other)
    check(len(older) >= 14, "%s: a set for each leg" % backend, older)
    unseen("older rules become these", apply)
    check(sets_of(server, backend) == shared, "%s: shared again" % backend,
          sets_of(server, backend))
    check(rules_of(server, backend) == rules, "%s: the rules too" % backend,
          rules_of(server, backend))
    unseen("and come back", lambda: server.run(
        [lab.CTPOLICY, "rollback", "--state-dir", state]))
    check(sorted(sets_of(server, backend)) == sorted(older),
          "%s: the older sets are back" % backend, sets_of(server, backend))
    check(rules_of(server, backend) == other,
          "%s: and the older rules" % backend, rules_of(server, backend))
    apply()
    out = server.ctpolicy("diff", policy(1), "--backend", backend,
                          "--rules")[1]
    check(len(re.findall(r"(?m)^\+ .*(?:10\.9\.40\.1|2001:db8:28::1)",
                         out)) == len(shared), "%s: one element a set" % backend, out)
    unseen("an address more", lambda: apply(1))
    unseen("an address less", apply)


def forwarded(router):
    """What a router forwards goes on untracked: nothing else is said of it."""
    text = """version: 1
state_matching: allowed
untracked:
  - {name: sip, role: router, protocol: udp, ports: [%d], accept: none}
""" % PORT
    filter_at(router, "nftables")
    router.apply("nftables", text)
    own = router.run("nft -s list table inet ctpolicy")
    router.nft("delete table inet ctpolicy\n" +
               own.replace(" notrack accept ", " notrack "))
    code, said = router.ctpolicy("apply", text, "--backend", "nftables")
    check(code == 0 and "CT642" not in said, "forwarded: nothing is cut", said)
    check(router.run("nft -s list table inet ctpolicy") == own,
          "forwarded: today's rules", said)
    said = router.remove("nftables")
    check("CT642" in said, "forwarded: by the removal it may be", said)


lab.require_ctpolicy()
NET = lab.Lab()
Echo(NET.server, PORT)
for each in BACKENDS:
    try_backend(NET, each)
    NET.clear()
if "nftables" in BACKENDS:
    forwarded(NET.router)
end()
