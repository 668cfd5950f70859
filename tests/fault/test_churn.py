#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A writer of legacy rules that takes no lock, beside apply and remove.

It changes chains and rules of its own, about fifty times a second, the way a
container engine does. After each command, with the writer held for a moment:
what it was told is done is there, unless the command said that somebody was
overwritten (CT615); our rules are what the exit code says.

    as it comes   nothing is delayed
    in the gap    ctpolicy is slowed down at each call that writes a table, so
                  that most commits meet somebody else's

    test_churn.py [--seconds N] [--rate N] [--seed N]
"""
import argparse
import os
import random
import re
import subprocess
import sys
import threading
import time

import history
import lab

SERVICE = """  - {name: s%d, role: server, protocol: tcp, ports: [%d],
     accept: open, clients: [192.0.2.%d]}
"""
SMALL, LARGE = (os.path.join(lab.WORK, name) for name in ("small", "large"))
REFUSED = (10, 13, 75)
NOT_RESTORED = 11       # says that it stands in between; the next one recovers
# What it inserts at the head of INPUT after our look pushes our jump down.
PUSHED = "INPUT (1 )?-m conntrack --ctstate [A-Z,]+ -m comment " \
    "--comment ctpolicy -j CTPOLICY-INPUT"
faults = []


class Churner(threading.Thread):
    """Its rules, as the kernel must list them: chain by chain, in order."""

    def __init__(self, space, rate, rng):
        super().__init__(daemon=True)
        self.space, self.rate, self.rng = space, rate, rng
        self.env = dict(os.environ, XTABLES_LOCKFILE=os.path.join(
            lab.WORK, "nobody-elses.lock"))
        self.hold, self.ends = threading.Lock(), False
        self.chains = {"INPUT": [], "CHURN-0": [], "CHURN-1": []}
        self.changes = self.failures = self.port = 0
        for chain in ("CHURN-0", "CHURN-1"):
            assert self.tool("-N " + chain) == 0

    def tool(self, what):
        return self.space.popen(
            "iptables-legacy -w " + what, env=self.env,
            stderr=subprocess.DEVNULL).wait()

    def listing(self):
        """The rules that carry our mark, as in `chains`."""
        found = {}
        text = self.space.run("iptables-legacy-save -t filter")
        for chain in re.findall(r"^:(INPUT|CHURN-\d+) ", text, re.M):
            found[chain] = [int(port) for port in re.findall(
                r"^-A %s -p udp -m udp --dport (\d+) -j RETURN$" % chain,
                text, re.M)]
        return found

    def next(self):
        """A change: the arguments, and what is there afterwards."""
        after = {name: list(rules) for name, rules in self.chains.items()}
        self.port = 1 + self.port % 60000
        rule = "-p udp --dport %d -j RETURN" % self.port
        name = self.rng.choice(sorted(after))
        rules = after[name]
        kind = self.rng.choice(("-R", "-R", "-I", "-D", "-N"))
        if kind == "-N":
            name = "CHURN-%d" % self.rng.randrange(2, 5)
            if name in after:
                if after[name]:
                    del after[name][0]
                    return "-D %s 1" % name, after
                del after[name]
                return "-X " + name, after
            after[name] = []
            return "-N " + name, after
        if not rules or (kind == "-I" and len(rules) < 6):
            rules.insert(0, self.port)
            return "-I %s 1 %s" % (name, rule), after
        at = self.rng.randrange(len(rules))
        old = "-p udp --dport %d -j RETURN" % rules[at]
        if kind == "-R" and name != "INPUT":
            rules[at] = self.port
            return "-R %s %d %s" % (name, at + 1, rule), after
        del rules[at]
        return "-D %s %s" % (name, old), after

    def run(self):
        due = time.monotonic()
        while not self.ends:
            with self.hold:
                what, after = self.next()
                if not self.tool(what):
                    self.chains = after
                    self.changes += 1
                else:
                    # iptables says so too when it is done, but for counters
                    self.failures += 1
                    if self.listing() == after:
                        self.chains = after
            due = max(due + 1 / self.rate, time.monotonic() - .1)
            time.sleep(max(0, due - time.monotonic()))


def ours(host):
    return [line for line in host.listing() if "ctpolicy" in line.lower()]


def fault(how, what, said):
    faults.append(how)
    print("not ok - %s: %s\n%s" % (how, what, said), flush=True)


def judge(host, churn, how, verb, path, before, said):
    """With the writer held. Was a change overwritten, and was that reported?"""
    code, seen, told = host.code, churn.listing(), "CT615" in said or "CT617" in said
    lost = seen != churn.chains
    if lost and not told:
        fault(how, "lost in silence: there is %s, it wrote %s" % (
            seen, churn.chains), said)
    if lost:
        churn.chains = seen
    if code == 0 and told:
        fault(how, "exit 0 though somebody was overwritten", said)
    if code == NOT_RESTORED:
        return lost
    if code not in (0,) + REFUSED:
        fault(how, "exit %d" % code, said)
    elif code and before is not None and ours(host) != before:
        fault(how, "exit %d, but not as before" % code, said)
    elif not code and verb == "remove" and ours(host):
        fault(how, "removed, but there", said)
    elif not code and verb == "apply":
        diff = host.space.popen(
            [lab.CTPOLICY, "diff", "--backend", "iptables", path],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        differs = diff.communicate()[0]
        wrong = [line for line in differs.splitlines() if
                 line.startswith(("+", "-")) and
                 not (churn.chains["INPUT"] and re.search(PUSHED, line))]
        if diff.returncode > 1 or wrong:
            fault(how, "exit 0, but not applied:\n" + differs, said)
    return lost


COMMANDS = 15


def together(how, seconds, rate, rng, prefix):
    host = history.Host("iptables")
    churn = Churner(host.space, rate, rng)
    churn.start()
    count = {"done": 0, "refused": 0, "lost": 0, "between": 0}
    slowest, began, whole = 0, time.monotonic(), True
    # a busy machine gets through few commands, and they must meet somebody
    while time.monotonic() < began + seconds or (
            count["done"] + count["refused"] < COMMANDS and
            time.monotonic() < began + 10 * seconds):
        for verb, path in (("apply", SMALL), ("apply", LARGE),
                           ("apply", SMALL), ("remove", None)):
            with churn.hold:        # what stands in between is recovered first
                before = ours(host) if whole else None
            start = time.monotonic()
            said = host.run(verb, "--json", *([path] if path else []),
                            code=None, prefix=prefix)
            slowest = max(slowest, time.monotonic() - start)
            with churn.hold:
                count["done" if host.code == 0 else "refused"] += 1
                count["between"] += host.code == NOT_RESTORED
                count["lost"] += judge(host, churn, how, verb, path, before,
                                       said)
            whole = host.code not in (NOT_RESTORED,) + (() if whole else REFUSED)
    churn.ends = True
    churn.join()
    took = time.monotonic() - began
    print("%s: %d commands done, %d not (%d said 11), beside %d changes (%d a second, "
          "%d failed); %d overwritten, all reported; slowest %.1f s" % (
              how, count["done"], count["refused"], count["between"],
              churn.changes, churn.changes / took, churn.failures, count["lost"], slowest),
          flush=True)
    if not churn.changes:
        fault(how, "nobody changed anything", count)
    return count


parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=6)
parser.add_argument("--rate", type=float, default=50)
parser.add_argument("--seed", type=int, default=20261124)
options = parser.parse_args()
lab.require_ctpolicy()
if "iptables" not in lab.BACKENDS:
    lab.skip("this build has no iptables")
for file, services in ((SMALL, 1), (LARGE, 2)):
    with open(file, "w") as out:
        out.write("version: 1\nstate_matching: allowed\nuntracked:\n" +
                  "".join(SERVICE % (n, 80 + n, n + 1)
                          for n in range(services)))
source = random.Random(options.seed)
easy = together("as it comes", options.seconds, options.rate, source, ())
if not easy["done"]:
    fault("as it comes", "nothing was done", easy)
hard = together("in the gap", options.seconds, options.rate, source, [
    "strace", "-qq", "-o", "/dev/null", "-e", "trace=setsockopt", "-e",
    "inject=setsockopt:delay_enter=15000"])
if not hard["lost"]:
    fault("in the gap", "nobody met anybody", hard)
print("%d runs, %d faults" % (sum(n[key] for n in (easy, hard)
                                  for key in ("done", "refused")),
                              len(faults)))
sys.exit(1 if faults else 0)
