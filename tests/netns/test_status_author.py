#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""status: who made each change, and whether the file of the policy that is in
force still says what was applied."""
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fault"))
import history                                              # noqa: E402
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

FIRST, SECOND = history.PATHS


def status(host):
    return json.loads(host.run("status", "--json")), host.run("status")


def who_is_it(text):
    """Of this process, by /proc alone."""
    with open("/proc/self/loginuid") as f:
        login = int(f.read())
    login = os.getuid() if login == 2 ** 32 - 1 else login
    with open("/etc/passwd") as f:
        names = [line.split(":")[0] for line in f
                 if line.split(":")[2:3] == [str(login)]]
    name = names[0] if names else str(login)
    check(", by " + name in text, "who it was", text)
    return name


def author(host):
    """Who made a change, and on which terminal; a variable proves nothing."""
    pty, tty = os.openpty()
    name = os.ttyname(tty)[len("/dev/"):]

    def take_terminal():
        os.setsid()
        fcntl.ioctl(tty, termios.TIOCSCTTY, 0)

    process = host.space.popen(
        host.command("apply", SECOND), stdin=tty, stdout=subprocess.DEVNULL,
        env=dict(os.environ, SUDO_USER="nobody", SUDO_UID="65534",
                 USER="nobody", LOGNAME="nobody"), preexec_fn=take_terminal)
    check(process.wait() == 0, "applied on a terminal")
    os.close(tty)
    said, text = status(host)
    newest = said["history"][0]
    check((newest["user"], newest["via"], newest["tty"], newest["unit"]) ==
          (who_is_it(text), None, name, None), "who made it", newest)
    check(re.search(r"policy +%s, applied [-0-9: ]+, by \S+ on %s "
                    r"\(change %d\)" % (SECOND, name, newest["change"]), text),
          "says so", text)
    # a second apply of a changed file changes no rule, and no author
    path = os.path.join(lab.WORK, "again.yaml")
    with open(SECOND) as old, open(path, "w") as new:
        new.write(old.read() + "# the same\n")
    host.run("apply", path)
    again = status(host)[0]["history"][0]
    check((again["policy"], again["tty"], again["change"]) ==
          (path, name, newest["change"]), "its author stays", again)
    os.close(pty)
    host.run("apply", FIRST)
    newest = status(host)[0]["history"][0]
    check(newest["tty"] != name and newest["user"], "each its own", newest)


def its_file(host):
    """Whether the file says what was applied, wherever status is run."""
    folder = os.path.join(lab.WORK, "here")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "p.yaml")
    shutil.copy(FIRST, path)
    host.run("remove")
    check(status(host)[0]["policy"] is None, "none is in force")
    process = host.space.popen([os.path.abspath(lab.CTPOLICY)] + host.command(
        "apply", "p.yaml")[1:], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    check(process.wait() == 0, "applied")
    said = status(host)[0]
    policy = said["policy"]
    check((policy["path"], policy["changed"], policy["change"]) ==
          (path, False, said["history"][0]["change"]) and
          policy["digest"] == said["history"][0]["policy_digest"] and
          re.fullmatch("[0-9a-f]{16}", policy["digest"]), "as it is", policy)
    with open(path, "a") as out:
        out.write("# more\n")
    said, text = status(host)
    check(said["policy"]["changed"] is True and said["drift"]["rules"] == 0 and
          "was changed since" in text, "an edited file is no drift", text)
    os.unlink(path)
    said, text = status(host)
    check(said["policy"]["changed"] is True and
          "is gone; what was applied is still on record" in text,
          "the file is gone", text)
    host.run("apply", FIRST)


def main():
    lab.require_ctpolicy()
    for backend in lab.BACKENDS:
        host = history.Host(backend)
        host.run("apply", FIRST)
        for part in (author, its_file):
            tally.case("%s: %s" % (backend, part.__name__), part, host)
    tally.end()


main()
