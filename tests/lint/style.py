# SPDX-License-Identifier: GPL-2.0-or-later
"""The form of C files: tabs, 80 columns, an opening comment, plain names.

files.py looks at licence lines and lengths, for all kinds of files."""
import re

import source

WIDTH = 80
# Words of C++, which analyzers take for operators and declarations
CXX = re.compile(r"\b(and|and_eq|bitand|bitor|catch|class|compl|delete|friend|"
                 r"namespace|new|not|not_eq|operator|or|or_eq|private|"
                 r"protected|public|template|this|throw|try|typename|using|"
                 r"virtual|xor|xor_eq)\b")
# Where such names are left
NAMED = re.compile(r"backends/")


def c_files():
    return [f for f in source.tracked() if re.search(r"\.[ch]$", f)]


def check_opening(rep, path, raw):
    """Line 2 begins "path: what it is"; a file whose header tells that may
    begin with its header instead."""
    rest = raw.split("\n", 1)[1] if "\n" in raw else ""
    if re.match(r"/\*(\n \*)? %s: \S" % re.escape(path), rest):
        return
    if path.endswith(".c") and \
            rest.startswith('#include "%sh"\n' % path[:-1]):
        return
    rep.fault(path, 2, "open with /* %s: what this is */" % path)


def check_lines(rep, path, raw):
    for n, line in enumerate(raw.split("\n"), 1):
        if line != line.rstrip():
            rep.fault(path, n, "a space at the end of the line")
        if line.startswith(" " * 8):
            rep.fault(path, n, "indent with tabs")
        # messages stay in one piece, so that one can search for them
        if len(line.expandtabs(8)) > WIDTH and '"' not in line:
            rep.fault(path, n, "longer than %d columns" % WIDTH)


def check_names(rep, path, code):
    for n, line in enumerate(code.split("\n"), 1):
        if re.match(r"\s*#", line):
            continue
        m = CXX.search(line)
        if m and not NAMED.match(path):
            rep.fault(path, n, "`%s` is a keyword of C++" % m[1])


def main():
    rep = source.Report()
    for path in c_files():
        rep.looked += 1
        raw = source.text(path)
        check_opening(rep, path, raw)
        check_lines(rep, path, raw)
        check_names(rep, path, source.without_comments(raw))
    rep.exit()


main()
