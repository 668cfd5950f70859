# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace`: somebody deletes or renames the chain that a replaced rule
leads to: that rule is not put back, which is said; nothing else is held up. Or adds or
deletes a twin of a replaced rule."""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_replace                                         # noqa: E402

# What the host's admin does to a chain to which a replaced rule jumped.
LOST = {"deleted": (test_replace.SERVER + test_replace.SHARED, ":both - [0:0]\n",
                    "-D INPUT -j both; {0} -F both; {0} -X both", "both"),
        "renamed": (test_replace.SERVER + test_replace.CHAINS, ":fresh - [0:0]\n", "-E fresh late", "fresh")}


def setUpModule():
    lab.require_ctpolicy()


class Lost:
    dialect = None

    def setUp(self):
        self.host = lab.Namespace()

    def apply(self, *more):
        return self.host.apply(self.dialect.backend, test_replace.POLICY, *more)

    def lose(self, how, *more):
        """*more: of the apply before that; what should be left without ctpolicy."""
        rules, chains, words, chain = LOST[how]
        self.dialect.load(self.host, rules, chains)
        before = self.dialect.saved(self.host)
        self.assertRegex(self.apply(*more), "made and verified")
        for version in lab.VERSIONS:
            tool = self.dialect.tool(version)
            self.host.run("%s %s" % (tool, words.format(tool)))
        if how == "deleted":
            return chain, re.sub(r"^(:|.* (-A|-j) )both\b.*\n", "", before, flags=re.M)
        left = re.sub(r"^.* -j fresh\n", "", before, flags=re.M)
        line = "".join(re.findall(r"^:fresh .*\n", before, flags=re.M)[:1])
        left = left.replace(line, line.replace("fresh", "late"))
        return chain, left.replace("-A fresh", "-A late")

    def assertLost(self, said, chain):
        self.assertRegex(said, "warning: .* the rule 'ip6tables -t filter -A [A-Z]+ .*-j %s', "
                         ".* cannot be put back: chain %s is not there any more \\[CT535\\]" % (chain, chain))
        self.assertRegex(said, "add the rule: ip6tables -t filter -A [A-Z]+ .*-j %s" % chain)
        self.assertNotIn("No such file", said)

    def kept(self, saved):
        """What iptables itself keeps when a chain goes: in legacy tables not the order
        of chains, nor the counters of their policies."""
        if self.dialect.kind == "nft":
            return saved
        return sorted(re.sub(r"^(:.*) \[.*\]$", r"\1", saved, flags=re.M).split("\n"))

    def test_twin_ahead(self):
        """`iptables -C RULE || iptables -I RULE`, and then it is there twice."""
        rule = "INPUT -p tcp -m tcp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT"
        self.dialect.load(self.host, test_replace.SERVER)
        self.apply()
        for version in lab.VERSIONS:
            self.host.run("%s -I %s" % (self.dialect.tool(version), rule))
        self.assertRegex(self.apply(), "made and verified")
        self.assertEqual(test_replace.states(self.dialect.saved(self.host)), [])
        self.assertIn("nothing to do", self.apply())
        # the first of the two goes with its jump
        for version in lab.VERSIONS:
            self.host.run("%s -D INPUT 1" % self.dialect.tool(version))
        self.assertRegex(self.apply(), "made and verified")
        self.assertEqual(test_replace.states(self.dialect.saved(self.host)), [])
        self.host.remove(self.dialect.backend)
        self.assertEqual(len(re.findall("-A INPUT .*--dport 8080 .*NEW",
                                        self.dialect.saved(self.host))), 2)

    def test_chain_lost(self):
        """All but the rules that lead to it come back; nothing else is held up."""
        for how in LOST:
            for verb in ("remove", "rollback"):
                with self.subTest(how=how, verb=verb):
                    chain, left = self.lose(how)
                    replaced = self.dialect.saved(self.host)
                    code, said = test_replace.ctpolicy(self.host, verb)
                    self.assertEqual(code, 0, said)
                    self.assertLost(said, chain)
                    self.assertNotIn("previous rules are in force, verified", said)
                    self.assertEqual(self.kept(self.dialect.saved(self.host)),
                                     self.kept(left))
                    code, said = test_replace.ctpolicy(self.host, "rollback",
                                          *(["--redo"] if verb == "rollback" else []))
                    self.assertEqual(code, 0, said)
                    self.assertEqual(re.sub(r"\[.*?\]", "", self.dialect.saved(self.host)),
                                     re.sub(r"\[.*?\]", "", replaced))
                    code, said = test_replace.ctpolicy(self.host, "remove")
                    self.assertEqual(code, 0, said)
                    self.assertLost(said, chain)

    def test_chain_lost_on_trial(self):
        for how in LOST:
            with self.subTest(how=how):
                _, left = self.lose(how, "--confirm", "3s")
                end = time.monotonic() + 30
                while "CTPOLICY" in self.dialect.saved(self.host).upper() and \
                        time.monotonic() < end:
                    time.sleep(0.3)
                self.assertEqual(self.kept(self.dialect.saved(self.host)),
                                 self.kept(left))
                code, said = test_replace.ctpolicy(self.host, "confirm")
                self.assertEqual(code, 12, said)
                self.assertIn("rolled back, except for rules of the host's", said)
                self.assertNotIn("verified", said)
                code, said = test_replace.ctpolicy(self.host, "recover")
                self.assertEqual(code, 0, said)

    def test_chain_lost_and_made_again(self):
        """What stands for such a rule is not taken away by another apply."""
        for how in LOST:
            with self.subTest(how=how):
                chain, _ = self.lose(how)
                before = self.dialect.saved(self.host)
                code, said = self.host.ctpolicy("apply", test_replace.POLICY, "--backend",
                                                self.dialect.backend)
                self.assertEqual(code, test_replace.REFUSED, said)
                self.assertRegex(said, "error: .* chain %s is not there any more" % chain)
                self.assertEqual(self.dialect.saved(self.host), before)
                for version in lab.VERSIONS:
                    self.host.run("%s -N %s" % (self.dialect.tool(version), chain))
                self.apply()
                code, said = test_replace.ctpolicy(self.host, "remove")
                self.assertEqual(code, 0, said)
                self.assertNotIn("cannot be put back", said)
                self.assertIn("-j %s\n" % chain, self.dialect.saved(self.host))


def load_tests(loader, tests, pattern):
    """Each of them once for each dialect that can be edited."""
    for name in test_replace.EDITED:
        here = type("Lost_" + name.replace("-", "_"), (Lost, unittest.TestCase),
                    {"dialect": test_replace.Dialect(name)})
        tests.addTests(loader.loadTestsFromTestCase(here))
    return tests


if __name__ == "__main__":
    unittest.main()
