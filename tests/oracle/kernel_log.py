# SPDX-License-Identifier: GPL-2.0-or-later
"""What both oracles have of the kernel: a socket that hears its log and its
traces, and one that sends packets as they are.

linux/netfilter/nfnetlink_log.h, linux/netfilter/nf_tables.h (NFTA_TRACE_*)
"""
import contextlib
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
import lab                                                  # noqa: E402

LOG_CONFIG, LOG_PACKET = 0x401, 0x400


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + \
        b"\0" * (-len(value) % 4)


def request(sock, kind, body, flags=0, family=0, group=0):
    """A message of nfnetlink, and its answer."""
    sock.send(struct.pack("=IHHII", 20 + len(body), kind, flags | 5, 0, 0) +
              struct.pack("!BBH", family, 0, group) + body)
    error = struct.unpack_from("=i", sock.recv(4096), 16)[0]
    if error:
        raise OSError(-error, os.strerror(-error))


def listen(space, group, multicast=0):
    """Hear NFLOG's group, and the multicast groups of a mask."""
    sock = space.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                        lab.NETLINK_NETFILTER)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, lab.SO_RCVBUFFORCE, 16 << 20)
    sock.bind((0, multicast))
    for kind, value in ((1, b"\x01"),                       # bind the group
                        (2, struct.pack("!IBx", 128, 2)),   # copy packets
                        (5, struct.pack("!I", 1))):         # at once
        request(sock, LOG_CONFIG, attribute(kind, value), group=group)
    sock.setblocking(False)
    return sock


def heard(sock):
    """(kind, family, attributes) of each message that is there."""
    while True:
        try:
            data = sock.recv(65536)
        except BlockingIOError:
            return
        at = 0
        while at + 20 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            yield (kind, data[at + 16],
                   lab.netlink_attributes(data[at + 20:at + length]))
            at += (length + 3) & ~3


def raw_socket(space, version):
    """Sends whole packets, to broadcast addresses too."""
    sock = space.socket(lab.FAMILY[version], socket.SOCK_RAW,
                        socket.IPPROTO_RAW)
    if version == 4:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return sock
