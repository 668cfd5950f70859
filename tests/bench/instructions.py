# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench-instructions`: how many instructions an item costs.

  instructions.py [--all] [--update] [NAME...]

Valgrind counts what the processor's clock cannot say on a busy machine. An
item's figure is what ten times as many items cost more, divided by their
number, and is compared with the one that instructions.txt keeps. A figure is
the compiler's as well: what was kept with another is compared as a ratio to
REFERENCE, which has to hold less exactly. n log n is the most that any may
grow by, whoever compiled it. Without --all a few cases are counted, for CI.
"""
import argparse
import os
import re
import shutil
import sys

import growth_shapes
import lab

KEPT = os.path.join(lab.SRC, "tests", "bench", "instructions.txt")
TOLERANCE = 1.1			# with the compiler that the figures are of
OTHERS = 1.25			# with any other, of the ratio
# Ten times the items may cost so much more each: from 100 to 1,000 a logarithm
# grows by half, from 1,000 to 10,000 by a third.
LOG = 1.5
REFERENCE = "check, services"
PACKET = growth_shapes.PACKET


def policy(shape):
    return lambda n: {"p.yaml": growth_shapes.SHAPES[shape][1](n)["policy"]}


def host(world):
    """A saved ruleset of n rules, in chains of 100."""
    loader = {"native": "nft"}.get(world, world)

    def files(n):
        made = growth_shapes.host(world, n, n // 100 or 1, "open")
        return {"p.yaml": made["policy"], "rules": made["rules"][loader]}
    return files


def against(shape, backend):
    """What render prints is what the policy is compared with."""
    def files(n):
        made = policy(shape)(n)
        path = lab.write("p.yaml", made["p.yaml"])
        return dict(made, rules=lab.render(path, backend))
    return files


def new(shape):
    """Nothing is there yet."""
    return lambda n: dict(policy(shape)(n), rules="")


def gone(backend):
    """The services of the rules are not in the policy any more."""
    def files(n):
        made = against("services", backend)(n)
        return {"p.yaml": growth_shapes.one("ports: [53]")["policy"],
                "rules": made["rules"]}
    return files


def cases():
    """{name: (items, files of n items, words)}"""
    got = {}
    for shape, n in (("services", 100), ("addresses", 1000), ("grid", 300),
                     ("interfaces", 100), ("ranges", 300), ("nest", 300)):
        got["check, " + shape] = n, policy(shape), ["check", "p.yaml"]
    for backend in lab.BACKENDS:
        on = ["--backend", backend]
        for shape, n in (("services", 100), ("addresses", 1000),
                         ("grid", 300), ("ranges", 300)):
            what = "%s, %s" % (shape, backend)
            got["render, " + what] = (n, policy(shape),
                                      ["render", "p.yaml"] + on)
            got["diff, " + what] = (n, against(shape, backend),
                                    ["diff", "p.yaml", "--against", "rules"]
                                    + on)
        got["diff, new interfaces, " + backend] = (
            300, new("interfaces"),
            ["diff", "p.yaml", "--against", "rules"] + on)
        got["diff -v, services gone, " + backend] = (
            100, gone(backend),
            ["diff", "-v", "p.yaml", "--against", "rules"] + on)
        world = "native" if backend == "nftables" else "legacy"
        got["diff, rules, " + backend] = (
            100, host(world), ["diff", "p.yaml", "--against", "rules"] + on)
        got["audit, rules, " + backend] = (
            1000, host(world), ["audit", "rules"] + on)
        got["explain, rules, " + backend] = (
            1000, host(world), ["explain", PACKET, "--file", "rules"] + on)
    return got


# Those that go another way than the rest, each in about a second.
FEW = re.compile("check, services|check, interfaces|render, services|"
                 "diff, addresses|audit, rules")


def count(program, files, words):
    """The instructions of one command in user space."""
    for name, text in files.items():
        lab.write(name, text)
    code, told, said = lab.count([program] + words)
    if code not in (0, 1) or not told:
        sys.exit("%s: exit %d\n%s" % (" ".join(words), code, said))
    return told


def measure(program, case):
    """(instructions an item, by how much more ten times as many cost each)"""
    n, files, words = case
    one, few, many = (count(program, files(k), words) for k in (1, n, 10 * n))
    return ((many - few) / (9 * n),
            (many - one) / (10 * n - 1) / ((few - one) / (n - 1)))


def compiler():
    """Whose figures these are: the compiler's, and its flags."""
    with open(os.path.join(lab.BUILD, "Makefile")) as f:
        said = dict(re.findall(r"^(CC|CFLAGS) = *(.*)$", f.read(), re.M))
    first = lab.run(*said["CC"].split()[:1], "--version").split("\n")[0]
    return "%s, %s" % (first, said["CFLAGS"])


def read_kept():
    with open(KEPT) as f:
        text = f.read()
    whose = re.search("^# compiler: (.*)$", text, re.M).group(1)
    rows = re.findall(r"^ *([0-9]+)  (.*)$", text, re.M)
    return whose, {name: int(figure) for figure, name in rows}


def keep(figures):
    with open(KEPT, "w") as f:
        f.write("# SPDX-License-Identifier: GPL-2.0-or-later\n"
                "# Instructions an item, as tests/bench/instructions.py counts"
                " them;\n# `make update-instructions` writes this file.\n"
                "# compiler: %s\n" % compiler())
        for name, figure in sorted(figures.items()):
            f.write("%8d  %s\n" % (figure, name))


def judge(name, figures, kept, whose, growth):
    """(of what was kept, what is wrong, "" if nothing)"""
    if name not in kept or REFERENCE not in kept:
        return 0, "no figure is kept"
    share = figures[name] / kept[name]
    most = TOLERANCE
    if whose != compiler():
        share *= kept[REFERENCE] / figures[REFERENCE]
        most = OTHERS
    if share > most:
        return share, "costs more than it did"
    return share, "worse than n log n" if growth > LOG else ""


def choose(options):
    if options.names:
        return {name: case for name, case in cases().items()
                if name.startswith(tuple(options.names))}
    return {name: case for name, case in cases().items()
            if options.all or options.update or FEW.match(name)}


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--all", action="store_true")
    a.add_argument("--update", action="store_true")
    a.add_argument("names", nargs="*", help="cases that begin so")
    options = a.parse_args()
    if not shutil.which("valgrind") or not shutil.which("strip"):
        print("valgrind or strip is not installed")
        sys.exit(77)
    whose, kept = read_kept()
    chosen = choose(options)
    if not options.update:
        chosen.setdefault(REFERENCE, cases()[REFERENCE])
    program = lab.stripped()
    got = {name: measure(program, case) for name, case in chosen.items()}
    figures = {name: cost for name, (cost, _) in got.items()}
    if options.update:
        keep(dict(kept if whose == compiler() else {}, **figures))
        return
    rows, wrong = [], 0
    for name, (cost, growth) in got.items():
        share, why = judge(name, figures, kept, whose, growth)
        wrong += bool(why)
        rows.append([name, "%.0f" % cost, "%.2f" % share, "%.2f" % growth,
                     why])
    lab.table("Instructions an item, kept with %s" % whose,
              ["command", "now", "of the kept", "ten times as many", ""],
              rows)
    print("%d passed, %d failed" % (len(rows) - wrong, wrong))
    sys.exit(1 if wrong or not rows else 0)


main()
