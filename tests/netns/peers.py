# SPDX-License-Identifier: GPL-2.0-or-later
"""A client and a server on one cable, and TCP between them."""
import contextlib
import socket
import threading

import lab


def answers(client, version, port, patience):
    """Does a connection come about, and is it served?"""
    try:
        with connect(client, version, port, patience) as sock:
            sock.sendall(b"x" * 1000)
            return len(sock.recv(1)) == 1
    except OSError:
        return False


def receive(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


class Server:
    """Echoes what it gets."""

    def __init__(self, space, version, port):
        self.sock = space.socket(lab.FAMILY[version], socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if version == 6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.sock.bind(("", port))
        self.sock.listen(128)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            sock, _ = self.sock.accept()
            threading.Thread(target=self.echo, args=(sock,),
                             daemon=True).start()

    @staticmethod
    def echo(sock):
        """Closed when it ends, not when the next one takes its name."""
        with sock, contextlib.suppress(OSError):
            while data := sock.recv(65536):
                sock.sendall(data)


def connect(space, version, port, timeout=4, to=None):
    sock = space.socket(lab.FAMILY[version], socket.SOCK_STREAM)
    sock.settimeout(timeout)
    sock.connect((to or lab.address("server", version), port))
    return sock


def pair():
    client, server = lab.Namespace(), lab.Namespace()
    client.link("c", server, "s")
    for version in lab.VERSIONS:
        for space, device, host in ((client, "c", "client"),
                                    (server, "s", "server")):
            bits = "24" if version == 4 else "64"
            space.run("ip addr add %s/%s dev %s %s" % (
                lab.address(host, version), bits, device,
                "nodad" if version == 6 else ""))
            other = "server" if host == "client" else "client"
            space.run("ip route add %s dev %s" % (
                lab.address(other, version), device))
    return client, server
