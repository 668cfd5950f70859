# SPDX-License-Identifier: GPL-2.0-or-later
"""Connection-table entries of any make-up, as many as a test wants: made
through ctnetlink (linux/netfilter/nfnetlink_conntrack.h), without a packet."""
import socket
import struct

import lab
from packets import ICMP, TCP, pack_address

SEEN_REPLY, ASSURED, CONFIRMED = 2, 4, 8
NEW = 0x100                     # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
CREATE = 0x400 | 1              # NLM_F_CREATE, NLM_F_REQUEST
BATCH = 200


def attr(kind, data):
    head = struct.pack("=HH", 4 + len(data), kind)
    return head + data + b"\0" * (-len(data) % 4)


def _tuple(kind, proto, src, dst, sport, dport):
    first = 1 if len(src) == 4 else 3
    if proto == ICMP:           # of the answer, the type is another
        ends = attr(4, struct.pack("!H", sport)) + attr(
            5, bytes([dport])) + attr(6, b"\0")
    else:
        ends = attr(2, struct.pack("!H", sport)) + attr(
            3, struct.pack("!H", dport))
    return attr(kind | 0x8000, attr(0x8001, attr(first, src) + attr(
        first + 1, dst)) + attr(0x8002, attr(1, bytes([proto])) + ends))


def message(proto, src, dst, sport, dport, status, state, number,
            helper=None, nat=None):
    """Of one entry; state: TCP's, linux/netfilter/nf_conntrack_tcp.h."""
    src, dst = pack_address(src), pack_address(dst)
    answer = (0, sport) if proto == ICMP else (sport, dport)
    body = _tuple(1, proto, src, dst, sport, dport) + _tuple(
        2, proto, dst, src,
        *(answer[::-1] if proto == ICMP else (dport, sport)))
    body += attr(3, struct.pack("!I", status | CONFIRMED))
    body += attr(7, struct.pack("!I", 3600))
    if proto == TCP:
        body += attr(0x8004, attr(0x8001, attr(1, bytes([state]))))
    if helper:
        body += attr(0x8005, attr(1, helper.encode() + b"\0"))
    if nat:                     # CTA_NAT_SRC, of one address
        at = pack_address(nat)
        body += attr(0x8006, attr(1, at) + attr(2, at))
    family = socket.AF_INET if len(src) == 4 else socket.AF_INET6
    return struct.pack("=IHHIIBBH", 20 + len(body), NEW, CREATE, number, 0,
                       family, 0, 0) + body


def add(space, entries, helper=None, nat=None):
    """entries: (proto, src, dst, sport, dport, status, TCP's state or 0);
    nat: the address that their sources are translated to"""
    with space.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                      lab.NETLINK_NETFILTER) as sock:
        batch = []
        for number, entry in enumerate(entries):
            batch.append(message(*entry, number + 1, helper, nat))
            if len(batch) == BATCH:
                sock.send(b"".join(batch))
                batch.clear()
        sock.send(b"".join(batch) or message(*entry, 0, helper, nat))
