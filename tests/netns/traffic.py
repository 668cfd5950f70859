# SPDX-License-Identifier: GPL-2.0-or-later
"""Real sockets: echo servers, and exchanges that say how they ended."""
import errno
import socket
import threading
import time

from lab import FAMILY, VERSIONS, NewEntries, address
from packets import icmp

_ENDS = {errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "timeout",
         errno.EHOSTUNREACH: "unreachable", errno.ENETUNREACH: "unreachable",
         errno.EPERM: "not permitted", errno.EMSGSIZE: "too big"}


def _word(err):
    if isinstance(err, TimeoutError):
        return "timeout"
    return _ENDS.get(err.errno, str(err))


def _dual_stack(namespace, kind, port, at):
    sock = namespace.socket(socket.AF_INET6, kind)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((at if ":" in at else "::ffff:" + at, port))
    return sock


class Echo:
    """Sends back what it gets, over TCP and UDP, both families or at one
    address, one port."""

    def __init__(self, namespace, port, at="::"):
        self.listener = _dual_stack(namespace, socket.SOCK_STREAM, port, at)
        self.listener.listen(1024)
        self.datagrams = _dual_stack(namespace, socket.SOCK_DGRAM, port, at)
        self.peer = None        # who connected last, as accept() has it
        for loop in (self._accept, self._echo_datagrams):
            threading.Thread(target=loop, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, self.peer = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(sock,),
                             daemon=True).start()

    @staticmethod
    def _echo(sock):
        with sock:
            try:
                while data := sock.recv(65536):
                    sock.sendall(data)
            except OSError:
                pass        # the peer gave up; the next one is served

    def _echo_datagrams(self):
        while True:
            try:
                data, peer = self.datagrams.recvfrom(65536)
            except OSError as err:
                if err.errno == errno.EBADF:
                    return
                continue    # an ICMP error about an earlier answer
            try:
                self.datagrams.sendto(data, peer)
            except OSError:
                pass        # a rule dropped the answer


def tcp_exchange(namespace, version, dst, port, size=1000, timeout=8,
                 source=None):
    """Send `size` bytes, get them back, close: "ok" or how it failed."""
    with namespace.socket(FAMILY[version], socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        try:
            if source:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(source)
            sock.connect((dst, port))
            sender = threading.Thread(target=_send, args=(sock, size))
            sender.start()
            got = 0
            try:
                while got < size:
                    data = sock.recv(65536)
                    if not data:
                        return "closed after %d bytes" % got
                    got += len(data)
            finally:
                if got < size:
                    sock.shutdown(socket.SHUT_RDWR)
                sender.join()
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)
            return "ok"
        except OSError as err:
            return _word(err)


def web_exchanges(lab, timeout=8):
    """With the server of a lab, one in each version: how they ended, and what
    connections the server took note of."""
    events = NewEntries(lab.server)
    ends = [tcp_exchange(lab.client, version, address("server", version), 80,
                         timeout=timeout) for version in VERSIONS]
    noted = events.take()
    events.close()
    return ends, noted


def _send(sock, size):
    try:
        sock.sendall(b"x" * size)
    except OSError:
        pass                # the reader sees the same failure and says so


def udp_exchange(namespace, version, dst, port, size=100, timeout=8,
                 connected=True, source=None):
    with namespace.socket(FAMILY[version], socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        try:
            if source:
                sock.bind(source)
            if connected:
                sock.connect((dst, port))
                sock.send(b"y" * size)
            else:
                sock.sendto(b"y" * size, (dst, port))
            return "ok" if len(sock.recv(65536)) == size else "short"
        except OSError as err:
            return _word(err)


def ping_exchange(namespace, version, dst, raw=False, timeout=5, size=4):
    """An echo request by a ping socket, or by a raw one, and its reply."""
    proto, kind, reply = ((socket.IPPROTO_ICMP, 8, 0) if version == 4 else
                          (socket.IPPROTO_ICMPV6, 128, 129))
    low, high = namespace.sysctl("net.ipv4.ping_group_range").split()
    if int(low) > int(high):        # as it is by default: nobody may
        namespace.sysctl("net.ipv4.ping_group_range", "0 0")
    with namespace.socket(FAMILY[version], socket.SOCK_RAW if raw else
                          socket.SOCK_DGRAM, proto) as sock:
        end = time.monotonic() + timeout
        sent = icmp(kind, 0, b"id\0\1", b"p" * size)
        try:
            sock.sendto(sent, (dst, 0))
            while True:
                sock.settimeout(max(end - time.monotonic(), 0.001))
                got = sock.recv(65536)
                got = got[20:] if raw and version == 4 else got
                if got[0] == reply and got[6:8] == sent[6:8]:
                    return "ok"
        except OSError as err:
            return _word(err)
