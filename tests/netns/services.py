# SPDX-License-Identifier: GPL-2.0-or-later
"""A booted machine with ctpolicy's units as make installs them, for tests."""
import os
import re
import shutil
import subprocess
import time
import unittest

import booted
import lab
from traffic import web_exchanges

BUILD = os.environ.get("builddir", ".")
SOURCE = os.environ.get("srcdir", ".")
UNITS = ("ctpolicy.service", "ctpolicy-watch.service",
         "ctpolicy-restore.service",
         "ctpolicy-confirm.service", "ctpolicy-confirm.path",
         "ctpolicy-metrics.service", "ctpolicy-metrics.timer")
PROGRAM = "/usr/local/sbin/ctpolicy"
PATIENCE = 30
POLICY = """version: 1
state_matching: allowed
backend: %s
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80]}
"""


def default_policy():
    """Where the program looks when it is given none."""
    said = subprocess.run([lab.CTPOLICY, "check"], text=True, check=False,
                          cwd="/", stderr=subprocess.PIPE).stderr
    found = re.search(r"without a name it is (\S+)", said)
    return found[1] if found else "/etc/ctpolicy/policy.yaml"


POLICY_FILE = default_policy()


def unit(name):
    """As it would be installed, with the program's path of the machine."""
    made = os.path.join(BUILD, "contrib/systemd", name)
    if not os.path.exists(made):
        made = os.path.join(SOURCE, "contrib/systemd", name)
    with open(made) as source:
        text = re.sub(r"=\S+/ctpolicy ", "=%s " % PROGRAM, source.read())
    # a build with sanitizers looks for leaks by calls that the units forbid
    return text.replace("[Service]\n", "[Service]\nEnvironment="
                        "ASAN_OPTIONS=detect_leaks=0\n")


class Booted(unittest.TestCase):
    """A test has a machine of its own; its module made the laboratory."""

    lab = None
    over = ()
    policy = POLICY
    machine = None

    def setUp(self):
        self.machine = booted.Machine(self.lab.server, self.over)

    def tearDown(self):
        self.machine.close()
        self.lab.clear()

    def install(self, backend, enable):
        m = self.machine
        os.makedirs(os.path.dirname(m.root + PROGRAM), exist_ok=True)
        shutil.copy(lab.CTPOLICY, m.root + PROGRAM)
        for name in UNITS:
            m.write("/etc/systemd/system/" + name, unit(name))
        m.write(POLICY_FILE, self.policy % backend)
        for name in enable:
            self.enable(name)

    def enable(self, name):
        """As `systemctl enable`, by the unit's own words."""
        folder = "/etc/systemd/system/"
        here = self.machine.root
        path = folder + name
        if not os.path.exists(here + path):
            path = "/lib/systemd/system/" + name
        with open(here + path) as text:
            said = dict(re.findall(r"^(WantedBy|Also)=(.*)", text.read(),
                                   re.M))
        for target in said["WantedBy"].split():
            wants = here + folder + target + ".wants/"
            os.makedirs(wants, exist_ok=True)
            if not os.path.lexists(wants + name):
                os.symlink(path, wants + name)
        for other in said.get("Also", "").split():
            if other.startswith("ctpolicy"):
                self.enable(other)

    def served(self, wanted="ok"):
        self.assertEqual(
            web_exchanges(self.lab, 5 if wanted == "ok" else 1),
            ([wanted] * len(lab.VERSIONS), []), self.log())

    def log(self, name="ctpolicy*"):
        return self.machine.run("journalctl -o cat -u '%s'" % name,
                                check=False)

    def wait(self, command, wanted):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            said = self.machine.run(command, check=False)
            if wanted in said:
                return
            time.sleep(.1)
        self.fail("%s: %s\n%s" % (command, said, self.log("*")))

    def in_force(self):
        self.wait("%s diff %s >/dev/null 2>&1 && echo yes" %
                  (PROGRAM, POLICY_FILE), "yes")
        self.served()

    def since(self, name, what):
        said = self.machine.run("systemctl show -P %s %s" % (what, name))
        return int(said)

    def well(self):
        failed = self.machine.run("systemctl --failed --plain --no-legend")
        self.assertNotIn("ctpolicy", failed, self.log())
