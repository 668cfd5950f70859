# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits count the packets that they counted before, or the policy is refused:
of protocols other than TCP no packet shows that it is the first."""
import os
import re
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, connect, pair                     # noqa: E402
from probes import serve_udp                                # noqa: E402

REFUSED = 14
EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
INV = "-A INPUT -m conntrack --ctstate INVALID -j DROP"
NEW = "-m conntrack --ctstate NEW "
LIMIT = "-m limit --limit 1/hour --limit-burst 3 "
UDP = "-A INPUT -p udp -m udp --dport 8080 "
SYN = "-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN "
GRE = "-A INPUT -p gre "
FLOOD = ["-A flood %s-j RETURN" % LIMIT, "-A flood -j DROP"]
# A datagram that is over the limit counts as one that is banned.
OVER = ["-A INPUT -p udp -m udp --dport 8080 -j flood"] + FLOOD
SENT = 8

# rules -> how many of a flow's datagrams are answered, and why it is refused
FLOWS = {
    "behind what is established": ([EST, INV, UDP + LIMIT + "-j ACCEPT"],
                                   SENT, "CT593"),
    "over a limit": ([EST, INV] + OVER + [UDP + "-j ACCEPT"], SENT, "CT593"),
    "of new connections": ([EST, INV, UDP + NEW + LIMIT + "-j ACCEPT"], SENT,
                           "CT590"),
    "in a chain for new connections": (
        [EST, INV, UDP + NEW + "-j fresh", "-A fresh %s-j ACCEPT" % LIMIT],
        SENT, "CT590"),
    "over a limit of new connections": (
        [EST, INV, UDP + NEW + "-j flood"] + FLOOD +
        [UDP + NEW + "-j ACCEPT"], SENT, "CT591"),
    "ahead of what is established": (OVER + [EST, INV, UDP + NEW +
                                             "-j ACCEPT"], 3, None),
    "of a log": ([EST, INV, UDP + LIMIT + "-j LOG", UDP + NEW + "-j ACCEPT"],
                 SENT, None),
    "of another port": ([EST, INV, UDP.replace("8080", "53") + LIMIT +
                         "-j ACCEPT", UDP + NEW + "-j ACCEPT"], SENT, None),
}


def text_of(rules, version):
    chains = sorted({r.split()[1] for r in rules} - {"INPUT"})
    lines = ["*filter", ":INPUT DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    lines += [":%s - [0:0]" % c for c in chains]
    lines += ["-A INPUT -p %s -j ACCEPT" % ("icmp" if version == 4 else
                                            "ipv6-icmp")]
    client = lab.address("client", version)
    return "\n".join(lines + [r.format(c=client) for r in rules] +
                     ["COMMIT"]) + "\n"


def policy(proto, ports=", ports: [8080]", more=""):
    return "version: 1\nstate_matching: allowed\nuntracked:\n" \
        "  - {name: svc, role: server, protocol: %s%s%s}\n" % (
            proto, ports, more)


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        serve_udp(SERVER, version, 8080)
        Server(SERVER, version, 8080)
        CLIENT.run("ip addr add %s dev c%s" % (
            ("192.0.2.9/24", "") if version == 4 else
            ("2001:db8:1::9/64", " nodad")))
        SERVER.run("ip route replace %s dev s" % (
            "192.0.2.0/24" if version == 4 else "2001:db8:1::/64"))


def answered(version):
    """Of so many datagrams of one flow."""
    got = 0
    with CLIENT.socket(lab.FAMILY[version], socket.SOCK_DGRAM) as sock:
        sock.connect((lab.address("server", version), 8080))
        sock.settimeout(.25)
        for _ in range(SENT):
            try:
                sock.send(b"hello")
                got += sock.recv(100) == b"8080"
            except OSError:
                pass
    return got


def connects(version):
    try:
        connect(CLIENT, version, 8080, .4).close()
        return True
    except OSError:
        return False


class Limits(unittest.TestCase):
    def tearDown(self):
        SERVER.clear()

    def command(self, name, dialect, text, *options):
        return SERVER.ctpolicy(name, text, "--backend",
                               dialects.backend_of(dialect), *options)

    def fill(self, dialect, rules):
        dialects.load(SERVER, dialect, lambda v: text_of(rules, v))
        SERVER.flush_entries()

    def test_flows(self):
        for dialect in dialects.here():
            for name, (rules, count, why) in FLOWS.items():
                with self.subTest(dialect, limit=name):
                    self.check_flow(dialect, rules, count, why)

    def check_flow(self, dialect, rules, count, why):
        self.fill(dialect, rules)
        for version in lab.VERSIONS:
            self.assertEqual(answered(version), count, "before")
        self.fill(dialect, rules)
        for what in "diff", "apply":
            code, said = self.command(what, dialect, policy("udp"))
            self.assertEqual(code, REFUSED if why else
                             1 if what == "diff" else 0, said)
            self.assertEqual({i for i in re.findall(r"error: .*\[(CT\d+)\]",
                                                    said)},
                             {why} - {None}, said)
            # a limit is named, not what merely stands behind it
            if why == "CT593":
                self.assertIn("limit", said)
            if why == "CT590":
                self.assertRegex(said, r"pass today by rule \d+ of .*limit.*, "
                                 "which limits them, and would be dropped by")
                self.assertIn("asks for no state and has no limit", said)
        for version in lab.VERSIONS:
            self.assertEqual(answered(version), count, "after")

    def test_what_is_refused_would_happen(self):
        """Each datagram counts, once the policy says that it may."""
        for dialect in dialects.here():
            for name, (rules, _, why) in FLOWS.items():
                if why != "CT593":
                    continue
                with self.subTest(dialect, limit=name):
                    self.fill(dialect, rules)
                    code, said = self.command("apply", dialect, policy(
                        "udp", more=", override: [limits]"))
                    self.assertEqual(code, 0, said)
                    self.assertIn("warning: each packet of service svc", said)
                    for version in lab.VERSIONS:
                        self.assertEqual(answered(version), 3)

    def test_open_keeps_limits(self):
        """What a chain against floods drops is not dropped by default."""
        rules = [SYN + "-j flood", EST, INV] + FLOOD
        for dialect in dialects.here():
            for more in [SYN + NEW + "-j ACCEPT"], []:
                with self.subTest(dialect, more=more):
                    self.fill(dialect, rules + more)
                    if more:
                        for version in lab.VERSIONS:
                            self.assertEqual([connects(version)
                                              for _ in range(4)],
                                             [True] * 3 + [False])
                        self.fill(dialect, rules + more)
                    code, said = self.command("apply", dialect, policy(
                        "tcp", more=", accept: open"))
                    self.assertEqual(code, 0, said)
                    for version in lab.VERSIONS:
                        self.assertEqual([connects(version)
                                          for _ in range(4)],
                                         [True] * 3 + [False], said)

    def arrives(self, version, source):
        """A packet without ports, and no echo of the kernel's."""
        target = lab.address("server", version)
        with SERVER.socket(lab.FAMILY[version], socket.SOCK_RAW, 47) as to, \
             CLIENT.socket(lab.FAMILY[version], socket.SOCK_RAW, 47) as sock:
            to.settimeout(.3)
            sock.bind((source, 0))
            sock.sendto(b"\0\0\x08\0" + b"x" * 20, (target, 0))
            try:
                return len(to.recv(100)) > 0
            except TimeoutError:
                return False

    def test_without_ports(self):
        """Whose first packets are accepted alone is served alone."""
        for dialect in dialects.here():
            with self.subTest(dialect):
                self.fill(dialect, [EST, INV, GRE + "-s {c} " + NEW +
                                    "-j ACCEPT"])
                for applied in False, True:
                    if applied:
                        code, said = self.command("apply", dialect,
                                                  policy("gre", ""))
                        self.assertEqual(code, 0, said)
                    for version in lab.VERSIONS:
                        own = lab.address("client", version)
                        other = {4: "192.0.2.9", 6: "2001:db8:1::9"}[version]
                        events = lab.NewEntries(SERVER)
                        self.assertTrue(self.arrives(version, own))
                        self.assertFalse(self.arrives(version, other))
                        self.assertEqual([e for e in events.take() if
                                          "proto 47" in e] == [], applied)
                        events.close()


if __name__ == "__main__":
    unittest.main()
