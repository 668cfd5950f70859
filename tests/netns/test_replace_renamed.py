# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace`: somebody renames a chain that stands in for a rule, or one
that such rules go to (iptables -E). Nothing is done until it has its name again."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_replace                                         # noqa: E402
import test_replace_leaving                                 # noqa: E402
from test_replace import POLICY, REFUSED, ctpolicy          # noqa: E402

HOSTS = {**test_replace.HOSTS, **test_replace_leaving.HOSTS}


def setUpModule():
    lab.require_ctpolicy()


def uncounted(saved):
    """iptables -E forgets what policies have counted, and moves chains."""
    return sorted(re.sub(r"(?m)^(:.*) \[.*", r"\1", saved).splitlines())


class Renamed:
    dialect = None

    def setUp(self):
        self.host = lab.Namespace()

    def refused(self, renamed, name):
        for command in (["remove"], ["rollback"], ["recover"], ["remove"]):
            code, said = ctpolicy(self.host, *command)
            self.assertEqual(self.dialect.saved(self.host), renamed, said)
            if command != ["recover"]:
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT535]", said)
                self.assertNotIn("removed", said)
                self.assertIn("is called mine now", said)
                self.assertIn(name, said)
        code, said = self.host.ctpolicy("apply", POLICY, "--backend", self.dialect.backend)
        self.assertEqual(code, REFUSED, said)
        self.assertIn("mine", said)
        self.assertEqual(self.dialect.saved(self.host), renamed)

    def test_until_it_has_its_name(self):
        for host, (rules, chains) in HOSTS.items():
            self.dialect.load(self.host, rules, chains)
            before = self.dialect.saved(self.host)
            self.host.apply(self.dialect.backend, POLICY)
            whole = self.dialect.saved(self.host)
            tool = self.dialect.tool(4)
            v4 = whole.split("COMMIT")[0]
            names = re.findall(r"-[jg] ((?i:ctpolicy-\w+)\.[rg]\w+)", v4)
            self.assertTrue(names)
            for name in {n[:-8]: n for n in names}.values():
                with self.subTest(host=host, name=name):
                    self.host.run([tool, "-E", name, "mine"])
                    self.refused(self.dialect.saved(self.host), name)
                    self.host.run([tool, "-E", "mine", name])
                    self.assertEqual(uncounted(self.dialect.saved(self.host)),
                                     uncounted(whole))
            self.host.remove(self.dialect.backend)
            self.assertEqual(uncounted(self.dialect.saved(self.host)), uncounted(before))

    def test_a_chain_of_the_hosts(self):
        """Of a comment alone nothing is taken for ctpolicy's."""
        self.dialect.load(self.host, *HOSTS["a server"])
        tool = self.dialect.tool(4)
        self.host.run("%s -N own; %s -A INPUT -m comment --comment ctpolicy -j own" % (
            tool, tool))
        before = self.dialect.saved(self.host)
        self.host.apply(self.dialect.backend, POLICY)
        self.host.remove(self.dialect.backend)
        self.assertEqual(self.dialect.saved(self.host), before)


def load_tests(loader, tests, pattern):
    return test_replace.each_dialect(loader, (Renamed,))


if __name__ == "__main__":
    unittest.main()
