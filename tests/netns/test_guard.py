# SPDX-License-Identifier: GPL-2.0-or-later
"""Nobody is locked out by an apply: the login behind it is played through the
host's own rules of every dialect, with what would be written, and by the
interface that it comes in by."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, connect, pair                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
%s:
  - {name: door, role: server, protocol: tcp, ports: [8080]%s}
"""
REFUSED = 14
NONE = ", accept: none"
# The client on the first cable and on the second, and the server there.
CLIENT = {4: "192.0.2.2", 6: "2001:db8:1::2"}
CLIENT2 = {4: "203.0.113.2", 6: "2001:db8:3::2"}
SERVER2 = {4: "203.0.113.1", 6: "2001:db8:3::1"}
EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
NEW = "-A INPUT %s -p tcp -m tcp --dport 8080 -m conntrack --ctstate NEW " \
    "-j ACCEPT"
PLAIN = "-A INPUT %s -p tcp -m tcp --dport 8080 -j ACCEPT"
BAN = "-A INPUT -s {c} -j DROP"
LOG = "-A INPUT -p tcp -m limit --limit 5/sec -j LOG"

# name -> rules, by which cable, more of the policy, what is said (None: that
# nobody is locked out)
LOGINS = {
    "by its state": ([EST, NEW % ""], 1, NONE, "first packets"),
    "with accept rules": ([EST, NEW % ""], 1, "", None),
    "in any state": ([EST, PLAIN % ""], 1, NONE, None),
    "by one interface": ([EST, NEW % "-i s"], 1, NONE, "first packets"),
    "by one, in any state": ([EST, PLAIN % "-i s"], 1, NONE, None),
    "by another, which it is not": ([EST, NEW % "-i s2", PLAIN % "-i s"], 1,
                                    NONE, None),
    "by the second": ([EST, NEW % "-i s2", PLAIN % "-i s"], 2, NONE,
                      "first packets"),
    "the other one's service": ([EST, NEW % ""], 2, NONE +
                                ", interfaces: [s]", None),
    "the service of its own": ([EST, NEW % ""], 2, NONE +
                               ", interfaces: [s2]", "first packets"),
    "of others alone": ([EST, NEW % ""], 1, NONE +
                        ", clients: [198.51.100.0/24, 2001:db8:9::/64]",
                        None),
    "banned since": ([EST, BAN, NEW % ""], 1, NONE,
                     "later packets would be dropped by rule 2 of chain"),
    "banned, with accept rules": ([EST, BAN, NEW % ""], 1, "", None),
    "banned outright": ([BAN, EST, NEW % ""], 1, NONE, None),
    "logged ahead of the end": ([EST, NEW % "", LOG], 1, NONE,
                                "the policy of chain INPUT"),
}


def setUpModule():
    global HOST, PEER
    lab.require_ctpolicy()
    PEER, HOST = pair()
    PEER.link("c2", HOST, "s2")
    for version, bits in ((4, 24), (6, 64)):
        for space, address, device in ((PEER, CLIENT2, "c2"),
                                       (HOST, SERVER2, "s2")):
            space.run("ip addr add %s/%d dev %s %s" % (
                address[version], bits, device,
                "nodad" if version == 6 else ""))
        Server(HOST, version, 8080)


def text_of(rules, version):
    lines = ["*filter", ":INPUT DROP [0:0]"]
    if version == 6:
        lines += ["-A INPUT -p ipv6-icmp -j ACCEPT"]
    lines += [rule.format(c=CLIENT[version]) for rule in rules]
    return "\n".join(lines + ["COMMIT"]) + "\n"


def apply(version, cable, policy, *options):
    """Over a login of this version, by this cable."""
    here = lab.address("server", version) if cable == 1 else SERVER2[version]
    there = (CLIENT if cable == 1 else CLIENT2)[version]
    os.environ["SSH_CONNECTION"] = "%s 50123 %s 8080" % (there, here)
    try:
        return HOST.ctpolicy("apply", policy, *options)
    finally:
        del os.environ["SSH_CONNECTION"]


def lets_in(version, cable):
    try:
        connect(PEER, version, 8080, 2, None if cable == 1 else
                SERVER2[version]).close()
        return True
    except OSError:
        return False


class Guard(unittest.TestCase):
    def tearDown(self):
        HOST.clear()

    def play(self, dialect, version, rules, cable, more, said):
        dialects.load(HOST, dialect, lambda v: text_of(rules, v))
        # the ban's place counts the rule for ICMPv6 in
        if said and version == 6:
            said = said.replace("rule 2", "rule 3")
        code, out = apply(version, cable, POLICY % ("untracked", more),
                          "--dry-run", "--backend",
                          dialects.backend_of(dialect))
        if not said:
            self.assertNotIn("CT570", out)
            return
        self.assertEqual(code, REFUSED, out)
        self.assertIn("CT570", out)
        self.assertIn("service door stops tracking your SSH connection", out)
        if not (dialect == "native" and "INPUT" in said):
            self.assertIn(said, out)

    def test_logins(self):
        for dialect in dialects.here():
            for name, (rules, cable, more, said) in LOGINS.items():
                for version in lab.VERSIONS:
                    with self.subTest(dialect=dialect, name=name,
                                      version=version):
                        self.play(dialect, version, rules, cable, more, said)

    def test_it_lets_in_what_it_says(self):
        """What the guard lets pass leaves a way in."""
        for dialect in dialects.here():
            for name in "in any state", "by one, in any state", \
                    "with accept rules":
                rules, cable, more, _ = LOGINS[name]
                with self.subTest(dialect=dialect, name=name):
                    dialects.load(HOST, dialect,
                                  lambda v: text_of(rules, v))
                    backend = dialects.backend_of(dialect)
                    code, out = apply(4, cable, POLICY % ("untracked", more),
                                      "--backend", backend, "--force")
                    self.assertEqual(code, 0, out)
                    self.assertNotIn("CT570", out)
                    for version in lab.VERSIONS:
                        self.assertTrue(lets_in(version, cable))
                    HOST.remove(backend)

    def test_management(self):
        for dialect in dialects.here():
            with self.subTest(dialect):
                backend = dialects.backend_of(dialect)
                dialects.load(HOST, dialect,
                              lambda v: text_of([EST, NEW % ""], v))
                policy = POLICY % ("management", NONE)
                code, out = HOST.ctpolicy("apply", policy, "--backend",
                                          backend)
                self.assertEqual(code, REFUSED, out)
                self.assertIn("CT570", out)
                self.assertIn("lock you out of management service door", out)
                code, out = HOST.ctpolicy("apply", policy.replace(NONE, ""),
                                          "--dry-run", "--backend", backend)
                self.assertEqual(code, 0, out)
                self.assertNotIn("CT570", out)

    def test_force(self):
        dialect = dialects.here()[0]
        dialects.load(HOST, dialect, lambda v: text_of([EST, NEW % ""], v))
        code, out = apply(4, 1, POLICY % ("untracked", NONE), "--force",
                          "--dry-run", "--backend",
                          dialects.backend_of(dialect))
        self.assertEqual(code, 0, out)
        self.assertRegex(out, "warning.*lock you out")


if __name__ == "__main__":
    unittest.main()
