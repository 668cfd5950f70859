# SPDX-License-Identifier: GPL-2.0-or-later
"""`keep`: what it names stays, and with it what matches states in that family; the other
family is replaced, services are taken out in both, and nothing else may stay."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, answers, pair                     # noqa: E402
from test_replace import REFUSED, Dialect                   # noqa: E402

TAKEN, OTHER, CLOSED = 8080, 8081, 8082
POLICY = """version: 1
state_matching: forbidden
existing_rules: %s
%suntracked:
  - {name: web, role: server, protocol: tcp, ports: [8080]}
"""
FILTER = """*filter
:INPUT DROP [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --dport 8080:8081 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""
NAT = "*nat\n-A POSTROUTING -o eth9 -j MASQUERADE\nCOMMIT\n"
TRANSLATES = """table ip nat {
chain post { type nat hook postrouting priority srcnat; oifname "eth9" masquerade; }
}
"""
HOST = """table %s %s {
chain input { type filter hook input priority %d; policy drop;
meta l4proto ipv6-icmp accept
ct state established,related accept
ct state invalid drop
tcp dport 8080-8081 ct state new accept
}
}
"""
NATIVE = TRANSLATES + "".join(HOST % (family, "host", 0) for family in ("ip", "ip6"))
# As firewalld writes them.
FIREWALLD = """table inet firewalld {
chain filter_INPUT { type filter hook input priority 10; policy accept;
ct state { established, related } accept
ct status dnat accept
iifname lo accept
ct state invalid drop
meta l4proto ipv6-icmp accept
tcp dport 8080-8081 ct state { new, untracked } accept
reject with icmpx admin-prohibited
}
chain nat_PREROUTING { type nat hook prerouting priority -90; policy accept;
tcp dport 7070 redirect to :8081
}
}
"""
# A rule for what is asked beside it, and the word of `keep` for each.
BESIDE = {
    "ct status dnat accept": "nat", "ct original ip daddr 192.0.2.9 accept": "nat",
    "meta l4proto tcp ct original proto-dst 9 accept": "nat", "ct direction reply accept": "nat",
    "ct zone 9 accept": "helpers",
}
# What each word is for, in iptables' tables.
WORDS = {
    "nat": NAT,
    "helpers": "*raw\n-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\nCOMMIT\n",
    "limits": "*filter\n-A INPUT -p tcp -m tcp --dport 9 -m connlimit --connlimit-above 9 -j DROP\nCOMMIT\n",
    "marks": "*mangle\n-A PREROUTING -j CONNMARK --restore-mark\nCOMMIT\n",
    "synproxy": "*filter\n-A INPUT -p tcp -m tcp --dport 9 -j SYNPROXY --mss 1460\nCOMMIT\n",
}


def setUpModule():
    lab.require_ctpolicy()


def watch_once(space):
    process = space.popen([lab.CTPOLICY, "watch", "--once"], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    said = process.communicate()[0]
    return process.returncode, said


class Keep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client, cls.server = pair()
        for version in lab.VERSIONS:
            for port in (TAKEN, OTHER, CLOSED):
                Server(cls.server, version, port)

    def tearDown(self):
        self.server.run([lab.CTPOLICY, "remove"])
        self.server.clear()

    def load(self, name):
        self.server.clear()
        self.tool = None if name == "native" else Dialect(name)
        if not self.tool:
            self.server.nft(NATIVE)
            return
        for version in lab.VERSIONS:
            self.server.run([self.tool.tool(version, "-restore")],
                            FILTER + (NAT if version == 4 else ""))

    def rules(self, version):
        """The host's own, that match states."""
        listing = "nft list ruleset" if not self.tool else self.tool.tool(version, "-save")
        text = self.server.run(listing)
        if not self.tool:
            text = text[text.index("table %s host" % ("ip" if version == 4 else "ip6")):]
            text = text[:text.index("\n}")]
        return [line.strip() for line in text.splitlines()
                if "state" in line and "untracked" not in line.lower() and
                "-A CTPOLICY" not in line.upper()]

    def passes(self):
        for version in lab.VERSIONS:
            self.assertEqual([answers(self.client, version, port, patience)
                              for port, patience in ((TAKEN, 5), (OTHER, 5), (CLOSED, .3))],
                             [True, True, False])

    def entries(self, version, port):
        events = lab.NewEntries(self.server)
        self.assertTrue(answers(self.client, version, port, 5))
        made = [e for e in events.take() if str(port) in e]
        events.close()
        return len(made)

    def apply(self, how, keep, code=0, *more):
        got, said = self.server.ctpolicy(
            "apply", POLICY % (how, keep), "--backend",
            self.tool.backend if self.tool else "nftables", *more)
        self.assertEqual(got, code, said)
        return said

    def test_one_family(self):
        for name in dialects.here():
            with self.subTest(name):
                self.load(name)
                before = {version: self.rules(version) for version in lab.VERSIONS}
                self.assertIn("is part of address translation",
                              self.apply("replace", "", REFUSED))
                said = self.apply("replace", "keep: [nat]\n")
                self.assertIn("what matches states in IPv4 stays as it is", said)
                self.assertEqual(self.rules(4), before[4])
                self.assertEqual(self.rules(6), [])
                self.passes()
                self.assertEqual([[self.entries(version, port) for port in (TAKEN, OTHER)]
                                  for version in lab.VERSIONS], [[0, 1], [0, 0]])
                self.assertIn("nothing to do", self.apply("replace", "keep: [nat]\n"))
                self.server.run([lab.CTPOLICY, "remove"])
                self.assertEqual({v: self.rules(v) for v in lab.VERSIONS}, before)

    def test_forced(self):
        """By force, too, what is kept stays with all that matches states beside it."""
        for name in dialects.here():
            with self.subTest(name):
                self.load(name)
                before = {version: self.rules(version) for version in lab.VERSIONS}
                self.apply("replace", "keep: [nat]\n", 0, "--force")
                self.assertEqual(self.rules(4), before[4])
                self.assertEqual(self.rules(6), [])
                self.passes()
                self.assertEqual([[self.entries(version, port) for port in (TAKEN, OTHER)]
                                  for version in lab.VERSIONS], [[0, 1], [0, 0]])
                self.server.run([lab.CTPOLICY, "remove"])
                self.assertEqual({v: self.rules(v) for v in lab.VERSIONS}, before)

    def translate(self, on):
        """As when a program that masquerades starts, or ends."""
        if not self.tool:
            self.server.nft(TRANSLATES if on else "table ip nat\ndelete table ip nat")
        elif on:
            self.server.run([self.tool.tool(4, "-restore"), "-n"], NAT)
        else:
            self.server.run("%s -t nat -F" % self.tool.tool(4))

    def test_comes_and_goes(self):
        """What is kept may begin after the first change: the rules come back for it."""
        for name in dialects.here():
            with self.subTest(name):
                self.load(name)
                before = {version: self.rules(version) for version in lab.VERSIONS}
                self.translate(False)
                for on in False, True, False, True:
                    self.translate(on)
                    self.apply("replace", "keep: [nat]\n")
                    self.assertEqual(self.rules(4), before[4] if on else [])
                    self.passes()
                    self.assertEqual([self.entries(4, port) for port in (TAKEN, OTHER)],
                                     [0, int(on)])
                    self.assertIn("nothing to do", self.apply("replace", "keep: [nat]\n"))
                self.translate(False)
                code, said = watch_once(self.server)
                self.assertEqual(code, 0, said)
                self.translate(True)
                code, said = watch_once(self.server)
                self.assertEqual(code, 0, said)
                code, said = watch_once(self.server)
                self.assertIn("is in force", said)
                self.passes()
                self.server.run([lab.CTPOLICY, "remove"])
                self.assertEqual({v: self.rules(v) for v in lab.VERSIONS}, before)

    def test_declared(self):
        """A helper that is declared turns tracking on in both families."""
        if "native" not in dialects.here():
            self.skipTest("no nftables here")
        self.load("native")
        self.server.nft("delete table ip nat\ntable inet more {\nct helper ftp {\n"
                        "type \"ftp\" protocol tcp\n}\n}\n")
        before = {version: self.rules(version) for version in lab.VERSIONS}
        said = self.apply("replace", "", REFUSED)
        self.assertIn("a declared helper", said)
        self.assertIn("what is declared has no stateless equivalent: nothing was replaced; "
                      "take it out; write `keep: [helpers]`", said)
        self.assertNotIn("these rules", said)
        said = self.apply("replace", "keep: [helpers]\n")
        self.assertIn("what matches states in IPv4 and IPv6 stays as it is", said)
        self.assertEqual({v: self.rules(v) for v in lab.VERSIONS}, before)
        self.passes()
        self.assertEqual([self.entries(version, TAKEN) for version in lab.VERSIONS], [0, 0])

    @unittest.skipUnless("native" in dialects.here(), "no nftables here")
    def test_table_of_both(self):
        """It keeps the family tracked in which nothing is translated, and all that is there."""
        self.tool = None
        for more in "", HOST % ("ip6", "extra", 10):
            for how in ("report",), ("replace",), ("replace", "--force"):
                with self.subTest(more=more, how=how):
                    self.server.clear()
                    self.server.nft(TRANSLATES + HOST % ("inet", "host", 0) + more)
                    before = self.server.run("nft -s list ruleset")
                    said = self.apply(how[0], "keep: [nat]\n", 0, *how[1:])
                    self.assertIn("what matches states in IPv4 and IPv6 stays as it is", said)
                    self.passes()
                    self.assertEqual(
                        [[self.entries(version, port) for port in (TAKEN, OTHER)]
                         for version in lab.VERSIONS], [[0, 1], [0, 1]])
                    self.assertIn("nothing to do", self.apply(how[0], "keep: [nat]\n"))
                    self.server.run([lab.CTPOLICY, "remove"])
                    self.assertEqual(self.server.run("nft -s list ruleset"), before)

    @unittest.skipUnless("native" in dialects.here(), "no nftables here")
    def test_firewalld(self):
        self.tool = None
        self.server.clear()
        self.server.nft(FIREWALLD)
        before = self.server.run("nft -s list ruleset")
        said = self.apply("replace", "keep: [nat]\n")
        self.assertIn("what matches states in IPv4 and IPv6 stays as it is", said)
        self.passes()
        for version in lab.VERSIONS:
            self.assertTrue(answers(self.client, version, 7070, 5))
            self.assertEqual([self.entries(version, port) for port in (TAKEN, OTHER)], [0, 1])
        self.server.run([lab.CTPOLICY, "remove"])
        self.assertEqual(self.server.run("nft -s list ruleset"), before)

    @unittest.skipUnless("native" in dialects.here(), "no nftables here")
    def test_asked_beside(self):
        self.tool = None
        for rule, word in BESIDE.items():
            with self.subTest(rule):
                self.server.clear()
                self.server.nft("table inet more {\nchain input { type filter hook input "
                                "priority 0; policy accept; %s; }\n}\n" % rule)
                others = ", ".join(w for w in WORDS if w != word)
                self.apply("report", "keep: [%s]\n" % others, REFUSED)
                said = self.apply("report", "keep: [%s]\n" % word)
                self.assertIn("1 of the host's rules or declared objects keeps connection tracking on", said)
                self.assertEqual([self.entries(v, TAKEN) for v in lab.VERSIONS], [0, 0])
                self.server.run([lab.CTPOLICY, "remove"])

    def test_reported(self):
        """Without a word of replacing, IPv6 is in the way."""
        for name in dialects.here():
            with self.subTest(name):
                self.load(name)
                said = self.apply("report", "keep: [nat]\n", REFUSED)
                self.assertNotRegex(said, "of table ip ")
                self.assertIn("of table ip6 ", said)

    def test_each_word(self):
        for name in dialects.here():
            if name == "native":
                continue
            self.tool = Dialect(name)
            for word, rules in WORDS.items():
                with self.subTest(dialect=name, word=word):
                    self.server.clear()
                    self.server.run([self.tool.tool(4, "-restore")], rules)
                    others = ", ".join(w for w in WORDS if w != word)
                    for how in "report", "replace":
                        self.apply(how, "keep: [%s]\n" % others, REFUSED)
                        said = self.apply(how, "keep: [%s]\n" % word)
                        self.assertIn("1 of the host's rules or declared objects keeps connection tracking on", said)
                        self.assertEqual(self.entries(4, TAKEN), 0)
                        self.server.run([lab.CTPOLICY, "remove"])


if __name__ == "__main__":
    unittest.main()
