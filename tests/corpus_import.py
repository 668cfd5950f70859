# SPDX-License-Identifier: GPL-2.0-or-later
"""What import makes of every ruleset of the corpus is a policy, or it says that
there are no services; no NOTRACK rule gets lost in between.

The corpus is found as tests/corpus.py says; without one, there are still the
rulesets of tests/golden.
"""
import glob
import json
import os
import subprocess
import sys

SRC = os.environ.get("srcdir", ".")
sys.path.insert(0, os.path.join(SRC, "tests/netns"))
from live_rules import corpus                               # noqa: E402

BIN = os.environ["CTPOLICY"]
SUFFIX = {"iptables": ".save", "nftables": ".nft"}
READ = tuple(SUFFIX[b] for b in os.environ["CTPOLICY_BACKENDS"].split())
failed = found = 0


def fault(name, what):
    global failed
    failed += 1
    print("FAIL %s: %s" % (name, what))


def rulesets():
    here = corpus()
    if here:
        yield from glob.glob(os.path.join(here, "*", "*"))
    yield from glob.glob(os.path.join(SRC, "tests", "golden", "*", "*"))


def run(*args, text=""):
    return subprocess.run([BIN, *args], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120)


def notrack_rules(path):
    """As audit counts them: their places."""
    out = json.loads(run("audit", "--json", path).stdout)
    return out.get("counts", {}).get("ct_notrack", 0)


def check(path):
    global found
    p = run("import", "--json", path)
    said = json.loads(p.stdout)
    if p.returncode not in (0, 1):
        # whatever audit cannot read, import cannot either
        if run("audit", "-q", path).returncode != p.returncode:
            fault(path, "exit %d: %s" % (p.returncode, said["diagnostics"]))
        return
    found += len(said["services"])
    named = {(r["line"], r["rule"]) for s in said["services"]
             for r in s["rules"]} | {(r["line"], r["rule"])
                                     for r in said["left"]}
    if len(named) < notrack_rules(path):
        fault(path, "%d NOTRACK rules, %d named" % (notrack_rules(path),
                                                    len(named)))
    if (p.returncode == 1) != bool(said["left"]):
        fault(path, "exit %d, %d left over" % (p.returncode,
                                               len(said["left"])))
    if not said["services"]:
        if said["policy"]:
            fault(path, "a policy without services")
        return
    checked = run("check", "-", text=said["policy"])
    if checked.returncode:
        fault(path, "check says %d: %s" % (checked.returncode,
                                           checked.stderr))


def main():
    paths = sorted(p for p in rulesets() if p.endswith(READ))
    for path in paths:
        check(path)
    print("%d rulesets with %d services, %d faults" % (len(paths), found,
                                                       failed))
    if len(paths) < 20 or not found:
        sys.exit("rulesets are missing")
    sys.exit(bool(failed))


main()
