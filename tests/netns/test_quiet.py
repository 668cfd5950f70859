#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A second apply writes nothing: not one call that could change the kernel.

System calls are counted with strace. Writing to nftables is a batch
(NFNL_MSG_BATCH_BEGIN) in a sendmsg; to legacy iptables a setsockopt with a
SET option; to ipset any message but the asking ones. Dry runs and refusals
are held to the same.
"""
import os, re, subprocess, sys

BIN = os.environ["CTPOLICY"]
BACKENDS = os.environ.get("CTPOLICY_BACKENDS", "nftables iptables").split()
TMP = os.environ.get("TMPDIR", "/tmp")
failed = 0
# IPT_SO_SET_REPLACE 64, IPT_SO_SET_ADD_COUNTERS 65 (linux/netfilter_ipv4/ip_tables.h)
WRITES = {
    "iptables replace": re.compile(r"setsockopt\(\d+, SOL_IPV?6?, (0x4[01]|64|65|IP6?T_SO_SET)"),
    "nft batch": re.compile(r"NFNL_MSG_BATCH_BEGIN"),
    "ipset write": re.compile(
        r"NFNL_SUBSYS_IPSET<<8\|(IPSET_CMD_(CREATE|DESTROY|FLUSH|RENAME|SWAP|ADD|DEL)|0x([2-6]|9|a))\b"),
    # locks are opened to be written, and need not be
    "file": re.compile(r"^(?!.*(/dev/null|xtables\.lock|\"lock\"|\"%s-\d+\"|= -1 ))"
                       r".*(openat|creat)\(.*O_(WRONLY|RDWR)" % "-".join(
                           "[0-9a-f]{%d}" % n for n in (8, 4, 4, 4, 12))),
    "lock file": re.compile(r"\b(pwrite(64)?|ftruncate)\("),
    "exec": re.compile(r"^(\d+ +)?execve\((?!.*ctpolicy)"),
}


def policy(n):
    ports = ", ".join(str(1000 + 2 * i) for i in range(n))
    path = os.path.join(TMP, "quiet-%d.yaml" % n)
    with open(path, "w") as f:
        f.write("version: 1\nstate_matching: allowed\nuntracked:\n"
                "  - {name: many, role: [server, client], protocol: [tcp, udp],"
                " ports: [%s], accept: open}\n" % ports)
    return path


def traced(*args):
    log = os.path.join(TMP, "trace")
    p = subprocess.run(["strace", "-f", "-s", "256", "-o", log, BIN, *args],
                       text=True, capture_output=True,
                       env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    with open(log, errors="replace") as f:
        lines = f.read().splitlines()
    found = {}
    for line in lines:
        for what, pattern in WRITES.items():
            if pattern.search(line):
                found.setdefault(what, []).append(line)
    return p.returncode, found, p.stderr


def expect(ok, what, detail=""):
    global failed
    print("%s - %s" % ("ok" if ok else "not ok", what))
    if not ok:
        failed += 1
        print(detail)


for backend in BACKENDS:
    for n in (3, 200):
        path = policy(n)
        rc, wrote, err = traced("apply", "--dry-run", "--backend", backend, path)
        expect(rc == 0 and not wrote, "%s, %d ports: a dry run writes nothing" % (backend, n),
               "%s %s %s" % (rc, wrote, err))
        rc, wrote, err = traced("apply", "--backend", backend, path)
        kinds = set(wrote) - {"exec", "file"}
        expect(rc == 0 and kinds and "exec" not in wrote,
               "%s, %d ports: the first apply is seen to write" % (backend, n),
               "%s %s %s" % (rc, {k: v[:3] for k, v in wrote.items()}, err))
        rc, wrote, err = traced("apply", "--backend", backend, path)
        expect(rc == 0 and not wrote, "%s, %d ports: the second writes nothing" % (backend, n),
               "%s %s %s" % (rc, {k: v[:3] for k, v in wrote.items()}, err))
        rc, wrote, err = traced("remove")
        expect(rc == 0 and wrote, "%s, %d ports: remove writes" % (backend, n), err)
        rc, wrote, err = traced("remove")
        expect(rc == 0 and not wrote, "%s, %d ports: a second remove does not" % (backend, n),
               "%s %s" % (wrote, err))
sys.exit(1 if failed else 0)
