# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace` in nft's own tables: rules with states that return, or go to
another chain, and chains that several hooks reach."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_replace_native as native                        # noqa: E402
from test_replace import POLICY, REFUSED, ctpolicy, listed  # noqa: E402

ND = native.ND
# For the chain that called it, for another one, for good; and by a map.
LEAVING = """
chain pass { meta l4proto tcp counter accept; counter accept; }
chain services { SADDR counter drop; counter accept; }
chain first {
ct state invalid limit rate 3/minute burst 10 packets counter packets 5 bytes 200 return
ct state invalid limit rate 3/minute burst 10 packets counter packets 5 bytes 200 return
ct state established,related counter packets 7 bytes 420 goto pass comment "keep me"
ct state new counter return
drop
}
chain input { type filter hook input priority 0; policy drop;
ND
jump first
tcp dport 8080 ct state new log prefix "new: " goto services
udp dport 9053 ct state new counter goto services
ct state invalid counter return
tcp dport 8082 drop
}
"""
MAPPED = """
chain pass { counter accept; }
chain services { tcp dport 8080 accept; udp dport 9053 accept; }
chain input { type filter hook input priority 0; policy drop;
ND
ct state vmap { invalid : drop, established : goto pass, related : jump pass, new : goto services }
tcp dport 8082 accept
}
"""
PORTS = """
chain pass { counter accept; }
chain services { counter accept; }
chain fresh { udp dport 9053 accept; }
chain first {
ct state new tcp dport vmap { 8080 : goto services, 8081-8082 : return, 8083 : jump pass }
ct state new udp dport vmap { 9053 : jump fresh, 53 : goto pass, 1-5 : return } comment "ports"
ct state new meta l4proto vmap { sctp : return, gre : goto pass }
}
chain input { type filter hook input priority 0; policy drop;
ND
ct state established,related accept
jump first
tcp dport { 8082, 8083 } drop
}
"""
SHARED = """
chain services { tcp dport 8080 ct state new counter accept; udp dport 9053 accept; }
chain both {
SADDR drop
ct state established,related counter accept
ct state invalid drop
jump services
meta l4proto vmap { tcp : jump services, sctp : jump services }
tcp dport 8082 limit rate 1/minute goto services
}
chain input { type filter hook input priority 0; policy drop;
ND
counter jump both
}
chain forward { type filter hook forward priority 0; policy drop;
tcp dport vmap { 1-1000 : jump both, 2000 : drop }
counter packets 3 bytes 180 goto both comment "both"
}
"""
HOSTS = {"that leaves": LEAVING, "by a map": MAPPED, "by ports": PORTS, "for several hooks": SHARED}
SADDR = {"ip": "ip saddr 203.0.113.9", "ip6": "ip6 saddr 2001:db8:cc::9",
         "inet": "ip saddr 203.0.113.9"}


def setUpModule():
    native.setUpModule()


class Host(native.Host):
    def load(self, rules):
        self.space.clear()
        for family in self.families:
            self.space.nft("table %s host {\n%s}\n" % (family, rules.replace(
                "SADDR", SADDR[family]).replace("ND\n", ND + "\n" if family != "ip"
                                                else "")))


class Restored:
    families = None
    hosts = HOSTS
    apply = native.Restored.apply
    test_removed = native.Restored.test_removed
    test_nothing_to_do_again = native.Restored.test_nothing_to_do_again
    test_rolled_back_and_forth = native.Restored.test_rolled_back_and_forth
    test_saved_and_loaded = native.Restored.test_saved_and_loaded

    def setUp(self):
        self.space = lab.Namespace()
        self.host = Host(self.space, self.families)

    def start(self, host):
        self.host.load(self.hosts[host])
        before = listed(self.space)
        self.assertRegex(self.apply(), "made and verified")
        self.assertEqual(native.states(self.host.rules()), [])
        return before

    def test_stands_in_place(self):
        """What leaves stands in the host's chain, ahead of what stood behind it."""
        self.start("that leaves")
        for family in self.families:
            rules = self.space.run("nft list chain %s host first" % family)
            self.assertRegex(rules, r"(?s)goto ctpolicy-input.g\w+ comment \"ctpolicy\"\n"
                                    r".*goto ctpolicy-input.g.*\n\s+drop\n")

    def test_words_that_change(self):
        """New rules around what stands in, and rules of the same kind."""
        self.start("that leaves")
        for family in self.families:
            self.space.nft("insert rule %s host first tcp dport 1 drop;"
                           "add rule %s host input tcp dport 7 ct state new goto services" %
                           (family, family))
        self.assertRegex(self.apply(), "made and verified")
        self.assertEqual(native.states(self.host.rules()), [])
        self.assertIn("nothing to do", self.apply())
        self.space.remove("nftables")
        for family in self.families:
            rules = self.space.run("nft list chain %s host first" % family).splitlines()
            at = next(i for i, r in enumerate(rules) if "ct state invalid" in r)
            self.assertEqual(rules[at - 1].strip(), "tcp dport 1 drop")
            self.assertIn("tcp dport 7 ct state new goto services",
                          self.space.run("nft list chain %s host input" % family))

    def test_copies_are_told(self):
        self.host.load(SHARED)
        said = self.apply()
        self.assertIn("packets of hook forward pass a copy of chain both", said)
        copies = re.findall(r"chain (ctpolicy-forward.c\w+) {\n([^}]*)", self.host.rules())
        self.assertTrue(any("drop" in rules for _, rules in copies), copies)

    def test_end_renamed(self):
        """A chain that rules in place go to: nothing is done until it has its name."""
        before = self.start("that leaves")
        for family in self.families[-1:]:
            whole = listed(self.space)
            name = re.search(r"goto (ctpolicy-input\.g\w+)", self.space.run(
                "nft list chain %s host first" % family))[1]
            self.space.nft("rename chain %s host %s mine" % (family, name))
            renamed = listed(self.space)
            for command in ["remove"], ["rollback"]:
                code, said = ctpolicy(self.space, *command)
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT535]", said)
                self.assertIn("rename chain mine of table %s host to %s" % (family, name),
                              said)
                self.assertEqual(listed(self.space), renamed)
            code, said = self.space.ctpolicy("apply", POLICY, "--backend", "nftables")
            self.assertEqual(code, REFUSED, said)
            self.assertEqual(listed(self.space), renamed)
            self.space.nft("rename chain %s host mine %s" % (family, name))
            self.assertEqual(listed(self.space), whole)
        self.space.remove("nftables")
        self.assertEqual(listed(self.space), before)


class Packets(native.Packets):
    hosts = HOSTS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = Host(cls.server, cls.families)


def load_tests(loader, tests, pattern):
    return native.each_family(loader, (Restored, Packets))


if __name__ == "__main__":
    unittest.main()
