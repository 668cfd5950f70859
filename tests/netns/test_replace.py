# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace`: the host's state rules go, what passed still passes without
an entry, what could not begin still cannot, and all comes back to the byte."""
import json
import os
import re
import shutil
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, connect, pair                     # noqa: E402

POLICY = "version: 1\nstate_matching: forbidden\nexisting_rules: replace\n"
ALLOWED = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [8080]}
"""
# Tables of nft's own have a test of their own.
EDITED = [name for name in dialects.here() if name != "native"]
REFUSED = 14

HEAD = "*filter\n:INPUT DROP [3:180]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [9:540]\n"
ND = "".join("[0:0] -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT\n" %
             kind for kind in (135, 136))
SERVER = """[2:120] -A INPUT -i lo -j ACCEPT
[7:420] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "keep me" -j ACCEPT
[1:40] -A INPUT -m conntrack --ctstate INVALID -j DROP
[5:300] -A INPUT -p tcp -m tcp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT
[4:240] -A INPUT -p udp -m udp --dport 9053 -m state --state NEW -j ACCEPT
[0:0] -A INPUT -p tcp -m tcp --dport 8081 -j REJECT --reject-with tcp-reset
"""
CHAINS = """[0:0] -A INPUT -p tcp -m conntrack --ctstate NEW -j fresh
[0:0] -A INPUT -m state --state ESTABLISHED -j ACCEPT
[0:0] -A fresh -s 192.0.2.99 -j DROP
[0:0] -A fresh -p tcp -m tcp --dport 8080 -j ACCEPT
"""
SHARED = """[0:0] -A INPUT -j both
[0:0] -A FORWARD -j both
[1:60] -A both -m state --state RELATED,ESTABLISHED -j ACCEPT
[2:120] -A both -p tcp -m state --state NEW -m tcp --dport 8080 -j ACCEPT
"""
# Words that no other ruleset here has, and one rule twice.
MANY_WORDS = """[1:60] -A INPUT ! -i lo ! -s 192.0.2.0/24 -d 198.51.100.2/32 -p tcp -m multiport --dports 8080,9000:9005 -m conntrack --ctstate NEW -m comment --comment "it's; a $word" -j ACCEPT
[2:60] -A INPUT -i wan+ ! -p udp -m state --state RELATED,ESTABLISHED -j ACCEPT
[3:60] -A INPUT -p tcp -m tcp --dport 8080 -m state --state NEW -m limit --limit 5/min --limit-burst 3 -j LOG --log-prefix "new: " --log-level 6
[4:60] -A INPUT -p tcp -m tcp --dport 8080 -m state --state NEW -j ACCEPT
[5:60] -A INPUT -s 203.0.113.7/32 -j DROP
[6:60] -A INPUT -p tcp -m tcp --dport 8080 -m state --state NEW -j ACCEPT
[7:60] -A INPUT -p tcp -m conntrack --ctstate INVALID -j DROP
[8:60] -A INPUT -m conntrack ! --ctstate INVALID -m mark --mark 0x5/0xf -j REJECT
[9:60] -A OUTPUT -o wan0 -p tcp -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
"""


def setUpModule():
    lab.require_ctpolicy()


def text(version, rules, chains=""):
    if version == 6:
        rules = ND + rules.replace("192.0.2.99", "2001:db8::99").replace(
            "192.0.2.0/24", "2001:db8:5::/48").replace(
            "198.51.100.2/32", "2001:db8:6::2/128").replace(
            "203.0.113.7/32", "2001:db8:7::7/128")
    return HEAD + chains + rules + "COMMIT\n"


class Dialect:
    """Where a host's iptables keeps its rules."""

    def __init__(self, name):
        self.name = name
        self.kind = "legacy" if name == "legacy" else "nft"
        self.backend = dialects.backend_of(name)

    def tool(self, version, verb=""):
        return "ip%stables-%s%s" % ("6" if version == 6 else "", self.kind, verb)

    def load(self, space, rules, chains=""):
        space.clear()
        for version in lab.VERSIONS:
            space.run([self.tool(version, "-restore"), "-c"],
                      text(version, rules, chains))

    def saved(self, space):
        return re.sub("^#.*\n", "", space.run("; ".join(
            self.tool(version, "-save -c") for version in lab.VERSIONS)), flags=re.M)


def states(saved):
    return re.findall("--(?:ct)?state (?!UNTRACKED)", saved)


def count(space):
    return int(space.sysctl("net.netfilter.nf_conntrack_count"))


def ctpolicy(space, *args):
    process = space.popen([lab.CTPOLICY, *args], text=True, stdout=-1, stderr=-2)
    said = process.communicate()[0]
    return process.returncode, said


def listed(space):
    """All of nf_tables but the handles, which nobody chooses."""
    def strip(x):
        if isinstance(x, dict):
            return {k: strip(v) for k, v in x.items() if k not in ("handle", "metainfo")}
        return [strip(v) for v in x] if isinstance(x, list) else x
    return strip(json.loads(space.run("nft -j list ruleset")))


HOSTS = {"a server": (SERVER, ""),
         "in a chain": (CHAINS, ":fresh - [0:0]\n"),
         "of two hooks": (SHARED, ":both - [0:0]\n"),
         "of many words": (MANY_WORDS, "")}


class Restored:
    """Without a neighbour whose packets would move the counters."""
    dialect = None
    hosts = HOSTS

    def setUp(self):
        self.host = lab.Namespace()

    def apply(self, *more):
        return self.host.apply(self.dialect.backend, POLICY, *more)

    def start(self, host):
        self.dialect.load(self.host, *self.hosts[host])
        before = self.dialect.saved(self.host)
        self.assertRegex(self.apply(), "made and verified")
        after = self.dialect.saved(self.host)
        self.assertEqual(states(after), [])
        # iptables-nft shows nothing of a table that it cannot read
        self.assertIn(" CTPOLICY-INPUT.R", after.upper())
        return before

    def test_removed(self):
        for host in self.hosts:
            with self.subTest(host=host):
                self.dialect.load(self.host, *self.hosts[host])
                tables = listed(self.host)
                before = self.start(host)
                self.host.remove(self.dialect.backend)
                self.assertEqual(self.dialect.saved(self.host), before)
                self.assertEqual(listed(self.host), tables)

    def test_nothing_to_do_again(self):
        for host in self.hosts:
            with self.subTest(host=host):
                self.start(host)
                after = self.dialect.saved(self.host)
                self.assertIn("nothing to do", self.apply())
                self.assertEqual(self.dialect.saved(self.host), after)

    def test_rolled_back_and_forth(self):
        before = self.start("a server")
        after = self.dialect.saved(self.host)
        self.host.remove(self.dialect.backend)
        self.host.run([lab.CTPOLICY, "rollback"])
        self.assertEqual(self.dialect.saved(self.host), after)
        self.host.run([lab.CTPOLICY, "rollback"])
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_not_confirmed(self):
        self.dialect.load(self.host, SERVER)
        before = self.dialect.saved(self.host)
        self.apply("--confirm", "60s")
        self.assertNotIn("ctstate", self.dialect.saved(self.host))
        self.host.run([lab.CTPOLICY, "rollback"])
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_other_rules_meanwhile(self):
        self.start("a server")
        tool = self.dialect.tool(4)
        self.host.run("%s -I INPUT 1 -s 203.0.113.1 -j DROP;"
                      "%s -A INPUT -s 203.0.113.2 -j DROP" % (tool, tool))
        self.apply()
        self.assertIn("nothing to do", self.apply())
        self.host.remove(self.dialect.backend)
        rules = self.host.run(tool + " -S INPUT").split("\n")
        self.assertEqual(rules[1], "-A INPUT -s 203.0.113.1/32 -j DROP")
        self.assertIn("RELATED,ESTABLISHED", rules[3])
        self.assertIn("203.0.113.2", rules[8])

    def test_rules_deleted_meanwhile(self):
        """Those around it: the original comes back between what is left."""
        self.start("a server")
        tool = self.dialect.tool(4)
        self.host.run("%s -D INPUT -i lo -j ACCEPT; %s -D INPUT -p tcp --dport 8081 "
                      "-j REJECT --reject-with tcp-reset" % (tool, tool))
        self.host.remove(self.dialect.backend)
        rules = self.host.run(tool + " -S INPUT").split("\n")[1:]
        self.assertEqual([re.sub(".*state ([A-Z,]+) .*", r"\1", r) for r in rules if r],
                         ["RELATED,ESTABLISHED", "INVALID", "NEW", "NEW"])

    def test_deleted_at_the_last_moment(self):
        """While the change is on its way to the disk: it is planned anew."""
        if not shutil.which("strace"):
            self.skipTest("no strace here")
        self.dialect.load(self.host, *HOSTS["a server"])
        tool = self.dialect.tool(4)
        path = os.path.join(lab.WORK, "policy.yaml")
        with open(path, "w") as policy:
            policy.write(POLICY)
        process = self.host.popen(
            ["strace", "-qq", "-f", "-o", "/dev/null", "-e",
             "inject=fsync:delay_enter=1500000:when=1", lab.CTPOLICY, "apply",
             "--backend", self.dialect.backend, path],
            text=True, stdout=-1, stderr=-2)
        time.sleep(0.8)
        self.host.run(tool + " -D INPUT -m conntrack --ctstate INVALID -j DROP")
        said = process.communicate()[0]
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual(states(self.dialect.saved(self.host)), [])
        self.host.remove(self.dialect.backend)
        self.assertNotIn("INVALID", self.host.run(tool + " -S INPUT"))

    def test_chain_flushed(self):
        """The jumps are gone, and what they stood for: nobody claims it to be back."""
        for verb in ("remove", "rollback"):
            self.start("in a chain")
            for version in lab.VERSIONS:
                self.host.run(self.dialect.tool(version) + " -F INPUT")
            code, said = ctpolicy(self.host, verb)
            self.assertEqual(code, 0, said)
            self.assertIn("[CT535]", said)
            self.assertNotRegex(said, "previous rules are in force, verified")
            self.assertNotIn("CTPOLICY", self.dialect.saved(self.host).upper())
        self.assertIn("in force, except for", said)

    def test_record_damaged(self):
        """What is not a rule is not given to the kernel."""
        self.start("a server")
        path = self.host.run("ls -t /var/lib/ctpolicy/*/originals | head -1").strip()
        whole = self.host.run(["cat", path])
        before = self.dialect.saved(self.host)
        for change in (lambda s: re.sub('("rule":"[0-9a-f]{40})', r"\1f", s),
                       lambda s: re.sub('("rule":")[0-9a-f]{8}', r"\1ffffffff", s)):
            self.assertNotEqual(change(whole), whole)
            self.host.run(["tee", path], change(whole))
            code, said = ctpolicy(self.host, "remove")
            self.assertNotEqual(code, 0, said)
            self.assertEqual(self.dialect.saved(self.host), before)

    def test_reloaded(self):
        """The firewall's own reload brought the rules back."""
        before = self.start("a server")
        self.dialect.load(self.host, SERVER)
        self.assertIn("no ctpolicy rules found", self.host.remove(self.dialect.backend))
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_saved_and_loaded(self):
        """As saved by the host while replaced, and loaded at the next boot."""
        before = self.start("a server")
        dumps = [self.host.run(self.dialect.tool(v, "-save -c")) for v in lab.VERSIONS]
        self.dialect.load(self.host, "")
        for v, dump in zip(lab.VERSIONS, dumps):
            self.host.run([self.dialect.tool(v, "-restore"), "-c"], dump)
        self.assertIn("nothing to do", self.apply())
        self.host.remove(self.dialect.backend)
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_drift(self):
        self.start("a server")
        self.host.run(self.dialect.tool(4) + " -A INPUT -m state --state NEW -j DROP")
        code, said = self.host.ctpolicy("diff", POLICY, "--backend", self.dialect.backend)
        self.assertEqual(code, 1, said)
        self.assertIn("--state NEW -j DROP", said)
        self.assertRegex(self.apply(), "made and verified")
        self.assertEqual(states(self.dialect.saved(self.host)), [])

    def test_another_policy(self):
        """One that lets rules match states has them back, and its own beside them."""
        self.start("a server")
        said = self.host.apply(self.dialect.backend, ALLOWED)
        self.assertRegex(said, "made and verified")
        self.assertEqual(len(re.findall(
            "--(?:ct)?state (?!(?:INVALID,)?UNTRACKED)",
            self.dialect.saved(self.host))), 8)
        self.assertRegex(self.apply(), "made and verified")
        self.assertEqual(states(self.dialect.saved(self.host)), [])

    def test_not_on_record(self):
        self.start("a server")
        before = self.dialect.saved(self.host)
        code, said = ctpolicy(self.host, "remove", "--state-dir", "/var/lib/other")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("[CT534]", said)
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_shown(self):
        self.dialect.load(self.host, SERVER)
        _, said = self.host.ctpolicy("diff", POLICY, "--backend", self.dialect.backend, "--json")
        found = json.loads(said)["replacements"]
        self.assertEqual(len(found), 8, said)
        first = found[0]
        self.assertEqual((first["family"], first["table"], first["chain"],
                          first["position"]), ("ip", "filter", "INPUT", 2))
        self.assertIn("RELATED,ESTABLISHED", first["rule"])
        self.assertIn("tcp-noninitial", first["replacement"]["admits"])
        self.assertTrue(all("keep me" in rule
                            for rule in first["replacement"]["rules"]))
        _, said = self.host.ctpolicy("diff", POLICY, "--backend", self.dialect.backend)
        self.assertIn("~ ip filter INPUT 2: -A INPUT -m conntrack", said)
        self.assertIn("newly admits: tcp-noninitial", said)


class Refused:
    dialect = None

    def setUp(self):
        self.host = lab.Namespace()

    def test_what_has_no_equivalent(self):
        self.dialect.load(self.host, SERVER)
        self.host.run(self.dialect.tool(4) +
                      " -A INPUT -m connlimit --connlimit-above 9 -j DROP")
        before = self.dialect.saved(self.host)
        code, said = self.host.ctpolicy("apply", POLICY, "--backend", self.dialect.backend)
        self.assertEqual(code, REFUSED, said)
        self.assertIn("counts connections", said)
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_the_rest(self):
        self.dialect.load(self.host, SERVER)
        self.host.run(self.dialect.tool(4) +
                      " -A INPUT -m connlimit --connlimit-above 9 -j DROP")
        before = self.dialect.saved(self.host)
        said = self.host.apply(self.dialect.backend, POLICY, "--force")
        self.assertEqual(said.count("counts connections"), 1, said)
        self.assertEqual(states(self.dialect.saved(self.host)), [])
        self.host.remove(self.dialect.backend)
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_ipset(self):
        """A set's number may be another one's after a reboot."""
        self.dialect.load(self.host, "")
        self.host.run("ipset create bans hash:ip; %s -A INPUT -m state --state NEW "
                      "-m set --match-set bans src -j DROP" % self.dialect.tool(4))
        before = self.dialect.saved(self.host)
        for more in ((), ("--force",)):
            code, said = self.host.ctpolicy("apply", POLICY, "--backend", self.dialect.backend, *more)
            self.assertEqual(code, REFUSED, said)
            self.assertIn("asks for an ipset", said)
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_deleted_jump(self):
        """The rule went with the jump to what stands for it: that is said."""
        self.dialect.load(self.host, SERVER)
        self.host.apply(self.dialect.backend, POLICY)
        tool = self.dialect.tool(4)
        self.host.run("%s -D INPUT $(%s -S INPUT | grep -ni 'CTPOLICY-INPUT[.]r' | "
                      "head -1 | awk -F: '{print $1 - 1}')" % (tool, tool))
        for verb in ("diff", "apply"):
            _, said = self.host.ctpolicy(verb, POLICY, "--backend", self.dialect.backend)
            self.assertIn("[CT535]", said)

    def test_folder_deleted_on_trial(self):
        self.dialect.load(self.host, SERVER)
        before = self.dialect.saved(self.host)
        self.host.apply(self.dialect.backend, POLICY, "--confirm", "2s")
        self.host.run("rm -rf /var/lib/ctpolicy/*")
        end = time.monotonic() + 30
        while self.dialect.saved(self.host) != before and time.monotonic() < end:
            time.sleep(0.3)
        self.assertEqual(self.dialect.saved(self.host), before)

    def test_returns(self):
        """What only a chain of its own could ask, and can't leave from there."""
        self.dialect.load(self.host, "-A INPUT -m state --state NEW -j RETURN\n")
        for more in ((), ("--force",)):
            code, said = self.host.ctpolicy("apply", POLICY, "--backend", self.dialect.backend)
            self.assertEqual(code, REFUSED, said)
            self.assertIn("no short list of rules", said)


def refused(call):
    try:
        call().close()
    except OSError:
        return True
    return False


class Packets:
    """The server's rules are replaced; the client sees no difference."""
    dialect = None
    hosts = {host: HOSTS[host] for host in HOSTS if host != "of many words"}

    @classmethod
    def setUpClass(cls):
        cls.client, cls.server = pair()
        for version in lab.VERSIONS:
            for port in (8080, 8081, 8082):
                Server(cls.server, version, port)
            Server(cls.client, version, 8090)

    def udp(self, one, other, version, port, to):
        """Does a datagram get there, and its answer back?"""
        with one.socket(lab.FAMILY[version], socket.SOCK_DGRAM) as asks, \
                other.socket(lab.FAMILY[version], socket.SOCK_DGRAM) as answers:
            answers.bind(("", port))
            asks.settimeout(0.4)
            answers.settimeout(0.4)
            try:
                asks.sendto(b"ask", (to, port))
                answers.sendto(b"answer", answers.recvfrom(64)[1])
                return asks.recv(64) == b"answer"
            except OSError:
                return False

    def seen(self, version):
        client, server = self.client, self.server
        at = {name: lab.address(name, version) for name in ("client", "server")}
        return {
            # ahead of those to whom the server writes: they may answer
            "udp elsewhere": self.udp(client, server, version, 9054, at["server"]),
            "8080": not refused(lambda: connect(client, version, 8080, 2)),
            "8081": not refused(lambda: connect(client, version, 8081, 0.2)),
            "8082": not refused(lambda: connect(client, version, 8082, 0.2)),
            "out": not refused(lambda: connect(server, version, 8090, 1,
                                               at["client"])),
            "udp in": self.udp(client, server, version, 9053, at["server"]),
            "udp out": self.udp(server, client, version, 9055, at["client"]),
        }

    def test_flows(self):
        for host in self.hosts:
            self.dialect.load(self.server, *self.hosts[host])
            before = {v: self.seen(v) for v in lab.VERSIONS}
            self.assertTrue(before[4]["8080"] and before[4]["out"], before)
            self.assertFalse(before[4]["8082"], before)
            held = [connect(self.client, v, 8080) for v in lab.VERSIONS]
            self.server.apply(self.dialect.backend, POLICY)
            self.server.flush_entries()
            with self.subTest(host=host):
                self.assertEqual({v: self.seen(v) for v in lab.VERSIONS}, before)
                for sock in held:
                    sock.sendall(b"still there")
                    self.assertEqual(sock.recv(64), b"still there")
                self.assertEqual(count(self.server), 0)
            for sock in held:
                sock.close()
            self.server.remove(self.dialect.backend)
            with self.subTest(host=host, removed=True):
                self.assertEqual({v: self.seen(v) for v in lab.VERSIONS}, before)


def each_dialect(loader, cases):
    """Each of them once for each dialect that can be edited."""
    tests = unittest.TestSuite()
    for name in EDITED:
        for case in cases:
            here = type("%s_%s" % (case.__name__, name.replace("-", "_")),
                        (case, unittest.TestCase), {"dialect": Dialect(name)})
            tests.addTests(loader.loadTestsFromTestCase(here))
    return tests


def load_tests(loader, tests, pattern):
    tests.addTests(each_dialect(loader, (Restored, Refused, Packets)))
    return tests


if __name__ == "__main__":
    unittest.main()
