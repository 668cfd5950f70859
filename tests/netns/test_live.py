#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that live through apply and remove, and the entries they had:
those of the excluded service are evicted, all others stay."""
import sys
import time

import lab
from peers import Server, connect, pair, receive

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: open}
"""
NFT = """table inet host {
chain in { type filter hook input priority 0; policy drop
ct state established accept
meta l4proto ipv6-icmp accept
tcp dport { 80, 8443 } accept
}
chain out { type filter hook output priority 0; policy drop
ct state established,new accept
meta l4proto ipv6-icmp accept
}
}
"""
LEGACY = """*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,8443 -j ACCEPT
-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
-A OUTPUT -p ipv6-icmp -j ACCEPT
COMMIT
"""
EACH = 25
failed = passed = 0


def check(good, what, more=""):
    global failed, passed
    passed += bool(good)
    failed += not good
    if not good:
        print("not ok - %s %s" % (what, more))


def alive(socks):
    """How many answer."""
    n = 0
    for sock in socks:
        try:
            sock.sendall(b"x" * 2000)
            n += receive(sock, 2000) == b"x" * 2000
        except OSError:
            pass
    return n


def entries(space, port):
    return sum("dport=%d " % port in line for version in ("ipv4", "ipv6")
               for line in space.run("conntrack -L -f %s 2>/dev/null" %
                                     version).splitlines())


def live(backend):
    client, server = pair()
    if backend == "nftables":
        server.nft(NFT)
    else:
        for version in lab.VERSIONS:
            server.legacy(version, LEGACY)
    servers = [Server(server, version, port)
               for version in lab.VERSIONS for port in (80, 8443)]
    web = [connect(client, version, 80) for version in lab.VERSIONS
           for _ in range(EACH)]
    other = [connect(client, version, 8443) for version in lab.VERSIONS
             for _ in range(EACH)]
    check(alive(web + other) == 4 * EACH, backend + ": before")
    check(entries(server, 80) == 2 * EACH, backend + ": web is tracked")
    said = server.apply(backend, POLICY)
    check("%d entries of the services were evicted" % (2 * EACH) in said,
          backend + ": the eviction is told", said)
    check(entries(server, 80) == 0, backend + ": no entry of web is left")
    check(entries(server, 8443) == 2 * EACH, backend + ": others stay")
    check(alive(web) == 2 * EACH, backend + ": web lives through apply",
          alive(web))
    check(alive(other) == 2 * EACH, backend + ": the others too")
    check(entries(server, 80) == 0, backend + ": nor do packets make one")
    time.sleep(.5)
    server.remove(backend)
    n = alive(web)
    check(n == 2 * EACH, backend + ": web lives through remove", n)
    check(entries(server, 80) == 2 * EACH, backend + ": and is tracked")
    check(alive(other) == 2 * EACH, backend + ": the others through remove")
    return servers


def no_flush(backend):
    """`flush: none`, and entries of forwarded flows, are left alone."""
    client, server = pair()
    server.nft(NFT)
    Server(server, 4, 80)
    socks = [connect(client, 4, 80)]
    server.apply(backend, POLICY + "conntrack: {flush: none}\n")
    check(entries(server, 80) == 1, backend + ": flush none flushes none")
    check(alive(socks) == 1 or backend != "nftables",
          backend + ": and it lives")


lab.require_ctpolicy()
kept = []
for name in lab.BACKENDS:
    kept.append(live(name))
if "nftables" in lab.BACKENDS:
    no_flush("nftables")
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed or not passed else 0)
