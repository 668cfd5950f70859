# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules read from the kernel and from their text, for the tests that load
rulesets and want both to count the same."""
import glob
import json
import os
import subprocess
import tempfile

SRC = os.environ.get("srcdir", ".")
BIN = os.environ["CTPOLICY"]


def run(*args, text=None):
    p = subprocess.run(args, input=text, text=True, errors="replace",
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=120)
    return p.returncode, p.stdout, p.stderr


def corpus():
    """The folder of rulesets that others wrote, which is no part of this tree:
    CTPOLICY_CORPUS names it, or it is the folder `corpus` of a neighbour of the
    checkout. None: there is none."""
    near = glob.glob(os.path.join(SRC, "..", "*", "corpus"))
    for here in [os.environ.get("CTPOLICY_CORPUS", "")] + near:
        if os.path.exists(os.path.join(here, "truth.tsv")):
            return here
    return None


def corpora():
    """The folders of rulesets: the corpus, where there is one, and audit's
    own examples."""
    return [d for d in (corpus(), os.path.join(SRC, "tests/golden/audit")) if d]


def some(paths):
    """Every one of them, in their order; with CTPOLICY_EVERY=2 every second."""
    return sorted(paths)[::int(os.environ.get("CTPOLICY_EVERY", "1"))]


def counts(run_there, *args):
    """What audit counts, or what it says when it cannot."""
    code, out, err = run_there(BIN, "audit", "--json", *args)
    if code not in (0, 1) or "counts" not in (out or ""):
        return err or out
    return json.loads(out)["counts"]


def counts_of_text(text):
    with tempfile.NamedTemporaryFile("w", suffix=".rules") as f:
        f.write(text)
        f.flush()
        return counts(run, f.name)


def differences(want, got):
    """Each a line; strings are audits that failed."""
    if want == got:
        return []
    if isinstance(want, str) or isinstance(got, str):
        return ["%s, not %s" % (got, want)]
    return ["%s: %s, not %s" % (key, got.get(key), want.get(key))
            for key in sorted(set(want) | set(got))
            if want.get(key) != got.get(key)]
