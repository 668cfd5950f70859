# SPDX-License-Identifier: GPL-2.0-or-later
"""Two policies, a host that filters by state, and the program with a state
folder of its own: what the tests of recovery share."""
import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
import lab  # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, accept: open, ports: [80, %d],
     why: "static"}
  - {name: nets, role: [server, client], protocol: udp, ports: [%d],
     accept: none, servers: [192.0.2.0/24], clients: [%s]}
"""
NETS = ", ".join("10.%d.0.0/16" % i for i in range(0, 80, 2))
NFT = """table inet host {
chain in { type filter hook input priority 0; policy drop
ct state established accept
tcp dport 22 accept
}
chain out { type filter hook output priority 0; policy drop
ct state established,new accept
}
}
"""
LEGACY = """*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp --dport 22 -j ACCEPT
-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
COMMIT
"""
PATHS = []
VERBS = ("apply", "rollback", "remove", "recover", "confirm")
CODES = (10, 11, 12, 13, 14, 66, 69, 74, 75, 77)

for _n, _ports in enumerate(((81, 5000), (8081, 53))):
    PATHS.append(os.path.join(lab.WORK, "policy%d.yaml" % (_n + 1)))
    with open(PATHS[-1], "w") as _out:
        _out.write(POLICY % (_ports + (NETS,)))


def track_too():
    """A tracked service in each policy. What iptables-save prints then cannot
    be loaded by itself: it has rules with timeouts, and not these."""
    for n, path in enumerate(PATHS):
        with open(path, "a") as out:
            out.write("tracked:\n  - {name: ask, role: server, protocol: udp,"
                      " ports: [%d], timeouts: {unreplied: 2s}}\n" % (90 + n))


class Host:
    """A namespace with rules of its own, and a state folder."""
    numbers = itertools.count(1)

    def __init__(self, backend):
        self.backend = backend
        self.space = lab.Namespace()
        self.state = os.path.join(lab.WORK, "state-%d" % next(Host.numbers))
        if backend == "nftables":
            self.space.nft(NFT)
        else:
            for version in lab.VERSIONS:
                self.space.legacy(version, LEGACY)

    def command(self, verb, *more):
        args = [lab.CTPOLICY, verb, "--state-dir", self.state]
        if verb in ("apply", "remove"):
            args += ["--backend", self.backend]
        return args + list(more)

    def run(self, verb, *more, code=0, prefix=()):
        """Its output; `code` None: whatever it is."""
        process = self.space.popen(
            list(prefix) + self.command(verb, *more), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        said = process.communicate()[0]
        if code is not None and process.returncode != code:
            raise AssertionError("%s: exit %d, not %d\n%s" % (
                verb, process.returncode, code, said))
        self.code = process.returncode
        return said

    def held(self, call, there, verb, *more, when=1,
             listing="nft list ruleset"):
        """The process of a command, stopped by a signal once its first system
        call of that name is done (or the one of that number), which nft's
        rules, or another listing, show by a word."""
        process = self.space.popen(
            ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
             "inject=%s:signal=STOP:when=%d" % (call, when)] +
            self.command(verb, *more), text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        while there not in self.space.run(listing) and \
                process.poll() is None:
            time.sleep(0.05)
        return process

    def let_go(self, process):
        """The output of a command that was held."""
        os.killpg(process.pid, signal.SIGCONT)
        said = process.communicate()[0]
        self.code = process.returncode
        return said

    def listing(self):
        """All rules, without what changes by itself."""
        text = self.space.run(
            "nft list ruleset; iptables-legacy-save; ip6tables-legacy-save; "
            "ipset save")
        text = re.sub(r"\[\d+:\d+\]|initval \S+|^#.*$", "", text, flags=re.M)
        return sorted(text.splitlines())

    def files(self):
        return sorted(f for _, _, names in os.walk(self.state) for f in names)

    def processes(self):
        """Those of ctpolicy with this state folder, which is this test's own:
        what is at work there, and what looks after a trial."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    words = os.fsdecode(f.read()).split("\0")
                if words[0] == lab.CTPOLICY and self.state in words:
                    found.append(int(pid))
            except OSError:
                pass
        return found

    def kill_waiters(self):
        """How many there were."""
        killed = 0
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed


class Peer(Host):
    """Another user of the same host and the same state folder."""

    def __init__(self, other):
        self.backend, self.space = other.backend, other.space
        self.state = other.state


def prepare(host, verb):
    """The rules before and after; the host is ready for the verb."""
    host.run("remove", code=None)
    host.run("recover", code=None)
    host.run("remove")
    host.run("apply", PATHS[0])
    one = host.listing()
    if verb == "apply":
        return one, None
    if verb == "remove":
        return one, None
    if verb == "confirm":
        host.run("apply", "--confirm", "1h", PATHS[1])
        host.kill_waiters()
        return host.listing(), None
    if verb == "rollback":
        host.run("apply", PATHS[1])
        return host.listing(), one
    call = {"nftables": "sendmsg", "iptables": "setsockopt"}[host.backend]
    for n in range(1, 20):
        host.run("apply", PATHS[1], code=None, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
            "inject=%s:signal=KILL:when=%d" % (call, n)])
        if "journal" in host.files():
            break
        host.run("apply", PATHS[0])
    return host.listing(), one


def arguments(verb):
    return {"apply": [PATHS[1]]}.get(verb, [])


def lie(host, verb, said, before, wanted):
    """What is wrong with what a command said of the rules that are there now;
    "" if all is true."""
    code, now = host.code, host.listing()
    try:
        told = json.loads(said[said.index("{"):said.rindex("}") + 1])
    except ValueError:
        told = {"result": "", "changed": None}
    changed = now != before
    if code == 0 and now != wanted:
        return "exit 0, but not as wanted"
    if code and code not in CODES:
        return "exit %d" % code
    if code and code != 11 and changed and verb != "recover":
        return "exit %d, but not as before" % code
    if told["changed"] and not changed and verb != "confirm":
        return "says changed, and is not"
    if code == 0 and told["changed"] is False and changed:
        return "says unchanged, and is changed"
    if "new" in host.files():
        return "a temporary file is left"
    return ""
