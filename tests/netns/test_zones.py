# SPDX-License-Identifier: GPL-2.0-or-later
"""Conntrack zones and templates undo NOTRACK: ahead of it, behind it, and where
they come when ctpolicy's rules are in force already."""
import contextlib
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_preflight as host                               # noqa: E402
from test_preflight import (HELPER, REFUSED, command, nft_chain,  # noqa: E402
                            serves, table)

setUpModule = host.setUpModule


def entries_of_service():
    with contextlib.closing(lab.NewEntries(host.SERVER)) as events:
        assert serves()
        return [e for e in events.take() if "8080" in e]


class Zones(unittest.TestCase):
    def tearDown(self):
        host.SERVER.clear()

    @unittest.skipUnless("nftables" in lab.BACKENDS, "needs nftables")
    def test_zones_undo_notrack(self):
        """Ahead of NOTRACK or behind it, whichever backend writes that."""
        for backend in lab.BACKENDS:
            for priority in "-301", "raw", "-299":
                with self.subTest(backend=backend, priority=priority):
                    host.SERVER.clear()
                    host.SERVER.nft(nft_chain(
                        "filter", "prerouting", priority,
                        "  tcp dport 8080 ct zone set 7"))
                    code, out = command("apply", "--backend", backend)
                    self.assertEqual(code, REFUSED, out)
                    self.assertIn("CT595", out)
                    self.assertIn("rule 1 of chain c of table inet more", out)
                    code, out = command("apply", "--backend", backend, more=
                                        ", override: [helpers]")
                    self.assertEqual(code, 0, out)
                    self.assertIn("warning", out)
                    host.SERVER.remove(backend)

    @unittest.skipUnless("nftables" in lab.BACKENDS, "needs nftables")
    def test_zone_of_an_interface(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                host.SERVER.clear()
                host.SERVER.nft(nft_chain(
                    "filter", "prerouting", "-301",
                    "  iifname \"wan\" ct zone set 7"))
                code, out = command("apply", "--backend", backend)
                self.assertEqual(code, REFUSED, out)
                self.assertIn("in by wan", out)
                code, out = command("apply", "--backend", backend, more=
                                    ", interfaces: [s]")
                self.assertEqual(code, 0, out)
                self.assertNotIn("CT59", out)
                host.SERVER.remove(backend)

    def test_a_device_that_comes_later(self):
        """Connections are tried by it, and not by another that is there."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                host.fill(backend, "", "", "", "")
                code, out = command("apply", "--backend", backend,
                                    more=", interfaces: [ppp0]")
                self.assertEqual(code, 0, out)
                self.assertNotIn("CT59", out)
                host.SERVER.remove(backend)

    @unittest.skipUnless("nftables" in lab.BACKENDS, "needs nftables")
    def test_no_place_of_notrack_wins(self):
        """Ahead of nft's zones NOTRACK is undone, behind them it does nothing,
        wherever either stands between defragmentation and conntrack."""
        zone = nft_chain("filter", "prerouting", "raw",
                         "  tcp dport 8080 ct zone set 7")
        tracks = nft_chain("filter", "input", "filter",
                           "  ct state new").replace("more", "tracks")
        for priority in "-399", "-301", "raw", "-299", "-201":
            own = "".join(
                "table inet own {\n chain %s {\n  type filter hook %s priority "
                "%s;\n  tcp %s 8080 notrack\n }\n}\n" % (
                    hook, hook, priority, port) for hook, port in (
                        ("prerouting", "dport"), ("output", "sport")))
            for order in (own,), (own, zone), (zone, own):
                with self.subTest(priority=priority, order=len(order),
                                  first=order[0] == own):
                    host.SERVER.clear()
                    for text in (tracks, *order):
                        host.SERVER.nft(text)
                    self.assertEqual(bool(entries_of_service()),
                                     zone in order)

    @unittest.skipUnless("nftables" in lab.BACKENDS, "needs nftables")
    def test_a_zone_comes_later(self):
        """The rules are in force, and no longer do what the policy says."""
        for backend in lab.BACKENDS:
            for hook, priority in (("prerouting", "-301"),
                                   ("prerouting", "raw"), ("output", "raw")):
                with self.subTest(backend=backend, hook=hook,
                                  priority=priority):
                    host.SERVER.clear()
                    code, out = command("apply", "--backend", backend)
                    self.assertEqual(code, 0, out)
                    code, out = command("diff", "--backend", backend)
                    self.assertEqual(code, 0, out)
                    host.SERVER.nft(nft_chain("filter", hook, priority,
                                         "  ct zone set 7"))
                    self.assertTrue(entries_of_service())
                    for what in "diff", "apply":
                        code, out = command(what, "--backend", backend)
                        self.assertEqual(code, REFUSED, out)
                        self.assertIn("CT595", out)
                        self.assertIn("rule 1 of chain c of table inet more",
                                      out)
                    host.SERVER.remove(backend)

    @unittest.skipUnless("iptables" in lab.BACKENDS, "needs iptables")
    def test_a_template_comes_later(self):
        """CT undoes NOTRACK where it stands ahead of it alone. That is a drift,
        which apply mends."""
        for where, harm in (("-I", True), ("-A", False)):
            with self.subTest(where):
                host.SERVER.clear()
                code, out = command("apply", "--backend", "iptables")
                self.assertEqual(code, 0, out)
                for tool in "iptables-legacy", "ip6tables-legacy":
                    for chain, port in (("PREROUTING", "--dport"),
                                        ("OUTPUT", "--sport")):
                        host.SERVER.run([tool, "-t", "raw", where, chain, "-p",
                                    "tcp", port, "8080", "-j", "CT",
                                    "--zone", "7"])
                self.assertEqual(bool(entries_of_service()), harm)
                code, out = command("diff", "--backend", "iptables")
                self.assertEqual(code, 1 if harm else 0, out)
                code, out = command("apply", "--backend", "iptables")
                self.assertEqual(code, 0, out)
                self.assertEqual(entries_of_service(), [])
                host.SERVER.remove("iptables")

    def test_what_tracks_without_a_state(self):
        """A helper or a zone of other connections keeps tracking at work, so
        that accept rules may ask for UNTRACKED."""
        for backend in lab.BACKENDS:
            for ipt, nft in (
                    ("--helper ftp", "ct helper set \"h\""),
                    ("--zone 7", "ct zone set 7")):
                with self.subTest(backend=backend, rule=ipt):
                    host.SERVER.clear()
                    if backend == "nftables":
                        host.SERVER.nft(HELPER + nft_chain(
                            "filter", "prerouting", "mangle" if "helper" in
                            ipt else "-301", "  tcp dport 21 " + nft) +
                            nft_chain("filter", "input", "filter; policy drop",
                                      "  tcp dport 8080 accept\n"
                                      "  icmpv6 type { 133-136 } accept"
                                      ).replace("chain c", "chain d"))
                    else:
                        for version in lab.VERSIONS:
                            host.SERVER.legacy(
                                version, table(
                                    "raw", "PREROUTING -p tcp --dport 21 "
                                    "-j CT " + ipt) +
                                "*filter\n:INPUT DROP [0:0]\n-A INPUT -p "
                                "tcp --dport 8080 -j ACCEPT\n-A INPUT -p "
                                "%s -j ACCEPT\nCOMMIT\n" % (
                                    "icmp" if version == 4 else "ipv6-icmp"))
                    code, out = command("apply", "--backend", backend)
                    self.assertEqual(code, 0, out)
                    self.assertTrue(serves())
                    self.assertRegex(host.SERVER.run(
                        "nft list ruleset; iptables-legacy-save"),
                        "(?i)untracked")
                    host.SERVER.remove(backend)


if __name__ == "__main__":
    unittest.main()
