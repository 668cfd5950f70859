# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace`: the host's state rules go, what passed still passes without
an entry, what could not begin still cannot, and all comes back to the byte."""
import json
import os
import re
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
# Those whose live rules this version can edit, and the others.
EDITED = [name for name in dialects.here() if name == "legacy"]
NOT_EDITED = [name for name in dialects.here() if name != "legacy"]
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


def setUpModule():
    lab.require_ctpolicy()


def text(version, rules, chains=""):
    if version == 6:
        rules = ND + rules.replace("192.0.2.99", "2001:db8::99")
    return HEAD + chains + rules + "COMMIT\n"


def load(space, rules, chains=""):
    space.clear()
    for version in lab.VERSIONS:
        space.run(["ip%stables-legacy-restore" % ("6" if version == 6 else ""), "-c"],
                  text(version, rules, chains))


def saved(space):
    return re.sub("^#.*\n", "", space.run(
        "iptables-legacy-save -c; ip6tables-legacy-save -c"), flags=re.M)


def count(space):
    return int(space.sysctl("net.netfilter.nf_conntrack_count"))


def ctpolicy(space, *args):
    process = space.popen([lab.CTPOLICY, *args], text=True, stdout=-1, stderr=-2)
    said = process.communicate()[0]
    return process.returncode, said


HOSTS = {"a server": (SERVER, ""),
         "in a chain": (CHAINS, ":fresh - [0:0]\n"),
         "of two hooks": (SHARED, ":both - [0:0]\n")}


@unittest.skipUnless(EDITED, "no dialect here can be edited")
class Restored(unittest.TestCase):
    """Without a neighbour whose packets would move the counters."""

    def setUp(self):
        self.host = lab.Namespace()

    def apply(self, *more):
        return self.host.apply("iptables", POLICY, *more)

    def start(self, host):
        load(self.host, *HOSTS[host])
        before = saved(self.host)
        self.assertRegex(self.apply(), "made and verified")
        self.assertNotRegex(saved(self.host), "--(ct)?state ")
        return before

    def test_removed(self):
        for host in HOSTS:
            with self.subTest(host=host):
                before = self.start(host)
                self.host.remove("iptables")
                self.assertEqual(saved(self.host), before)

    def test_nothing_to_do_again(self):
        for host in HOSTS:
            with self.subTest(host=host):
                self.start(host)
                after = saved(self.host)
                self.assertIn("nothing to do", self.apply())
                self.assertEqual(saved(self.host), after)

    def test_rolled_back_and_forth(self):
        before = self.start("a server")
        after = saved(self.host)
        self.host.remove("iptables")
        self.host.run([lab.CTPOLICY, "rollback"])
        self.assertEqual(saved(self.host), after)
        self.host.run([lab.CTPOLICY, "rollback"])
        self.assertEqual(saved(self.host), before)

    def test_not_confirmed(self):
        load(self.host, SERVER)
        before = saved(self.host)
        self.apply("--confirm", "60s")
        self.assertNotIn("ctstate", saved(self.host))
        self.host.run([lab.CTPOLICY, "rollback"])
        self.assertEqual(saved(self.host), before)

    def test_other_rules_meanwhile(self):
        self.start("a server")
        self.host.run("iptables-legacy -I INPUT 1 -s 203.0.113.1 -j DROP;"
                      "iptables-legacy -A INPUT -s 203.0.113.2 -j DROP")
        self.apply()
        self.assertIn("nothing to do", self.apply())
        self.host.remove("iptables")
        rules = self.host.run("iptables-legacy -S INPUT").split("\n")
        self.assertEqual(rules[1], "-A INPUT -s 203.0.113.1/32 -j DROP")
        self.assertIn("RELATED,ESTABLISHED", rules[3])
        self.assertIn("203.0.113.2", rules[8])

    def test_reloaded(self):
        """The firewall's own reload brought the rules back."""
        before = self.start("a server")
        load(self.host, SERVER)
        self.assertIn("no ctpolicy rules found", self.host.remove("iptables"))
        self.assertEqual(saved(self.host), before)

    def test_saved_and_loaded(self):
        """As saved by the host while replaced, and loaded at the next boot."""
        before = self.start("a server")
        dumps = [self.host.run("ip%stables-legacy-save -c" % v) for v in ("", "6")]
        load(self.host, "")
        for v, dump in zip(("", "6"), dumps):
            self.host.run(["ip%stables-legacy-restore" % v, "-c"], dump)
        self.assertIn("nothing to do", self.apply())
        self.host.remove("iptables")
        self.assertEqual(saved(self.host), before)

    def test_drift(self):
        self.start("a server")
        self.host.run("iptables-legacy -A INPUT -m state --state NEW -j DROP")
        code, said = self.host.ctpolicy("diff", POLICY, "--backend", "iptables")
        self.assertEqual(code, 1, said)
        self.assertIn("--state NEW -j DROP", said)
        self.assertRegex(self.apply(), "made and verified")
        self.assertNotRegex(saved(self.host), "--(ct)?state ")

    def test_another_policy(self):
        """One that lets rules match states has them back, and its own beside them."""
        self.start("a server")
        said = self.host.apply("iptables", ALLOWED)
        self.assertRegex(said, "made and verified")
        self.assertEqual(len(re.findall("--(?:ct)?state (?!UNTRACKED)",
                                        saved(self.host))), 8)
        self.assertRegex(self.apply(), "made and verified")
        self.assertNotRegex(saved(self.host), "--(ct)?state ")

    def test_not_on_record(self):
        self.start("a server")
        before = saved(self.host)
        code, said = ctpolicy(self.host, "remove", "--state-dir", "/var/lib/other")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("[CT534]", said)
        self.assertEqual(saved(self.host), before)

    def test_shown(self):
        load(self.host, SERVER)
        _, said = self.host.ctpolicy("diff", POLICY, "--backend", "iptables", "--json")
        found = json.loads(said)["replacements"]
        self.assertEqual(len(found), 8, said)
        first = found[0]
        self.assertEqual((first["family"], first["table"], first["chain"],
                          first["position"]), ("ip", "filter", "INPUT", 2))
        self.assertIn("RELATED,ESTABLISHED", first["rule"])
        self.assertIn("tcp-noninitial", first["replacement"]["admits"])
        self.assertTrue(all("keep me" in rule
                            for rule in first["replacement"]["rules"]))
        _, said = self.host.ctpolicy("diff", POLICY, "--backend", "iptables")
        self.assertIn("~ ip filter INPUT 2: -A INPUT -m conntrack", said)
        self.assertIn("newly admits: tcp-noninitial", said)


@unittest.skipUnless(EDITED, "no dialect here can be edited")
class Refused(unittest.TestCase):
    def setUp(self):
        self.host = lab.Namespace()

    def test_what_has_no_equivalent(self):
        load(self.host, SERVER)
        self.host.run("iptables-legacy -A INPUT -m connlimit --connlimit-above 9 -j DROP")
        before = saved(self.host)
        code, said = self.host.ctpolicy("apply", POLICY, "--backend", "iptables")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("counts connections", said)
        self.assertEqual(saved(self.host), before)

    def test_the_rest(self):
        load(self.host, SERVER)
        self.host.run("iptables-legacy -A INPUT -m connlimit --connlimit-above 9 -j DROP")
        before = saved(self.host)
        said = self.host.apply("iptables", POLICY, "--force")
        self.assertIn("counts connections", said)
        self.assertNotRegex(saved(self.host), "--(ct)?state ")
        self.host.remove("iptables")
        self.assertEqual(saved(self.host), before)

    def test_ipset(self):
        """A set's number may be another one's after a reboot."""
        load(self.host, "")
        self.host.run("ipset create bans hash:ip; iptables-legacy -A INPUT -m state "
                      "--state NEW -m set --match-set bans src -j DROP")
        before = saved(self.host)
        for more in ((), ("--force",)):
            code, said = self.host.ctpolicy("apply", POLICY, "--backend", "iptables", *more)
            self.assertEqual(code, REFUSED, said)
            self.assertIn("asks for an ipset", said)
        self.assertEqual(saved(self.host), before)

    def test_other_tables(self):
        load(self.host, "")
        self.host.run("iptables-legacy -t mangle -A PREROUTING -m state --state INVALID "
                      "-j DROP")
        code, said = self.host.ctpolicy("apply", POLICY, "--backend", "iptables")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("[CT533]", said)

    def test_deleted_jump(self):
        """The rule went with the jump to what stands for it: that is said."""
        load(self.host, SERVER)
        self.host.apply("iptables", POLICY)
        self.host.run("iptables-legacy -D INPUT $(iptables-legacy -S INPUT | grep -n "
                      "'CTPOLICY-INPUT[.]r' | head -1 | awk -F: '{print $1 - 1}')")
        for verb in ("diff", "apply"):
            _, said = self.host.ctpolicy(verb, POLICY, "--backend", "iptables")
            self.assertIn("[CT535]", said)

    def test_folder_deleted_on_trial(self):
        load(self.host, SERVER)
        before = saved(self.host)
        self.host.apply("iptables", POLICY, "--confirm", "2s")
        self.host.run("rm -rf /var/lib/ctpolicy/*")
        end = time.monotonic() + 30
        while saved(self.host) != before and time.monotonic() < end:
            time.sleep(0.3)
        self.assertEqual(saved(self.host), before)

    def test_returns(self):
        load(self.host, "-A INPUT -m state --state ESTABLISHED -j RETURN\n")
        code, said = self.host.ctpolicy("apply", POLICY, "--backend", "iptables")
        self.assertEqual(code, REFUSED, said)
        self.assertIn("[CT533]", said)

    def test_other_dialects(self):
        for dialect in NOT_EDITED:
            with self.subTest(dialect=dialect):
                dialects.load(self.host, dialect, lambda v: text(v, SERVER))
                code, said = self.host.ctpolicy("apply", POLICY, "--backend", "nftables")
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT533]", said)


def refused(call):
    try:
        call().close()
    except OSError:
        return True
    return False


@unittest.skipUnless(EDITED, "no dialect here can be edited")
class Packets(unittest.TestCase):
    """The server's rules are replaced; the client sees no difference."""

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
        for host in HOSTS:
            load(self.server, *HOSTS[host])
            before = {v: self.seen(v) for v in lab.VERSIONS}
            self.assertTrue(before[4]["8080"] and before[4]["out"], before)
            self.assertFalse(before[4]["8082"], before)
            held = [connect(self.client, v, 8080) for v in lab.VERSIONS]
            self.server.apply("iptables", POLICY)
            self.server.flush_entries()
            with self.subTest(host=host):
                self.assertEqual({v: self.seen(v) for v in lab.VERSIONS}, before)
                for sock in held:
                    sock.sendall(b"still there")
                    self.assertEqual(sock.recv(64), b"still there")
                self.assertEqual(count(self.server), 0)
            for sock in held:
                sock.close()
            self.server.remove("iptables")
            with self.subTest(host=host, removed=True):
                self.assertEqual({v: self.seen(v) for v in lab.VERSIONS}, before)


if __name__ == "__main__":
    unittest.main()
