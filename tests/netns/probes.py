# SPDX-License-Identifier: GPL-2.0-or-later
"""Who answers with the number of the port that it was reached at, and probes
that see where a connection ends."""
import socket
import threading
import time

import lab


def serve_tcp(space, version, port):
    sock = space.socket(lab.FAMILY[version], socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(("", port))
    sock.listen(64)

    def answer(one):
        try:
            one.settimeout(5)
            if one.recv(100):
                one.send(b"%d" % port)
            one.recv(100)
        except OSError:
            pass
        one.close()

    def serve():
        while True:
            threading.Thread(target=answer, args=(sock.accept()[0],),
                             daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


def serve_udp(space, version, port):
    sock = space.socket(lab.FAMILY[version], socket.SOCK_DGRAM)
    if version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, 49, 1)     # IPV6_RECVPKTINFO
        sock.bind(("::", port))
    else:
        sock.setsockopt(socket.IPPROTO_IP, 8, 1)        # IP_PKTINFO
        sock.bind(("", port))
    level, kind = (41, 50) if version == 6 else (0, 8)

    def serve():
        while True:
            try:
                _, extra, _, peer = sock.recvmsg(100, 256)
                info = [(lv, kd, data) for lv, kd, data in extra
                        if (lv, kd) == (level, kind)]
                if version == 4 and info:
                    # ipi_spec_dst alone: by whichever interface
                    info = [(0, 8, b"\0" * 4 + info[0][2][8:12] + b"\0" * 4)]
                sock.sendmsg([b"%d" % port], info, 0, peer)
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()


class Probe:
    """One connection to try: from a namespace, perhaps as another user."""

    def __init__(self, space, proto, version, to, port, uid=0):
        self.space, self.proto, self.version = space, proto, version
        self.to, self.port, self.uid = to, port, uid

    def __repr__(self):
        return "%s %s:%d%s" % (
            self.proto, self.to, self.port,
            " as %d" % self.uid if self.uid else "")

    def begin(self):
        kind = socket.SOCK_STREAM if self.proto == "tcp" else \
            socket.SOCK_DGRAM
        lab.LIBC.setfsgid(self.uid)
        lab.LIBC.setfsuid(self.uid)
        sock = self.space.socket(lab.FAMILY[self.version], kind)
        lab.LIBC.setfsuid(0)
        lab.LIBC.setfsgid(0)
        sock.setblocking(False)
        if self.proto == "tcp":
            # nothing is sent any more once it is closed
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            b"\1\0\0\0\0\0\0\0")
        try:
            sock.connect((self.to, self.port))
        except BlockingIOError:
            pass
        except OSError:
            sock.close()
            return None
        return sock


def step(sock, proto, state):
    """What has become of it: None: nothing so far."""
    try:
        if state == "begun":
            if proto == "tcp" and sock.getsockopt(
                    socket.SOL_SOCKET, socket.SO_ERROR):
                return "no"
            sock.send(b"hello")
            return "asked"
        got = sock.recv(100)
        return "served by %s" % got.decode() if got else "no"
    except (BlockingIOError, BrokenPipeError):
        return None
    except OSError as err:
        return None if err.errno == 107 else "no"


def try_all(probes, patience):
    """What becomes of each: at the end, whatever was not answered has got
    as far as it has."""
    tried = {p: p.begin() for p in probes}
    state = {p: "begun" if s else "no" for p, s in tried.items()}
    last = time.monotonic()
    while time.monotonic() < last + patience:
        for p, s in tried.items():
            if state[p] not in ("begun", "asked"):
                continue
            now = step(s, p.proto, state[p])
            if now:
                state[p] = now
                last = time.monotonic()
        if not set(state.values()) & {"begun", "asked"}:
            break
        time.sleep(.005)
    for s in tried.values():
        if s:
            s.close()
    return {p: "no" if v in ("begun", "asked") else v
            for p, v in state.items()}
