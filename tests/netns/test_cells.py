# SPDX-License-Identifier: GPL-2.0-or-later
"""No exchange of an excluded service makes an entry, and no other service
loses its own: every role, exchange, family and backend."""
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from hosts import count_states                              # noqa: E402
from packets import Injector, ip, sctp                      # noqa: E402
from traffic import Echo, tcp_exchange, udp_exchange        # noqa: E402

OPEN, CLOSED, OUTSIDE = 8080, 8089, 9000
POLICY = """version: 1
state_matching: allowed
untracked:
  - name: service
    role: %s
    protocol: [tcp, udp, sctp]
    ports: [8080, 8089]
    accept: none
"""


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    for port in (OPEN, OUTSIDE):
        Echo(LAB.server, port)


def exchanges(space, version, dst):
    """What a client does with real sockets: name, how it must end, and how
    to do it."""
    def run(kind, port, **options):
        return lambda: kind(space, version, dst, port, **options)

    yield "tcp", "ok", run(tcp_exchange, OPEN)
    yield "tcp to a closed port", "refused", run(tcp_exchange, CLOSED)
    yield "udp", "ok", run(udp_exchange, OPEN)
    yield "udp, unconnected", "ok", run(udp_exchange, OPEN, connected=False)
    yield "udp to a closed port", "refused", run(udp_exchange, CLOSED)
    yield "udp, 4000 bytes in fragments", "ok", run(udp_exchange, OPEN,
                                                    size=4000)
    yield "sctp init", None, lambda: send_sctp(space, version, dst)


def send_sctp(space, version, dst):
    with space.socket(lab.FAMILY[version], socket.SOCK_RAW, 132) as raw:
        raw.sendto(sctp(40000, OPEN), (dst, 0))


class Cells(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def check(self, host, role, client, dst):
        """dst: address of the server, by version."""
        events = lab.NewEntries(host)
        self.addCleanup(events.close)
        for backend in lab.BACKENDS:
            LAB.clear()
            count_states(host, backend)
            host.apply(backend, POLICY % role)
            for version in lab.VERSIONS:
                self.check_exchanges(backend, version, events, client,
                                     dst[version])

    def check_exchanges(self, backend, version, events, client, dst):
        with self.subTest(backend=backend, ip=version, what="outside"):
            events.take(0.01)
            for exchange in (tcp_exchange, udp_exchange):
                self.assertEqual(exchange(client, version, dst, OUTSIDE), "ok")
            self.assertEqual(len(events.take()), 2)
        for name, end, exchange in exchanges(client, version, dst):
            with self.subTest(backend=backend, ip=version, what=name):
                self.assertEqual(exchange(), end)
                self.assertEqual(events.take(0.02), [])

    def across(self, host, role):
        self.check(host, role, LAB.client, {
            version: lab.address("server", version)
            for version in lab.VERSIONS})

    def test_server(self):
        self.across(LAB.server, "server")

    def test_client(self):
        self.across(LAB.client, "client")

    def test_router(self):
        self.across(LAB.router, "router")

    def test_all_roles_in_one(self):
        self.across(LAB.server, "[router, client, server]")

    def test_loopback_server(self):
        self.check(LAB.server, "server", LAB.server, lab.LOOPBACK)

    def test_loopback_client(self):
        self.check(LAB.server, "client", LAB.server, lab.LOOPBACK)

    def test_own_address_server(self):
        self.check(LAB.server, "server", LAB.server, {
            version: lab.address("server", version)
            for version in lab.VERSIONS})

    def test_own_address_client(self):
        self.check(LAB.server, "client", LAB.server, {
            version: lab.address("server", version)
            for version in lab.VERSIONS})

    def test_meter(self):
        """Without a policy the meter counts what the others must not see."""
        events = lab.NewEntries(LAB.server)
        self.addCleanup(events.close)
        count_states(LAB.server, "nftables")
        injector = Injector(LAB.client, "eth0", LAB.router.mac("toc"))
        self.addCleanup(injector.close)
        for version in lab.VERSIONS:
            ends = [lab.address(host, version)
                    for host in ("client", "server")]
            for name, _, exchange in exchanges(LAB.client, version, ends[1]):
                with self.subTest(ip=version, what=name):
                    exchange()
                    self.assertEqual(len(events.take()), 1)
            injector.send(ip(*ends, 132, sctp(40001, OPEN)))
            self.assertEqual(len(events.take()), 1)


if __name__ == "__main__":
    unittest.main()
