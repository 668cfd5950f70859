# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace`: rules with states that return, or go to another chain. A
called chain cannot do that for them: what stands in for them stands where they stood."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_replace                                         # noqa: E402

# What leaves its chain: for the one that called it, for another one, for good.
LEAVING = """[1:60] -A INPUT -j first
[2:60] -A INPUT -p tcp -m tcp --dport 8080 -m state --state NEW -g services
[3:60] -A INPUT -m state --state INVALID -j RETURN
[4:60] -A INPUT -p tcp -m tcp --dport 8082 -j DROP
[5:60] -A first -m state --state INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN
[6:60] -A first -m state --state INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN
[7:60] -A first -m conntrack --ctstate RELATED,ESTABLISHED -g pass
[8:60] -A first -m state --state NEW -j RETURN
[9:60] -A first -j DROP
[1:60] -A pass -p tcp -m tcp -j ACCEPT
[2:60] -A pass -j ACCEPT
[3:60] -A services -s 192.0.2.99 -j DROP
[4:60] -A services -j ACCEPT
"""
CALLING = """[0:0] -A OUTPUT -j out
[1:60] -A OUTPUT -p tcp -m tcp --dport 25 -m state --state NEW -j ACCEPT
[2:60] -A OUTPUT -j DROP
[3:60] -A out -m state --state ESTABLISHED -g pass
[4:60] -A out -m state --state RELATED -g pass
[5:60] -A out -m state --state INVALID -j RETURN
[6:60] -A pass -j ACCEPT
"""
TELLING = """[1:60] -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
[2:60] -A INPUT -p tcp -m state --state NEW -m limit --limit 3/min -j NFLOG --nflog-prefix "new: " --nflog-group 5
[3:60] -A INPUT -p tcp -m tcp --dport 8080 -m state --state NEW -j NFLOG --nflog-group 6 --nflog-size 100 --nflog-threshold 3
[4:60] -A INPUT -p tcp -m tcp --dport 8080 -m state --state NEW -j TRACE
[5:60] -A INPUT -p tcp -m tcp --dport 8080 -m state --state NEW -j ACCEPT
"""
HOSTS = {"that leaves": (LEAVING, ":first - [0:0]\n:pass - [0:0]\n:services - [0:0]\n"),
         "that calls": (CALLING, ":out - [0:0]\n:pass - [0:0]\n")}


def setUpModule():
    lab.require_ctpolicy()


class Restored:
    dialect = None
    hosts = HOSTS
    setUp = test_replace.Restored.setUp
    apply = test_replace.Restored.apply

    def start(self, host):
        self.dialect.load(self.host, *HOSTS[host])
        before = self.dialect.saved(self.host)
        self.assertRegex(self.apply(), "made and verified")
        after = self.dialect.saved(self.host)
        self.assertEqual(test_replace.states(after), [])
        self.assertRegex(after, "(?i)-A (first|out) .* -g ctpolicy-[a-z]*.g")
        return before

    test_removed = test_replace.Restored.test_removed
    test_nothing_to_do_again = test_replace.Restored.test_nothing_to_do_again

    def test_saved_and_loaded(self):
        for host in HOSTS:
            with self.subTest(host=host):
                before = self.start(host)
                after = self.dialect.saved(self.host)
                dumps = [self.host.run(self.dialect.tool(v, "-save -c"))
                         for v in lab.VERSIONS]
                self.dialect.load(self.host, "")
                for v, dump in zip(lab.VERSIONS, dumps):
                    self.host.run([self.dialect.tool(v, "-restore"), "-c"], dump)
                self.assertIn("nothing to do", self.apply())
                self.assertEqual(self.dialect.saved(self.host), after)
                self.host.remove(self.dialect.backend)
                self.assertEqual(self.dialect.saved(self.host), before)

    def test_rolled_back_and_forth(self):
        for host in HOSTS:
            with self.subTest(host=host):
                before = self.start(host)
                after = self.dialect.saved(self.host)
                for wanted in (before, after, before):
                    self.host.run([lab.CTPOLICY, "rollback"] if wanted == after
                                  else [lab.CTPOLICY, "remove"])
                    self.assertEqual(self.dialect.saved(self.host), wanted)

    def test_words_that_change(self):
        """What stands in the host's own chain, too, and around it."""
        self.dialect.load(self.host, *HOSTS["that calls"])
        before = self.dialect.saved(self.host)
        self.apply()
        tool = self.dialect.tool(4)
        new = " -p tcp -m tcp --dport 26 -m state --state NEW -j ACCEPT"
        self.host.run("%s -I OUTPUT 2%s" % (tool, new))
        self.assertRegex(self.apply(), "made and verified")
        self.assertIn("-m tcp --dport 26 ", self.dialect.saved(self.host))
        self.assertIn("nothing to do", self.apply())
        self.host.run("%s -D OUTPUT 2" % tool)
        self.assertRegex(self.apply(), "made and verified")
        self.host.run("%s -I OUTPUT 2%s" % (tool, new))
        self.apply()
        self.host.remove(self.dialect.backend)
        self.host.run("%s -D OUTPUT%s" % (tool, new))
        # iptables forgets what policies have counted
        after, before = (re.sub(r"(?m)^(:.*) \[.*", r"\1", saved) for saved in
                         (self.dialect.saved(self.host), before))
        self.assertEqual(after, before)

    def test_targets_of_other_words(self):
        """What iptables-nft writes in nft's own words."""
        rules = TELLING if self.dialect.kind == "nft" else \
            "".join(r for r in TELLING.splitlines(True) if "TRACE" not in r)
        self.dialect.load(self.host, rules)
        before = self.dialect.saved(self.host)
        self.assertRegex(self.apply(), "made and verified")
        after = self.dialect.saved(self.host)
        self.assertEqual(test_replace.states(after), [])
        for words in re.findall(" -j (?:NFLOG|TRACE).*", rules):
            self.assertEqual(after.count(words + "\n"), 2, after)
        self.assertIn("nothing to do", self.apply())
        self.host.remove(self.dialect.backend)
        self.assertEqual(self.dialect.saved(self.host), before)


class Packets(test_replace.Packets):
    hosts = {"that leaves": HOSTS["that leaves"]}


def load_tests(loader, tests, pattern):
    return test_replace.each_dialect(loader, (Restored, Packets))


if __name__ == "__main__":
    unittest.main()
