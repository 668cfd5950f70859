# SPDX-License-Identifier: GPL-2.0-or-later
"""From `existing_rules: replace` back to rules that match states: the host's own come
back, and the services that stay out of tracking are accepted ahead of them at once."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from traffic import Echo, web_exchanges                     # noqa: E402

WEB = """untracked:
  - {name: web, role: server, protocol: tcp, ports: [80]%s}
"""
REPLACED = ("version: 1\nstate_matching: forbidden\nexisting_rules: replace\n" +
            WEB % "")
ALLOWED = "version: 1\nstate_matching: allowed\n" + WEB
HOST = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
%s-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""
ND = "".join("-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT\n" % kind
             for kind in (135, 136))
REFUSED = 14


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, 80)


class Case(unittest.TestCase):
    dialect = None

    def setUp(self):
        dialects.load(LAB.server, self.dialect,
                      lambda version: HOST % (ND if version == 6 else ""))
        self.before = self.listed()
        self.assertIn("made and verified", self.done(REPLACED))
        self.served()

    def tearDown(self):
        LAB.server.remove(dialects.backend_of(self.dialect))
        self.assertEqual(self.listed(), self.before)
        LAB.clear()

    @staticmethod
    def listed():
        return LAB.server.run("iptables-legacy-save | sed -n '/^-A/p'; "
                              "ip6tables-legacy-save | sed -n '/^-A/p'; "
                              "nft -s list ruleset")

    def apply(self, policy, *more):
        return LAB.server.ctpolicy("apply", policy, "--backend",
                                   dialects.backend_of(self.dialect), *more)

    def done(self, policy, *more):
        code, said = self.apply(policy, *more)
        self.assertEqual(code, 0, said)
        return said

    def served(self):
        self.assertEqual(web_exchanges(LAB, 3),
                         (["ok"] * len(lab.VERSIONS), []))

    def states(self):
        return self.listed().count("ctstate NEW") + \
            self.listed().count("ct state new")

    def test_inherit(self):
        self.assertEqual(self.states(), 0)
        self.done(ALLOWED % "")
        self.served()
        self.assertEqual(self.states(), 2)
        self.assertIn("nothing to do", self.done(ALLOWED % ""))
        self.done(REPLACED)
        self.served()

    def test_none(self):
        """What comes back drops untracked packets: that is no surprise."""
        now = self.listed()
        code, said = self.apply(ALLOWED % ", accept: none")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("[CT590]", said)
        self.assertIn("'ctpolicy remove'", said)
        self.assertEqual(self.listed(), now)
        self.served()


def load_tests(loader, _tests, _pattern):
    return dialects.each(loader, Case)


if __name__ == "__main__":
    unittest.main()
