# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench-growth`: how what each command costs grows with n.

  growth.py [--backend NAME] [--commands A,B] [--most N] [SHAPE...]

Processor seconds, user and system, so that neighbours do not count. The
exponents are those of the last step, for ctpolicy's own share and the kernel's:
1 is linear, 2 is n squared, and n log n comes to about 1.1. Exits with 1 if any
is worse than WORST, but for what the kernel does to everybody (KERNELS).
"""
import argparse
import contextlib
import fnmatch
import math
import os
import re
import shutil
import subprocess
import sys

import growth_shapes
import lab

WORST = 1.3
SMALL = 0.1		# seconds; what is less is start-up and noise
PATIENCE = 300		# seconds of processor time for one command
LOADERS = {
    "nft": (("nft", "-f", "-"),),
    "legacy": (("iptables-legacy-restore",), ("ip6tables-legacy-restore",)),
    "nft-iptables": (("iptables-nft-restore",), ("ip6tables-nft-restore",)),
}
IPV4 = re.compile("-s [0-9.]+/32 ")	# which no rule of IPv6 may say
# which backend takes part in a world of rules; any other takes all
WORLDS = {"nft": "nftables", "nft-iptables": "nftables", "legacy": "iptables"}


@contextlib.contextmanager
def fresh(rules):
    """A network with these rules in it and nothing done in it before."""
    lab.run("ip", "netns", "add", "growth")
    try:
        lab.inside("growth", "ip", "link", "set", "lo", "up")
        for world, text in rules.items():
            for command in LOADERS[world]:
                if command[0].startswith("ip6"):
                    text = IPV4.sub("", text)
                lab.inside("growth", *command, text=text)
        yield "growth"
    finally:
        lab.run("ip", "netns", "del", "growth")


def cost(ns, words):
    """(exit code, (user seconds, system seconds), last words)"""
    said = os.path.join(lab.TMP, "said")
    with open(said, "wb") as err, open(os.devnull, "r+b") as null:
        p = subprocess.Popen(
            ["nsenter", "--net=/run/netns/" + ns, "prlimit",
             "--cpu=%d" % PATIENCE, lab.CTPOLICY] + words,
            stdin=null, stdout=null, stderr=err)
        _, status, use = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    with open(said, errors="replace") as f:
        return (p.returncode, (use.ru_utime, use.ru_stime),
                f.read()[-300:])


def commands(backend, policy, state):
    """(name, words, exit codes that are no failure), in their order"""
    at = ["--state-dir", state]
    on = ["--backend", backend] + at
    text = os.path.join(lab.TMP, "growth.rules")
    yield "check", ["check", policy], (0,)
    yield "render", ["render", policy, "--backend", backend], (0,)
    yield "against", ["diff", policy, "--against", text, "--backend",
                      backend], (0,)
    yield "diff", ["diff", policy] + on, (1,)
    yield "apply", ["apply", policy] + on, (0,)
    yield "again", ["apply", policy] + on, (0,)
    yield "status", ["status"] + on, (0,)
    yield "audit", ["audit"] + on, (0, 1)
    yield "explain", ["explain", growth_shapes.PACKET] + on, (0,)
    yield "remove", ["remove"] + on, (0,)
    yield "rollback", ["rollback"] + on, (0,)


def write_policy(policy):
    path = os.path.join(lab.TMP, "growth-policy")
    shutil.rmtree(path, ignore_errors=True)
    if isinstance(policy, str):
        return lab.write("growth.yaml", policy)
    os.mkdir(path)
    for name, text in policy.items():
        with open(os.path.join(path, name), "w") as f:
            f.write(text)
    return path


def measure(shape, n, backend, only):
    """{command: seconds} of one size; what failed is told and left out."""
    policy = write_policy(shape["policy"])
    state = os.path.join(lab.TMP, "growth-state")
    shutil.rmtree(state, ignore_errors=True)
    with open(os.path.join(lab.TMP, "growth.rules"), "w") as f:
        f.write(lab.render(policy, backend))
    got = {}
    rules = {w: t for w, t in shape.get("rules", {}).items()
             if WORLDS[w] == backend}
    with fresh(rules) as ns:
        for name, words, well in commands(backend, policy, state):
            if only and name not in only:
                continue
            code, seconds, said = cost(ns, words)
            got[name] = seconds
            if code not in well:
                got[name] = None
                print("  %s of %d: exit %d\n    %s" % (
                    name, n, code, said.replace("\n", "\n    ")))
    return got


def exponent(few, many, n, m):
    if few < SMALL / 4 or many < SMALL:
        return 0
    return math.log(many / few) / math.log(m / n)


def judge(name, sizes, cells):
    """(words for ctpolicy's share and the kernel's, the worst that counts)"""
    if len(cells) < 2 or None in cells[-2:]:
        return ["-", "-", ""], 0
    own, kernel = (exponent(cells[-2][i], cells[-1][i], *sizes[-2:])
                   for i in (0, 1))
    excused = growth_shapes.kernels(name) if kernel > WORST else ""
    worst = max(own, 0 if excused else kernel)
    return ["%.2f" % e if e else "-" for e in (own, kernel)] + [
        "worse than n log n" if worst > WORST else excused], worst


def bench(name, backend, options):
    """The worst exponent of one shape, and whether anything failed."""
    sizes, make = growth_shapes.SHAPES[name]
    sizes = [n for n in sizes if n <= options.most] or sizes[:1]
    if not applies(make(sizes[0]), backend):
        return None, False
    got = [measure(make(n), n, backend, options.commands) for n in sizes]
    rows, worst, failed = [], 0, False
    for command in got[0]:
        cells = [g[command] for g in got]
        failed = failed or None in cells
        words, e = judge(name, sizes, cells)
        worst = max(worst, e)
        rows.append([command] + ["-" if c is None else "%.2f" % sum(c)
                                 for c in cells] + words)
    lab.table("%s, %s: processor seconds" % (name, backend),
              ["command"] + ["%d" % n for n in sizes] + ["own", "kernel", ""],
              rows)
    return worst, failed


def applies(shape, backend):
    """Has the shape rules, if any, of this backend's world?"""
    rules = shape.get("rules")
    return not rules or any(WORLDS[w] == backend for w in rules)


def chosen(patterns):
    return [s for s in growth_shapes.SHAPES if not patterns or
            any(fnmatch.fnmatch(s, p) for p in patterns)]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--backend", action="append")
    a.add_argument("--commands", type=lambda s: s.split(","))
    a.add_argument("--most", type=int, default=10 ** 7)
    a.add_argument("shapes", nargs="*")
    options = a.parse_args()
    worst, failed = {}, []
    for name in chosen(options.shapes):
        for backend in options.backend or lab.BACKENDS:
            e, bad = bench(name, backend, options)
            if e is not None:
                worst[name, backend] = e
            if bad:
                failed.append("%s, %s" % (name, backend))
    over = {k: e for k, e in worst.items() if e > WORST}
    print("\n%d shapes, %d worse than n log n" % (len(worst), len(over)))
    for (name, backend), e in sorted(over.items(), key=lambda x: -x[1]):
        print("  %s, %s: %.2f" % (name, backend, e))
    for name in failed:
        print("  failed: " + name)
    sys.exit(1 if over or failed or not worst else 0)


main()
