# SPDX-License-Identifier: GPL-2.0-or-later
"""A host filters in nftables, in legacy iptables, in iptables-nft, or in
several of them: what one backend writes does not reach the others' chains. And
nothing is written, or refused, for chains that do not drop the service."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from peers import Server, answers, pair                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: [tcp, udp], ports: [8080], accept: %s}
"""
REFUSED = 14
NFT = """table inet host {
 chain input {
  type filter hook input priority filter; policy drop;
  icmpv6 type { 133-136 } accept
  ct state established accept
  tcp dport { 22, 8080 } ct state new accept
 }
}
"""
LEGACY = """*filter
:INPUT DROP [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m multiport --dports 22,8080 -j ACCEPT
COMMIT
"""
STATELESS = """*filter
:INPUT DROP [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p tcp -j ACCEPT
COMMIT
"""
# as a banning daemon writes them, and one about a port without a service
BANS = """*filter
:bans - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j bans
-A INPUT -p tcp --dport 23 -j DROP
-A bans -s 192.0.2.66 -j REJECT
-A bans -j RETURN
COMMIT
"""
NFT_BANS = """table inet host {
 set banned { type ipv4_addr; }
 chain bans {
  ip saddr @banned drop
 }
 chain input {
  type filter hook input priority filter; policy accept;
  tcp dport { 22, 222, 500-600 } jump bans
  tcp dport 23 drop
  meta l4proto udp udp dport vmap { 69 : drop, 162 : jump bans }
 }
}
"""


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        Server(SERVER, version, 8080)


def v4(text):
    return text.replace("-A INPUT -p ipv6-icmp -j ACCEPT\n", "")


def load(kind):
    """Both families of one kind of filter."""
    if kind == "nft":
        SERVER.nft(NFT)
    elif kind == "legacy":
        SERVER.legacy(4, v4(LEGACY))
        SERVER.legacy(6, LEGACY)
    else:
        SERVER.run(["iptables-nft-restore"], v4(LEGACY))
        SERVER.run(["ip6tables-nft-restore"], LEGACY)


def serves():
    return all(answers(CLIENT, version, 8080, 2) for version in lab.VERSIONS)


def command(name, *options, accept="open"):
    return SERVER.ctpolicy(name, POLICY % accept, *options)


class Worlds(unittest.TestCase):
    def setUp(self):
        SERVER.clear()

    tearDown = setUp

    def refused(self, kinds, *options):
        for kind in kinds:
            load(kind)
        self.assertTrue(serves(), "the service works before")
        for name in ("diff", "apply"):
            code, said = command(name, *options)
            self.assertEqual(code, REFUSED, said)
        self.assertTrue(serves(), said)
        return said

    @unittest.skipUnless(len(lab.BACKENDS) == 2, "needs both backends")
    def test_the_other_world_drops(self):
        for kind, backend, chain in (
                ("legacy", "nftables", "INPUT of table ip filter (legacy"),
                ("nft", "iptables", "chain input of table inet host")):
            with self.subTest(kind):
                SERVER.clear()
                said = self.refused([kind], "--backend", backend)
                self.assertIn(chain, said)
                self.assertIn("CT504", said)

    @unittest.skipUnless(len(lab.BACKENDS) == 2, "needs both backends")
    def test_both_drop(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                SERVER.clear()
                said = self.refused(["nft", "legacy"], "--backend", backend)
                self.assertIn("CT504", said)
                self.assertIn("let only one of the two filter them", said)
        SERVER.clear()
        self.assertIn("CT502", self.refused(["nft", "legacy"]))

    @unittest.skipUnless(shutil.which("iptables-nft-restore"),
                         "no iptables-nft")
    def test_iptables_nft(self):
        for kinds, backend, code in (
                (["iptables-nft"], "iptables", "CT601"),
                (["legacy", "iptables-nft"], "iptables", "CT504")):
            if backend not in lab.BACKENDS:
                continue
            with self.subTest(kinds=kinds, backend=backend):
                SERVER.clear()
                said = self.refused(kinds, "--backend", backend)
                self.assertIn(code, said)

    @unittest.skipUnless(len(lab.BACKENDS) == 2, "needs both backends")
    def test_a_firewall_comes_later(self):
        code, said = command("apply")
        self.assertEqual(code, 0, said)
        load("legacy")
        self.assertFalse(serves(), "legacy drops what is untracked")
        for name in ("diff", "apply"):
            code, said = command(name)
            self.assertEqual(code, REFUSED, said)
            self.assertIn("ctpolicy remove", said)
        SERVER.remove("nftables")
        code, said = command("apply", "--backend", "iptables")
        self.assertEqual(code, 0, said)
        self.assertTrue(serves())

    @unittest.skipUnless(len(lab.BACKENDS) == 2, "needs both backends")
    def test_no_accept_rule_is_wanted(self):
        """`accept: none`: the host says what gets through, in any world."""
        load("legacy")
        code, said = command("apply", "--backend", "nftables", accept="none")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("CT590", said)
        for version in lab.VERSIONS:
            for match in "-i lo", "-p tcp --dport 8080", "-p udp --dport 8080":
                SERVER.run("ip%stables-legacy -I INPUT %s -j ACCEPT" % (
                    "" if version == 4 else "6", match))
        code, said = command("apply", "--backend", "nftables", accept="none")
        self.assertEqual(code, 0, said)
        self.assertTrue(serves())
        SERVER.remove("nftables")

    @unittest.skipUnless(len(lab.BACKENDS) == 2, "needs both backends")
    def test_drops_of_other_services(self):
        SERVER.nft(NFT_BANS)
        for version in lab.VERSIONS:
            SERVER.legacy(version, BANS.replace(
                "192.0.2.66", "192.0.2.66" if version == 4 else
                "2001:db8::66"))
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                code, said = command("apply", "--backend", backend)
                self.assertEqual(code, 0, said)
                self.assertIn("CT702", said)
                self.assertTrue(serves())
                SERVER.remove(backend)


class Untouched(unittest.TestCase):
    """No chain of the host is changed without need."""

    def setUp(self):
        SERVER.clear()

    tearDown = setUp

    @unittest.skipUnless("nftables" in lab.BACKENDS, "needs nftables")
    def test_nft(self):
        SERVER.nft(NFT_BANS)
        before = SERVER.run("nft -s list table inet host")
        code, said = command("apply", "--backend", "nftables")
        self.assertEqual(code, 0, said)
        self.assertEqual(SERVER.run("nft -s list table inet host"), before)
        # One port more, and the bans are the service's: they hold
        SERVER.nft("add rule inet host input tcp dport { 80, 8080 } jump bans")
        code, said = command("apply", "--backend", "nftables")
        self.assertEqual(code, 0, said)
        self.assertNotIn("jump ctpolicy-input",
                         SERVER.run("nft list chain inet host input"))
        self.assertTrue(serves())

    @unittest.skipUnless("nftables" in lab.BACKENDS and
                         shutil.which("iptables-nft-restore"),
                         "needs nftables and iptables-nft")
    def test_iptables_nft(self):
        SERVER.run(["iptables-nft-restore"], BANS)
        code, said = command("apply")
        self.assertEqual(code, 0, said)
        self.assertTrue(serves())

    @unittest.skipUnless("nftables" in lab.BACKENDS, "needs nftables")
    def test_a_table_with_an_owner(self):
        """Only the process that made it may write into it."""
        owner = SERVER.popen(["nft", "-i"], stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.DEVNULL)
        try:
            owner.stdin.write(
                "add table inet host { flags owner; }\n"
                "add chain inet host input { type filter hook input priority "
                "0; policy drop; }\n")
            owner.stdin.flush()
            while "policy drop" not in SERVER.run("nft list ruleset"):
                if owner.poll() is not None:
                    self.skipTest("no tables with an owner here")
            code, said = command("apply", "--backend", "nftables")
            self.assertEqual(code, REFUSED, said)
            self.assertIn("CT704", said)
            self.assertIn("netlink port ", said)
        finally:
            owner.stdin.close()
            owner.wait()

    @unittest.skipUnless("iptables" in lab.BACKENDS, "needs iptables")
    def test_iptables(self):
        for rules in (None, BANS):
            if rules:
                SERVER.legacy(4, rules)
            code, said = command("apply", "--backend", "iptables")
            self.assertEqual(code, 0, said)
            self.assertNotIn("CTPOLICY", SERVER.run("iptables-legacy -S"))
            self.assertIn("NOTRACK", SERVER.run(
                "iptables-legacy -t raw -S").replace("CT --notrack",
                                                     "NOTRACK"))
            self.assertTrue(serves())
        SERVER.run("iptables-legacy -A INPUT -p tcp --dport 8000:8999 -j DROP")
        code, said = command("apply", "--backend", "iptables")
        self.assertEqual(code, 0, said)
        self.assertNotIn("CTPOLICY", SERVER.run("iptables-legacy -S"))
        self.assertFalse(serves())      # as before


class Tracking(unittest.TestCase):
    """Rules that match states switch connection tracking on."""

    def setUp(self):
        SERVER.clear()

    tearDown = setUp

    def test_nothing_drops(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                SERVER.clear()
                code, said = command("apply", "--backend", backend)
                self.assertEqual(code, 0, said)
                self.assertEqual(self.entries_of_others(), [])

    def entries_of_others(self):
        """Traffic that the policy does not name, from the server outward."""
        news = lab.NewEntries(SERVER)
        sock = SERVER.socket(lab.FAMILY[4], lab.socket.SOCK_DGRAM)
        sock.sendto(b"x", (lab.address("client", 4), 9999))
        sock.close()
        found = news.take()
        news.close()
        return found

    def fill(self, backend, rules):
        SERVER.clear()
        if backend == "iptables":
            SERVER.legacy(4, v4(rules))
            SERVER.legacy(6, rules)
        else:
            SERVER.nft(rules)

    def test_no_state_match_is_the_first(self):
        """Where no rule of the host matches a state, none of ctpolicy's does."""
        stateless = {"iptables": STATELESS, "nftables": NFT.replace(
            "ct state established accept", "").replace("ct state new ", "")}
        stateful = {"iptables": LEGACY, "nftables": NFT}
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                self.fill(backend, stateless[backend])
                code, said = command("apply", "--backend", backend)
                self.assertEqual(code, 0, said)
                self.assertTrue(serves())
                self.assertEqual(self.entries_of_others(), [])
                code, said = command("diff", "--backend", backend)
                self.assertEqual(code, 0, said)
                # once the host matches states, so may ctpolicy
                command("remove")
                self.fill(backend, stateful[backend])
                code, said = command("diff", "--rules", "--backend", backend)
                self.assertIn("untracked", said.lower())


if __name__ == "__main__":
    unittest.main()
