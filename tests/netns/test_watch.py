#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctpolicy watch`: after somebody else's reload the rules are back, the service
is served untracked, and who wrote is named; nothing is put back that should not
be, and nobody is fought."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from traffic import Echo, web_exchanges                     # noqa: E402
from watcher import Watch                                   # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80]}
"""
HOST = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p icmp%s -j ACCEPT
-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""


def host_rules(version):
    return HOST % ("v6" if version == 6 else "")


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, 80)


class Case(unittest.TestCase):
    dialect = None
    watch = None
    policy = None           # none: the one above

    def setUp(self):
        dialects.load(LAB.server, self.dialect, host_rules)
        self.backend = dialects.backend_of(self.dialect)
        self.done("apply")

    def tearDown(self):
        if self.watch:
            self.watch.kill()
        LAB.server.run([lab.CTPOLICY, "remove", "-q"])
        LAB.clear()

    def ctpolicy(self, verb, *more):
        if verb in ("apply", "diff"):
            return LAB.server.ctpolicy(verb, self.policy or POLICY, "--backend",
                                       self.backend, *more)
        process = LAB.server.popen([lab.CTPOLICY, verb, *more],
                                   stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.STDOUT)
        out = process.communicate()[0]
        return process.returncode, out

    def done(self, *words):
        code, said = self.ctpolicy(*words)
        self.assertEqual(code, 0, "%s: %s" % (words, said))
        return said

    def begin(self, *under):
        self.watch = Watch(LAB.server, *under)
        self.told("in_force")

    def told(self, event):
        found = self.watch.wait(event)
        self.assertIsNotNone(found, (event, self.watch.events))
        return found

    def repaired(self, *options):
        """Until nothing differs: a reload may have been met half-way."""
        event = self.told("repaired")
        while self.ctpolicy("diff", *options)[0]:
            event = self.told("repaired")
        return event

    def silent(self, event):
        self.assertIsNone(self.watch.wait(event, 2), self.watch.events)

    def reload(self, rules=host_rules):
        dialects.reload(LAB.server, self.dialect, rules)

    def wipe(self):
        """All that is ctpolicy's, and the host's with it."""
        dialects.load(LAB.server, self.dialect, host_rules)

    def served(self, wanted="ok"):
        self.assertEqual(web_exchanges(LAB, 1 if wanted != "ok" else 3),
                         ([wanted] * len(lab.VERSIONS), []))

    def test_half_a_reload_is_no_outage(self):
        """NOTRACK stays, the accept rules go: nobody is let in."""
        self.served()
        self.reload()
        self.served("timeout")
        self.done("apply")
        self.begin()
        self.reload()
        event = self.repaired()
        self.served()
        self.assertGreater(event["steps"], 0)
        writer = {"native": "nft", "legacy": None}.get(
            self.dialect, "iptables-nft-re")
        self.assertEqual((event["writer"] or {}).get("name"), writer)
        self.assertEqual(self.watch.end(), 0)

    def test_a_flush_is_repaired_and_no_change_of_its_own(self):
        before = self.done("status", "--json")
        self.begin()
        self.wipe()
        self.repaired()
        self.served()
        after = self.done("status", "--json")
        self.assertEqual(json.loads(before)["history"],
                         json.loads(after)["history"])
        self.assertEqual(self.watch.end(), 0)
        # back to the time before the change, not to the wiped rules
        self.done("rollback")
        self.assertIn("nothing to watch", self.first_line())

    def first_line(self):
        watch = LAB.server.popen([lab.CTPOLICY, "watch"], text=True,
                                 stdout=subprocess.PIPE)
        line = watch.stdout.readline()
        watch.terminate()
        watch.wait()
        watch.stdout.close()
        return line

    def test_nobody_is_fought(self):
        self.begin()
        for _ in range(16):         # those of one script count as one
            self.wipe()
            if self.watch.wait("repaired", 4) is None:
                break
        event = [e for e in self.watch.events if e["event"] == "waiting"]
        event = event[-1] if event else self.told("waiting")
        self.assertGreater(event["wait_seconds"], 30)
        self.silent("repaired")
        self.watch.signal(signal.SIGHUP)
        self.repaired()
        self.served()

    def test_what_always_fails_is_not_tried_all_the_time(self):
        """Others write rules, and the repair cannot be made: it waits longer
        and longer, and says so once each time."""
        call = "fsync" if self.dialect == "legacy" else "sendmsg"
        self.begin("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-D", "-f",
                   "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                   "inject=%s:error=ENOMEM" % call)
        self.wipe()
        for _ in range(60):
            LAB.server.nft("add table ip busy; delete table ip busy")
            if self.watch.wait("waiting", .5):
                break
        failed, waits = self.of("failed"), self.of("waiting")
        self.assertEqual((len(failed), len(waits)), (1, 1), self.watch.events)
        self.assertGreater(waits[0]["wait_seconds"], 30)
        self.assertGreater(waits[0]["failures"], failed[0]["failures"] + 1)
        for _ in "once", "twice":
            LAB.server.nft("add table ip busy; delete table ip busy")
            self.silent("failed")
        self.assertEqual(self.of("waiting"), waits)
        self.watch.signal(signal.SIGHUP)
        self.told("failed")

    def of(self, event):
        return [e for e in self.watch.events if e["event"] == event]

    def take_out(self):
        """ctpolicy's rules, by as few writes as that takes: on a busy machine
        each of many would be met, and put back, for itself."""
        if self.dialect != "legacy":
            LAB.server.nft("delete table inet ctpolicy")
            return
        for version in lab.VERSIONS:
            LAB.server.legacy(version, "*raw\nCOMMIT\n")

    def test_a_reload_in_two_parts(self):
        """As firewalld's, three times in a minute: each is put back whole."""
        self.begin()
        for _ in range(3):
            for _ in "first", "second":
                self.take_out()
                self.repaired()
            time.sleep(6)           # those of one script count as one
        self.served()

    def test_blind(self):
        """Without the power to see logins: that is said where it matters."""
        said = LAB.server.run("setpriv --bounding-set=-sys_ptrace %s watch "
                              "--once --json" % lab.CTPOLICY)
        self.assertEqual(json.loads(said)["diagnostics"], [])
        self.wipe()
        said = LAB.server.run("setpriv --bounding-set=-sys_ptrace %s watch "
                              "--once --json" % lab.CTPOLICY)
        warned = json.loads(said)["diagnostics"]
        self.assertEqual([d["id"] for d in warned], ["CT572"], warned)
        self.assertIn("CAP_SYS_PTRACE", warned[0]["message"])
        self.wipe()
        said = LAB.server.run("setpriv --bounding-set=-sys_ptrace %s watch "
                              "--once 2>&1" % lab.CTPOLICY)
        self.assertEqual(said.count("CAP_SYS_PTRACE"), 1, said)
        said = LAB.server.run("%s watch --once --json" % lab.CTPOLICY)
        self.assertEqual(json.loads(said)["diagnostics"], [])

    def test_as_it_was_applied(self):
        """In the same world, for the same family."""
        self.done("remove")
        self.done("apply", "--family", "ipv4")
        self.begin()
        self.wipe()
        self.repaired("--family", "ipv4")
        if self.dialect != "legacy":
            return
        self.told_nothing_of_nft()

    def told_nothing_of_nft(self):
        LAB.server.run("iptables-legacy -t raw -F; iptables-legacy -t raw -X;"
                       "iptables-legacy -P INPUT ACCEPT; "
                       "iptables-legacy -F; iptables-legacy -X")
        self.watch.wait("repaired", 3)
        self.assertNotIn("ctpolicy", LAB.server.run("nft list tables"))

    def test_unchanged_apply_renews_its_record(self):
        """A policy whose comments alone changed is what is put back."""
        global POLICY
        self.begin()
        old, POLICY = POLICY, POLICY + "# the same\n"
        try:
            self.assertIn("nothing to do", self.done("apply"))
        finally:
            POLICY = old
        records = LAB.server.run("grep -l 'the same' /var/lib/ctpolicy/*/*")
        self.assertEqual(len(records.split()), 1)

    def test_a_cut_repair_is_taken_up(self):
        """Killed while it puts rules back, and started again."""
        self.wipe()
        LAB.server.run([
            "strace", "-f", "-qq", "-o", "/dev/null", "-e",
            "trace=sendto,sendmsg,setsockopt", "-e",
            "inject=%s:signal=KILL:when=%d" % (
                ("setsockopt", 14) if self.dialect == "legacy" else
                ("sendmsg,sendto", 30)), lab.CTPOLICY, "watch", "--once"],
                       check=False)
        LAB.server.run([lab.CTPOLICY, "watch", "--once"])
        self.assertEqual(self.ctpolicy("diff")[0], 0)
        self.served()
        history = json.loads(self.done("status", "--json"))["history"]
        self.assertNotIn("watch", [h["command"] for h in history])

    def test_nothing_is_put_back_after_remove(self):
        self.begin()
        self.done("remove")
        self.wipe()
        self.told("nothing")
        self.assertEqual(self.ctpolicy("diff")[0], 1)

    def test_a_trial_is_left_alone(self):
        self.done("remove")
        self.watch = Watch(LAB.server)
        self.told("nothing")
        self.done("apply", "--confirm", "1h")
        self.told("trial")
        self.wipe()
        self.silent("repaired")
        self.done("rollback")
        self.told("nothing")

    def test_a_refused_repair_is_told_and_tried_again(self):
        """The host translates the service's port now: leave it tracked."""
        self.begin()
        dialects.load(LAB.server, self.dialect, self.redirecting)
        event = self.told("failed")
        self.assertTrue(event["diagnostics"], event)
        self.assertEqual(self.ctpolicy("diff")[0], 14)
        if self.dialect == "native":
            LAB.server.nft("delete table ip host_nat")
        else:
            LAB.server.run("%s -t nat -F PREROUTING" % {
                "legacy": "iptables-legacy",
                "iptables-nft": "iptables-nft"}[self.dialect])
            self.watch.signal(signal.SIGHUP)
        self.told("repaired")
        self.served()

    def test_what_the_policy_forbids_comes_back(self):
        """Rules that match states, where none may: they are left alone, named
        once, and all is well when they are gone."""
        self.done("remove")
        dialects.load(LAB.server, self.dialect, self.stateless)
        self.policy = ("version: 1\nstate_matching: forbidden\n" +
                       POLICY.split("\n", 2)[2])
        self.done("apply")
        self.begin()
        self.reload()
        event = self.told("failed")
        self.assertIn("CT532", [d["id"] for d in event["diagnostics"]], event)
        self.watch.signal(signal.SIGHUP)
        self.silent("failed")
        self.reload(self.stateless)
        self.watch.signal(signal.SIGHUP)
        self.told("in_force")
        self.served()

    def test_both_worlds_are_watched(self):
        """Who writes the other world's rules is not waited for either."""
        if self.dialect == "iptables-nft":
            return
        self.done("remove")
        dialects.load(LAB.server, self.dialect, self.stateless)
        # harmless, and there before
        LAB.server.run("iptables-legacy -A FORWARD -j ACCEPT; "
                       "nft add table ip beside; "
                       "nft add chain ip beside forward")
        self.policy = ("version: 1\nstate_matching: forbidden\n" +
                       POLICY.split("\n", 2)[2])
        self.done("apply")
        self.begin()
        LAB.server.run("nft add rule ip beside forward ct state new accept"
                       if self.dialect == "legacy" else
                       "iptables-legacy -A FORWARD -m conntrack --ctstate NEW "
                       "-j ACCEPT")
        self.told("failed")

    @staticmethod
    def stateless(version):
        return "".join(line.replace(" -m conntrack --ctstate NEW", "") + "\n"
                       for line in host_rules(version).splitlines()
                       if "RELATED" not in line)

    @staticmethod
    def redirecting(version):
        nat = ("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp "
               "--dport 80 -j REDIRECT --to-ports 81\nCOMMIT\n")
        return host_rules(version) + (nat if version == 4 else "")


def load_tests(loader, _tests, _pattern):
    return dialects.each(loader, Case)


if __name__ == "__main__":
    unittest.main()
