# SPDX-License-Identifier: GPL-2.0-or-later
"""A router that masqueraded before still does for everything that the policy
does not take out of tracking."""
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from traffic import Echo, tcp_exchange, udp_exchange        # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - name: service
    role: %s
    protocol: [tcp, udp]
    ports: [%d]
    accept: none
"""
PORT, OTHER = 8080, 8081
NFT = """table inet nat {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "tos" masquerade
	}
}
"""
LEGACY = "*nat\n-A POSTROUTING -o tos -j MASQUERADE\nCOMMIT\n"


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, PORT)
    Echo(LAB.router, PORT)


def seen_source(version, kind):
    """The address that the server sees the client under, at PORT."""
    with LAB.server.socket(lab.FAMILY[version], kind) as sock, \
            LAB.client.socket(lab.FAMILY[version], kind) as client:
        sock.settimeout(1)
        client.settimeout(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((lab.address("server", version), OTHER))
        dst = (lab.address("server", version), OTHER)
        if kind == socket.SOCK_STREAM:
            sock.listen(1)
            client.connect(dst)
            peer, source = sock.accept()
            with peer:
                peer.sendall(b"heard")
                assert client.recv(16) == b"heard"
            return source[0]
        client.sendto(b"hello", dst)
        source = sock.recvfrom(16)[1]
        sock.sendto(b"heard", source)
        assert client.recv(16) == b"heard"
        return source[0]


class Masquerade(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def each(self, role, port):
        for backend in lab.BACKENDS:
            LAB.clear()
            if backend == "nftables":
                LAB.router.nft(NFT)
            else:
                for version in lab.VERSIONS:
                    LAB.router.legacy(version, LEGACY)
            LAB.router.apply(backend, POLICY % (role, port))
            for version in lab.VERSIONS:
                yield version, self.subTest(backend=backend, ip=version)

    def check_masqueraded(self, version):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            self.assertEqual(seen_source(version, kind),
                             lab.address("router-s", version))

    def test_nothing_but_the_nat(self):
        for version in lab.VERSIONS:
            LAB.router.clear()
            LAB.router.nft(NFT)
            self.check_masqueraded(version)

    def test_server_on_the_same_port(self):
        for version, where in self.each("server", OTHER):
            with where:
                self.check_masqueraded(version)

    def test_client_on_the_same_port(self):
        for version, where in self.each("client", OTHER):
            with where:
                self.check_masqueraded(version)

    def test_both_on_the_same_port(self):
        for version, where in self.each("[server, client]", OTHER):
            with where:
                self.check_masqueraded(version)

    def test_router_on_another_port(self):
        for version, where in self.each("router", PORT):
            with where:
                self.check_masqueraded(version)

    def test_own_service_is_untracked(self):
        """The router's own service and its own requests leave the table."""
        events = lab.NewEntries(LAB.router)
        self.addCleanup(events.close)
        for version, where in self.each("[server, client]", PORT):
            with where:
                events.take(0.01)
                for exchange in (tcp_exchange, udp_exchange):
                    for space, dst in ((LAB.client, "router-c"),
                                       (LAB.router, "server")):
                        self.assertEqual(exchange(
                            space, version, lab.address(dst, version), PORT),
                            "ok")
                self.assertEqual(events.take(), [])


if __name__ == "__main__":
    unittest.main()
