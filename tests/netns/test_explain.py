#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What explain says of the live rules is what real connections meet, with rules
in both worlds, and after apply."""
import json

import lab
import tally
from peers import Server, connect, pair
from tally import check

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: open}
"""
NFT = """table inet host {
set banned { type inet_service; elements = { 8002 } }
chain in { type filter hook input priority 0; policy drop
meta l4proto ipv6-icmp accept
ct state vmap { established : accept, invalid : drop }
tcp dport @banned reject with tcp reset
tcp dport 8003 ct state new goto fine
tcp dport { 80, 8001, 8002, 8004 } ct state new accept
}
chain fine { accept
}
}
"""
LEGACY = """*filter
:INPUT ACCEPT [0:0]
:LATE - [0:0]
-A INPUT -p tcp -m multiport --dports 8004:8010 -j LATE
-A LATE -p tcp --syn -m limit --limit 1/hour --limit-burst 9 -j RETURN
-A LATE -p tcp --syn -j DROP
COMMIT
"""
PORTS = (80, 8001, 8002, 8003, 8005)


def explain(server, packet, *options):
    out = server.run([lab.CTPOLICY, "explain", "--json", *options, packet])
    return json.loads(out)


def syn(version, port):
    ends = ["[%s]" % lab.address(host, version) if version == 6 else
            lab.address(host, version) for host in ("client", "server")]
    return "tcp %s:40000 > %s:%d syn" % (*ends, port)


def connects(client, version, port):
    try:
        connect(client, version, port, timeout=0.5).close()
    except OSError:
        return False
    return True


def compare(client, server, when):
    for version in lab.VERSIONS:
        for port in PORTS:
            said = explain(server, syn(version, port), "--in", "s")
            works = connects(client, version, port)
            check(said["result"] == ("accepted" if works else "dropped"),
                  "%s, IPv%d, port %d" % (when, version, port),
                  "said %s, works %s" % (said["result"], works))
            check(said["path"] == "to this host" and
                  (not said["reply"] or
                   said["reply"]["result"] == "accepted"), "%s, the way of port %d" % (when, port))


def main():
    client, server = pair()
    for version in lab.VERSIONS:
        for port in PORTS:
            Server(server, version, port)
    server.nft(NFT)
    compare(client, server, "nft")
    check(explain(server, syn(4, 80))["tracked"] is True, "tracked at first")
    for version in lab.VERSIONS:
        server.legacy(version, LEGACY)
    compare(client, server, "both worlds")
    said = explain(server, syn(4, 8004))
    check(said["result"] == "unknown", "a rate limit is unknown")
    doubts = [step["doubt"] for phase in said["phases"]
              for step in phase["steps"] if step["matches"] == "maybe"]
    check(doubts == ["limit"], "and is named", doubts)
    server.clear()
    server.nft(NFT)
    server.apply("nftables", POLICY)
    compare(client, server, "after apply")
    check(explain(server, syn(4, 80))["tracked"] is False, "now untracked")
    check(explain(server, syn(4, 8001))["tracked"] is True, "others are not")
    tally.end()


if __name__ == "__main__":
    lab.require_ctpolicy()
    if len(lab.BACKENDS) < 2:
        lab.skip("reads one world alone")
    main()
