# SPDX-License-Identifier: GPL-2.0-or-later
"""audit counts what the corpus of rulesets says, column by column.

The corpus is no part of this tree: CTPOLICY_CORPUS names it, or it is the
folder `corpus` of a neighbour of the checkout; where it is absent, the texts
under tests/golden/audit are all there is to compare. Its truth.tsv was counted
by a script that knows nothing of ctpolicy. A file whose name is in BROKEN must
be refused at that line.
"""
import json
import os
import re
import subprocess
import sys

SRC = os.environ.get("srcdir", ".")
sys.path.insert(0, os.path.join(SRC, "tests/netns"))
from live_rules import corpus                               # noqa: E402

BIN = os.environ["CTPOLICY"]
BROKEN = {"nft/shorewall-nft-complex.nft": 272}
PLAIN = ("rules", "state_rules", "nat_rules", "connmark", "connlimit",
         "connbytes", "helper", "ct_notrack", "ct_other", "needs_ct")
NAMED = ("state_sets", "other")
failed = 0


def fault(name, what):
    global failed
    failed += 1
    print("FAIL %s: %s" % (name, what))


def audit(path):
    p = subprocess.run([BIN, "audit", "--json", path], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=60)
    return p.returncode, json.loads(p.stdout) if p.stdout else {}


def named(cell):
    return {} if cell == "-" else {
        k: int(v) for k, v in (x.rsplit("=", 1) for x in cell.split(";"))}


def check_counts(name, counts, row):
    for key in PLAIN:
        if counts[key] != int(row[key]):
            fault(name, "%s: %d, not %s" % (key, counts[key], row[key]))
    for key in NAMED:
        if counts[key] != named(row[key]):
            fault(name, "%s: %s, not %s" % (key, counts[key], row[key]))


def check_findings(name, found, lines):
    """Each finding's text begins on the line that it names."""
    for f in found:
        first = f["rule"].split("\n")[0].strip()
        if first not in lines[f["line"] - 1]:
            fault(name, "line %d has no %r" % (f["line"], first))


def iptables_places(lines):
    """{line: (table, chain, position)} of what iptables-restore would make."""
    chains, table = {}, None
    for n, line in enumerate(lines, 1):
        if line.lstrip().startswith("*"):
            table = line.strip(" *\r")
        m = re.match(r"\s*(?:\[\d+:\d+\]\s+)?(-A|--append|-I|--insert)\s+(\S+)"
                     r"(?:\s+(\d+))?", line)
        if m:
            rules = chains.setdefault((table, m[2]), [])
            inserts = m[1] in ("-I", "--insert")
            rules.insert(int(m[3] or 1) - 1 if inserts else len(rules), n)
    return {n: (*key, i) for key, rules in chains.items()
            for i, n in enumerate(rules, 1)}


def check_places(name, found, lines):
    places = iptables_places(lines)
    for f in found:
        said = f["table"], f["chain"], f["position"]
        if said != places[f["line"]]:
            fault(name, "line %d: %s, not %s" % (f["line"], said,
                                                 places[f["line"]]))


def check(here, row):
    name = row["file"]
    path = os.path.join(here, name)
    code, out = audit(path)
    if name in BROKEN:
        lines = [d["line"] for d in out["diagnostics"]]
        if code != 65 or lines != [BROKEN[name]]:
            fault(name, "exit %d, lines %s" % (code, lines))
        return
    if code != (1 if int(row["needs_ct"]) else 0):
        fault(name, "exit %d: %s" % (code, out.get("diagnostics")))
    if "counts" not in out:
        return
    check_counts(name, out["counts"], row)
    # those with an id are about NOTRACK rules, and may be several for one
    needs = [x for x in out["findings"] if "id" not in x]
    if len(needs) != out["counts"]["needs_ct"]:
        fault(name, "%d findings" % len(needs))
    with open(path, encoding="utf-8", errors="replace", newline="") as f:
        lines = f.read().split("\n")
    check_findings(name, out["findings"], lines)
    if not name.startswith("nft/"):
        check_places(name, out["findings"], lines)


def main():
    here = corpus()
    if not here:
        print("no corpus: nothing to compare; CTPOLICY_CORPUS can name one")
        return
    with open(os.path.join(here, "truth.tsv")) as f:
        head, *rows = [line.rstrip("\n").split("\t") for line in f]
    for row in rows:
        check(here, dict(zip(head, row)))
    print("%d files, %d differences" % (len(rows), failed))
    sys.exit(bool(failed))


main()
