# SPDX-License-Identifier: GPL-2.0-or-later
"""A policy of one family replaces rules of that family alone: in a table of both, which is
replaced for both or for neither, nothing, and that is said."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, answers, pair                     # noqa: E402
from test_replace import REFUSED                            # noqa: E402

PORT = 8080
POLICY = "version: 1\nstate_matching: forbidden\nexisting_rules: replace\nfamilies: [ipv%d]\n"
HOST = """table %s %s {
chain input { type filter hook input priority 0; policy drop;
meta l4proto ipv6-icmp accept
ct state established,related accept
ct state invalid drop
tcp dport 8080 ct state new accept
}
}
"""
TRANSLATES = """table %s nat {
chain post { type nat hook postrouting priority srcnat; oifname "eth9" masquerade; }
}
"""
FAMILIES = {4: "ip", 6: "ip6"}


def setUpModule():
    lab.require_ctpolicy()


@unittest.skipUnless("native" in dialects.here(), "no nftables here")
class Families(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client, cls.server = pair()
        for version in lab.VERSIONS:
            Server(cls.server, version, PORT)

    def tearDown(self):
        self.server.run([lab.CTPOLICY, "remove"])
        self.server.clear()

    def load(self, *rules):
        self.server.clear()
        self.server.nft("".join(rules))

    def listing(self):
        return self.server.run("nft -s list ruleset")

    def entries(self):
        """How many of each family; both let in what they did."""
        made = []
        for version in lab.VERSIONS:
            events = lab.NewEntries(self.server)
            self.assertTrue(answers(self.client, version, PORT, 5), version)
            made.append(len([e for e in events.take() if str(PORT) in e]))
            events.close()
        return made

    def apply(self, version, code, *more):
        got, said = self.server.ctpolicy("apply", POLICY % version, "--backend", "nftables",
                                         *more)
        self.assertEqual(got, code, said)
        return said

    def test_table_of_both(self):
        for version in lab.VERSIONS:
            other = FAMILIES[10 - version]
            for more in "", TRANSLATES % other, HOST % (FAMILIES[version], "extra"):
                with self.subTest(version=version, more=more):
                    self.load(HOST % ("inet", "host"), more)
                    before = self.listing()
                    said = self.apply(version, REFUSED)
                    self.assertIn("table inet host: this rule stays for the family that the "
                                  "policy leaves alone: ct state established,related accept",
                                  said)
                    self.assertEqual(self.listing(), before)
                    self.assertEqual(self.entries(), [1, 1])

    def test_by_force(self):
        """What is of the family alone goes, and what stays is said."""
        for version in lab.VERSIONS:
            with self.subTest(version=version):
                self.load(HOST % ("inet", "host"), HOST % (FAMILIES[version], "extra"))
                before = self.listing()
                whole = self.server.run("nft -s list table inet host")
                said = self.apply(version, 0, "--force")
                self.assertIn("warning: nftables, chain input of table inet host: this rule "
                              "stays for the family that the policy leaves alone", said)
                self.assertEqual(self.server.run("nft -s list table inet host"), whole)
                self.assertNotIn("ct state", self.server.run(
                    "nft list table %s extra" % FAMILIES[version]))
                self.assertEqual(self.entries(), [1, 1])
                self.server.run([lab.CTPOLICY, "remove"])
                self.assertEqual(self.listing(), before)

    def test_tables_of_each(self):
        for version in lab.VERSIONS:
            with self.subTest(version=version):
                self.load(HOST % ("ip", "host"), HOST % ("ip6", "host"),
                          TRANSLATES % FAMILIES[10 - version])
                before = self.listing()
                self.apply(version, 0)
                self.assertEqual(self.entries(), [int(v != version) for v in lab.VERSIONS])
                self.server.run([lab.CTPOLICY, "remove"])
                self.assertEqual(self.listing(), before)


if __name__ == "__main__":
    unittest.main()
