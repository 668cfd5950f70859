# SPDX-License-Identifier: GPL-2.0-or-later
"""State rules that ask for a protocol by `ip6 nexthdr`, whose listing in a table of IPv6
alone says less than the rule: with packets they do what they did, rewritten as text,
replaced in the kernel, and after such a listing was loaded and mended."""
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, answers, pair                     # noqa: E402
from test_replace import POLICY, count, ctpolicy            # noqa: E402

EVERY = int(os.environ.get("CTPOLICY_EVERY", "1"))
TCP, UDP = 8080, 9053
# the kernel sums up what raw sockets send
ECHO_REQUEST, ECHO_REPLY = b"\x80\0\0\0\0\1\0\1", 129
TABLE = """table %s host {
chain input { type filter hook input priority 0; policy drop;
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
ct state established,related accept
%s
}
}
"""
# What each lets begin: a connection, a datagram, a ping.
RULES = {
    "ip6 nexthdr tcp ct state new accept": (True, False, False),
    "ip6 nexthdr udp ct state new accept": (False, True, False),
    "ip6 nexthdr ipv6-icmp ct state new accept": (False, False, True),
    "ip6 nexthdr != udp ct state new accept": (True, False, True),
    "ip6 nexthdr != ipv6-icmp ct state new accept": (True, True, False),
    "ip6 nexthdr { tcp, udp } ct state new accept": (True, True, False),
    "ip6 nexthdr { udp, ipv6-icmp } ct state new accept": (False, True, True),
    "ip6 nexthdr tcp ct state != established,related accept": (True, False, False),
    "ct state new ip6 nexthdr vmap { tcp : accept, ipv6-icmp : drop }":
        (True, False, False),
    "ip6 nexthdr udp drop\nct state new accept": (True, False, True),
}


def setUpModule():
    lab.require_ctpolicy()
    if "native" not in dialects.here():
        raise unittest.SkipTest("no nftables here")


class NextHeader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client, cls.server = pair()
        Server(cls.server, 6, TCP)
        cls.answering = cls.server.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        cls.answering.bind(("::", UDP))

    def datagram(self, patience):
        self.answering.settimeout(patience)
        with self.client.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.settimeout(patience)
            sock.sendto(b"?", (lab.address("server", 6), UDP))
            try:
                _, to = self.answering.recvfrom(10)
                self.answering.sendto(b"!", to)
                return sock.recv(10) == b"!"
            except OSError:
                return False

    def ping(self, patience):
        with self.client.socket(socket.AF_INET6, socket.SOCK_RAW,
                                socket.IPPROTO_ICMPV6) as sock:
            sock.settimeout(patience)
            sock.sendto(ECHO_REQUEST, (lab.address("server", 6), 0))
            try:
                while sock.recv(100)[0] != ECHO_REPLY:
                    pass
                return True
            except OSError:
                return False

    def found(self, expected):
        """What is let through may take its time on a busy machine."""
        tcp, udp, ping = (5 if passes else .3 for passes in expected)
        return (answers(self.client, 6, TCP, tcp), self.datagram(udp),
                self.ping(ping))

    def begins(self):
        """From here, and answered: what ESTABLISHED stood for."""
        with self.server.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.settimeout(5)
            with self.client.socket(socket.AF_INET6, socket.SOCK_STREAM) as there:
                there.bind(("::", 0))
                there.listen(1)
                sock.connect((lab.address("client", 6), there.getsockname()[1]))

    def check(self, expected):
        self.assertEqual(self.found(expected), expected)
        self.begins()

    def stateless(self, expected, listing):
        self.assertNotIn("ct state", listing)
        self.server.flush_entries()
        self.check(expected)
        self.assertEqual(count(self.server), 0)

    def each(self, what):
        for first, family in enumerate(("ip6", "inet")):
            for rule, expected in list(RULES.items())[first % EVERY::EVERY]:
                with self.subTest(family=family, rule=rule):
                    self.server.clear()
                    text = TABLE % (family, rule)
                    self.server.nft(text)
                    what(text, expected)

    def rewrite(self, text, expected):
        self.check(expected)
        rewritten, _ = dialects.rewritten(self.server, text)
        self.server.clear()
        self.server.nft(rewritten)
        self.stateless(expected, rewritten)

    def replace(self, _text, expected):
        self.assertRegex(self.server.apply("nftables", POLICY), "made and verified")
        listing = self.server.run("nft list ruleset")
        self.stateless(expected, listing)
        # as who saves it and boots has it: apply mends it
        self.server.clear()
        self.server.nft(listing)
        code, said = self.server.ctpolicy("apply", POLICY, "--backend", "nftables")
        self.assertEqual(code, 0, said)
        self.stateless(expected, self.server.run("nft list ruleset"))
        code, said = ctpolicy(self.server, "remove")
        self.assertEqual(code, 0, said)
        self.assertIn("ct state", self.server.run("nft list ruleset"))

    def test_text(self):
        self.each(self.rewrite)

    def test_live(self):
        self.each(self.replace)


if __name__ == "__main__":
    unittest.main()
