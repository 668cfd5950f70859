#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A death, or a failure, at every system call of a change.

A kill: nft's rules are the old ones or the new ones; iptables' are safe at
each cut (what is not tracked is accepted), and `recover` leads to old or new.
A failure: the exit code and the JSON say what the kernel then holds.

Calls before main() belong to the loader and are left out, and so are writes
to the standard streams: their failure is about the report, not the rules.

    test_sweep.py [--all] [--only kill|errno] [--points N] [--seed N]
"""
import argparse
import collections
import os
import random
import re
import sys
import threading

import history
import cost
import lab
import tally

lab.require_ctpolicy()
history.track_too()
ERRORS = ("ENOMEM", "EINTR", "EAGAIN", "EBUSY", "ENOBUFS", "EIO", "ENOSPC",
          "EPERM")
# They cannot fail, or not with an error number (brk(2)); and libiptc aborts
# when fcntl(F_SETFD) of its own socket fails.
NEVER = {"fcntl", "exit_group", "exit", "rt_sigreturn", "restart_syscall",
         "execve", "getpid", "getuid", "geteuid", "getgid", "getegid",
         "gettid", "brk", "vfork", "fork", "clone", "clone3"}
# The sanitizers' allocator asks the kernel itself, and dies when refused.
if cost.is_sanitized():
    NEVER |= {"mmap", "munmap", "madvise", "mprotect", "sigaltstack"}
lock = threading.Lock()
points = collections.Counter()
faults = []


def trace(host, verb):
    """How often each call is made, and how often before main()."""
    log = os.path.join(lab.WORK, "trace-%d" % id(host))
    host.run(verb, *history.arguments(verb), prefix=["strace", "-qq", "-o", log])
    before, all_calls = collections.Counter(), collections.Counter()
    streams = collections.defaultdict(set)
    started = False
    with open(log) as lines:
        for line in lines:
            found = re.match(r"(\w+)\((\d+)?", line)
            if not found:
                continue
            name = found[1]
            if not started and '"/dev/null", O_WRONLY' in line:
                started = True
            all_calls[name] += 1
            if not started:
                before[name] = all_calls[name]
            elif name.startswith("write") and found[2] in ("1", "2"):
                streams[name].add(all_calls[name])
    return [(name, n) for name in sorted(all_calls) if name not in NEVER
            for n in range(before[name] + 1, all_calls[name] + 1)
            if n not in streams[name]]


def ports(text, chain, target):
    found = set()
    for line in text.splitlines():
        if line.startswith("-A %s " % chain) and " -p tcp " in line and \
           line.endswith(target):
            for numbers in re.findall(r"--dports? (\S+)", line):
                found.update(numbers.split(","))
    return found


def unsafe(host):
    """Ports that are not tracked, and that nothing accepts."""
    if host.backend != "iptables":
        return None
    for tool in ("iptables-legacy-save", "ip6tables-legacy-save"):
        text = host.space.run(tool)
        cut = ports(text, "CTPOLICY-PREROUTING", "--notrack") - \
            ports(text, "CTPOLICY-INPUT", "ACCEPT")
        if cut:
            return "%s: not tracked, not accepted: %s" % (tool, cut)
    return None


def fault(host, verb, how, what, said):
    with lock:
        faults.append((host.backend, verb, how))
        print("not ok - %s %s, %s: %s\n%s" % (host.backend, verb, how, what,
                                              said), flush=True)


def injected(host, verb, call, how, *more):
    return host.run(verb, *more, *history.arguments(verb), code=None, prefix=[
        "timeout", "-s", "KILL", "60", "strace", "-qq", "-o", "/dev/null",
        "-e", "trace=" + call, "-e", "inject=" + how])


def kill(host, verb, call, n, wanted):
    before, _ = history.prepare(host, verb)
    how = "%s:signal=KILL:when=%d" % (call, n)
    said = injected(host, verb, call, how)
    now = host.listing()
    if host.backend == "nftables" and verb != "recover" and \
       now not in (before, wanted):
        fault(host, verb, how, "half a change", said)
    bad = unsafe(host)
    if bad:
        fault(host, verb, how, bad, said)
    said = host.run("recover", code=None)
    now = host.listing()
    if host.code or now not in (before, wanted):
        # What was interrupted before has two ends of its own.
        if verb != "recover" or host.code or now not in both(host):
            fault(host, verb, how, "recover: exit %d, neither old nor new" %
                  host.code, said)
    left = set(host.files()) & {"journal", "new"}
    if left and left != {"new"}:
        fault(host, verb, how, "left behind: %s" % left, said)


def both(host):
    """The listings of both policies."""
    return host.known


def fail(host, verb, call, n, wanted, error):
    before, _ = history.prepare(host, verb)
    how = "%s:error=%s:when=%d" % (call, error, n)
    said = injected(host, verb, call, how, "--json")
    lie = history.lie(host, verb, said, before, wanted)
    if lie:
        fault(host, verb, how, lie, said)


def wanted_of(host, verb):
    """The rules that the verb leads to."""
    history.prepare(host, verb)
    host.run(verb, *history.arguments(verb))
    return host.listing()


class Sweeper(threading.Thread):
    def __init__(self, backend, jobs, wanted, known):
        super().__init__()
        self.backend, self.jobs, self.wanted = backend, jobs, wanted
        self.known = known

    def run(self):
        with lock:
            host = history.Host(self.backend)
        host.known = self.known
        for mode, verb, call, n, error in self.jobs:
            if mode == "kill":
                kill(host, verb, call, n, self.wanted[verb])
            else:
                fail(host, verb, call, n, self.wanted[verb], error)
            with lock:
                points[self.backend, mode, verb] += 1


def plan(backend, options, rng):
    host = history.Host(backend)
    wanted, jobs, known = {}, [], []
    for verb in history.VERBS:
        wanted[verb] = wanted_of(host, verb)
        history.prepare(host, verb)
        for call, n in trace(host, verb):
            jobs.append(("kill", verb, call, n, None))
            jobs += [("errno", verb, call, n, error) for error in ERRORS]
    for path in history.PATHS:
        host.run("apply", path)
        known.append(host.listing())
    if options.only:
        jobs = [job for job in jobs if job[0] == options.only]
    if not options.all:
        kills = [job for job in jobs if job[0] == "kill"]
        errors = [job for job in jobs if job[0] == "errno"]
        jobs = rng.sample(kills, min(options.points, len(kills))) + \
            rng.sample(errors, min(options.points, len(errors)))
    return jobs, wanted, known


parser = argparse.ArgumentParser()
parser.add_argument("--all", action="store_true")
parser.add_argument("--only", choices=("kill", "errno"))
parser.add_argument("--points", type=int,
                    default=25 // tally.EVERY)
parser.add_argument("--seed", type=int, default=20261124)
options = parser.parse_args()
random_source = random.Random(options.seed)
sweepers = []
for name in lab.BACKENDS:
    work, ends, known_listings = plan(name, options, random_source)
    sweepers += [Sweeper(name, work[k::2], ends, known_listings)
                 for k in range(2)]
for sweeper in sweepers:
    sweeper.start()
for sweeper in sweepers:
    sweeper.join()
for key in sorted(points):
    print("%s, %s, %s: %d points, %d faults" % (
        *key, points[key], sum(f[0] == key[0] and f[1] == key[2] and
                               ("KILL" in f[2]) == (key[1] == "kill")
                               for f in faults)))
print("%d points, %d faults" % (sum(points.values()), len(faults)))
sys.exit(1 if faults or not points else 0)
