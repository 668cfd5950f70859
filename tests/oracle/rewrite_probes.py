# SPDX-License-Identifier: GPL-2.0-or-later
"""Single packets that belong to nothing, and what kind each is."""
import dataclasses
import struct

import packets as build
import walk_lab
from rewrite_lab import OPEN_ANY, OPEN_TO, TCP_PORTS, UDP_PORTS, peer

PROTOS = {4: build.ICMP, 6: build.ICMPV6}
# without 15 and 16, which RFC 6918 withdrew
REQUESTS = {4: (8, 13, 17), 6: (128, 139)}
REPLIES = {4: (0, 14, 18), 6: (129, 140)}
ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
# neighbour and listener discovery: never tracked
DISCOVERY = {4: (), 6: (130, 131, 132, 133, 134, 135, 136, 143)}
# what routers say, and only routers
ROUTERS = {4: (5, 9, 10), 6: (137,)}
# net/netfilter/nf_conntrack_proto_tcp.c, tcp_valid_flags, without PSH
VALID = {build.TCP_FLAGS["S"], 0x22, 0x12, 4, 0x14, 0x11, 0x31, 0x10, 0x30}
# RFC 793 has no such segment, whatever URG says
NEVER = (0x03, 0x06, 0x05)
SERVICES = tuple(sorted(set(TCP_PORTS + UDP_PORTS + (2222, 8000))))


@dataclasses.dataclass(frozen=True)
class Probe(walk_lab.Packet):
    bits: int = 0x10            # of tcp
    about: object = None        # the packet that an error quotes

    def __str__(self):
        what = {build.TCP: "tcp", build.UDP: "udp"}.get(
            self.proto, "proto %d" % self.proto)
        if self.proto == build.TCP:
            what += " " + ("".join(f for f, b in build.TCP_FLAGS.items()
                                   if self.bits & b) or "no flags")
        if self.proto in PROTOS.values():
            what = "icmp type %d" % self.kind
        text = "%s %s.%d > %s.%d%s" % (
            what, self.src, self.sport, self.dst, self.dport,
            " by " + self.device if self.device else " by a program")
        if self.part != "whole":
            text += ", %s fragment" % self.part
        return text + (" about (%s)" % self.about if self.about else "")


def as_bytes(p, number):
    if p.about:
        inner = as_bytes(p.about, 77)
        if p.version == 6:
            body = build.icmpv6(p.src, p.dst, p.kind, p.code,
                                struct.pack("!I", 1280), inner)
        else:
            body = build.icmp(p.kind, p.code, struct.pack("!HH", 0, 1280),
                              inner)
        return build.ip(p.src, p.dst, PROTOS[p.version], body, number)
    if p.proto == build.TCP and p.part == "whole":
        body = build.tcp(*p.ends(), p.bits, ack=9 if p.bits & 0x10 else 0)
        return build.ip(p.src, p.dst, p.proto, body, number)
    return walk_lab.as_bytes(p, number)


def is_initial(p):
    return p.bits & 0x17 == 2


def begins(p):
    """Such a packet may be the first of something. (Any datagram may.)"""
    if p.part == "later" or p.about:
        return False
    if p.proto == build.TCP:
        return is_initial(p)
    if p.proto == PROTOS[p.version]:
        return p.kind in REQUESTS[p.version] + DISCOVERY[p.version]
    return True


def has_first(p):
    """Whether its protocol tells first packets from others."""
    return p.proto in (build.TCP, PROTOS[p.version])


def hook_of(p):
    if not p.device:
        return "OUTPUT"
    return "INPUT" if is_local(p.dst) or p.dst.endswith(".255") else "FORWARD"


def is_local(address):
    version = 6 if ":" in address else 4
    return address in walk_lab.OWN[version] or \
        address == walk_lab.LOCAL[version]


def _tcp_words(p):
    bits = p.bits & 0x37
    if p.bits & 0x10 and bits in VALID or bits in (4, 0x14):
        return {"tcp-noninitial"}
    if not bits or any(bits & n == n for n in NEVER) or bits & 0x11 == 1:
        return {"bad-flags"}
    return {"bad-flags", "tcp-noninitial"}


def words_of(p):
    """Which announcement is one of this packet: any of them will do."""
    if p.part == "later":
        return {"fragment"}
    if p.proto == build.TCP:
        return _tcp_words(p)
    if p.proto == build.UDP:
        return {"udp-reply", "udp-wildcard"}
    if p.proto != PROTOS[p.version]:
        return {"proto-reply"}
    if p.kind in REPLIES[p.version]:
        return {"echo-reply"}
    return {"icmp-error"} if p.about else set()


def device_to(address):
    """Where a packet to this address leaves, and comes from."""
    if is_local(address):
        return ""
    text = address.split(":" if ":" in address else ".")
    if ":" in address:
        return {"1": "eth0", "aa": "eth0", "5": "lan0",
                "bb": "lan0"}.get(text[2], "eth1")
    if text[0] == "10":
        return "lan0" if text[1] == "60" else "eth0"
    return {"172": "lan0", "192": "eth0"}.get(text[0], "eth1")


def reverse(p):
    """The packet that this one may answer."""
    kind, ports = p.kind, (p.dport, p.sport)
    if p.proto == PROTOS[p.version]:
        ports = p.sport, p.dport            # the identifier stays
        kind = dict(zip(REPLIES[p.version], REQUESTS[p.version])).get(kind,
                                                                      kind)
    return dataclasses.replace(
        p, src=p.dst, dst=p.src, sport=ports[0], dport=ports[1], kind=kind,
        device=device_to(p.dst), bits=2, part="whole", about=None)


class Drawer:
    def __init__(self, draw, router):
        self.draw, self.router = draw, router
        self.count = 0

    def far(self, version, device):
        self.count += 1
        net = {"lan0": 5, "eth0": 2, "eth1": 5}[device]
        if self.draw.random() < .1:
            return self.draw.choice([
                a for a, d in walk_lab.REMOTES[version].items()
                if d == device])
        return peer(version, device, net + self.draw.randrange(2),
                    101 + self.count % 120)

    def port(self):
        return self.draw.choice([
            self.draw.choice(SERVICES), self.draw.choice(SERVICES),
            self.draw.randrange(32768, 61000), OPEN_ANY,
            self.draw.randrange(1024, 32768)])

    def way(self, version):
        """(device of arrival, from, to)."""
        hooks = ["INPUT", "INPUT", "OUTPUT"] + ["FORWARD"] * 3 * self.router
        hook = self.draw.choice(hooks)
        device, other = self.draw.sample(sorted(walk_lab.LINKS), 2)
        own = walk_lab.LINKS[device][version == 6]
        far = self.far(version, device)
        if hook == "OUTPUT":
            return "", own, far
        if hook == "INPUT":
            return device, far, own
        return device, far, self.far(version, other)

    def probe(self, version):
        device, src, dst = self.way(version)
        common = dict(version=version, src=src, dst=dst, device=device,
                      sport=self.port(), dport=self.port())
        kind = self.draw.choice(["tcp"] * 5 + ["udp"] * 4 + [
            "icmp", "icmp", "error", "error", "fragment", "other"])
        if kind == "tcp":
            bits = self.draw.choice([2, 2, 0xc2, 0x12, 0x10, 0x18, 4, 0x11,
                                     self.draw.randrange(64)])
            return Probe(proto=build.TCP, bits=bits, **common)
        if kind == "udp":
            return Probe(proto=build.UDP, **self.aimed(common))
        if kind == "fragment":
            return Probe(proto=self.draw.choice((build.UDP, build.TCP)),
                         part="later", **common)
        if kind == "other":
            return Probe(proto=self.draw.choice(
                (build.GRE, build.ESP, build.SCTP)), **common)
        return self.icmp(version, kind, common)

    def aimed(self, common):
        """Sometimes at the socket that is connected, with its peer or not."""
        if common["device"] == "eth0" and self.draw.random() < .3:
            common["dport"] = OPEN_TO[0]
            if self.draw.random() < .5 and is_local(common["dst"]):
                common["src"] = OPEN_TO[1][common["version"] == 6]
                common["sport"] = OPEN_TO[2]
        return common

    def icmp(self, version, kind, common):
        common["proto"] = PROTOS[version]
        if kind == "error":
            about = self.probe(version)
            while about.proto not in (build.TCP, build.UDP) or \
                    about.part != "whole":
                about = self.probe(version)
            about = dataclasses.replace(
                about, bits=2, src=common["dst"], dst=self.far(
                    version, device_to(common["src"]) or "eth0"),
                device=device_to(common["dst"]))
            return Probe(kind=self.draw.choice(ERRORS[version]), about=about,
                         **common)
        kinds = REQUESTS[version] + REPLIES[version] * 2 + \
            DISCOVERY[version] + ROUTERS[version]
        return Probe(kind=self.draw.choice(kinds), **common)


def random_probes(draw, router, count):
    """What may begin something first: limits count it alone."""
    drawer = Drawer(draw, router)
    probes = [drawer.probe(4 if n % 2 else 6) for n in range(count)]
    return sorted(probes, key=lambda p: not begins(p))
