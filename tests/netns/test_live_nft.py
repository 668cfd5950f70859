# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules read from the kernel count like their text.

Each ruleset that nft or iptables-nft can load is loaded, listed, and audited
as text; what the kernel's expressions say must give the same counts. The
rulesets are the examples of audit, and the corpus where there is one (see
tests/corpus.py).
"""
import glob
import os
import shutil
import sys

from live_rules import (corpora, counts, counts_of_text, differences, run,
                        some)

failed = loaded = 0


def compare(name, text):
    global failed
    want = counts_of_text(text)
    if isinstance(want, str):
        return
    found = differences(want, counts(run, "--backend", "nftables"))
    failed += bool(found)
    for line in found:
        print("FAIL %s: %s" % (name, line))


def try_nft(path):
    global loaded
    run("nft", "flush", "ruleset")
    if run("nft", "-f", path)[0]:
        return
    loaded += 1
    compare(path, run("nft", "list", "ruleset")[1])


def try_iptables(path, six):
    global loaded
    run("nft", "flush", "ruleset")
    tool = "ip6tables-nft" if six else "iptables-nft"
    with open(path, errors="replace") as f:
        text = f.read()
    if run(tool + "-restore", text=text)[0]:
        return
    saved = run(tool + "-save")[1]
    if "incompatible" in saved:
        return
    loaded += 1
    compare(path, saved)


def main():
    for tool in ("nft", "iptables-nft"):
        if not shutil.which(tool):
            print("no %s here" % tool)
            sys.exit(77)
    for here in corpora():
        for path in some(glob.glob(os.path.join(here, "**", "*"),
                                   recursive=True)):
            if path.endswith(".nft"):
                try_nft(path)
            elif path.endswith((".save", ".rules")):
                try_iptables(path, "ip6" in path or "6" in
                             os.path.basename(path).split("-")[0])
    print("%d rulesets loaded, %d differ" % (loaded, failed))
    sys.exit(bool(failed))


main()
