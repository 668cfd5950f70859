# SPDX-License-Identifier: GPL-2.0-or-later
"""The project's own files, for the tests that read them."""
import os
import re
import subprocess
import sys

TOP = os.path.abspath(os.environ.get("srcdir") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PRODUCT = ("core", "rules", "audit", "policies", "generators", "host",
           "backends", "state", "engine", "prove", "cli")
# What a tarball holds beside the tracked files
GENERATED = re.compile(
    r"^(_?build[^/]*/|_inst/|autom4te\.cache/|m4/|configure~?$|aclocal\.m4$|config\.|"
    r"Makefile(\.in)?$|stamp-h1$|docs/[^/]*\.[58]$|\.git/|ctpolicy-)|"
    r"(^|/)(__pycache__|\.deps|\.dirstamp)(/|$)|\.(o|a|log|trs|pyc)$")


def own_environment():
    """Of a make that is no part of the one which runs the test."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("MAKE", "MFLAGS"))}


def tracked():
    """Paths below TOP, sorted; from git where there is one, else all."""
    if os.path.exists(os.path.join(TOP, ".git")):
        p = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", TOP, "ls-files", "-z"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if p.returncode == 0:
            return sorted(f for f in p.stdout.split("\0")
                          if f and os.path.exists(os.path.join(TOP, f)))
    found = []
    for folder, _, files in os.walk(TOP):
        for name in files:
            path = os.path.relpath(os.path.join(folder, name), TOP)
            if not GENERATED.search(path):
                found.append(path)
    return sorted(found)


def text(path):
    with open(os.path.join(TOP, path), "rb") as f:
        return f.read().decode("utf-8", "replace")


def is_code(path):
    return bool(re.search(r"\.(c|h|py|sh)$", path)) or (
        "." not in os.path.basename(path) and text(path).startswith("#!"))


def product_code():
    return [f for f in tracked()
            if f.split("/")[0] in PRODUCT and re.search(r"\.[ch]$", f)]


def without_comments(c):
    """C text with comments and the insides of literals blanked."""
    def blank(m):
        if m[0].startswith("/"):
            return re.sub(r"[^\n]", " ", m[0])
        return m[0][0] + " " * (len(m[0]) - 2) + m[0][-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  blank, c, flags=re.S)


class Report:
    def __init__(self):
        self.bad = 0
        self.looked = 0

    def fault(self, path, line, what):
        self.bad += 1
        print("%s:%d: %s" % (path, line, what))

    def exit(self):
        print("%d files looked at, %d faults" % (self.looked, self.bad))
        sys.exit(1 if self.bad or not self.looked else 0)
