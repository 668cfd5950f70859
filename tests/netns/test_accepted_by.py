# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of the host's that accept untracked packets as they are: `diff` and
`apply` name them, and by packets it is these that let the service through."""
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, answers, pair                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [8080]%s}
"""
EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
INV = "-A INPUT -m conntrack --ctstate INVALID -j DROP"
NEW = "-A INPUT -p tcp -m tcp --dport 8080 -m conntrack --ctstate NEW " \
    "-j ACCEPT"
PLAIN = "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT"
ICMP = {4: "-A INPUT -p icmp -j ACCEPT", 6: "-A INPUT -p ipv6-icmp -j ACCEPT"}
# What iptables-nft, or the translation, calls the host's table.
TABLE = {"native": "host", "iptables-nft": "filter", "legacy": "filter"}


def text_of(version, rules, policy="DROP", chains=""):
    lines = ["*filter", ":INPUT %s [0:0]" % policy, ":OUTPUT ACCEPT [0:0]"]
    lines += [":%s - [0:0]" % c for c in chains.split()]
    return "\n".join(lines + [ICMP[version]] + rules + ["COMMIT"]) + "\n"


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        Server(SERVER, version, 8080)


def serves(version):
    return answers(CLIENT, version, 8080, .7)


def command(name, dialect, *options, more=""):
    return SERVER.ctpolicy(name, POLICY % more, "--backend",
                           dialects.backend_of(dialect), *options)


def said_in_json(name, dialect, more="", code=None):
    got, out = command(name, dialect, "--json", more=more)
    assert got == (code if code is not None else got), out
    return json.loads(out[out.index("{"):])


class AcceptedBy(unittest.TestCase):
    def tearDown(self):
        SERVER.clear()

    def fill(self, dialect, rules, **more):
        dialects.load(SERVER, dialect,
                      lambda version: text_of(version, rules, **more))

    def find(self, dialect, packets, position, chain="INPUT", more="",
             command_name="diff"):
        """It is said of IPv4 and IPv6, in text and in JSON."""
        found = said_in_json(command_name, dialect, more)["accepted_by"]
        self.assertEqual(
            [(e["service"], e["family"], e["table"], e["chain"],
              e["position"], e["packets"]) for e in found],
            [("web", family, TABLE[dialect], chain, position, packets)
             for family in ("ip", "ip6")])
        for e in found:
            self.assertIn("8080", e["rule"])
            self.assertEqual(e["policy"]["line"], 4)
        return found

    def take_out(self, dialect, chain, position):
        """The rule that was named, though ctpolicy's may stand ahead."""
        for version, family in ((4, "ip"), (6, "ip6")):
            if dialect == "native":
                listed = SERVER.run("nft -a list chain %s host %s" % (
                    family, chain)).splitlines()
                rules = [l for l in listed if "# handle" in l and
                         "chain " not in l and "ctpolicy" not in l]
                handle = re.search(r"handle (\d+)", rules[position - 1])
                SERVER.run("nft delete rule %s host %s handle %s" % (
                    family, chain, handle.group(1)))
                continue
            tool = "ip%stables-%s" % ("" if version == 4 else "6", {
                "iptables-nft": "nft", "legacy": "legacy"}[dialect])
            listed = SERVER.run("%s -S %s" % (tool, chain)).splitlines()
            rules = [l for l in listed if l.startswith("-A") and
                     "ctpolicy" not in l.lower()]
            SERVER.run("%s -D %s" % (tool, rules[position - 1][3:]))

    def test_first_packets(self):
        """Later ones are accepted by ctpolicy's rule, beside ESTABLISHED."""
        for dialect in dialects.here():
            with self.subTest(dialect):
                self.fill(dialect, [EST, INV, PLAIN])
                code, said = command("diff", dialect)
                self.assertEqual(code, 1, said)
                self.assertEqual(len(re.findall(
                    r"(?m)^= first packets of web are accepted by rule 4 of "
                    r"chain INPUT of table ip6? %s(?: \(legacy iptables\))?: "
                    r".*8080" % TABLE[dialect],
                    re.sub(r"\n {4,}", " ", said))), 2, said)
                self.find(dialect, ["first"], 4)
                code, said = command("apply", dialect)
                self.assertEqual(code, 0, said)
                self.assertEqual(said.count("= first packets of web"), 2,
                                 said)
                events = lab.NewEntries(SERVER)
                self.assertTrue(all(map(serves, lab.VERSIONS)))
                self.assertEqual(events.take(), [])
                events.close()
                self.take_out(dialect, "INPUT", 4)
                self.assertFalse(any(map(serves, lab.VERSIONS)))

    def test_all_packets(self):
        """No rule of ctpolicy's is needed, and none is there."""
        for dialect in dialects.here():
            for accept in "", ", accept: none":
                with self.subTest(dialect, accept=accept):
                    self.fill(dialect, [PLAIN])
                    self.find(dialect, ["first", "later"], 2, more=accept)
                    code, said = command("apply", dialect, more=accept)
                    self.assertEqual(code, 0, said)
                    self.assertIn("= first and later packets of web are "
                                  "accepted by rule 2 of chain INPUT", said)
                    self.assertNotIn("ctpolicy-input", SERVER.run(
                        "nft list ruleset; iptables-legacy-save").lower())
                    self.assertTrue(all(map(serves, lab.VERSIONS)))
                    self.take_out(dialect, "INPUT", 2)
                    self.assertFalse(any(map(serves, lab.VERSIONS)))

    def test_behind_a_jump(self):
        """And a policy that accepts, with a drop at the end."""
        for dialect in dialects.here():
            with self.subTest(dialect):
                self.fill(dialect, ["-A INPUT -p tcp -j allowed",
                                    "-A INPUT -p tcp -j DROP",
                                    "-A allowed -p tcp -m tcp --dport 22 "
                                    "-j ACCEPT",
                                    PLAIN.replace("INPUT", "allowed")],
                          policy="ACCEPT", chains="allowed")
                self.find(dialect, ["first", "later"], 2, "allowed",
                          command_name="apply")
                self.assertTrue(all(map(serves, lab.VERSIONS)))
                self.take_out(dialect, "allowed", 2)
                self.assertFalse(any(map(serves, lab.VERSIONS)))

    def test_only_where_it_matters(self):
        """Not where the policy would accept them all the same, nor what asks
        for a state, nor what ctpolicy's own rules do."""
        for dialect in dialects.here():
            for policy, rules in (("ACCEPT", [PLAIN]),
                                  ("ACCEPT", ["-A INPUT -s 192.0.2.99 -j DROP",
                                              PLAIN]),
                                  ("DROP", [EST, INV, NEW])):
                with self.subTest(dialect, rules=rules):
                    dialects.load(SERVER, dialect, lambda version: text_of(
                        version, [r.replace("192.0.2.99", "2001:db8::99")
                                  if version == 6 else r for r in rules],
                        policy))
                    self.assertNotIn("accepted_by",
                                     said_in_json("diff", dialect))
                    code, said = command("diff", dialect)
                    self.assertNotIn("accepted by", said)
                    self.assertTrue(all(map(serves, lab.VERSIONS)))

    def test_many(self):
        """A screen has twenty, JSON all of them."""
        net = {4: "203.0.113.%d", 6: "2001:db8:9::%x"}
        for dialect in dialects.here():
            with self.subTest(dialect):
                dialects.load(SERVER, dialect, lambda version: text_of(
                    version, [PLAIN.replace("-p tcp", "-s %s -p tcp" %
                                            (net[version] % n), 1)
                              for n in range(1, 41)]))
                found = said_in_json("diff", dialect)["accepted_by"]
                self.assertEqual([(e["family"], e["position"])
                                  for e in found],
                                 [(f, n) for f in ("ip", "ip6")
                                  for n in range(2, 42)])
                said = command("diff", dialect)[1]
                self.assertEqual(said.count("\n= first "), 20, said)
                self.assertIn("= and by 60 more rules (--json lists all)",
                              said)

    def test_nothing_to_do(self):
        """A second apply is as quiet as ever; --json and diff still say it."""
        for dialect in dialects.here():
            with self.subTest(dialect):
                self.fill(dialect, [EST, INV, PLAIN])
                self.assertEqual(command("apply", dialect)[0], 0)
                code, said = command("apply", dialect)
                self.assertEqual(code, 0, said)
                self.assertNotIn("accepted by", said)
                code, said = command("diff", dialect)
                self.assertEqual(code, 0, said)
                self.assertIn("are accepted by", said)
                self.assertNotIn("are accepted by",
                                 command("diff", dialect, "-q")[1])
                self.find(dialect, ["first"], 5)
                self.find(dialect, ["first"], 5, command_name="apply")


if __name__ == "__main__":
    unittest.main()
