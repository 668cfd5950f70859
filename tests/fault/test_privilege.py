#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""With how little it works, what it keeps, and what can stand in its way.

powers   exactly CAP_NET_ADMIN (nftables), CAP_NET_RAW too (iptables), as
         another user; each one that is missing is named: 77, nothing written.
kept     what a running command holds of powers once it has read its policy.
locks    who has no right to a lock can't hold it; who holds one and never
         lets go is named: 75, in time.
room     a full disk and one that can only be read: 74, the old files whole,
         the rules as before.
clock    a command stopped for a while: its change still ends in time.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import history
import lab
import tally
from tally import check

ONE, TWO = history.PATHS
NEEDS = {"nftables": ["net_admin"], "iptables": ["net_admin", "net_raw"]}


def only(caps, uid=0):
    """A command prefix that leaves just these capabilities."""
    words = ",".join(["-all"] + ["+" + cap for cap in caps])
    more = ["--reuid=%d" % uid, "--clear-groups"] if uid else []
    return ["setpriv"] + more + ["--bounding-set=" + words,
                                 "--inh-caps=" + words,
                                 "--ambient-caps=" + words]


def can_be_another():
    return not subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", "true"], check=False,
        stderr=subprocess.DEVNULL).returncode


def powers(backend):
    host = history.Host(backend)
    host.run("apply", ONE)
    one = host.listing()
    host.run("apply", TWO)
    two = host.listing()
    for uid in [0] + [65534] * can_be_another():
        host.state = os.path.join(lab.WORK, "powers-%s-%d" % (backend, uid))
        os.mkdir(host.state, 0o700)
        os.chown(host.state, uid or -1, -1)
        # the lock file is everybody's who may write rules
        lock = os.environ["XTABLES_LOCKFILE"]
        with open(lock, "a"):
            os.chmod(lock, 0o666)
        for folder in (lab.WORK, os.path.dirname(lab.WORK)):
            if os.stat(folder).st_mode & 0o777 == 0o700:
                os.chmod(folder, 0o711)
        path = os.path.join(lab.WORK, "readable.yaml")
        shutil.copy(ONE, path)
        os.chmod(path, 0o644)
        said = host.run("apply", path, code=None,
                        prefix=only(NEEDS[backend], uid))
        check(host.code == 0 and host.listing() == one,
              "%s: enough as %d" % (backend, uid), said)
        host.run("rollback", prefix=only(NEEDS[backend], uid))
        check(host.listing() == two, "%s: rollback as %d" % (backend, uid))
        for cap in NEEDS[backend]:
            rest = [c for c in NEEDS[backend] if c != cap]
            said = host.run("apply", "--json", path, code=None,
                            prefix=only(rest, uid))
            check(host.code == 77 and "CAP_" + cap.upper() in said,
                  "%s: %s is missing" % (backend, cap), said)
            check(not json.loads(said[said.index("{"):])["changed"],
                  backend + ": it says nothing was done")
            check(host.listing() == two and "journal" not in host.files(),
                  "%s: nothing is done without %s" % (backend, cap))


def child_status(pid):
    """What /proc says of a process's child; "" when there is none (yet)."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
            child = children.read().split()[0]
        with open("/proc/%s/status" % child) as status:
            return status.read()
    except (OSError, IndexError):
        return ""


def kept(backend):
    """Stopped at its first write to the kernel."""
    host = history.Host(backend)
    call = {"nftables": "sendmsg", "iptables": "setsockopt"}[backend]
    process = host.space.popen(
        ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
         "inject=%s:delay_enter=200000" % call] +
        host.command("apply", ONE), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    text, end = "", time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        text = child_status(process.pid) if "journal" in host.files() else text
        if text:
            break
        time.sleep(.002)
    process.wait()
    held = {int(bits, 16) for bits in
            re.findall(r"Cap(?:Prm|Eff): (\w+)", text.replace("\t", " "))}
    check(held == {1 << 12 | 1 << 13}, backend + ": keeps two", text)
    check("NoNewPrivs:\t1" in text, backend + ": no new privileges", text)


def locks(backend):
    host = history.Host(backend)
    host.run("apply", ONE)
    one = host.listing()
    space = subprocess.run(["find", host.state, "-name", "lock"], text=True,
                           check=True, stdout=subprocess.PIPE).stdout.strip()
    if can_be_another():
        for path in [space]:
            code = subprocess.run(
                ["setpriv", "--reuid=65534", "--clear-groups", "flock", "-n",
                 path, "true"], check=False,
                stderr=subprocess.DEVNULL).returncode
            check(code not in (0, 1), "another user has the lock", code)
    victims = [space]
    if backend == "iptables":
        victims.append(os.environ["XTABLES_LOCKFILE"])
    for path in victims:
        holder = subprocess.Popen(["flock", path, "sleep", "100"])
        time.sleep(.3)
        holder.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        said = host.run("apply", "--json", TWO, code=None)
        took = time.monotonic() - began
        subprocess.run(["pkill", "-KILL", "-P", str(holder.pid)], check=False)
        holder.kill()
        holder.wait()
        check(host.code == 75 and took < 30, backend + ": a stuck holder",
              (host.code, took, said))
        check(str(holder.pid) in said or "sleep" in said,
              backend + ": the holder is named", said)
        check(host.listing() == one, backend + ": nothing is done")
    host.run("apply", TWO)


def mount(*args):
    return subprocess.run(["mount"] + list(args), check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def room(backend):
    host = history.Host(backend)
    os.mkdir(host.state, 0o700)
    if not mount("-t", "tmpfs", "-o", "size=256k,mode=700", "t", host.state):
        lab.skip("no mounts here")
    host.run("apply", ONE)
    one = host.listing()
    records = [f for f in host.files() if f.isdigit()]
    filler = os.path.join(host.state, "filler")
    for left in (0, 4096, 8192):
        with open(filler, "wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"x" * 4096)
            except OSError:
                pass
            size = os.fstat(out.fileno()).st_size
            os.ftruncate(out.fileno(), max(0, size - left))
        said = host.run("apply", "--json", TWO, code=None)
        os.unlink(filler)
        check(host.code == 74 or (host.code == 0 and left),
              backend + ": full, the code", said)
        if host.code == 0:
            host.run("rollback")
        check(host.listing() == one, backend + ": full, the rules", said)
        check([f for f in host.files() if f.isdigit()] == records and
              not {"new", "journal"} & set(host.files()),
              backend + ": full, the files", host.files())
    check(mount("--bind", host.state, host.state) and
          mount("-o", "remount,bind,ro", host.state), "mounted again")
    said = host.run("apply", "--json", TWO, code=None)
    check(host.code == 74 and host.listing() == one,
          backend + ": read-only", said)
    said = host.run("rollback")
    check("CT556" in said and
          not re.search("ctpolicy", str(host.listing()), re.I),
          backend + ": read-only, rollback", said)
    subprocess.run(["umount", host.state], check=False)
    host.run("apply", TWO)
    host.run("rollback")
    subprocess.run(["umount", host.state], check=False)


def is_free(host):
    """Is the lock of the state folder free?"""
    path = subprocess.run(["find", host.state, "-name", "lock"], text=True,
                          check=True, stdout=subprocess.PIPE).stdout.strip()
    return not subprocess.run(["flock", "-n", path, "true"],
                              check=False).returncode


def clock(backend):
    """The waiter keeps its own time, whatever happens to the command."""
    host = history.Host(backend)
    host.run("apply", ONE)
    one = host.listing()
    process = host.space.popen(
        ["strace", "-qq", "-o", "/dev/null", "-e", "trace=exit_group", "-e",
         "inject=exit_group:delay_enter=3000000"] +
        host.command("apply", "--confirm", "2s", TWO),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # stopped on its way out: the change is in force, the lock is free
    end = time.monotonic() + 60
    while time.monotonic() < end and not (
            "pending" in host.files() and "journal" not in host.files() and
            is_free(host)):
        time.sleep(.005)
    subprocess.run(["pkill", "-STOP", "-P", str(process.pid)], check=False)
    began = time.monotonic()
    while "pending" in host.files() and time.monotonic() < began + 30:
        time.sleep(.02)
    took = time.monotonic() - began
    subprocess.run(["pkill", "-CONT", "-P", str(process.pid)], check=False)
    process.wait()
    check(took < 30, backend + ": stopped, the deadline", took)
    check(host.listing() == one, backend + ": stopped, the rules")


lab.require_ctpolicy()
for name in lab.BACKENDS:
    powers(name)
    kept(name)
    locks(name)
    room(name)
    clock(name)
tally.end()
