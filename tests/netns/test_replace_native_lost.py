# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace` in nft's own tables: somebody deletes the set, map, object or
chain that a replaced rule names, or makes another one by its name: that rule is not put
back, which is said, with the reason; nothing else is held up."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from test_replace import POLICY, REFUSED, ctpolicy, listed  # noqa: E402

TABLE = """table %s host {
set good { type %s; elements = { %s } }
map kinds { type inet_service : verdict; elements = { 5 : drop } }
map hits { type inet_service : counter; elements = { 6 : "some" } }
counter some { }
quota spare { over 10 mbytes }
limit slow { rate 5/second }
chain more { counter accept; }
chain input { type filter hook input priority 0; policy drop;
%s
ct state established accept
tcp dport 22 ct state new accept
}
}
"""
AS_LONG = {"ip": "mark", "ip6": "ifname"}
OF = {"ip": ("ipv4_addr", "192.0.2.7", "ip saddr"),
      "ip6": ("ipv6_addr", "2001:db8::7", "ip6 saddr")}
# What the rule is, what becomes of what it names, and what is said of it.
LOST = {
    "a set": ('ct state invalid {0} @good log prefix "x"', "delete set {1} host good", "set good"),
    "a set of other keys": ('ct state invalid {0} @good log prefix "x"',
                            "delete set {1} host good; add set {1} host good "
                            "{{ type inet_service . inet_service . inet_service . "
                            "ipv6_addr; }}", "set good"),
    "a set of keys as long": ('ct state invalid {0} @good log prefix "x"',
                              "delete set {1} host good; add set {1} host good {{ type {2}; }}",
                              "set good"),
    "a map of keys as long": ("ct state invalid tcp dport vmap @kinds",
                              "delete map {1} host kinds; add map {1} host kinds "
                              "{{ type ether_type : verdict; }}", "map kinds"),
    "a set that is a map": ('ct state invalid {0} @good log prefix "x"',
                            "delete set {1} host good; add map {1} host good "
                            "{{ type inet_service : verdict; }}", None),
    "a map": ("ct state invalid tcp dport vmap @kinds", "delete map {1} host kinds", "map kinds"),
    "a map of other values": ("ct state invalid tcp dport vmap @kinds",
                              "delete map {1} host kinds; add map {1} host kinds "
                              "{{ type inet_service : mark; }}", "map kinds"),
    "a counter": ('ct state invalid counter name some log prefix "x"',
                  "delete map {1} host hits; delete counter {1} host some", "counter some"),
    "a chain": ("tcp dport 5 ct state new jump more", "rename chain {1} host more other",
                "chain more"),
}


def setUpModule():
    lab.require_ctpolicy()
    if "native" not in dialects.here():
        raise unittest.SkipTest("no nftables here")


class Lost(unittest.TestCase):
    def setUp(self):
        self.space = lab.Namespace()

    def lose(self, family, how):
        rule, words, said = LOST[how]
        kind, member, key = OF[family]
        text = TABLE % (family, kind, member, "%s")
        self.space.clear()
        self.space.nft(text % rule.format(key))
        self.space.apply("nftables", POLICY)
        process = self.space.popen(["nft", "-f", "-"], text=True, stdin=-1, stdout=-1,
                                   stderr=-2)
        out = process.communicate(words.format(key, family, AS_LONG[family]).replace("; ", "\n"))[0]
        self.assertEqual(process.returncode, 0, out)
        return said

    def without(self, family, how):
        """The host's rules as they should be left."""
        self.space.clear()
        kind, member, _ = OF[family]
        self.space.nft(TABLE % (family, kind, member, ""))
        self.space.nft(LOST[how][1].format("", family, AS_LONG[family]).replace("; ", "\n"))
        return listed(self.space)

    def test_all_others_are_back(self):
        for how in LOST:
            for family in OF:
                for verb in ("remove", "rollback"):
                    with self.subTest(how=how, family=family, verb=verb):
                        said = self.lose(family, how)
                        code, out = ctpolicy(self.space, verb)
                        self.assertEqual(code, 0, out)
                        if said:
                            self.assertIn("[CT535]", out)
                            self.assertIn("cannot be put back: %s is not there any more" % said,
                                          out)
                            self.assertNotIn("previous rules are in force, verified", out)
                        left = listed(self.space)
                        self.assertNotIn("ctpolicy", str(left))
                        if said:
                            self.assertEqual(left, self.without(family, how))

    def test_refused_until_it_is_there(self):
        self.lose("ip", "a set")
        before = listed(self.space)
        code, said = self.space.ctpolicy("apply", POLICY, "--backend", "nftables")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("set good is not there any more", said)
        self.assertEqual(listed(self.space), before)
        self.space.nft("add set ip host good { type ipv4_addr; }")
        self.assertIn("nothing to do", self.space.apply("nftables", POLICY))
        code, said = ctpolicy(self.space, "remove")
        self.assertEqual(code, 0, said)
        self.assertNotIn("CT535", said)
        self.assertIn("ip saddr @good", self.space.run("nft list ruleset"))


if __name__ == "__main__":
    unittest.main()
