# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules read from the kernel count like their text.

Each ruleset that nft or iptables-nft can load is loaded, listed, and audited
as text; what the kernel's expressions say must give the same counts. The
rulesets are the examples of audit, and the corpus where there is one (see
tests/corpus.py).
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

SRC = os.environ.get("srcdir", ".")
BUILD = os.environ.get("builddir", ".")
BIN = os.environ["CTPOLICY"]
TOOL = os.path.join(BUILD, "tests/netns/live_tool")
failed = loaded = 0


def run(*args, text=None):
    p = subprocess.run(args, input=text, text=True, errors="replace",
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=120)
    return p.returncode, p.stdout, p.stderr


def corpora():
    here = [os.environ.get("CTPOLICY_CORPUS", "")]
    here += glob.glob(os.path.join(SRC, "..", "*", "corpus"))
    here = [d for d in here if os.path.exists(os.path.join(d, "truth.tsv"))]
    return here[:1] + [os.path.join(SRC, "tests/golden/audit")]


def counts_of_text(text):
    with tempfile.NamedTemporaryFile("w", suffix=".rules") as f:
        f.write(text)
        f.flush()
        out = run(BIN, "audit", "--json", f.name)[1]
    counts = json.loads(out).get("counts")
    if counts is None:
        return None
    flat = {k: v for k, v in counts.items() if isinstance(v, int)}
    flat.update(counts["other"])
    flat.update({"states:" + k: v for k, v in counts["state_sets"].items()})
    return {k: v for k, v in flat.items() if v}


def counts_of_kernel():
    code, out, err = run(TOOL, "counts")
    if code:
        return err
    pairs = (line.rsplit(" ", 1) for line in out.splitlines())
    return {k: int(v) for k, v in pairs if v != "0"}


def compare(name, text):
    global failed
    want, got = counts_of_text(text), counts_of_kernel()
    if want is None or want == got:
        return
    failed += 1
    if isinstance(got, str):
        print("FAIL %s: %s" % (name, got))
        return
    for key in sorted(set(want) | set(got)):
        if want.get(key) != got.get(key):
            print("FAIL %s: %s: %s, not %s" % (name, key, got.get(key),
                                               want.get(key)))


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
        for path in sorted(glob.glob(os.path.join(here, "**", "*"),
                                     recursive=True)):
            if path.endswith(".nft"):
                try_nft(path)
            elif path.endswith((".save", ".rules")):
                try_iptables(path, "ip6" in path or "6" in
                             os.path.basename(path).split("-")[0])
    print("%d rulesets loaded, %d differ" % (loaded, failed))
    sys.exit(bool(failed))


main()
