#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""State that a newer version of ctpolicy wrote, with a key or a schema that this
one does not know: each command says so and leaves it, and the rules, alone."""
import glob
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

CTPOLICY = os.environ["CTPOLICY"]
TMP = tempfile.mkdtemp()
STATE = os.path.join(TMP, "state")
HEAD = """version: 1
state_matching: forbidden
existing_rules: replace
untracked:
"""
SERVICE = "  - {name: %s, role: server, protocol: tcp, ports: [%d]}\n"
RULES = {"nftables": ("nft -f -", """flush ruleset
table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		tcp dport 80 ct state new accept
	}
}
"""), "iptables": ("iptables-legacy-restore", """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
""")}[os.environ["CTPOLICY_BACKENDS"].split()[0]]
LOOKS = ("diff",)
COMMANDS = (["apply"], ["remove"], ["rollback"], ["recover"], ["diff"],
            ["watch", "--once"])


def policy(name, port):
    path = os.path.join(TMP, name + ".yaml")
    with open(path, "w") as f:
        f.write(HEAD + SERVICE % (name, port))
    return path


def sealed(text):
    """With the checksum that ends a state file: FNV-1a of 64 bits."""
    h = 0xcbf29ce484222325
    for c in text.encode():
        h = (h ^ c) * 0x100000001b3 & (1 << 64) - 1
    return text + "%016x\n" % h


def newer(path, change):
    with open(path) as f:
        said = json.loads(f.readline())
    change(said)
    put(path, sealed(json.dumps(said, separators=(",", ":")) + "\n"))


def put(path, text):
    """Whole at any time, for the process that waits for the trial's end."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.replace(path + ".new", path)


def read(path):
    with open(path) as f:
        return f.read()


def ctpolicy(verb, *words):
    p = subprocess.run([CTPOLICY, verb, "--state-dir", STATE, *words],
                       capture_output=True, text=True, check=False)
    return p.returncode, p.stdout + p.stderr


def waiters(signal="0"):
    """Are there any, whom the signal now reached?"""
    return not subprocess.run(["pkill", "-" + signal, "-f", "--",
                               "--state-dir " + STATE], check=False).returncode


def ruleset():
    return subprocess.run(
        "iptables-legacy-save | sed '/^#/d; s/\\[.*//'; nft -s list ruleset",
        shell=True, text=True, capture_output=True, check=True).stdout


class Newer(unittest.TestCase):
    def setUp(self):
        command, rules = RULES
        subprocess.run(command.split(), input=rules, text=True, check=True)
        shutil.rmtree(STATE, ignore_errors=True)
        self.done("apply", policy("web", 80))
        self.done("apply", "--confirm", "10m", policy("more", 81))

    def tearDown(self):
        ctpolicy("rollback")
        self.done("remove")
        self.assertNotIn("ctpolicy", ruleset().lower())

    def done(self, *words):
        code, said = ctpolicy(*words)
        self.assertEqual(code, 0, (words, said))

    def left_alone(self, path, commands):
        """By each of the commands, whatever is new in it."""
        was = read(path)
        for change in (lambda s: s.update(schema=2),
                       lambda s: s.update(more=[])):
            newer(path, change)
            now, rules = read(path), ruleset()
            for words in commands:
                if words[0] in ("apply", "diff"):
                    words = [*words, policy("more", 81)]
                code, said = ctpolicy(*words)
                # who only looks needs no trial's end
                self.assertIn(code, (69, 0 if words[0] in LOOKS else 69),
                              (words, said))
                self.assertIn(path + " was written by another version of "
                              "ctpolicy [CT584]", said)
                self.assertEqual((read(path), ruleset()), (now, rules), words)
            put(path, was)

    def test_trial(self):
        """Rules can be removed whatever is said there; that stays, too."""
        path = self.without_waiter()
        self.left_alone(path, [*(w for w in COMMANDS if w[0] != "remove"),
                               ["confirm"]])
        was = read(path)
        newer(path, lambda s: s.update(more=[]))
        now = read(path)
        self.done("remove")
        self.assertNotIn("ctpolicy", ruleset().lower())
        self.assertEqual(read(path), now)
        self.assertEqual(ctpolicy("apply", policy("web", 80))[0], 69)
        # this one's own ends with it
        put(path, was)
        self.done("remove")
        self.assertFalse(os.path.exists(path))
        self.done("apply", policy("web", 80))

    def without_waiter(self):
        """Told to end, it leaves to the newer version what it cannot read."""
        path, = glob.glob(STATE + "/*/pending")
        was = read(path)
        newer(path, lambda s: s.update(schema=2))
        self.assertTrue(waiters("TERM"))
        self.ended()
        put(path, was)
        return path

    def ended(self):
        for _ in range(1200):
            if not waiters():
                return
            time.sleep(.1)
        self.fail("somebody still waits")

    def test_waiter(self):
        """Its own trial is over: it ends, and changes nothing."""
        self.done("confirm")
        self.ended()
        self.done("apply", "--confirm", "2s", policy("less", 80))
        path, = glob.glob(STATE + "/*/pending")
        was = read(path)
        newer(path, lambda s: s.update(schema=2))
        now, rules = read(path), ruleset()
        self.ended()
        self.assertEqual((read(path), ruleset()), (now, rules))
        p = subprocess.run([CTPOLICY, "recover", "--wait", "--state-dir",
                            STATE], check=False, timeout=60)
        self.assertEqual(p.returncode, 11)
        put(path, was)
        self.done("recover")

    def test_boot(self):
        """No note of another boot's, or unreadable, keeps the rules away."""
        path = self.without_waiter()
        aside = path + ".other"
        bad = os.path.join(TMP, "bad.yaml")
        with open(bad, "w") as f:
            f.write("version: one\n")
        for file, change in (
                (bad, lambda s: s.update(space="b-1")),
                (bad, lambda s: (s.pop("space"), s.pop("id"))),
                (policy("web", 80), lambda s: s.update(space="b-1")),
                (policy("web", 80), lambda s: s.update(deadline=1)),
                (policy("web", 80), lambda s: s.pop("space")),
                (policy("web", 80), lambda s: s.update(deadline="soon"))):
            newer(path, lambda s, c=change: (s.update(schema=2), c(s)))
            now = read(path)
            self.assertEqual(ctpolicy("apply", file)[0],
                             78 if file == bad else 69)
            self.assertEqual(read(path), now)
            if file != bad:
                self.done("remove")
            code, said = ctpolicy("apply", "--fallback", file)
            self.assertEqual(code, 0, said)
            self.assertIn(path + " was written by another version of ctpolicy "
                          "and is passed over; it is now pending.other "
                          "[CT585]", said)
            self.assertIn("ctpolicy", ruleset().lower())
            self.assertEqual(read(aside), now)
            self.assertFalse(os.path.exists(path))
            self.assertEqual(ctpolicy("status")[0], 0)
            os.rename(aside, path)
        os.unlink(path)

    def aside(self, path, now, words=("apply", "--fallback")):
        """Applied, and the file is kept under another name."""
        code, said = ctpolicy(*words, policy("web", 80))
        self.assertEqual(code, 0, said)
        self.assertIn("was written by another version of ctpolicy", said)
        self.assertIn("now %s.other" % os.path.basename(path), said)
        self.assertIn("[CT585]", said)
        self.assertEqual(read(path + ".other"), now)
        self.assertIn("ctpolicy", ruleset().lower())
        os.unlink(path + ".other")

    @staticmethod
    def boot():
        """The host's own rules, and no others."""
        subprocess.run("nft flush ruleset; for t in raw mangle filter; do "
                       "for f in iptables ip6tables; do $f-legacy -t $t -F; "
                       "$f-legacy -t $t -X; done; done; ipset -X",
                       shell=True, check=False)
        command, rules = RULES
        subprocess.run(command.split(), input=rules, text=True, check=True)
        return ruleset()

    def test_boot_replaced_rules(self):
        """Nor does what another version has replaced, unless it still is."""
        self.done("confirm")
        path, = glob.glob(STATE + "/*/originals")
        newer(path, lambda s: s.update(schema=2))
        now, rules = read(path), ruleset()
        code, said = ctpolicy("apply", "--fallback", policy("web", 80))
        self.assertEqual(code, 69, said)
        self.assertIn(path + " was written by another version of ctpolicy "
                      "[CT584]", said)
        self.assertEqual((read(path), ruleset()), (now, rules))
        was = self.boot()
        self.assertEqual(ctpolicy("apply", policy("web", 80))[0], 69)
        self.aside(path, now)
        self.done("remove")
        self.assertEqual(ruleset(), was)

    def test_boot_unfinished(self):
        """A change of another version's, cut short, stays on record."""
        self.done("confirm")
        record, = glob.glob(STATE + "/*/1")
        path = os.path.join(os.path.dirname(record), "journal")
        now = sealed('{"format":3}\n')
        for words in (("apply", "--fallback"), ("apply",)):
            put(path, now)
            code, said = ctpolicy("recover")
            self.assertEqual((code, read(path)), (74, now), said)
            self.aside(path, now, words)

    def test_boot_last_policy(self):
        """The newest one that can be read is in force, where a file breaks."""
        self.done("confirm")
        path, = glob.glob(STATE + "/*/2")
        now = sealed('{"format":3}\n')
        put(path, now)
        self.boot()
        bad = os.path.join(TMP, "bad.yaml")
        with open(bad, "w") as f:
            f.write("version: one\n")
        code, said = ctpolicy("apply", "--fallback", bad)
        self.assertEqual(code, 0, said)
        self.assertIn(path + " was written by another version", said)
        self.assertIn("the one of change 1 is applied instead", said)
        self.assertIn("ctpolicy", ruleset().lower())
        self.assertEqual(read(path), now)

    def test_boot_on_trial(self):
        """What is on trial for certain is left, there too."""
        path = self.without_waiter()
        was = read(path)
        newer(path, lambda s: s.update(schema=2))
        now, rules = read(path), ruleset()
        self.assertEqual(ctpolicy("apply", "--fallback",
                                  policy("web", 80))[0], 69)
        self.assertEqual((read(path), ruleset()), (now, rules))
        put(path, was)

    def test_claim(self):
        self.left_alone(*glob.glob("/run/ctpolicy/*"),
                        (*COMMANDS, ["confirm"]))

    def test_replaced_rules(self):
        self.done("confirm")
        self.left_alone(*glob.glob(STATE + "/*/originals"),
                        [w for w in COMMANDS if w[0] != "recover"])


if __name__ == "__main__":
    unittest.main()
