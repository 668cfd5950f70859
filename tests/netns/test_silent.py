#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A pipe that falls silent half-way is waited for, as by any other tool; nothing
is locked or begun meanwhile, others go on, and SIGINT ends it."""
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: none}
"""
RULES = "table inet t {\n\tchain c {\n\t}\n}\n"
STATE = "/var/lib/ctpolicy"


def setUpModule():
    global SPACE
    lab.require_ctpolicy()
    SPACE = lab.Namespace()


def listing():
    return SPACE.run("nft list ruleset; iptables-legacy-save -t raw | "
                     "grep -v ^#; "
                     "find %s -type f | sort | xargs -r md5sum" % STATE)


class Silent(unittest.TestCase):
    # what is said, and what the pipe is to bring
    ways = ((("apply", "-"), POLICY), (("apply", "--dry-run", "-"), POLICY),
            (("check", "-"), POLICY), (("render", "-"), POLICY),
            (("diff", "-"), POLICY), (("audit", "-"), RULES),
            (("diff", "--against", "-", "FILE"), RULES),
            (("apply", "/dev/fd/3"), POLICY))

    def setUp(self):
        self.file = os.path.join(lab.WORK, "silent.yaml")
        with open(self.file, "w") as f:
            f.write(POLICY.replace("80", "81"))
        SPACE.run([lab.CTPOLICY, "apply", "-q", "--backend",
                   lab.BACKENDS[0], self.file])

    def tearDown(self):
        SPACE.run([lab.CTPOLICY, "remove", "-q"])

    def begin(self, words, text):
        """At half of its input for a while."""
        read, self.mouth = os.pipe()
        words = [self.file if w == "FILE" else w for w in words]
        if "check" not in words and "audit" not in words:
            words += ["--backend", lab.BACKENDS[0]]
        p = SPACE.popen(
            ["sh", "-c", 'exec "$@" 3<&0', "sh", lab.CTPOLICY, *words],
            stdin=read, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        os.close(read)
        os.write(self.mouth, text[:len(text) // 2].encode())
        time.sleep(.7)
        self.assertIsNone(p.poll(), words)
        return p

    def end(self, p):
        os.close(self.mouth)
        return p.communicate()[0]

    def locks(self, pid):
        with open("/proc/locks") as locks:
            return [line for line in locks if " %d " % pid in line]

    def test_nothing_is_held(self):
        for words, text in self.ways:
            with self.subTest(words=words):
                before = listing()
                p = self.begin(words, text)
                self.assertEqual(self.locks(p.pid), [])
                self.assertEqual(listing(), before)
                # who waits for a lock gives up
                SPACE.run([lab.CTPOLICY, "apply", "-q", "--backend",
                           lab.BACKENDS[0], self.file])
                self.assertNotIn("CT542", SPACE.run(
                    [lab.CTPOLICY, "rollback"], check=False))
                SPACE.run([lab.CTPOLICY, "apply", "-q", "--backend",
                           lab.BACKENDS[0], self.file])
                before = listing()
                p.send_signal(signal.SIGINT)
                p.wait(20)
                self.assertEqual(self.end(p), "")
                self.assertIn(p.returncode, (-signal.SIGINT, 130))
                self.assertEqual(listing(), before)

    def test_the_rest_comes_late(self):
        p = self.begin(("apply", "-"), POLICY)
        os.write(self.mouth, POLICY[len(POLICY) // 2:].encode())
        said = self.end(p)
        self.assertEqual(p.returncode, 0, said)
        self.assertIn("made and verified", said)

    def test_half_a_policy_is_none(self):
        """Who wrote it died."""
        before = listing()
        p = self.begin(("apply", "-"), POLICY)
        said = self.end(p)
        self.assertEqual(p.returncode, 78, said)
        self.assertEqual(listing(), before)


if __name__ == "__main__":
    unittest.main()
