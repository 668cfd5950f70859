# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that people log in to: a real sshd in a network namespace, and a
client that reaches it over a veth pair."""
import atexit
import os
import shutil
import subprocess
import time

import lab

HERE = {4: "192.0.2.1", 6: "2001:db8::1"}
THERE = {4: "192.0.2.50", 6: "2001:db8::50"}
PATIENCE = 40		# seconds that something may take on a busy machine
CONFIG = """Port 22
HostKey %(work)s/host
AuthorizedKeysFile %(work)s/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PrintMotd no
"""
# New logins need the NEW state: untracked packets are dropped.
FILTER = """table inet host {
chain in { type filter hook input priority 0; policy drop
iif lo accept
icmpv6 type { 133-136 } accept
ct state established accept
tcp dport 22 ct state new accept
}
}
"""


def require():
    for tool in ("sshd", "ssh", "ssh-keygen", "sudo", "su", "tmux",
                 "setpriv"):
        if not shutil.which(tool):
            lab.skip("no %s here" % tool)
    with open("/proc/self/uid_map") as mapped:
        if mapped.read().split()[2] == "1":
            lab.skip("sshd needs more users than this namespace has")


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(.02)


class Site:
    """client eth0 -- eth0 host, where sshd listens."""

    def __init__(self):
        require()
        self.host, self.client = lab.Namespace(), lab.Namespace()
        self.client.link("eth0", self.host, "eth0")
        for version, length in ((4, 24), (6, 64)):
            for space, address in ((self.host, HERE), (self.client, THERE)):
                space.run("ip address add %s/%d dev eth0 %s" % (
                    address[version], length,
                    "nodad" if version == 6 else ""))
        for name in ("host", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", os.path.join(lab.WORK, name)], check=True)
        self.start()

    def start(self):
        config = os.path.join(lab.WORK, "sshd_config")
        with open(config, "w") as out:
            out.write(CONFIG % {"work": lab.WORK})
        os.makedirs("/run/sshd", exist_ok=True)
        # root's own shell start-up file may do anything, slowly
        self.sshd = self.host.popen(
            ["unshare", "-m", "sh", "-c", "[ ! -e ~/.bashrc ] || mount --bind "
             "/dev/null ~/.bashrc; exec \"$@\"", "sh",
             shutil.which("sshd"), "-D", "-e", "-f", config],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(os.path.join(lab.WORK, "sshd.log"), "w"))
        atexit.register(self.stop)
        wait_for(lambda: "LISTEN" in self.host.run("ss -Hltn sport = 22"),
                 "sshd")

    def stop(self):
        self.sshd.terminate()
        self.sshd.wait()

    def login(self, version=4):
        return Login(self, version)


class Login:
    """One connection; its commands share it, as Ansible's do."""
    number = 0

    def __init__(self, site, version):
        Login.number += 1
        self.site = site
        self.options = [
            "-F", "/dev/null", "-i", os.path.join(lab.WORK, "key"),
            "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=9",
            "-o", "ControlPath=" + os.path.join(
                lab.WORK, "login-%d" % Login.number)]
        self.target = "root@" + HERE[version]
        self.master = self._popen(["-M", "-N"])
        atexit.register(self.close)
        wait_for(lambda: not self._run(["-O", "check"])[0], "a login")

    def _popen(self, more, *command, **options):
        return self.site.client.popen(
            ["ssh"] + self.options + more + [self.target] + list(command),
            stdin=subprocess.DEVNULL, **options)

    def _run(self, more, *command):
        process = self._popen(more, *command, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        try:
            said = process.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            # the master keeps the other end open if it is cut off
            process.kill()
            process.wait()
            process.stdout.close()
            return -1, "no answer"
        return process.returncode, said

    def run(self, command):
        """Exit code and output of a shell's command line."""
        return self._run([], command)

    def forward(self, what):
        """A listening port of the host's, as ssh -R asks for."""
        code, said = self._run(["-O", "forward", "-R", what])
        if code:
            raise AssertionError("no port is forwarded: " + said)

    def close(self):
        self.master.terminate()
        self.master.wait()
