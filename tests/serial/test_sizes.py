#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes of the connection table, in the first network namespace: written,
read back, at rest, seen when they drift, put back; refused where the table
would not hold what it says.

They have one value for the whole machine, so this test changes them for some
seconds, never to less than half of what they are."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "netns"))
import boot_files                                           # noqa: E402
import lab                                                  # noqa: E402
from machine import KNOBS, Machine                          # noqa: E402

KEY = "net.netfilter.nf_conntrack_"
HASHSIZE = "/sys/module/nf_conntrack/parameters/hashsize"
STATE = os.path.join(lab.WORK, "sizes-state")
PAGE = 512
BOOT_ID = "/proc/sys/kernel/random/boot_id"
SYSCTLS = "/etc/sysctl.d/90-ctpolicy.conf"


def setUpModule():
    global MACHINE
    lab.require_ctpolicy()
    MACHINE = Machine()
    boot_files.layer("/etc")


def policy(section):
    path = os.path.join(lab.WORK, "sizes.yaml")
    with open(path, "w") as f:
        f.write("version: 1\nstate_matching: allowed\nconntrack: {%s}\n" %
                section)
    return path


def first(*command):
    """In the first namespace, of which /proc/sys/net is another tree."""
    with MACHINE.entered():
        subprocess.run(command, check=True)


class Sizes(unittest.TestCase):
    def setUp(self):
        self.addCleanup(shutil.rmtree, STATE, ignore_errors=True)
        self.addCleanup(MACHINE.restore)
        self.max, self.buckets = (int(MACHINE.before[k])
                                  for k in ("max", "buckets"))

    def ctpolicy(self, code, verb, *words):
        with MACHINE.entered():
            p = subprocess.run([lab.CTPOLICY, verb, "--state-dir", STATE,
                                *words], capture_output=True, text=True)
        self.assertEqual(p.returncode, code, (words, p.stdout, p.stderr))
        return p

    def steps(self, code, verb, *words):
        out = json.loads(self.ctpolicy(code, verb, "--json", *words).stdout)
        return {s["key"]: s["value"] for s in out["steps"]}

    def hold(self, maximum, buckets):
        self.assertEqual((MACHINE.read("max"), MACHINE.read("buckets")),
                         (str(maximum), str(buckets)))

    def test_life(self):
        buckets = (self.buckets // 2 // PAGE + 1) * PAGE
        file = policy("max: %d, buckets: %d" % (self.max + 7, buckets - 5))
        want = {KEY + "max": str(self.max + 7), KEY + "buckets": str(buckets)}
        self.assertEqual(self.steps(1, "diff", file), want)
        self.hold(self.max, self.buckets)
        self.assertEqual(self.steps(0, "apply", "-v", file), want)
        self.hold(self.max + 7, buckets)
        # rounded up, and at rest
        self.ctpolicy(0, "diff", file)
        again = self.ctpolicy(0, "apply", "--detailed-exitcode", file)
        self.assertIn("nothing to do", again.stderr)
        MACHINE.write("max", self.max + 1)
        self.ctpolicy(1, "status", "--check")
        self.assertEqual(self.steps(1, "diff", file),
                         {KEY + "max": str(self.max + 7)})
        self.ctpolicy(0, "apply", file)
        self.hold(self.max + 7, buckets)
        self.ctpolicy(0, "remove")
        self.hold(self.max, self.buckets)
        self.ctpolicy(0, "rollback")
        self.hold(self.max + 7, buckets)
        self.ctpolicy(0, "apply", policy("flush: none"))
        self.hold(self.max, self.buckets)

    def order(self, section):
        said = self.ctpolicy(0, "apply", "--trace", policy(section)).stderr
        return re.findall(r"trace: write\(\S+nf_conntrack_(\w+), \d+\) = 0",
                          said)

    def test_order(self):
        """Never too few buckets in between."""
        self.assertEqual(self.order("max: %d, buckets: %d" % (
            2 * self.max, 2 * self.buckets)), ["buckets", "max"])
        self.assertEqual(self.order("max: %d, buckets: %d" % (
            self.max, self.buckets)), ["max", "buckets"])

    def test_by_parameter(self):
        """Where the sysctl of the buckets cannot be written."""
        wanted = self.buckets + PAGE
        knob = KNOBS + "buckets"
        first("mount", "--bind", knob, knob)
        first("mount", "-o", "remount,ro,bind", knob)
        try:
            said = self.ctpolicy(0, "apply", "--trace",
                                 policy("buckets: %d" % wanted)).stderr
            self.assertIn("write(%s, %d) = 0" % (HASHSIZE, wanted), said)
            self.hold(self.max, wanted)
            self.ctpolicy(0, "diff", policy("buckets: %d" % wanted))
            self.ctpolicy(0, "remove")
            self.hold(self.max, self.buckets)
        finally:
            first("umount", knob)

    def test_amounts(self):
        """As `size` says, of this host's memory."""
        auto = json.loads(self.ctpolicy(0, "size", "--json").stdout)["auto"]
        steps = self.steps(1, "diff", policy("max: auto, buckets: auto"))
        self.assertEqual(steps, {KEY + k: str(auto[k]) for k in auto})
        for words, least, most in (("64MiB", 160000, 175000),
                                   ("1GiB", 2600000, 2800000)):
            steps = self.steps(1, "diff", policy(
                "max: {memory: %s}, buckets: auto" % words))
            maximum = int(steps[KEY + "max"])
            self.assertTrue(least < maximum < most, steps)
            self.assertEqual(int(steps[KEY + "buckets"]),
                             -(-maximum // PAGE) * PAGE)

    def test_crowded(self):
        file = policy("max: %d" % (9 * self.buckets))
        self.assertIn("CT517", self.ctpolicy(1, "diff", file).stderr)
        self.assertIn("CT517", self.ctpolicy(0, "apply", file).stderr)
        self.hold(9 * self.buckets, self.buckets)
        self.ctpolicy(0, "remove")
        self.assertNotIn("CT517", self.ctpolicy(1, "diff", policy(
            "max: %d" % (8 * self.buckets))).stderr)

    def test_overfull(self):
        file = policy("max: %d, timeouts: {udp: 20s}" % (20 * self.buckets))
        udp = MACHINE.read("udp_timeout")
        for verb in ("diff", "apply"):
            said = self.ctpolicy(14, verb, file).stderr
            self.assertIn("CT517", said)
            self.assertIn("20 entries a bucket", said)
            self.hold(self.max, self.buckets)
            self.assertEqual(MACHINE.read("udp_timeout"), udp)
        self.assertIn("warning: ", self.ctpolicy(
            0, "apply", "--dry-run", "--force", file).stderr)
        # who names the buckets as well has been warned
        both = policy("max: %d, buckets: %d" % (20 * self.buckets,
                                                self.buckets))
        self.assertIn("CT517", self.ctpolicy(1, "diff", both).stderr)

    @contextlib.contextmanager
    def another_boot(self):
        """As far as ctpolicy can tell."""
        fresh = os.path.join(lab.WORK, "boot-id")
        with open(fresh, "w") as f:
            f.write(str(uuid.uuid4()) + "\n")
        first("mount", "--bind", fresh, BOOT_ID)
        try:
            yield
        finally:
            first("umount", BOOT_ID)

    def test_boot(self):
        """Values that are there after a boot are ctpolicy's by its files
        alone."""
        udp = MACHINE.read("udp_timeout")
        self.addCleanup(MACHINE.write, "udp_timeout", udp)
        self.ctpolicy(0, "apply", policy("timeouts: {udp: 20s}"))
        with self.another_boot():
            status = json.loads(self.ctpolicy(0, "status", "--json").stdout)
            self.assertEqual(status["drift"]["settings"], 0)
            MACHINE.write("udp_timeout", "30")
            status = json.loads(self.ctpolicy(0, "status", "--json").stdout)
            self.assertEqual((status["drift"]["settings"],
                              status["drift"]["earlier_boot"]), (1, True))
            MACHINE.write("udp_timeout", "20")
            self.ctpolicy(0, "remove")
            self.assertEqual(MACHINE.read("udp_timeout"), "20")
        MACHINE.write("udp_timeout", udp)
        self.ctpolicy(0, "apply", policy("persist: true, timeouts: {udp: 20s}"))
        self.assertTrue(os.path.exists(SYSCTLS))
        with self.another_boot():
            self.ctpolicy(0, "apply",
                          policy("persist: true, timeouts: {udp: 20s}"))
            self.ctpolicy(0, "remove")
            self.assertEqual(MACHINE.read("udp_timeout"), udp)
            self.assertFalse(os.path.exists(SYSCTLS))

    def test_cut_by_a_boot(self):
        """Of a change that was cut the files are left: they go."""
        udp = MACHINE.read("udp_timeout")
        self.addCleanup(MACHINE.write, "udp_timeout", udp)
        file = policy("persist: true, timeouts: {udp: 20s}")
        with MACHINE.entered():
            subprocess.run(
                ["strace", "-qq", "-o", "/dev/null", "-P",
                 os.path.dirname(SYSCTLS), "-e", "trace=fsync", "-e",
                 "inject=fsync:signal=KILL:when=1", lab.CTPOLICY, "apply",
                 "--state-dir", STATE, file], capture_output=True)
        self.assertTrue(os.path.exists(SYSCTLS))
        MACHINE.write("udp_timeout", udp)
        with self.another_boot():
            self.ctpolicy(0, "recover")
            self.assertFalse(os.path.exists(SYSCTLS))
            self.assertEqual(MACHINE.read("udp_timeout"), udp)
            self.ctpolicy(0, "remove")

    def test_room(self):
        """The fullest namespace counts, though it is another one."""
        crowd = lab.Namespace()
        inside = crowd.popen(["sleep", "600"])
        self.addCleanup(inside.wait)
        self.addCleanup(inside.kill)
        crowd.nft("table inet t { chain c { type filter hook output priority"
                  " 0; ct state new accept; }; }")
        with crowd.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for port in range(2000, 2200):
                sock.sendto(b"x", ("127.0.0.1", port))
        count = int(crowd.sysctl("net.netfilter.nf_conntrack_count"))
        self.assertGreaterEqual(count, 200)
        least = count + -(-count // 4)
        file = policy("max: %d" % (least - 1))
        said = self.ctpolicy(14, "apply", file).stderr
        self.assertIn("CT516", said)
        self.assertIn("process %d has %d entries now" % (inside.pid, count),
                      said)
        self.assertIn("at least %d" % least, said)
        self.ctpolicy(14, "diff", file)
        self.hold(self.max, self.buckets)
        self.assertIn("CT516", self.ctpolicy(
            0, "apply", "--dry-run", "--force", file).stderr)
        self.assertNotIn("CT516", self.ctpolicy(
            1, "diff", policy("max: %d" % least)).stderr)


if __name__ == "__main__":
    unittest.main()
