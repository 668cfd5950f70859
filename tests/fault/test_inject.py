#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""When a kernel call fails, or the program dies in it, the exit code tells
the truth: 0, and the rules are as wanted; else they are as before. After a
kill, nft's rules are one or the other, and one more run repairs any state.
"""
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
import lab  # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, accept: open, ports: [80]}
  - {name: nets, role: server, protocol: udp, ports: [5000], accept: none,
     clients: [%s]}
""" % ", ".join("10.%d.0.0/16" % i for i in range(0, 80, 2))
PATH = os.path.join(lab.WORK, "inject.yaml")
CALLS = {"nftables": ("sendmsg", "sendto", "recvfrom", "recvmsg"),
         "iptables": ("setsockopt", "sendto", "recvmsg")}
ERRORS = {"setsockopt": "ENOMEM", "sendmsg": "ENOBUFS", "sendto": "ENOMEM",
          "recvfrom": "ENOBUFS", "recvmsg": "ENOBUFS"}
BUDGET = float(os.environ.get("CTPOLICY_INJECT_SECONDS", "50"))
failed = passed = 0


def listing(space):
    text = space.run("nft list ruleset; iptables-legacy-save; "
                     "ip6tables-legacy-save; ipset save")
    text = re.sub(r"\[\d+:\d+\]|initval \S+|^#.*$", "", text, flags=re.M)
    return sorted(text.splitlines())


def run(space, verb, backend, inject=None, log=None):
    command = [lab.CTPOLICY, verb, "--backend", backend]
    if verb == "apply":
        command.append(PATH)
    if inject:
        command = ["strace", "-qq", "-o", log or "/dev/null", "-e",
                   "trace=" + inject.split(":")[0], "-e",
                   "inject=" + inject] + command
    with open(os.path.join(lab.WORK, "said"), "w") as said:
        code = space.popen(command, stdout=said, stderr=said).wait()
    with open(said.name) as text:
        return code, text.read()


def count(space, verb, backend, call):
    log = os.path.join(lab.WORK, "calls")
    run(space, verb, backend, call + ":delay_enter=0", log)
    with open(log) as lines:
        return sum(line.startswith(call + "(") for line in lines)


def judge(space, backend, verb, how, states):
    """What is wrong with this one failure; leaves the state before `verb`."""
    before, wanted = states if verb == "apply" else states[::-1]
    code, said = run(space, verb, backend, how)
    now = listing(space)
    bad = ""
    if "signal" in how:
        if backend == "nftables" and now not in states:
            bad = "half a change"
    elif code == 0 and now != wanted:
        bad = "exit 0, but not as wanted"
    elif code and now != before:
        bad = "exit %d, but not as before" % code
    elif code not in (0, 10, 13, 14, 69, 74, 75, 77):
        bad = "exit %d" % code
    for again in (verb, "remove" if verb == "apply" else "apply"):
        more, text = run(space, again, backend)
        now = listing(space)
        if not bad and (more or now != states[again == "apply"]):
            bad = "%s after it: exit %d: %s" % (again, more, text)
    return bad and "%s\n%s" % (bad, said)


def spread(items, n):
    """At most n of them, the first and the last among them."""
    if len(items) <= n:
        return items
    return [items[i * (len(items) - 1) // (n - 1)] for i in range(n)]


def sweep(backend, end):
    global failed, passed
    space = lab.Namespace()
    run(space, "apply", backend)
    run(space, "remove", backend)
    before = listing(space)
    run(space, "apply", backend)
    states = before, listing(space)
    jobs = []
    for verb in ("remove", "apply"):
        for call in CALLS[backend]:
            n = count(space, verb, backend, call)
            for at in spread(list(range(1, n + 1)), 6):
                jobs.append((verb, "%s:error=%s:when=%d" % (
                    call, ERRORS[call], at)))
                jobs.append((verb, "%s:signal=KILL:when=%d" % (call, at)))
    jobs.sort(key=lambda job: job[0] != "remove")
    state = "apply"
    run(space, state, backend)
    for verb, how in jobs:
        if time.monotonic() > end:
            print("the time is over: %d left out" %
                  (len(jobs) - jobs.index((verb, how))))
            break
        start = "remove" if verb == "apply" else "apply"
        if state != start:
            run(space, start, backend)
        state = start
        bad = judge(space, backend, verb, how, states)
        if bad:
            failed += 1
            print("not ok - %s %s, %s: %s" % (backend, verb, how, bad))
        else:
            passed += 1


lab.require_ctpolicy()
if not shutil.which("strace"):
    lab.skip("no strace here")
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
with open(PATH, "w") as policy:
    policy.write(POLICY)
for name in lab.BACKENDS:
    sweep(name, time.monotonic() + BUDGET / len(lab.BACKENDS))
print("%d failures passed, %d failed" % (passed, failed))
sys.exit(1 if failed or not passed else 0)
