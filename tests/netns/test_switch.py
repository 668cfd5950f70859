#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of services that run move to new sets, with ranges in them, and no
packet of these services meets rules whose sets are not filled yet: none is
tracked and none is dropped, from the first change to the last."""
import os
import re
import socket
import threading

import lab
import peers
import tally
from tally import check

POLICY = """version: 1
state_matching: allowed
counters: %s
untracked:
  - {name: dns, role: server, protocol: udp, ports: [53], accept: open,
     clients: [192.0.2.0/24, "2001:db8:1::/64", %s]}
"""
HOST = """table inet host {
chain in { type filter hook input priority 0; policy drop
ct state established accept
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
udp dport { 53, 54 } ct state new accept
udp dport 53 counter
}
}
"""
ELEMENTS, SWITCHES, PORTS = 3000, 16, 64


def policy(counters):
    """With counters or without: sets of one have other names."""
    path = os.path.join(lab.WORK, counters + ".yaml")
    with open(path, "w") as out:
        out.write(POLICY % (counters, ", ".join(
            "10.%d.%d.1" % (i >> 8, i & 255) for i in range(ELEMENTS))))
    return path


class Flood(threading.Thread):
    """Clients that ask all the time, from many ports; on each IP version."""

    def __init__(self, client, version):
        super().__init__(daemon=True)
        self.stop, self.sent = False, 0
        self.to = lab.address("server", version)
        self.socks = [client.socket(lab.FAMILY[version], socket.SOCK_DGRAM)
                      for _ in range(PORTS)]

    def send(self, port):
        for sock in self.socks:
            sock.sendto(b"question", (self.to, port))

    def run(self):
        while not self.stop:
            self.send(53)
            self.sent += PORTS


def switch(server, paths):
    for n in range(SWITCHES):
        server.run([lab.CTPOLICY, "apply", "--backend", "nftables",
                    "--state-dir", os.path.join(lab.WORK, "state"),
                    paths[n % 2]])


lab.require_ctpolicy()
the_client, the_server = peers.pair()
the_server.nft(HOST)
files = [policy("true"), policy("false")]
sinks = [the_server.socket(lab.FAMILY[v], socket.SOCK_DGRAM)
         for v in lab.VERSIONS]
for sink in sinks:
    if sink.family == socket.AF_INET6:
        sink.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sink.bind(("", 53))
entries = lab.NewEntries(the_server)
switch(the_server, files)
floods = [Flood(the_client, v) for v in lab.VERSIONS]
for flood in floods:
    flood.send(54)
check(len(entries.take()) >= 2 * PORTS, "what is not in the policy is tracked")
for flood in floods:
    flood.start()
switch(the_server, files)
for flood in floods:
    flood.stop = True
    flood.join()
    check(flood.sent > 1000, "there were packets", flood.sent)
found = entries.take()
check(not found, "tracked while rules moved", len(found), found[:3])
dropped = re.search(r"packets (\d+)", the_server.run("nft list table inet host"))
check(dropped and dropped[1] == "0", "dropped while rules moved", dropped)
print("%d packets, %d entries" % (sum(f.sent for f in floods), len(found)))
tally.end()
