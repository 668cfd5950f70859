# SPDX-License-Identifier: GPL-2.0-or-later
"""One conversation, step by step: the outside is played by hand, the host's
part by its own programs and kernel. What happened is a list of words, the same
for two rulesets under which it goes the same way."""
import contextlib
import dataclasses
import errno
import socket
import struct

import packets as build
import walk_lab
from rewrite_lab import Seen, parse

GATEWAYS = {device: tuple(walk_lab._gateway(a) for a in pair)
            for device, pair in walk_lab.LINKS.items()}
# name -> (type, code) of IPv4, of IPv6
ERRORS = {"port": ((3, 3), (1, 4)), "host": ((3, 1), (1, 3)),
          "too-big": ((3, 4), (2, 0)), "time": ((11, 0), (3, 0)),
          "problem": ((12, 0), (4, 0))}


@dataclasses.dataclass(frozen=True)
class Flow:
    """Who talks with whom. `there` is the second outside end of what is
    forwarded."""
    kind: str
    version: int
    device: str
    peer: str
    port: int
    sport: int
    variant: str = ""
    there: str = ""
    there_device: str = ""

    @property
    def own(self):
        return walk_lab.LINKS[self.device][self.version == 6]

    def __str__(self):
        end = self.there or self.own
        return "%s%s IPv%d %s %s %d -- %s %d" % (
            self.kind, " (%s)" % self.variant if self.variant else "",
            self.version, self.device, self.peer, self.sport, end, self.port)


def icmp_proto(version):
    return build.ICMPV6 if version == 6 else build.ICMP


def icmp_packet(src, dst, kind, code, rest, data, ident, ttl=64):
    if ":" in src:
        body = build.icmpv6(src, dst, kind, code, rest, data)
        return build.ip(src, dst, build.ICMPV6, body, ident, ttl=ttl)
    return build.ip(src, dst, build.ICMP, build.icmp(kind, code, rest, data),
                    ident, ttl=ttl)


def error_packet(src, dst, name, quoted, ident):
    six = ":" in src
    kind, code = ERRORS[name][six]
    rest = b"\0" * 4
    if name == "too-big":
        rest = struct.pack("!I" if six else "!HH", *((1280,) if six
                                                     else (0, 1280)))
    return icmp_packet(src, dst, kind, code, rest, quoted, ident)


def echo_packet(src, dst, request, number, ident, size=16):
    kinds = (128, 129) if ":" in src else (8, 0)
    return icmp_packet(src, dst, kinds[not request], 0,
                       struct.pack("!HH", number, 1), b"e" * size, ident)


def sent(seen):
    """By the host itself; it reports its groups when it likes."""
    return [s for s in seen if s.where == "out" and
            (s.proto, s.kind) != (build.ICMPV6, 143)]


class Hand:
    """The end of a TCP connection that is played by hand."""

    def __init__(self, talk, src, dst, sport, dport):
        self.talk, self.ends = talk, (src, dst, sport, dport)
        self.seq, self.ack = 100000, 0

    def hear(self, p):
        """Take a segment of the other end as received."""
        self.ack = p.seq + len(p.data) + bool(p.flags & 3)

    def segment(self, flags, data=b"", extra=0, ttl=64):
        value = sum(build.TCP_FLAGS[f] for f in flags) | extra
        body = build.tcp(*self.ends, value, self.seq, self.ack, data)
        self.seq += len(data) + bool(value & 3)
        return build.ip(*self.ends[:2], build.TCP, body,
                        self.talk.host.number(), ttl=ttl)


class Talk:
    def __init__(self, host, flow):
        self.host, self.flow = host, flow
        self.words = []
        self.others = []        # what else came out in the last step
        self.strays = []        # (packet, came through, socket's connected)
        self.socks = []

    # ---- steps
    def step(self):
        seen = self.host.settle()
        while self.host.programs.serve():
            seen += self.host.settle()
        return seen

    def through(self, packets):
        """Whether a datagram came through, whole or in all its fragments."""
        marks = {walk_lab.identify(p) for p in packets}
        seen = self.step()
        ours = [s for s in seen if walk_lab.identify(s.raw) in marks]
        self.others = sent([s for s in seen if s not in ours])
        return len(ours) >= len(packets) or any(
            not s.offset and not s.more for s in ours)

    def enters(self, word, *packets, device=None):
        """From outside; says whether the rules let it through."""
        for packet in packets:
            self.host.inject(device or self.flow.device, packet)
        passed = self.through(packets)
        self.words.append(word if passed else "no " + word)
        return passed

    def leaves(self, word, *packets):
        """From a program of the host, as it is."""
        for packet in packets:
            self.host.emit(packet)
        passed = self.through(packets)
        self.words.append(word if passed else "no " + word)
        return passed

    def stray(self, packet, device, connected):
        """A datagram that is no part of this."""
        data = walk_lab.as_bytes(packet, self.host.number())
        self.host.inject(device, data)
        self.strays.append((packet, self.through([data]), connected))

    def acts(self):
        """A program did something: see what came out."""
        self.others = sent(self.step())
        return self.others

    def note(self):
        """Bare acknowledgements come when they come."""
        self.words += sorted(s.name() for s in self.others
                             if s.name() != "tcp-A")

    def find(self, flags="", data=None) -> Seen:
        want = sum(build.TCP_FLAGS[f] for f in flags)
        for s in self.others:
            if s.proto == build.TCP and s.flags & 0x17 & ~8 == want & ~8 and \
                    (data is None or bool(s.data) == data):
                return s
        return None

    # ---- the host's programs
    def socket(self, kind):
        sock = self.host.programs.socket(self.flow.version, kind)
        self.socks.append(sock)
        return sock

    def tell_error(self, sock):
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.words.append("program: " + (errno.errorcode[code] if code
                                         else "waits"))

    def hears(self, sock):
        """Whether the program got something."""
        try:
            self.words.append("program: %d bytes" % len(sock.recv(65536)))
        except BlockingIOError:
            self.words.append("program: nothing")
        except OSError as err:
            self.words.append("program: " + errno.errorcode[err.errno])

    def send(self, sock, data, to=None):
        try:
            if to:
                sock.sendto(data, to)
            else:
                sock.send(data)
        except OSError as err:
            self.words.append("program: " + errno.errorcode[err.errno])
        return self.acts()

    def end(self):
        for sock in self.socks:
            with contextlib.suppress(OSError):
                if sock.type == socket.SOCK_STREAM:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
            sock.close()
        self.host.programs.hang_up()
        self.host.settle()

    # ---- packets of this flow
    def datagram(self, src, dst, sport, dport, size=8, ttl=64):
        """Filled otherwise each time: nftables may take what is in a later
        fragment for ports."""
        fill = bytes([64 + self.host.number() % 64])
        body = build.udp(src, dst, sport, dport, fill * size)
        if size > 1400:
            return build.fragments(src, dst, build.UDP, body,
                                   self.host.number(), 1400)
        return [build.ip(src, dst, build.UDP, body, self.host.number(),
                         ttl=ttl)]

    def error(self, word, quoted, name, device=None):
        """A router on the way complains about a packet that came out."""
        device = device or self.flow.device
        gate = GATEWAYS[device][self.flow.version == 6]
        packet = error_packet(gate, parse("", quoted).src, name,
                              quoted[:240], self.host.number())
        return self.enters(word, packet, device=device)
