# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package, built by dpkg-buildpackage and judged by lintian, on a
machine that systemd has booted: installing it changes no rule and starts
nothing; an upgrade leaves rules and policy alone, and a watcher goes on; who
removes it removes its rules, or is told that he does not; and a purge leaves
nothing behind."""
import os
import re
import shutil
import subprocess
import sys
import unittest

TOP = os.environ.get("srcdir") or "."
for folder in ("lint", "netns"):
    sys.path.insert(0, os.path.join(TOP, "tests", folder))
import booted                                               # noqa: E402
import lab                                                  # noqa: E402
import source                                               # noqa: E402

TOOLS = ("dpkg-buildpackage", "dh", "lintian")
RECORD = "/var/lib/ctpolicy"
POLICY = """version: 1
state_matching: allowed
backend: %s
untracked:
  - {name: web, role: server, protocol: tcp, ports: [%d], accept: none}
"""
UNITS = ("ctpolicy.service", "ctpolicy-restore.service",
         "ctpolicy-watch.service", "ctpolicy-metrics.timer",
         "ctpolicy-metrics.service", "ctpolicy-confirm.path",
         "ctpolicy-confirm.service")
# What dpkg, ldconfig and systemd write for any package.
OTHERS = re.compile(
    r"^/(etc/(ld\.so\.cache|mtab|machine-id)|usr/share/info/dir|run/(systemd|"
    r"lock|user|utmp|xtables\.lock|log)|var/(cache|log|tmp)/|var/lib/(dpkg|"
    r"systemd/(?!deb-systemd-helper)|private|pam))")


def on_this_machine(command, **options):
    """Where dpkg finds its records, which tests/run hides."""
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", 'umount /var/lib; exec "$@"', "sh"] +
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False, **options)


def succeeded(run):
    if run.returncode:
        sys.exit("exit %d\n%s" % (run.returncode, run.stdout[-4000:]))
    return run.stdout


def build(room):
    """The package, of the files as they are now; fast, not small."""
    tree = os.path.join(room, "ctpolicy")
    for path in source.tracked():
        os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
        shutil.copy2(os.path.join(source.TOP, path), os.path.join(tree, path))
    env = dict(source.own_environment(),
               DEB_BUILD_OPTIONS="nocheck noautodbgsym parallel=%d"
               % os.cpu_count(), DEB_CFLAGS_SET="-O0", DEB_CPPFLAGS_SET="",
               HOME=room)
    succeeded(on_this_machine(["dpkg-buildpackage", "-us", "-uc"], cwd=tree,
                              env=env))
    made = {name.rsplit(".", 1)[1]: os.path.join(room, name)
            for name in os.listdir(room) if "." in name}
    return made["deb"], made["changes"]


def newer(deb, room):
    """The same package, of the next version."""
    tree = os.path.join(room, "newer")
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = os.path.join(tree, "DEBIAN", "control")
    with open(control) as text:
        changed = re.sub(r"^Version: .*", r"\g<0>+next", text.read(),
                         flags=re.M)
    with open(control, "w") as out:
        out.write(changed)
    made = os.path.join(room, "newer.deb")
    subprocess.run(["dpkg-deb", "-Zgzip", "-b", tree, made], check=True,
                   stdout=subprocess.DEVNULL)
    return made


def setUpModule():
    global DEB, CHANGES, NEWER, LAB
    lab.become_root()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        lab.skip("not installed: " + ", ".join(missing))
    LAB = lab.Lab()
    room = os.path.join(lab.WORK, "package")
    os.makedirs(room)
    DEB, CHANGES = build(room)
    NEWER = newer(DEB, room)


class Package(unittest.TestCase):
    def test_lintian(self):
        run = on_this_machine(["lintian", "--allow-root", "--fail-on",
                               "error,warning", CHANGES])
        self.assertEqual((run.returncode, run.stdout), (0, ""))


class Installed(unittest.TestCase):
    def setUp(self):
        self.m = m = booted.Machine(LAB.server)
        self.addCleanup(LAB.clear)
        self.addCleanup(m.close)
        m.boot()
        # what containers have lest anything is stopped or started
        m.run("rm -f /usr/sbin/policy-rc.d /var/lib/man-db/auto-update; "
              "umount %s; rm -rf %s" % (RECORD, RECORD), check=False)
        for name, path in (("old.deb", DEB), ("new.deb", NEWER)):
            shutil.copy(path, m.root + "/root/" + name)
        m.run("touch /root/stamp")

    def dpkg(self, words, env="", check=True):
        return self.m.run("%s dpkg %s 2>&1" % (env, words), check=check)

    def rules(self):
        return self.m.run("nft -a list ruleset; iptables-legacy-save 2>&1 | "
                          "grep -v '^#'", check=False)

    def state(self, unit, what):
        return self.m.run("systemctl show -P %s %s" % (what, unit)).strip()

    def left(self):
        """Files and links that are newer than the test."""
        found = self.m.run("find /etc /lib /run /usr /var -xdev -cnewer "
                           "/root/stamp ! -type d; find /etc /run /var -xdev "
                           "-name '*ctpolicy*'", check=False)
        return [line for line in found.splitlines() if not OTHERS.search(line)]

    def use(self, backend, port):
        self.m.write("/etc/ctpolicy/policy.yaml", POLICY % (backend, port))

    def applied(self, backend):
        """Installed, and applied by its units."""
        self.dpkg("-i /root/old.deb")
        self.use(backend, 80)
        self.m.run("systemctl enable --now ctpolicy ctpolicy-watch")
        self.m.run("ctpolicy diff")
        self.assertRegex(self.rules(), "(?i)notrack")

    def gone(self, rules=""):
        """No rule, no process, and no file but the owner's policy."""
        self.assertEqual(self.rules(), rules)
        self.assertEqual(self.m.run("pgrep -x ctpolicy || echo none"), "none\n")
        self.assertEqual(self.left(), ["/etc/ctpolicy/policy.yaml",
                                       "/etc/ctpolicy"])

    def test_install_and_purge(self):
        before = self.rules()
        self.dpkg("-i /root/old.deb")
        self.assertEqual(self.rules(), before)
        for unit in UNITS:
            self.assertEqual(self.state(unit, "LoadState"), "loaded", unit)
            self.assertEqual(self.state(unit, "ActiveState"), "inactive", unit)
            self.assertIn(self.state(unit, "UnitFileState"),
                          ("disabled", "static"), unit)
        self.m.run("test -d /etc/ctpolicy/policy.d && ! test -e " + RECORD)
        with open(os.path.join(TOP, "debian", "tests", "smoke")) as smoke:
            self.m.write("/root/smoke", smoke.read(), 0o755)
        self.m.run("/root/smoke")
        self.m.run("mkdir -p /var/lib/prometheus/node-exporter; systemctl enable "
                   "--now ctpolicy-metrics.timer; systemctl enable ctpolicy; "
                   "systemctl start ctpolicy-metrics.service")
        self.dpkg("--purge ctpolicy")
        self.assertEqual(self.left(), [])

    def upgraded(self):
        rules = self.rules()
        ran = self.state("ctpolicy.service", "InvocationID")
        watcher = self.state("ctpolicy-watch.service", "MainPID")
        self.use("nftables", 81)
        self.dpkg("-i /root/new.deb")
        self.assertIn("+next", self.m.run("dpkg-query -W ctpolicy"))
        self.assertEqual(self.rules(), rules)
        self.assertEqual(self.state("ctpolicy.service", "InvocationID"), ran)
        now = self.state("ctpolicy-watch.service", "MainPID")
        self.assertNotIn(now, (watcher, "0"))
        for unit in ("ctpolicy.service", "ctpolicy-watch.service"):
            self.assertEqual(self.state(unit, "UnitFileState"), "enabled")

    def kept(self):
        """Rules that stay are never left behind in silence."""
        self.m.run("mv /usr/sbin/ctpolicy /root/kept; printf '#!/bin/sh\\n"
                   "exit 10\\n' >/usr/sbin/ctpolicy; chmod +x /usr/sbin/ctpolicy")
        said = self.dpkg("--remove ctpolicy", check=False)
        self.assertIn("so the package stays", said)
        self.assertIn(" ok installed", self.m.run(
            "dpkg-query -W -f '${Status}' ctpolicy"))
        self.assertEqual(self.state("ctpolicy-watch.service", "ActiveState"),
                         "active")
        self.m.run("cp /root/kept /usr/sbin/ctpolicy")
        # a chroot has the machine's rules before it, not its own
        self.m.run("mkdir /mnt/root && mount --rbind / /mnt/root && "
                   "chroot /mnt/root /var/lib/dpkg/info/ctpolicy.prerm remove")
        self.assertRegex(self.rules(), "(?i)notrack")
        said = self.dpkg("--purge ctpolicy", env="CTPOLICY_KEEP_RULES=1")
        self.assertIn("still in force", said)
        self.gone(self.rules())
        self.assertRegex(self.rules(), "(?i)notrack")
        self.m.run("nft delete table inet ctpolicy")

    def test_upgrade_and_removal(self):
        before = self.rules()
        self.applied("nftables")
        self.upgraded()
        self.kept()
        self.applied("nftables")
        said = self.dpkg("--remove ctpolicy")
        self.assertIn("removed all ctpolicy rules", said)
        self.assertEqual(self.rules(), before)
        self.dpkg("--purge ctpolicy")
        self.gone(before)
        self.applied("iptables")
        self.dpkg("--purge ctpolicy")
        self.assertNotRegex(self.rules(), "(?i)ctpolicy|notrack")
        self.gone(self.rules())

    def test_purge_on_trial(self):
        """The change on trial goes as well, with the process that waits."""
        before = self.rules()
        self.dpkg("-i /root/old.deb")
        self.use("nftables", 80)
        self.m.run("systemctl start ctpolicy-confirm.path")
        self.m.run("ctpolicy apply --confirm 1h")
        self.dpkg("--purge ctpolicy")
        self.gone(before)


unittest.main(verbosity=2)
