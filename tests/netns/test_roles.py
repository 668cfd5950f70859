# SPDX-License-Identifier: GPL-2.0-or-later
"""What a role does not take: the broadcast and multicast services of a router
itself, and the connections of a transparent proxy."""
import contextlib
import os
import socket
import struct
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from packets import (TCP, UDP, Injector, group_mac, ip, tcp,  # noqa: E402
                     udp)
from traffic import Echo, tcp_exchange, udp_exchange        # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - name: service
    role: %s
    protocol: [tcp, udp]
    ports: [%s]
    accept: %s
"""
GROUPS = {4: "224.0.0.251", 6: "ff02::fb"}
SO_BINDTODEVICE = 25
# What a host lets in that offers DHCP and mDNS to one side
NFT_ROUTER = """table inet host {
 chain input {
  type filter hook input priority filter; policy drop;
  iif lo accept
  icmpv6 type { 133-136 } accept
  ct state established,related accept
  ct state invalid drop
  udp dport { 67, 5353 } ct state new accept
 }
}
"""
LEGACY_ROUTER = """*filter
:INPUT DROP [0:0]
%s-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p udp -m multiport --dports 67,5353 -m conntrack --ctstate NEW \
-j ACCEPT
COMMIT
"""
# The way back for packets of transparent sockets, and a filter by state
NFT_PROXY = """table inet host {
 chain early {
  type filter hook prerouting priority mangle;
  socket transparent 1 meta mark set 1
 }
 chain input {
  type filter hook input priority filter;
  ct state invalid drop
 }
 chain output {
  type filter hook output priority filter;
  ct state { invalid, untracked } oifname "toc" drop
  ct state invalid drop
 }
}
"""
LEGACY_PROXY = """*mangle
-A PREROUTING -p tcp -m socket --transparent -j MARK --set-mark 1
-A PREROUTING -p udp -m socket --transparent -j MARK --set-mark 1
COMMIT
*filter
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A OUTPUT -o toc -m conntrack --ctstate INVALID,UNTRACKED -j DROP
-A OUTPUT -m conntrack --ctstate INVALID -j DROP
COMMIT
"""
TRANSPARENT = {4: (socket.SOL_IP, 19), 6: (socket.IPPROTO_IPV6, 75)}


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, 8080)
    for version in lab.VERSIONS:
        LAB.router.run("ip -%d rule add fwmark 1 lookup 100; ip -%d route add "
                       "local default dev lo table 100" % (version, version))


def host(backend, nft, legacy):
    LAB.router.clear()
    if backend == "nftables":
        LAB.router.nft(nft)
        return
    for version in lab.VERSIONS:
        LAB.router.legacy(version, legacy % (
            "-A INPUT -p ipv6-icmp -j ACCEPT\n" if version == 6 else "")
            if "%s" in legacy else legacy)


def apply(backend, role, ports, accept):
    """Without accept rules there is harm, which is wanted here."""
    LAB.router.apply(backend, POLICY % (role, ports, accept),
                     *(["--force"] if accept == "none" else []))


class Case(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def each(self):
        for backend in lab.BACKENDS:
            for accept in ("open", "none"):
                for version in lab.VERSIONS:
                    yield (backend, accept, version), self.subTest(
                        backend=backend, accept=accept, ip=version)


def heard(version, group, port):
    """Does a service of the router hear what the client tells the group?"""
    with LAB.router.socket(lab.FAMILY[version], socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"toc\0")
        sock.bind(("", port))
        if version == 6:
            with LAB.router.entered():
                index = socket.if_nametoindex("toc")
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                            socket.inet_pton(socket.AF_INET6, group) +
                            struct.pack("=I", index))
        elif group.startswith("224."):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                            socket.inet_aton(group) + socket.inet_aton(
                                lab.address("router-c", 4)))
        source = "0.0.0.0" if port == 67 else lab.address("client", version)
        injector = Injector(LAB.client, "eth0", group_mac(group))
        injector.send(ip(source, group, UDP, udp(source, group, port + 1,
                                                 port)))
        injector.close()
        with contextlib.suppress(TimeoutError):
            return bool(sock.recv(2048))
        return False


class Router(Case):
    """A router of all UDP serves its own broadcast and multicast as ever."""

    def test_own_groups(self):
        for (backend, accept, version), where in self.each():
            with where:
                host(backend, NFT_ROUTER, LEGACY_ROUTER)
                apply(backend, "router", "1-65535", accept)
                self.assertTrue(heard(version, GROUPS[version], 5353))
                if version == 4:
                    self.assertTrue(heard(4, "255.255.255.255", 67))

    def test_transit_leaves_the_table(self):
        for (backend, accept, version), where in self.each():
            with where:
                LAB.router.clear()
                LAB.router.nft(NFT_PROXY)       # something that tracks
                LAB.router.run("nft flush chain inet host output")
                apply(backend, "router", "1-65535", accept)
                events = lab.NewEntries(LAB.router)
                dst = lab.address("server", version)
                for exchange in (tcp_exchange, udp_exchange):
                    self.assertEqual(exchange(LAB.client, version, dst, 8080),
                                     "ok")
                self.assertEqual(events.take(), [])
                events.close()


def transparent(version, kind):
    sock = LAB.router.socket(lab.FAMILY[version], kind)
    sock.settimeout(2)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(*TRANSPARENT[version], 1)
    return sock


def upstream(version, kind):
    """What the proxy gets when it connects to the server as the client."""
    with transparent(version, kind) as sock:
        sock.bind((lab.address("client", version), 0))
        try:
            sock.connect((lab.address("server", version), 8080))
            sock.sendall(b"request")
            return sock.recv(2048)
        except OSError as err:
            return err


def downstream(version):
    """What the client hears of a proxy that answers as the server."""
    with transparent(version, socket.SOCK_STREAM) as listener:
        listener.bind((lab.address("server", version), 8080))
        listener.listen()
        serve = threading.Thread(target=answer, args=(listener,))
        serve.start()
        end = tcp_exchange(LAB.client, version,
                           lab.address("server", version), 8080, timeout=2,
                           size=7)
        serve.join()
        return end


def answer(listener):
    with contextlib.suppress(OSError):
        with listener.accept()[0] as sock:
            sock.sendall(sock.recv(2048))
            sock.recv(1)


class TransparentProxy(Case):
    """It uses addresses that are not its own: both ways stay tracked."""

    def test_client(self):
        for (backend, accept, version), where in self.each():
            with where:
                host(backend, NFT_PROXY, LEGACY_PROXY)
                apply(backend, "client", "8080", accept)
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    self.assertEqual(upstream(version, kind), b"request")

    def test_server(self):
        """The filter drops replies that are not those of a connection."""
        for (backend, accept, version), where in self.each():
            with where:
                host(backend, NFT_PROXY, LEGACY_PROXY)
                apply(backend, "server", "8080", "none")
                tproxy = "ip%stables-legacy -t mangle -I PREROUTING -i toc " \
                    "-p tcp --dport 8080 -j MARK --set-mark 1" % (
                        "6" if version == 6 else "")
                LAB.router.run(tproxy)
                self.assertEqual(downstream(version), "ok")


class RepliesWithoutSocket(Case):
    """Late answers, and those to raw sockets: tracked, unless the policy says
    that a client's replies need no socket."""

    def entries(self, backend, version, guard):
        LAB.clear()
        LAB.server.nft(NFT_PROXY)           # something that tracks
        LAB.server.run("nft flush chain inet host output")
        LAB.server.apply(backend, POLICY % ("client", "53", "none") +
                         "    reply_guard: %s\n"
                         "    override: [invalid]\n" % guard)
        events = lab.NewEntries(LAB.server)
        ends = [lab.address(name, version) for name in ("client", "server")]
        injector = Injector(LAB.router, "tos", LAB.server.mac("eth0"))
        injector.send(ip(*ends, UDP, udp(*ends, 53, 41000)))
        injector.send(ip(*ends, TCP, tcp(*ends, 53, 41001, "SA", ack=7)))
        injector.close()
        found = [event for event in events.take()
                 if event.startswith(("proto 6", "proto 17"))]
        events.close()
        return found

    def test_guard(self):
        for backend in lab.BACKENDS:
            for version in lab.VERSIONS:
                with self.subTest(backend=backend, ip=version):
                    self.assertEqual(self.entries(backend, version, "none"),
                                     [])
                    self.assertNotEqual(
                        self.entries(backend, version, "socket"), [])


if __name__ == "__main__":
    unittest.main()
