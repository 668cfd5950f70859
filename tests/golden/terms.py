# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rules of tests/golden/terms ask of a packet, to the letter.

FILE.terms is what terms_dump prints of FILE. After a change that was meant,
write it with UPDATE=1 and read the difference before committing it. What
ctpolicy itself renders must be understood to the last word.
"""
import os
import subprocess
import sys

import golden

TOOL = os.path.join(os.environ["builddir"], "tests/oracle/terms_dump")
SRC = os.path.join(os.environ["srcdir"], "tests/golden")
HERE = os.path.join(SRC, "terms")
failed = 0


def dump(path):
    p = subprocess.run([TOOL, "nftables", path], text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    return p.stdout + ("exit %d\n" % p.returncode if p.returncode else "")


def fault(text):
    global failed
    failed += 1
    print("FAIL " + text)


def compare(path):
    changed = golden.difference(path + ".terms", dump(path))
    if changed:
        fault(changed)


def check_own(path):
    """No opaque term, no set whose elements are not known."""
    got = dump(path)
    for line in got.splitlines():
        if "opaque:" in line or "{ ?" in line:
            fault("%s: %s" % (path, line.strip()))
    return got.count("# line")


def names(folder, suffix):
    return [os.path.join(folder, n) for n in sorted(os.listdir(folder))
            if n.endswith(suffix)]


def main():
    if "nftables" not in os.environ["CTPOLICY_BACKENDS"].split():
        sys.exit(77)
    texts = names(HERE, ".nft")
    for path in texts:
        compare(path)
    own = names(os.path.join(SRC, "render"), ".nftables")
    rules = sum(check_own(path) for path in own)
    print("%d rulesets, %d of ctpolicy's own with %d rules, %d faults" %
          (len(texts), len(own), rules, failed))
    if len(texts) < 2 or rules < 300:
        sys.exit("rulesets are missing")
    sys.exit(bool(failed))


main()
