#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The systemd units, under a systemd that runs: rules at boot before there is a
network, behind nftables.service and again when it reloads; a broken policy falls
back; a flush by hand is repaired by the watcher; a trial outlives the service
that began it. None of their calls is one that the units forbid."""
import json
import os
import shutil
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import metrics                                              # noqa: E402
from services import POLICY, POLICY_FILE, PROGRAM, Booted   # noqa: E402
from traffic import Echo                                    # noqa: E402

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
LOGIN = """import socket, socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            said = self.request.recv(1)
            if not said:
                break
            self.request.sendall(said)
class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
Server(("::", 22), Echo).serve_forever()
"""


def setUpModule():
    lab.require_ctpolicy()
    Service.lab = lab.Lab()
    Echo(Service.lab.server, 80)


class Service(Booted):
    def prepare(self, backend, rules=RULES,
                enable=("ctpolicy.service", "ctpolicy-restore.service")):
        self.machine.write("/etc/nftables.conf", rules, 0o755)
        self.install(backend, ("nftables.service",) + enable)

    def test_boot_and_reload(self):
        self.prepare("nftables")
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
        self.prepare("iptables", "flush ruleset\n")
        self.machine.boot()
        self.in_force()
        self.well()

    def test_watch(self):
        self.prepare("nftables", enable=("ctpolicy.service",
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
                self.tearDown()
                self.setUp()

    def written(self, backend):
        folder, other = "/var/lib/prometheus/node-exporter", "/srv/metrics"
        m = self.machine
        self.prepare(backend, RULES if backend == "nftables" else
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

    def test_nobody_is_locked_out(self):
        """What sshd serves is seen by the service, which cannot be asked."""
        self.policy = POLICY + (
            "  - {name: ssh, role: server, protocol: tcp, ports: [22], "
            "accept: none,\n     why: test, override: [drops]}\n")
        stateful = RULES.replace("dport 80", "dport { 22, 80 }")
        self.prepare("nftables", stateful.replace("22, 80 } ct state new",
                                                  "22, 80 }"))
        self.machine.boot()
        self.in_force()
        server = self.machine.root + "/usr/local/sbin/sshd"
        shutil.copy(os.path.realpath("/usr/bin/python3"), server)
        self.machine.write("/srv/login.py", LOGIN)
        self.machine.run("systemd-run -q /usr/local/sbin/sshd /srv/login.py")
        self.wait("ss -Hltn sport = 22", "LISTEN")
        for version in lab.VERSIONS:
            with self.lab.client.socket(lab.FAMILY[version],
                                        socket.SOCK_STREAM) as login:
                login.settimeout(5)
                login.connect((lab.address("server", version), 22))
                self.assertEqual(self.talk(login), b"x")
                self.machine.write("/etc/nftables.conf", stateful, 0o755)
                self.machine.run("nft -f /etc/nftables.conf")
                self.wait("journalctl -o cat -u ctpolicy-watch",
                          "this may lock you out")
                self.assertEqual(self.talk(login), b"x")
            self.machine.write("/etc/nftables.conf", stateful.replace(
                "22, 80 } ct state new", "22, 80 }"), 0o755)
            self.machine.run("nft -f /etc/nftables.conf")
            self.in_force()
            self.machine.run("journalctl --rotate; "
                             "journalctl --vacuum-time=1s -q", check=False)

    @staticmethod
    def talk(login):
        login.sendall(b"x")
        return login.recv(1)

    def test_a_trial_outlives_its_service(self):
        self.prepare("nftables", enable=("ctpolicy-confirm.path",))
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
