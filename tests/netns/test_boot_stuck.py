#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that would load connection tracking again, and cannot be edited or put
back, at once or half way: all or nothing, or, on a way back, said."""
import os
import re

import tally
from boot_files import (
    CTPOLICY, MARK, POLICY, apply, ctpolicy, edited, expect_same, lay_out,
    must, policy, prepare, read, snapshot, state_of)


def not_editable(replace):
    """A file with two names, or of another's, is reported; the rest is done."""
    os.link("/etc/sysconfig/iptables-config", "/etc/sysconfig/twin")
    os.chown("/etc/iptables/rules.v6", 4711, 0)
    mounted = "/etc/sysconfig/ip6tables-config"
    must("mount", "--bind", mounted, mounted)
    fixed = "/etc/modules-load.d/firewall.conf"
    must("chattr", "+i", fixed)
    before = snapshot()
    said = apply(replace)
    for path, why in (("/etc/sysconfig/iptables-config", "several names"),
                      ("/etc/iptables/rules.v6", "owner"),
                      (mounted, "something is mounted on it"),
                      (fixed, "chattr")):
        assert re.search("%s: warning: this file cannot be edited: .*%s" % (
            path, why), said), said
        assert state_of(path) == before[path]
    assert MARK in read("/etc/modules")
    ctpolicy("remove")
    expect_same(before, "remove")
    os.unlink("/etc/sysconfig/twin")
    os.chown("/etc/iptables/rules.v6", 0, 0)
    must("umount", mounted)
    must("chattr", "-i", fixed)


def failing(replace):
    """Each rename fails once: all or nothing, or, of a removal, said."""
    before = snapshot()
    refused = 0
    for when in (2, 4, 6, 9, 12, 16):
        fault = ["env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-qq",
                 "-o", "/dev/null", "-e", "trace=renameat", "-e",
                 "inject=renameat:error=EIO:when=%d" % when, CTPOLICY]
        must(*fault, "apply", "--backend", "nftables", replace, code=None)
        if MARK not in read("/etc/modules"):
            refused += 1
            expect_same(before, "the refusal at rename %d" % when)
            assert "no unfinished change" in ctpolicy("recover")
            apply(replace)
        said = must(*fault, "remove", code=None)
        if snapshot() != before:
            assert "CT529" in said or "CT543" in said, said
            ctpolicy("remove", code=None)
        expect_same(before, "remove after a failure at rename %d" % when)
    assert refused >= 3, refused


def not_restorable(replace):
    """Rules go even where a file cannot be put back; it is next time."""
    before = edited(replace)
    os.link("/etc/modules", "/etc/twin")
    said = ctpolicy("remove")
    assert "/etc/modules: warning: lines of this file cannot be put back" \
        in said, said
    assert read("/etc/modules-load.d/last.conf") == "nf_conntrack_ftp"
    assert MARK in read("/etc/modules")
    os.unlink("/etc/twin")
    ctpolicy("remove")
    expect_same(before, "the next remove")


def has_rules():
    return "ctpolicy" in must("nft", "list", "ruleset")


def replaced_rules():
    """Rules of the host's that are replaced: there are rules of ours."""
    must("nft", "add table inet h; add chain inet h in "
         "{ type filter hook input priority 0; policy drop; }; "
         "add rule inet h in ct state established,related accept; "
         "add rule inet h in tcp dport 80 ct state new accept")


def read_only(replace):
    """A removal is undone, and a change, where /etc cannot be written: the
    rules are as they were, and what the files are not is said."""
    replaced_rules()
    before = edited(replace)
    assert has_rules()
    ctpolicy("remove")
    must("mount", "-o", "remount,ro", "/etc")
    said = ctpolicy("rollback")
    assert "/etc/modules: warning: this file cannot be edited: Read-only" \
        in said, said
    assert has_rules()
    expect_same(before, "rollback on a read-only disk")
    assert "no unfinished change" in ctpolicy("recover")
    ctpolicy("remove")
    assert not has_rules()
    must("mount", "-o", "remount,rw", "/etc")
    edited(replace)
    must("mount", "-o", "remount,ro", "/etc")
    there = snapshot()
    said = ctpolicy("rollback")
    assert "/etc/modules: warning: lines of this file cannot be put back" \
        in said, said
    assert not has_rules()
    assert snapshot() == there
    must("mount", "-o", "remount,rw", "/etc")
    ctpolicy("remove")
    expect_same(before, "remove once it can be written")
    must("nft", "flush ruleset")


def undo_stuck(replace):
    """A change fails when it has written files, and none can be any more."""
    replaced_rules()
    before = snapshot()
    for words in (("apply", "--backend", "nftables", replace), ("remove",)):
        if words[0] == "remove":
            apply(replace)
        there = has_rules()
        said = must("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f",
                    "-qq", "-o", "/dev/null", "-e", "trace=renameat", "-e",
                    "inject=renameat:error=EIO:when=8+", CTPOLICY, *words,
                    code=None)
        assert there == has_rules() == (words[0] == "remove")
        assert "could not restore" not in said, said
        assert "warning: lines of this file cannot" in said, said
        assert "previous rules are in force" in said, said
        ctpolicy("remove", code=None)
        expect_same(before, "remove after a stuck undo")
    must("nft", "flush ruleset")


def renames(*words):
    """The names that come with each, in order."""
    log = os.environ["TMPDIR"] + "/renames"
    must("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-qq", "-o",
         log, "-e", "trace=renameat", CTPOLICY, *words)
    return read(log).splitlines()


def at_boot(replace):
    """The service's apply does the rest, and says which file it is."""
    replaced_rules()
    words = ("apply", "--fallback", "--backend", "nftables", replace)
    # another's lines, come when the file was read
    theirs = 'sed -i "1i # mine" /etc/modules'
    at = 1 + ["modules.ctpolicy" in x or '"modules"' in x
              for x in renames(*words)].index(True)
    ctpolicy("remove")
    before = snapshot()
    must("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-qq", "-o",
         "/dev/null", "-e", "trace=renameat", "-e",
         "inject=renameat:error=EIO:when=%d" % at, CTPOLICY, "apply",
         "--backend", "nftables", replace, code=10)
    assert not has_rules()
    expect_same(before, "an apply that is refused")
    said = must("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-qq",
                "-o", "/dev/null", "-e", "trace=renameat", "-e",
                "inject=renameat:error=EIO:when=%d" % at, CTPOLICY, *words)
    assert "/etc/modules: warning: this file cannot be edited: Input" in said
    assert "error: " not in said, said
    assert "could not be made: see above" in said, said
    assert has_rules()
    assert state_of("/etc/modules") == before["/etc/modules"]
    assert MARK in read("/etc/modules-load.d/last.conf")
    must("sh", "-c", theirs)
    ctpolicy(*words)
    assert "# mine" in read("/etc/modules")
    assert MARK in read("/etc/modules")
    ctpolicy("remove")
    must("nft", "flush ruleset")


def killed(replace):
    """At each rename: recover leads back, and the next apply goes through."""
    before = snapshot()
    for when in (1, 2, 3, 4, 7, 12):
        for words in (("apply", "--backend", "nftables", replace),
                      ("remove",)):
            if words[0] == "remove":
                apply(replace)
                there = snapshot()
            must("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-qq",
                 "-o", "/dev/null", "-e", "trace=renameat", "-e",
                 "inject=renameat:signal=KILL:when=%d" % when, CTPOLICY,
                 *words, code=None)
            ctpolicy("recover", code=None)
            now = snapshot()
            assert now == before or (words[0] == "remove" and now == there), \
                "%s, killed at rename %d: %s" % (words[0], when, now)
            ctpolicy("remove", code=None)
            expect_same(before, "recover after %s, rename %d" % (
                words[0], when))


def main():
    prepare()
    replace = policy("replace.yaml", POLICY % "replace")
    for test in (not_editable, failing, not_restorable, read_only, undo_stuck,
                 at_boot, killed):
        lay_out()
        tally.case(test.__name__, test, replace)
        ctpolicy("remove", code=None)
    tally.end()


main()
