# SPDX-License-Identifier: GPL-2.0-or-later
"""A host under rules: packets put in by hand, programs that answer, and what
came through seen behind the last rule of INPUT and of POSTROUTING.

Two of them stand side by side, so that neither remembers what the other did.
"""
import contextlib
import dataclasses
import os
import re
import select
import socket
import struct
import time

import kernel_log
import lab
import packets as build
import walk_lab
from walk_lab import LINKS, OWN

GROUP = 5
TCP_PORTS = (22, 80, 443, 8080, 9022)
UDP_PORTS = (53, 123, 5060, 9053)
# sockets that stay open: one for any peer, one connected (port, peers, port)
OPEN_ANY = 40053
OPEN_TO = (40054, ("10.1.2.240", "2001:db8:aa:2::f0"), 53)
MARKER = "10.1.2.250"
# remote networks in which every address answers: device -> base by version
PEERS = {"eth0": ("10.1.%d.%d", "2001:db8:aa:%x::%x"),
         "eth1": ("203.0.%d.%d", "2001:db8:cc:%x::%x"),
         "lan0": ("172.16.%d.%d", "2001:db8:bb:%x::%x")}
NARROW = {4: "10.1.99.9", 6: "2001:db8:aa:63::9"}      # behind a small MTU
WATCH = """table inet watch {
 chain early { type filter hook prerouting priority -1000;
  ip saddr %s log group %d prefix "marker" drop
 }
 chain in { type filter hook input priority 1000;
  log group %d snaplen 240 prefix "in"
 }
 chain out { type filter hook postrouting priority 1000;
  log group %d snaplen 240 prefix "out"
 }
}
""" % (MARKER, GROUP, GROUP, GROUP)
SETTINGS = {
    "net.ipv4.icmp_ratelimit": 0, "net.ipv4.icmp_ratemask": 0,
    "net.ipv6.icmp.ratelimit": 0, "net.ipv6.icmp.ratemask": "255",
    "net.ipv4.icmp_errors_use_inbound_ifaddr": 0,
    "net.ipv4.tcp_timestamps": 0, "net.ipv4.tcp_sack": 0,
    "net.ipv4.tcp_window_scaling": 0, "net.ipv4.tcp_ecn": 0,
    "net.ipv4.tcp_syn_retries": 1, "net.ipv4.tcp_synack_retries": 0,
    "net.ipv4.tcp_challenge_ack_limit": 1000000,
    "net.ipv4.tcp_invalid_ratelimit": 0,
    "net.ipv4.ip_local_port_range": "32768 60999",
    "net.ipv4.ping_group_range": "0 0",
    # what one ruleset let in is not to be known under the next
    "net.ipv4.route.mtu_expires": 0, "net.ipv6.route.mtu_expires": 0,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.tcp_no_metrics_save": 1,
    "net.ipv4.icmp_echo_ignore_broadcasts": 1,
}


def pin():
    """One processor for all of it, so that packets come in their order."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})


def peer(version, device, net, host):
    base = PEERS[device][version == 6]
    if version == 4 and device == "eth1":
        net += 108
    return base % (net, host)


@dataclasses.dataclass
class Seen:
    """A packet that got through, as far as the oracle asks."""
    where: str                  # in, out
    raw: bytes
    version: int = 0
    proto: int = 0
    src: str = ""
    dst: str = ""
    sport: int = 0
    dport: int = 0
    flags: int = 0
    seq: int = 0
    ack: int = 0
    kind: int = -1              # of ICMP
    code: int = 0
    data: bytes = b""
    offset: int = 0
    more: bool = False

    def name(self):
        """In a word; what two runs must have in common."""
        if self.proto == build.TCP:
            return "tcp-" + "".join(
                letter for letter, bit in build.TCP_FLAGS.items()
                if self.flags & bit and letter != "P") + (
                    "-data" if self.data else "")
        if self.kind >= 0:
            return "icmp-%d-%d" % (self.kind, self.code)
        return "udp" if self.proto == build.UDP else "proto-%d" % self.proto


def _network_header(p):
    raw = p.raw
    if raw[0] >> 4 == 4:
        p.version, p.proto = 4, raw[9]
        p.src, p.dst = (socket.inet_ntop(socket.AF_INET, raw[a:a + 4])
                        for a in (12, 16))
        part = struct.unpack_from("!H", raw, 6)[0]
        p.offset, p.more = (part & 0x1fff) * 8, bool(part & 0x2000)
        return raw[(raw[0] & 15) * 4:]
    p.version, p.proto = 6, raw[6]
    p.src, p.dst = (socket.inet_ntop(socket.AF_INET6, raw[a:a + 16])
                    for a in (8, 24))
    body = raw[40:]
    if p.proto == 0 and len(body) >= 8:                 # hop by hop: MLD
        p.proto, body = body[0], body[(body[1] + 1) * 8:]
    if p.proto == build.FRAGMENT_HEADER and len(body) >= 8:
        part = struct.unpack_from("!H", body, 2)[0]
        p.offset, p.more = part & ~7, bool(part & 1)
        p.proto, body = body[0], body[8:]
    return body


def parse(where, raw):
    p = Seen(where, raw)
    body = _network_header(p)
    if p.offset:
        return p
    if p.proto == build.TCP and len(body) >= 20:
        p.sport, p.dport, p.seq, p.ack, size, p.flags = struct.unpack_from(
            "!HHIIBB", body)
        p.data = body[(size >> 4) * 4:]
    elif p.proto == build.UDP and len(body) >= 8:
        p.sport, p.dport = struct.unpack_from("!HH", body)
        p.data = body[8:]
    elif p.proto in (build.ICMP, build.ICMPV6) and len(body) >= 8:
        p.kind, p.code = body[:2]
        p.sport = struct.unpack_from("!H", body, 4)[0]
        p.data = body[8:]
    return p


def empty_table(name):
    """Of iptables, which leaves alone whatever a text does not name."""
    return "*%s\n%sCOMMIT\n" % (name, "".join(
        ":%s ACCEPT [0:0]\n" % c for c in ("INPUT", "FORWARD", "OUTPUT")))


def _is_marker(found):
    return found.get(10, b"").startswith(b"marker")


class Device(walk_lab.Host):
    """One host under rules."""

    def __init__(self):
        super().__init__()
        self.trace.close()
        self.log = kernel_log.listen(self.space, GROUP)
        for key, value in SETTINGS.items():
            with contextlib.suppress(OSError):
                self.space.sysctl(key, value)
        for target, gate in zip(("10.1.99.0/24", "2001:db8:aa:63::/64"),
                                ("192.0.2.254", "2001:db8:1::fe")):
            self.space.run("ip route add %s via %s mtu lock 1280" % (
                target, gate))
        self.events = lab.NewEntries(self.space)
        self.mark = 0
        self.tables = set()     # of iptables, in which rules have been
        self.programs = Programs(self.space)
        self.space.nft(WATCH)

    # ---- rules
    def load(self, dialect, texts):
        """texts: {version: text} of iptables, {0: text} of nft."""
        if dialect == "native":
            self.space.nft("flush ruleset\n" + WATCH + texts[0])
        for version in (4, 6):
            if version not in texts:
                continue
            six = "6" if version == 6 else ""
            tool = "legacy" if dialect == "legacy" else "nft"
            here = set(re.findall(r"^\*(\w+)", texts[version], re.M))
            self.space.run(["ip%stables-%s-restore" % (six, tool)],
                           texts[version] + "".join(
                               empty_table(t) for t in self.tables - here))
            self.tables |= here
        self.forget()

    def reset(self):
        """Between dialects."""
        self.tables = set()
        self.space.clear()
        self.space.nft(WATCH)

    def forget(self):
        """What conntrack and xt_recent remember."""
        self.space.flush_entries()
        with self.space.entered():
            folder = "/proc/thread-self/net/xt_recent"
            with contextlib.suppress(OSError):
                for name in os.listdir(folder):
                    with open(os.path.join(folder, name), "w") as knob:
                        knob.write("/\n")
        self.settle()
        self.programs.drain()

    # ---- packets
    def number(self):
        self.count = self.count % 65535 + 1
        return self.count

    def inject(self, device, packet):
        dst = parse("", packet).dst
        self.injectors[device].send(packet, build.group_mac(dst))

    def emit(self, packet):
        """By a program of the host; False if the rules refuse at once."""
        p = parse("", packet)
        try:
            self.raw[p.version].sendto(packet, (p.dst, 0))
        except OSError:
            return False
        return True

    def settle(self):
        """What came through since the last time, once all is done: one
        processor handles packets in their order, this marker last."""
        self.mark = self.mark % 60000 + 1
        self.injectors["eth0"].send(build.ip(
            MARKER, OWN[4][0], build.UDP,
            build.udp(MARKER, OWN[4][0], 9, self.mark)))
        seen = []
        end = time.monotonic() + 60
        while True:
            for kind, _, found in kernel_log.heard(self.log):
                if kind != kernel_log.LOG_PACKET:
                    continue
                raw = found[9]
                if _is_marker(found):
                    if struct.unpack_from("!H", raw, 22)[0] == self.mark:
                        return seen
                else:
                    seen.append(parse(found[10].rstrip(b"\0").decode(), raw))
            if time.monotonic() > end:
                raise RuntimeError("packets were lost")
            select.select([self.log], [], [], .2)

    def passes(self, batch):
        """Of (device or "", packet), in a row: which came through."""
        for device, packet in batch:
            if device:
                self.inject(device, packet)
            else:
                self.emit(packet)
        seen = {walk_lab.identify(s.raw): s for s in self.settle()}
        return [seen.get(walk_lab.identify(packet)) for _, packet in batch]

    @contextlib.contextmanager
    def detour(self, address, device):
        """Packets to the address leave by the device."""
        change = "ip route %s %s dev %s"
        self.space.run(change % ("add", address, device))
        try:
            yield
        finally:
            self.space.run(change % ("del", address, device))

    def entry(self, version, proto, ends):
        """An established connection of tcp that conntrack knows."""
        self.space_entry(walk_lab.Packet(version, proto, *ends,
                                         known="original"))


class Programs:
    """What runs on the host: all of it echoes, when asked to."""

    def __init__(self, space):
        self.space = space
        self.poll = select.epoll()
        self.socks = {}
        self.accepted = []
        self.open = []
        for version in lab.VERSIONS:
            for port in TCP_PORTS:
                self._listen(version, socket.SOCK_STREAM, port)
            for port in UDP_PORTS:
                self._listen(version, socket.SOCK_DGRAM, port)

            self._open(version)

    def _open(self, version):
        """They hear, and never answer."""
        for port in (OPEN_ANY, OPEN_TO[0]):
            sock = self.socket(version, socket.SOCK_DGRAM)
            sock.bind(("", port))
            if port == OPEN_TO[0]:
                sock.connect((OPEN_TO[1][version == 6], OPEN_TO[2]))
            self.open.append(sock)

    def socket(self, version, kind):
        sock = self.space.socket(lab.FAMILY[version], kind)
        sock.setblocking(False)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return sock

    def _listen(self, version, kind, port):
        sock = self.socket(version, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", port))
        if kind == socket.SOCK_STREAM:
            sock.listen(256)
        self._watch(sock)

    def _watch(self, sock):
        self.socks[sock.fileno()] = sock
        self.poll.register(sock, select.EPOLLIN)

    def serve(self):
        """Answer whatever waits; True if anything did."""
        busy = False
        for number, _ in self.poll.poll(0):
            busy = True
            sock = self.socks[number]
            with contextlib.suppress(OSError):
                if sock in self.accepted:
                    self._echo(sock)
                elif sock.type == socket.SOCK_STREAM:
                    self._accept(sock)
                else:
                    data, source = sock.recvfrom(65536)
                    sock.sendto(data, source)
        return busy

    def _accept(self, listener):
        sock, _ = listener.accept()
        sock.setblocking(False)
        self.accepted.append(sock)
        self._watch(sock)

    def _echo(self, sock):
        try:
            data = sock.recv(65536)
        except OSError:
            data = b""
        if data:
            sock.send(data)
        else:
            self._drop(sock)

    def _drop(self, sock):
        self.poll.unregister(sock)
        del self.socks[sock.fileno()]
        self.accepted.remove(sock)
        sock.close()

    def drain(self):
        """Forget what waits to be read, without an answer."""
        for sock in list(self.socks.values()) + self.open:
            with contextlib.suppress(OSError):
                while sock.type == socket.SOCK_DGRAM:
                    sock.recv(65536)
                while True:
                    sock.accept()[0].close()

    def close_writing(self):
        for sock in self.accepted:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)

    def hang_up(self):
        for sock in list(self.accepted):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            self._drop(sock)
