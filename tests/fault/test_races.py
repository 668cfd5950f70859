#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many writers at once: nothing acknowledged is lost, nothing false is said.

crowd    eight appliers, and iptables, iptables-nft and nft writers beside
         them, in one namespace: each writer's rules are there at the end, ours
         are those of one policy, and every report was true.
churner  a writer that takes no lock changes its rules all the time: what it
         wrote last is there after each apply, or we say that it is not; and
         so is what we said of ours.
stale    somebody writes between our look and our commit: it is refused or
         planned again, never applied on what is gone. Written between our
         commit and our check of it, it may make us take the apply back.

    test_races.py [--rounds N] [--seconds N] [--races N] [--seed N]
"""
import argparse
import json
import os
import random
import re
import subprocess
import threading
import time

import history
import lab
import tally
from tally import check

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [%d], accept: open}
"""
REFUSED = (10, 13, 75)


def policy(port):
    path = os.path.join(lab.WORK, "port%d.yaml" % port)
    if not os.path.exists(path):
        with open(path + ".new%d" % threading.get_ident(), "w") as out:
            out.write(POLICY % port)
        os.rename(out.name, path)
    return path


def ours(host):
    """The ports in ctpolicy's rules, and how many lines are ctpolicy's."""
    text = host.space.run("nft list table inet ctpolicy 2>/dev/null; "
                          "iptables-legacy-save -t raw",
                          check=host.backend != "nftables")
    return set(map(int, re.findall(r"(?:elements = \{ |dports |dport )(\d+)",
                                   text)))


def apply(host, port, *more, prefix=()):
    """Exit code and what it says."""
    said = host.run("apply", "--json", *more, policy(port), code=None,
                    prefix=prefix)
    try:
        told = json.loads(said[said.index("{"):said.rindex("}") + 1])
    except ValueError:
        told = {"result": said, "changed": None, "diagnostics": []}
    return host.code, told


class Applier(threading.Thread):
    """Applies policies of its own ports; remembers what it was told."""

    def __init__(self, base, number, rounds):
        super().__init__()
        self.base, self.number, self.rounds = base, number, rounds
        self.told = []

    def run(self):
        host = history.Peer(self.base)
        for n in range(self.rounds):
            port = 1000 + 100 * self.number + n
            began = time.monotonic()
            code, told = apply(host, port)
            self.told.append((began, time.monotonic(), code, port))
            good = told["result"] in ("changed", "unchanged") if code == 0 \
                else code in REFUSED and not told["changed"]
            check(good, "%s: applier" % host.backend, (code, told))


class Writer(threading.Thread):
    """Adds rules with a tool of its own and takes every other one out."""
    tools = {
        "iptables-legacy": "iptables-legacy -w %s INPUT -p tcp --dport %d "
                           "-j ACCEPT",
        "iptables-nft": "iptables-nft %s INPUT -p tcp --dport %d -j ACCEPT",
        "nft": "nft add rule inet host more tcp dport %d accept",
    }

    def __init__(self, base, tool, rounds):
        super().__init__()
        self.base, self.tool, self.rounds = base, tool, rounds
        self.there = set()

    def do(self, port, add):
        if self.tool == "nft":
            command = self.tools["nft"] % port
        else:
            command = self.tools[self.tool] % ("-A" if add else "-D", port)
        for _ in range(50):
            process = self.base.space.popen(command, stderr=subprocess.PIPE,
                                            text=True)
            error = process.communicate()[1]
            if not process.returncode:
                return True
        check(False, self.tool, error)
        return False

    def run(self):
        for n in range(self.rounds):
            port = 20000 + n
            if self.do(port, True):
                self.there.add(port)
            if n % 2 and self.tool != "nft" and self.do(port - 1, False):
                self.there.discard(port - 1)

    def seen(self):
        chain = {"nft": "nft list chain inet host more"}.get(
            self.tool, self.tool + " -S INPUT")
        text = self.base.space.run(chain)
        return {int(port) for port in re.findall(r"dport (\d+)", text)
                if int(port) >= 20000}


def crowd(backend, rounds):
    host = history.Host(backend)
    host.space.nft("table inet host {\nchain more {\n}\n}\n")
    # nftables has accept rules to put into what the others change meanwhile
    host.space.run("iptables-nft %s >/dev/null 2>&1" % (
        "-P INPUT DROP" if backend == "nftables" and
        len(lab.BACKENDS) > 1 else "-S"), check=False)
    appliers = [Applier(host, n, rounds) for n in range(8)]
    tools = ["iptables-legacy", "iptables-nft", "nft"]
    writers = [Writer(host, tool, 4 * rounds) for tool in tools]
    began = time.monotonic()
    for thread in appliers + writers:
        thread.start()
    for thread in appliers + writers:
        thread.join()
    took = time.monotonic() - began
    for writer in writers:
        check(writer.seen() == writer.there, "%s: rules of %s" % (
            backend, writer.tool), writer.seen() ^ writer.there)
    told = sorted(t for a in appliers for t in a.told)
    done = [t for t in told if t[2] == 0]
    check(done, backend + ": somebody applies", told)
    # the last one that was begun after all others ended, or one of the last
    last = max(t[0] for t in done)
    able = {t[3] for t in done if t[1] >= last}
    check(len(ours(host)) == 1 and ours(host) <= able,
          backend + ": ours are those of a last one", (ours(host), able))
    check("journal" not in host.files(), backend + ": no journal is left")
    print("%s, crowd: %d applies, %d done, %d refused, %d changes of others, "
          "%.1f s" % (backend, len(told), len(done), len(told) - len(done),
                      sum(w.rounds for w in writers), took), flush=True)


class Churner(threading.Thread):
    """Without our lock: chains of its own, filled, changed in place, emptied,
    as a container engine does it."""

    def __init__(self, base, pause):
        super().__init__(daemon=True)
        self.base, self.pause = base, pause
        self.env = dict(os.environ, XTABLES_LOCKFILE=os.path.join(
            lab.WORK, "other.lock"))
        self.lock, self.value, self.tried = threading.Lock(), None, None
        self.ends, self.changes = False, 0
        self.run_one("-N CHURN")
        self.run_one("-A CHURN -p tcp --dport 1 -j RETURN")
        self.value = 1

    def run_one(self, what):
        process = self.base.space.popen(
            "iptables-legacy -w -t filter " + what, env=self.env,
            stderr=subprocess.DEVNULL)
        return process.wait() == 0

    def run(self):
        while not self.ends:
            with self.lock:
                new = self.tried = 1 + self.value % 60000
                if self.run_one("-R CHURN 1 -p tcp --dport %d -j RETURN" %
                                new):
                    self.value = new
                    self.changes += 1
            time.sleep(self.pause)

    def seen(self):
        text = self.base.space.run("iptables-legacy -S CHURN")
        return [int(port) for port in re.findall(r"dport (\d+)", text)]


def churner(seconds):
    host = history.Host("iptables")
    churn = Churner(host, .02)
    churn.start()
    applies = silent = told_of = refused = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        port = (8000, 8001)[applies % 2]
        before = ours(host)
        code, told = apply(host, port)
        applies += 1
        refused += code != 0
        with churn.lock:
            value, seen = churn.value, churn.seen()
        # it calls a write failed whose counters came after our write
        if seen == [churn.tried]:
            value = churn.value = churn.tried
        if seen != [value]:
            # the kernel cannot be kept from it; that it is said can
            said = any(d["id"] == "CT615" for d in told["diagnostics"])
            told_of += said
            silent += not said
            check(said, "churner: its rule is lost", (seen, value, told))
            churn.value = seen[0] if seen else 1
        now = ours(host)
        good = now == {port} if code == 0 else \
            code in REFUSED and now == before
        if not good and code == 0 and now == before:
            # It read before our commit, and wrote after our look: we are
            # gone, and the next look says so.
            good = host.run("diff", policy(port), code=None) and \
                host.code == 1
        check(good, "churner: what was said", (code, now, before, told))
    churn.ends = True
    churn.join()
    print("churner: %d applies (%d refused) against %d changes, %d overwritten "
          "and reported, %d lost in silence" % (
              applies, refused, churn.changes, told_of, silent), flush=True)


def stale(backend, races, rng):
    """The look ends with a read; the write begins when the journal is there.
    A delay at the first write to the kernel lets the other one in between."""
    host = history.Host(backend)
    if backend == "nftables":
        host.space.nft("table inet host {\nchain more {\n}\n}\n")
    call = {"nftables": "sendmsg", "iptables": "setsockopt"}[backend]
    refused = undone = 0
    apply(host, 7000)
    for n in range(races):
        port = 7001 + n % 500
        stop = threading.Event()
        written = []

        def write():
            time.sleep(rng.uniform(0, .06))
            while not stop.is_set() and len(written) < 3:
                k = 30000 + len(written)
                host.space.run(
                    "nft add rule inet host more tcp dport %d accept" % k
                    if backend == "nftables" else
                    "iptables-legacy -w -A INPUT -p tcp --dport %d -j ACCEPT" %
                    k)
                written.append(k)

        other = threading.Thread(target=write)
        other.start()
        delay = rng.randint(1000, 20000)
        before = ours(host)
        code, told = apply(host, port, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
            "inject=%s:delay_enter=%d" % (call, delay)])
        stop.set()
        other.join()
        text = host.space.run("nft list chain inet host more"
                              if backend == "nftables" else
                              "iptables-legacy -S INPUT")
        there = [k for k in written if "dport %d " % k in text]
        check(there == written, backend + ": the other's rules", text)
        now = ours(host)
        check(now == ({port} if code == 0 else before), backend + ": ours",
              (code, now, before, told))
        # written between our commit and our check of it
        late = code == 10 and told["result"] == "rolled_back" and \
            any(d["id"] == "CT521" for d in told["diagnostics"]) and written
        check(code in (0, 13) or late, backend + ": the code", (code, told))
        undone += bool(late)
        refused += code == 13
        host.space.run("nft flush chain inet host more"
                       if backend == "nftables" else
                       "; ".join("iptables-legacy -w -D INPUT -p tcp --dport "
                                 "%d -j ACCEPT" % k for k in written) or ":")
    print("%s, stale: %d races, %d refused, %d undone" % (
        backend, races, refused, undone), flush=True)


parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=float, default=5)
parser.add_argument("--races", type=int, default=25)
parser.add_argument("--seed", type=int, default=20261124)
options = parser.parse_args()
lab.require_ctpolicy()
for name in lab.BACKENDS:
    crowd(name, options.rounds)
if "iptables" in lab.BACKENDS:
    churner(options.seconds)
for name in lab.BACKENDS:
    stale(name, options.races, random.Random(options.seed))
tally.end()
