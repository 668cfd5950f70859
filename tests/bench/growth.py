# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench-growth`: how what each command costs grows with n.

  growth.py [--backend NAME] [--commands A,B] [--most N] [--instructions]
            [SHAPE...]

Processor seconds, user and system, so that neighbours count less. The
exponents are those of the last step, for ctpolicy's own share and the kernel's:
1 is linear, 2 is n squared, and n log n comes to about 1.1. Where its own looks
worse, valgrind counts the instructions of smaller sizes, and their exponent
stands: ten times the memory is slower to read for everybody. Exits with 1 if
any is worse than WORST, but for what the kernel does to everybody (KERNELS).
With --instructions everything is counted and nothing is timed.
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
PROGRAM = lab.stripped()	# to count its instructions
LOOKS = 3
CHANGES = "apply", "remove"	# without which others have nothing to do
MILLION = 1e6		# instructions: what is less is noise as well
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


def count(ns, words):
    """(exit code, instructions in user space, last words)"""
    return lab.count([PROGRAM] + words, ["nsenter", "--net=/run/netns/" + ns])


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


def measure(shape, n, backend, only, takes):
    """{command: what it takes} of one size; what failed is told and None."""
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
            wanted = not only or name in only
            if not wanted and name not in CHANGES:
                continue
            code, took, said = (takes if wanted else cost)(ns, words)
            if wanted:
                got[name] = took if code in well else None
            if code not in well:
                print("  %s of %d: exit %d\n    %s" % (
                    name, n, code, said.replace("\n", "\n    ")))
    return got


def exponent(few, many, n, m):
    if few < SMALL / 4 or many < SMALL:
        return 0
    return math.log(many / few) / math.log(m / n)


def counted_size(name):
    """Valgrind takes forty times as long; squares show from 1,000 on."""
    sizes, _ = growth_shapes.SHAPES[name]
    return sizes[0] if sizes[0] >= 1000 else sizes[1]


def growth(least, less, more):
    """The exponent of what each doubling added: what a start takes is in all
    of them, and cancels out."""
    one, two = less - least, more - less
    return math.log2(two / one) if one > 0 and two > MILLION else 0


def count_shape(name, backend, only):
    """{command: (instructions, exponent)}, the exponent None if one failed.
    A step, at which another way is taken, shows in one doubling only: a second
    one is looked at if need be."""
    n, make = counted_size(name), growth_shapes.SHAPES[name][1]

    def sizes(*of, only=only):
        return [measure(make(k), k, backend, only, count) for k in of]
    got, counts = sizes(n // 4, n // 2, n), {}
    for command in got[0]:
        took = [g[command] for g in got]
        counts[command] = took[-1], None if None in took else growth(*took)
    steep = [c for c, (_, e) in counts.items() if e and e > WORST]
    for command, took in sizes(2 * n, only=steep)[0].items() if steep else ():
        if took:
            before = [g[command] for g in got[1:]]
            counts[command] = took, min(counts[command][1],
                                        growth(*before, took))
    return counts


def exponents(sizes, cells):
    """ctpolicy's share and the kernel's, of the last step."""
    return [exponent(cells[-2][i], cells[-1][i], *sizes[-2:]) for i in (0, 1)]


def look_again(sizes, got, measured):
    """Neighbours cost time as well: what looks worse is taken again, and the
    least counts."""
    for _ in range(LOOKS - 1):
        steep = [c for c in got[0] if len(sizes) > 1 and
                 None not in [g[c] for g in got] and
                 max(exponents(sizes, [g[c] for g in got])) > WORST]
        if not steep:
            return
        for at in -2, -1:
            more = measured(sizes[at], steep)
            for c in steep:
                got[at][c] = more[c] and tuple(map(min, got[at][c], more[c]))


def judge(name, backend, command, sizes, cells):
    """(words for ctpolicy's share and the kernel's, the worst that counts)"""
    if len(cells) < 2 or None in cells[-2:]:
        return ["-", "-", ""], 0
    own, kernel = exponents(sizes, cells)
    words = ["%.2f" % e if e else "-" for e in (own, kernel)]
    excused = growth_shapes.kernels(name) if kernel > WORST else ""
    if own > WORST:
        counted = count_shape(name, backend, [command])[command][1]
        if counted is not None:
            own, excused = counted, "%.2f in instructions" % counted
    worst = max(own, 0 if growth_shapes.kernels(name) else kernel)
    return words + ["worse than n log n" if worst > WORST else excused], worst


def bench(name, backend, options):
    """The worst exponent of one shape, and whether anything failed."""
    sizes, make = growth_shapes.SHAPES[name]
    sizes = [n for n in sizes if n <= options.most] or sizes[:1]

    def measured(n, only):
        return measure(make(n), n, backend, only, cost)
    got = [measured(n, options.commands) for n in sizes]
    look_again(sizes, got, measured)
    rows, worst = [], 0
    for command in got[0]:
        cells = [g[command] for g in got]
        words, e = judge(name, backend, command, sizes, cells)
        worst = max(worst, e)
        rows.append([command] + ["-" if c is None else "%.2f" % sum(c)
                                 for c in cells] + words)
    lab.table("%s, %s: processor seconds" % (name, backend),
              ["command"] + ["%d" % n for n in sizes] + ["own", "kernel", ""],
              rows)
    return worst, any(None in g.values() for g in got)


def bench_counts(name, backend, options):
    """The same of instructions."""
    counts = count_shape(name, backend, options.commands)
    lab.table("%s, %s: millions of instructions" % (name, backend),
              ["command", "of %d" % counted_size(name), "exponent", ""],
              [[command, "%.1f" % (took / MILLION) if took else "-",
                "%.2f" % e if e else "-",
                "worse than n log n" if e and e > WORST else ""]
               for command, (took, e) in counts.items()])
    every = [e for _, e in counts.values()]
    return max([e for e in every if e], default=0), None in every


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
    a.add_argument("--instructions", action="store_true")
    a.add_argument("shapes", nargs="*")
    options = a.parse_args()
    take = bench_counts if options.instructions else bench
    worst, failed = {}, []
    for name in chosen(options.shapes):
        for backend in options.backend or lab.BACKENDS:
            sizes, make = growth_shapes.SHAPES[name]
            if not applies(make(sizes[0]), backend):
                continue
            worst[name, backend], bad = take(name, backend, options)
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
