# SPDX-License-Identifier: GPL-2.0-or-later
"""What audit --rewrite makes of each ruleset in tests/golden/rewrite.

FILE.new is the rewritten text, FILE.err what is said about it. nft takes its
texts. After a change
that was meant, write them with UPDATE=1 and read the difference before
committing it.
"""
import os
import shutil
import subprocess
import sys

import golden

BIN = os.path.abspath(os.environ["CTPOLICY"])
SUFFIX = {"iptables": ".save", "nftables": ".nft"}
READ = tuple(SUFFIX[b] for b in os.environ["CTPOLICY_BACKENDS"].split()
             if b in SUFFIX)
HERE = os.path.join(os.environ["srcdir"], "tests/golden/rewrite")
ARGS = {"nat-force.save": ("nat.save", "--force"),
        "router-json.save": ("router.save", "--json"),
        "silent-ipv6.save": ("silent.save", "--family", "ipv6"),
        "stays-force.nft": ("stays.nft", "--force")}
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


def check(name, text):
    """Where there is an nft to ask."""
    global failed
    if not shutil.which("nft"):
        return
    p = subprocess.run(["nft", "-c", "-f", "-"], input=text, text=True,
                       capture_output=True)
    if p.returncode:
        failed += 1
        print("FAIL %s: %s" % (name, p.stderr))


def main():
    if not READ:
        sys.exit(77)
    names = sorted(n for n in os.listdir(HERE) if n.endswith(READ))
    more = sorted(n for n in ARGS if n.endswith(READ))
    for name in names + more:
        new, err = rewrite(*ARGS.get(name, (name,)))
        if name.endswith(".nft") and "include" not in new:
            check(name, new)
        compare(os.path.join(HERE, name + ".new"), new)
        compare(os.path.join(HERE, name + ".err"), err)
    print("%d rulesets, %d not as expected" % (len(names), failed))
    sys.exit(bool(failed))


main()
