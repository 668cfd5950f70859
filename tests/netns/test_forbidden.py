# SPDX-License-Identifier: GPL-2.0-or-later
"""`state_matching: forbidden` by itself: a host whose rules need no tracking is left
as it is, any other is refused with the rules that do, in every dialect."""
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402

POLICY = "version: 1\nstate_matching: forbidden\n"
PLAIN = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
STATE = "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
REFUSED = 14


def setUpModule():
    global HOST
    lab.require_ctpolicy()
    HOST = lab.Namespace()


def load(dialect, *rules, version=None):
    """For one version of IP, or both."""
    def text(v):
        chosen = rules if version in (None, v) else ()
        return "*filter\n:INPUT ACCEPT [0:0]\n%sCOMMIT\n" % "".join(
            rule + "\n" for rule in chosen)
    dialects.load(HOST, dialect, text)


# Declared in a table; the word of `keep` for it.
OBJECTS = {
    'ct helper ftp { type "ftp" protocol tcp; };': "helpers",
    "ct timeout slow { protocol udp; policy = { replied: 100 }; };": "helpers",
}


def sends(version):
    """Is a packet over loopback tracked?"""
    entries = lab.NewEntries(HOST)
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with HOST.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1" if version == 4 else "::1", 9))
    made = entries.take()
    entries.close()
    return made != []


class Forbidden(unittest.TestCase):
    def test_nothing_needs_tracking(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                load(dialect, PLAIN)
                before = HOST.run("nft list ruleset")
                backend = dialects.backend_of(dialect)
                self.assertIn("nothing to do", HOST.apply(backend, POLICY))
                code, _ = HOST.ctpolicy("diff", POLICY, "--backend", backend)
                self.assertEqual(code, 0)
                self.assertEqual(HOST.run("nft list ruleset"), before)

    def test_rules_that_need_it_are_named(self):
        for dialect in dialects.here():
            for version in lab.VERSIONS:
                with self.subTest(dialect=dialect, version=version):
                    load(dialect, PLAIN, STATE, version=version)
                    before = HOST.run("nft list ruleset")
                    for verb in ("diff", "apply"):
                        code, said = HOST.ctpolicy(
                            verb, POLICY, "--backend",
                            dialects.backend_of(dialect))
                        self.assertEqual(code, REFUSED, said)
                        self.assertEqual(said.count("[CT532]"), 1, said)
                        self.assertIn("established", said.lower())
                    self.assertEqual(HOST.run("nft list ruleset"), before)

    def test_whichever_world_they_are_in(self):
        load("legacy", STATE)
        code, said = HOST.ctpolicy("apply", POLICY, "--backend", "nftables")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("legacy iptables, chain INPUT", said)

    def test_of_the_policys_families(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                load(dialect, STATE, version=6)
                self.assertIn("nothing to do", HOST.apply(
                    dialects.backend_of(dialect),
                    POLICY + "families: [ipv4]\n"))

    @unittest.skipUnless("native" in dialects.here(), "no nftables here")
    def test_dormant_tables(self):
        """Their rules keep tracking on, though no packet meets them."""
        HOST.nft("flush ruleset; table inet idle { flags dormant; chain in { "
                 "type filter hook input priority 0; ct state new; }; }")
        entries = lab.NewEntries(HOST)
        self.addCleanup(entries.close)
        HOST.run("ip link set lo up")
        with HOST.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", ("127.0.0.1", 9))
        self.assertNotEqual(entries.take(), [])
        before = HOST.run("nft list ruleset")
        for more in ("", "existing_rules: replace\n"):
            code, said = HOST.ctpolicy("apply", POLICY + more, "--backend",
                                       "nftables")
            self.assertEqual(code, REFUSED, said)
            self.assertIn("chain in of table inet idle", said)
        self.assertIn("dormant", said)
        self.assertEqual(HOST.run("nft list ruleset"), before)
        HOST.nft("flush ruleset")

    @unittest.skipUnless("native" in dialects.here(), "no nftables here")
    def test_declared_objects(self):
        """They turn tracking on, though no rule uses them: of a dormant table, too."""
        HOST.run("ip link set lo up")
        for flags in "", "flags dormant;":
            for what, word in OBJECTS.items():
                with self.subTest(what=what, flags=flags):
                    HOST.nft("flush ruleset; table inet more { %s %s }" % (flags, what))
                    self.assertEqual([sends(version) for version in (4, 6)], [True, True])
                    for how in "report", "replace":
                        policy = POLICY + "existing_rules: %s\n" % how
                        code, said = HOST.ctpolicy("apply", policy, "--backend", "nftables")
                        self.assertEqual(code, REFUSED, said)
                        self.assertIn("a declared helper, timeout, expectation or synproxy "
                                      "needs tracking", said)
                        said = HOST.apply("nftables", policy + "keep: [%s]\n" % word)
                        self.assertIn("stays as it is", said)
        HOST.nft("flush ruleset")
        self.assertEqual([sends(version) for version in (4, 6)], [False, False])

    def test_many_rules(self):
        load("legacy", *[STATE] * 30, version=4)
        _, said = HOST.ctpolicy("apply", POLICY, "--backend", "iptables")
        self.assertIn("20 more rules need connection tracking", said)


if __name__ == "__main__":
    unittest.main()
