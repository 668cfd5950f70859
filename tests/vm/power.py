# SPDX-License-Identifier: GPL-2.0-or-later
"""Power cuts while connection tracking goes or comes back: qemu is killed, and
a machine that was never touched gets the disk, with the state folder and the
host's files on it."""
import contextlib
import os
import random
import subprocess
import time
import uuid

import machine  # first: it finds the others
import off
import tally

POLICY = off.OFF.replace("conntrack:", "existing_rules: replace\nconntrack:")
FILES = {
    "/etc/modules": "# at boot\nloop\nnf_conntrack\n",
    "/etc/sysconfig/iptables-config":
        'IPTABLES_MODULES="nf_conntrack_ftp nf_tables"\n',
    "/etc/iptables/rules.v4":
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n"
        ":OUTPUT ACCEPT [0:0]\n# answers\n-A INPUT -m conntrack --ctstate "
        "ESTABLISHED,RELATED -j ACCEPT\nCOMMIT\n",
}
MOUNT = """set -e
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
blockdev --flushbufs /dev/vda
modprobe ext4
mount -t ext4 /dev/vda /mnt
[ -d /mnt/etc ] || { mkdir -p /mnt/etc /mnt/state; cp -a /etc/. /mnt/etc/; }
chmod 700 /mnt/state
mount --bind /mnt/etc /etc
mount --bind /mnt/state /var/lib
"""
APPLY = "apply --backend nftables /tmp/power.yaml"


def disk(ice):
    path = ice.disk("power")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", path], check=True)
    return path


def boot(vm):
    """As after power came back: the disk, and another boot's number."""
    vm.put("/run/boot_id", str(uuid.uuid4()) + "\n")
    vm.put("/tmp/power.yaml", POLICY)
    vm.run(MOUNT)


def lay_out(vm):
    for path, text in FILES.items():
        vm.put(path, text)
    vm.run("chmod 644 %s; sync" % " ".join(FILES))


def files(vm):
    return vm.run("cd /etc; grep -H '' %s" % " ".join(sorted(FILES)))


def left_behind(vm):
    return vm.run("find /etc /mnt -name '.*.ctpolicy-*'")


def original():
    return "".join("%s:%s\n" % (path, line) for path in sorted(FILES)
                   for line in FILES[path].splitlines())


def expect_original(vm, what):
    now = files(vm)
    assert now == original(), "%s left\n%s" % (what, now)
    left = left_behind(vm)
    assert not left, "%s left %s" % (what, left)


def after_boot(vm, edited, what):
    """Old or new, and whole; from there every way is open."""
    said = vm.run("ctpolicy recover 2>&1")
    now = files(vm)
    assert now in (edited, original()), "%s: recover made\n%s\nand said %s" % (
        what, now, said)
    assert off.is_off(vm), what
    assert ".ctpolicy-new" not in left_behind(vm), what
    again = vm.run("ctpolicy recover 2>&1; ctpolicy %s" % APPLY)
    assert "no unfinished" in again, "%s: %s" % (what, again)
    assert files(vm) == edited, what
    vm.run("ctpolicy remove")
    expect_original(vm, what)
    return now == edited


# Each is begun after those before it were done.
WAYS = (
    (APPLY,),
    (APPLY, "remove"),
    (APPLY, "rollback"),
)


class Lab:
    """One disk, and the machine that has it now."""

    def __init__(self, ice, stack):
        self.ice, self.stack, self.path = ice, stack, disk(ice)
        self.took, self.edited, self.vm = None, None, None

    def boot(self):
        if self.vm:
            self.vm.cut_power()
        self.vm = self.stack.enter_context(self.ice.thaw(self.path))
        boot(self.vm)

    def begin(self):
        self.vm.run("rm -rf /mnt/state/ctpolicy")
        lay_out(self.vm)
        off.load(self.vm)


def over_a_boot(lab):
    """Without a cut in the middle: what was edited is put back later."""
    lab.boot()
    lab.begin()
    began = time.monotonic()
    lab.vm.run("ctpolicy " + APPLY)
    lab.took = time.monotonic() - began
    assert off.is_off(lab.vm)
    lab.edited = files(lab.vm)
    assert lab.edited != original()
    lab.vm.run("sync")
    lab.boot()
    assert files(lab.vm) == lab.edited
    lab.vm.run("ctpolicy remove")
    assert off.is_off(lab.vm), "what an earlier boot had is loaded"
    expect_original(lab.vm, "remove after a boot")


def cut(lab, way, rng):
    """*way: what is done, the last of it half-way."""
    what = "%s cut" % way[-1].split()[0]
    lab.begin()
    for command in way[:-1]:
        began = time.monotonic()
        lab.vm.run("ctpolicy %s && sync" % command)
        lab.took = time.monotonic() - began
    lab.vm.send("ctpolicy " + way[-1])
    moment = rng.uniform(0.2, 1.1) * lab.took
    time.sleep(moment)
    lab.boot()
    new = after_boot(lab.vm, lab.edited, "%s after %.2f s" % (what, moment))
    print("%s after %.2f of %.2f s: %s" % (
        what, moment, lab.took, "edited" if new else "as it was"),
        flush=True)


def play(ice, cuts, seed):
    rng = random.Random(seed)
    with contextlib.ExitStack() as stack:
        lab = Lab(ice, stack)
        over_a_boot(lab)
        tally.check(True, "over a boot")
        for i in range(cuts):
            tally.case("power cut %d" % i, cut, lab, WAYS[i % len(WAYS)], rng)
        os.unlink(lab.path)
