#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Timeouts of the connection table, which each network namespace has of its
own: applied, verified, at rest, seen when they drift, and put back. Sizes
belong to the first namespace and are refused here, before anything is
written; what they do where they may be written is in tests/serial and
tests/vm.

A kill or an error at any call that writes leaves old values or new ones.
"""
import contextlib
import itertools
import json
import os
import re
import subprocess
import tempfile
import time
import unittest

CTPOLICY = os.environ["CTPOLICY"]
BACKENDS = os.environ.get("CTPOLICY_BACKENDS", "nftables iptables").split()
KNOBS = "/proc/sys/net/netfilter/nf_conntrack_"
KEY = "net.netfilter.nf_conntrack_"
UDP, TCP = "udp_timeout", "tcp_timeout_established"
SERVICE = """untracked:
- {name: web, role: server, protocol: tcp, ports: [80], accept: none}
"""
TMP = tempfile.mkdtemp()
STATE = os.path.join(TMP, "state")
# the writes, and what makes them last
CALLS = ("write", "openat", "renameat", "fsync", "sendto", "sendmsg")


def value(knob):
    with open(KNOBS + knob) as f:
        return f.read().strip()


def put(knob, text):
    with open(KNOBS + knob, "w") as f:
        f.write(text)


def policy(section, services=""):
    path = os.path.join(TMP, "policy.yaml")
    with open(path, "w") as f:
        f.write("version: 1\nstate_matching: allowed\n%sconntrack: %s\n" %
                (services, section))
    return path


def run(verb, *words, prefix=()):
    return subprocess.run([*prefix, CTPOLICY, verb, "--state-dir", STATE,
                           *words], capture_output=True, text=True)


@contextlib.contextmanager
def read_only(folder):
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def sets(steps):
    return {(s["key"], s["value"]) for s in steps if s["kind"] == "sysctl"}


class Settings(unittest.TestCase):
    def setUp(self):
        self.before = {k: value(k) for k in (UDP, TCP)}

    def tearDown(self):
        self.ctpolicy(0, "remove")
        for knob, text in self.before.items():
            put(knob, text)
        subprocess.run(["rm", "-rf", STATE])

    def ctpolicy(self, code, verb, *words, **more):
        p = run(verb, *words, **more)
        self.assertEqual(p.returncode, code, p.args + [p.stdout, p.stderr])
        return p

    def json(self, code, verb, *words):
        return json.loads(self.ctpolicy(code, verb, "--json", *words).stdout)

    def holds(self, udp, tcp):
        self.assertEqual((value(UDP), value(TCP)), (udp, tcp))

    def was(self):
        self.holds(self.before[UDP], self.before[TCP])

    def test_life(self):
        """With services and without, on each backend."""
        for services in ("", SERVICE):
            for backend in BACKENDS:
                with self.subTest(services=services, backend=backend):
                    self.life(policy("{timeouts: {udp: 20s}}", services),
                              backend)

    def life(self, file, backend):
        self.ctpolicy(0, "check", file)
        b = ("--backend", backend)
        plan = self.json(1, "diff", file, *b)
        self.assertEqual(plan["result"], "would_change")
        self.assertEqual(sets(plan["steps"]), {(KEY + UDP, "20")})
        self.assertEqual([set(s) for s in plan["steps"]
                          if s["kind"] == "sysctl"],
                         [{"action", "kind", "key", "value"}])
        self.assertIn("+ set sysctl %s = 20\n" % (KEY + UDP),
                      self.ctpolicy(1, "diff", file, *b).stdout)
        self.ctpolicy(0, "apply", "--dry-run", file, *b)
        self.was()
        made = self.json(0, "apply", "-v", file, *b)
        self.assertEqual(sets(made["steps"]), {(KEY + UDP, "20")})
        self.holds("20", self.before[TCP])
        # at rest
        self.ctpolicy(0, "diff", file, *b)
        again = self.json(0, "apply", "--detailed-exitcode", file, *b)
        self.assertEqual((again["result"], again["steps"]),
                         ("unchanged", []))
        # somebody else
        put(UDP, "99")
        status = json.loads(run("status", "--json").stdout)
        self.assertEqual((status["drift"]["rules"],
                          status["drift"]["settings"]), (0, 1))
        self.ctpolicy(1, "status", "--check")
        self.assertEqual(sets(self.json(1, "diff", file, *b)["steps"]),
                         {(KEY + UDP, "20")})
        self.ctpolicy(0, "apply", file, *b)
        self.holds("20", self.before[TCP])
        self.assertIn("put its settings back",
                      self.ctpolicy(0, "remove").stderr)
        self.was()
        self.assertIn("no ctpolicy rules", self.ctpolicy(0, "remove").stderr)

    def test_another_policy(self):
        """What is named no more is as it was first, not as it was last."""
        self.ctpolicy(0, "apply", policy("{timeouts: {udp: 20s}}"))
        self.ctpolicy(0, "apply", policy("{timeouts: {udp: 21s}}"))
        self.ctpolicy(0, "apply", policy("{timeouts: {tcp_established: 1h}}"))
        self.holds(self.before[UDP], "3600")
        self.ctpolicy(0, "apply", policy("{flush: none}", SERVICE))
        self.was()

    def test_against(self):
        """A file has no settings to compare with, which is said."""
        file = policy("{timeouts: {udp: 20s}}", SERVICE)
        saved = os.path.join(TMP, "saved")
        with open(saved, "w") as f:
            f.write(self.ctpolicy(0, "render", file).stdout)
        self.assertIn("not compared",
                      self.ctpolicy(0, "diff", file, "--against", saved).stderr)
        self.was()

    def test_back_and_forth(self):
        one = policy("{timeouts: {udp: 20s, tcp_established: 1h}}", SERVICE)
        self.ctpolicy(0, "apply", one)
        self.ctpolicy(0, "apply", policy("{timeouts: {udp: 25s}}", SERVICE))
        self.holds("25", self.before[TCP])
        self.ctpolicy(0, "rollback")
        self.holds("20", "3600")
        self.ctpolicy(0, "rollback", "--redo")
        self.holds("25", self.before[TCP])
        self.ctpolicy(0, "remove")
        self.was()
        self.ctpolicy(0, "rollback")
        self.holds("25", self.before[TCP])
        self.ctpolicy(0, "remove")
        self.was()

    def test_trial(self):
        """Not confirmed: as before. Confirmed: it stays."""
        file = policy("{timeouts: {udp: 20s}}")
        self.ctpolicy(0, "apply", "--confirm", "1s", file)
        for _ in range(100):
            if value(UDP) == self.before[UDP]:
                break
            subprocess.run(["sleep", "0.1"])
        self.was()
        self.ctpolicy(12, "confirm")
        self.ctpolicy(0, "apply", "--confirm", "60s", file)
        self.holds("20", self.before[TCP])
        self.ctpolicy(0, "rollback")
        self.was()

    def test_way_back(self):
        """A sysctl that cannot be written keeps no rule in force, and is put
        back once it can be."""
        for trial in (True, False):
            with self.subTest(trial=trial):
                self.ctpolicy(0, "apply", policy("{timeouts: {udp: 20s}}"))
                self.ctpolicy(0, "apply", policy("{timeouts: {udp: 21s}}",
                                                 SERVICE),
                              *(("--confirm", "2s") if trial else ()))
                with read_only("/proc/sys"):
                    if not trial:
                        said = self.ctpolicy(0, "rollback").stderr
                        self.assertIn("CT515", said)
                    end = time.monotonic() + 20
                    while self.services() and time.monotonic() < end:
                        time.sleep(0.1)
                    self.assertEqual(self.services(), [])
                    if trial:
                        self.ctpolicy(12, "confirm")
                self.holds("21", self.before[TCP])
                self.ctpolicy(0, "remove")
                self.was()

    def test_watch(self):
        """... nor any out of force."""
        self.ctpolicy(0, "apply", "--backend", BACKENDS[0],
                      policy("{timeouts: {udp: 20s}}", SERVICE))
        put(UDP, "99")
        with read_only("/proc/sys"):
            subprocess.run("nft flush ruleset; iptables-legacy -t raw -F",
                           shell=True, check=True)
            said = self.ctpolicy(0, "watch", "--once")
            self.assertIn("CT515", said.stderr)
            self.assertEqual(len(self.services()), 1)
        self.holds("99", self.before[TCP])
        self.assertIn("put back", self.ctpolicy(0, "watch", "--once").stdout)
        self.holds("20", self.before[TCP])

    def services(self):
        return json.loads(run("status", "--json").stdout)["untracked"]

    def test_somebody_elses(self):
        """What is not ctpolicy's any more is not put back."""
        self.ctpolicy(0, "apply", policy(
            "{timeouts: {udp: 20s, tcp_established: 1h}}"))
        put(UDP, "77")
        said = self.ctpolicy(0, "remove").stderr
        self.assertIn("CT515", said)
        self.assertIn(KEY + UDP + " is 77 now", said)
        self.holds("77", self.before[TCP])
        self.assertEqual(self.ctpolicy(0, "remove").stderr.count("CT515"), 0)

    def refused(self, code, section, *ids):
        """By every command alike, and nothing is done."""
        file = policy(section, SERVICE)
        for verb in ("diff", "apply"):
            p = self.ctpolicy(code, verb, file)
            for word in ids:
                self.assertIn(word, p.stderr)
            self.was()
        self.assertFalse(json.loads(run("status", "--json").stdout)["history"])
        self.ctpolicy(0, "check", file)
        return p.stderr

    def test_scope(self):
        now = value("max")
        for key in ("max: 5000", "buckets: 512", "max: auto",
                    "max: {memory: 5%}", "max: " + now):
            said = self.refused(14, "{timeouts: {udp: 20s}, %s}" % key,
                                "CT513", "first network namespace")
            self.assertIn(key.split(":")[0], said)
        self.assertEqual(value("max"), now)
        self.ctpolicy(14, "apply", "--force",
                      policy("{timeouts: {udp: 20s}, max: 5000}"))
        self.was()

    def test_lacking(self):
        """A key of other kernels, and one that may not be written."""
        gone = [k for k in ("dccp_timeout_open", "frag6_timeout")
                if not os.path.exists(KNOBS + k)]
        for key in gone:
            self.refused(69, "{timeouts: {udp: 20s, %s: 5s}}" %
                         key.replace("_timeout", ""), "CT530", KEY + key)
        subprocess.run(["mount", "--bind", "-o", "ro", KNOBS + TCP,
                        KNOBS + TCP], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", KNOBS + TCP],
                       check=True)
        try:
            self.refused(77, "{timeouts: {udp: 20s, tcp_established: 1h}}",
                         "CT514", KEY + TCP, "Read-only")
        finally:
            subprocess.run(["umount", KNOBS + TCP], check=True)

    def test_kernel_refuses(self):
        """The last of three: the first two are put back."""
        file = policy("{timeouts: {tcp_established: 1h, udp: 20s}}", SERVICE)
        p = self.ctpolicy(10, "apply", file, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-P", KNOBS + UDP,
            "-e", "trace=write", "-e", "inject=write:error=EINVAL:when=1"])
        self.assertIn("CT514", p.stderr)
        self.was()
        self.assertFalse(json.loads(run("status", "--json").stdout)["history"])

    def points(self, verb, words, prepare):
        """Each of the calls, as often as it is made."""
        prepare()
        log = os.path.join(TMP, "log")
        self.ctpolicy(0, verb, *words, prefix=[
            "strace", "-f", "-qq", "-o", log, "-e",
            "trace=" + ",".join(CALLS)])
        with open(log) as f:
            names = re.findall(r"^\d+ +(\w+)\(", f.read(), re.M)
        return [(name, n + 1) for name in CALLS
                for n in range(names.count(name))]

    def sweep(self, verb, words, prepare, values):
        all_points = self.points(verb, words, prepare)
        self.assertGreater(len(all_points), 20)
        every = int(os.environ.get("CTPOLICY_EVERY", "1"))
        killed = 0
        for how, (call, n) in itertools.product(
                ("signal=KILL", "error=EIO"), all_points[::every]):
            prepare()
            p = run(verb, *words, prefix=[
                "timeout", "60", "strace", "-qq", "-o", "/dev/null", "-e",
                "trace=" + call, "-e", "inject=%s:%s:when=%d" %
                (call, how, n)])
            said = (verb, how, call, n, p.returncode, p.stderr)
            if "KILL" in how:
                self.ctpolicy(0, "recover")
                killed += p.returncode < 0
            now = (value(UDP), value(TCP))
            if "CT515" not in p.stderr:
                self.assertIn(now, values, said)
            if "error" in how and p.returncode in (10, 14, 74, 77):
                self.assertEqual(now, values[0], said)
            end = self.ctpolicy(0, "remove")
            self.assertEqual((value(UDP), value(TCP)),
                             (self.before[UDP], self.before[TCP]),
                             said + (end.stderr,))
        # no two runs make quite the same calls
        self.assertGreater(killed, len(all_points[::every]) * 3 // 4)

    def test_cut_apply(self):
        new = policy("{timeouts: {udp: 20s, tcp_established: 1h}}")

        def nothing():
            self.ctpolicy(0, "remove")
            self.was()
        self.sweep("apply", [new, "--backend", BACKENDS[0]], nothing,
                   [(self.before[UDP], self.before[TCP]), ("20", "3600")])

    def test_cut_remove(self):
        new = policy("{timeouts: {udp: 20s, tcp_established: 1h}}")
        self.sweep("remove", [], lambda: self.ctpolicy(
            0, "apply", new, "--backend", BACKENDS[0]),
            [("20", "3600"), (self.before[UDP], self.before[TCP])])


if __name__ == "__main__":
    unittest.main()
