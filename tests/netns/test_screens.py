# SPDX-License-Identifier: GPL-2.0-or-later
"""What diff and apply show on live hosts of each dialect: few lines, none wider
than a screen, and true of what the kernel holds."""
import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402

HEAD = "version: 1\nstate_matching: allowed\nuntracked:\n"
WEB = "- {name: web, role: server, protocol: tcp, ports: [%s], accept: open}\n"
ICMP = {4: "icmp", 6: "ipv6-icmp"}
EXAMPLES = os.path.join(os.environ["srcdir"], "policies/examples")
WIDTH = 80
TRIAL = 60


def host(version):
    return """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p %s -j ACCEPT
COMMIT
""" % ICMP[version]


def everywhere(test):
    """Once for each dialect that this machine has."""
    def tests(self):
        for dialect in dialects.here():
            with self.subTest(dialect):
                dialects.load(self.space, dialect, host)
                test(self, dialect)
    tests.__doc__ = test.__doc__
    return tests


class Screens(unittest.TestCase):
    def setUp(self):
        self.space = lab.Namespace()

    def shown(self, dialect, name, policy, *options, code=0):
        got, out = self.space.ctpolicy(
            name, policy, "--backend", dialects.backend_of(dialect), *options)
        self.assertEqual(got, code, out)
        for line in out.splitlines():
            if len(line) > WIDTH and not line.startswith("  ctpolicy "):
                self.assertGreater(max(map(len, line.split())), WIDTH // 2,
                                   line)
        return out

    def plainly(self, *words):
        """Without a policy."""
        process = self.space.popen([lab.CTPOLICY, *words], text=True,
                                   stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        out = process.communicate()[0]
        return process.returncode, out


    def empty_chain(self, dialect, which):
        """Of ctpolicy's accept rules, all of the one that has `which`."""
        if dialect == "native":
            rules = self.space.run("nft -a list ruleset")
            for family in "ip", "ip6":
                table = rules.split("table %s host " % family)[1]
                table = table.split("\n}")[0]
                chain = next(
                    c for c in table.split("\tchain ")
                    if c.startswith("ctpolicy-input") and which in c)
                self.space.run("nft flush chain %s host %s" % (
                    family, chain.split()[0]))
            return
        for tool in "iptables", "ip6tables":
            tool += {"iptables-nft": "-nft", "legacy": "-legacy"}[dialect]
            chain = next(
                line.split()[1] for line in
                self.space.run(tool + " -S").splitlines()
                if line.lower().startswith("-a ctpolicy-input") and
                which in line)
            self.space.run("%s -F %s" % (tool, chain))

    @everywhere
    def test_lines(self, dialect):
        """A person sees all of it at once."""
        most = {"web-farm": 24, "authoritative-dns": 40}
        for name, lines in most.items():
            with open(os.path.join(EXAMPLES, name + ".yaml")) as f:
                said = self.shown(dialect, "diff", f.read(), code=1)
            self.assertLess(len(said.splitlines()), lines, said)
            self.assertIn("RELATED,ESTABLISHED" if dialect != "native"
                          else "related", said)
        self.assertRegex(said, r"Plan: 3 services to add, 0 to change, "
                               r"0 to remove")

    @everywhere
    def test_life(self, dialect):
        """Comes, is there, changes, goes."""
        old, new = HEAD + WEB % "80, 81", HEAD + WEB % "80, 83"
        other = HEAD + WEB.replace("web", "mail") % "25"
        said = self.shown(dialect, "diff", old, code=1)
        self.assertRegex(said, r"(?m)^\+ web ")
        self.assertIn("Nothing has been changed. Next:", said)
        said = self.shown(dialect, "apply", old)
        self.assertRegex(said, r"(?m)^\+ web ")
        self.assertNotIn("Plan:", said)
        self.assertIn("No changes: this host matches",
                      self.shown(dialect, "diff", old))
        said = self.shown(dialect, "diff", new, code=1)
        self.assertRegex(said, r"(?m)^~ web ")
        self.assertIn("now also  tcp 83\n", said)
        self.assertIn("no longer tcp 81\n", said)
        self.assertIn("0 services to add, 1 to change, 0 to remove", said)
        said = self.shown(dialect, "diff", other, code=1)
        self.assertRegex(said, r"(?m)^\+ mail ")
        self.assertRegex(said, r"(?m)^- web +tcp 80, 81, any address  no "
                               r"longer in the policy$")
        self.assertIn("1 service to add, 0 to change, 1 to remove", said)
        code, said = self.plainly("remove", "--dry-run")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"(?m)^- web +tcp 80, 81, any address$")
        self.assertIn("Next: ctpolicy remove", said)

    @everywhere
    def test_missing(self, dialect):
        """What somebody took out is said to be missing, and where."""
        policy = HEAD + WEB % "80, 81"
        self.shown(dialect, "apply", policy)
        self.empty_chain(dialect, "dport")
        said = self.shown(dialect, "diff", policy, code=1)
        self.assertRegex(said, r"(?m)^~ web ")
        said = re.sub(r"\n {5,}", " ", said)
        self.assertRegex(said, r"(?i)accept    missing in ip6? \w+ input")
        self.assertIn("untracked packets may be dropped there", said)
        self.shown(dialect, "apply", policy)
        self.shown(dialect, "diff", policy)

    @everywhere
    def test_moved(self, dialect):
        """Another rule came ahead of the jumps that stood at a head."""
        policy = HEAD + WEB % "80, 81"
        if dialect == "native":
            return
        self.shown(dialect, "apply", policy)
        suffix = {"iptables-nft": "-nft", "legacy": "-legacy"}[dialect]
        for tool in "iptables", "ip6tables":
            self.space.run("%s%s -t raw -I PREROUTING -p tcp -j ACCEPT" %
                           (tool, suffix))
        code, said = self.space.ctpolicy(
            "diff", policy, "--backend", dialects.backend_of(dialect))
        if dialect == "legacy":
            self.assertEqual(code, 1, said)
            self.assertRegex(said, r"untrack   moves in ip raw PREROUTING")

    @everywhere
    def test_rules(self, dialect):
        """--rules has every rule and element once, and -v ICMP as well."""
        policy = HEAD + WEB % "80, 81"
        steps = json.loads(self.shown_json(dialect, policy))["steps"]
        rules = sum(s["kind"] == "rule" for s in steps)
        said = self.shown(dialect, "diff", policy, "-v", code=1)
        listed = said[said.index(
            "\n%s:" % dialects.backend_of(dialect)):]
        self.assertEqual(
            len(re.findall(r"(?m)^[+]   (?!type filter hook)", listed)),
            rules, said)
        short = self.shown(dialect, "diff", policy, "--rules", code=1)
        self.assertIn("accept rules for ICMP and ICMPv6", short)
        self.assertLess(len(short.splitlines()), len(said.splitlines()))
        self.assertNotIn("any client", self.shown(dialect, "diff", policy,
                                                  "-q", code=1))

    def shown_json(self, dialect, policy):
        _, out = self.space.ctpolicy(
            "diff", policy, "--backend", dialects.backend_of(dialect),
            "--json")
        return out[out.index("{"):]

    @everywhere
    def test_trial(self, dialect):
        """A script is told until when, and which change it is."""
        policy = HEAD + WEB % "80"
        before = int(self.space.run("date +%s"))
        code, out = self.space.ctpolicy(
            "apply", policy, "--backend", dialects.backend_of(dialect),
            "--json", "--confirm", "%ds" % TRIAL)
        self.assertEqual(code, 0, out)
        said = json.loads(out[out.index("{"):])["confirm"]
        after = int(self.space.run("date +%s"))
        self.assertEqual(sorted(said), ["deadline", "id", "seconds"])
        self.assertEqual(said["seconds"], TRIAL)
        self.assertTrue(before + TRIAL <= said["deadline"] <=
                        after + TRIAL, said)
        code, out = self.plainly("confirm", "--force", "--json")
        self.assertEqual(code, 0, out)
        self.assertNotIn("\"confirm\": {", out)
        self.assertEqual(self.plainly("remove")[0], 0)


if __name__ == "__main__":
    lab.require_ctpolicy()
    unittest.main(verbosity=2)
