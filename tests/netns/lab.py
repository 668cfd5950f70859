# SPDX-License-Identifier: GPL-2.0-or-later
"""A laboratory of network namespaces: client, router, server.

Works as root and as root of a user namespace of one's own. A namespace is
held by a file descriptor alone, so nothing can be left behind: when this
process ends, however it ends, its namespaces end with it.
"""
import atexit
import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
SIOCGIFHWADDR = 0x8927
NETLINK_NETFILTER = 12
LIBC = ctypes.CDLL(None, use_errno=True)
SKIP = 77

# host -> (IPv4, IPv6); the router has one pair a side
ADDRESS = {
    "client": ("192.0.2.2", "2001:db8:1::2"),
    "router-c": ("192.0.2.1", "2001:db8:1::1"),
    "router-s": ("198.51.100.1", "2001:db8:2::1"),
    "server": ("198.51.100.2", "2001:db8:2::2"),
}
VERSIONS = (4, 6)
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def address(host, version):
    return ADDRESS[host][version == 6]


def skip(why):
    print("SKIP: " + why, flush=True)
    strict = os.environ.get("CTPOLICY_TESTS_NO_SKIP", "0") == "1"
    sys.exit(1 if strict else SKIP)


def _libc_call(name, *args):
    if getattr(LIBC, name)(*args):
        code = ctypes.get_errno()
        raise OSError(code, "%s: %s" % (name, os.strerror(code)))


def become_root():
    """Make sure namespaces can be made; else run this script again as root
    of a user namespace; else skip."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _libc_call("unshare", CLONE_NEWNET)
        _libc_call("setns", home, CLONE_NEWNET)
    except OSError as err:
        if "CTPOLICY_LAB" in os.environ:
            skip("no network namespaces: %s" % err)
        os.environ["CTPOLICY_LAB"] = "1"
        command = ["unshare", "-Urn", sys.executable] + sys.argv
        if subprocess.run(["unshare", "-Urn", "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            skip("neither root nor user namespaces")
        os.execvp(command[0], command)
    finally:
        os.close(home)


become_root()
os.environ["PATH"] += ":/usr/sbin:/sbin"
HOME = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
OWNER = os.getpid()
WORK = tempfile.mkdtemp(prefix="ctpolicy-lab.")
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
os.environ["XTABLES_LOCKFILE"] = os.path.join(WORK, "xtables.lock")


def _leave(number, _frame):
    """Die of the signal, but for the folder; an exception could be taken for
    a failed test and lived through. A child that is not yet its program has
    no business there."""
    if os.getpid() == OWNER:
        shutil.rmtree(WORK, ignore_errors=True)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


for _signal in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(_signal, _leave)

for _tool in ("ip", "nft", "iptables-legacy", "ip6tables-legacy", "ipset"):
    if not shutil.which(_tool):
        skip("no %s here" % _tool)

CTPOLICY = os.environ.get("CTPOLICY", "./ctpolicy")
BACKENDS = (os.environ.get("CTPOLICY_BACKENDS") or
            "nftables iptables").split()


def require_ctpolicy():
    if not os.access(CTPOLICY, os.X_OK):
        skip("no program at %s; set CTPOLICY" % CTPOLICY)


def _written(policy):
    path = os.path.join(WORK, "policy.yaml")
    with open(path, "w") as out:
        out.write(policy)
    return path


class Namespace:
    def __init__(self):
        _libc_call("unshare", CLONE_NEWNET)
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _libc_call("setns", HOME, CLONE_NEWNET)
        for key in ("net.ipv6.conf.default.accept_dad",
                    "net.ipv6.conf.all.accept_dad",
                    "net.ipv6.conf.default.router_solicitations"):
            self.sysctl(key, 0)
        self.run("ip link set lo up")

    @property
    def path(self):
        return "/proc/%d/fd/%d" % (os.getpid(), self.fd)

    @contextlib.contextmanager
    def entered(self):
        """This thread (a namespace is a thread's) inside, for the block."""
        _libc_call("setns", self.fd, CLONE_NEWNET)
        try:
            yield self
        finally:
            _libc_call("setns", HOME, CLONE_NEWNET)

    def popen(self, command, **options):
        if isinstance(command, str):
            command = ["sh", "-c", command]
        with self.entered():
            return subprocess.Popen(command, **options)

    def run(self, command, text=None, check=True):
        """Output of a command, both streams."""
        process = self.popen(command, stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out = process.communicate(text)[0]
        if check and process.returncode:
            raise RuntimeError("%s: exit %d\n%s\n%s" % (
                command, process.returncode, out, text or ""))
        return out

    def sysctl(self, key, value=None):
        with self.entered():
            path = "/proc/sys/" + key.replace(".", "/")
            with open(path, "r" if value is None else "w") as knob:
                if value is None:
                    return knob.read().strip()
                return knob.write(str(value))

    def socket(self, family, kind, proto=0):
        with self.entered():
            return socket.socket(family, kind, proto)

    def mac(self, device):
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            request = struct.pack("16s24x", device.encode())
            answer = fcntl.ioctl(sock, SIOCGIFHWADDR, request)
        return answer[18:24]

    def link(self, device, other, other_device):
        """A veth pair: `device` here, `other_device` in the other."""
        self.run("ip link add %s type veth peer name %s netns %s && "
                 "ip link set %s up" % (device, other_device, other.path,
                                        device))
        other.run("ip link set %s up" % other_device)

    def nft(self, text):
        self.run(["nft", "-f", "-"], text)

    def legacy(self, version, text, flush=True):
        tool = "ip%stables-legacy-restore" % ("6" if version == 6 else "")
        self.run([tool] + ([] if flush else ["--noflush"]), text)

    def clear(self):
        """Back to no rules at all, in no table that was not there before."""
        self.nft("flush ruleset")
        for version, names in ((4, "ip_tables_names"),
                               (6, "ip6_tables_names")):
            with self.entered():
                with open("/proc/thread-self/net/" + names) as listing:
                    tables = listing.read().split()
            text = "".join(_EMPTY[table] for table in tables)
            if text:
                self.legacy(version, text)
        self.run("ipset destroy", check=False)

    def flush_entries(self):
        """Forget every conntrack entry: IPCTNL_MSG_CT_DELETE of no one in
        particular (linux/netfilter/nfnetlink_conntrack.h)."""
        with self.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                         NETLINK_NETFILTER) as sock:
            sock.send(struct.pack("=IHHII4x", 20, 0x102, 5, 0, 0))
            error = struct.unpack_from("=i", sock.recv(4096), 16)[0]
        if error:
            raise OSError(-error, os.strerror(-error))

    def apply(self, backend, policy, *more, check=True):
        """The policy's rules in here, by the program under test."""
        return self.run([CTPOLICY, "apply", "--backend", backend, *more,
                         _written(policy)], check=check)

    def ctpolicy(self, verb, policy, *more):
        """(exit code, output) of a command that takes a policy."""
        process = self.popen([CTPOLICY, verb, *more, _written(policy)],
                             text=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out = process.communicate()[0]
        return process.returncode, out

    def remove(self, backend):
        return self.run([CTPOLICY, "remove", "--backend", backend])


def _empty(table, *chains):
    return "*%s\n%sCOMMIT\n" % (
        table, "".join(":%s ACCEPT [0:0]\n" % chain for chain in chains))


_EMPTY = {
    "raw": _empty("raw", "PREROUTING", "OUTPUT"),
    "mangle": _empty("mangle", "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                     "POSTROUTING"),
    "nat": _empty("nat", "PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": _empty("filter", "INPUT", "FORWARD", "OUTPUT"),
    "security": _empty("security", "INPUT", "FORWARD", "OUTPUT"),
}


def netlink_attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3fff] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


class NewEntries:
    """Hears of every conntrack entry made in a namespace, however short its
    life: the NEW events of ctnetlink (linux/netfilter/nfnetlink_compat.h,
    NF_NETLINK_CONNTRACK_NEW)."""

    def __init__(self, namespace):
        self.sock = namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                     NETLINK_NETFILTER)
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.sock.bind((0, 1))
        self.sock.setblocking(False)

    def close(self):
        self.sock.close()

    def take(self, settle=0.05):
        """What came since the last call, as text; waits `settle` first."""
        time.sleep(settle)
        events = []
        while True:
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                return events
            except OSError as err:
                if err.errno != errno.ENOBUFS:
                    raise
                events.append("lost events")
                continue
            while len(data) >= 16:
                length, kind = struct.unpack_from("=IH", data)
                if kind == 0x100:
                    events.append(self._tuple(data[20:length]))
                data = data[(length + 3) & ~3:]

    @staticmethod
    def _tuple(data):
        original = netlink_attributes(netlink_attributes(data)[1])
        ends = netlink_attributes(original[1])
        proto = netlink_attributes(original[2])
        family, first = (socket.AF_INET, 1) if 1 in ends else \
            (socket.AF_INET6, 3)
        ports = [struct.unpack("!H", proto[k])[0] if k in proto else 0
                 for k in (2, 3)]
        return "proto %d %s.%d > %s.%d" % (
            proto[1][0], socket.inet_ntop(family, ends[first]), ports[0],
            socket.inet_ntop(family, ends[first + 1]), ports[1])


class Lab:
    """client eth0 -- toc router tos -- eth0 server, both families."""

    def __init__(self):
        self.client, self.router, self.server = (Namespace()
                                                 for _ in range(3))
        for host, side, device in ((self.client, "client", "toc"),
                                   (self.server, "server", "tos")):
            near = "router-" + side[0]
            host.link("eth0", self.router, device)
            for version, length in ((4, 24), (6, 64)):
                for space, link, name in ((host, "eth0", side),
                                          (self.router, device, near)):
                    space.run("ip address add %s/%d dev %s%s" % (
                        address(name, version), length, link,
                        " nodad" if version == 6 else ""))
                host.run("ip -%d route add default via %s" % (
                    version, address(near, version)))
        self.router.sysctl("net.ipv4.ip_forward", 1)
        self.router.sysctl("net.ipv6.conf.all.forwarding", 1)
        for space in self.all():
            space.sysctl("net.ipv4.icmp_ratelimit", 0)
            space.sysctl("net.ipv6.icmp.ratelimit", 0)

    def all(self):
        return self.client, self.router, self.server

    def clear(self):
        for space in self.all():
            space.clear()
