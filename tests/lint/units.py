#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd units: they run the program where make installs it, watch the
file that a change on trial leaves, and are confined. systemd-analyze judges
them too, where it is at hand."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SERVICE, PATH = "ctpolicy-confirm.service", "ctpolicy-confirm.path"
MOST_EXPOSED = 3.0
faults = 0


def check(good, what, more=""):
    global faults
    faults += not good
    if not good:
        print("not ok - %s %s" % (what, more))


def text(*path):
    with open(os.path.join(*path)) as source:
        return source.read()


def make_variable(name):
    """As make expands it; the ones of folders refer to each other only."""
    found = dict(re.findall(r"^(\w+) = (.*)$",
                            text(os.environ["builddir"], "Makefile"), re.M))
    value = "${%s}" % name
    while "$" in value:
        value = re.sub(r"\$[({](\w+)[)}]", lambda m: found[m[1]], value)
    return value


def analyze(*args):
    run = subprocess.run(["systemd-analyze", *args], text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.stdout


def judge(service, path):
    """With a program and a page at hand, as after an installation."""
    with tempfile.TemporaryDirectory() as folder:
        for name, unit in ((SERVICE, service), (PATH, path)):
            unit = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit,
                          flags=re.M)
            unit = re.sub(r"^Documentation=.*\n", "", unit, flags=re.M)
            with open(os.path.join(folder, name), "w") as out:
                out.write(unit)
        said = analyze("verify", os.path.join(folder, SERVICE),
                       os.path.join(folder, PATH))
        ours = [line for line in said.splitlines() if "ctpolicy" in line]
        check(not ours, "systemd-analyze verify", ours)
        said = analyze("security", "--offline=true", "--no-pager",
                       os.path.join(folder, SERVICE))
        level = re.search(r"exposure level for \S+: ([\d.]+)", said)
        check(not level or float(level[1]) <= MOST_EXPOSED, "exposure", said)


made = text(os.environ["builddir"], "contrib", "systemd", SERVICE)
path_unit = text(os.environ["srcdir"], "contrib", "systemd", PATH)
check("\nExecStart=%s/ctpolicy recover --wait\n" % make_variable("sbindir") in
      made, "the program's path", made)
check(not re.search(r"@\w+@", made), "nothing is left to replace")
check("\nPathExists=/var/lib/ctpolicy/main/pending\n" in path_unit,
      "what is watched")
if shutil.which("systemd-analyze"):
    judge(made, path_unit)
print("units: %d faults" % faults)
sys.exit(bool(faults))
