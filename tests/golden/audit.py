# SPDX-License-Identifier: GPL-2.0-or-later
"""What audit says of each ruleset in tests/golden/audit, to the letter.

FILE.out is the text and FILE.json the object. After a change that was meant,
write them with UPDATE=1 and read the difference before committing it.
"""
import json
import os
import subprocess
import sys

import golden

BIN = os.path.abspath(os.environ["CTPOLICY"])
HERE = os.path.join(os.environ["srcdir"], "tests/golden/audit")


def audit(*args):
    p = subprocess.run([BIN, "audit", *args], cwd=HERE, text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    return p.stdout + "exit %d\n" % p.returncode


def main():
    names = golden.rulesets(HERE)
    for name in names:
        golden.compare(os.path.join(HERE, name + ".out"), audit(name))
        got = audit("--json", name)
        json.loads(got.rsplit("exit", 1)[0])
        golden.compare(os.path.join(HERE, name + ".json"), got)
    print("%d rulesets, %d not as expected" % (len(names), golden.failed))
    if len(names) < 3 * golden.backends():
        sys.exit("rulesets are missing")
    sys.exit(bool(golden.failed))


main()
