# SPDX-License-Identifier: GPL-2.0-or-later
"""What explain says of packets in the rulesets of tests/golden/explain.

FILE.packets has the arguments of one run a line, FILE.out what is said to each,
text and JSON. After a change that was meant, write them with UPDATE=1 and read
the difference before committing it.
"""
import json
import os
import shlex
import subprocess

import golden

BIN = os.path.abspath(os.environ["CTPOLICY"])
HERE = os.path.join(os.environ["srcdir"], "tests/golden/explain")


def explain(name, line):
    args = shlex.split(line)
    p = subprocess.run([BIN, "explain", "--file", name, *args], cwd=HERE,
                       text=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if "--json" in args:
        json.loads(p.stdout)
    return "$ ctpolicy explain --file %s %s\n%sexit %d\n\n" % (
        name, line, p.stdout, p.returncode)


golden.compare_runs(HERE, ".packets", explain)
