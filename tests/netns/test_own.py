# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host sends to itself and gives another destination stays tracked, and
the service leaves tracking for all others, in each dialect and both families."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
import test_conflicts as rules                              # noqa: E402
from probes import Probe, serve_tcp, serve_udp, try_all     # noqa: E402

REFUSED = 14
PORT, PROXY = 8080, 9090
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: svc, role: %s, protocol: [tcp, udp], ports: [8080]%s}
"""
# A proxy of this host's takes what goes to the port; others are filtered.
IPT = ["nat OUTPUT -o lo -p tcp --dport 8080 -j REDIRECT --to-ports 9090",
       "filter :INPUT DROP",
       "filter INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
       "filter INPUT -i lo -m conntrack --ctstate NEW -j ACCEPT",
       "filter INPUT -p ipv6-icmp -j ACCEPT",
       "filter INPUT -p tcp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT",
       "filter INPUT -p udp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT"]
NFT = ["out oifname \"lo\" tcp dport 8080 redirect to :9090",
       "drop ct state established,related accept",
       "drop iifname \"lo\" ct state new accept",
       "drop meta l4proto ipv6-icmp accept",
       "drop tcp dport 8080 ct state new accept",
       "drop udp dport 8080 ct state new accept"]


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    for version in lab.VERSIONS:
        for port in (PORT, PROXY):
            serve_tcp(LAB.router, version, port)
        serve_udp(LAB.router, version, PORT)


def load(dialect, versions=lab.VERSIONS):
    """Addresses are translated in these families, and filtered in both."""
    LAB.router.clear()
    for version in lab.VERSIONS:
        skip = version not in versions
        ipt, nft = IPT[skip:], NFT[skip:]
        if dialect == "native":
            LAB.router.nft(re.sub(" ct helper .*\n", "",
                                  rules.native(nft, version)))
        elif dialect == "legacy":
            LAB.router.legacy(version, rules.saved(ipt, version))
        else:
            LAB.router.run(["ip%stables-nft-restore" % (
                "" if version == 4 else "6")], rules.saved(ipt, version))


def probes(version):
    """From the network, and from this host to loopback and to its address."""
    here = lab.address("router-c", version)
    return [Probe(space, proto, version, to, PORT)
            for space, to in ((LAB.client, here), (LAB.router, here),
                              (LAB.router, lab.LOOPBACK[version]))
            for proto in ("tcp", "udp")]


def all_probes():
    return [p for version in lab.VERSIONS for p in probes(version)]


def expected(p, versions=lab.VERSIONS):
    led = p.space is LAB.router and p.proto == "tcp" and p.version in versions
    return "served by %d" % (PROXY if led else PORT)


class Own(unittest.TestCase):
    def setUp(self):
        self.events = lab.NewEntries(LAB.router)
        self.addCleanup(self.events.close)

    def tearDown(self):
        LAB.clear()

    def apply(self, dialect, policy, *more):
        return LAB.router.ctpolicy("apply", policy, "--backend",
                                   rules.backend_of(dialect), *more)

    def check_served(self, versions=lab.VERSIONS):
        got = try_all(all_probes(), 1)
        self.assertEqual(got, {p: expected(p, versions) for p in got})

    def entries(self, version):
        """... of whom."""
        self.events.take()
        try_all(probes(version), 1)
        client = lab.address("client", version)
        sources = {re.match(r"proto \d+ (\S+)\.\d+ > ", e)[1]
                   for e in self.events.take()}
        return client in sources, bool(sources - {client})

    def test_others_leave_tracking(self):
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                load(dialect)
                self.check_served()
                policy = POLICY % ("server", "")
                code, said = self.apply(dialect, policy)
                self.assertEqual(code, 0, said)
                self.assertRegex(said, r"warning: of service svc, what this "
                                 r"host sends to itself stays tracked.*9090.*"
                                 r"\[CT598\]")
                self.assertNotIn("error", said)
                self.check_served()
                for version in lab.VERSIONS:
                    self.assertEqual(self.entries(version), (False, True))
                self.assertIn("nothing to do", self.apply(dialect, policy)[1])
                LAB.router.remove(rules.backend_of(dialect))
                self.check_served()

    def test_in_one_family(self):
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                load(dialect, [4])
                code, said = self.apply(dialect, POLICY % ("server", ""))
                self.assertEqual(code, 0, said)
                self.assertIn("[CT598]", said)
                self.check_served([4])
                self.assertEqual(self.entries(4), (False, True))
                self.assertEqual(self.entries(6), (False, False))

    def test_both_roles(self):
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                load(dialect)
                code, said = self.apply(dialect, POLICY % (
                    "[server, client]", ", servers: [0.0.0.0/0, '::/0']"))
                self.assertEqual(code, 0, said)
                self.assertIn("[CT598]", said)
                self.check_served()
                for version in lab.VERSIONS:
                    self.assertEqual(self.entries(version), (False, True))

    def test_with_interfaces(self):
        """They say nothing of loopback, which is always meant."""
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                load(dialect)
                code, said = self.apply(dialect, POLICY % (
                    "server", ", interfaces: [toc]"))
                self.assertEqual(code, 0, said)
                self.assertIn("[CT598]", said)
                self.check_served()

    def test_what_is_open_goes_on(self):
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                load(dialect)
                opened = [p.begin() for p in all_probes()
                          if p.proto == "tcp" and p.space is LAB.router]
                for sock in opened:
                    sock.settimeout(2)
                self.assertEqual(self.apply(
                    dialect, POLICY % ("server", ""))[0], 0)
                for sock in opened:
                    with sock:
                        sock.send(b"hello")
                        self.assertEqual(sock.recv(16), b"%d" % PROXY)

    def test_overridden(self):
        """The rule has no effect on what is untracked, as was said."""
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                load(dialect)
                code, said = self.apply(dialect, POLICY % (
                    "server", ", override: [nat]"))
                self.assertEqual(code, 0, said)
                self.assertIn("[CT592]", said)
                self.assertNotIn("[CT598]", said)
                self.check_served([])

    def test_whichever_addresses(self):
        """Loopback's own are left alone, as by docker, and these are all that
        stand behind them in order."""
        host = lab.Namespace()
        host.run("ip link set lo up")
        host.run("ip link add x type veth peer name y")
        host.run("ip link set x up")
        at = {4: "10.9.0.5", 6: "2001:470::5"}
        for version, bits in ((4, 24), (6, 64)):
            host.run("ip addr add %s/%d dev x %s" % (
                at[version], bits, "nodad" if version == 6 else ""))
            for port in (PORT, PROXY):
                serve_tcp(host, version, port)
        tries = [Probe(host, "tcp", version, at[version], PORT)
                 for version in lab.VERSIONS]
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                dialects.load(host, dialect, lambda version:
                              "*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT ! -d %s -p tcp -m tcp --dport "
                              "8080 -j REDIRECT --to-ports 9090\nCOMMIT\n" %
                              lab.LOOPBACK[version])
                self.assertEqual(set(try_all(tries, 1).values()),
                                 {"served by %d" % PROXY})
                code, said = host.ctpolicy(
                    "apply", POLICY % ("server", ""), "--backend",
                    rules.backend_of(dialect))
                self.assertEqual(code, 0, said)
                self.assertIn("[CT598]", said)
                self.assertEqual(set(try_all(tries, 1).values()),
                                 {"served by %d" % PROXY})
                host.remove(rules.backend_of(dialect))

    def test_nobody_else(self):
        """A service of this host with itself alone would be no more."""
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                load(dialect)
                code, said = self.apply(dialect, POLICY % (
                    "server", ", clients: [127.0.0.0/8, '::1']"))
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT592]", said)
                self.check_served()


if __name__ == "__main__":
    unittest.main()
