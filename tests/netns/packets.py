# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as bytes: builders for headers, and injection at link level.

Addresses are text; the family follows from the colon. Every builder fills in
a right checksum where the kernel looks at it.
"""
import functools
import socket
import struct

TCP, UDP, DCCP, GRE, ESP, AH = 6, 17, 33, 47, 50, 51
ICMP, ICMPV6, SCTP, UDPLITE = 1, 58, 132, 136
FRAGMENT_HEADER = 44

TCP_FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}


@functools.lru_cache(maxsize=4096)
def pack_address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo_header(src, dst, proto, length):
    both = pack_address(src) + pack_address(dst)
    if ":" in src:
        return both + struct.pack("!II", length, proto)
    return both + struct.pack("!BBH", 0, proto, length)


def tcp(src, dst, sport, dport, flags, seq=1000, ack=0, data=b""):
    """flags: a number, or letters of FSRPAU."""
    if isinstance(flags, str):
        flags = sum(TCP_FLAGS[f] for f in flags)
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags,
                       8192, 0, 0) + data
    value = checksum(pseudo_header(src, dst, TCP, len(head)) + head)
    return head[:16] + struct.pack("!H", value) + head[18:]


def udp(src, dst, sport, dport, data=b"datagram"):
    length = 8 + len(data)
    head = struct.pack("!HHHH", sport, dport, length, 0) + data
    value = checksum(pseudo_header(src, dst, UDP, length) + head) or 0xffff
    return head[:6] + struct.pack("!H", value) + data


def udplite(src, dst, sport, dport, data=b"datagram"):
    """Covers the whole datagram, said as coverage 0."""
    head = struct.pack("!HHHH", sport, dport, 0, 0) + data
    pseudo = pseudo_header(src, dst, UDPLITE, len(head))
    value = checksum(pseudo + head) or 0xffff
    return head[:6] + struct.pack("!H", value) + data


def _crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82f63b78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC32C = _crc32c_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = (crc >> 8) ^ _CRC32C[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def sctp(sport, dport, tag=0):
    """An INIT chunk; tag 0 is what an INIT must have."""
    head = struct.pack("!HHI", sport, dport, tag)
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 1)
    crc = crc32c(head + b"\0\0\0\0" + chunk)
    return head + struct.pack("<I", crc) + chunk


def dccp(src, dst, sport, dport):
    """A DCCP-Request (RFC 4340, 5.1 and 5.2)."""
    head = struct.pack("!HHBBHBBHIII", sport, dport, 5, 0, 0, 1, 0, 0, 1, 0,
                       0)[:20]
    value = checksum(pseudo_header(src, dst, DCCP, len(head)) + head)
    return head[:6] + struct.pack("!H", value) + head[8:]


def gre(data=b"\0" * 20):
    return struct.pack("!HH", 0, 0x0800) + data


def esp(spi=0x1000, sequence=1):
    return struct.pack("!II", spi, sequence) + b"\0" * 24


def icmp(kind, code=0, rest=b"\0\0\0\0", data=b""):
    head = struct.pack("!BBH", kind, code, 0) + rest + data
    return head[:2] + struct.pack("!H", checksum(head)) + head[4:]


def icmpv6(src, dst, kind, code=0, rest=b"\0\0\0\0", data=b""):
    head = struct.pack("!BBH", kind, code, 0) + rest + data
    pseudo = pseudo_header(src, dst, ICMPV6, len(head))
    return head[:2] + struct.pack("!H", checksum(pseudo + head)) + head[4:]


def ip(src, dst, proto, payload, ident=0, offset=0, more=False, ttl=64):
    """One packet. `ident` is the IP id, or the IPv6 flow label and id; offset
    (in bytes) and more make it a fragment."""
    if ":" in src:
        if offset or more:
            payload = struct.pack("!BBHI", proto, 0, offset | more,
                                  ident) + payload
            proto = FRAGMENT_HEADER
        return struct.pack("!IHBB", 6 << 28 | ident & 0xfffff, len(payload),
                           proto, ttl) + \
            pack_address(src) + pack_address(dst) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident & 0xffff,
                       offset >> 3 | more << 13, ttl, proto, 0) + \
        pack_address(src) + pack_address(dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def fragments(src, dst, proto, payload, ident, size=1400):
    """The payload in as many packets as `size` (a multiple of 8) asks for."""
    return [ip(src, dst, proto, payload[at:at + size], ident, at,
               at + size < len(payload))
            for at in range(0, len(payload), size)]


def group_mac(dst):
    """The link address of a group, or None for a unicast address."""
    raw = pack_address(dst)
    if len(raw) == 16:
        return b"\x33\x33" + raw[12:] if raw[0] == 0xff else None
    if 224 <= raw[0] < 240:
        return b"\x01\x00\x5e" + bytes([raw[1] & 0x7f]) + raw[2:]
    return b"\xff" * 6 if raw == b"\xff" * 4 else None


class Injector:
    """Puts packets on a link as they are, past the sender's own hooks."""

    def __init__(self, namespace, device, to_mac):
        self.to_mac = to_mac
        self.from_mac = namespace.mac(device)
        with namespace.entered():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.bind((device, 0))

    def send(self, packet, mac=None):
        kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"
        self.sock.send((mac or self.to_mac) + self.from_mac + kind + packet)

    def close(self):
        self.sock.close()
