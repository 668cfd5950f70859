#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of `persist: true` that somebody replaced or that cannot be written:
nothing is half done, and what became of a file keeps no rule in force.
"""
import itertools
import json
import os
import re
import subprocess
import time
import unittest

import boot_files
import persisted
from persisted import (KEY, KNOB, LOG, NOTHING, OPTIONS, OVER, RULE,
                       SERVICE, SYSCTLS, TRACE, end, mark, policy, put, texts,
                       written)

# by which it is written
FRESH = os.path.join(os.path.dirname(SYSCTLS),
                     ".%s.ctpolicy-new" % os.path.basename(SYSCTLS))


def setUpModule():
    persisted.set_up()


class Lost(persisted.Persisted):
    def test_taken_meanwhile(self):
        """Somebody replaced ctpolicy's file by his own: it is left alone."""
        self.ctpolicy(0, "apply", policy())
        put(SYSCTLS, "# somebody's\n")
        self.ctpolicy(0, "remove")
        self.assertEqual(texts(), [None, "# somebody's\n", None])
        os.unlink(SYSCTLS)

    def test_read_only(self):
        """Where it cannot be written nothing is done; what cannot be removed
        keeps nothing else in force."""
        self.ctpolicy(0, "apply", policy())
        subprocess.run(["mount", "-o", "remount,ro", "/etc"], check=True)
        try:
            said = self.ctpolicy(77, "apply", policy(
                "persist: true, timeouts: {udp: 22s}")).stderr
            self.assertIn(SYSCTLS, said)
            with open(KNOB) as f:
                self.assertEqual(f.read(), "20\n")
            self.assertIn("CT529", self.ctpolicy(0, "remove").stderr)
            with open(KNOB) as f:
                self.assertEqual(f.read(), self.before)
        finally:
            subprocess.run(["mount", "-o", "remount,rw", "/etc"], check=True)
        self.assertEqual(texts(), written("20"))

    def test_removal_back(self):
        """Undone where /etc cannot be written: rules and sysctls are back,
        and each file that is not is named; so are those that stay."""
        self.ctpolicy(0, "apply", policy(services=SERVICE))
        self.ctpolicy(0, "remove")
        self.spoil("read-only")
        try:
            said = self.ctpolicy(0, "rollback").stderr
            for path in (SYSCTLS, RULE):
                self.assertIn(path + ": warning: this file of ctpolicy's "
                              "cannot be written: Read-only", said)
            self.assertEqual(texts(), NOTHING)
            self.assertEqual(boot_files.read(KNOB), "20\n")
            self.assertEqual(self.services(), ["web"])
            # which is nothing to be finished, but not all that was there
            self.assertIn("no unfinished", self.ctpolicy(0, "recover").stderr)
            status = self.ctpolicy(0, "status", "--json").stdout
            self.assertEqual(json.loads(status)["drift"]["settings"], 2)
            self.ctpolicy(0, "rollback", "--redo")
            self.assertEqual(self.services(), [])
            self.assertEqual(boot_files.read(KNOB), self.before)
        finally:
            self.mend("read-only")
        self.ctpolicy(0, "apply", policy(services=SERVICE))
        self.assertEqual(texts(), written(20))

    def spoil(self, how):
        """What was there cannot be there again."""
        if how == "theirs":
            put(SYSCTLS, "# somebody's\n")
        elif how == "link":
            os.unlink(SYSCTLS)
            os.symlink("/dev/null", SYSCTLS)
        elif how == "unreadable":
            os.chown(SYSCTLS, 1000, 0)
            os.chmod(SYSCTLS, 0o600)
        else:
            subprocess.run(["mount", "-o", "remount,ro", "/etc"], check=True)

    def mend(self, how):
        if how == "read-only":
            subprocess.run(["mount", "-o", "remount,rw", "/etc"], check=True)
        elif how == "unreadable":
            os.chown(SYSCTLS, 0, 0)
            os.chmod(SYSCTLS, 0o644)
        else:
            os.unlink(SYSCTLS)

    def test_way_back(self):
        """What became of a file keeps no rule in force, and no sysctl."""
        for how, back in itertools.product(("theirs", "link", "read-only",
                                            "unreadable"),
                                           ("trial", "rollback", "recover")):
            with self.subTest(how=how, back=back):
                self.ctpolicy(0, "remove")
                self.ctpolicy(0, "apply", policy())
                self.change(back)
                self.spoil(how)
                try:
                    said = self.go_back(back)
                    self.assertEqual(boot_files.read(KNOB), "20\n")
                    status = self.ctpolicy(0, "status", "--json").stdout
                    self.assertEqual(json.loads(status)["untracked"], [])
                    # killed before it was written, it is as it was
                    if said is not None and (back != "recover" or
                                             how in ("theirs", "link")):
                        self.assertIn(SYSCTLS + ": warning: ", said)
                        self.assertIn("CT529", said)
                    if how == "theirs":
                        self.assertEqual(boot_files.read(SYSCTLS),
                                         "# somebody's\n")
                finally:
                    self.mend(how)

    def test_watch(self):
        """It puts the rules back, too."""
        for how in ("theirs", "link", "read-only", "unreadable"):
            with self.subTest(how=how):
                self.ctpolicy(0, "apply", policy("persist: true, timeouts: "
                                                 "{udp: 21s}", SERVICE))
                if how == "read-only":
                    os.unlink(SYSCTLS)
                self.spoil(how)
                try:
                    subprocess.run(["nft", "flush", "ruleset"], check=True)
                    said = self.ctpolicy(0, "watch", "--once")
                    self.assertIn("put back", said.stdout)
                    self.assertIn(SYSCTLS + ": warning: ", said.stderr)
                    self.assertEqual(self.services(), ["web"])
                    # and says no more than is so: with all powers the text
                    # can be read, and is right
                    right = how == "unreadable"
                    said = self.ctpolicy(0 if right else 14, "watch", "--once")
                    self.assertIn("is in force" if right else
                                  "could not be put back", said.stdout)
                finally:
                    if how == "read-only":
                        put_up = ["mount", "-o", "remount,rw", "/etc"]
                        subprocess.run(put_up, check=True)
                    else:
                        self.mend(how)
                self.ctpolicy(0, "remove")

    def test_own_lines(self):
        """What somebody added to a file of ctpolicy's is his: it stays."""
        self.ctpolicy(0, "apply", policy())
        more = ("\n# mine\nnet.core.somaxconn = 512\n"
                "net.netfilter.nf_conntrack_udp_timeout_stream = 90\n" +
                KEY + " = 33")
        with open(SYSCTLS, "a") as f:
            f.write(more)
        self.ctpolicy(0, "diff", policy())
        status = self.ctpolicy(0, "status", "--json").stdout
        self.assertEqual(json.loads(status)["drift"]["settings"], 0)
        for words, seconds in (
                (["apply"], 21), (["rollback"], 20),
                (["rollback", "--redo"], 21),
                (["apply", "--confirm", "60s"], 20), (["rollback"], 21)):
            file = policy("persist: true, timeouts: {udp: %ds}" % seconds)
            said = self.ctpolicy(0, *words, *(
                [file] if words[0] == "apply" else [])).stderr
            self.assertEqual(texts(), written(seconds, more))
            if words[0] == "apply":
                self.assertIn(SYSCTLS + ":9:1: warning: this line sets " +
                              KEY + " as well", said)
        # in the middle, and without a newline at the end
        put(SYSCTLS, texts()[1].replace(OVER, "net.ipv4.ip_forward = 1\n" +
                                        OVER))
        self.ctpolicy(0, "diff", policy(
            "persist: true, timeouts: {udp: 21s}"))
        self.ctpolicy(0, "apply", policy())
        rest = "net.ipv4.ip_forward = 1\n" + more
        self.assertEqual(texts(), written(20, rest))
        # it is no file of ctpolicy's any more
        said = self.ctpolicy(0, "remove").stderr
        self.assertIn(SYSCTLS + ": warning: somebody added lines to this file "
                      "of ctpolicy's: they stay in it [CT537]", said)
        self.assertIn("help: move them to a file of your own", said)
        self.assertEqual(texts(), [None, rest, None])
        self.ctpolicy(0, "remove")
        self.ctpolicy(14, "apply", policy())
        self.assertEqual(texts(), [None, rest, None])
        os.unlink(SYSCTLS)

    def test_look_alikes(self):
        """Somebody's lines of the same kinds, wherever he put them."""
        timeout = "net.netfilter.nf_conntrack_icmp_timeout = 9\n"
        ours, same = KEY + " = 20\n", KEY + " = 77\n"
        # what he wrote beside ours, what ours became by hand, what is his
        for inside, became, theirs in (
                (timeout + "%s", ours, timeout), ("%s" + timeout, ours, timeout),
                (same + "%s" + same, ours, same + same),
                ("%s" + ours, ours, ours), ("%s", same, ""),
                ("%s" + timeout, same, timeout), (timeout, "", timeout),
                (timeout + "%s" + same, KEY + " = 8\n", timeout + same)):
            with self.subTest(inside=inside, became=became):
                self.ctpolicy(0, "apply", policy())
                put(SYSCTLS, boot_files.read(SYSCTLS).replace(
                    ours, inside.replace("%s", became)))
                status = self.ctpolicy(0, "status", "--json").stdout
                self.assertEqual(json.loads(status)["drift"]["settings"],
                                 int(became != ours))
                self.ctpolicy(0, "apply", policy())
                self.ctpolicy(0, "apply", policy("persist: true, timeouts: "
                                                 "{udp: 21s}"))
                self.assertEqual(texts(), written(21, theirs))
                said = self.ctpolicy(0, "remove").stderr
                self.assertEqual("they stay in it [CT537]" in said,
                                 bool(theirs), said)
                self.assertEqual(texts(), [None, theirs or None, None])
                if theirs:
                    os.unlink(SYSCTLS)

    def test_look_alikes_of_others(self):
        """So it is with the other two files."""
        option = "options nf_conntrack hashsize="
        rule = 'ACTION=="add", SUBSYSTEM=="module", KERNEL=="nf_conntrack", ' \
            'RUN+='
        for path, line, more in ((OPTIONS, option + "8192\n",
                                  option + "16384\n"),
                                 (RULE, None, rule + '"/bin/true"\n')):
            for before in (True, False):
                with self.subTest(path=path, before=before):
                    self.ctpolicy(0, "apply", policy())
                    if line:
                        put(path, mark() + line + end("hashsize=8192"))
                    at = boot_files.read(path).splitlines(True)
                    at.insert(2 if before else 3, more)
                    put(path, "".join(at))
                    # of the options this leaves none
                    said = self.ctpolicy(0, "apply", policy(
                        "persist: true, timeouts: {udp: 21s}")).stderr
                    self.assertEqual(boot_files.read(path).count(more), 1)
                    said += self.ctpolicy(0, "remove").stderr
                    self.assertEqual(said.count("they stay in it"), 1, said)
                    self.assertEqual(boot_files.read(path), more)
                    os.unlink(path)

    def test_removal(self):
        """Of a file that cannot be read it is said that it stays."""
        self.ctpolicy(0, "apply", policy(services=SERVICE))
        self.spoil("unreadable")
        try:
            said = self.ctpolicy(0, "remove").stderr
            self.assertIn(SYSCTLS + ": warning: this file of ctpolicy's "
                          "cannot be removed: Permission denied", said)
            self.assertEqual(self.services(), [])
            self.assertEqual(boot_files.read(KNOB), self.before)
        finally:
            self.mend("unreadable")

    def test_without_the_last_line(self):
        """Earlier versions wrote none: it is no content, and no difference."""
        self.ctpolicy(0, "apply", policy())
        for path in (SYSCTLS, RULE):
            put(path, re.sub(OVER + ".*\n", "", boot_files.read(path)))
        self.ctpolicy(0, "diff", policy())
        self.spoil("read-only")
        try:
            self.ctpolicy(0, "apply", policy())
            status = self.ctpolicy(0, "status", "--json").stdout
            self.assertEqual(json.loads(status)["drift"]["settings"], 0)
        finally:
            self.mend("read-only")
        more = "net.netfilter.nf_conntrack_udp_timeout_stream = 90\n"
        for back in ("rollback", "trial"):
            self.ctpolicy(0, "apply", policy("persist: true, timeouts: "
                                             "{udp: 21s}"), *(
                ("--confirm", "2s") if back == "trial" else ()))
            if more not in boot_files.read(SYSCTLS):
                with open(SYSCTLS, "a") as f:
                    f.write(more)
            self.go_back(back)
            self.assertEqual(boot_files.read(KNOB), "20\n")
            self.assertEqual(texts()[1], written(20, more)[1])
        self.ctpolicy(0, "remove")
        self.assertEqual(texts(), [None, more, None])
        os.unlink(SYSCTLS)

    def test_boot(self):
        """The service at boot does what it can: of a file that another one
        has taken the place of, and of a setting, it says that it cannot."""
        file = policy("persist: true, timeouts: {udp: 20s}", SERVICE)
        self.ctpolicy(0, "apply", file)
        for how, code in (("theirs", 14), ("link", 14), ("read-only", 77),
                          ("unreadable", 77)):
            for knob in ("", "bind"):
                with self.subTest(how=how, knob=knob):
                    if how == "read-only":
                        os.unlink(SYSCTLS)
                    self.spoil(how)
                    self.booted(knob)
                    try:
                        self.ctpolicy(code, "apply", file)
                        said = self.ctpolicy(0, "apply", "--fallback", file)
                        self.assertIn(SYSCTLS + ": warning: this file of "
                                      "ctpolicy's cannot be written: ",
                                      said.stderr)
                        self.assertEqual(
                            KEY + " cannot be set to 20: " in said.stderr,
                            bool(knob), said.stderr)
                        self.assertNotIn("error", said.stderr)
                        self.assertEqual(self.services(), ["web"])
                        if not knob:
                            self.assertEqual(boot_files.read(KNOB), "20\n")
                        self.ctpolicy(0, "apply", "--fallback", file)
                        self.ctpolicy(code, "apply", file)
                    finally:
                        if knob:
                            subprocess.run(["umount", KNOB], check=True)
                        self.mend(how)
                self.ctpolicy(0, "apply", file)
                self.assertEqual(texts(), written("20"))

    def booted(self, knob):
        """No rule and no setting of ours is in force, and one may stay so."""
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        with open(KNOB, "w") as f:
            f.write("31\n")
        if knob:
            subprocess.run(["mount", "--bind", KNOB, KNOB], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", KNOB],
                           check=True)

    def services(self):
        status = self.ctpolicy(0, "status", "--json").stdout
        return [s["service"] for s in json.loads(status)["untracked"]]

    def change(self, back):
        """What is then undone."""
        file = policy("persist: true, timeouts: {udp: 21s}", SERVICE)
        if back != "recover":
            self.ctpolicy(0, "apply", file, *(
                ("--confirm", "2s") if back == "trial" else ()))
            return
        # killed when all but its file is written
        n = self.rename_of(file)
        self.ctpolicy(0, "rollback")
        self.ctpolicy(-9, "apply", file, prefix=TRACE + [
            "-e", "inject=renameat:signal=KILL:when=%d" % n])

    def test_given_up(self):
        """What could not be written is no change that was made."""
        file = policy(services=SERVICE)
        made = r"(?:applied:|put back with) (\d+) changes?(?: made and|,) " \
            "verified"
        for words in ["apply", "--fallback", file], ["watch", "--once"]:
            with self.subTest(words=words):
                self.ctpolicy(0, "apply", file)
                self.lose()
                p = self.ctpolicy(0, *words)
                all_of_it = int(re.search(made, p.stdout + p.stderr)[1])
                self.lose()
                os.mkdir(FRESH)
                try:
                    p = self.ctpolicy(0, *words)
                    said = p.stdout + p.stderr
                    self.assertEqual(int(re.search(made, said)[1]),
                                     all_of_it - 1)
                    self.assertIn("; 1 could not be made: see above", said)
                    self.assertIn(SYSCTLS + ": warning: this file of "
                                  "ctpolicy's cannot be written: ", said)
                    # and where it is all there was
                    p = self.ctpolicy(14 if words[0] == "watch" else 0, *words)
                    said = p.stdout + p.stderr
                    self.assertNotIn("put back with", said)
                    self.assertIn("could not be", said)
                finally:
                    os.rmdir(FRESH)

    def lose(self):
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        os.unlink(SYSCTLS)

    def rename_of(self, file):
        """Which one is the file's, counted from 1."""
        self.ctpolicy(0, "apply", file, prefix=TRACE)
        made = boot_files.read(LOG).splitlines()
        return 1 + [os.path.basename(SYSCTLS) in x for x in made].index(True)

    def test_undo(self):
        """Nothing can be renamed any more once the file is written."""
        self.ctpolicy(0, "apply", policy())
        file = policy("persist: true, timeouts: {udp: 21s}", SERVICE)
        n = self.rename_of(file)
        self.ctpolicy(0, "rollback")
        said = self.ctpolicy(74, "apply", file, prefix=TRACE + [
            "-e", "inject=renameat:error=EIO:when=%d+" % (n + 1)]).stderr
        self.assertIn(SYSCTLS + ": warning: ", said)
        self.assertEqual(boot_files.read(KNOB), "20\n")
        status = json.loads(self.ctpolicy(0, "status", "--json").stdout)
        self.assertEqual(status["untracked"], [])
        self.assertEqual(texts(), written("21"))
        self.ctpolicy(0, "apply", policy())
        self.assertEqual(texts(), written("20"))

    def go_back(self, back):
        """What it says; None: it says it to nobody."""
        if back != "trial":
            return self.ctpolicy(0, back).stderr
        end = time.monotonic() + 20
        while boot_files.read(KNOB) != "20\n" and time.monotonic() < end:
            time.sleep(0.1)
        self.ctpolicy(12, "confirm")
        return None


if __name__ == "__main__":
    unittest.main()
