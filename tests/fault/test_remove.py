#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ctpolicy's rules in nftables and in iptables at once are removed as one
change: one record, one verdict, and one undo for both."""
import shutil
import subprocess

import history
import lab
import tally


def case(test):
    tally.case(test.__name__, test, history.Host("nftables"))


def remove(host, *more, code=0, prefix=()):
    """From every backend."""
    command = [lab.CTPOLICY, "remove", "--state-dir", host.state, *more]
    process = host.space.popen(
        list(prefix) + command, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.communicate()[0]
    if code is not None:
        assert process.returncode == code, "exit %d, not %d\n%s" % (
            process.returncode, code, said)
    host.code = process.returncode
    return said


def inject(call, fault, nth):
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
            "-e", "inject=%s:%s:when=%d" % (call, fault, nth)]


def fill(host):
    """The same policy in both; returns the listings without and with it."""
    other = history.Host("iptables")
    other.run("apply", history.PATHS[0])
    sets = other.space.run("ipset save")
    tables = {version: other.space.run(
        "ip%stables-legacy-save" % ("6" if version == 6 else ""))
        for version in lab.VERSIONS}
    host.run("apply", history.PATHS[0])
    host.run("remove")
    host.space.run(["ipset", "restore"], sets)
    for version in lab.VERSIONS:
        host.space.legacy(version, tables[version])
    remove(host)
    none = host.listing()
    host.run("rollback")
    host.run("rollback")
    return none, host.listing()


def one_change(host):
    none, both = fill(host)
    assert any("table inet ctpolicy" in line for line in both)
    assert any("CTPOLICY-" in line for line in both)
    records = set(host.files())
    said = remove(host, "--json")
    assert '"result": "changed"' in said, said
    assert host.listing() == none, "something is left"
    assert len(set(host.files()) - records) == 1, host.files()
    assert "no ctpolicy rules" in remove(host, "--detailed-exitcode")
    host.run("rollback")
    assert host.listing() == both, "not both are back"
    host.run("rollback", "--redo")
    assert host.listing() == none, "not both are gone again"


def refused(host):
    """Whichever write one kernel refuses, both are as they were."""
    _, both = fill(host)
    for call in "setsockopt", "sendmsg":
        tried = 0
        for nth in range(1, 60):
            said = remove(host, code=None,
                          prefix=inject(call, "error=EIO", nth))
            if host.code == 0:
                host.run("rollback")
            else:
                tried += 1
                assert host.code in (10, 74), "%s %d: exit %d\n%s" % (
                    call, nth, host.code, said)
            assert host.listing() == both, "%s %d: half\n%s" % (
                call, nth, said)
            if tried and host.code == 0 and nth > 12:
                break
        assert tried > 1, "%s is never refused" % call


def killed(host):
    """Old or new in both, after recover, wherever it was killed."""
    none, both = fill(host)
    for call in "setsockopt", "sendmsg":
        for nth in range(1, 60):
            remove(host, code=None, prefix=inject(call, "signal=KILL", nth))
            if host.code == 0:
                host.run("rollback")
                break
            host.run("recover")
            now = host.listing()
            assert now in (none, both), "%s %d: half" % (call, nth)
            if now == none:
                host.run("rollback")
            assert host.listing() == both


def other_tables(host):
    """Tables of iptables-nft are left alone."""
    if not shutil.which("iptables-nft"):
        return
    host.space.clear()
    host.space.run("iptables-nft -A INPUT -p tcp --dport 4000 -j ACCEPT")
    before = host.listing()
    said = remove(host)
    assert "no ctpolicy rules" in said.splitlines()[-1], said
    host.run("apply", history.PATHS[0])
    said = remove(host)
    assert "removed all" in said.splitlines()[-1], said
    assert host.listing() == before


lab.require_ctpolicy()
if len(lab.BACKENDS) < 2:
    lab.skip("one backend alone is built in")
if not shutil.which("strace"):
    lab.skip("no strace here")
for one in (one_change, other_tables, refused, killed):
    case(one)
tally.end()
