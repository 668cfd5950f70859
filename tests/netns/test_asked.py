# SPDX-License-Identifier: GPL-2.0-or-later
"""Accept rules ask less than NOTRACK did, and let no packet in that they did
not let in while they asked the same."""
import contextlib
import os
import re
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from packets import UDP, Injector, ip, udp                  # noqa: E402
from watcher import Watch                                   # noqa: E402

SERVER = """version: 1
state_matching: allowed
untracked:
  - {name: dns, role: server, protocol: udp, ports: [53], accept: open}
"""
POLICY = SERVER + """\
  - {name: sip, role: router, protocol: udp, ports: [5060], accept: open}
"""
GROUPS = {4: "224.0.0.251", 6: "ff02::fb"}
# Whoever may be routed here, as a transparent proxy has it
NFT = """table inet host {
 chain early {
  type filter hook prerouting priority mangle;
  udp dport 53 iifname toc meta mark set 1
 }
 chain input {
  type filter hook input priority filter; policy drop;
  icmpv6 type { 133-136 } accept
  ct state established,related accept
 }
 chain output {
  type filter hook output priority filter; policy drop;
  icmpv6 type { 133-136 } accept
  ct state established,related accept
 }
}
"""
LEGACY = """*mangle
-A PREROUTING -p udp --dport 53 -i toc -j MARK --set-mark 1
COMMIT
*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A OUTPUT -p ipv6-icmp -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
COMMIT
"""
TRANSPARENT = {4: (socket.SOL_IP, 19), 6: (socket.IPPROTO_IPV6, 75)}
NOTRACK = {
    "nftables": "nft add table ip own && nft add chain ip own early "
                "'{ type filter hook prerouting priority raw; }' && "
                "nft add rule ip own early udp dport 9 notrack",
    "iptables": "iptables-legacy -t raw -A PREROUTING -p udp --dport 9 "
                "-j CT --notrack",
}


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    for version in lab.VERSIONS:
        LAB.router.run("ip -%d rule add fwmark 1 lookup 100; ip -%d route add "
                       "local default dev lo table 100" % (version, version))


def host(backend, policy=POLICY):
    LAB.clear()
    if backend == "nftables":
        LAB.router.nft(NFT)
    for version in lab.VERSIONS if backend == "iptables" else ():
        LAB.router.legacy(version, LEGACY.replace(
            "ipv6-icmp", "icmp" if version == 4 else "ipv6-icmp"))
    LAB.router.apply(backend, policy)


def listener(version):
    sock = LAB.router.socket(lab.FAMILY[version], socket.SOCK_DGRAM)
    sock.settimeout(1)
    sock.setsockopt(*TRANSPARENT[version], 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", 53))
    return sock


def hears(sock):
    with contextlib.suppress(TimeoutError):
        return bool(sock.recv(2048))
    return False


def heard(version, to, sport):
    """Does the router's port 53 get what the client sends to this address?"""
    source = lab.address("client", version)
    with listener(version) as sock:
        injector = Injector(LAB.client, "eth0", LAB.router.mac("toc"))
        injector.send(ip(source, to, UDP, udp(source, to, sport, 53)))
        injector.close()
        return hears(sock)


def heard_of_itself(version):
    """Does it get what it tells a group, from its own port?"""
    with listener(version) as sock:
        with LAB.router.entered():
            index = struct.pack("=I", socket.if_nametoindex("toc"))
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                            socket.inet_pton(socket.AF_INET6, GROUPS[6]) +
                            index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                            index)
        else:
            own = socket.inet_aton(lab.address("router-c", 4))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                            socket.inet_aton(GROUPS[4]) + own)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        with contextlib.suppress(PermissionError):
            sock.sendto(b"query", (GROUPS[version], 53))
        return hears(sock)


def asks_less():
    """Is there an accept rule for packets of some ports alone?"""
    return bool(re.search(r"sports? 5061[-:]65535", LAB.router.run(
        "nft list ruleset; iptables-legacy-save")))


def asks_source():
    """Is each accept rule for answers of the service for packets from this
    host's addresses alone?"""
    return not re.search(r"dports? 54[-:]65535", LAB.router.run(
        "nft list ruleset; iptables-legacy-save"))


class Asked(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def test_packets(self):
        for backend in lab.BACKENDS:
            host(backend)
            for version in lab.VERSIONS:
                with self.subTest(backend=backend, ip=version):
                    here = lab.address("router-c", version)
                    there = lab.address("server", version)
                    self.assertTrue(heard(version, here, 40000))
                    self.assertTrue(heard(version, here, 5060))
                    self.assertTrue(heard(version, here, 53))
                    self.assertFalse(heard(version, there, 5060))
                    self.assertFalse(heard(version, there, 40000))
                    self.assertFalse(heard_of_itself(version))

    def test_others(self):
        """Where the host has NOTRACK rules of its own, all is asked."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                host(backend)
                self.assertTrue(asks_less())
                LAB.router.run(NOTRACK[backend])
                LAB.router.apply(backend, POLICY)
                self.assertFalse(asks_less())
                for version in lab.VERSIONS:
                    here = lab.address("router-c", version)
                    self.assertTrue(heard(version, here, 40000))

    def test_others_come_later(self):
        """`watch` has all asked again, once a NOTRACK rule is there."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                host(backend)
                watch = Watch(LAB.router)
                self.addCleanup(watch.kill)
                self.assertIsNotNone(watch.wait("in_force"), watch.events)
                self.assertTrue(asks_less())
                LAB.router.run(NOTRACK[backend])
                self.assertIsNotNone(watch.wait("repaired"), watch.events)
                self.assertFalse(asks_less())
                for version in lab.VERSIONS:
                    here = lab.address("router-c", version)
                    self.assertTrue(heard(version, here, 40000))
                self.assertEqual(watch.end(), 0)

    def test_vrf(self):
        """What is sent to a VRF is untracked, whoever it is from: whether there
        is one tells the routing rule that the kernel adds with the first."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                host(backend, SERVER)
                self.assertFalse(asks_source())
                LAB.router.run("ip rule add l3mdev pref 1000")
                LAB.router.apply(backend, SERVER)
                LAB.router.run("ip rule del l3mdev pref 1000")
                self.assertTrue(asks_source())


if __name__ == "__main__":
    unittest.main()
