#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A change on trial never stays unconfirmed, whatever happens while
it waits; and a confirmation keeps what is in force, and nothing else.

  test_trial.py [CASE...]
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import history
import lab
import tally

ONE, TWO = history.PATHS
PATIENCE = 60		# seconds, on a machine with other work


def case(test, backend):
    host = history.Host(backend)

    def play():
        host.run("apply", ONE)
        test(host, host.listing())

    tally.some("%s, %s" % (test.__name__, backend), play)


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(.05)


def goes_back(host, before):
    wait_for(lambda: "pending" not in host.files(), "it still waits")
    assert host.listing() == before, "not the previous rules"
    wait_for(lambda: not host.processes(), "a waiter is left")


def failing_look(host, before):
    """One call of the waiter fails, as when memory or files run out."""
    for call, error in (("openat", "ENFILE"), ("openat", "ENOMEM"),
                        ("read", "EIO"), ("socket", "ENFILE"),
                        ("flock", "ENOLCK")):
        host.run("apply", "--confirm", "2s", TWO)
        pid = host.processes()[0]
        tracer = subprocess.Popen(
            ["strace", "-qq", "-o", "/dev/null", "-p", str(pid), "-e",
             "trace=" + call, "-e", "inject=%s:error=%s:when=1" % (
                 call, error)])
        goes_back(host, before)
        tracer.wait()


def slow_change(host, before):
    """The command is stopped for longer than the time it gave."""
    call = {"nftables": "sendmsg", "iptables": "setsockopt"}[host.backend]
    process = host.space.popen(
        ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
         "inject=%s:delay_enter=2500000:when=1" % call] +
        host.command("apply", "--confirm", "1s", TWO),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: "pending" in host.files(), "it does not begin")
    assert process.wait() == 0
    goes_back(host, before)


def told_to_end(host, before):
    """SIGTERM ends the trial, unless another process waits as well."""
    host.run("apply", "--confirm", "1h", TWO)
    pid = host.processes()[0]
    second = host.space.popen(host.command("recover", "--wait"))
    wait_for(lambda: "watch" in host.files() and second.pid in host.processes(),
             "no second waiter")
    time.sleep(1)
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: pid not in host.processes(), "it does not end")
    assert "pending" in host.files(), "the trial has ended"
    second.send_signal(signal.SIGTERM)
    assert second.wait() == 12
    goes_back(host, before)
    assert "CT551" in host.run("confirm", code=12)


def small_waiter(host, before):
    """It holds neither the policy nor more powers than it needs."""
    host.run("apply", "--confirm", "1h", TWO)
    with open("/proc/%d/status" % host.processes()[0]) as status:
        text = status.read()
    if "-fsanitize" not in os.environ.get("CFLAGS", "") and \
            not re.search(r"asan", lab.CTPOLICY):
        size = int(re.search(r"VmRSS:\s+(\d+)", text)[1])
        assert size < 40000, "%d kB" % size
    caps = int(re.search(r"CapEff:\s+(\w+)", text)[1], 16)
    assert caps == 1 << 12 | 1 << 13, hex(caps)
    host.run("rollback")
    goes_back(host, before)


def damaged_note(host, before):
    """If the note cannot be read, the change is still rolled back."""
    host.run("apply", "--confirm", "1h", TWO)
    path = os.path.join(state_folder(host), "pending")
    with open(path, "rb+") as note:
        note.truncate(os.path.getsize(path) - 1)
    goes_back(host, before)
    assert "CT551" in host.run("confirm", code=12)


def holds_note(host):
    """Has the waiter the note open that is there now?"""
    note = os.path.join(state_folder(host), "pending")
    top = "/proc/%d/fd" % host.processes()[0]
    for fd in os.listdir(top):
        try:
            if os.readlink(os.path.join(top, fd)) == note:
                return True
        except OSError:
            pass
    return False


def deleted(host, before):
    """Deleting files of a trial does not confirm it."""
    for victim in ("folder", "pending", "record", "both"):
        host.run("apply", "--confirm", "4s", TWO)
        assert holds_note(host), "%s: the note is not held" % victim
        folder = state_folder(host)
        newest = str(max(int(f) for f in host.files() if f.isdigit()))
        names = {"folder": [], "pending": ["pending"],
                 "record": [newest], "both": ["pending", newest]}[victim]
        for name in names:
            os.unlink(os.path.join(folder, name))
        if victim == "folder":
            # the waiter may put files back while this goes on
            shutil.rmtree(host.state, ignore_errors=True)
        wait_for(lambda: os.path.isdir(host.state) and
                 {"pending", newest} <= set(host.files()),
                 "%s: not put back" % victim)
        goes_back(host, before)
        assert "CT551" in host.run("confirm", code=12), victim
    host.run("apply", "--confirm", "1h", TWO)
    assert holds_note(host), "the note is not held"
    shutil.rmtree(host.state, ignore_errors=True)
    wait_for(lambda: "pending" in host.files(), "not put back")
    host.run("rollback")
    goes_back(host, before)


def deleted_above(host, before):
    """The folders above the state folder go with it."""
    top = host.state + "-above"
    host.state = os.path.join(top, "a", "state")
    os.makedirs(os.path.dirname(host.state))
    host.run("apply", "--confirm", "4s", TWO)
    assert holds_note(host), "the note is not held"
    shutil.rmtree(top, ignore_errors=True)
    wait_for(lambda: "pending" in host.files(), "not put back")
    goes_back(host, before)
    assert "CT551" in host.run("confirm", code=12)


def damaged_in_place(host, before):
    """A damaged note ends the trial; a damaged record is put back."""
    host.run("apply", "--confirm", "1h", TWO)
    damage(os.path.join(state_folder(host), "pending"))
    goes_back(host, before)
    assert "CT551" in host.run("confirm", code=12)
    for how in damage, empty:
        host.run("apply", "--confirm", "4s", TWO)
        assert holds_note(host), "the note is not held"
        newest = max(int(f) for f in host.files() if f.isdigit())
        path = os.path.join(state_folder(host), str(newest))
        whole = read(path)
        how(path)
        wait_for(lambda: read(path) == whole and "pending" in host.files(),
                 "it stays damaged")
        goes_back(host, before)
        assert "CT551" in host.run("confirm", code=12)


def damage(path):
    with open(path, "rb+") as file:
        file.seek(os.path.getsize(path) // 2)
        file.write(b"\0")


def empty(path):
    os.truncate(path, 0)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def at_once(host, before):
    """The word comes before the waiter has looked a second time."""
    for _ in range(3):
        host.run("apply", "--confirm", "2s", TWO)
        host.run("rollback")
        goes_back(host, before)
    host.run("apply", "--confirm", "1h", TWO)
    new = host.listing()
    host.run("confirm")
    wait_for(lambda: not host.processes(), "a waiter is left")
    assert host.listing() == new, "a confirmed change went"


def state_folder(host):
    return next(top for top, _, names in os.walk(host.state)
                if "lock" in names)


def disk(host, before):
    """It fills up, or turns read-only, while a change is on trial."""
    host.state += "-disk"
    os.mkdir(host.state, 0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k,mode=700", "t",
                       host.state], check=False).returncode:
        return
    try:
        host.run("apply", "--confirm", "5s", TWO)
        with open(os.path.join(host.state, "full"), "wb", buffering=0) as out:
            try:
                while True:
                    out.write(b"x" * 4096)
            except OSError:
                pass
        goes_back(host, before)
        os.unlink(os.path.join(host.state, "full"))
        host.run("apply", "--confirm", "4s", TWO)
        # until the waiter has let go of what was replaced
        wait_for(lambda: not subprocess.run(
            ["mount", "-o", "remount,bind,ro", host.state], check=False,
            stderr=subprocess.DEVNULL).returncode, "busy")
        wait_for(lambda: host.listing() == before, "read-only: it stays")
        wait_for(lambda: not host.processes(), "read-only: a waiter is left")
        assert "CT551" in host.run("confirm", code=12)
        assert "no change" in host.run("confirm")
        assert "CT556" in host.run("remove")
        assert "ctpolicy" not in str(host.listing()).lower()
        subprocess.run(["mount", "-o", "remount,bind,rw", host.state], check=True)
        host.run("apply", TWO)
        assert "pending" not in host.files()
    finally:
        subprocess.run(["umount", "-l", host.state], check=False)


def cut_removal(host, before):
    """A removal ends a trial, though it dies before it can say so."""
    host.run("apply", "--confirm", "5s", TWO)
    for n in range(1, 9):
        log = os.path.join(lab.WORK, "unlinks-" + host.backend)
        host.run("remove", code=None, prefix=[
            "strace", "-qq", "-o", log, "-e", "trace=unlinkat", "-e",
            "inject=unlinkat:signal=KILL:when=%d" % n])
        with open(log) as calls:
            if '"pending"' in calls.read().splitlines()[-1]:
                break
        if "pending" not in host.files():
            return
    none = host.listing()
    assert none != before
    wait_for(lambda: "pending" not in host.files(), "it still waits")
    assert host.listing() == none
    assert "no change" in host.run("confirm")


def in_force(host, before):
    """Rules edited by hand meanwhile are not confirmed without --force."""
    host.run("apply", "--confirm", "1h", TWO)
    said = host.run("apply", ONE, code=75)
    assert re.search(r"change \d+ is still on trial for 3[56]\d\d s",
                     said), said
    host.space.run({
        "nftables": "nft flush chain inet ctpolicy prerouting",
        "iptables": "iptables-legacy -t raw -F CTPOLICY-PREROUTING",
    }[host.backend])
    assert "CT557" in host.run("confirm", code=13)
    assert "pending" in host.files()
    host.run("confirm", "--force")
    assert "pending" not in host.files()
    assert "no change" in host.run("confirm")
    # a ban that comes in ahead of ctpolicy's jump is the host's own affair
    host.run("apply", "--confirm", "1h", ONE)
    host.space.run({
        "nftables": "nft insert rule inet host in ip saddr 192.0.2.66 drop",
        "iptables": "iptables-legacy -I INPUT -s 192.0.2.66 -j DROP",
    }[host.backend])
    assert "is confirmed" in host.run("confirm")
    host.space.run({
        "nftables": "nft delete rule inet host in handle $(nft -a list chain "
                    "inet host in | sed -n 's/.*2.66 drop # handle //p')",
        "iptables": "iptables-legacy -D INPUT -s 192.0.2.66 -j DROP",
    }[host.backend])
    del before


def once(host, before):
    """An expired trial is told once, by whichever command comes next."""
    for verb, code in (("confirm", 12), ("apply", 0), ("rollback", 0)):
        host.run("apply", "--confirm", "1s", TWO)
        goes_back(host, before)
        more = [ONE] if verb == "apply" else []
        said = host.run(verb, *more, code=code)
        assert said.count("CT551") == 1, said
        assert host.listing() == before, "%s: not the previous rules" % verb
        assert "CT551" not in host.run("apply", ONE)
        assert "no change" in host.run("confirm")
    host.run("rollback")
    assert host.listing() != before


def rolled_back_in_time(host, before):
    """Who rolled a trial back himself is not told that its time ran out, and
    may go back one more. Another, who comes to confirm it, is told."""
    for verb, code in (("apply", 0), ("confirm", 12), ("rollback", 0)):
        host.run("apply", "--confirm", "1h", TWO)
        said = host.run("rollback")
        assert "rolled back change" in said and "CT551" not in said, said
        assert host.listing() == before
        more = [ONE] if verb == "apply" else []
        said = host.run(verb, *more, code=code)
        assert ("CT551" in said) == (verb == "confirm"), said
        assert "in time" not in said, said
    assert host.listing() != before


def seen(host, before):
    """Commands that change nothing warn of a trial or an unfinished change."""
    def said(text):
        looks = [host.run("diff", ONE, code=None),
                 host.run("apply", "--dry-run", ONE),
                 host.run("remove", "--dry-run")]
        for out in looks:
            assert len(re.findall(text, out)) == 1, (text, out)
            assert "error:" not in out, (text, out)

    said(r"\A(?!.*CT5[45]\d)(?s:.)")
    host.run("apply", "--confirm", "1h", TWO)
    said(r"warning: change \d+ is still on trial for 3[56]\d\d s")
    host.run("confirm")
    host.run("apply", "--confirm", "4s", ONE)
    end = time.monotonic() + 4
    for pid in host.processes():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not host.processes(), "it does not end")
    time.sleep(max(0, end - time.monotonic()))
    said(r"warning: change \d+ was not confirmed in time and is not rolled")
    host.run("recover")
    call = {"nftables": "sendmsg", "iptables": "setsockopt"}[host.backend]
    for n in range(1, 20):
        host.run("apply", ONE, code=None, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
            "inject=%s:signal=KILL:when=%d" % (call, n)])
        if "journal" in host.files():
            break
        host.run("apply", TWO)
    said(r"warning: change \d+ \(apply\) is unfinished")
    host.run("recover")
    host.run("apply", ONE)
    assert host.listing() == before


def numbers(host, _):
    """No number is given to a second change."""
    given = []
    for verb in ("apply", "rollback", "remove", "apply", "rollback", "apply"):
        host.run(verb, *([TWO] if verb == "apply" else []))
        given += [int(f) for f in host.files() if f.isdigit()]
    newest = max(given)
    host.run("rollback")
    host.run("apply", TWO)
    assert max(int(f) for f in host.files() if f.isdigit()) > newest


def two_folders(host, before):
    """Rules have one past, in one folder at a time."""
    host.run("apply", "--confirm", "10s", TWO)
    other = history.Peer(host)
    other.state += "-other"
    for verb in ("apply", "remove", "rollback"):
        said = other.run(verb, *([ONE] if verb == "apply" else []), code=75)
        assert "CT553" in said and host.state in said, said
    goes_back(host, before)
    other.run("apply", TWO)


def others_folders(host, _):
    """Only what ctpolicy made is cleared away, and only from safe places."""
    old = "3f2504e0-4f89-11d3-9a0c-0305e82c3301-17"
    for name, files in ((old, ("lock", "1", "note")),
                        (old[:-3], ("lock",)), (old + "-backup", ("lock",)),
                        (old[:-1] + "8", ("1",)), (old[:-1] + "9", ("lock",
                                                                   "journal"))):
        os.mkdir(os.path.join(host.state, name))
        for file in files:
            with open(os.path.join(host.state, name, file), "w"):
                pass
    host.run("apply", TWO)
    left = {name: sorted(os.listdir(os.path.join(host.state, name)))
            for name in os.listdir(host.state) if name.startswith(old[:-3])}
    assert left == {old: ["note"], old[:-3]: ["lock"],
                    old + "-backup": ["lock"], old[:-1] + "8": ["1"]}, left
    link = host.state + "-link"
    os.symlink(host.state, link)
    true, host.state = host.state, link
    assert "CT541" in host.run("apply", ONE, code=74)
    shared = os.path.join(lab.WORK, "shared-%s" % host.backend)
    os.mkdir(shared)
    os.chmod(shared, 0o777)
    host.state = os.path.join(shared, "state")
    assert "CT541" in host.run("apply", ONE, code=74)
    os.chmod(shared, 0o1777)
    host.run("apply", ONE)
    host.state = true


CASES = (failing_look, slow_change, told_to_end, small_waiter, damaged_note,
         deleted, deleted_above, damaged_in_place, at_once, disk, cut_removal,
         in_force, once, rolled_back_in_time, seen, numbers, two_folders,
         others_folders)


def play_all(backend):
    for test in CASES:
        if not sys.argv[1:] or test.__name__ in sys.argv[1:]:
            case(test, backend)


lab.require_ctpolicy()
tally.side_by_side(play_all, lab.BACKENDS)
tally.end()
