# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace` in nft's own tables: what `nft list ruleset` says of the rules
that stand in loads again, lists the same, is no drift, and leads back to the host's own."""
import os
import random
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from test_replace import POLICY, ctpolicy, listed           # noqa: E402

EVERY = int(os.environ.get("CTPOLICY_EVERY", "1"))
OWN = """
meta l4proto { icmp, ipv6-icmp }
meta l4proto { tcp, udp }
meta l4proto { tcp, udp, sctp }
meta l4proto { tcp, gre }
meta l4proto { tcp, udp } th dport 53
meta l4proto . th dport { tcp . 22, udp . 53 }
meta l4proto != tcp
meta l4proto != { tcp, udp }
meta l4proto != { tcp, 40-50 }
meta l4proto 1-20
meta l4proto udp
meta l4proto tcp tcp sport 1024-65535
ip protocol { tcp, udp }
ip protocol != udp
ip protocol tcp
udp dport 53
udp dport { 53, 67-68 }
tcp dport 22
tcp dport != 22
tcp flags syn
tcp flags & (syn|ack) == syn
tcp option maxseg size 500
sctp dport 5
icmp type echo-request
icmpv6 type echo-request
icmp type { echo-request, echo-reply }
ip saddr 192.0.2.0/24
ip saddr { 192.0.2.0/24, 198.51.100.2 } tcp dport { 22, 80 }
ip saddr . tcp dport { 192.0.2.2 . 22, 192.0.2.3 . 80 }
ip6 saddr 2001:db8::/32
ip6 saddr 2001:db8::/32 udp dport 53
ip6 daddr != 2001:db8::/32 tcp dport 53
meta nfproto ipv4
meta nfproto ipv6 tcp dport 80
iifname "lo"
iifname != "lo" tcp dport 80
iif "lo" udp dport 5
iifname { "lo", "eth0" }
meta mark 5
fib daddr type local
@th,16,16 53
ip ttl 5
ip6 hoplimit 5
udp length 5-500
esp spi 5
meta length 100-1000
"""
DOES = ("accept", "drop", "reject", "counter jump more", 'log prefix "x" drop',
        "limit rate 5/second accept", "limit rate 5/second drop",
        'limit rate 5/minute log prefix "y"')
STATES = ("new", "established", "established,related", "invalid", "new,established",
          "new,invalid", "related", "untracked", "new,untracked")
ONLY = {"ip": r"\bip6 |icmpv6|nfproto", "inet": "no such words",
        "ip6": r"\bip (saddr|protocol|ttl)|icmp type|nfproto"}
HEAD = """table %s host {
chain more { counter accept; }
chain base { type filter hook %s priority 0; policy drop;
"""
LAST = "ct state established,related accept"


def hosts(seed):
    """(family, text): each of OWN with a state, a hook and a target of its own."""
    dice = random.Random(seed)
    for own in OWN.strip().split("\n"):
        for family, others in ONLY.items():
            parts = [own, "ct state " + dice.choice(STATES)]
            does = dice.choice(DOES)
            if does.startswith("limit rate 5/second") and dice.random() < 0.5:
                parts.append("limit rate 5/second")
                does = does.split()[-1]
            dice.shuffle(parts)
            rules = [" ".join([*parts, does])] + [LAST] * dice.choice((0, 1))
            dice.shuffle(rules)
            hook = dice.choice(("input", "input", "output", "forward"))
            if not re.search(others, own):
                yield family, HEAD % (family, hook) + "\n".join(rules) + "\n}\n}\n"


def setUpModule():
    lab.require_ctpolicy()
    if "native" not in dialects.here():
        raise unittest.SkipTest("no nftables here")


class Saved(unittest.TestCase):
    def setUp(self):
        self.space = lab.Namespace()

    def play(self, text):
        """As saved while replaced, and loaded at the next boot."""
        self.space.clear()
        self.space.nft(text)
        before = listed(self.space)
        self.space.apply("nftables", POLICY)
        saved, after = self.space.run("nft list ruleset"), listed(self.space)
        self.assertNotRegex(saved, r"\bct state\b")
        self.space.clear()
        self.space.nft(saved)
        self.assertEqual(self.space.run("nft list ruleset"), saved)
        self.assertEqual(listed(self.space), after)
        _, said = self.space.ctpolicy("diff", POLICY, "--backend", "nftables")
        self.assertIn("No changes: ", said)
        code, said = ctpolicy(self.space, "remove")
        self.assertEqual(code, 0, said)
        self.assertEqual(listed(self.space), before)

    def test_of_each_kind(self):
        for i, (family, text) in enumerate(hosts(1)):
            if i % EVERY == 0:
                with self.subTest(family=family, rules=text.split("\n")[3:-3]):
                    self.play(text)

    def test_both_ports(self):
        """One is the rule's own, the other one is worked out: nft takes both for one
        field, and both negations for the negation of both."""
        for family in ONLY:
            for own, other in (("sport 22", "tcp sport 8080 tcp dport 22"),
                               ("dport 8080", "tcp sport 8080 tcp dport 22"),
                               ("sport != 22", "tcp dport != 22 tcp sport 8080"),
                               ("dport != 8080", "tcp sport 8080 tcp dport 22-80"),
                               ("dport != 8080", "tcp sport != 8080 tcp dport != { 22, 5 }")):
                with self.subTest(family=family, own=own, other=other):
                    self.play(HEAD % (family, "output") + "tcp %s ct state established "
                              "accept\n}\nchain in { type filter hook input priority 0; "
                              "policy drop;\nct state established accept\n%s ct state new "
                              "accept\n}\n}\n" % (own, other))

    def test_named_set(self):
        """That of the host is asked as it was: who is in it may change."""
        for family in ("ip", "inet"):
            self.play("table %s host {\nset protos { type inet_proto; elements = { 1, 6, "
                      "17, 58 }; }\nchain base { type filter hook input priority 0; "
                      "policy drop;\nmeta l4proto @protos ct state new accept\n"
                      "meta l4proto @protos %s\n}\n}\n" % (family, LAST))


if __name__ == "__main__":
    unittest.main()
