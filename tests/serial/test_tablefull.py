# SPDX-License-Identifier: GPL-2.0-or-later
"""The classic: a busy service fills the connection-tracking table, and then
nothing gets in. With the policy it does not.

nf_conntrack_max has one value for the whole machine, so this test lowers it
for some seconds, as root of the first network namespace only, and puts it
back however it ends.
"""
import concurrent.futures
import json
import os
import resource
import socket
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "netns"))
import entries                                              # noqa: E402
import lab                                                  # noqa: E402
import metrics                                              # noqa: E402
from hosts import filter_host                               # noqa: E402
from packets import UDP                                     # noqa: E402
from traffic import Echo, tcp_exchange                      # noqa: E402
from machine import Machine                                 # noqa: E402

LIMIT = 400
CONNECTIONS = 600
PORT = 8080
POLICY = """version: 1
state_matching: allowed
untracked:
  - name: busy
    role: %s
    protocol: tcp
    ports: [8080]
    accept: open
"""


def setUpModule():
    global LAB, MACHINE
    lab.require_ctpolicy()
    MACHINE = Machine()
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    LAB = lab.Lab()
    Echo(LAB.server, PORT)
    MACHINE.write("max", LIMIT)


def tearDownModule():
    MACHINE.restore()


def connect_many(version, patience):
    """Short connections, many at a time; how many of them failed. A busy
    machine is slow, a full table is deaf: patience tells them apart."""
    dst = lab.address("server", version)
    with concurrent.futures.ThreadPoolExecutor(48) as pool:
        ends = pool.map(lambda _: tcp_exchange(
            LAB.client, version, dst, PORT, size=10, timeout=patience),
            range(CONNECTIONS))
        return sum(end != "ok" for end in ends)


def status(space, words="--check"):
    """Its exit code, what wants attention, and whether it saw packets being
    dropped; no change is remembered."""
    out = space.run("%s status %s --json --state-dir %s/none; echo $?" %
                    (lab.CTPOLICY, words, lab.WORK))
    said, _, code = out.strip().rpartition("\n")
    said = json.loads(said)
    return int(code), said["attention"], \
        said["lately"]["drop"] + said["lately"]["chaintoolong"] > 0


class TableFull(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def stateful(self, space, hook, backend):
        """What hosts have: established passes, so does new to the service."""
        filter_host(space, backend, neighbours=True,
                    **{hook: ("drop", "established", "new service")})

    def check(self, space, role, hook):
        events = lab.NewEntries(space)
        self.addCleanup(events.close)
        for backend in lab.BACKENDS:
            for version in lab.VERSIONS:
                with self.subTest(backend=backend, ip=version):
                    LAB.clear()
                    self.stateful(space, hook, backend)
                    space.flush_entries()
                    space.apply(backend, POLICY % role)
                    events.take(0.01)
                    self.assertEqual(connect_many(version, 15), 0)
                    self.assertEqual(events.take(), [])

    def test_server(self):
        self.check(LAB.server, "server", "input")

    def test_router(self):
        self.check(LAB.router, "router", "forward")

    def test_without_the_policy(self):
        for backend in lab.BACKENDS:
            LAB.clear()
            self.stateful(LAB.server, "input", backend)
            LAB.server.flush_entries()
            self.assertGreater(connect_many(4, 0.5), 50)
        LAB.server.flush_entries()

    def test_status(self):
        """`status --check` tells a table that is full, and packets that are
        being dropped for it, while they are."""
        LAB.clear()
        self.stateful(LAB.server, "input", lab.BACKENDS[0])
        LAB.server.flush_entries()
        self.assertEqual(status(LAB.server), (0, [], False))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            busy = pool.submit(connect_many, 4, 2)
            told = set()
            while not busy.done() and told < {"fill", "drops", "lately"}:
                code, attention, drops = status(LAB.server)
                self.assertEqual(code, 1 if attention else 0)
                self.assertEqual(drops, "drops" in attention)
                told |= set(attention)
                if status(LAB.server, "")[2]:
                    told.add("lately")
        self.assertEqual(told, {"fill", "drops", "lately"})
        LAB.server.flush_entries()

    def test_many(self):
        """A table that is too large to be listed whole is sampled for the
        metrics, and they say so."""
        many, path = 210000, os.path.join(lab.WORK, "many.prom")
        MACHINE.write("max", 1000000)
        self.addCleanup(MACHINE.write, "max", LIMIT)
        space = lab.Namespace()
        entries.add(space, ((
            UDP, "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255),
            "192.0.2.1", 1024 + i % 60000, 514, 2 if i % 4 else 0, 0)
            for i in range(many)))
        self.assertEqual(int(space.run("conntrack -C")), many)
        space.run("%s status --prometheus %s" % (lab.CTPOLICY, path))
        space.flush_entries()
        with open(path) as f:
            found = metrics.parse(f.read())
        self.assertAlmostEqual(metrics.value(
            found, "ctpolicy_conntrack_sampled_ratio"), 100000 / many, 5)
        rows = metrics.entries(found)
        self.assertEqual(set(rows), {("udp", "", "replied"),
                                     ("udp", "", "unreplied")})
        self.assertAlmostEqual(sum(rows.values()), many, delta=2)
        self.assertAlmostEqual(rows["udp", "", "unreplied"], many / 4,
                               delta=many / 100)


if __name__ == "__main__":
    unittest.main()
