#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ctpolicy's units beside those of ufw, firewalld and docker, as their packages
have them, under a systemd that runs: ctpolicy's rules come behind theirs and
before there is a network; however these are reloaded or restarted, they are back
at once, verified, once for each time, and nobody is fought."""
import os
import re
import shutil
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import firewalls                                            # noqa: E402
import lab                                                  # noqa: E402
from services import POLICY, Booted                         # noqa: E402
from traffic import Echo                                    # noqa: E402

SERVICES = firewalls.SERVICES
# Measured here below a second; a machine that does other work is given more.
UFW_RULE = """### tuple ### allow tcp 80 %s any %s in
-A %s-user-input -p tcp --dport 80 -j ACCEPT
"""
DOCKER = """{"storage-driver": "vfs", "userland-proxy": false,
 "ipv6": true, "fixed-cidr-v6": "fd00:17::/64", "ip6tables": true,
 "experimental": true}
"""
POLKIT = "org.fedoraproject.FirewallD1"
ZONE = """<?xml version="1.0" encoding="utf-8"?>
<zone><short>Public</short><port protocol="tcp" port="80"/></zone>
"""


def setUpModule():
    lab.require_ctpolicy()
    Booted.lab = lab.Lab()
    Echo(Booted.lab.server, 80)


class Firewall(Booted):
    package = unit = None
    over = (firewalls.UNPACKED,)

    def setUp(self):
        if self.package:
            firewalls.require(self.package)
        super().setUp()

    def use_iptables(self, dialect):
        folder = self.machine.root + "/etc/alternatives/"
        for tool in "iptables", "ip6tables":
            for way in "", "-save", "-restore":
                path = folder + tool + way
                if os.path.lexists(path):
                    os.unlink(path)
                os.symlink("/usr/sbin/%s-%s%s" % (tool, dialect, way), path)

    def begin(self, backend):
        """What `systemctl enable ctpolicy` enables is enough."""
        self.install(backend, ("ctpolicy.service", self.unit))
        self.machine.boot()
        self.wait("systemctl is-active -q %s && echo yes" % self.unit, "yes")
        self.in_force()
        self.well()

    def comes_in_order(self):
        """Behind the firewall, and before a network."""
        done = self.since("ctpolicy.service", "ActiveEnterTimestampMonotonic")
        self.assertLess(self.since(self.unit, "ActiveEnterTimestampMonotonic"),
                        done)
        self.assertLess(done, self.since("network-pre.target",
                                         "ActiveEnterTimestampMonotonic"))

    def survives(self, command):
        self.machine.run(command)
        begun = time.monotonic()
        self.in_force()
        print("%s: in force after %.2f s" % (
            command, time.monotonic() - begun), flush=True)
        # of what the firewall goes on doing nothing comes undone
        time.sleep(1)
        self.in_force()
        self.well()

    def ends_in_peace(self):
        said = self.log("ctpolicy-watch")
        self.assertNotRegex(said, "next attempt is in|could not be put back|"
                                  "cannot tell whether")


class Ufw(Firewall):
    package, unit = "ufw", "ufw.service"

    def play(self, dialect, backend):
        root = self.machine.root
        self.use_iptables(dialect)
        for folder, wanted in (("/usr/share/ufw", r"ufw\.conf|.*\.init"),
                               ("/usr/share/ufw/iptables", r".*\.rules")):
            for name in os.listdir(root + folder):
                if re.fullmatch(wanted, name):
                    shutil.copy("%s%s/%s" % (root, folder, name),
                                root + "/etc/ufw/")
        with open(root + "/etc/ufw/ufw.conf", "a") as conf:
            conf.write("ENABLED=yes\n")
        for name, chain, anywhere in (("user.rules", "ufw", "0.0.0.0/0"),
                                      ("user6.rules", "ufw6", "::/0")):
            path = "/etc/ufw/" + name
            with open(root + path) as old:
                text = old.read()
            self.machine.write(path, text.replace(
                "### RULES ###\n", "### RULES ###\n" + UFW_RULE % (
                    anywhere, anywhere, chain)), 0o640)
        self.begin(backend)
        self.comes_in_order()
        for command in ("systemctl restart ufw", "ufw reload",
                        "ufw allow 81/tcp"):
            self.survives(command)
        self.ends_in_peace()

    def test_iptables_nft(self):
        self.play("nft", "nftables")

    def test_iptables_legacy(self):
        self.play("legacy", "iptables")


class Firewalld(Firewall):
    package, unit = "firewalld", "firewalld.service"

    def test_nftables(self):
        self.machine.write("/etc/firewalld/zones/public.xml", ZONE)
        # as its package does when it is set up
        actions = self.machine.root + "/usr/share/polkit-1/actions/"
        shutil.copy(actions + POLKIT + ".server.policy.choice",
                    actions + POLKIT + ".policy")
        self.begin("nftables")
        self.comes_in_order()
        for command in ("systemctl reload firewalld",
                        "systemctl restart firewalld",
                        "firewall-cmd --reload",
                        "firewall-cmd --complete-reload"):
            self.survives(command)
        self.ends_in_peace()


class Docker(Firewall):
    """The daemon itself, which has no containers, and publishes nothing."""

    unit = "docker.service"
    over = ()
    policy = POLICY + """  - name: transit
    role: router
    protocol: tcp
    ports: [9000]
    clients: [192.0.2.0/24, "2001:db8:1::/64"]
"""

    def setUp(self):
        for package in "docker.io", "containerd", "runc":
            firewalls.require(package, SERVICES)
        super().setUp()

    def play(self, dialect, backend):
        root = self.machine.root
        self.use_iptables(dialect)
        for name in "docker.service", "docker.socket", "containerd.service":
            shutil.copy(SERVICES + "/usr/lib/systemd/system/" + name,
                        root + "/etc/systemd/system/")
        for name in ("/usr/sbin/dockerd", "/usr/bin/containerd",
                     "/usr/sbin/runc"):
            os.symlink(SERVICES + name, root + name)
        self.machine.write("/etc/docker/daemon.json", DOCKER)
        with open(root + "/etc/group", "a") as groups:
            groups.write("docker:x:999:\n")
        self.begin(backend)
        for command in ("systemctl reload docker",
                        "systemctl restart docker"):
            self.survives(command)
        self.ends_in_peace()

    def test_iptables_nft(self):
        self.play("nft", "nftables")

    def test_iptables_legacy(self):
        self.play("legacy", "iptables")


def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(case)
                              for case in (Ufw, Firewalld, Docker))


if __name__ == "__main__":
    unittest.main()
