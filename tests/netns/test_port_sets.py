#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Thousands of single ports in nftables: the kernel takes four times as many in
four times the time, their set is saved and loaded as any other, and comes and
goes without a packet lost or tracked meanwhile."""
import re
import tempfile

import cost
import lab
from tally import check, end
from traffic import Echo
from unseen import changes_unseen

PORT = 5300
STATE = tempfile.mkdtemp()
STATED = ["--state-dir", STATE]
AT = ["--backend", "nftables"] + STATED
HOST = """table inet filter {
    chain in { type filter hook input priority 0; policy drop;
        ct state established accept; meta l4proto ipv6-icmp accept; }
    chain out { type filter hook output priority 0; policy drop;
        ct state established accept; meta l4proto ipv6-icmp accept; }
}
"""
FEW, MANY, MOST = 8000, 32000, 8	# n squared would be 16
SMALL = 0.1				# seconds; what is less is noise


def policy(n, accept="open"):
    """PORT and n - 1 others, none beside another."""
    ports = [PORT] + [p for p in range(1, 2 * n + 2, 2) if p != PORT + 1]
    return "version: 1\nstate_matching: allowed\nuntracked:\n" \
        "  - {name: a, role: server, protocol: udp, accept: %s, " \
        "ports: [%s]}\n" % (accept, ", ".join(map(str, ports[:n])))


def seconds(space, n):
    """Of which most are the kernel's."""
    took = cost.seconds(space.apply, "nftables", policy(n, "none"), *STATED)
    space.run([lab.CTPOLICY, "remove", *AT])
    return took


def try_growth(space):
    ratio = cost.least(lambda: seconds(space, MANY) / max(
        seconds(space, FEW), SMALL), MOST)
    check(ratio <= MOST, "%d ports cost at most %d times as much as %d" % (
        MANY, MOST, FEW), ratio)


def older(text):
    """The same rules over sets that the kernel makes bitmaps."""
    return re.sub(r"(?m)^\s*(size \d+|flags timeout)\n", "", text).replace(
        "_h ", " ")


def in_sync(space, n, what):
    code, said = space.ctpolicy("diff", policy(n), *AT)
    check(code == 0, what, said[-300:])


def try_saved(net, n):
    server = net.server
    text = server.run("nft -s list ruleset")
    check(text.count("flags timeout") >= 1, "the sets are no bitmaps",
          text[:200])
    changes_unseen(net, PORT, "the saved rules are loaded",
                   lambda: server.nft("flush ruleset\n" + text))
    in_sync(server, n, "what nft saved and loaded is in sync")
    server.nft("flush ruleset\n" + older(text))
    check("flags timeout" not in server.run("nft -s list ruleset"),
          "bitmaps are back")
    changes_unseen(net, PORT, "bitmaps become hashes",
                   lambda: server.apply("nftables", policy(n), *STATED))
    check(server.run("nft -s list ruleset").count("flags timeout") ==
          text.count("flags timeout"), "none is left a bitmap")


def try_strange(space, n):
    """Only such a set takes an element that ends by itself."""
    name = re.search(r"set (\S+_h) ", space.run("nft list table inet ctpolicy"))
    space.nft("delete element inet ctpolicy %s { 1 }\nadd element inet "
              "ctpolicy %s { 1 timeout 1h comment \"a\" }\n" % (
                  name[1], name[1]))
    code, said = space.ctpolicy("diff", policy(n), *AT)
    check(code == 1, "a port that ends by itself is none of ours", said[-300:])
    space.apply("nftables", policy(n), *STATED)
    check("expires" not in space.run("nft list ruleset"), "it is made whole")


def try_sizes(net, n):
    """Across the number from which on a set is a hash, and back."""
    server = net.server
    for more in (MANY, n, 10, MANY, n):
        changes_unseen(net, PORT, "%d ports" % more,
                       lambda k=more: server.apply("nftables", policy(k),
                                                   *STATED))
        in_sync(server, more, "%d ports are in sync" % more)
    changes_unseen(net, PORT, "rollback", lambda: server.run(
        [lab.CTPOLICY, "rollback", *STATED]))
    in_sync(server, MANY, "rolled back")
    server.apply("nftables", policy(n), *STATED)


def main():
    lab.require_ctpolicy()
    net = lab.Lab()
    Echo(net.server, PORT)
    try_growth(net.server)
    net.server.nft(HOST)
    net.server.apply("nftables", policy(2000), *STATED)
    try_sizes(net, 2000)
    try_saved(net, 2000)
    try_strange(net.server, 2000)
    net.server.run([lab.CTPOLICY, "remove", *AT])
    check("ctpolicy" not in net.server.run("nft list ruleset"), "removed")
    net.clear()
    end()


main()
