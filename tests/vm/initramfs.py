# SPDX-License-Identifier: GPL-2.0-or-later
"""The root file system of a virtual machine, as one uncompressed cpio.

It holds Debian's kernel modules of netfilter and what the tests need of this
machine's tools, with the libraries that they load. The kernel and what this
machine need not have installed are in a folder that contrib/install-deps
fills.
"""
import ctypes
import glob
import os
import shutil
import stat
import subprocess

FOLDER = os.environ.get("CTPOLICY_VM", "/var/cache/ctpolicy/vm")
KERNEL = FOLDER + "/vmlinux"
UDEVADM = os.environ.get("CTPOLICY_SERVICES", "/var/cache/ctpolicy/services"
                         ) + "/usr/bin/udevadm"

# Where modules may be that the tests load, and single ones.
MODULE_FOLDERS = (
    "net/netfilter", "net/ipv4/netfilter", "net/ipv6/netfilter",
    "net/bridge/netfilter", "net/openvswitch")
MODULES = (
    "act_ct", "act_connmark", "act_ctinfo", "cls_matchall", "cls_u32",
    "sch_ingress", "sch_netem", "veth", "vrf", "dummy", "bridge",
    "br_netfilter", "tcp_diag", "udp_diag", "inet_diag", "raw_diag", "virtio_pci",
    "virtio_console", "virtio_blk", "ext4", "af_packet")
TOOLS = ("ip", "tc", "nft", "xtables-legacy-multi", "xtables-nft-multi",
         "conntrack", "strace", "ipset", "setpriv")
LINKS = {
    "xtables-legacy-multi": [
        "ip%stables-legacy%s" % (six, what) for six in ("", "6")
        for what in ("", "-save", "-restore")],
    "xtables-nft-multi": [
        "ip%stables-nft%s" % (six, what) for six in ("", "6")
        for what in ("", "-save", "-restore")],
    "udevadm": ["systemd-udevd"],
    "kmod": ["modprobe", "rmmod", "lsmod", "insmod", "modinfo"],
}

# Runs what comes over the port, one request at a time. Here a look for leaks
# takes longer than all else that a program does, and under strace it fails.
INIT = r"""#!/bin/dash
export PATH=/bin:/busybox HOME=/ LC_ALL=C.UTF-8 TMPDIR=/tmp
export ASAN_OPTIONS=detect_leaks=0
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /dev/pts
ip link set lo up
modprobe virtio_pci && modprobe virtio_console && modprobe virtio_blk
while [ ! -e /dev/vport0p1 ]; do sleep 0.05; done
exec 3<>/dev/vport0p1
echo ready >&3
while read -r what length rest <&3; do
	case $what in
	run)
		head -c "$length" <&3 >/tmp/.script
		timeout -s KILL "$rest" dash /tmp/.script \
			</dev/null >/tmp/.out 2>&1
		echo "$? $(stat -c %s /tmp/.out)" >&3
		cat /tmp/.out >&3
		;;
	put)
		mkdir -p "${rest%/*}"
		head -c "$length" <&3 >"$rest"
		chmod 755 "$rest"
		echo "0 0" >&3
		;;
	esac
done
"""


class Archive:
    """A cpio of the kind `newc`; Source: initramfs-buffer-format.rst."""

    def __init__(self, out):
        self.out, self.inode, self.folders = out, 0, set()

    def add(self, name, mode, data=b""):
        self.inode += 1
        head = "070701" + "".join("%08X" % n for n in (
            self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
            len(name) + 1, 0))
        entry = head.encode() + name.encode() + b"\0"
        self.out.write(entry + b"\0" * (-len(entry) % 4))
        self.out.write(data)
        self.out.write(b"\0" * (-len(data) % 4))

    def folder(self, name):
        if name and name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self.add(name, stat.S_IFDIR | 0o755)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def data(self, name, data, mode=0o755):
        self.folder(os.path.dirname(name))
        self.add(name, stat.S_IFREG | mode, data)

    def file(self, name, source):
        with open(source, "rb") as f:
            self.data(name, f.read())

    def device(self, name, major, minor):
        self.inode += 1
        head = "070701" + "".join("%08X" % n for n in (
            self.inode, stat.S_IFCHR | 0o600, 0, 0, 1, 0, 0, 0, 0, major,
            minor, len(name) + 1, 0))
        entry = head.encode() + name.encode() + b"\0"
        self.out.write(entry + b"\0" * (-len(entry) % 4))

    def end(self):
        self.add("TRAILER!!!", 0)


def release():
    """The kernel's, of the only one in the folder."""
    return os.path.basename(glob.glob(FOLDER + "/lib/modules/*")[0])


def libraries(programs):
    """The shared libraries of programs, each once, as the loader sees them."""
    found = {}
    for program in programs:
        text = subprocess.run(["ldd", program], check=False, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout
        for word in text.split():
            if word.startswith("/"):
                found[word] = os.path.realpath(word)
    return found


def opened_later():
    """The library that ctpolicy opens only where it looks at modules."""
    name = "libkmod.so.2"
    ctypes.CDLL(name)
    with open("/proc/self/maps", encoding="ascii") as f:
        real = next(line.split()[-1] for line in f if "/%s" % name in line)
    return os.path.join(os.path.dirname(real), name)


def wanted_modules():
    """Paths below the kernel's folder, with all that they depend on."""
    base = "%s/lib/modules/%s" % (FOLDER, release())
    needs = {}
    with open(base + "/modules.dep", encoding="ascii") as f:
        for line in f:
            path, _, deps = line.partition(":")
            needs[path] = deps.split()
    names = {os.path.basename(p)[:-3].replace("-", "_"): p for p in needs}
    todo = [p for p in needs
            if os.path.dirname(p)[len("kernel/"):] in MODULE_FOLDERS or
            "/ipvs/" in p]
    todo += [names[n] for n in MODULES if n in names]
    found = set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += needs[path]
    return base, sorted(found)


def add_modules(a):
    base, paths = wanted_modules()
    inside = "usr/lib/modules/" + release()
    for path in paths:
        a.file("%s/%s" % (inside, path), "%s/%s" % (base, path))
    for index in glob.glob(base + "/modules.*"):
        a.file("%s/%s" % (inside, os.path.basename(index)), index)


def add_tools(a, extra):
    programs = {name: shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
                for name in TOOLS}
    missing = [name for name, path in programs.items() if not path]
    assert not missing, "not installed here: %s" % ", ".join(missing)
    programs.update(dash=shutil.which("dash"), kmod=FOLDER + "/bin/kmod",
                    udevadm=UDEVADM, **extra)
    for name, path in programs.items():
        a.file("usr/bin/" + name, os.path.realpath(path))
        for link in LINKS.get(name, ()):
            a.link("usr/bin/" + link, name)
    a.link("usr/bin/sh", "dash")
    plugins = glob.glob("/usr/lib/*/xtables/*.so")
    for path in plugins:
        a.file(path[1:], path)
    loaded = list(programs.values()) + plugins[:1]
    later = opened_later()
    a.file(later[1:], os.path.realpath(later))
    loaded.append(later)
    for path, real in libraries(loaded).items():
        a.file("usr" + path if path.startswith("/lib") else path[1:], real)
    add_busybox(a)


def add_busybox(a):
    program = FOLDER + "/bin/busybox"
    a.file("busybox/busybox", program)
    for name in subprocess.run([program, "--list"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.split():
        if name != "busybox":
            a.link("busybox/" + name, "busybox")


def build(path, extra):
    """Write the archive; extra: further programs, name -> path here."""
    with open(path, "wb") as out:
        a = Archive(out)
        for name in ("proc", "sys", "dev", "tmp", "run", "var/lib", "etc",
                     "mnt", "root", "usr/lib64", "usr/sbin"):
            a.folder(name)
        for name in ("bin", "lib", "lib64", "sbin"):
            a.link(name, "usr/" + ("bin" if name == "sbin" else name))
        a.device("dev/console", 5, 1)
        a.device("dev/null", 1, 3)
        a.data("init", INIT.encode())
        for name in ("protocols", "services"):
            a.file("etc/" + name, "/etc/" + name)
        add_tools(a, extra)
        add_modules(a)
        a.end()
