#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of the host's are replaced and put back, in each dialect: killed at each write,
`recover` leads to the old rules or the new ones; when a write fails, the old ones are
back, and the exit code says so."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

POLICY = "version: 1\nstate_matching: forbidden\nexisting_rules: replace\n"
RULES = """*filter
:INPUT DROP [1:60]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:first - [0:0]
[2:120] -A INPUT -j first
[3:180] -A INPUT -i lo -j ACCEPT
[4:240] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[5:300] -A INPUT -p tcp -m tcp --dport 22 -m state --state NEW -j ACCEPT
[6:360] -A INPUT -p tcp -m tcp --dport 80 -m state --state NEW -g first
[7:420] -A first -m conntrack --ctstate INVALID -j RETURN
[8:480] -A first -p udp -j DROP
COMMIT
"""
NATIVE = """table inet host {
 set good { type inet_service; flags interval; elements = { 1-65535 } }
 chain first { ct state { invalid, untracked } drop; udp dport 9 drop; }
 chain input { type filter hook input priority 0; policy drop;
  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
  iif "lo" counter accept
  ct state { established, related } counter accept comment "keep me"
  tcp dport { 22, 1000-1999 } ct state new counter accept
  tcp dport @good ct state new log prefix "new: " accept
  ct state vmap { invalid : drop, new : jump first }
 }
}
"""
NOT_RESTORED = 11
# name -> iptables of it, and the calls that change rules
DIALECTS = {"legacy": ("legacy", "setsockopt"), "iptables-nft": ("nft", "sendmsg"),
            "native": (None, "sendmsg")}

lab.require_ctpolicy()
if not shutil.which("strace"):
    lab.skip("no strace here")
host = lab.Namespace()
path = os.path.join(lab.WORK, "policy.yaml")
log = os.path.join(lab.WORK, "trace")
with open(path, "w") as out:
    out.write(POLICY)


class Host:
    """One that keeps its rules in a dialect."""

    def __init__(self, dialect):
        kind, self.writes = DIALECTS[dialect]
        self.backend = dialects.backend_of(dialect)
        self.tools = ["iptables-" + kind, "ip6tables-" + kind] if kind else []
        self.state = os.path.join(lab.WORK, "state-" + dialect)

    def saved(self):
        """Without counters: the kernel has lost them between the two calls that
        replace a table and give the counters back."""
        if not self.tools:
            return host.run("nft -s list ruleset")
        return re.sub(r"^#.*\n| \[\d+:\d+\]$", "", host.run("; ".join(
            tool + "-save" for tool in self.tools)), flags=re.M)

    def load(self):
        if not self.tools:
            host.run("nft flush ruleset")
            host.nft(NATIVE)
        for tool in self.tools:
            host.run([tool + "-restore", "-c"], RULES)

    def run(self, verb, *ahead):
        process = host.popen([*ahead, lab.CTPOLICY, verb, "--state-dir", self.state] +
                             (["--backend", self.backend, path]
                              if verb == "apply" else []),
                             text=True, stdout=-1, stderr=-2)
        said = process.communicate()[0]
        return process.returncode, said

    def injected(self, verb, call, n, how):
        return self.run(verb, "strace", "-qq", "-f", "-o", "/dev/null",
                        "-e", "inject=%s:%s:when=%d" % (call, how, n))

    def calls(self, verb, call):
        self.run(verb, "strace", "-qq", "-o", log, "-e", "trace=" + call)
        with open(log) as lines:
            return sum(call + "(" in line for line in lines)

    def begin(self, verb):
        self.run("recover")
        self.run("remove")
        self.load()
        if verb == "remove":
            self.run("apply")

    def play(self, verb, was, wanted):
        for call in (self.writes, "renameat", "fsync"):
            self.begin(verb)
            number = self.calls(verb, call)
            for n in range(1, number + 1, tally.EVERY):
                name = "%s, %s, %s %d of %d" % (self.backend, verb, call, n, number)
                self.begin(verb)
                self.injected(verb, call, n, "signal=KILL")
                code, said = self.run("recover")
                now = self.saved()
                check(code == 0 and now in (was, wanted), name + ", killed", said + now)
                self.begin(verb)
                code, said = self.injected(verb, call, n, "error=ENOMEM")
                now = self.saved()
                check(now == (wanted if code == 0 else was), name + ", failed",
                      "exit %d\n%s%s" % (code, said, now))
                check(code not in (1, 2, NOT_RESTORED), name + ": exit code", said)
                check(code == 0 or "rules were replaced" not in said,
                      name + ": claims nothing", said)
            check(number or call != self.writes, verb + ": no " + call)


for dialect in DIALECTS:
    if dialect not in dialects.here():
        continue
    host.clear()
    played = Host(dialect)
    played.load()
    OLD = played.saved()
    played.run("apply")
    NEW = played.saved()
    check("state" in OLD and " ct state" not in NEW and "ctstate" not in NEW and "ctpolicy" in NEW.lower(),
          "the rules are replaced", NEW)
    played.play("apply", OLD, NEW)
    played.play("remove", NEW, OLD)
    # what the last case left unfinished is this folder's to finish
    played.run("recover")
    played.run("remove")
tally.end()
