#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each allocation failing once, the libraries' included: no crash, no leak,
no lie, and the host is as before or as wanted. All succeeding, with an errno:
no difference.

    test_alloc.py [--all] [--points N] [--seed N] [--only COMMAND]
"""
import argparse
import collections
import difflib
import os
import random
import subprocess
import sys
import threading

import history
import cost
import entries
import lab
import packets
import tally

READERS = {
    "check": lambda host: ["check", history.PATHS[0]],
    "sarif": lambda host: ["check", "--format", "sarif", wrong_policy()],
    "audit": lambda host: ["audit", "--json", saved_rules(host.backend)],
    "flaws": lambda host: ["audit", saved_rules(host.backend)],
    "import": lambda host: ["import", saved_rules(host.backend)],
    "explain": lambda host: ["explain", "--file", saved_rules(host.backend),
                             "udp 192.0.2.1:40000 > 192.0.2.2:53"],
    "render": lambda host: ["render", "--backend", host.backend,
                            history.PATHS[0]],
    "diff": lambda host: ["diff", "--backend", host.backend,
                          history.PATHS[1]],
    "status": lambda host: ["status", "--state-dir", lab.WORK + "/none",
                            "--top", "3", "--by", "dport"],
    "metrics": lambda host: ["status", "--state-dir", lab.WORK + "/none",
                             "--prometheus", metrics_file(host)],
    "suggest": lambda host: ["suggest", "--json"],
    "report": lambda host: ["report", "--state-dir", lab.WORK + "/none",
                            "--backend", host.backend, "-o", "-", "-q",
                            history.PATHS[1]],
}
# libiptc aborts when an allocation of its own failed, and xtables_malloc() of
# libxtables ends the process.
GIVES_UP = ("not a valid target", "tables: malloc failed",
            "tables: strdup failed", "libxtables: out of memory")
BROKEN = ("AddressSanitizer", "LeakSanitizer", "runtime error",
          "Segmentation", "Aborted")
lock = threading.Lock()
points = collections.Counter()
faults = []


def built():
    """The library to preload, and what else a sanitized program needs."""
    path = os.path.join(lab.WORK, "alloc_fault.so")
    source = os.path.join(os.environ.get("srcdir", "."), "tests", "fault",
                          "alloc_fault.c")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1",
                    "-o", path, source, "-ldl"], check=True)
    return path


PRELOAD = None
OPTIONS = "verify_asan_link_order=0:detect_leaks=1:fast_unwind_on_malloc=0"


def environment(number, count):
    return ["env", "LD_PRELOAD=" + PRELOAD, "SOURCE_DATE_EPOCH=1764000000",
            "ASAN_OPTIONS=" + OPTIONS,
            "CTPOLICY_FAIL_ALLOC=%d" % number, "CTPOLICY_COUNT_ALLOC=" + count]


def kept(name, text):
    """Written once, by plan(): the threads' commands read it meanwhile."""
    path = os.path.join(lab.WORK, name)
    if not os.path.exists(path):
        with open(path, "w") as f:
            f.write(text)
    return path


def wrong_policy():
    return kept("wrong.yaml", "version: 1\nstate_matching: alowed\nuntracked:\n"
                "- {name: a, rol: sever, protocol: tcp, ports: [0x50]}\n")


def saved_rules(backend):
    """Rules of each kind: that go by states, NOTRACK, NAT."""
    if backend == "iptables":
        return kept("saved.iptables", """*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp --dport 53 -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-I INPUT -p tcp --dport 22 -m state --state NEW -j ACCEPT
COMMIT
""")
    return kept("saved.nft", """table inet t {
	chain raw {
		type filter hook prerouting priority raw;
		udp dport 53 notrack
	}
	chain in {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport 22 ct state new accept
	}
}
""")


def metrics_file(host):
    folder = os.path.join(lab.WORK, "metrics-%d" % id(host))
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, "x.prom")


def new_host(backend):
    """With entries of two services, one of which nobody answers."""
    host = history.Host(backend)
    entries.add(host.space, [
        (packets.TCP, "192.0.2.1", "127.0.0.1", 1024 + i, 9999, 6, 3)
        for i in range(30)] + [
        (packets.UDP, "192.0.2.1", "192.0.2.2", 1024 + i, 514, 0, 0)
        for i in range(20)])
    return host


def count_file(host):
    return os.path.join(lab.WORK, "count-%d" % id(host))


def read(host, verb, number):
    process = host.space.popen(
        environment(number, count_file(host)) + [lab.CTPOLICY] +
        READERS[verb](host), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.communicate()[0]
    host.code = process.returncode
    return said


def change(host, verb, number, *more):
    return host.run(verb, *more, *history.arguments(verb), code=None,
                    prefix=["timeout", "-s", "KILL", "60"] +
                    environment(number, count_file(host)))


def fault(host, verb, number, what, said):
    with lock:
        faults.append((host.backend, verb, number))
        print("not ok - %s %s, allocation %d: %s\n%s" % (
            host.backend, verb, number, what, said[-4000:]), flush=True)


def gives_up(host, said):
    return host.code in (-6, 134, 1, 74) and any(word in said for word in GIVES_UP)


def told(said):
    """Notes may be left out."""
    return [line for line in said.splitlines() if "note: " not in line]


def try_reader(host, verb, number, usual):
    host.run("remove")
    said = read(host, verb, number)
    code, text = usual
    # libxtables goes on without a part that it could not load, and names it
    if gives_up(host, said) or "/libxt_" in said:
        return
    if host.code < 0 or any(word in said for word in BROKEN):
        fault(host, verb, number, "exit %d" % host.code, said)
    elif verb == "metrics" and len(os.listdir(os.path.dirname(
            metrics_file(host)))) != 1:
        fault(host, verb, number, "a file is left behind", said)
    elif host.code == code and told(said) != told(text) and \
            "out of memory" not in said:
        fault(host, verb, number, "exit %d, with another text" % code,
              "\n".join(difflib.unified_diff(text.splitlines(),
                                             said.splitlines())))
    elif host.code != code and host.code not in history.CODES + (70, 78):
        fault(host, verb, number, "exit %d" % host.code, said)


def try_change(host, verb, number, wanted):
    before, _ = history.prepare(host, verb)
    said = change(host, verb, number, "--json")
    what = history.lie(host, verb, said, before, wanted)
    if gives_up(host, said):
        # rules are whole in each table, and recover, below, goes on from there
        what = ""
    elif host.code < 0 or any(word in said for word in BROKEN):
        what = "exit %d" % host.code
    if what:
        fault(host, verb, number, what, said)
    after = host.run("recover", code=None)
    if host.code or host.listing() not in [before, wanted] + host.known:
        fault(host, verb, number, "recover: neither old nor new", said + after)


def try_errno(host, verb, usual):
    """What succeeds may set errno: nobody goes by it."""
    if verb in READERS:
        host.run("remove")
        got = read(host, verb, -1)
        same = (host.code, got) == usual
    else:
        history.prepare(host, verb)
        got = change(host, verb, -1)
        same = host.code == 0 and host.listing() == usual
    if not same:
        fault(host, verb, -1, "exit %d, for the errno of a success" %
              host.code, got)


class Tryer(threading.Thread):
    def __init__(self, backend, jobs, ends):
        super().__init__()
        self.backend, self.jobs, self.ends = backend, jobs, ends

    def run(self):
        with lock:
            host = new_host(self.backend)
        host.known = self.ends["known"]
        for verb, number in self.jobs:
            try:
                if verb in READERS:
                    try_reader(host, verb, number, self.ends[verb])
                else:
                    try_change(host, verb, number, self.ends[verb])
            except AssertionError as error:
                fault(host, verb, number, "the next command fails",
                      str(error))
                with lock:
                    known = host.known
                    host = new_host(self.backend)
                host.known = known
            with lock:
                points[self.backend, verb] += 1


def plan(backend, options, rng):
    host = new_host(backend)
    ends, jobs = {"known": []}, []
    for verb in history.VERBS + tuple(READERS):
        if verb in READERS:
            host.run("remove")
            said = read(host, verb, 0)
            ends[verb] = host.code, said
        else:
            history.prepare(host, verb)
            change(host, verb, 0)
            ends[verb] = host.listing()
        with open(count_file(host)) as count:
            if options.only in (None, verb):
                jobs += [(verb, n) for n in range(1, int(count.read()) + 1)]
        try_errno(host, verb, ends[verb])
    for path in history.PATHS:
        host.run("apply", path)
        ends["known"].append(host.listing())
    print("%s: %d allocations" % (backend, len(jobs)), flush=True)
    if not options.all:
        jobs = rng.sample(jobs, min(options.points, len(jobs)))
    return jobs, ends


def is_closed():
    """A sanitizer's runtime inside the program prevents this."""
    libraries = subprocess.run(["ldd", lab.CTPOLICY], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
    return cost.is_sanitized() and "libasan" not in libraries


parser = argparse.ArgumentParser()
parser.add_argument("--all", action="store_true")
parser.add_argument("--points", type=int,
                    default=60 // tally.EVERY)
parser.add_argument("--seed", type=int, default=20261124)
parser.add_argument("--only")
options_given = parser.parse_args()
lab.require_ctpolicy()
if is_closed():
    print("this build's allocator can't be reached; other builds' can")
    sys.exit(0)
PRELOAD = built()
random_source = random.Random(options_given.seed)
tryers = []
for name in lab.BACKENDS:
    work, known_ends = plan(name, options_given, random_source)
    tryers += [Tryer(name, work[k::2], known_ends) for k in range(2)]
for tryer in tryers:
    tryer.start()
for tryer in tryers:
    tryer.join()
for key in sorted(points):
    print("%s, %s: %d allocations failed, %d faults" % (
        *key, points[key], sum(f[:2] == key for f in faults)))
print("%d allocations failed, %d faults" % (sum(points.values()),
                                            len(faults)))
sys.exit(1 if faults or not points else 0)
