# SPDX-License-Identifier: GPL-2.0-or-later
"""What `audit --rewrite --force` makes of every ruleset of the corpus loads
wherever the ruleset does, and of what needs tracking there is left in it just
what was said to stay.

The corpus is found as tests/corpus.py says; without one, there is nothing to do.
"""
import json
import os
import re
import shutil
import subprocess
import sys

SRC = os.environ.get("srcdir", ".")
sys.path.insert(0, os.path.join(SRC, "tests/netns"))
import lab                                                  # noqa: E402
from live_rules import corpus, some                         # noqa: E402

BIN = os.environ["CTPOLICY"]
BACKENDS = os.environ["CTPOLICY_BACKENDS"].split()
BROKEN = {"shorewall-nft-complex.nft"}
failed = loaded = 0


def fault(*what):
    global failed
    failed += 1
    print("FAIL " + ": ".join(str(w) for w in what), flush=True)


def loaders(path):
    if "/nft/" in path:
        return [["nft", "-f", "-"]]
    tool = "ip6tables" if "/ip6tables-save/" in path else "iptables"
    return [c for c in ([tool + "-nft-restore", "-c"],
                        [tool + "-legacy-restore", "-c"])
            if shutil.which(c[0])]


def load(command, text):
    """None, or what was said against it; in namespaces of its own."""
    p = subprocess.run(["unshare", "-mn"] + command, input=text, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.stdout if p.returncode else None


def run(*args, text=None):
    p = subprocess.run([BIN, *args], input=text, text=True, timeout=120,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return p.returncode, p.stdout, p.stderr


def check(path):
    global loaded
    with open(path, errors="surrogateescape") as f:
        text = f.read()
    family = ["--family", "ipv6"] if "/ip6tables-save/" in path else []
    code, out, err = run("audit", path, "--rewrite", "--force", *family)
    if code not in (0, 1):
        fault(path, "exit %d" % code, err)
        return
    for command in loaders(path):
        if load(command, text) is not None:
            continue
        loaded += 1
        said = load(command, out)
        if said is not None:
            fault(path, command[0], said)
    found = json.loads(run("audit", "--json", "-", *family, text=out)[1])
    # of a nat table of iptables, only what translates switches tracking on
    idle = [] if "/nft/" in path else ["nat_rules"]
    keep = sum("id" not in f and f["features"] != idle
               for f in found["findings"])
    stays = len(re.findall(r"\[CT817\]", err))
    if bool(keep) != bool(stays):
        fault(path, "%d rules need tracking" % keep,
              "%d were said to" % stays)


def main():
    folder = corpus()
    if not folder:
        print("no corpus: nothing to rewrite; CTPOLICY_CORPUS can name one")
        return
    lab.require_ctpolicy()
    paths = some([os.path.join(folder, kind, name)
                  for kind, backend in (("nft", "nftables"),
                                        ("iptables-save", "iptables"),
                                        ("ip6tables-save", "iptables"))
                  if backend in BACKENDS
                  for name in os.listdir(os.path.join(folder, kind))
                  if name not in BROKEN])
    for path in paths:
        check(path)
    print("%d rulesets, loaded %d times, %d faults" % (
        len(paths), loaded, failed))
    sys.exit(bool(failed))


main()
