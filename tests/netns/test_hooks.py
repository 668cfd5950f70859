# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts that judge states elsewhere than in their filter table: accept rules
stand there too, and what is forbidden stays so."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_conflicts as rules                              # noqa: E402
from probes import Probe, serve_tcp, serve_udp, try_all     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: svc, role: %s, protocol: [tcp, udp], ports: [8080]}
"""
ENDS = ", clients: %s, servers: %s" % tuple(
    str([lab.address(host, v) for v in lab.VERSIONS])
    for host in ("client", "server"))
ROUTER = "router" + ENDS
PORT, OTHER = 8080, 8081
NFT_HOOKS = {"raw": -300, "mangle": -150, "security": 50}
IPT = ["%(table)s :%(chain)s DROP",
       "%(table)s %(chain)s -m conntrack --ctstate INVALID -j DROP",
       "%(table)s %(chain)s -m conntrack --ctstate ESTABLISHED,RELATED "
       "-j ACCEPT",
       "%(table)s %(chain)s -p ipv6-icmp -j ACCEPT",
       "%(table)s %(chain)s -p tcp --dport 8080 -m conntrack --ctstate NEW "
       "-j ACCEPT",
       "%(table)s %(chain)s -p udp --dport 8080 -m conntrack --ctstate NEW "
       "-j ACCEPT"]
NFT = ["ct state invalid drop",
       "ct state established,related accept",
       "meta l4proto ipv6-icmp accept",
       "tcp dport 8080 ct state new accept",
       "udp dport 8080 ct state new accept"]
# What arrives passes PREROUTING first, to this host or through it, and what
# leaves passes POSTROUTING last.
PLACES = [("INPUT", table, chain) for table, chain in (
    ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("security", "INPUT"),
    ("mangle", "POSTROUTING"))]
PLACES += [("OUTPUT", table, chain) for table, chain in (
    ("mangle", "PREROUTING"), ("mangle", "OUTPUT"), ("security", "OUTPUT"),
    ("mangle", "POSTROUTING"))]
PLACES += [("FORWARD", table, chain) for table, chain in (
    ("mangle", "PREROUTING"), ("mangle", "FORWARD"), ("security", "FORWARD"),
    ("mangle", "POSTROUTING"))]
# Where answers are seen, they are accepted whatever port they come from.
ANSWERS = [("INPUT", "POSTROUTING"), ("OUTPUT", "PREROUTING")]


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    for space in (LAB.router, LAB.server):
        for version in lab.VERSIONS:
            for port in (PORT, OTHER):
                serve_tcp(space, version, port)
                serve_udp(space, version, port)


def load(dialect, table, chain, ipt=tuple(IPT), nft=tuple(NFT)):
    LAB.router.clear()
    for version in lab.VERSIONS:
        if dialect == "native":
            LAB.router.nft("table %s %s {\n chain c {\n  type filter hook %s "
                           "priority %d; policy drop;\n  %s\n }\n}\n" % (
                               "ip" if version == 4 else "ip6", table,
                               chain.lower(), NFT_HOOKS[table],
                               "\n  ".join(nft)))
            continue
        text = rules.saved([rule % {"table": table, "chain": chain}
                            for rule in ipt], version)
        if dialect == "legacy":
            LAB.router.legacy(version, text)
        else:
            LAB.router.run(["ip%stables-nft-restore" % (
                "" if version == 4 else "6")], text)


def probes(way):
    """To what goes that way, on the service's port and on another one."""
    space, host = {"INPUT": (LAB.client, "router-c"),
                   "OUTPUT": (LAB.router, "server"),
                   "FORWARD": (LAB.client, "server")}[way]
    return [Probe(space, proto, v, lab.address(host, v), port)
            for v in lab.VERSIONS for proto in ("tcp", "udp")
            for port in (PORT, OTHER)]


def listing(dialect):
    """The host's own rules; what counts meanwhile may count, and legacy tables
    that hold nothing cannot be forgotten."""
    if dialect != "legacy":
        return re.sub(r"packets \d+ bytes \d+", "", LAB.router.run(
            ["nft", "-a", "list", "ruleset"]))
    out = []
    for tool in ("iptables-legacy-save", "ip6tables-legacy-save"):
        tables = re.sub(r"\[\d+:\d+\]|#.*", "", LAB.router.run([tool]))
        out += [t for t in tables.split("*") if " DROP" in t or "-A " in t]
    return out


class Hooks(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def check(self, dialect, way, table, chain, events):
        role = {"INPUT": "server", "OUTPUT": "client",
                "FORWARD": ROUTER}[way]
        load(dialect, table, chain)
        before = listing(dialect)
        fares = try_all(probes(way), 1)
        self.assertEqual({v for p, v in fares.items() if p.port == PORT},
                         {"served by 8080"})
        self.assertEqual({v for p, v in fares.items() if p.port == OTHER},
                         {"served by 8081" if (way, chain) in ANSWERS
                          else "no"})
        code, said = LAB.router.ctpolicy("apply", POLICY % role, "--backend",
                                         rules.backend_of(dialect))
        self.assertEqual(code, 0, said)
        served = [p for p in fares if p.port == PORT]
        events.take()
        self.assertEqual(try_all(served, 1), {p: fares[p] for p in served})
        self.assertEqual(events.take(), [])
        again = probes(way)
        self.assertEqual(list(try_all(again, 1).values()),
                         list(fares.values()))
        self.assertIn("nothing to do", LAB.router.ctpolicy(
            "apply", POLICY % role, "--backend",
            rules.backend_of(dialect))[1])
        LAB.router.remove(rules.backend_of(dialect))
        self.assertEqual(listing(dialect), before)

    def test_judged_there(self):
        events = lab.NewEntries(LAB.router)
        self.addCleanup(events.close)
        for dialect in rules.DIALECTS:
            for way, table, chain in PLACES:
                with self.subTest(dialect=dialect, way=way, table=table,
                                  chain=chain):
                    self.check(dialect, way, table, chain, events)

    @unittest.skipUnless("native" in rules.DIALECTS, "needs nftables")
    def test_of_any_priority(self):
        """Where conntrack was in another hook, any chain sees its states."""
        events = lab.NewEntries(LAB.router)
        self.addCleanup(events.close)
        for way, chain in (("INPUT", "INPUT"), ("FORWARD", "FORWARD"),
                           ("FORWARD", "POSTROUTING")):
            with self.subTest(way=way, chain=chain):
                self.check("native", way, "raw", chain, events)

    def test_policy_drops_late(self):
        """What nothing takes at POSTROUTING is open, by the interfaces that
        the policy names, and nothing else is."""
        for dialect in rules.DIALECTS:
            for way, role in (("OUTPUT", "client"), ("FORWARD", ROUTER),
                              ("FORWARD", ROUTER + ", interfaces: [toc, tos]"),
                              ("INPUT", "server")):
                with self.subTest(dialect=dialect, way=way, role=role):
                    self.check_open(dialect, way, role)

    def check_open(self, dialect, way, role):
        load(dialect, "mangle", "POSTROUTING", IPT[:4], NFT[:3])
        before = try_all(probes(way), 1)
        if way == "INPUT":      # answers, which the host accepts
            self.assertNotIn("no", before.values())
        else:
            self.assertEqual(set(before.values()), {"no"})
        LAB.router.apply(rules.backend_of(dialect),
                         POLICY % (role + ", accept: open"))
        after = try_all(probes(way), 1)
        if way == "INPUT":
            self.assertEqual(list(after.values()), list(before.values()))
            return
        self.assertEqual({v for p, v in after.items() if p.port == PORT},
                         {"served by 8080"})
        self.assertEqual({v for p, v in after.items() if p.port == OTHER},
                         {"no"})


if __name__ == "__main__":
    unittest.main()
