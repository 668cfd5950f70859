#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Rollback, recover, confirm: each leads to the rules that it says, and the
state folder holds what is true and nothing else.

    test_history.py [--all]

Calls are made to fail one after the other: every second or third of them, or
all with --all.
"""
import itertools
import os
import stat
import subprocess
import sys
import time

import history
import lab
import tally

ONE, TWO = history.PATHS
ALL = sys.argv[1:] == ["--all"]


def case(name, backend, test):
    tally.some("%s, %s" % (name, backend),
               lambda: test(history.Host(backend)))


def states(host):
    """The three listings that a host can have here; leaves it at none."""
    host.run("apply", ONE)
    host.run("remove")
    none = host.listing()
    host.run("apply", ONE)
    one = host.listing()
    host.run("apply", TWO)
    two = host.listing()
    host.run("remove")
    assert none != one != two and host.listing() == none
    return none, one, two


def expect(host, wanted, what):
    assert host.listing() == wanted, "not the rules of " + what


def rollback(host):
    none, one, two = states(host)
    host.run("apply", ONE)
    host.run("apply", TWO)
    host.run("apply", TWO)
    host.run("rollback")
    expect(host, one, "the first policy")
    host.run("rollback")
    expect(host, none, "no policy")
    host.run("rollback")
    expect(host, two, "the second, as it was before it was removed")
    assert "no unfinished change" in host.run("recover")


def redo(host):
    """A rollback can be undone, one by one, until another change is made."""
    none, one, two = states(host)
    host.run("apply", ONE)
    assert "CT549" in host.run("rollback", "--redo", code=66)
    host.run("apply", TWO)
    host.run("rollback")
    expect(host, one, "the first policy")
    host.run("rollback")
    expect(host, none, "no policy")
    host.run("rollback", "--redo")
    expect(host, one, "the first policy, redone")
    host.run("rollback", "--redo")
    expect(host, two, "the second policy, redone")
    host.run("rollback", "--redo", code=66)
    host.run("rollback")
    expect(host, one, "the first policy, after a redo")
    host.run("remove")
    host.run("rollback", "--redo", code=66)
    expect(host, none, "no policy, removed")
    host.run("rollback")
    expect(host, one, "the first policy, as it was before its removal")
    call = {"nftables": "sendmsg", "iptables": "setsockopt"}[host.backend]
    for n in range(1, 40):
        before = host.listing()
        host.run("rollback", "--redo", code=None, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
            "inject=%s:signal=KILL:when=%d" % (call, n)])
        if host.code == 0:
            break
        host.run("recover")
        assert host.listing() in (before, none), "neither old nor new"
        if host.listing() == none:
            host.run("rollback")
        expect(host, one, "before the next try")
    expect(host, none, "no policy, redone")
    numbers = [int(f.split(".")[-1]) for f in host.files()
               if f.split(".")[-1].isdigit()]
    assert len(numbers) == len(set(numbers)), numbers


def keeps_some(host):
    for n in range(12):
        host.run("apply", (ONE, TWO)[n % 2])
    kept = [f for f in host.files() if f.isdigit()]
    assert sorted(map(int, kept)) == list(range(5, 13)), kept
    for _ in range(8):
        host.run("rollback")
    assert "no earlier change" in host.run("rollback", code=66)


def private(host):
    """Whatever the umask."""
    host.run("apply", ONE, prefix=["sh", "-c", 'umask 0; exec "$@"', "sh"])
    for top, folders, files in os.walk(host.state):
        assert stat.S_IMODE(os.stat(top).st_mode) == 0o700, top
        for name in files:
            mode = stat.S_IMODE(os.stat(os.path.join(top, name)).st_mode)
            assert mode == 0o600, name
    os.chmod(host.state, 0o777)
    assert "CT541" in host.run("apply", TWO, code=74)


def damaged(host):
    """A state file that was cut anywhere is refused, and changes no rules."""
    host.run("apply", ONE)
    rules = host.listing()
    path = subprocess.run(["find", host.state, "-name", "1"], text=True,
                          check=True, stdout=subprocess.PIPE).stdout.strip()
    with open(path, "rb") as source:
        whole = source.read()
    for size in sorted({0, 1, 17, 40, len(whole) // 2, len(whole) - 1}):
        with open(path, "wb") as out:
            out.write(whole[:size])
        assert "CT544" in host.run("rollback", code=74), size
        expect(host, rules, "the policy")
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    with open(path, "wb") as out:
        out.write(changed)
    assert "CT544" in host.run("rollback", code=74)
    host.run("remove")


def interrupted(host):
    """A death at each change of the kernel; one more command mends it."""
    none, one, two = states(host)
    call = {"nftables": "sendmsg", "iptables": "setsockopt"}[host.backend]
    ends = set()
    host.run("apply", ONE)
    for verb in ("apply", "rollback", "remove"):
        for n in range(1, 40):
            host.run("apply", ONE)
            if verb == "rollback":
                host.run("apply", TWO)
            before = host.listing()
            host.run(verb, *([TWO] if verb == "apply" else []), code=None,
                     prefix=["strace", "-qq", "-o", "/dev/null", "-e",
                             "trace=" + call, "-e",
                             "inject=%s:signal=KILL:when=%d" % (call, n)])
            if host.code == 0:
                break
            if host.backend == "nftables":
                assert host.listing() in (none, one, two), "half a change"
            said = host.run("recover")
            now = host.listing()
            after = {"apply": two, "rollback": one, "remove": none}[verb]
            assert now in (before, after), "neither old nor new: " + said
            if "been undone" in said:
                assert now == before, said
            if "is complete" in said:
                assert now == after, said
            assert "journal" not in host.files()
            ends.add(now == after)
        assert n < 39
    assert ends


def confirm(host):
    none, one, two = states(host)
    host.run("apply", "--confirm", "10s", ONE)
    assert "CT548" in host.run("apply", TWO, code=75)
    host.run("confirm")
    time.sleep(10.7)
    expect(host, one, "what was confirmed")
    host.run("apply", "--confirm", "5s", TWO)
    expect(host, two, "what waits")
    end = time.monotonic() + 10
    while "pending" in host.files() and time.monotonic() < end:
        time.sleep(.05)
    expect(host, one, "before, at the deadline and two seconds")
    assert "CT551" in host.run("confirm", code=12)
    host.run("apply", "--confirm", "1h", TWO)
    host.run("rollback")
    expect(host, one, "before, by hand")
    host.run("apply", "--confirm", "1h", TWO)
    host.run("remove")
    expect(host, none, "nothing")
    assert "pending" not in host.files()


def no_waiter(host):
    """The waiter itself is killed: the next command rolls back, or a
    service that waits in its place."""
    host.run("apply", ONE)
    one = host.listing()
    for taker in (["recover"], ["confirm"], ["recover", "--wait"]):
        host.run("apply", "--confirm", "4s", TWO)
        assert host.kill_waiters(), "no waiter to kill"
        if taker != ["recover", "--wait"]:
            time.sleep(4.1)
        host.run(*taker, code={"confirm": 12, "recover": 0}[taker[0]]
                 if len(taker) == 1 else 12)
        expect(host, one, "before, after " + " ".join(taker))


NFT_CHAIN = """table inet host {
chain mine { tcp dport 80-9000 accept; }
chain in { type filter hook input priority 0; policy drop
ct state established,related,new jump mine
}
}
"""
LEGACY_CHAIN = """*filter
:INPUT DROP [0:0]
:mine - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,NEW -j mine
-A mine -p tcp -m tcp --dport 80:9000 -j ACCEPT
COMMIT
"""


def repeated(host):
    """Chains that repeat the host's own rules come back as well."""
    host.space.clear()
    if host.backend == "nftables":
        host.space.nft(NFT_CHAIN)
    else:
        for version in lab.VERSIONS:
            host.space.legacy(version, LEGACY_CHAIN)
    inherits = []
    for n, path in enumerate(history.PATHS):
        with open(path) as f:
            text = f.read().replace("accept: open", "accept: inherit")
        inherits.append(os.path.join(lab.WORK, "%s-inherit%d.yaml" % (
            host.backend, n)))
        with open(inherits[-1], "w") as f:
            f.write(text)
    host.run("apply", "--force", inherits[0])
    one = host.listing()
    assert ".1" in str(one), one
    said = host.run("apply", "--force", inherits[1])
    assert "by hand" not in said, said
    host.run("rollback")
    expect(host, one, "the first policy")


def no_room(host):
    """A full or read-only folder: code 74, and rules as they were."""
    host.run("apply", ONE)
    rules = host.listing()
    ways = itertools.product(
        ("ENOSPC", "EDQUOT", "EROFS", "EIO"),
        ("openat", "write", "fsync", "renameat", "unlinkat"), (1, 2, 3))
    for error, call, when in itertools.islice(ways, 0, None,
                                              1 if ALL else 2):
        how = ("-P", host.state) if call == "openat" else ()
        host.run("apply", TWO, code=None, prefix=[
            "strace", "-qq", "-o", "/dev/null", *how, "-e",
            "trace=" + call, "-e", "inject=%s:error=%s:when=%d" % (
                call, error, when)])
        if host.code == 0:
            host.run("rollback")
        else:
            assert host.code in (10, 66, 74), host.code
            expect(host, rules, "before, at %s of %s %d" % (
                error, call, when))
        assert "new" not in host.files()
        host.run("recover")
        expect(host, rules, "before, recovered")


def unreadable(host):
    """A rule that could not be read is not a hand-edited rule: nothing
    is replaced for it."""
    host.run("apply", ONE)
    rules = host.listing()
    for n in range(1, 200, 1 if ALL else 3):
        host.run("apply", "--detailed-exitcode", ONE, code=None, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e", "trace=getsockopt", "-e",
            "inject=getsockopt:error=EPERM:when=%d" % n])
        assert host.code != 2, "rules were replaced, call %d" % n
        expect(host, rules, "the policy")
        if host.code == 0 and n > 60:
            break


def play_all(backend):
    for check in (rollback, redo, keeps_some, private, damaged, interrupted,
                  confirm, no_waiter, repeated, no_room, unreadable):
        case(check.__name__, backend, check)


lab.require_ctpolicy()
tally.side_by_side(play_all, lab.BACKENDS)
tally.end()
