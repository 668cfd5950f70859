# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace` in nft's own tables: more datagrams than the timed sets used to
have room for, from forged addresses, to a service of this host or through it: what the
host, or who is behind it, asks is answered all the same, and as long as answers come."""
import os
import re
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
import packets                                              # noqa: E402
from peers import pair                                      # noqa: E402
from test_replace import POLICY, count                      # noqa: E402

FLOOD = 70000
SERVICE, ASKED = 9053, 5353
FORGED = {4: "192.0.2.%d", 6: "2001:db8:1::%d"}
ND = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"
# Who is banned is behind what is established; an interface is named.
HOSTS = {
    "a service": ND + "ct state established,related accept\n"
                 "udp dport 9053 ct state new accept\n",
    "by interface, and a ban": ND + "ct state established accept\n"
                               "ip saddr 203.0.113.0/24 drop\n"
                               'iifname "s" udp dport { 9053, 9054 } accept\n',
    "a map": ND + "ct state vmap { established : accept, related : accept, invalid : drop }\n"
             "udp dport vmap { 9053 : accept, 9055 : drop }\n",
}
OUTPUTS = {"open": "policy accept;",
           "closed": "policy drop; ct state established accept; icmpv6 type { "
                     "nd-neighbor-solicit, nd-neighbor-advert } accept; "
                     "udp dport 5353 ct state new accept;"}
TABLE = """table inet host {
chain input { type filter hook input priority 0; policy drop;
%s}
chain output { type filter hook output priority 0; %s
}
}
"""


def setUpModule():
    lab.require_ctpolicy()
    if "native" not in dialects.here():
        raise unittest.SkipTest("no nftables here")


def noted(space):
    """How many are in all sets."""
    return len(re.findall(r"expires", space.run("nft list ruleset")))


def expires(space, port):
    """In how many seconds what was noted of a port of this host's is forgotten."""
    found = re.search(r"\. %d (?:timeout \S+ )?expires (?:(\d+)m)?(?:(\d+)s)?" % port,
                      space.run("nft list ruleset"))
    return int(found[1] or 0) * 60 + int(found[2] or 0)


class Echo:
    """Answers datagrams, and counts them."""

    def __init__(self, space, version, port):
        self.sock = space.socket(lab.FAMILY[version], socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, lab.SO_RCVBUFFORCE, 1 << 26)
        if version == 6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.sock.bind(("", port))
        self.answered = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, peer = self.sock.recvfrom(64)
            self.answered += 1
            try:
                self.sock.sendto(data, peer)
            except OSError:
                pass


def asks(space, version, times=5):
    """How often a name is found, as a resolver asks: each time from a new port, with a
    socket that is connected to nobody."""
    found = 0
    for _ in range(times):
        with space.socket(lab.FAMILY[version], socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            try:
                sock.sendto(b"name?", (lab.address("client", version), ASKED))
                found += sock.recv(64) == b"name?"
            except OSError:
                pass
    return found


class Flood(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client, cls.server = pair()
        cls.peers = {}
        cls.services = {v: Echo(cls.server, v, SERVICE) for v in lab.VERSIONS}
        for version in lab.VERSIONS:
            cls.peers[version] = Echo(cls.client, version, ASKED)
            # they are answered without asking who they are
            for last in (7, 8):
                cls.server.run("ip -%d neigh replace %s lladdr %s dev s" % (
                    version, FORGED[version] % last,
                    ":".join("%02x" % b for b in cls.client.mac("c"))))
            cls.server.run("ip -%d route replace %s dev s" % (
                version, FORGED[version] % 0 + ("/24" if version == 4 else "/64")))

    def keep_pace(self, version, before, sent):
        """Those that wait on the way would be lost."""
        end = time.monotonic() + 5
        while sent - (self.services[version].answered - before) > 400 and \
                time.monotonic() < end:
            time.sleep(0.001)

    def flood(self, version):
        before = self.services[version].answered
        wire = packets.Injector(self.client, "c", self.server.mac("s"))
        to = lab.address("server", version)
        try:
            for i in range(FLOOD):
                src = FORGED[version] % (7 + i % 2)
                wire.send(packets.ip(src, to, 17, packets.udp(
                    src, to, 1024 + i // 2, SERVICE, b"x")))
                if i % 200 == 0:
                    self.keep_pace(version, before, i)
            self.keep_pace(version, before, FLOOD + 400)
        finally:
            wire.close()

    def play(self, host, output, version):
        self.server.clear()
        self.server.nft(TABLE % (HOSTS[host], OUTPUTS[output]))
        self.server.apply("nftables", POLICY)
        self.server.flush_entries()
        self.assertEqual(asks(self.server, version), 5)
        before = self.services[version].answered
        self.flood(version)
        self.assertGreater(self.services[version].answered - before, FLOOD * 0.95)
        self.assertEqual(asks(self.server, version), 5)
        self.assertLess(noted(self.server), 100)
        self.assertEqual(count(self.server), 0)

    def test_answers(self):
        for i, host in enumerate(HOSTS):
            for output in OUTPUTS:
                version = lab.VERSIONS[i % 2]
                with self.subTest(host=host, output=output, version=version):
                    self.play(host, output, version)

    def test_lasts(self):
        """Who only listens is spoken to for as long as the other side speaks."""
        for version in lab.VERSIONS:
            self.server.clear()
            self.server.nft(TABLE % (HOSTS["a service"], OUTPUTS["closed"]))
            self.server.apply("nftables", POLICY)
            self.assertEqual(asks(self.server, version, 1), 1)
            with self.server.socket(lab.FAMILY[version], socket.SOCK_DGRAM) as sock:
                sock.settimeout(2)
                sock.bind(("", 40000))
                sock.sendto(b"begin", (lab.address("client", version), ASKED))
                self.assertEqual(sock.recv(64), b"begin")
                time.sleep(3)
                self.assertLess(expires(self.server, 40000), 178)
                echo = self.peers[version].sock
                echo.sendto(b"more", (lab.address("server", version), 40000))
                self.assertEqual(sock.recv(64), b"more")
                self.assertGreater(expires(self.server, 40000), 178)


if __name__ == "__main__":
    unittest.main()
