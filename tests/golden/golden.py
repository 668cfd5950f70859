# SPDX-License-Identifier: GPL-2.0-or-later
"""What was said before and is said now, for the tests of this folder."""
import difflib
import os
import sys

SUFFIX = {"iptables": ".save", "nftables": ".nft"}
failed = 0


def rulesets(folder):
    """The names of the texts in it that this build can read."""
    read = tuple(SUFFIX[b] for b in os.environ["CTPOLICY_BACKENDS"].split())
    return sorted(n for n in os.listdir(folder) if n.endswith(read))


def backends():
    return len(os.environ["CTPOLICY_BACKENDS"].split())


def fault(text):
    global failed
    failed += 1
    print("FAIL " + text)


def compare(path, got):
    changed = difference(path, got)
    if changed:
        fault(changed)


def difference(path, got, now="said now"):
    """From the file at `path` to `got`, "" when they are the same; with
    UPDATE=1 the file is written first."""
    if os.environ.get("UPDATE"):
        with open(path, "w") as f:
            f.write(got)
    with open(path) as f:
        want = f.read()
    return "".join(difflib.unified_diff(
        want.splitlines(True), got.splitlines(True), path, now))


def compare_runs(folder, suffix, run):
    """What run(name, line) says of each text in the folder, for each line of the
    file beside it that ends with `suffix`; ends the test."""
    names = rulesets(folder)
    runs = 0
    for name in names:
        with open(os.path.join(folder, name + suffix)) as f:
            lines = f.read().splitlines()
        runs += len(lines)
        compare(os.path.join(folder, name + ".out"),
                "".join(run(name, line) for line in lines))
    print("%d rulesets, %d runs, %d not as expected" % (
        len(names), runs, failed))
    if len(names) < backends():
        sys.exit("rulesets are missing")
    sys.exit(bool(failed))
