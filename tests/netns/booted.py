# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that systemd has booted, as far as namespaces make one: a layer over
this machine's root, its own processes, control group and network."""
import os
import subprocess
import time

import lab

SYSTEMD = "/lib/systemd/systemd"
CGROUPS = "/sys/fs/cgroup"
MACHINE_ID = "0123456789abcdef0123456789abcdef"
MOUNTS = r"""
mount --make-rprivate / && mount -t tmpfs tmpfs %(room)s && cd %(room)s &&
mkdir upper work root && for over in %(over)s; do cp -a $over/. upper; done &&
mount -t overlay overlay \
    -o lowerdir=/,upperdir=upper,workdir=work root && cd root &&
mount -t proc proc proc && mount -t sysfs sysfs sys &&
mount -t cgroup2 cgroup2 sys/fs/cgroup && mount -t tmpfs tmpfs run &&
mount -t tmpfs tmpfs tmp && mkdir -p var/lib/ctpolicy &&
mount -t tmpfs -o mode=755 tmpfs var/lib/ctpolicy &&
mount -t tmpfs tmpfs dev && mkdir dev/pts dev/shm &&
mount -t devpts devpts dev/pts && ln -s /proc/self/fd dev/fd &&
ln -s pts/ptmx dev/ptmx &&
for d in null zero full random urandom tty; do
    : >dev/$d && mount --bind /dev/$d dev/$d
done && : >etc/fstab && rm -rf etc/systemd/system && mkdir etc/systemd/system &&
echo %(id)s >etc/machine-id && cat >/dev/null &&
pivot_root . mnt && umount -l mnt && exec chroot . env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    %(systemd)s --system
"""


def _cgroup_root():
    for path in (CGROUPS + "/unified", CGROUPS):
        if os.path.exists(path + "/cgroup.procs"):
            return path
    return None


class Machine:
    """Prepared when it is made: write() files, then boot(). `over`: folders of
    packages that are only unpacked."""

    def __init__(self, space, over=()):
        root = _cgroup_root()
        if not os.path.exists(SYSTEMD) or not root:
            lab.skip("no systemd, or no control groups of version 2")
        self.space = space
        self.folder = os.path.join(lab.WORK, "machine")
        os.makedirs(self.folder, exist_ok=True)
        self.group = os.path.join(root, "ctpolicy-test-%d" % os.getpid())
        try:
            os.mkdir(self.group)
        except OSError as err:
            lab.skip("no control group can be made: %s" % err)
        script = MOUNTS % {"room": self.folder, "systemd": SYSTEMD,
                           "id": MACHINE_ID, "over": " ".join(over)}
        self.process = space.popen(
            ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec unshare -mpfC '
             '--kill-child sh -c "$1"', self.group, script],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            self.pid = self._first_process()
            self.root = "/proc/%d/cwd" % self.pid
            self._until(self._is_prepared)
        except RuntimeError:
            self.close()
            raise

    def _is_prepared(self):
        with open(self.root + "/etc/machine-id") as name:
            return name.read().strip() == MACHINE_ID

    @staticmethod
    def _until(holds, seconds=180):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if holds():
                    return
            except OSError:
                pass
            time.sleep(.05)
        raise RuntimeError("the machine does not come up")

    def _first_process(self):
        path = "/proc/%d/task/%d/children" % ((self.process.pid,) * 2)
        children = []

        def found():
            with open(path) as listing:
                children[:] = listing.read().split()
            return children
        self._until(found)
        return int(children[0])

    def write(self, path, text, mode=0o644):
        path = self.root + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)

    def boot(self):
        self.process.stdin.close()
        self.root = "/proc/%d/root" % self.pid
        self._until(lambda: self.run("systemctl is-system-running",
                                     check=False).strip() in ("running",
                                                              "degraded"))
        self.run("systemctl reset-failed")

    def run(self, command, check=True):
        return self.space.run(
            ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "-r", "-w",
             "env", "-u", "XTABLES_LOCKFILE", "-u", "TMPDIR",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", command],
            check=check)

    def close(self):
        """Nothing of it outlives this."""
        self.process.kill()
        self.process.wait()
        if not self.process.stdin.closed:
            self.process.stdin.close()

        def gone():
            for folder, _, _ in os.walk(self.group, topdown=False):
                os.rmdir(folder)
            return True
        self._until(gone)
