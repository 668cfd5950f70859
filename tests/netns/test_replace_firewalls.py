# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace` on hosts of ufw's and of firewalld's: their rules with states
are replaced, what they let in still gets in without an entry, what they keep out stays
out; a reload brings their rules back, which `diff` shows; `remove` puts all back to the
byte."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import firewalls                                            # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, connect, pair                     # noqa: E402
from test_replace import (POLICY, REFUSED, SERVER, Packets, count,  # noqa: E402
                          each_dialect, refused, states)

SSH, WEB, DNS, SHUT, OUT = 22, 80, 53, 9000, 8090
# CTPOLICY_EVERY=2: what is most like the others is left out
where_time_is = unittest.skipUnless(
    os.environ.get("CTPOLICY_EVERY", "1") == "1", "not all are played here")


def setUpModule():
    lab.require_ctpolicy()


class Firewall:
    dialect = None
    udp = Packets.udp

    @classmethod
    def setUpClass(cls):
        cls.client, cls.server = pair()
        for version in lab.VERSIONS:
            for port in (SSH, WEB, SHUT):
                Server(cls.server, version, port)
            Server(cls.client, version, OUT)

    def setUp(self):
        self.room = self.begin()

    def tearDown(self):
        self.room.close()
        self.server.clear()

    def ctpolicy(self, *words):
        return self.server.ctpolicy(words[0], POLICY, *words[1:])

    def seen(self):
        """What passes, and what doesn't."""
        client, server = self.client, self.server
        return [{
            "ssh": not refused(lambda: connect(client, v, SSH, 2)),
            "web": not refused(lambda: connect(client, v, WEB, 2)),
            "shut": not refused(lambda: connect(client, v, SHUT, .3)),
            "out": not refused(lambda: connect(server, v, OUT, 2,
                                               lab.address("client", v))),
            "dns": self.udp(client, server, v, DNS, lab.address("server", v)),
            "udp out": self.udp(server, client, v, DNS + 1, lab.address("client", v)),
            "loopback": not refused(lambda: connect(server, v, SHUT, 2)),
        } for v in lab.VERSIONS]

    def flows(self):
        return [connect(self.client, v, port) for v in lab.VERSIONS
                for port in (SSH, WEB)]

    def still(self, socks):
        for sock in socks:
            sock.sendall(b"still there")
            self.assertEqual(sock.recv(64), b"still there")

    def play(self):
        before = self.seen()
        self.assertEqual([(v["ssh"], v["web"], v["shut"]) for v in before],
                         [(True, True, False)] * 2)
        held = self.flows()
        said = self.server.apply(self.dialect.backend, POLICY)
        self.assertRegex(said, "made and verified")
        self.server.flush_entries()
        return before, held

    def check(self, before, held):
        self.assertEqual(states(self.dialect.saved(self.server)), [])
        self.still(held)
        self.assertEqual(self.seen(), before)
        self.assertEqual(count(self.server), 0)
        self.assertTrue(self.is_active())

    def reloaded(self, chain):
        before, held = self.play()
        self.check(before, held)
        self.assertEqual(self.ctpolicy("diff")[0], 0)
        # the firewall's own reload has its rules again, which is told
        self.reload()
        self.assertNotEqual(states(self.dialect.saved(self.server)), [])
        self.still(held)
        code, said = self.ctpolicy("diff")
        self.assertEqual(code, 1, said)
        self.assertIn("~ ip filter " + chain, said)
        self.assertNotIn("[CT535]", said)
        self.server.apply(self.dialect.backend, POLICY)
        self.server.flush_entries()
        self.check(before, held)
        self.server.remove(self.dialect.backend)
        self.still(held)
        self.assertEqual(self.seen(), before)

    @where_time_is
    def test_removed_after_a_reload(self):
        """Nothing is lost: nobody says that it is."""
        self.play()
        self.reload()
        now = states(self.dialect.saved(self.server))
        said = self.server.remove(self.dialect.backend)
        self.assertNotIn("[CT535]", said)
        self.assertEqual(states(self.dialect.saved(self.server)), now)
        self.assertNotIn("CTPOLICY", self.dialect.saved(self.server).upper())


class Ufw(Firewall):
    def begin(self):
        room = firewalls.ufw(self.server, self.dialect.kind)
        for words in ("allow %d/tcp" % SSH, "allow %d/tcp" % WEB, "allow %d/udp" % DNS,
                      "limit 2222/tcp", "deny from 192.0.2.66", "--force enable"):
            room.run("ufw " + words)
        return room

    def reload(self):
        self.room.run("ufw reload")

    def is_active(self):
        return "Status: active" in self.room.run(["ufw", "status"])

    def test_served(self):
        self.reloaded("ufw-before-input")

    def test_changed_by_ufw(self):
        """A port that ufw opens, or shuts, while its rules are replaced."""
        before, held = self.play()
        self.room.run(["ufw", "allow", "%d/tcp" % SHUT])
        for version in lab.VERSIONS:
            connect(self.client, version, SHUT).close()
        self.room.run(["ufw", "delete", "allow", "%d/tcp" % SHUT])
        # it writes all of its users' rules again: the limited port's have states
        self.assertEqual(len(states(self.dialect.saved(self.server))), 6)
        self.assertEqual(self.ctpolicy("diff")[0], 1)
        self.server.apply(self.dialect.backend, POLICY)
        self.server.flush_entries()
        self.check(before, held)

    @where_time_is
    def test_disabled(self):
        """ufw takes its chains away."""
        _, held = self.play()
        self.assertIn("stopped", self.room.run("ufw disable"))
        self.still(held)
        code, said = self.ctpolicy("diff")
        self.assertIn(code, (0, 1), said)
        self.server.remove(self.dialect.backend)
        self.assertNotIn("CTPOLICY", self.dialect.saved(self.server).upper())

    @where_time_is
    def test_strict(self):
        """All that leaves must be allowed, and everything is logged."""
        for words in ("default deny outgoing", "allow out %d/tcp" % OUT, "logging high"):
            self.room.run("ufw " + words)
        self.check(*self.play())


class Firewalld(Firewall):
    def begin(self):
        room = firewalls.firewalld(self.server, "iptables", self.dialect.kind)
        for words in ("--add-port=%d/tcp" % WEB, "--add-port=%d/udp" % DNS,
                      "--add-rich-rule=rule family=ipv4 source address=192.0.2.66 drop",
                      "--runtime-to-permanent"):
            room.run(["firewall-cmd", words])
        return room

    def reload(self):
        self.room.run("firewall-cmd --reload")

    def is_active(self):
        return "running" in self.room.run("firewall-cmd --state 2>&1")

    def test_served(self):
        self.reloaded("INPUT")

    @where_time_is
    def test_changed_by_firewalld(self):
        before, held = self.play()
        self.room.run("firewall-cmd --add-port=%d/tcp" % SHUT)
        for version in lab.VERSIONS:
            connect(self.client, version, SHUT).close()
        self.room.run("firewall-cmd --remove-port=%d/tcp" % SHUT)
        self.check(before, held)


class Alone:
    """Without a neighbour whose packets would move the counters."""
    dialect = None

    def put_back(self, host, room):
        before = self.dialect.saved(host)
        self.assertRegex(host.apply(self.dialect.backend, POLICY), "made and verified")
        self.assertEqual(states(self.dialect.saved(host)), [])
        self.assertIn("nothing to do", host.apply(self.dialect.backend, POLICY))
        host.remove(self.dialect.backend)
        self.assertEqual(self.dialect.saved(host), before)
        room.close()

    def test_ufw(self):
        host = lab.Namespace()
        room = firewalls.ufw(host, self.dialect.kind)
        for words in ("allow 22/tcp", "limit 2222/tcp", "deny from 192.0.2.66",
                      "--force enable"):
            room.run("ufw " + words)
        self.put_back(host, room)

    def test_firewalld(self):
        host = lab.Namespace()
        self.put_back(host, firewalls.firewalld(host, "iptables", self.dialect.kind))

    def test_objects(self):
        """A helper that is declared keeps tracking on without a rule."""
        host = lab.Namespace()
        self.dialect.load(host, SERVER)
        host.nft('table ip helpers { ct helper ftp { type "ftp" protocol tcp; }; }')
        before = self.dialect.saved(host)
        code, said = host.ctpolicy("apply", POLICY, "--backend",
                                   self.dialect.backend)
        self.assertEqual(code, REFUSED, said)
        self.assertIn("a declared helper", said)
        self.assertEqual(self.dialect.saved(host), before)
        said = host.apply(self.dialect.backend, POLICY, "--force")
        self.assertIn("a declared helper", said)
        self.assertEqual(states(self.dialect.saved(host)), [])


def load_tests(loader, tests, pattern):
    return each_dialect(loader, (Ufw, Firewalld, Alone))


if __name__ == "__main__":
    unittest.main()
