#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctpolicy watch` of 100,000 elements: a reload is repaired at once, and soon
again; nothing that others write beside it, and no idle minute, costs a listing."""
import os
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from watcher import Watch                                   # noqa: E402

# in each of three sets
CLIENTS = 33334
POLICY = """version: 1
state_matching: allowed
backend: %s
untracked:
  - name: web
    role: server
    protocol: tcp
    ports: [80]
    accept: none
    clients:
"""
# Measured here: a second, of which 0.6 are a processor's. What it waits for one
# that others have does not count; what it waits for its share would take more.
SOON = 8


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()


def client(i):
    return "%d.%d.%d.%d" % (20 + i // 65536, i // 256 % 256, i % 256,
                            1 + i % 200)


class Case(unittest.TestCase):
    backend = None

    def setUp(self):
        self.policy = POLICY % self.backend + "".join(
            "      - %s\n" % client(i) for i in range(CLIENTS))
        code, said = LAB.server.ctpolicy("apply", self.policy)
        self.assertEqual(code, 0, said)
        self.watch = Watch(LAB.server)
        self.told("in_force")

    def tearDown(self):
        self.watch.kill()
        LAB.server.run([lab.CTPOLICY, "remove", "-q"])
        LAB.clear()

    def told(self, event, seconds=60):
        found = self.watch.wait(event, seconds)
        self.assertIsNotNone(found, (event, self.watch.events))
        return found

    def differs(self):
        return LAB.server.ctpolicy("diff", self.policy)[0]

    def test_repaired_at_once_and_again(self):
        for _ in range(2):
            before, waited = self.watch.worked(), self.watch.waited()
            self.wipe()
            begun = time.monotonic()
            self.told("repaired")
            took = time.monotonic() - begun - (self.watch.waited() -
                                               waited)
            print("%s: repaired after %.2f s, %.2f of a processor" % (
                self.backend, took, self.watch.worked() - before), flush=True)
            self.assertLess(took, SOON)
            self.assertEqual(self.differs(), 0)
            time.sleep(1)

    def test_nothing_costs_nothing(self):
        self.write_beside(0)            # makes a table: that is looked at
        time.sleep(3)
        before, seconds = self.watch.worked(), 8
        time.sleep(seconds / 2)
        for i in range(1, 11):
            self.write_beside(i)
            time.sleep(seconds / 20)
        cost = (self.watch.worked() - before) / seconds
        print("%s: %.2f %% of a processor" % (self.backend, 100 * cost),
              flush=True)
        # one listing would take as much as a fortieth of that time
        self.assertLess(cost, .025)

    def test_a_lost_element(self):
        """By its set's count where that is known; by a listing where not."""
        name = self.a_set()
        self.lose(name, client(5))
        self.told("repaired")
        self.assertEqual(self.differs(), 0)
        self.lose(name, client(5))
        self.gain(name, "198.51.100.77")
        self.watch.signal(signal.SIGHUP)
        self.told("repaired")
        self.assertEqual(self.differs(), 0)


class Nftables(Case):
    backend = "nftables"

    @staticmethod
    def wipe():
        LAB.server.nft("flush ruleset")

    @staticmethod
    def write_beside(i):
        LAB.server.nft("table ip other {\nset s {\ntype ipv4_addr\n}\n}\n"
                       "add element ip other s { 192.0.2.%d }" % (100 + i))

    @staticmethod
    def a_set():
        return re.search(r"set (\S+) {\s*type inet_service . ipv4_addr",
                         LAB.server.run("nft -t list table inet ctpolicy"))[1]

    @staticmethod
    def lose(name, address):
        LAB.server.nft("delete element inet ctpolicy %s { 80 . %s }" % (
            name, address))

    @staticmethod
    def gain(name, address):
        LAB.server.nft("add element inet ctpolicy %s { 80 . %s }" % (
            name, address))


class Iptables(Case):
    backend = "iptables"

    @staticmethod
    def wipe():
        LAB.server.run("iptables-legacy -t raw -F; iptables-legacy -t raw -X;"
                       "ipset destroy")

    @staticmethod
    def write_beside(i):
        LAB.server.run("iptables-legacy -t filter -C INPUT -j ACCEPT || :")

    @staticmethod
    def a_set():
        return next(name for name in LAB.server.run("ipset list -n").split()
                    if "hash:ip\n" in LAB.server.run("ipset list -t " + name))

    @staticmethod
    def lose(name, address):
        LAB.server.run("ipset del %s %s" % (name, address))

    @staticmethod
    def gain(name, address):
        LAB.server.run("ipset add %s %s" % (name, address))


def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(
        loader.loadTestsFromTestCase(case) for case in (Nftables, Iptables)
        if case.backend in lab.BACKENDS)


if __name__ == "__main__":
    unittest.main()
