# SPDX-License-Identifier: GPL-2.0-or-later
"""A service works on a host that drops by default, with and without state
matching, and its accept rules cannot be passed with a forged source port."""
import os
import select
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from hosts import HOOKS, filter_host                        # noqa: E402
from packets import Injector, ip, tcp, udp                  # noqa: E402
from traffic import Echo, tcp_exchange, udp_exchange        # noqa: E402

POLICY = """version: 1
state_matching: %s
untracked:
  - name: service
    role: %s
    protocol: [tcp, udp]
    ports: [53, 8080, 8089]
    accept: open
"""
MATCHING = ("allowed", "forbidden")
PRIVATE_TCP, PRIVATE_UDP = 9022, 9053
FLAGS = ["".join(letter for bit, letter in enumerate("FSRPAU")
                 if number >> bit & 1) for number in range(64)]


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, 8080)


def closed_host(space, backend, matching):
    """Of the host's own rules only those for neighbours are left, where the
    policy leaves neighbours to them."""
    filter_host(space, backend, matching == "allowed",
                **{hook: ("drop",) for hook in HOOKS})


class DefaultDrop(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def check(self, host, role, client=None, dst=None):
        for backend in lab.BACKENDS:
            for matching in MATCHING:
                LAB.clear()
                closed_host(host, backend, matching)
                host.apply(backend, POLICY % (matching, role))
                for version in lab.VERSIONS:
                    with self.subTest(backend=backend, matching=matching,
                                      ip=version):
                        self.check_service(
                            client or LAB.client, version,
                            dst or lab.address("server", version))

    def check_service(self, client, version, dst):
        if isinstance(dst, dict):
            dst = dst[version]
        for end, exchange, port, options in (
                ("ok", tcp_exchange, 8080, {}),
                ("ok", tcp_exchange, 8080, {"size": 100000}),
                ("refused", tcp_exchange, 8089, {}),
                ("ok", udp_exchange, 8080, {}),
                ("ok", udp_exchange, 8080, {"connected": False}),
                ("ok", udp_exchange, 8080, {"size": 4000}),
                ("refused", udp_exchange, 8089, {})):
            self.assertEqual(
                exchange(client, version, dst, port, **options), end,
                "%s, port %d, %s" % (exchange.__name__, port, options))

    def test_server(self):
        self.check(LAB.server, "server")

    def test_client(self):
        self.check(LAB.client, "client")

    def test_router(self):
        self.check(LAB.router, "router")

    def test_loopback_server(self):
        self.check(LAB.server, "server", LAB.server, lab.LOOPBACK)

    def test_loopback_client(self):
        self.check(LAB.server, "client", LAB.server, lab.LOOPBACK)

    def test_nothing_else(self):
        """What the policy does not name stays out."""
        Echo(LAB.server, 9000)
        for backend in lab.BACKENDS:
            for matching in MATCHING:
                LAB.clear()
                closed_host(LAB.server, backend, matching)
                LAB.server.apply(backend, POLICY % (matching, "server"))
                for version in lab.VERSIONS:
                    for exchange in (tcp_exchange, udp_exchange):
                        with self.subTest(backend=backend, ip=version,
                                          matching=matching):
                            self.assertEqual(exchange(
                                LAB.client, version,
                                lab.address("server", version), 9000,
                                timeout=0.2), "timeout")


class ForgedSource(unittest.TestCase):
    """The server host, here a mere client of others, and its neighbours."""

    @classmethod
    def setUpClass(cls):
        space = LAB.server
        cls.listener = space.socket(socket.AF_INET6, socket.SOCK_STREAM)
        cls.private = space.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        for sock, port in ((cls.listener, PRIVATE_TCP),
                           (cls.private, PRIVATE_UDP)):
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", port))
        cls.listener.listen(128)
        cls.private.setblocking(False)
        cls.injector = Injector(LAB.router, "tos", space.mac("eth0"))
        # what the host says, as its neighbour hears it
        with LAB.router.entered():
            cls.ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                    socket.htons(3))
        cls.ear.bind(("tos", 3))

    @classmethod
    def tearDownClass(cls):
        for sock in (cls.listener, cls.private, cls.ear):
            sock.close()
        cls.injector.close()

    def tearDown(self):
        LAB.clear()

    def answers(self, port, proto):
        """Packets that came back from a port, and ICMP errors."""
        found = 0
        while select.select([self.ear], [], [], 0.05)[0]:
            packet, sender = self.ear.recvfrom(65536)
            if sender[2] == socket.PACKET_OUTGOING:
                continue
            at, kind = (20, packet[9]) if packet[0] >> 4 == 4 else \
                (40, packet[6])
            if kind == proto and \
                    int.from_bytes(packet[at:at + 2], "big") == port:
                found += 1
            if (kind, packet[at]) in ((1, 3), (58, 1)):
                found += 1
        return found

    def each(self):
        for backend in lab.BACKENDS:
            for matching in MATCHING:
                LAB.clear()
                closed_host(LAB.server, backend, matching)
                LAB.server.apply(backend, POLICY % (matching, "client"))
                for version in lab.VERSIONS:
                    ends = [lab.address(host, version)
                            for host in ("client", "server")]
                    yield ends, self.subTest(
                        backend=backend, matching=matching, ip=version)

    def syn_flags(self, ends, source):
        for flags in FLAGS:
            self.injector.send(ip(*ends, 6, tcp(
                *ends, source, PRIVATE_TCP, flags,
                ack=7 if "A" in flags else 0)))
        return self.answers(PRIVATE_TCP, 6)

    def low_ports(self, ends):
        for port in list(range(20000, 20099)) + [PRIVATE_UDP]:
            self.injector.send(ip(*ends, 17, udp(*ends, 53, port)))
        delivered = 0
        while True:
            try:
                self.private.recv(2048)
                delivered += 1
            except BlockingIOError:
                return delivered + self.answers(PRIVATE_UDP, 17)

    def test_tcp_flags_to_a_private_port(self):
        for ends, where in self.each():
            with where:
                self.assertEqual(self.syn_flags(ends, 8080), 0)

    def test_udp_from_port_53_to_low_ports(self):
        for ends, where in self.each():
            with where:
                self.assertEqual(self.low_ports(ends), 0)

    def test_the_probes_bite(self):
        """An open host answers, or the others say nothing."""
        LAB.clear()
        for version in lab.VERSIONS:
            ends = [lab.address(host, version)
                    for host in ("client", "server")]
            self.assertGreater(self.syn_flags(ends, 8080), 0)
            self.assertGreater(self.low_ports(ends), 0)


class RepliesOfDatagrams(unittest.TestCase):
    """Which UDP sockets of a client's host hear what comes from the service's
    port: with the servers named those that are open, else ephemeral ones."""

    def tearDown(self):
        LAB.clear()

    def heard(self, version, address, port):
        ends = [lab.address(host, version) for host in ("client", "server")]
        injector = Injector(LAB.router, "tos", LAB.server.mac("eth0"))
        with LAB.server.socket(lab.FAMILY[version],
                               socket.SOCK_DGRAM) as sock:
            sock.bind((address, port))
            sock.settimeout(0.3)
            injector.send(ip(*ends, 17, udp(*ends, 53, port)))
            injector.close()
            try:
                return bool(sock.recv(2048))
            except TimeoutError:
                return False

    def each(self, servers):
        for backend in lab.BACKENDS:
            for matching in MATCHING:
                LAB.clear()
                closed_host(LAB.server, backend, matching)
                said = LAB.server.apply(backend, POLICY % (
                    matching, "client") + servers)
                for version in lab.VERSIONS:
                    yield said, version, self.subTest(
                        backend=backend, matching=matching, ip=version)

    def test_any_server(self):
        for said, version, where in self.each(""):
            with where:
                own = lab.address("server", version)
                self.assertIn("CT301", said)
                self.assertFalse(self.heard(version, own, 161))
                self.assertFalse(self.heard(version, "", 1194))
                self.assertTrue(self.heard(version, "", 40000))

    def test_servers_named(self):
        servers = "    servers: [%s, '%s']\n" % lab.ADDRESS["client"]
        for said, version, where in self.each(servers):
            with where:
                self.assertNotIn("CT301", said)
                self.assertTrue(self.heard(version, "", 1194))
                self.assertTrue(self.heard(version, "", 40000))

    def test_router_says_so(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                LAB.clear()
                self.assertIn("CT301", LAB.router.apply(
                    backend, POLICY % ("allowed", "router")))


if __name__ == "__main__":
    unittest.main()
