#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of one protocol in a chain of their own: with services of all roles on
one host, the same packets leave tracking as with all rules in one chain, and
no others; what is changed there by hand is found and put right.
"""
import re

import lab
from tally import check, end
from traffic import Echo, tcp_exchange, udp_exchange
from unseen import changes_unseen

SERVER, CLIENT, ROUTER = PORTS = 5300, 5301, 5302
POLICY = "version: 1\nstate_matching: allowed\nuntracked:\n" + "".join(
    "  - {name: %s, role: %s, protocol: [tcp, udp], ports: [%d], "
    "accept: none}\n" % (role, role, port)
    for role, port in zip(("server", "client", "router"), PORTS))
HOST = """table inet host {
    chain in { type filter hook input priority 0; ct state established accept; }
}
"""
# from, to, port, leaves tracking
WAYS = [
    ("client", "router-c", SERVER, True), ("router", "server", CLIENT, True),
    ("client", "server", ROUTER, True), ("router", "router-c", SERVER, True),
    ("router", "router-s", CLIENT, True),
    # another role's port, or another's packets
    ("client", "router-c", CLIENT, False),
    ("client", "router-c", ROUTER, False), ("client", "server", SERVER, False),
    ("client", "server", CLIENT, False), ("router", "server", SERVER, False),
    ("router", "server", ROUTER, False),
]
BY_HAND = [
    "insert rule inet ctpolicy prerouting_udp th dport 22 notrack accept",
    "insert rule inet ctpolicy prerouting_udp udp dport 22 notrack accept",
    "insert rule inet ctpolicy prerouting_tcp return",
    "insert rule inet ctpolicy output accept",
    "insert rule inet ctpolicy output meta l4proto sctp goto output_udp",
    "add chain inet ctpolicy prerouting_sctp",
    "flush chain inet ctpolicy prerouting",
    "flush chain inet ctpolicy output_tcp",
]
# a rule by what it has, and what takes its place
REPLACED = [
    ("prerouting", "goto prerouting_udp",
     "meta l4proto udp jump prerouting_udp comment '\"ctpolicy\"'"),
    ("prerouting", "goto prerouting_tcp",
     "meta l4proto tcp goto prerouting_udp comment '\"ctpolicy\"'"),
    ("output", "goto output_udp", "goto output_udp comment '\"ctpolicy\"'"),
    ("prerouting_udp", "th dport @server_udp_p",
     "udp dport @server_udp_p fib daddr type local notrack accept comment "
     "'\"ctpolicy\"'"),
    ("prerouting_udp", "th dport @server_udp_p",
     "th dport @server_tcp_p fib daddr type local notrack accept comment "
     "'\"ctpolicy\"'"),
]


def own(space):
    """The table, its chains in one order, whenever they were added."""
    text = space.run("nft -s list table inet ctpolicy")
    head, *chains = re.split(r"(?m)^(?=\tchain )", text.rstrip("}\n"))
    return head + "".join(sorted(c.rstrip("}\n\t") + "\n\t}\n\n"
                                 for c in chains)) + "}\n"


def exchanges(net, what):
    """Of each way: it is answered, and has an entry or none."""
    spaces = {"client": net.client, "router": net.router}
    heard = lab.NewEntries(net.router)
    for source, to, port, leaves in WAYS:
        for version in lab.VERSIONS:
            for exchange in udp_exchange, tcp_exchange:
                said = exchange(spaces[source], version,
                                lab.address(to, version), port)
                made = heard.take()
                check(said == "ok" and (not made) == leaves,
                      "%s: IPv%d, %s, %s to %s at %d" % (
                          what, version, exchange.__name__, source, to, port),
                      said, made[:2])
    heard.close()


def flat(text):
    """The rules as older releases wrote them, in the base chains."""
    chains = dict(re.findall(r"(?ms)^\tchain (\w+_\w+) \{\n(.*?)^\t\}\n",
                             text))
    text = re.sub(r"(?ms)^\tchain \w+_\w+ \{\n.*?^\t\}\n", "", text)
    return re.sub(
        r"(?m)^\t\tmeta l4proto (\w+) goto (\w+) .*\n",
        lambda m: re.sub(r"\bth (sport|dport)", m[1] + r" \1", chains[m[2]]),
        text)


def handle_of(space, chain, words):
    listed = space.run("nft -a list chain inet ctpolicy " + chain)
    return re.search(re.escape(words) + r".* # handle (\d+)", listed)[1]


def put_right(net, rules, what, command):
    router = net.router
    router.run("nft " + command)
    code, said = router.ctpolicy("diff", POLICY, "--backend", "nftables")
    check(code == 1, "%s: found" % what, code, said)
    router.apply("nftables", POLICY)
    check(own(router) == rules, "%s: put right" % what, own(router))


def by_hand(net, rules):
    for command in BY_HAND:
        put_right(net, rules, command, command)
    for chain, words, new in REPLACED:
        put_right(net, rules, "%s: %s" % (chain, new),
                  "replace rule inet ctpolicy %s handle %s %s" % (
                      chain, handle_of(net.router, chain, words), new))


def older(net, rules):
    text = flat(rules)
    check("goto" not in text and text.count("notrack") ==
          rules.count("notrack"), "older rules, in one chain", text)
    net.router.nft("delete table inet ctpolicy\n" + text)
    exchanges(net, "older rules")
    # what client and server say meanwhile passes through the router
    changes_unseen(net, ROUTER, "an upgrade",
                   lambda: net.router.apply("nftables", POLICY))
    check(own(net.router) == rules, "upgraded", own(net.router))


lab.require_ctpolicy()
NET = lab.Lab()
for port in PORTS:
    Echo(NET.router, port)
    Echo(NET.server, port)
NET.router.nft(HOST)
NET.router.apply("nftables", POLICY)
RULES = own(NET.router)
check(RULES.count(" goto ") == 4, "two protocols in two hooks", RULES)
exchanges(NET, "as applied")
older(NET, RULES)
by_hand(NET, RULES)
exchanges(NET, "put right")
NET.router.remove("nftables")
check("ctpolicy" not in NET.router.run("nft list ruleset"), "removed")
end()
