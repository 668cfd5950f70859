#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Saved rules of iptables that name timeouts or sets which a boot does not
make before it loads them: named, and they do not load. Files lie below a layer
over /etc that goes with this test's mount namespace."""
import os
import subprocess
import unittest

import boot_files
from boot_files import ctpolicy, must, policy, write

POLICY = """version: 1
state_matching: allowed
tracked:
  - {name: dns, role: server, protocol: udp, ports: [53], timeouts: {replied: 9s}}
"""
SETS = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], clients: [%s]}
""" % ", ".join("192.0.2.%d" % n for n in range(1, 99, 2))
SAVED = "/etc/iptables/rules.v4"
THEIRS = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j CT --timeout slow
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
"""


def setUpModule():
    boot_files.layer("/etc")
    subprocess.run(["rm", "-rf", "/etc/iptables"], check=True)


def line_of(word):
    with open(SAVED, encoding="utf-8") as f:
        return 1 + [word in x for x in f].index(True)


class Saved(unittest.TestCase):
    def tearDown(self):
        ctpolicy("remove")
        must("sh", "-c", "iptables-legacy -F; iptables-legacy -P INPUT ACCEPT; "
             "iptables-legacy -t raw -F; iptables-legacy -t raw -X")
        if os.path.exists(SAVED):
            os.unlink(SAVED)

    def loads(self):
        """Would a boot load it? In a namespace where nothing is there yet."""
        return subprocess.run(
            ["unshare", "-n", "iptables-legacy-restore", SAVED],
            capture_output=True, check=False).returncode == 0

    def named(self, file, where):
        for words in (("diff",), ("apply",), ("audit",)):
            said = ctpolicy(*words, *(
                ("--backend", "iptables", file) if words[0] != "audit" else ()),
                code=None)
            if where:
                self.assertIn("%s:%d:1: warning: " % (SAVED, where), said)
                self.assertEqual(said.count("CT563"), 1, said)
            else:
                self.assertNotIn("CT563", said)

    def test_own(self):
        for text, word in ((POLICY, "--timeout"), (SETS, "--match-set")):
            with self.subTest(word=word):
                file = policy("own.yaml", text)
                ctpolicy("apply", "--backend", "iptables", file)
                write(SAVED, must("iptables-legacy-save"))
                self.assertFalse(self.loads())
                self.named(file, line_of(word))
                # the cure
                ctpolicy("remove")
                write(SAVED, must("iptables-legacy-save"))
                ctpolicy("apply", "--backend", "iptables", file)
                self.assertTrue(self.loads())
                self.named(file, 0)
                ctpolicy("remove")

    def test_theirs(self):
        file = policy("own.yaml", POLICY)
        write(SAVED, THEIRS)
        self.assertFalse(self.loads())
        self.named(file, line_of("--timeout"))
        write(SAVED, THEIRS.replace("-A PRE", "[3:180] -A PRE"))
        self.assertFalse(self.loads())
        self.named(file, line_of("--timeout"))
        write(SAVED, THEIRS.replace("-A PRE", "# -A PRE"))
        self.assertTrue(self.loads())
        self.named(file, 0)

    def test_words(self):
        """What stands in quotes is text, and loads."""
        file = policy("own.yaml", POLICY)
        rule = "-p udp -m udp --dport 53 -j CT --timeout slow"
        for text in ('-m comment --comment "no -j CT --timeout slow here" '
                     '-j CT --notrack',
                     '-m comment --comment "--timeout" -j CT --notrack',
                     '-m comment --comment "say \\"-j CT --timeout slow \\"" '
                     '-j ACCEPT'):
            write(SAVED, THEIRS.replace(rule, text))
            self.assertTrue(self.loads(), text)
            self.named(file, 0)
        write(SAVED, THEIRS.replace(rule, '-m comment --comment "a b" '
                                    '-j CT --timeout "slow"'))
        self.assertFalse(self.loads())
        self.named(file, line_of("--timeout"))
        own = "-A CTPOLICY-in -m comment --comment \"x -m set --match-set y " \
            "src\" -j ACCEPT"
        write(SAVED, THEIRS.replace(":OUTPUT ACCEPT [0:0]\n-A",
                                    ":OUTPUT ACCEPT [0:0]\n:CTPOLICY-in - "
                                    "[0:0]\n" + own + "\n-A").replace(
                                        rule, "-j ACCEPT"))
        self.assertTrue(self.loads())
        self.named(file, 0)


if __name__ == "__main__":
    unittest.main()
