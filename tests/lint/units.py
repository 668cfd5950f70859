#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd units: they run the program where make installs it, watch the
file that a change on trial leaves, and are confined, also with what they may do
more for modules. systemd-analyze judges them too, where it is at hand."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

PATH, TIMER = "ctpolicy-confirm.path", "ctpolicy-metrics.timer"
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


def judge(units, more=None):
    """With a program and a page at hand, as after an installation; `more`: of
    a folder of each service's."""
    with tempfile.TemporaryDirectory() as folder:
        for name, unit in units.items():
            unit = re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", unit, flags=re.M)
            unit = re.sub(r"^Documentation=.*\n", "", unit, flags=re.M)
            with open(os.path.join(folder, name), "w") as out:
                out.write(unit)
            if more and name.endswith(".service"):
                os.mkdir(os.path.join(folder, name + ".d"))
                with open(os.path.join(folder, name + ".d", "x.conf"),
                          "w") as out:
                    out.write(more)
        paths = [os.path.join(folder, name) for name in units]
        said = analyze("verify", *paths)
        ours = [line for line in said.splitlines() if "ctpolicy" in line]
        check(not ours, "systemd-analyze verify", ours)
        for path in paths:
            if path.endswith(".service"):
                said = analyze("security", "--offline=true", "--no-pager",
                               path)
                level = re.search(r"exposure level for \S+: ([\d.]+)", said)
                check(not level or float(level[1]) <= MOST_EXPOSED,
                      "exposure", said)


sbindir = make_variable("sbindir")
# Where make installs it, and what it is told.
STARTS = {
    "ctpolicy.service": "apply --fallback",
    "ctpolicy-restore.service": "watch --once",
    "ctpolicy-watch.service": "watch",
    "ctpolicy-confirm.service": "recover --wait",
    "ctpolicy-metrics.service":
    "status -q --prometheus ${FOLDER}/ctpolicy.prom",
}
made = {name: text(os.environ["builddir"], "contrib", "systemd", name)
        for name in STARTS}
for name in PATH, TIMER:
    made[name] = text(os.environ["srcdir"], "contrib", "systemd", name)
modules = text(os.environ["srcdir"], "contrib", "systemd", "modules.conf")
for service, words in STARTS.items():
    check("\nExecStart=%s/ctpolicy %s\n" % (sbindir, words) in made[service],
          "the program's path", made[service])
    check(not re.search(r"@(?!system-service|module|resources|mount|swap|reboot"
                        r"|raw-io|obsolete|debug|cpu-emulation|clock)\w+",
                        made[service]), "nothing is left to replace", service)
check("\nPathExists=/var/lib/ctpolicy/main/pending\n" in made[PATH],
      "what is watched")
if shutil.which("systemd-analyze"):
    judge(made)
    judge(made, modules)
print("units: %d faults" % faults)
sys.exit(bool(faults))
