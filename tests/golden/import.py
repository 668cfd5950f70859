# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy that import makes of each ruleset in tests/golden/import.

FILE.yaml is the policy, FILE.err what is said beside it and the exit code, and
FILE.json the object. After a change that was meant, write them with UPDATE=1
and read the difference before committing it. Every policy must pass check, and
the object must hold the very same text.
"""
import json
import os
import subprocess
import sys

import golden

BIN = os.path.abspath(os.environ["CTPOLICY"])
HERE = os.path.join(os.environ["srcdir"], "tests/golden/import")


def run(*args, text=None):
    return subprocess.run([BIN, *args], cwd=HERE, text=True, input=text or "",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def check(name, p):
    """What was printed is a policy, unless nothing was found."""
    if "\nuntracked:" not in p.stdout:
        if "no NOTRACK rules in" in p.stderr and not p.stdout:
            return
        if "\n# 0 services; " not in p.stdout:
            golden.fault(
                "%s: neither services nor a word that there are none" % name)
        return
    checked = run("check", "-", text=p.stdout)
    if checked.returncode:
        golden.fault("%s: check says %d: %s" % (
            name, checked.returncode, checked.stderr))


def main():
    names = golden.rulesets(HERE)
    for name in names:
        p = run("import", name)
        golden.compare(os.path.join(HERE, name + ".yaml"), p.stdout)
        golden.compare(os.path.join(HERE, name + ".err"),
                       p.stderr + "exit %d\n" % p.returncode)
        check(name, p)
        j = run("import", "--json", name)
        golden.compare(os.path.join(HERE, name + ".json"), j.stdout)
        said = json.loads(j.stdout)
        if j.returncode != p.returncode or j.stderr:
            golden.fault("%s: the object came with %d, %s" % (
                name, j.returncode, j.stderr))
        if (said["policy"] or p.stdout) != p.stdout:
            golden.fault("%s: the object holds another policy" % name)
    print("%d rulesets, %d not as expected" % (len(names), golden.failed))
    if len(names) < 7 * golden.backends():
        sys.exit("rulesets are missing")
    sys.exit(bool(golden.failed))


main()
