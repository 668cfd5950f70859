# SPDX-License-Identifier: GPL-2.0-or-later
"""What audit --rewrite makes of each ruleset in tests/golden/rewrite.

FILE.new is the rewritten text, FILE.err what is said about it. After a change
that was meant, write them with UPDATE=1 and read the difference before
committing it.
"""
import os
import subprocess
import sys

import golden

BIN = os.path.abspath(os.environ["CTPOLICY"])
SUFFIX = {"iptables": ".save"}
READ = tuple(SUFFIX[b] for b in os.environ["CTPOLICY_BACKENDS"].split()
             if b in SUFFIX)
HERE = os.path.join(os.environ["srcdir"], "tests/golden/rewrite")
ARGS = {"nat-force.save": ("nat.save", "--force")}
failed = 0


def compare(path, got):
    global failed
    changed = golden.difference(path, got)
    if changed:
        failed += 1
        print("FAIL " + changed)


def rewrite(name, *args):
    p = subprocess.run([BIN, "audit", "--rewrite", name, *args], cwd=HERE,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    return (p.stdout.decode().replace("\r", "<CR>"),
            p.stderr.decode().replace("\r", "<CR>") +
            "exit %d\n" % p.returncode)


def main():
    if not READ:
        sys.exit(77)
    names = sorted(n for n in os.listdir(HERE) if n.endswith(READ))
    for name in names + sorted(ARGS):
        new, err = rewrite(*ARGS.get(name, (name,)))
        compare(os.path.join(HERE, name + ".new"), new)
        compare(os.path.join(HERE, name + ".err"), err)
    print("%d rulesets, %d not as expected" % (len(names), failed))
    sys.exit(bool(failed))


main()
