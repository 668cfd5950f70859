#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctpolicy watch` where the policy forbids rules that match states and replaces
those of the host: what a reload brings back is replaced again."""
import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from traffic import Echo, tcp_exchange, web_exchanges       # noqa: E402
from watcher import Watch                                   # noqa: E402

POLICY = "version: 1\nstate_matching: forbidden\nexisting_rules: replace\n"
HOST = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p icmp%s -j ACCEPT
-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
%sCOMMIT
"""


def host_rules(version, more=""):
    return HOST % ("v6" if version == 6 else "", more)


def one_more(port):
    """What was replaced once stays known, by whatever test."""
    return lambda version: host_rules(
        version, "-A INPUT -p tcp --dport %d -m conntrack --ctstate NEW "
        "-j ACCEPT\n" % port)


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    for port in (80, 85):
        Echo(LAB.server, port)


class Case(unittest.TestCase):
    dialect = None
    watch = None

    def setUp(self):
        dialects.load(LAB.server, self.dialect, host_rules)
        self.backend = dialects.backend_of(self.dialect)
        said = LAB.server.apply(self.backend, POLICY)
        self.assertIn("made and verified", said)
        self.watch = Watch(LAB.server)
        self.told("in_force")

    def tearDown(self):
        if self.watch.process.poll() is None:
            self.watch.kill()
        LAB.server.run([lab.CTPOLICY, "remove", "-q"])
        LAB.clear()

    def told(self, event):
        found = self.watch.wait(event)
        self.assertIsNotNone(found, (event, self.watch.events))
        return found

    def reload(self, rules=host_rules):
        dialects.reload(LAB.server, self.dialect, rules)

    def served(self):
        self.assertEqual(web_exchanges(LAB),
                         (["ok"] * len(lab.VERSIONS), []))

    def well(self):
        self.served()
        self.assertEqual(LAB.server.ctpolicy("diff", POLICY)[0], 0)

    def repaired(self):
        """Until nothing differs: a reload may have been met half-way."""
        events = [self.told("repaired")]
        while LAB.server.ctpolicy("diff", POLICY)[0]:
            events.append(self.told("repaired"))
        self.well()
        return [d for e in events for d in e["diagnostics"]]

    def test_the_same_rules(self):
        self.well()
        self.reload()
        self.assertNotIn("CT841", [d["id"] for d in self.repaired()])
        LAB.server.run([lab.CTPOLICY, "remove", "-q"])
        self.assertEqual(self.states(), 4)

    def states(self):
        """Rules that ask for the state of a connection."""
        return LAB.server.run({
            "native": "nft list ruleset", "legacy": "iptables-legacy-save;"
            "ip6tables-legacy-save"}.get(
                self.dialect, "iptables-nft-save; ip6tables-nft-save")
                              ).count({"native": "ct state"}.get(
                                  self.dialect, "--ctstate"))

    def test_rules_that_no_apply_has_seen(self):
        """The policy is about them, too: they are replaced, and named once."""
        self.reload(one_more(81))
        said = [d for d in self.repaired() if d["id"] == "CT841"]
        self.assertEqual(len(said), 2, said)
        for family, d in zip(("ip", "ip6"), said):
            self.assertEqual(d["level"], "warning")
            self.assertRegex(d["message"], "table %s .* 81 " % family)
        self.assertIn("newly admitted: tcp-noninitial", said[-1]["help"])
        self.assertEqual(self.states(), 0)
        # it is known now, and comes back with the others at the end
        self.reload(one_more(81))
        self.assertNotIn("CT841", [d["id"] for d in self.repaired()])
        LAB.server.run([lab.CTPOLICY, "remove", "-q"])
        self.assertEqual(self.states(), 6)

    def test_rules_that_an_apply_has_seen(self):
        """What could not be replaced at first, and was by an apply since, is
        named no more."""
        if self.dialect == "legacy":
            return                  # looked at too often to be ahead of it
        # which stands where state files are written
        new = LAB.server.run("for d in /var/lib/ctpolicy/*/; do "
                             "mkdir $d/new && echo $d/new; done").split()
        self.reload(one_more(86))
        self.told("failed")
        LAB.server.run(["rmdir", *new])
        self.assertIn("made and verified",
                      LAB.server.apply(self.backend, POLICY))
        self.told("in_force")
        self.reload(one_more(86))
        self.assertNotIn("CT841", [d["id"] for d in self.repaired()])
        self.assertEqual(self.states(), 0)

    def port_85(self):
        return tcp_exchange(LAB.client, 4, lab.address("server", 4), 85)

    def test_a_rule_alone(self):
        """It is no reload: whoever added it asks for it, and deletes it."""
        rule = one_more(85)(4).splitlines()[-2][3:]
        tool = "iptables-legacy" if self.dialect == "legacy" else \
            "iptables-nft"
        add = "nft insert rule ip host INPUT tcp dport 85 ct state new " \
            "accept" if self.dialect == "native" else \
            "%s -C %s 2>/dev/null || %s -I %s" % (tool, rule, tool, rule)
        for _ in range(2):
            LAB.server.run(add)
            said = self.told("in_force")["diagnostics"]
            self.assertEqual([d["level"] for d in said if d["id"] == "CT841"],
                             ["warning"], said)
            self.assertIn("stays as it is", said[-1]["message"])
            self.assertIsNone(self.watch.wait("repaired", 2))
            self.assertEqual(self.states(), 1)
            self.assertEqual(self.port_85(), "ok")
            if self.dialect == "native":
                handle = re.search(r"dport 85 .*# handle (\d+)",
                                   LAB.server.run("nft -a list ruleset"))
                LAB.server.nft("delete rule ip host INPUT handle " +
                               handle.group(1))
            else:
                LAB.server.run(add)
                LAB.server.run("%s -D %s" % (tool, rule))
            self.assertEqual(self.states(), 0)
            self.assertNotEqual(self.port_85(), "ok")
        self.well()
        LAB.server.run(add)
        self.told("in_force")
        # with a reload it is replaced
        self.reload(one_more(85))
        self.repaired()
        self.assertEqual(self.states(), 0)

    def test_told_in_words(self):
        self.watch.end()
        self.reload(one_more(83))
        watch = LAB.server.popen([lab.CTPOLICY, "watch", "--once"], text=True,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        said, warned = watch.communicate()
        self.assertEqual(watch.returncode, 0, warned)
        self.assertIn("put back with", said)
        self.assertEqual(warned.count("so it was replaced"), 2, warned)
        self.well()

    def test_nobody_is_fought(self):
        for port in range(1000, 1016):
            self.reload(one_more(port))
            if self.watch.wait("repaired", 4) is None:
                break
        event = [e for e in self.watch.events if e["event"] == "waiting"]
        event = event[-1] if event else self.told("waiting")
        self.assertGreater(event["wait_seconds"], 0)
        self.assertIsNone(self.watch.wait("repaired", 2), self.watch.events)
        self.watch.signal(signal.SIGHUP)
        self.repaired()

    def test_rules_that_nothing_replaces(self):
        """Nothing is half done: as by `apply`, until they are gone."""
        self.reload(lambda version: host_rules(
            version, "-A INPUT -p tcp --dport 82 -m connlimit "
            "--connlimit-above 9 -j DROP\n" if version == 4 else ""))
        event = self.told("failed")
        self.assertIn("CT532", [d["id"] for d in event["diagnostics"]])
        self.reload()
        self.watch.signal(signal.SIGHUP)
        self.repaired()


def load_tests(loader, _tests, _pattern):
    return dialects.each(loader, Case)


if __name__ == "__main__":
    unittest.main()
