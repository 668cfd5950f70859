#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of the host's are replaced and put back table by table: killed at each write,
`recover` leads to the old rules or the new ones; when a write fails, the old ones are
back, and the exit code says so."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

POLICY = "version: 1\nstate_matching: forbidden\nexisting_rules: replace\n"
RULES = """*filter
:INPUT DROP [1:60]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[3:180] -A INPUT -i lo -j ACCEPT
[4:240] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[5:300] -A INPUT -p tcp -m tcp --dport 22 -m state --state NEW -j ACCEPT
COMMIT
"""
TOOLS = {4: "iptables-legacy", 6: "ip6tables-legacy"}
NOT_RESTORED = 11

lab.require_ctpolicy()
if not shutil.which("strace"):
    lab.skip("no strace here")
host = lab.Namespace()
path = os.path.join(lab.WORK, "policy.yaml")
log = os.path.join(lab.WORK, "trace")
state = os.path.join(lab.WORK, "state")
with open(path, "w") as out:
    out.write(POLICY)


def saved():
    """Without counters: the kernel has lost them between the two calls that replace a
    table and give the counters back."""
    return re.sub(r"^#.*\n| \[\d+:\d+\]$", "", host.run("; ".join(
        tool + "-save" for tool in TOOLS.values())), flags=re.M)


def load():
    for tool in TOOLS.values():
        host.run([tool + "-restore", "-c"], RULES)


def run(verb, *ahead):
    process = host.popen([*ahead, lab.CTPOLICY, verb, "--state-dir", state] +
                         (["--backend", "iptables", path]
                          if verb == "apply" else []),
                         text=True, stdout=-1, stderr=-2)
    said = process.communicate()[0]
    return process.returncode, said


def injected(verb, call, n, how):
    return run(verb, "strace", "-qq", "-f", "-o", "/dev/null",
               "-e", "inject=%s:%s:when=%d" % (call, how, n))


def calls(verb, call):
    run(verb, "strace", "-qq", "-o", log, "-e", "trace=" + call)
    with open(log) as lines:
        return sum(call + "(" in line for line in lines)


def begin(verb):
    run("recover")
    run("remove")
    load()
    if verb == "remove":
        run("apply")


load()
OLD = saved()
run("apply")
NEW = saved()
check("ctstate" in OLD and "state" not in NEW, "the rules are replaced", NEW)
for verb, was, wanted in (("apply", OLD, NEW), ("remove", NEW, OLD)):
    for call in ("setsockopt", "renameat", "fsync"):
        begin(verb)
        number = calls(verb, call)
        for n in range(1, number + 1, tally.EVERY):
            name = "%s, %s %d of %d" % (verb, call, n, number)
            begin(verb)
            injected(verb, call, n, "signal=KILL")
            code, said = run("recover")
            check(code == 0 and saved() in (was, wanted), name + ", killed",
                  said + saved())
            begin(verb)
            code, said = injected(verb, call, n, "error=ENOMEM")
            now = saved()
            check(now == (wanted if code == 0 else was), name + ", failed",
                  "exit %d\n%s%s" % (code, said, now))
            check(code not in (1, 2, NOT_RESTORED), name + ": exit code", said)
        check(number or call != "setsockopt", verb + ": no " + call)
tally.end()
