# SPDX-License-Identifier: GPL-2.0-or-later
"""The RPM: rpmbuild packages, by the spec, what this build has made; its files
and scripts are those of the spec, and rpmlint has nothing to say to either.
It does not compile all of it a second time."""
import os
import re
import shutil
import subprocess
import sys

for folder in ("lint", "netns"):
    sys.path.insert(0, os.path.join(os.environ["srcdir"], "tests", folder))
import cost                                                 # noqa: E402
import source                                               # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

SOURCE = os.path.abspath(os.environ["srcdir"])
BUILD = os.path.abspath(os.environ["builddir"])
TMP = os.environ["TMPDIR"]
FOLDER = os.path.join(SOURCE, "contrib", "rpm")
SPEC = os.path.join(FOLDER, "ctpolicy.spec")
DEFINED = {
    "_topdir": TMP + "/rpm",
    "_dbpath": TMP + "/db",
    "_unitdir": "/usr/lib/systemd/system",
    "configure": "%{nil}",
    "make_build": "%{nil}",
    "make_install": "make -s -C %s install prefix=/usr sysconfdir=/etc "
                    "DESTDIR=%%{buildroot}" % BUILD,
    "debug_package": "%{nil}",
}


def run(*words):
    return subprocess.run(words, env=dict(source.own_environment(), HOME=TMP),
                          check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def build():
    name, version = (re.search(r"^%s: +(\S+)" % key, text, re.M)[1]
                     for key in ("Name", "Version"))
    tree = "%s-%s" % (name, version)
    os.makedirs(os.path.join(TMP, tree))
    os.makedirs(os.path.join(TMP, "rpm", "SOURCES"))
    for path in ("COPYING", "README.md", "NEWS.md"):
        shutil.copy(os.path.join(SOURCE, path), os.path.join(TMP, tree, path))
    subprocess.run(["tar", "-C", TMP, "-cJf", os.path.join(
        TMP, "rpm", "SOURCES", tree + ".tar.xz"), tree], check=True)
    defines = [word for pair in DEFINED.items()
               for word in ("-D", "%s %s" % pair)]
    made = run("rpmbuild", "-bb", "--nodeps", "--nocheck", *defines, SPEC)
    found = re.search(r"^Wrote: (\S+)$", made.stdout, re.M)
    check(found, "rpmbuild", made.stdout[-3000:])
    return found and found[1], version


def own_lintrc():
    """A sanitized program is linked to one place, which no package is."""
    path = os.path.join(TMP, "rpmlintrc")
    shutil.copy(os.path.join(FOLDER, "ctpolicy.rpmlintrc"), path)
    if cost.is_sanitized():
        with open(path, "a") as f:
            f.write('addFilter("position-independent-executable-suggested")\n')
    return path


def lint(path):
    said = run("rpmlint", "-r", own_lintrc(), "--ignore-unused-rpmlintrc",
               path).stdout
    check(re.search(r" 0 errors, 0 warnings,", said), "rpmlint", said)


def about(package):
    files = run("rpm", "-qlp", package).stdout.split("\n")
    for path in ("/usr/sbin/ctpolicy", "/etc/ctpolicy/policy.d",
                 "/usr/lib/systemd/system/ctpolicy.service",
                 "/usr/share/ctpolicy/schema/ctpolicy.schema.json",
                 "/usr/share/zsh/site-functions/_ctpolicy"):
        check(path in files, path, "is not in the package")
    scripts = run("rpm", "-qp", "--scripts", package).stdout
    check("ctpolicy remove" in scripts and "%" not in scripts, "scripts",
          scripts)
    for name in ("postin", "preun", "postun"):
        script = run("rpm", "-qp", "--qf", "%%{%s}" % name.upper(), package).stdout
        check("systemctl" in script and not run("sh", "-nc", script).stdout,
              name, script)


if not shutil.which("rpmbuild") or not shutil.which("rpmlint"):
    print("not installed: rpm, rpmlint")
    sys.exit(77)
with open(SPEC) as spec:
    text = spec.read()
made, version = build()
with open(os.path.join(SOURCE, "configure.ac")) as script:
    check("AC_INIT([ctpolicy], [%s])" % version in script.read(), "version")
lint(SPEC)
if made:
    lint(made)
    about(made)
tally.end("rpm: ")
