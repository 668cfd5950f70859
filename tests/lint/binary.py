# SPDX-License-Identifier: GPL-2.0-or-later
"""The program holds no path of the machine it was built on: two builds of one
source, in whatever folders, are the same to the byte."""
import os
import sys


def main():
    with open(os.environ["CTPOLICY"], "rb") as program:
        content = program.read()
    if b"__gcov_" in content or b"__asan_init" in content:
        print("coverage and sanitizers keep the paths of the source")
        return
    found = [folder for folder in (os.environ["srcdir"],
                                   os.environ["builddir"])
             if os.fsencode(folder) in content]
    print("found: %s" % ", ".join(found) if found else "no path found")
    sys.exit(bool(found))


main()
