#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the program touches, and what its surroundings can do to it.

calls    strace's list of each command, the waiter of --confirm included: no
         other program, no name service, no socket but netlink, libiptc's and
         the system log's, no file written but the state's and the lock.
hostile  odd limits, closed streams, planted programs and libraries, signals
         while it works: the same rules, and true words.
"""
import json
import os
import re
import signal
import subprocess
import time

import history
import lab
import tally
from tally import check

ONE, TWO = history.PATHS
SOCKETS = (
    r"AF_NETLINK, SOCK_RAW(\|SOCK_CLOEXEC)?, "
    r"NETLINK_(NETFILTER|ROUTE|SOCK_DIAG|XFRM)",
    r"AF_INET6?, SOCK_RAW(\|SOCK_CLOEXEC)?, IPPROTO_RAW",
    r"AF_UNIX, SOCK_DGRAM\|SOCK_CLOEXEC, 0",
    # to itself on loopback: is tracking at work?
    r"AF_INET6?, SOCK_DGRAM\|SOCK_CLOEXEC\|SOCK_NONBLOCK, IPPROTO_IP",
)
NAMES = re.compile(r"/(nsswitch\.conf|resolv\.conf|hosts|passwd|group|"
                   r"services|protocols|networks|ld\.so\.preload$)")
# Read below its root, without a name service: who makes a change.
USERS = "etc/passwd"


def may_write(host, path):
    """Files of the state are named relative to their folder."""
    return path in ("/dev/null", os.environ["XTABLES_LOCKFILE"]) or \
        path.startswith(host.state) or re.fullmatch(
            r"lock|new|watch|journal|pending|ending|main|[0-9a-f-]+|\d+", path)


def judge(host, verb, lines):
    name = "%s %s: " % (host.backend, verb)
    runs = 0
    for line in lines:
        call = re.match(r"\d+\s+(\w+)\((.*)", line)
        if not call:
            continue
        what, rest = call[1], call[2]
        if what in ("execve", "execveat"):
            runs += 1
        elif what in ("socket", "socketpair"):
            check(any(re.match(allowed, rest) for allowed in SOCKETS),
                  name + "a socket", line)
        elif what == "connect":
            check('sun_path="/dev/log"' in rest or
                  re.search(r'"(127\.0\.0\.1|::1)"', rest),
                  name + "connects", line)
        elif what in ("openat", "open", "creat"):
            path = re.search(r'"([^"]*)"', rest)[1]
            check(path == USERS or not NAMES.search(path),
                  name + "asks for names", line)
            if re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", rest):
                check(may_write(host, path), name + "writes", line)
    check(runs == 1, name + "runs programs", runs)


def traced(host, verb, *more):
    log = os.path.join(lab.WORK, "calls")
    host.run(verb, *more, prefix=[
        "strace", "-f", "-qq", "-s", "200", "-o", log, "-e", "trace=execve,"
        "execveat,socket,socketpair,connect,open,openat,creat"])
    with open(log) as lines:
        judge(host, verb, lines)


def calls(backend):
    host = history.Host(backend)
    traced(host, "apply", ONE)
    host.run("apply", "--confirm", "1h", TWO)
    traced(host, "confirm")
    traced(host, "rollback")
    traced(host, "recover")
    log = os.path.join(lab.WORK, "waiter")
    # strace lives as long as the waiter does
    host.run("apply", "--confirm", "1s", TWO, prefix=[
        "strace", "-f", "-qq", "-s", "200", "-o", log, "-e", "trace=execve,"
        "execveat,socket,socketpair,connect,open,openat,creat"])
    check("pending" not in host.files(), backend + ": the waiter is traced")
    with open(log) as lines:
        judge(host, "waiter", lines)
    traced(host, "remove")


def planted(backend):
    """Programs and libraries in the way, that would leave a trace."""
    trap = os.path.join(lab.WORK, "trap")
    os.makedirs(trap, exist_ok=True)
    mark = os.path.join(lab.WORK, "sprung")
    for name in ("modprobe", "iptables", "ip6tables", "nft", "ipset", "sh"):
        with open(os.path.join(trap, name), "w") as out:
            out.write("#!/bin/sh\necho $0 >>%s\n" % mark)
        os.chmod(out.name, 0o755)
    source = os.path.join(trap, "x.c")
    with open(source, "w") as out:
        out.write('#include <stdio.h>\n__attribute__((constructor)) '
                  'static void f(void) { FILE *o = fopen("%s", "a"); '
                  'fputs("library", o); fclose(o); }\n' % mark)
    for name in ("libxt_CT", "libxt_set", "libxt_comment", "libxt_udp",
                 "libxt_multiport", "libxt_addrtype", "libxt_conntrack"):
        subprocess.run(["cc", "-shared", "-fPIC", "-o",
                        os.path.join(trap, name + ".so"), source], check=True)
    return {"PATH": trap, "XTABLES_LIBDIR": trap, "IPTABLES_LIB_DIR": trap,
            "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "HOME": "/nowhere",
            "TMPDIR": "/nowhere", "XTABLES_LOCKFILE":
            os.environ["XTABLES_LOCKFILE"], "X" * 100000: "y" * 1000,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}, mark


def hostile(backend):
    host = history.Host(backend)
    host.run("apply", ONE)
    one = host.listing()
    host.run("remove")
    none = host.listing()
    env, mark = planted(backend)
    ways = (
        ("planted programs", {"env": env}, ""),
        ("umask", {}, "umask 777; "),
        ("streams closed", {}, "exec <&- >&- 2>&-; "),
        ("few files", {}, "ulimit -n 24; "),
        ("a small stack", {}, "ulimit -s 512; "),
        ("no core, no time to waste", {}, "ulimit -c 0 -t 20; "),
    )
    for name, options, words in ways:
        host.run("remove")
        check(host.listing() == none, backend + ": removed")
        command = " ".join(host.command("apply", ONE))
        process = host.space.popen(["/bin/sh", "-c", words + "exec " +
                                    command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, **options)
        said = process.communicate()[0]
        check(process.returncode == 0 and host.listing() == one,
              "%s: %s" % (backend, name), said)
    check(not os.path.exists(mark), backend + ": a trap was sprung")


def no_growth(backend):
    """Where no file may grow nothing is changed: code 74, no death."""
    host = history.Host(backend)
    host.run("apply", ONE)
    one = host.listing()
    process = host.space.popen(
        ["sh", "-c", "ulimit -f 0; exec " +
         " ".join(host.command("apply", "--json", TWO))],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = process.communicate()[0]
    check(process.returncode == 74, backend + ": RLIMIT_FSIZE",
          process.returncode)
    check(not json.loads(said)["changed"], backend + ": it says so", said)
    check(host.listing() == one and "new" not in host.files(),
          backend + ": nothing is done")


def signals(backend):
    """One that can wait does, until the change is whole."""
    host = history.Host(backend)
    host.run("apply", ONE)
    ends = {str(host.listing())}
    host.run("apply", TWO)
    ends.add(str(host.listing()))
    call = {"nftables": "sendmsg", "iptables": "setsockopt"}[backend]
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM,
                   signal.SIGTSTP, signal.SIGPIPE):
        for path in (ONE, TWO):
            process = host.space.popen(
                ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
                 "-e", "inject=%s:delay_enter=60000" % call] +
                host.command("apply", path), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            end = time.monotonic() + 5
            while "journal" not in host.files() and \
                    process.poll() is None and time.monotonic() < end:
                time.sleep(.002)
            subprocess.run(["pkill", "-%d" % number, "-P", str(process.pid)],
                           check=False)
            if number == signal.SIGTSTP:
                time.sleep(1)
                subprocess.run(["pkill", "-CONT", "-P", str(process.pid)],
                               check=False)
            process.wait()
            check("journal" not in host.files() and
                  str(host.listing()) in ends, "%s: signal %d" % (
                      backend, number), host.files())


lab.require_ctpolicy()
for name in lab.BACKENDS:
    calls(name)
    hostile(name)
    no_growth(name)
    signals(name)
tally.end()
