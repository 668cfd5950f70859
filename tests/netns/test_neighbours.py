# SPDX-License-Identifier: GPL-2.0-or-later
"""What a policy leaves to the host's own rules: routers that advertise
themselves, and neighbours where rules may match state."""
import os
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from packets import ICMPV6, Injector, icmpv6, ip, pack_address  # noqa: E402
from traffic import Echo, tcp_exchange                      # noqa: E402

POLICY = """version: 1
state_matching: %s
untracked:
  - name: web
    role: server
    protocol: tcp
    ports: [8080]
    accept: open
"""
ROGUE = "fe80::bad"
PREFIX = "2001:db8:bad::"
NFT = """table inet host {
 chain input {
  type filter hook input priority filter; policy drop;
  icmpv6 type { %s } accept
 }
}
"""
LEGACY = "*filter\n:INPUT DROP [0:0]\n%sCOMMIT\n"
NEIGHBOURS = (135, 136)


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, 8080)
    LAB.server.sysctl("net.ipv6.conf.eth0.accept_ra", 1)
    # Learn the neighbours while nothing is filtered
    for version in lab.VERSIONS:
        tcp_exchange(LAB.client, version, lab.address("server", version), 8080)


def guard(backend, kinds):
    """A host that lets in these ICMPv6 types and nothing else."""
    LAB.server.clear()
    if backend == "nftables":
        LAB.server.nft(NFT % ", ".join(map(str, kinds or (127,))))
    else:
        for version in lab.VERSIONS:
            LAB.server.legacy(version, LEGACY % "".join(
                "-A INPUT -p ipv6-icmp --icmpv6-type %d -j ACCEPT\n" % kind
                for kind in kinds if version == 6))


def advertise():
    """Did the server believe a router that no rule of its own lets in?"""
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 86400, 14400, 0) + \
        pack_address(PREFIX)
    packet = icmpv6(ROGUE, "ff02::1", 134, 0, struct.pack("!BBH", 64, 0, 1800),
                    struct.pack("!II", 0, 0) + prefix)
    sender = Injector(LAB.router, "tos", b"\x33\x33\0\0\0\1")
    sender.send(ip(ROGUE, "ff02::1", ICMPV6, packet, ttl=255))
    sender.close()
    time.sleep(0.2)
    found = LAB.server.run("ip -6 address show dev eth0; ip -6 route")
    LAB.server.run("ip -6 address flush dev eth0 to %s/64; "
                   "ip -6 route flush proto ra" % PREFIX, check=False)
    return "2001:db8:bad" in found


class Neighbours(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def test_the_probe_bites(self):
        LAB.clear()
        self.assertTrue(advertise())

    def test_no_router_is_let_in(self):
        for backend in lab.BACKENDS:
            for matching in ("allowed", "forbidden"):
                with self.subTest(backend=backend, matching=matching):
                    guard(backend, NEIGHBOURS)
                    LAB.server.apply(backend, POLICY % matching)
                    self.assertFalse(advertise())

    def resolved(self):
        """Does the server answer a neighbour that asks where it is?"""
        LAB.router.run("ip neighbour flush dev tos", check=False)
        return tcp_exchange(LAB.client, 6, lab.address("server", 6), 8080,
                            timeout=1)

    def test_neighbours_without_state(self):
        """Where the rules that let them in by state have to go."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                guard(backend, ())
                LAB.server.apply(backend, POLICY % "forbidden")
                self.assertEqual(self.resolved(), "ok")

    def test_neighbours_with_state(self):
        """Never tracked, they are what they were: the host's own affair."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                guard(backend, ())
                LAB.server.apply(backend, POLICY % "allowed")
                listing = LAB.server.run(
                    "nft list ruleset; ip6tables-legacy-save")
                for word in ("neighbor", "router", "mld", "-type 13"):
                    self.assertNotIn(word, listing)
                self.assertNotEqual(self.resolved(), "ok")


if __name__ == "__main__":
    unittest.main()
