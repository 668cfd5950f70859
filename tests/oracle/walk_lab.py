# SPDX-License-Identifier: GPL-2.0-or-later
"""A host whose rules are traced: which rules each packet met, and its end.

One socket hears both worlds in the order in which things happened: nftables'
trace messages (linux/netfilter/nf_tables.h, NFTA_TRACE_*) and legacy iptables'
TRACE lines, which nfnetlink_log carries. Both go by the same bit of a packet,
so one early `meta nftrace set 1` is enough for all of them. Late chains tell
that a packet was let through.
"""
import contextlib
import dataclasses
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
import kernel_log                                           # noqa: E402
import lab                                                  # noqa: E402
import packets as build                                     # noqa: E402
from packets import Injector, group_mac, pack_address       # noqa: E402

# device -> its IPv4 and IPv6 address; the gateway behind it is .254 or ::fe
LINKS = {
    "eth0": ("192.0.2.1", "2001:db8:1::1"),
    "eth1": ("198.51.100.1", "2001:db8:2::1"),
    "lan0": ("10.60.0.1", "2001:db8:5::1"),
}
ROUTES = (("10.1.0.0/16", "2001:db8:aa::/48", "eth0"),
          ("172.16.0.0/12", "2001:db8:bb::/48", "lan0"),
          ("default", "default", "eth1"))
OWN = {4: tuple(pair[0] for pair in LINKS.values()),
       6: tuple(pair[1] for pair in LINKS.values())}
REMOTES = {
    4: {"192.0.2.7": "eth0", "10.1.2.3": "eth0", "10.1.2.130": "eth0",
        "198.51.100.77": "eth1", "203.0.113.9": "eth1",
        "10.60.0.50": "lan0", "172.16.5.5": "lan0"},
    6: {"2001:db8:1::7": "eth0", "2001:db8:aa::3": "eth0",
        "2001:db8:aa::83": "eth0", "2001:db8:2::77": "eth1",
        "2001:db8:cc::9": "eth1", "2001:db8:5::50": "lan0",
        "2001:db8:bb::5": "lan0"},
}
LOCAL = {4: "127.0.0.1", 6: "::1"}
NFPROTO = {4: socket.AF_INET, 6: socket.AF_INET6}
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
NFNLGRP_NFTRACE = 9
SO_MARK = 36
TABLE, CHAIN, HANDLE, KIND, VERDICT, IDENT, NETWORK = 1, 2, 3, 4, 5, 6, 8
FAMILIES = {1: "inet", 2: "ip", 10: "ip6"}


# Rules of our own, before and behind all that is tested. The states are read
# right behind the tracker, and only where it works anyway.
_STATES = ("new", "established", "related", "invalid", "untracked")


def watcher(tracked):
    """tracked: the versions whose states the rules ask for. To be loaded
    last, so that its hooks come first in a tie."""
    text = ""
    for version in tracked:
        text += "table %s watch {\n" % ("ip6" if version == 6 else "ip")
        for hook in ("prerouting", "output"):
            text += " chain state-%s {\n  type filter hook %s priority " \
                "-199;\n%s }\n" % (hook, hook, "".join(
                    "  ct state %s counter comment \"%s\"\n" % (state, state)
                    for state in _STATES))
        text += "}\n"
    text += "table inet watch {\n"
    for hook in ("prerouting", "output"):
        text += " chain begin-%s {\n  type filter hook %s priority -1000;\n" \
            "  meta nftrace set 1\n }\n" % (hook, hook)
    for hook in ("input", "postrouting"):
        text += " chain end-%s {\n  type filter hook %s priority 1000;\n" \
            " }\n" % (hook, hook)
    return text + "}\n"


@dataclasses.dataclass(frozen=True)
class Packet:
    """One packet and what the tracker knows of it. device: where it arrives,
    "" if a program of the host sends it, with `mark`."""
    version: int
    proto: int
    src: str
    dst: str
    sport: int = 0
    dport: int = 0
    flags: str = ""
    kind: int = 0
    code: int = 0
    device: str = ""
    known: str = ""             # "original", "reply": of an entry; "error"
    mark: int = 0
    part: str = "whole"         # or "first", "later": a fragment

    def ends(self):
        return self.src, self.dst, self.sport, self.dport


def payload(p):
    if p.proto == build.TCP:
        return build.tcp(*p.ends(), p.flags, ack=9 if "A" in p.flags else 0)
    if p.proto == build.UDP:
        return build.udp(*p.ends())
    if p.proto == build.UDPLITE:
        return build.udplite(*p.ends())
    if p.proto == build.SCTP:
        return build.sctp(p.sport, p.dport)
    if p.proto == build.DCCP:
        return build.dccp(*p.ends())
    if p.proto == build.GRE:
        return build.gre()
    if p.proto in (build.ICMP, build.ICMPV6):
        rest, inner = struct.pack("!HH", p.sport, 1), b"x" * 16
        if is_error(p):
            # it quotes a datagram from dst's side to src's
            inner = build.ip(p.dst, p.src, build.UDP, build.udp(
                p.dst, p.src, p.dport, p.sport))
            rest = b"\0" * 4
        elif p.proto == build.ICMPV6 and p.kind in (133, 134, 135, 136, 137):
            inner = b"\0" * 32
        if p.proto == build.ICMP:
            return build.icmp(p.kind, p.code, rest, inner)
        return build.icmpv6(p.src, p.dst, p.kind, p.code, rest, inner)
    return build.esp()


def is_error(p):
    return p.kind in (3, 4, 11, 12) if p.proto == build.ICMP else \
        p.proto == build.ICMPV6 and p.kind in (1, 2, 3, 4)


def as_bytes(p, ident):
    data = payload(p)
    if p.part == "first":
        return build.ip(p.src, p.dst, p.proto, data[:len(data) & ~7], ident,
                        0, True)
    if p.part == "later":
        return build.ip(p.src, p.dst, p.proto, b"z" * 32, ident, 64)
    return build.ip(p.src, p.dst, p.proto, data, ident)


def identify(packet):
    """The mark of as_bytes(), and the addresses."""
    if packet[0] >> 4 == 6:
        return struct.unpack_from("!I", packet)[0] & 0xfffff, packet[8:40]
    return struct.unpack_from("!H", packet, 4)[0], packet[12:20]


@dataclasses.dataclass
class Phase:
    """What one base chain, or one hook of a legacy table, did."""
    world: str                  # nft or legacy
    family: str                 # of the table
    table: str
    chain: str
    steps: list                 # (chain, handle or rule number) that matched
    policy: bool = False        # came to the end


@dataclasses.dataclass
class Sighting:
    phases: list = dataclasses.field(default_factory=list)
    ends: list = dataclasses.field(default_factory=list)
    state: str = ""


class Host:
    def __init__(self):
        self.space = lab.Namespace()
        self.outside = lab.Namespace()
        self.injectors = {}
        self.count = 0
        self.sightings, self.idents = {}, {}
        self.current = None
        self._set_up_links()
        self.trace = kernel_log.listen(self.space, 0,
                                       1 << NFNLGRP_NFTRACE - 1)
        self.raw = {version: kernel_log.raw_socket(self.space, version)
                    for version in lab.VERSIONS}
        self.states = {}
        self.left = set()       # legacy worlds that hold rules

    def _set_up_links(self):
        space = self.space
        for key in ("net.ipv4.conf.all.rp_filter",
                    "net.ipv4.conf.default.rp_filter"):
            space.sysctl(key, 0)
        for key in ("net.ipv4.ip_forward", "net.ipv4.conf.all.accept_local",
                    "net.ipv6.conf.all.forwarding"):
            space.sysctl(key, 1)
        for number in (2, 10):
            space.sysctl("net.netfilter.nf_log.%d" % number, "nfnetlink_log")
        script = "set -e\n"
        for device, (v4, v6) in LINKS.items():
            space.link(device, self.outside, device)
            mac = self.outside.mac(device)
            self.injectors[device] = Injector(self.outside, device,
                                              space.mac(device))
            script += "ip link set {d} addrgenmode none\n" \
                "ip -6 address flush dev {d}\n" \
                "ip address add {v4}/24 brd + dev {d}\n" \
                "ip address add {v6}/64 dev {d} nodad\n".format(
                    d=device, v4=v4, v6=v6)
            for pair in ((_gateway(v4), _gateway(v6)),
                         *zip(*([a for a, d in REMOTES[v].items()
                                 if d == device] for v in (4, 6)))):
                for neighbour in pair:
                    script += "ip neighbour replace %s lladdr %s dev %s\n" % (
                        neighbour, ":".join("%02x" % b for b in mac), device)
        for v4, v6, device in ROUTES:
            script += "ip route add %s via %s\nip -6 route add %s via %s\n" % (
                v4, _gateway(LINKS[device][0]), v6, _gateway(LINKS[device][1]))
        space.run(script)
        self.outside.run("for d in %s; do ip link set $d addrgenmode none; "
                         "done" % " ".join(LINKS))

    # ---- the trace
    def _read_trace(self):
        for kind, family, found in kernel_log.heard(self.trace):
            if kind == kernel_log.LOG_PACKET:
                self._from_legacy(family, found)
            elif kind == 0xa11:
                self._from_nft(family, found)

    def _from_legacy(self, _family, found):
        """TRACE: table:chain:rule:number"""
        words = found[10].rstrip(b"\0").decode().split(":")
        seen = self.sightings.get(identify(found[9]))
        if seen is None or words[0] != "TRACE":
            return
        table, chain, _, number = words[1].strip(), *words[2:]
        last = seen.phases[-1] if seen.phases else None
        hook = HOOKS[found[1][2]].upper()
        version = found[9][0] >> 4
        if last is None or (last.world, last.table, last.chain) != \
                ("legacy", table, hook):
            last = Phase("legacy", "ip6" if version == 6 else "ip", table,
                         hook, [])
            seen.phases.append(last)
        last.steps.append((chain, int(number)))

    def _from_nft(self, family, found):
        number = found[IDENT]
        begins = NETWORK in found
        if begins:
            self.idents[number] = identify(found[NETWORK])
        seen = self.sightings.get(self.idents.get(number))
        if seen is None:
            return
        table = found[TABLE].rstrip(b"\0").decode()
        chain = found[CHAIN].rstrip(b"\0").decode()
        kind = struct.unpack("!I", found[KIND])[0]
        if table == "watch":
            self._own(seen, chain, family, found)
            return
        if begins:
            seen.phases.append(Phase("nft", FAMILIES[family], table, chain, []))
        phase = seen.phases[-1]
        if HANDLE in found:
            handle = struct.unpack("!Q", found[HANDLE])[0]
            phase.steps.append((chain, handle))
        if kind == 1:
            phase.policy = True

    def _own(self, seen, chain, family, found):
        if chain.startswith("end-"):
            if chain[4:] not in seen.ends:
                seen.ends.append(chain[4:])
        elif chain.startswith("state-") and HANDLE in found:
            handle = struct.unpack("!Q", found[HANDLE])[0]
            version = 6 if family == socket.AF_INET6 else 4
            seen.state = seen.state or self.states[version, chain, handle]

    # ---- what a packet is sent into
    def learn(self, listing):
        """Which rules of ours tell which state: of `nft -a list ruleset`."""
        self.states = {}
        version, chain = 0, ""
        for line in listing.splitlines():
            words = line.split()
            if words[:1] == ["table"]:
                version = {"ip watch": 4, "ip6 watch": 6}.get(
                    " ".join(words[1:3]), 0)
            elif words[:1] == ["chain"]:
                chain = words[1]
            elif version and "comment" in words:
                state = words[words.index("comment") + 1].strip('"')
                self.states[version, chain, int(words[-1])] = state

    def play(self, packets):
        """Send each; one Sighting for each."""
        self.space.flush_entries()
        self.sightings, self.idents = {}, {}
        result = []
        processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(processors)})
        try:
            for packet in packets:
                result.append(self._send(packet))
                self._read_trace()
        finally:
            os.sched_setaffinity(0, processors)
        self._wait()
        return result

    def _wait(self):
        """One processor handles them all in order: when the last is seen, all
        are done."""
        last = Packet(4, build.UDP, "10.1.2.250", OWN[4][0], 9, 9,
                      device="eth0")
        last = self._send(last, begins=True)
        end = time.monotonic() + 60
        while not last.state and not last.phases and not last.ends:
            if time.monotonic() > end:
                raise RuntimeError("packets were lost")
            select.select([self.trace], [], [], 0.05)
            self._read_trace()

    def _send(self, packet, begins=False):
        self.count = self.count % 65535 + 1
        if packet.known:
            self.space_entry(packet)
        data = as_bytes(packet, self.count)
        seen = self.sightings[identify(data)] = Sighting()
        if packet.device:
            dst = packet.dst
            if dst.endswith(".255"):
                dst = "255.255.255.255"
            self.injectors[packet.device].send(data, group_mac(dst))
            return seen
        sock = self.raw[packet.version]
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, packet.mark)
        with contextlib.suppress(OSError):          # the filter's refusal
            sock.sendto(data, (packet.dst, 0))
        return seen

    def space_entry(self, p):
        """An entry that makes the packet one of a connection that is there."""
        src, dst, sport, dport = p.ends()
        proto = p.proto
        if p.known == "error":
            proto = build.UDP
        if p.known in ("reply", "error"):
            src, dst, sport, dport = dst, src, dport, sport
        attr = kernel_log.attribute

        def way(kind, a, b, x, y):
            first = 3 if p.version == 6 else 1
            ports = attr(2, struct.pack("!H", x)) + attr(
                3, struct.pack("!H", y))
            return attr(kind | 0x8000, attr(
                0x8001, attr(first, pack_address(a)) +
                attr(first + 1, pack_address(b))) + attr(
                    0x8002, attr(1, bytes([proto])) + ports))

        body = way(1, src, dst, sport, dport) + way(2, dst, src, dport, sport)
        body += attr(3, struct.pack("!I", 2 | 4 | 8))
        body += attr(7, struct.pack("!I", 300))
        if proto == build.TCP:
            flags = struct.pack("BB", 8, 8)         # liberal
            body += attr(0x8004, attr(0x8001, attr(1, b"\x03") +
                                      attr(4, flags) + attr(5, flags)))
        with self.space.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                               lab.NETLINK_NETFILTER) as sock:
            kernel_log.request(sock, 0x100, body, 0x400,
                               NFPROTO[p.version])


def _gateway(own):
    return own[:-1] + ("fe" if ":" in own else "254")
