# SPDX-License-Identifier: GPL-2.0-or-later
"""clang-tidy, with the checks of .clang-tidy, finds nothing in the product."""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

import source

FLAGS = ["-I" + source.TOP, "-I" + os.environ["builddir"], "-DHAVE_CONFIG_H",
         "-D_GNU_SOURCE", "-std=gnu11",
         # what make tells: no name of a file matters here
         '-DPOLICY_FOLDER="/etc/ctpolicy"']
RUNS = os.cpu_count() or 1


def look(path):
    """What is found in one file; an error of the tool counts as well."""
    p = subprocess.run(
        ["clang-tidy", "--quiet", os.path.join(source.TOP, path), "--"] +
        FLAGS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = re.findall(r"^.*(?:warning|error): .*$", p.stdout, re.M)
    if p.returncode and not found:
        found = [path + ": " + p.stderr.strip()[-500:]]
    return found


def main():
    if not shutil.which("clang-tidy"):
        print("no clang-tidy here: skipped")
        sys.exit(77)
    files = [f for f in source.product_code() if f.endswith(".c")]
    with concurrent.futures.ThreadPoolExecutor(RUNS) as pool:
        found = sorted(set(line for lines in pool.map(look, files)
                           for line in lines))
    print("\n".join(found) or "%d files looked at, nothing found" % len(files))
    sys.exit(bool(found))


main()
