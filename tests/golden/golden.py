# SPDX-License-Identifier: GPL-2.0-or-later
"""What was said before and is said now, for the tests of this folder."""
import difflib
import os

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
