# SPDX-License-Identifier: GPL-2.0-or-later
"""Real firewalls of Debian's in namespaces: ufw, firewalld with a bus of its own,
fail2ban. What they write stays in a layer over this machine's root."""
import os
import subprocess
import time

import lab

SERVICES = os.environ.get("CTPOLICY_SERVICES", "/var/cache/ctpolicy/services")
UNPACKED = os.environ.get("CTPOLICY_FIREWALLS", "/var/cache/ctpolicy/firewalls")
MOUNTS = r"""
mount --make-rprivate / && mount -t tmpfs tmpfs %(room)s && cd %(room)s &&
mkdir work root && cp -a %(unpacked)s upper && mount -t overlay overlay \
    -o lowerdir=/,upperdir=upper,workdir=work root && cd root &&
mount -t proc proc proc && mount --rbind /dev dev && mount --rbind /sys sys &&
mount -t tmpfs tmpfs run && mount -t tmpfs -o mode=1777 tmpfs tmp &&
for tool in iptables ip6tables; do
    for way in "" -save -restore; do
        ln -sf /usr/sbin/$tool-%(dialect)s$way etc/alternatives/$tool$way
    done
done && exec chroot . sh -c "echo ready && exec cat"
"""
BUS = """<busconfig>
<listen>unix:path=/run/bus</listen>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/>
<allow own="*"/>
</policy>
</busconfig>
"""
JAIL = """[DEFAULT]
bantime = 600
backend = polling
banaction = %(action)s
banaction_allports = %(action)s
[sshd]
enabled = false
[site]
enabled = true
filter = common
failregex = ^<HOST> failed$
logpath = /tmp/site.log
port = %(ports)s
protocol = tcp
"""


def require(package, folder=UNPACKED):
    if not os.path.exists(os.path.join(folder, "." + package)):
        lab.skip("no %s in %s: contrib/install-deps test" % (package, folder))


class Room:
    """A root folder, processes and a network namespace for one firewall."""

    def __init__(self, space, package, dialect="nft"):
        require(package)
        self.space = space
        folder = os.path.join(lab.WORK, "room")
        os.makedirs(folder, exist_ok=True)
        self.holder = space.popen(
            ["unshare", "-mpf", "--kill-child", "sh", "-c", MOUNTS % {
                "room": folder, "unpacked": UNPACKED, "dialect": dialect}],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            lab.skip("no room for %s: no overlay over /" % package)
        with open("/proc/%d/task/%d/children" % ((self.holder.pid,) * 2)) as f:
            self.pid = f.read().strip()

    def close(self):
        """Ends all that runs in it, as the end of this process does."""
        self.holder.stdin.close()
        self.holder.wait()

    def command(self, words):
        if isinstance(words, str):
            words = ["sh", "-c", words]
        return ["nsenter", "-t", self.pid, "-m", "-p", "-r", "-w", "env",
                "-u", "XTABLES_LOCKFILE",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus"] + words

    def run(self, words, text=None, check=True):
        return self.space.run(self.command(words), text, check)

    def start(self, words):
        """A daemon, which ends with the room."""
        with open(os.path.join(lab.WORK, "log"), "a") as log:
            self.space.popen(self.command(words), stdin=subprocess.DEVNULL,
                             stdout=log, stderr=log)

    def write(self, path, text):
        self.run(["sh", "-c", "cat >" + path], text)

    def wait(self, words, wanted):
        for _ in range(100):
            said = self.run(words, check=False)
            if wanted in said:
                return
            time.sleep(.1)
        with open(os.path.join(lab.WORK, "log")) as log:
            raise RuntimeError("%s: %s\n%s" % (words, said, log.read()))


def ufw(space, dialect):
    """As its package sets it up, then enabled."""
    room = Room(space, "ufw", dialect)
    room.run("cd /usr/share/ufw && cp ufw.conf *.init iptables/*.rules "
             "/etc/ufw/ && chmod 640 /etc/ufw/*.rules")
    return room


def firewalld(space, backend, dialect="nft"):
    room = Room(space, "firewalld", dialect)
    room.run("sed -i s/^FirewallBackend=.*/FirewallBackend=%s/ "
             "/etc/firewalld/firewalld.conf" % backend)
    room.write("/run/bus.conf", BUS)
    room.start(["dbus-daemon", "--config-file=/run/bus.conf", "--nofork"])
    room.wait("test -S /run/bus && echo there", "there")
    room.start(["firewalld", "--nofork", "--nopid"])
    # before it is: "not running"
    room.wait("firewall-cmd --state 2>&1 | grep -qx running && echo up", "up")
    return room


def fail2ban(space, action, ports, dialect="nft"):
    room = Room(space, "fail2ban", dialect)
    room.write("/etc/fail2ban/jail.local", JAIL % {"action": action,
                                                   "ports": ports})
    room.run("mkdir -p /run/fail2ban && : >/tmp/site.log")
    start_fail2ban(room)
    return room


def start_fail2ban(room):
    room.start(["fail2ban-server", "-xf", "--logtarget", "/tmp/log", "start"])
    room.wait(["fail2ban-client", "ping"], "pong")
