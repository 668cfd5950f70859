#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""apply --confirm whose command, shell or terminal dies at any moment: the
previous rules are back two seconds after the time given.

    test_terminal.py [--runs N] [--seed N]
"""
import argparse
import os
import pty
import random
import signal
import sys
import threading
import time

import history
import lab

SECONDS = 2
PATIENCE = 120		# on a machine with other work
ONE, TWO = history.PATHS
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
TARGETS = ("command", "shell", "session", "terminal")
lock = threading.Lock()
results = []


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as listing:
        return [int(word) for word in listing.read().split()]


def start(host):
    """The shell's pid and the terminal's end, the command running below."""
    line = " ".join(host.command("apply", "--confirm", "%ds" % SECONDS, TWO))
    with lock, host.space.entered():
        pid, master = pty.fork()
        if not pid:
            os.execvp("sh", ["sh", "-c", line + "; sleep 30"])
    return pid, master


def strike(target, number, shell, master):
    try:
        if target == "terminal":
            return
        if target == "session":
            os.killpg(shell, number)
            return
        below = children(shell)
        os.kill(below[0] if target == "command" and below else shell, number)
    except (ProcessLookupError, FileNotFoundError):
        pass


def settle(host):
    """Until nobody is at work, and nothing waits for who should be. Was
    anything on trial?"""
    end, seen = time.monotonic() + PATIENCE, False
    time.sleep(.6)		# the shell may be about to begin
    while time.monotonic() < end:
        busy = host.processes()
        pending = "pending" in host.files()
        seen |= pending
        if not busy and not pending:
            break
        time.sleep(.1)
    return seen


def one_run(rng, backend):
    with lock:
        host = history.Host(backend)
    began = time.monotonic()
    host.run("apply", ONE)
    # as long as the machine takes: under load, or slowed by sanitizers
    whole = max(1, 2 * (time.monotonic() - began))
    old = host.listing()
    target, number = rng.choice(TARGETS), rng.choice(SIGNALS)
    delay = rng.choice((rng.uniform(0, .2), rng.uniform(0, whole)))
    shell, master = start(host)
    time.sleep(delay)
    strike(target, number, shell, master)
    os.close(master)
    last = time.monotonic()
    seen_new = settle(host)
    bad = host.listing() != old
    took = time.monotonic() - last
    try:
        os.kill(shell, signal.SIGKILL)
        os.waitpid(shell, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    with lock:
        results.append((bad, seen_new))
        if bad:
            print("not ok - %s, %s to the %s after %.3f s: not as before "
                  "after %.1f s" % (backend, number.name, target, delay, took))


def worker(seed, runs):
    rng = random.Random(seed)
    for n in range(runs):
        one_run(rng, lab.BACKENDS[n % len(lab.BACKENDS)])


parser = argparse.ArgumentParser()
parser.add_argument("--runs", type=int, default=24)
parser.add_argument("--seed", type=int, default=20261124)
options = parser.parse_args()
lab.require_ctpolicy()
count = 6
threads = [threading.Thread(target=worker, args=(
    options.seed * 100 + n, options.runs // count + (n < options.runs % count)))
    for n in range(count)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("%d runs, %d not as before, the new rules were there in %d" % (
    len(results), sum(bad for bad, _ in results),
    sum(new for _, new in results)))
sys.exit(len(results) != options.runs or any(bad for bad, _ in results) or
         not any(new for _, new in results))
