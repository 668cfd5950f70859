#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`persist: true`: files of ctpolicy's own by which timeouts outlive a boot,
written, marked, kept up to date and removed, whole or not at all; and files
of others that set the same. What a boot makes of them is in tests/vm.
"""
import json
import os
import random
import shutil
import subprocess
import time
import unittest

import boot_files
import persisted
from persisted import (CTPOLICY, KEY, KNOB, MARK, NOTHING, RULE, SERVICE, STATE,
                       SYSCTLS, FILES, TMP, mark, policy, put, sysctls, texts,
                       written)

# libiptc and libxtables abort when an allocation of their own fails
GIVES_UP = ("not a valid target", "tables: malloc failed",
            "tables: strdup failed")
SEED = random.randrange(1 << 32)
# (where, the line, what it sets)
WRITERS = (
    ("/etc/sysctl.d/10-net.conf", KEY + "=60"),
    ("/etc/sysctl.d/11-net.conf", "-net/netfilter/nf_conntrack_udp_timeout = 9"),
    ("/etc/sysctl.conf", " net.netfilter.nf_conntrack_udp_timeout = 7"),
    ("/usr/lib/sysctl.d/50-vendor.conf", KEY + " = 8"),
    ("/etc/tuned/mine/tuned.conf", KEY + "=61"),
    ("/usr/lib/tuned/fast/tuned.conf", KEY + "=62\n[main]\n"
     "include = ${which}, quick;fast, swift\n"),
    ("/usr/lib/tuned/profiles/quick/tuned.conf", KEY + "=67"),
    ("/usr/lib/tuned/swift/tuned.conf", KEY + "=68\n[main]\n"
     "include=swift\n"),
    ("/var/lib/kube-proxy/config.conf", "  udpTimeout: 63s"),
    ("/etc/kubernetes/manifests/kube-proxy.yaml",
     "    - --conntrack-udp-timeout=64s"),
    ("/etc/docker/daemon.json", '  "x": "%s=65",' % KEY),
    ("/etc/systemd/system/tune.service",
     "ExecStart=/sbin/sysctl -w %s=66" % KEY),
)
INNOCENT = (
    ("/etc/sysctl.d/12-net.conf", "# " + KEY + " = 60"),
    ("/etc/sysctl.d/13-net.conf", KEY + "_stream = 60"),
    ("/etc/sysctl.d/14-net.txt", KEY + " = 60"),
    ("/usr/lib/sysctl.d/10-net.conf", KEY + " = hidden"),
    ("/usr/lib/tuned/slow/tuned.conf", KEY + "=asleep"),
    ("/var/lib/kube-proxy/other.conf", "  udpTimeout: 0"),
)


def setUpModule():
    persisted.set_up()


class Persist(persisted.Persisted):
    def test_life(self):
        file = policy()
        plan = json.loads(self.ctpolicy(1, "diff", "--json", file).stdout)
        self.assertEqual([(s["action"], s["key"]) for s in plan["steps"]],
                         [("set", KEY), ("write", SYSCTLS), ("write", RULE)])
        self.assertIn("+ write file %s\n" % SYSCTLS,
                      self.ctpolicy(1, "diff", file).stdout)
        self.assertEqual(texts(), NOTHING)
        p = self.ctpolicy(0, "apply", file)
        # which is not the first namespace
        self.assertIn("CT513", p.stderr)
        self.assertEqual(texts(), written("20"))
        self.assertEqual({os.stat(p).st_mode & 0o7777 for p in FILES[1:]},
                         {0o644})
        for path in FILES[1:]:
            while os.path.dirname(path) != "/etc":
                path = os.path.dirname(path)
                self.assertEqual(os.stat(path).st_mode & 0o555, 0o555, path)
        self.ctpolicy(0, "diff", file)
        # another value, and by hand
        self.ctpolicy(0, "apply", policy("persist: true, timeouts: {udp: 21s}"))
        self.assertEqual(texts(), written("21"))
        put(SYSCTLS, mark() + KEY + " = 22\n")
        status = json.loads(self.ctpolicy(0, "status", "--json").stdout)
        self.assertEqual(status["drift"]["settings"], 1)
        self.ctpolicy(0, "apply", policy("persist: true, timeouts: {udp: 21s}"))
        self.assertEqual(texts(), written("21"))
        # there and back
        self.ctpolicy(0, "rollback")
        self.ctpolicy(0, "rollback")
        self.assertEqual(texts(), written("20"))
        self.ctpolicy(0, "rollback")
        self.assertEqual(texts(), NOTHING)
        self.ctpolicy(0, "rollback", "--redo")
        self.assertEqual(texts(), written("20"))
        # no more of it
        self.ctpolicy(0, "apply", policy("timeouts: {udp: 20s}"))
        self.assertEqual(texts(), NOTHING)
        self.ctpolicy(0, "apply", policy("persist: false, timeouts: {udp: 20s}"))

    def test_trial(self):
        """Not confirmed: the files go with the rest."""
        self.ctpolicy(0, "apply", "--confirm", "2s", policy())
        self.assertEqual(texts(), written("20"))
        end = time.monotonic() + 20
        while texts() != NOTHING and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(texts(), NOTHING)
        self.ctpolicy(12, "confirm")
        self.ctpolicy(0, "apply", "--confirm", "60s", policy())
        self.ctpolicy(0, "confirm")
        self.assertEqual(texts(), written("20"))

    def test_lost_state(self):
        """Without any record the mark tells whose they are."""
        self.ctpolicy(0, "apply", policy())
        shutil.rmtree(STATE)
        self.ctpolicy(0, "remove")
        self.assertEqual(texts(), NOTHING)
        with open(KNOB, "w") as f:
            f.write(self.before)

    def test_not_ours(self):
        for path in FILES[1:]:
            put(path, "# somebody's\n")
            for verb in ("diff", "apply"):
                said = self.ctpolicy(14, verb, policy()).stderr
                self.assertIn(path + ": error: ", said)
                self.assertIn("CT559", said)
            self.ctpolicy(0, "remove")
            self.assertEqual(boot_files.read(path), "# somebody's\n")
            self.assertEqual(sum(t is not None for t in texts()), 1)
            os.unlink(path)
            os.symlink("/dev/null", path)
            self.ctpolicy(14, "apply", policy())
            self.assertEqual(os.readlink(path), "/dev/null")
            os.unlink(path)

    def test_namespaces(self):
        """One leaves the files of another alone; that of process 1 may take
        any, since a boot makes no other."""
        self.ctpolicy(0, "apply", policy())
        ours = written("20")
        other = ("unshare", "-n", "sh", "-c", '"$@"', "sh")
        state = "--state-dir", os.path.join(TMP, "other")
        lasting = "persist: true, timeouts: {udp: 33s}"
        for verb, code, words in (
                ("diff", 1, ["flush: none", SERVICE]),
                ("apply", 0, ["flush: none", SERVICE]), ("remove", 0, []),
                ("apply", 0, ["timeouts: {udp: 33s}"]),
                ("diff", 14, [lasting]), ("apply", 14, [lasting])):
            with self.subTest(verb=verb, words=words):
                p = self.ctpolicy(code, verb, *state,
                                  *([policy(*words)] if words else []),
                                  prefix=other)
                self.assertNotIn(SYSCTLS, p.stdout)
                self.assertEqual("CT559" in p.stderr, code == 14, p.stderr)
                self.assertEqual(texts(), ours)
        file = policy()
        self.ctpolicy(0, "diff", file)
        main = ("unshare", "-npf", "--mount-proc")
        self.ctpolicy(0, "apply", *state, policy(
            "persist: true, timeouts: {udp: 44s}"), prefix=main)
        self.assertEqual(texts()[1], sysctls(44, MARK))
        self.ctpolicy(0, "remove")
        self.assertEqual(texts()[1], sysctls(44, MARK))
        self.ctpolicy(0, "remove", *state, prefix=main)
        self.assertEqual(texts(), NOTHING)
        # one that is gone, since the machine was booted, has none
        put(SYSCTLS, MARK + "# Network namespace: 00000000-0000-0000-0000-"
            "000000000000-1\n" + KEY + " = 44\n")
        self.ctpolicy(0, "apply", policy())
        self.assertEqual(texts(), ours)

    def test_failures(self):
        """A kill or an error at each rename, unlink and sync."""
        calls = ("renameat", "rename", "unlinkat", "fsync", "mkdir",
                 "fchmod")
        self.ctpolicy(0, "apply", policy())
        for verb, words, others in (
                ("apply", [policy()], NOTHING), ("remove", [], written("20"))):
            for how in ("signal=KILL", "error=EIO"):
                for call in calls:
                    for n in range(1, 12):
                        self.ctpolicy(0, "remove")
                        if verb == "remove":
                            self.ctpolicy(0, "apply", policy())
                        if not self.cut(verb, words, call, how, n,
                                         (NOTHING, others, written("20"))):
                            break

    def cut(self, verb, words, call, how, n, allowed):
        """Was the call made so often?"""
        log = os.path.join(TMP, "log")
        p = subprocess.run(
            ["strace", "-qq", "-o", log, "-e", "trace=" + call, "-e",
             "inject=%s:%s:when=%d" % (call, how, n), CTPOLICY, verb,
             "--state-dir", STATE, *words], capture_output=True, text=True)
        said = (verb, call, how, n, p.returncode, p.stderr)
        if "KILL" in how:
            self.ctpolicy(0, "recover")
        if "CT529" not in p.stderr:
            self.assertIn(texts(), allowed, said)
        if p.returncode in (10, 14, 74, 77):
            self.assertEqual(texts(), allowed[1], said)
        made = boot_files.read(log)
        return "INJECTED" in made or "SIGKILL" in made

    def test_starved(self):
        """An allocation fails, at random places: all or nothing, no crash."""
        library, count = TMP + "/alloc_fault.so", TMP + "/allocations"
        subprocess.run([os.environ.get("CC", "cc").split()[0], "-shared",
                        "-fPIC", "-O1", "-o", library, os.environ["srcdir"] +
                        "/tests/fault/alloc_fault.c", "-ldl"], check=True)
        rng = random.Random(SEED)

        def starve(words, n):
            return subprocess.run(
                [CTPOLICY, words[0], "--state-dir", STATE, *words[1:]],
                capture_output=True, text=True, env={
                    **os.environ, "LD_PRELOAD": library, "ASAN_OPTIONS":
                    "verify_asan_link_order=0:detect_leaks=0",
                    "CTPOLICY_FAIL_ALLOC": str(n),
                    "CTPOLICY_COUNT_ALLOC": count})
        for words in (["apply", policy()], ["remove"]):
            if words[0] == "remove":
                self.ctpolicy(0, "apply", policy())
            starve(words, 0)
            total = int(boot_files.read(count).split()[0])
            for n in sorted(rng.sample(range(1, total), 25)):
                self.ctpolicy(0, "remove")
                if words[0] == "remove":
                    self.ctpolicy(0, "apply", policy())
                p = starve(words, n)
                said = (SEED, words[0], n, p.returncode, p.stderr)
                if not any(w in p.stderr for w in GIVES_UP):
                    self.assertGreaterEqual(p.returncode, 0, said)
                self.assertNotRegex(p.stderr, "Sanitizer|runtime error")
                self.assertIn(texts(), (NOTHING, written("20")), said)
                self.ctpolicy(0, "recover")
                self.ctpolicy(0, "remove")
                self.assertEqual(texts(), NOTHING, said)
                with open(KNOB) as f:
                    self.assertEqual(f.read(), self.before, said)

    def test_writers(self):
        """Each other line that sets it is named, and no more."""
        for path, line in WRITERS + INNOCENT:
            put(path, "# one\n" + line + "\n")
        put("/etc/tuned/active_profile", "fast\n")
        try:
            for verb, code in (("diff", 1), ("apply", 0)):
                said = json.loads(self.ctpolicy(code, verb, "--json",
                                                policy()).stdout)
                found = {(d["file"], d["line"]) for d in said["diagnostics"]
                         if d["id"] == "CT519"}
                self.assertEqual(found, {(p, 2) for p, _ in WRITERS})
        finally:
            for path, _ in WRITERS + INNOCENT:
                os.unlink(path)


if __name__ == "__main__":
    unittest.main()
