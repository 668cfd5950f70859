# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace`: what is in the way is said as it is, nothing is changed, and the
cure that is named cures."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from test_replace import POLICY, REFUSED, Dialect           # noqa: E402

TABLE = """table ip host {
set seen { type ipv4_addr; flags dynamic; size 10; }
chain more {
%s
}
chain input { type filter hook input priority 0; policy drop;
ct state established,related accept
ct state new tcp dport 8080 %s
}
}
"""
SETTERS = {
    "meta mark set 1 accept": "it sets the mark of packets",
    "meta mark set meta mark or 4": "it sets the mark of packets",
    "meta priority set 1:2": "it sets the priority of packets",
    "meta nftrace set 1": "it has packets traced",
    "ip dscp set cs1 accept": "it changes what packets say",
    "add @seen { ip saddr }": "it fills a set",
}
# By a map with a name FORWARD comes to a chain that INPUT has, too, or does not.
MAPPED = """table inet host {
map where { type inet_service : verdict; elements = { 1-1000 : jump both, 2000 : drop } flags interval; }
chain both { ct state established,related accept; tcp dport 80 ct state new accept; }
chain input { type filter hook input priority 0; policy drop; %s; }
chain forward { type filter hook forward priority 0; policy drop; %s; }
}
"""
BY_MAP, BY_NAME = "tcp dport vmap @where", "jump both"


def setUpModule():
    lab.require_ctpolicy()


class Native(unittest.TestCase):
    def setUp(self):
        if "native" not in dialects.here():
            self.skipTest("no nftables here")
        self.host = lab.Namespace()

    def load(self, text):
        self.host.clear()
        self.host.nft(text)
        return self.host.run("nft list ruleset")

    def refused(self, text):
        before = self.load(text)
        code, said = self.host.ctpolicy("apply", POLICY, "--backend", "nftables")
        self.assertEqual(code, REFUSED, said)
        self.assertEqual(self.host.run("nft list ruleset"), before)
        return said

    def applied(self, text):
        self.load(text)
        said = self.host.apply("nftables", POLICY)
        self.assertRegex(said, "made and verified")
        self.assertNotIn("ct state", self.host.run("nft list ruleset"))

    def test_what_is_set(self):
        for does, why in SETTERS.items():
            with self.subTest(does=does):
                said = self.refused(TABLE % ("accept", does))
                self.assertIn(": %s" % why, said)
                self.assertIn("jump to a chain of its own", said)
                self.applied(TABLE % (does, "jump more"))
                self.assertIn("nothing to do", self.host.apply("nftables", POLICY))

    def test_map_that_leaves(self):
        chains = ("map by { type inet_service : verdict; elements = { 80 : goto more }; }\n"
                  "chain more { accept; }\nchain first {\n%s\n}\n")
        base = ("table inet host {\n" + chains + "chain input { type filter hook input "
                "priority 0; policy drop; ct state established,related accept; jump first; "
                "}\n}\n")
        for rule, why, cure in (
                ('ct state new iifname vmap { "eth0" : goto more, "eth1" : return }',
                 "by other keys than a port",
                 'ct state new iifname "eth0" goto more\nct state new iifname "eth1" return'),
                ("ct state new tcp dport vmap @by", "others may fill it",
                 "ct state new tcp dport 80 goto more")):
            with self.subTest(rule=rule):
                said = self.refused(base % rule)
                self.assertIn("its map leads out of the chain", said)
                self.assertIn(why, said)
                self.assertIn("each return and goto of the map", said)
                self.applied(base % cure)

    def test_map_with_a_name(self):
        for rules in ((BY_MAP, BY_MAP), (BY_NAME, BY_MAP)):
            with self.subTest(rules=rules):
                said = self.refused(MAPPED % rules)
                self.assertIn("where map where leads from several", said)
                text, said = dialects.rewritten(self.host, MAPPED % rules)
                self.assertEqual(text, MAPPED % rules)
                self.assertIn("where map where leads from several", said)

    def test_map_of_one_hook(self):
        """The chain stays where the map leads from."""
        self.applied(MAPPED % (BY_MAP, BY_NAME))


class Tables(unittest.TestCase):
    """Of iptables, others than filter."""

    def test_ahead_of_routing(self):
        host = lab.Namespace()
        for name in dialects.here():
            if name == "native":
                continue
            tool = Dialect(name)
            host.clear()
            host.run([tool.tool(4, "-restore")],
                     "*mangle\n-A PREROUTING -m conntrack --ctstate NEW -j MARK --set-mark 1\n"
                     "COMMIT\n")
            with self.subTest(dialect=name):
                code, said = host.ctpolicy("apply", POLICY, "--backend", tool.backend)
                self.assertEqual(code, REFUSED, said)
                self.assertIn("what is new of tcp and icmp alone", said)


if __name__ == "__main__":
    unittest.main()
