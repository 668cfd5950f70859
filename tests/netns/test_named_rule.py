# SPDX-License-Identifier: GPL-2.0-or-later
"""The rule that CT590 names is the one that drops the packets, by its counter,
wherever others stand that could have done it."""
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
  - {name: web, role: server, protocol: tcp, ports: [8080], accept: none}
"""
ICMP = {4: "-p icmp -j ACCEPT", 6: "-p ipv6-icmp -j ACCEPT"}
INVALID = "-m conntrack --ctstate INVALID -j DROP"
KNOWN = "-m conntrack ! --ctstate NEW,ESTABLISHED,RELATED -j DROP"
EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
SYN = "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN --dport 8080 -j ACCEPT"
# What nobody can tell beforehand, and meets none of these packets.
DOUBTS = ["-m statistic --mode random --probability 0 -j DROP",
          "-m length --length 1300:1400 -j DROP",
          "-p tcp -m time --datestart 2037-01-01 -j DROP"]
# name -> rules of each table; {d} is such a doubt
CASES = {
    "in one chain": {"filter": ["-A INPUT {d}", "-A INPUT " + KNOWN]},
    "in a table ahead": {"mangle": ["-A PREROUTING {d}"],
                         "filter": ["-A INPUT " + KNOWN]},
    "in raw": {"raw": ["-A PREROUTING {d}"],
               "mangle": ["-A INPUT " + KNOWN], "filter": [EST]},
    "for later packets": {
        "mangle": ["-A PREROUTING {d}"],
        "filter": ["-A INPUT " + SYN, EST, "-A INPUT -p tcp -j DROP"]},
    "by the policy": {"mangle": ["-A PREROUTING {d}"], ":filter INPUT": "DROP",
                      "filter": [EST, "-A INPUT " + SYN.replace(
                          "-j", "-m conntrack --ctstate NEW -j")]},
    "in a chain": {
        "mangle": ["-A PREROUTING -p tcp -j doubts", "-A doubts {d}"],
        "filter": ["-A INPUT -p tcp -j checks", "-A checks {d}",
                   "-A checks -p tcp -j more", "-A more " + KNOWN]},
    "answers": {"mangle": ["-A OUTPUT -m statistic --mode random "
                           "--probability 0 -j DROP"],
                "filter": ["-A OUTPUT -p tcp -m tcp --sport 8080 " + KNOWN]},
    "two of one kind": {"mangle": ["-A INPUT -p udp " + KNOWN],
                        "filter": ["-A INPUT " + KNOWN, "-A INPUT {d}",
                                   "-A INPUT " + KNOWN]},
    "by a jump that may be": {
        "mangle": ["-A INPUT -m statistic --mode random --probability 0 "
                   "-j lost", "-A lost -j DROP"],
        "filter": [EST, "-A INPUT -p tcp -m tcp --dport 8080 -m conntrack "
                   "--ctstate NEW -j ACCEPT", "-A INPUT -p tcp -j lost",
                   "-A lost -p tcp -j DROP"]},
}
HOOKS = {"raw": ("PREROUTING", "OUTPUT"), "filter": ("INPUT", "OUTPUT"),
         "mangle": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")}
SAID = re.compile(
    r"service web: its (?P<packets>[a-z ]+) \(tcp (?P<v6>\[?).* be dropped by "
    r"(?:rule (?P<rule>\d+) of|the policy of) chain (?P<chain>\S+) of table "
    r"(?P<family>ip6?|inet) (?P<table>\w+).*\[CT590\]")


def text_of(version, tables, doubt):
    text = ""
    for table, hooks in HOOKS.items():
        rules = tables.get(table, [])
        if not rules:
            continue
        chains = {r.split()[1] for r in rules} - set(hooks)
        text += "*%s\n" % table
        text += "".join(":%s %s [0:0]\n" % (
            hook, tables.get(":%s %s" % (table, hook), "ACCEPT"))
            for hook in hooks)
        text += "".join(":%s - [0:0]\n" % c for c in sorted(chains))
        if table == "filter":
            text += "-A INPUT %s\n-A OUTPUT %s\n" % (ICMP[version],
                                                     ICMP[version])
        text += "".join(r.replace("{d}", doubt) + "\n" for r in rules)
        text += "COMMIT\n"
    return text


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        Server(SERVER, version, 8080)


def serves(version):
    return answers(CLIENT, version, 8080, .5)


def drops(dialect, version):
    """(table, chain, rule's position, or None: the policy) -> packets, of
    those that drop some."""
    if dialect == "legacy":
        return legacy_drops(version)
    rules, at, found = json.loads(SERVER.run("nft -j list ruleset"))[
        "nftables"], {}, {}
    for rule in (r["rule"] for r in rules if "rule" in r):
        place = rule["family"], rule["table"], rule["chain"]
        at[place] = at.get(place, 0) + 1
        if rule["family"] != ("ip6" if version == 6 else "ip") or not any(
                "drop" in e for e in rule["expr"]):
            continue
        packets = sum(e["counter"]["packets"] for e in rule["expr"]
                      if "counter" in e)
        if packets:
            found[place[1:] + (at[place],)] = packets
    return found


def legacy_drops(version):
    found = {}
    tool = "ip%stables-legacy" % ("" if version == 4 else "6")
    for table in HOOKS:
        chain, at = None, 0
        for line in SERVER.run("%s -t %s -nvxL" % (tool, table)).splitlines():
            words = line.split()
            if words[:1] == ["Chain"]:
                chain, at = words[1], 0
                if words[2:4] == ["(policy", "DROP"] and int(words[4]):
                    found[table, chain, None] = int(words[4])
            elif words and words[0].isdigit():
                at += 1
                if words[2] == "DROP" and int(words[0]):
                    found[table, chain, at] = int(words[0])
    return found


class Named(unittest.TestCase):
    def tearDown(self):
        SERVER.clear()

    def named(self, dialect, version):
        """What is refused, and then done in spite of it."""
        backend = "--backend", dialects.backend_of(dialect)
        code, said = SERVER.ctpolicy("apply", POLICY, *backend)
        self.assertEqual(code, 14, said)
        found = [m for m in SAID.finditer(said)
                 if bool(m["v6"]) == (version == 6)]
        self.assertEqual(len(found), 1, said)
        code, forced = SERVER.ctpolicy("apply", POLICY, "--force", *backend)
        self.assertEqual(code, 0, forced)
        m = found[0]
        return said, (m["table"], m["chain"],
                      int(m["rule"]) if m["rule"] else None)

    def check(self, dialect, name, doubt):
        dialects.load(SERVER, dialect, lambda v: text_of(
            v, CASES[name], doubt))
        for version in lab.VERSIONS:
            self.assertTrue(serves(version), "before")
        for version in lab.VERSIONS:
            said, place = self.named(dialect, version)
            self.assertFalse(serves(version), said)
            dropped = drops(dialect, version)
            # nft counts no packets of policies
            self.assertEqual(list(dropped) or [place[:2] + (None,)], [place],
                             said)
            SERVER.run([lab.CTPOLICY, "remove"])


class OnePriority(unittest.TestCase):
    """Of chains of one priority the kernel runs the newest first."""
    TABLE = """table inet %s {
     chain c {
      type filter hook input priority filter; policy accept;
      meta l4proto { icmp, icmpv6 } accept
      ct state != { new, established, related } counter drop
     }
    }
    """

    @unittest.skipUnless("nftables" in lab.BACKENDS, "needs nftables")
    def test_nft(self):
        for names in ("a", "b", "c"), ("c", "b", "a"):
            for at_once in False, True:
                with self.subTest(names=names, at_once=at_once):
                    SERVER.clear()
                    text = [self.TABLE % name for name in names]
                    for part in ["".join(text)] if at_once else text:
                        SERVER.nft(part)
                    self.check(names)
        SERVER.clear()

    def check(self, names):
        code, said = SERVER.ctpolicy("apply", POLICY)
        self.assertEqual(code, 14, said)
        found = SAID.search(said)
        self.assertTrue(found, said)
        code, forced = SERVER.ctpolicy("apply", POLICY, "--force")
        self.assertEqual(code, 0, forced)
        self.assertFalse(any(map(serves, lab.VERSIONS)))
        listed = json.loads(SERVER.run("nft -j list ruleset"))["nftables"]
        dropped = [r["rule"]["table"] for r in listed if "rule" in r and any(
            e.get("counter", {}).get("packets") for e in r["rule"]["expr"])]
        self.assertEqual(dropped, [names[-1]])
        self.assertEqual(found["table"], names[-1], said)


def case(dialect, name, doubt):
    return lambda self: self.check(dialect, name, doubt)


for _dialect in dialects.here():
    for _name in CASES:
        for _i, _doubt in enumerate(DOUBTS):
            if _i % len(DOUBTS) == len(_name) % len(DOUBTS):
                setattr(Named, "test_%s_%s" % (
                    _dialect.replace("-", "_"), _name.replace(" ", "_")),
                    case(_dialect, _name, _doubt))


if __name__ == "__main__":
    unittest.main()
