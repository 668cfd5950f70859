# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages are sound, and say all that the program and its errors say."""
import os
import re
import shutil
import subprocess
import sys

import source

CTPOLICY = os.environ["CTPOLICY"]
COMMANDS = ("check", "render", "diff", "apply", "confirm", "rollback",
            "recover", "remove", "status", "suggest", "size")


def built(page):
    """A tarball has the page beside its source, a clone in the build tree."""
    for top in (os.environ.get("builddir", "."), source.TOP):
        path = os.path.join(top, "docs", page)
        if os.path.exists(path):
            return path
    sys.exit("no docs/%s: make first" % page)


def options():
    for args in [[]] + [[c] for c in COMMANDS]:
        p = subprocess.run([CTPOLICY] + args + ["--help"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if p.returncode:
            yield "--help", " ".join(args)
        for m in re.finditer(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", p.stdout):
            yield m[1], " ".join(["ctpolicy"] + args + ["--help"])


REGISTRY = "core/diag_ids.h"


def ids(rep):
    """Every diagnostic of the registry: its id and line; each is given
    somewhere, and none is given past the registry."""
    used = set()
    for path in source.product_code():
        text = source.text(path)
        for m in re.finditer(r'"CT[0-9]{3}"', text):
            rep.fault(path, text.count("\n", 0, m.start()) + 1,
                      "%s has a name in %s" % (m[0], REGISTRY))
        used.update(re.findall(r"\bID_(\w+)", text))
    last = 0
    for n, line in enumerate(source.text(REGISTRY).splitlines(), 1):
        m = re.match(r"\s*X\((\w+), ([0-9]{3})\)", line)
        if not m:
            continue
        if m[1] not in used:
            rep.fault(REGISTRY, n, "nothing gives %s" % m[1])
        if int(m[2]) <= last:
            rep.fault(REGISTRY, n, "CT%s is not in order" % m[2])
        last = int(m[2])
        yield "CT" + m[2], n


def main():
    rep = source.Report()
    pages = [f for f in source.tracked() if re.match(r"docs/.*\.scd$", f)]
    if not shutil.which("mandoc"):
        print("no mandoc")
        sys.exit(77)
    for page in pages:
        rep.looked += 1
        p = subprocess.run(
            ["mandoc", "-T", "lint", "-W", "warning",
             built(os.path.basename(page)[:-len(".scd")])],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in p.stdout.splitlines():
            # scdoc writes one paragraph macro too many wherever it can
            if "skipping paragraph macro" not in line:
                rep.fault(page, 1, line)
    page = "docs/ctpolicy.8.scd"
    # scdoc escapes underscores and marks bold and underlined with * and _
    said = source.text(page).replace("\\", "")
    for option, where in sorted(set(options())):
        if not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(option), said):
            rep.fault(page, 1, "%s of `%s` is not told" % (option, where))
    # the policy's ids stand with the language, the others here
    said = "".join(source.text(p) for p in pages)
    known = set()
    for name, line in ids(rep):
        known.add(name)
        if name not in said:
            rep.fault(REGISTRY, line, "no page tells of %s" % name)
    for name in sorted(set(re.findall(r"\bCT[0-9]{3}\b", said)) - known):
        rep.fault("docs", 1, "nothing gives %s" % name)
    rep.exit()


main()
