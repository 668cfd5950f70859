# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make install` puts where others look for it: completions, units, pages,
and examples whose schema is found wherever they are copied to."""
import os
import re
import subprocess
import sys

import source

sys.path.insert(0, os.path.join(os.environ["srcdir"], "tests", "netns"))
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

CTPOLICY = os.environ["CTPOLICY"]
ROOT = os.path.join(os.environ["TMPDIR"], "root")


def read(path):
    with open(path, "rb") as kept:
        return kept.read()


def install():
    run = subprocess.run(
        ["make", "-s", "-C", os.environ["builddir"], "install", "prefix=/usr",
         "sysconfdir=/etc", "DESTDIR=" + ROOT], env=source.own_environment(),
        check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(run.returncode == 0, "make install", run.stdout)


def main():
    install()
    found = set()
    for folder, _, files in os.walk(ROOT):
        found |= {os.path.join(folder, name)[len(ROOT):] for name in files}
    share = "/usr/share/"
    for path in ("/usr/sbin/ctpolicy", "/usr/lib/systemd/system/ctpolicy.service",
                 share + "bash-completion/completions/ctpolicy",
                 share + "zsh/site-functions/_ctpolicy",
                 share + "fish/vendor_completions.d/ctpolicy.fish",
                 share + "man/man8/ctpolicy.8",
                 share + "man/man5/ctpolicy.yaml.5"):
        check(path in found, path, "is not installed")
    examples = [p for p in found if p.startswith(share + "ctpolicy/examples/")]
    check(len(examples) > 5, "the examples", found)
    for page in source.tracked():
        if re.match(r"docs/.*\.md$", page):
            check(share + "doc/ctpolicy/" + page in found, page,
                  "is not installed")
    schema = subprocess.run([CTPOLICY, "schema"], check=True,
                            stdout=subprocess.PIPE).stdout
    for path in examples:
        line = re.search(rb"^# yaml-language-server: \$schema=(/\S+)$",
                         read(ROOT + path), re.M)
        check(line and read(ROOT + line[1].decode()) == schema,
              path, "names no schema")
        check(os.stat(ROOT + path).st_mode & 0o777 == 0o644, path, "mode")
        kept = os.path.join(os.environ["srcdir"], "policies", "examples",
                            os.path.basename(path))
        check(read(kept).splitlines()[2:] == read(ROOT + path).splitlines()[2:],
              path, "is not the example")
    stray = [p for p in found if not p.startswith(
        ("/usr/sbin/", "/usr/lib/systemd/", share))]
    check(not stray, "elsewhere", stray)
    tally.end("%d files installed: " % len(found))


main()
