# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace` in nft's own tables: the host's state rules go, what passed
still passes without an entry, what could not begin still cannot, and all comes back to
the byte, with the sets that belong to rules."""
import json
import os
import re
import shutil
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
import test_replace as common                               # noqa: E402
from peers import connect                                   # noqa: E402
from test_replace import POLICY, REFUSED, ctpolicy, listed  # noqa: E402

ALLOWED = common.ALLOWED
NAMED = {"ip": "ip saddr @good ", "ip6": "ip6 saddr @good ", "inet": ""}
TYPES = {"ip": "ipv4_addr", "ip6": "ipv6_addr", "inet": "inet_service"}
GOOD = {"ip": "0.0.0.0/1, 128.0.0.0/1", "ip6": "::/0", "inet": "1-65535"}

ND = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
SERVER = ND + """
iif "lo" counter packets 2 bytes 120 accept
ct state established,related counter packets 7 bytes 420 accept comment "keep me"
ct state invalid counter packets 1 bytes 40 drop
tcp dport { 8080, 9000-9005 } ct state new counter packets 5 bytes 300 accept
NAMED udp dport 9053 ct state new log prefix "new: " accept
tcp dport 8081 reject with tcp reset
"""
VMAP = ND + """
ct state vmap { invalid : drop, established : accept, related : accept }
iif lo accept
tcp dport 8080 ct state new accept
ct state new udp dport { 9053, 9999 } accept
"""
NEGATED = ND + """
iif lo accept
ct state != { established, related, new } counter drop
ct state { established, related } accept
ct state new tcp dport vmap { 8080 : accept, 8081 : drop, 9001-9004 : jump more }
udp dport 9053 accept
"""
CHAINS = ND + """
ct state established accept
tcp dport 8080 ct state new jump fresh
udp dport 9053 ct state new accept
"""
HOSTS = {"a server": SERVER, "a map": VMAP, "negated": NEGATED, "in a chain": CHAINS}


def ruleset(family, rules, output="policy accept;"):
    rules = rules.replace("NAMED ", NAMED[family])
    if family == "ip":
        rules = re.sub("^icmpv6.*\n", "", rules, flags=re.M)
    return """table %s host {
set good { type %s; flags interval; elements = { %s } }
quota spare { over 10 mbytes }
chain more { counter accept; }
chain fresh { counter accept; }
chain input { type filter hook input priority 0; policy drop;
%s}
chain forward { type filter hook forward priority 0; policy drop; }
chain output { type filter hook output priority 0; %s }
}
""" % (family, TYPES[family], GOOD[family], rules, output)


FAMILIES = {"inet": ["inet"], "ip and ip6": ["ip", "ip6"]}


def setUpModule():
    lab.require_ctpolicy()
    if "native" not in dialects.here():
        raise unittest.SkipTest("no nftables here")


class Host:
    """Of tables of these families."""

    def __init__(self, space, families):
        self.space, self.families = space, families

    def load(self, rules):
        self.space.clear()
        for family in self.families:
            self.space.nft(ruleset(family, rules))

    def rules(self):
        return self.space.run("nft list ruleset")


def states(text):
    return re.findall(r"\bct\b", text)


class Restored:
    families = None
    hosts = HOSTS

    def setUp(self):
        self.space = lab.Namespace()
        self.host = Host(self.space, self.families)

    def apply(self, *more):
        return self.space.apply("nftables", POLICY, *more)

    def start(self, host):
        self.host.load(self.hosts[host])
        before = listed(self.space)
        self.assertRegex(self.apply(), "made and verified")
        self.assertEqual(states(self.host.rules()), [])
        return before

    def test_removed(self):
        for host in self.hosts:
            with self.subTest(host=host):
                before = self.start(host)
                self.space.remove("nftables")
                self.assertEqual(listed(self.space), before)

    def test_nothing_to_do_again(self):
        for host in self.hosts:
            with self.subTest(host=host):
                self.start(host)
                after = listed(self.space)
                self.assertIn("nothing to do", self.apply())
                self.assertEqual(listed(self.space), after)

    def test_rolled_back_and_forth(self):
        for host in self.hosts:
            with self.subTest(host=host):
                before = self.start(host)
                after = listed(self.space)
                self.space.remove("nftables")
                self.space.run([lab.CTPOLICY, "rollback"])
                self.assertEqual(listed(self.space), after)
                self.space.run([lab.CTPOLICY, "rollback"])
                self.assertEqual(listed(self.space), before)

    def test_a_chain_renamed(self):
        """Its jumps into ctpolicy's chains are nobody's that can be read: what
        cannot be done leaves them as they are, and opens nothing."""
        self.start("a map")
        for family in self.families:
            rules = self.space.run("nft list table %s host" % family)
            chain = re.search(r"jump (ctpolicy-input\.r\w+)", rules)[1]
            called = re.findall(r"chain (ctpolicy-input\.\w+)", rules)
            self.space.nft("insert rule %s host %s meta mark 7 jump %s" % (
                family, chain, next(c for c in called if c != chain)))
            self.space.nft("rename chain %s host %s mine" % (family, chain))
        before = listed(self.space)
        for command in (["remove"], ["rollback"], ["recover"], ["remove"]):
            ctpolicy(self.space, *command)
            self.assertEqual(listed(self.space), before)
        self.space.ctpolicy("apply", POLICY, "--backend", "nftables")
        self.assertEqual(listed(self.space), before)

    def test_stand_in_renamed(self):
        """Which rule it stood for is not known: nothing is done until it has its name
        again, which is said."""
        for host in HOSTS:
            for last in (0, -1):
                before = self.start(host)
                family = self.families[-1]
                name = re.findall(r"jump (ctpolicy-input\.r\w+)", self.space.run(
                    "nft list chain %s host input" % family))[last]
                whole = listed(self.space)
                self.space.nft("rename chain %s host %s mine" % (family, name))
                renamed = listed(self.space)
                for command in (["remove"], ["rollback"], ["remove"]):
                    with self.subTest(host=host, last=last, command=command):
                        code, said = ctpolicy(self.space, *command)
                        self.assertEqual(code, REFUSED, said)
                        self.assertIn("[CT535]", said)
                        self.assertNotIn("removed", said)
                        self.assertEqual(listed(self.space), renamed)
                code, said = self.space.ctpolicy("apply", POLICY, "--backend", "nftables")
                self.assertEqual(code, REFUSED, said)
                self.assertEqual(listed(self.space), renamed)
                self.assertIn(name, said)
                self.space.nft("rename chain %s host mine %s" % (family, name))
                self.assertEqual(listed(self.space), whole)
                self.space.remove("nftables")
                self.assertEqual(listed(self.space), before)

    def test_not_confirmed(self):
        self.host.load(SERVER)
        before = listed(self.space)
        self.apply("--confirm", "2s")
        self.assertEqual(states(self.host.rules()), [])
        end = time.monotonic() + 30
        while listed(self.space) != before and time.monotonic() < end:
            time.sleep(0.3)
        self.assertEqual(listed(self.space), before)

    def test_other_rules_meanwhile(self):
        self.start("a server")
        for family in self.families:
            self.space.nft("insert rule %s host input tcp dport 1 drop;"
                           "add rule %s host input tcp dport 2 drop" % (family, family))
        self.apply()
        self.assertIn("nothing to do", self.apply())
        self.space.remove("nftables")
        for family in self.families:
            rules = [line.strip() for line in self.space.run(
                "nft list chain %s host input" % family).splitlines()]
            at = next(i for i, r in enumerate(rules) if "established" in r)
            self.assertLess(rules.index("tcp dport 1 drop"), at)
            self.assertEqual(rules.index("tcp dport 2 drop"), len(rules) - 3)

    def test_changed_at_the_last_moment(self):
        """While the change is on its way to the disk: it is planned anew."""
        if not shutil.which("strace"):
            self.skipTest("no strace here")
        self.host.load(SERVER)
        path = os.path.join(lab.WORK, "policy.yaml")
        with open(path, "w") as policy:
            policy.write(POLICY)
        process = self.space.popen(
            ["strace", "-qq", "-f", "-o", "/dev/null", "-e",
             "inject=fsync:delay_enter=1500000:when=1", lab.CTPOLICY, "apply",
             "--backend", "nftables", path], text=True, stdout=-1, stderr=-2)
        time.sleep(0.8)
        family = self.families[-1]
        self.space.nft("add rule %s host input tcp dport { 7, 9 } ct state new accept" %
                       family)
        said = process.communicate()[0]
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(states(self.host.rules()), [])
        self.space.remove("nftables")
        self.assertRegex(self.host.rules(), "tcp dport { 7, 9 } ct state new accept")

    def test_chain_flushed(self):
        """The jumps are gone, and what they stood for: nobody claims it to be back."""
        for verb in ("remove", "rollback"):
            self.start("in a chain")
            for family in self.families:
                self.space.nft("flush chain %s host input" % family)
            code, said = ctpolicy(self.space, verb)
            self.assertEqual(code, 0, said)
            self.assertIn("[CT535]", said)
            self.assertNotRegex(said, "previous rules are in force, verified")
            self.assertNotIn("ctpolicy", self.host.rules())

    def test_chain_renamed(self):
        """One that a verdict or a map leads to: such rules do not come back."""
        for rule in ("tcp dport 5 ct state new jump other", "ct state new tcp dport vmap "
                     "{ 5 : jump other, 6 : drop }", "ct state vmap { new : jump other }"):
            self.host.load("")
            for family in self.families:
                self.space.nft("add chain %s host other; add rule %s host input %s" % (
                    family, family, rule))
            self.assertRegex(self.apply(), "made and verified")
            for family in self.families:
                self.space.nft("rename chain %s host other another" % family)
            code, said = ctpolicy(self.space, "remove")
            self.assertEqual(code, 0, said)
            self.assertIn("[CT535]", said)
            self.assertNotIn("ctpolicy", self.host.rules())

    def test_record_damaged(self):
        """What is not a rule is not given to the kernel."""
        self.start("a server")
        path = self.space.run("ls -t /var/lib/ctpolicy/*/originals | head -1").strip()
        whole = self.space.run(["cat", path])
        before = listed(self.space)
        for change in (lambda s: re.sub('("rule":"[0-9a-f]{40})', r"\1f", s),
                       lambda s: re.sub('("rule":")[0-9a-f]{8}', r"\1ffffffff", s),
                       lambda s: re.sub('("rule":"[0-9a-f]* [0-9a-f-]* )[0-9a-f]{8}',
                                        r"\1ffffffff", s)):
            self.assertNotEqual(change(whole), whole)
            self.space.run(["tee", path], change(whole))
            code, said = ctpolicy(self.space, "remove")
            self.assertNotEqual(code, 0, said)
            self.assertEqual(listed(self.space), before)

    def test_reloaded(self):
        """The firewall's own reload brought the rules back."""
        before = self.start("a server")
        self.host.load(SERVER)
        self.assertIn("no ctpolicy rules found", self.space.remove("nftables"))
        self.assertEqual(listed(self.space), before)
        self.assertRegex(self.apply(), "made and verified")
        self.space.remove("nftables")
        self.assertEqual(listed(self.space), before)

    def test_saved_and_loaded(self):
        """As saved by the host while replaced, and loaded at the next boot."""
        for host in self.hosts:
            with self.subTest(host=host):
                before = self.start(host)
                saved = self.host.rules()
                self.space.clear()
                self.space.nft(saved)
                self.assertEqual(self.host.rules(), saved)
                self.assertIn("nothing to do", self.apply())
                self.space.remove("nftables")
                self.assertEqual(listed(self.space), before)

    def test_another_policy(self):
        """One that lets rules match states has them back, and its own beside them."""
        self.start("a server")
        self.assertRegex(self.space.apply("nftables", ALLOWED), "made and verified")
        self.assertIn("keep me", self.host.rules())
        self.assertIn("ct state new", self.host.rules())
        self.assertRegex(self.apply(), "made and verified")
        self.assertEqual(states(self.host.rules()), [])

    def test_not_on_record(self):
        self.start("a server")
        before = listed(self.space)
        code, said = ctpolicy(self.space, "remove", "--state-dir", "/var/lib/other")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("[CT534]", said)
        self.assertEqual(listed(self.space), before)

    def test_shown(self):
        self.host.load(SERVER)
        _, said = self.space.ctpolicy("diff", POLICY, "--backend", "nftables", "--json")
        found = json.loads(said)["replacements"]
        self.assertEqual(len(found), 4 * len(self.families), said)
        first = found[0]
        self.assertEqual((first["table"], first["chain"]), ("host", "input"))
        self.assertIn("established,related", first["rule"])
        self.assertIn("tcp-noninitial", first["replacement"]["admits"])
        _, said = self.space.ctpolicy("diff", POLICY, "--backend", "nftables")
        self.assertRegex(said, r"~ ip\w* host input \d: ct state established,related"
                         if "inet" not in self.families else
                         r"~ inet host input \d: ct state established,related")
        self.assertIn("tcp dport { 8080, 9000-9005 }", said)
        self.assertIn("newly admits: tcp-noninitial", said)


class Refused:
    families = None

    def setUp(self):
        self.space = lab.Namespace()
        self.host = Host(self.space, self.families)

    def refused(self, rules, why):
        self.host.load(SERVER)
        for family in self.families:
            self.space.nft("add rule %s host input %s" % (family, rules))
        before = listed(self.space)
        code, said = self.space.ctpolicy("apply", POLICY, "--backend", "nftables")
        self.assertEqual(code, REFUSED, said)
        self.assertIn(why, said)
        self.assertEqual(listed(self.space), before)

    def test_what_has_no_equivalent(self):
        self.refused("ct count over 9 drop", "counts connections")

    def test_what_ends_the_chain(self):
        self.refused("ct state new iifname vmap { eth0 : goto more, eth1 : drop }",
                     "leads out of the chain")

    def test_owned(self):
        """Another program may not even add a rule there."""
        self.space.clear()
        family = self.families[-1]
        owner = self.space.popen(["nft", "-i"], text=True, stdin=-1, stdout=-3)
        try:
            owner.stdin.write(
                "add table %s host { flags owner; }\n"
                "add chain %s host input { type filter hook input priority 0; }\n"
                "add rule %s host input ct state new accept\n" % ((family,) * 3))
            owner.stdin.flush()
            end = time.monotonic() + 60
            while time.monotonic() < end and "ct state" not in self.host.rules():
                time.sleep(0.1)
            before = listed(self.space)
            code, said = self.space.ctpolicy("apply", POLICY, "--backend", "nftables")
            self.assertEqual(code, REFUSED, said)
            self.assertIn("only the program that owns the table", said)
            self.assertEqual(listed(self.space), before)
        finally:
            owner.stdin.close()
            owner.kill()
            owner.wait()

    def test_what_changes_packets(self):
        self.refused("ct state new meta mark set 1 accept", "[CT533]")


class Packets(common.Packets):
    families = None
    hosts = HOSTS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = Host(cls.server, cls.families)

    def test_flows(self):
        for host in self.hosts:
            self.host.load(self.hosts[host])
            before = {v: self.seen(v) for v in lab.VERSIONS}
            self.assertTrue(before[4]["8080"] and before[4]["out"], before)
            self.assertFalse(before[4]["8082"], before)
            held = [connect(self.client, v, 8080) for v in lab.VERSIONS]
            self.server.apply("nftables", POLICY)
            self.server.flush_entries()
            with self.subTest(host=host):
                self.assertEqual({v: self.seen(v) for v in lab.VERSIONS}, before)
                for sock in held:
                    sock.sendall(b"still there")
                    self.assertEqual(sock.recv(64), b"still there")
                self.assertEqual(common.count(self.server), 0)
            for sock in held:
                sock.close()
            self.server.remove("nftables")
            with self.subTest(host=host, removed=True):
                self.assertEqual({v: self.seen(v) for v in lab.VERSIONS}, before)


def each_family(loader, cases):
    """Each of them once with tables of both families, and with one for each."""
    tests = unittest.TestSuite()
    for name, families in FAMILIES.items():
        for case in cases:
            here = type("%s_%s" % (case.__name__, name.replace(" ", "_")),
                        (case, unittest.TestCase), {"families": families})
            tests.addTests(loader.loadTestsFromTestCase(here))
    return tests


def load_tests(loader, tests, pattern):
    return each_family(loader, (Restored, Refused, Packets))


if __name__ == "__main__":
    unittest.main()
