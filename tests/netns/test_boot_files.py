#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that would load connection tracking again: found, edited with
`existing_rules: replace`, and put back. Real files, below a layer over /etc
that goes with this test's mount namespace; names of modules are looked up
among those of the tests' virtual machine, since this kernel may have none."""
import glob
import json
import os
import random
import struct
import sys

import libraries
import tally
from boot_files import (
    CTPOLICY, FILES, LEGACY, MARK, OTHER, POLICY, apply, ctpolicy, edited,
    expect_same, lay_out, leftovers, must, policy, prepare, read, snapshot,
    write)

# --points N, --seed N: allocations that fail, of apply and of remove
POINTS = int(sys.argv[sys.argv.index("--points") + 1]) \
    if "--points" in sys.argv else 20
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) \
    if "--seed" in sys.argv else random.randrange(1 << 32)

# Each place that loads something must be named.
PLACES = (
    "/proc/cmdline:1:1: this line loads module nf_conntrack,",
    "/etc/modules:3:1: this line loads module nf_conntrack,",
    "/etc/modules:4:1: this line loads module xt-CT,",
    "/etc/modules-load.d/firewall.conf:2:1: ",
    "/etc/modules-load.d/last.conf:1:1: ",
    "/etc/modprobe.d/net.conf:2:1: ", "/etc/modprobe.d/net.conf:3:1: ",
    "/etc/modprobe.d/net.conf:5:1: ", "/etc/modprobe.d/net.conf:8:1: ",
    "/etc/sysconfig/iptables-config:2:1: ",
    "/etc/sysconfig/ip6tables-config:1:1: ",
    "/etc/iptables/rules.v4:5:1: ", "/etc/iptables/rules.v4:13:1: ",
    "/etc/iptables/rules.v4:14:1: ", "/etc/iptables/rules.v6:14:1: ",
    "/etc/iptables/rules.v6:17:1: ",
    "/etc/sysconfig/iptables:3:1: ", "/etc/nftables.conf:9:1: ",
    "/etc/nftables.conf:10:1: ", "/etc/sysconfig/nftables.conf:9:1: ",
    "/etc/nftables.d/10-ssh.nft:3:1: ",
    "/etc/nftables.d/20-raw.nft:4:1: ")
NOT = ("/etc/modules:2", "firewall.conf:3", "net.conf:1:", "net.conf:6",
       "net.conf:7", "net.conf:9", "net.conf:10", "net.conf:11",
       "modules-load.d/modules.conf", "nftables.conf:8")


def expect_places(said, where):
    for place in PLACES:
        assert place in said, "%s does not name %s:\n%s" % (where, place, said)
    for place in NOT:
        assert place not in said, "%s names %s:\n%s" % (where, place, said)


def reported(report):
    """Without `replace` files are named, and nothing is written."""
    before = snapshot()
    for words in (("diff", "--backend", "nftables", report), ("audit",),
                  ("apply", "--backend", "nftables", report)):
        found = json.loads(ctpolicy(*words, "--json", code=None))
        expect_places("\n".join(
            "%(file)s:%(line)s:%(column)s: %(message)s %(id)s" % d
            for d in found["diagnostics"]), words[0])
    assert "existing_rules: replace" in apply(report)
    ctpolicy("remove", code=None)
    expect_same(before, "report")


def removed(replace):
    before = edited(replace)
    ctpolicy("remove")
    expect_same(before, "remove")


def rolled_back(replace):
    before = edited(replace)
    there = snapshot()
    ctpolicy("rollback")
    expect_same(before, "rollback")
    ctpolicy("rollback", "--redo")
    assert snapshot() == there
    ctpolicy("remove")
    expect_same(before, "remove")
    ctpolicy("rollback")
    assert snapshot() == there
    ctpolicy("remove")
    expect_same(before, "the second remove")


def other_policy(replace, other):
    """More changes than the history keeps, then a policy without it."""
    before = edited(replace)
    for i in range(10):
        apply(policy("again.yaml", POLICY.replace("[80]", "[%d]" % (90 + i)) %
                     "replace"))
    apply(other)
    expect_same(before, "another policy")
    ctpolicy("remove", code=None)


def unconfirmed(replace):
    before = snapshot()
    apply(replace, "--confirm", "1h")
    assert MARK in read("/etc/modules")
    ctpolicy("rollback")
    expect_same(before, "a trial")


def changed_since(replace):
    before = edited(replace)
    write("/etc/modules", read("/etc/modules").replace(
        MARK + "xt-CT\n", "xt_CT\n") + "dummy\n", 0o640)
    write("/etc/iptables/rules.v4", read("/etc/iptables/rules.v4").replace(
        "# answers", "-A INPUT -s 192.0.2.7 -j DROP\n# answers"), 0o640)
    os.unlink("/etc/modules-load.d/last.conf")
    said = ctpolicy("remove")
    assert "/etc/modules:4" in said and "/etc/modules:3" not in said, said
    assert "/etc/modules-load.d/last.conf:1" in said, said
    assert read("/etc/modules") == \
        "# loaded at boot\nloop\n nf_conntrack  \nxt_CT\ndummy\n"
    assert read("/etc/iptables/rules.v4") == LEGACY.replace(
        "# answers", "-A INPUT -s 192.0.2.7 -j DROP\n# answers")
    assert read("/etc/.modules.ctpolicy-orig") == before["/etc/modules"][0]
    for path in leftovers():
        os.unlink(path)
    again = ctpolicy("remove", code=None)
    assert "/etc/modules" not in again, again
    lay_out()


def starved(replace):
    """An allocation fails, at random places: all or nothing, and no crash."""
    library = os.environ["TMPDIR"] + "/alloc_fault.so"
    count = os.environ["TMPDIR"] + "/allocations"
    must(os.environ.get("CC", "cc").split()[0], "-shared", "-fPIC", "-O1", "-o",
         library, os.environ.get("srcdir", ".") + "/tests/fault/alloc_fault.c",
         "-ldl")
    options = "verify_asan_link_order=0:detect_leaks=1:fast_unwind_on_malloc=0"
    # libkmod's modules and their context hold each other, and it forgets some
    # where an allocation of its own fails, as the dynamic loader does
    leaks = os.environ["TMPDIR"] + "/leaks"
    write(leaks, "leak:libkmod.so\nleak:dlopen\n")
    rng = random.Random(SEED)
    before = snapshot()
    for words in (("apply", "--backend", "nftables", replace), ("remove",)):
        def starve(n):
            return must("env", "LD_PRELOAD=" + library, "ASAN_OPTIONS=" +
                        options, "LSAN_OPTIONS=print_suppressions=0:"
                        "suppressions=" + leaks, "CTPOLICY_FAIL_ALLOC=%d" % n,
                        "CTPOLICY_COUNT_ALLOC=" + count, CTPOLICY, *words,
                        code=None)
        starve(0)
        total = int(read(count).split()[0])
        for n in sorted(rng.sample(range(1, total), POINTS)):
            lay_out()
            ctpolicy("remove", code=None)
            if words[0] == "remove":
                apply(replace)
            said = starve(n)
            for word in ("Sanitizer", "runtime error", "Segmentation"):
                assert word not in said, (words[0], n, said)
            ctpolicy("recover", code=None)
            ctpolicy("remove", code=None)
            expect_same(before, "%s without allocation %d" % (words[0], n))


def hidden(report):
    """A package's file is reported only; one in /etc hides it."""
    write("/usr/lib/modules-load.d/pkg.conf", "nf_conntrack\n")
    said = apply(report)
    assert "/usr/lib/modules-load.d/pkg.conf:1" in said, said
    assert "ln -s /dev/null /etc/modules-load.d/pkg.conf" in said, said
    os.symlink("/dev/null", "/etc/modules-load.d/pkg.conf")
    said = apply(report)
    assert "pkg.conf" not in said, said
    ctpolicy("remove", code=None)
    os.unlink("/etc/modules-load.d/pkg.conf")
    os.unlink("/usr/lib/modules-load.d/pkg.conf")


def damaged(replace):
    """Without what is on record nothing is put back, and that is said."""
    apply(replace)
    there = snapshot()
    note = glob.glob("/var/lib/ctpolicy/*/files")[0]
    write(note, read(note)[:-3], 0o600)
    said = ctpolicy("remove", code=None)
    assert "files is damaged" in said, said
    assert snapshot() == there
    for path in leftovers():
        os.unlink(path)
    os.unlink(note) if os.path.exists(note) else None
    lay_out()


VERDICTS = """flush ruleset
table inet raw {
	set banned { type ipv4_addr; elements = { 192.0.2.9 } }
	chain pre {
		type filter hook prerouting priority -300; policy accept;
		ip saddr @banned notrack drop
		udp dport 53 notrack accept
		udp dport 123 notrack
	}
}
"""


def verdicts_kept(replace):
    """NOTRACK goes where a rule says nothing else; bans stay bans."""
    was = read("/etc/nftables.conf")
    write("/etc/nftables.conf", VERDICTS)
    said = apply(replace)
    for line in (6, 7):
        assert "/etc/nftables.conf:%d" % line in said, said
    assert MARK not in read("/etc/nftables.conf").split("udp dport 123")[0]
    ctpolicy("remove", code=None)
    assert read("/etc/nftables.conf") == VERDICTS
    write("/etc/nftables.conf", was)


def fragment(report):
    """What stands within another file's chain is no ruleset by itself."""
    for path in FILES:
        os.unlink(path)
    write("/etc/nftables.conf", "table inet f {\n\tchain input {\n"
          '\t\tinclude "/etc/nftables.d/*.part"\n\t}\n}\n')
    write("/etc/nftables.d/a.part", "define x = 1\nct state new accept\n")
    write("/etc/nftables.d/b.part", "# nothing\ndefine y = 2\n")
    said = apply(report)
    assert "/etc/nftables.d/a.part: warning: " in said, said
    assert "b.part" not in said, said
    ctpolicy("remove", code=None)
    for name in ("a", "b"):
        os.unlink("/etc/nftables.d/%s.part" % name)


def closed(replace):
    """A folder's default ACL gives nobody what the file does not."""
    entries = ((1, 7, -1), (2, 6, 4711), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHi", *e) for e in entries)
    try:
        os.setxattr("/etc/iptables", "system.posix_acl_default", acl)
    except OSError as err:
        print("no default ACLs here: %s" % err)
        return
    before = snapshot()
    apply(replace)
    for path in glob.glob("/etc/iptables/*") + glob.glob("/etc/iptables/.*"):
        assert "system.posix_acl_access" not in os.listxattr(path), path
    ctpolicy("remove")
    expect_same(before, "remove")
    os.removexattr("/etc/iptables", "system.posix_acl_default")


# A sign of each program in the kernel, or a file, and its name then.
USERS = (
    ("nft add table ip nat; nft add chain ip nat DOCKER", None,
     "docker is on this host (chain DOCKER of table ip nat)"),
    (None, "/run/docker.sock", "docker is on this host (/run/docker.sock)"),
    (None, "/etc/systemd/system/multi-user.target.wants/docker.service",
     "docker is on this host (/etc/systemd/system/"),
    ("nft add table ip6 libvirt_network; nft add chain ip6 libvirt_network x",
     None, "libvirt is on this host"),
    ("iptables-legacy -N KUBE-SERVICES", None, "kube-proxy is on this host"),
    ("nft add table inet firewalld; nft add chain inet firewalld x", None,
     "firewalld is on this host"),
    ("ip6tables-legacy -N ufw6-before-input", None, "ufw is on this host"),
    (None, "/run/keepalived.pid", "IPVS is on this host"),
    (None, "/run/openvswitch/db.sock", "Open vSwitch is on this host"),
)


def users_named(report):
    for path in FILES:
        os.unlink(path)
    quiet = apply(report)
    assert "CT539" not in quiet, quiet
    for make, path, words in USERS:
        if make:
            must("sh", "-c", make)
        else:
            write(path, "")
        for verb in ("diff", "apply"):
            said = ctpolicy(verb, "--backend", "nftables", report, code=None)
            assert words in said and said.count("CT539") == 1, (words, said)
            assert "it loses" in said, said
        must("sh", "-c", "nft flush ruleset; iptables-legacy -F; "
             "iptables-legacy -X; ip6tables-legacy -F; ip6tables-legacy -X")
        if path:
            os.unlink(path)
    for text, names in (("ENABLED=no\n", 0), ("# x\nENABLED=yes\n", 1)):
        write("/etc/ufw/ufw.conf", text)
        said = apply(report)
        assert said.count("ufw is on this host") == names, said
    os.unlink("/etc/ufw/ufw.conf")


def without_libkmod(replace, other):
    """What looks at no module goes on; the rest says so and does nothing."""
    before = snapshot()
    with libraries.without("libkmod.so.2"):
        apply(other)
        for words in (("diff", replace), ("apply", replace), ("audit",)):
            said = ctpolicy(*words, code=69)
            assert "cannot load libkmod.so.2" in said, (words, said)
        ctpolicy("diff", "--backend", "nftables", other)
        ctpolicy("remove")
    expect_same(before, "all of it")
    apply(replace)


def main():
    prepare()
    lay_out()
    report = policy("report.yaml", POLICY % "report")
    replace = policy("replace.yaml", POLICY % "replace")
    other = policy("other.yaml", OTHER)
    for test, *args in (
            (reported, report), (removed, replace), (rolled_back, replace),
            (other_policy, replace, other), (unconfirmed, replace),
            (changed_since, replace), (verdicts_kept, replace),
            (fragment, report), (closed, replace), (starved, replace),
            (hidden, report), (users_named, report), (damaged, replace),
            (without_libkmod, replace, other)):
        lay_out()
        tally.case(test.__name__, test, *args)
        ctpolicy("remove", code=None)
    tally.end("--seed %d: " % SEED)


main()
