#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd units, under a systemd that runs: rules at boot before there is a
network, behind nftables.service and again when it reloads; a broken policy falls
back; a flush by hand is repaired by the watcher; a trial outlives the service
that began it. None of their calls is one that the units forbid."""
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import booted                                               # noqa: E402
import lab                                                  # noqa: E402
import metrics                                              # noqa: E402
from traffic import Echo, tcp_exchange                      # noqa: E402

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
RULES = """#!/usr/sbin/nft -f
flush ruleset
table inet host {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        iifname "lo" accept
        meta l4proto { icmp, ipv6-icmp } accept
        tcp dport 80 ct state new accept
    }
}
"""


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, 80)


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


class Service(unittest.TestCase):
    def setUp(self):
        self.machine = booted.Machine(LAB.server)

    def tearDown(self):
        self.machine.close()
        LAB.clear()

    def install(self, backend, rules=RULES, enable=("ctpolicy.service",
                                               "ctpolicy-restore.service")):
        m = self.machine
        os.makedirs(os.path.dirname(m.root + PROGRAM), exist_ok=True)
        shutil.copy(lab.CTPOLICY, m.root + PROGRAM)
        for name in UNITS:
            m.write("/etc/systemd/system/" + name, unit(name))
        m.write(POLICY_FILE, POLICY % backend)
        m.write("/etc/nftables.conf", rules, 0o755)
        for name in ("nftables.service",) + enable:
            self.enable(name)

    def enable(self, name):
        """As `systemctl enable`, by the unit's own words."""
        folder = "/etc/systemd/system/"
        here = self.machine.root
        path = folder + name
        if not os.path.exists(here + path):
            path = "/lib/systemd/system/" + name
        with open(here + path) as text:
            target = re.search(r"^WantedBy=(\S+)", text.read(), re.M)[1]
        os.makedirs(here + folder + target + ".wants", exist_ok=True)
        os.symlink(path, here + folder + target + ".wants/" + name)

    def served(self, wanted="ok"):
        events = lab.NewEntries(LAB.server)
        for version in lab.VERSIONS:
            self.assertEqual(tcp_exchange(
                LAB.client, version, lab.address("server", version), 80,
                timeout=5 if wanted == "ok" else 1), wanted, self.log())
        self.assertEqual(events.take(), [])
        events.close()

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
        self.fail("%s: %s\n%s" % (command, said, self.log()))

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

    def test_boot_and_reload(self):
        self.install("nftables")
        self.machine.boot()
        self.in_force()
        self.well()
        said = json.loads(self.machine.run(PROGRAM + " status --json"))
        self.assertEqual((said["history"][0]["unit"], said["history"][0]["user"],
                          said["history"][0]["tty"]),
                         ("ctpolicy.service", "root", None), said["history"])
        done = self.since("ctpolicy.service", "ActiveEnterTimestampMonotonic")
        self.assertLess(done, self.since("network-pre.target",
                                         "ActiveEnterTimestampMonotonic"))
        self.assertGreater(done, self.since("nftables.service",
                                            "ExecMainExitTimestampMonotonic"))
        for verb in "reload", "restart":
            self.machine.run("systemctl %s nftables" % verb)
            self.in_force()
        # a file that is only edited, or broken, is not applied by a reload
        for text in (POLICY % "nftables").replace("[80]", "[81]"), "nonsense":
            self.machine.write(POLICY_FILE, text)
            for verb in "reload", "restart":
                self.machine.run("systemctl %s nftables" % verb)
                # one transaction has all of it
                self.wait("nft list tables", "ctpolicy")
                self.served()
        self.machine.run("systemctl restart ctpolicy")
        self.wait("journalctl -o cat -u ctpolicy", "CT840")
        self.served()
        # what was removed stays removed
        self.machine.run(PROGRAM + " remove -q")
        for verb in "reload", "restart":
            self.machine.run("systemctl %s nftables" % verb)
            self.wait("systemctl is-active ctpolicy-restore", "inactive")
            self.assertNotIn("ctpolicy", self.machine.run("nft list tables"))
        self.well()

    def test_iptables(self):
        self.install("iptables", "flush ruleset\n")
        self.machine.boot()
        self.in_force()
        self.well()

    def test_watch(self):
        self.install("nftables", enable=("ctpolicy.service",
                                         "ctpolicy-watch.service"))
        self.machine.boot()
        self.wait("journalctl -o cat -u ctpolicy-watch", "is in force")
        self.machine.run("nft -f /etc/nftables.conf")
        self.wait("journalctl -o cat -u ctpolicy-watch",
                  "written by nft (process ")
        self.in_force()
        self.machine.run("systemctl reload ctpolicy-watch")
        self.machine.run("systemctl stop ctpolicy-watch")
        self.well()

    def test_metrics(self):
        """Written by the timer, again and again, also to another folder; a
        folder that is not there is a failure that says so."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                self.written(backend)
                self.machine.close()
                LAB.clear()
                self.machine = booted.Machine(LAB.server)

    def written(self, backend):
        folder, other = "/var/lib/prometheus/node-exporter", "/srv/metrics"
        m = self.machine
        self.install(backend, RULES if backend == "nftables" else
                     "flush ruleset\n", ("ctpolicy.service",
                                         "ctpolicy-metrics.timer"))
        m.write("/etc/systemd/system/ctpolicy-metrics.timer.d/sooner.conf",
                "[Timer]\nOnActiveSec=\nOnActiveSec=0\n"
                "OnUnitActiveSec=1s\nAccuracySec=1us\n")
        os.makedirs(m.root + folder)
        m.boot()
        self.in_force()
        self.wait("cat %s/ctpolicy.prom" % folder,
                  "ctpolicy_untracked_share_ratio 1.0")
        first = m.run("stat -c %%i.%%Y %s/ctpolicy.prom" % folder)
        self.wait("[ $(stat -c %%i.%%Y %s/ctpolicy.prom) = %s ] || echo new" %
                  (folder, first.strip()), "new")
        with open(m.root + folder + "/ctpolicy.prom") as source:
            found = metrics.parse(source.read())
        self.assertEqual(metrics.value(found, "ctpolicy_last_run_success"), 1)
        self.assertEqual(os.listdir(m.root + folder), ["ctpolicy.prom"])
        self.well()
        m.run("mkdir -p " + other)
        m.write("/etc/systemd/system/ctpolicy-metrics.service.d/folder.conf",
                "[Service]\nEnvironment=FOLDER=%s\nReadWritePaths=%s\n" %
                (other, other))
        m.run("systemctl daemon-reload && systemctl start ctpolicy-metrics")
        self.assertIn("ctpolicy_info", m.run("cat %s/*" % other))
        m.run("systemctl stop ctpolicy-metrics.timer; rm -r %s" % other)
        m.write("/etc/systemd/system/ctpolicy-metrics.service.d/folder.conf",
                "[Service]\nEnvironment=FOLDER=/srv/none\n")
        said = m.run("systemctl daemon-reload; "
                     "systemctl start ctpolicy-metrics", check=False)
        self.assertIn("failed", said)
        self.assertIn("CT833", self.log("ctpolicy-metrics"))

    def test_a_trial_outlives_its_service(self):
        self.install("nftables", enable=("ctpolicy-confirm.path",))
        self.machine.boot()
        self.machine.run("systemd-run --wait -q %s apply --confirm 4s %s" %
                         (PROGRAM, POLICY_FILE))
        self.in_force()
        self.wait("%s diff %s >/dev/null 2>&1; echo $?" %
                  (PROGRAM, POLICY_FILE), "1")
        self.wait("journalctl -o cat -u ctpolicy-confirm",
                  "has been rolled back and verified")
        self.well()


if __name__ == "__main__":
    unittest.main()
