# SPDX-License-Identifier: GPL-2.0-or-later
"""Conflicts that packets show: what is refused would be lost, and what looks
like it is not."""
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_conflicts as rules                              # noqa: E402
from traffic import tcp_exchange                            # noqa: E402


def setUpModule():
    global LAB
    rules.setUpModule()
    LAB = rules.LAB


def transparent(space, version, port):
    """A listener that takes connections to whatever address and port."""
    sock = space.socket(lab.FAMILY[version], socket.SOCK_STREAM)
    if version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, 75, 1)     # IPV6_TRANSPARENT
    else:
        sock.setsockopt(socket.IPPROTO_IP, 19, 1)       # IP_TRANSPARENT
    sock.bind(("", port))
    sock.listen(5)
    sock.settimeout(2)
    return sock


def who_answers(proxy):
    """... at the service's port; the echo there says what it was told."""
    version = 4 if proxy.family == socket.AF_INET else 6
    with LAB.client.socket(proxy.family, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        sock.connect((lab.address("router-c", version), rules.PORT))
        with proxy.accept()[0] as peer:
            peer.sendall(b"proxy")
            return sock.recv(16).decode()


class Shown(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def test_shown_by_packets(self):
        """What is mapped onto this host, or led to it by one of two rules."""
        shown = {"a network is mapped onto this host's": (
                     rules.PORT, ("203.0.113.1", "2001:db8:9::1"), 1),
                 "led by a map": (
                     80, [lab.address("router-c", v) for v in lab.VERSIONS],
                     1),
                 "the first of two that may be led to it": (
                     80, [lab.address("router-c", v) for v in lab.VERSIONS],
                     12)}
        for dialect in rules.DIALECTS:
            for name, service, _, _, ipt, nft in rules.CONFLICTS:
                # nft maps no network but by a map
                if name not in shown or (dialect == "native" and
                                         "mapped" in name):
                    continue
                port, to, tries = shown[name]

                def works():
                    return ["ok" in [
                        tcp_exchange(LAB.client, v, to[v == 6], port,
                                     timeout=.5) for _ in range(tries)]
                        for v in lab.VERSIONS]

                with self.subTest(dialect=dialect, conflict=name):
                    rules.load(dialect, ipt, nft)
                    self.assertEqual(works(), [True, True])
                    LAB.router.apply(rules.backend_of(dialect),
                                     rules.policy_of(service), "--force")
                    self.assertEqual(works(), [False, False])
                    LAB.router.remove(rules.backend_of(dialect))
                    self.assertEqual(works(), [True, True])

    def test_handed_to_a_proxy(self):
        """TPROXY gives a packet to another socket, and translates nothing."""
        proxies = [transparent(LAB.router, v, 9090) for v in lab.VERSIONS]
        events = lab.NewEntries(LAB.router)
        self.addCleanup(events.close)
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                rules.load(dialect, [
                    "mangle PREROUTING -p tcp --dport 8080 -j TPROXY "
                    "--on-port 9090"], [
                    "early tcp dport 8080 tproxy to :9090 accept"])
                self.assertEqual([who_answers(p) for p in proxies],
                                 ["proxy"] * 2)
                said = LAB.router.apply(rules.backend_of(dialect),
                                        rules.policy_of(rules.SERVER))
                self.assertNotRegex(said, r"(error|warning): ")
                events.take()
                self.assertEqual([who_answers(p) for p in proxies],
                                 ["proxy"] * 2)
                self.assertEqual(events.take(), [])
                LAB.router.remove(rules.backend_of(dialect))


if __name__ == "__main__":
    unittest.main()
