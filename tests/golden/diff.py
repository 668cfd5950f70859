# SPDX-License-Identifier: GPL-2.0-or-later
"""What diff shows of policies and the rulesets of tests/golden/diff.

FILE.runs has the arguments of one run a line, FILE.out what is shown. No line of
a screen is wider than 80 columns but for words that are, and commands, which
are to be copied. After a change that was meant, write them with UPDATE=1 and
read the difference before committing it.
"""
import os
import shlex
import subprocess

import golden

BIN = os.path.abspath(os.environ["CTPOLICY"])
HERE = os.path.join(os.environ["srcdir"], "tests/golden/diff")
WIDTH = 80


def look_at_width(name, line, said):
    for text in said.splitlines():
        if len(text) > WIDTH and not text.startswith("  ctpolicy ") and \
                max(map(len, text.split())) < WIDTH // 2:
            golden.fault("%s %s: wider than a screen: %s" % (name, line, text))


def diff(name, line):
    p = subprocess.run([BIN, "diff", "--against", name, *shlex.split(line)],
                       cwd=HERE, text=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    look_at_width(name, line, p.stdout)
    return "$ ctpolicy diff --against %s %s\n%s%sexit %d\n\n" % (
        name, line, p.stderr, p.stdout, p.returncode)


golden.compare_runs(HERE, ".runs", diff)
