# SPDX-License-Identifier: GPL-2.0-or-later
"""A router that masqueraded before still does for everything that the policy
does not take out of tracking."""
import os
import shutil
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from traffic import Echo, tcp_exchange, udp_exchange        # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - name: service
    role: %s
    protocol: [tcp, udp]
    ports: [%d]
    accept: none
"""
PORT, OTHER, OUTSIDE = 8080, 8081, 9000
REFUSED = 14
NFT = """table inet nat {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "tos" masquerade
	}
}
"""
LEGACY = "*nat\n-A POSTROUTING -o tos -j MASQUERADE\nCOMMIT\n"


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, PORT)
    Echo(LAB.router, PORT)
    Echo(LAB.client, OUTSIDE)


def seen_source(version, kind):
    """The address that the server sees the client under, at PORT."""
    with LAB.server.socket(lab.FAMILY[version], kind) as sock, \
            LAB.client.socket(lab.FAMILY[version], kind) as client:
        sock.settimeout(1)
        client.settimeout(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((lab.address("server", version), OTHER))
        dst = (lab.address("server", version), OTHER)
        if kind == socket.SOCK_STREAM:
            sock.listen(1)
            client.connect(dst)
            peer, source = sock.accept()
            with peer:
                peer.sendall(b"heard")
                assert client.recv(16) == b"heard"
            return source[0]
        client.sendto(b"hello", dst)
        source = sock.recvfrom(16)[1]
        sock.sendto(b"heard", source)
        assert client.recv(16) == b"heard"
        return source[0]


class Masquerade(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def each(self, role, port):
        for backend in lab.BACKENDS:
            LAB.clear()
            if backend == "nftables":
                LAB.router.nft(NFT)
            else:
                for version in lab.VERSIONS:
                    LAB.router.legacy(version, LEGACY)
            # what is forwarded untranslated is refused, and shown here
            self.said = LAB.router.apply(
                backend, POLICY % (role, port),
                *(["--force"] if role == "router" else []))
            for version in lab.VERSIONS:
                yield version, self.subTest(backend=backend, ip=version)

    def check_masqueraded(self, version):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            self.assertEqual(seen_source(version, kind),
                             lab.address("router-s", version))

    def test_nothing_but_the_nat(self):
        for version in lab.VERSIONS:
            LAB.router.clear()
            LAB.router.nft(NFT)
            self.check_masqueraded(version)

    def test_server_on_the_same_port(self):
        for version, where in self.each("server", OTHER):
            with where:
                self.check_masqueraded(version)

    def test_client_on_the_same_port(self):
        for version, where in self.each("client", OTHER):
            with where:
                self.check_masqueraded(version)

    def test_both_on_the_same_port(self):
        for version, where in self.each("[server, client]", OTHER):
            with where:
                self.check_masqueraded(version)

    def test_router_on_the_same_port(self):
        """Untranslated: the server sees the client's own address, as said."""
        for version, where in self.each("router", OTHER):
            with where:
                self.assertIn("[CT592]", self.said)
                self.assertEqual(seen_source(version, socket.SOCK_DGRAM),
                                 lab.address("client", version))

    def test_router_on_another_port(self):
        for version, where in self.each("router", PORT):
            with where:
                self.check_masqueraded(version)

    def test_own_service_is_untracked(self):
        """The router's own service and its own requests leave the table."""
        events = lab.NewEntries(LAB.router)
        self.addCleanup(events.close)
        for version, where in self.each("[server, client]", PORT):
            with where:
                events.take(0.01)
                for exchange in (tcp_exchange, udp_exchange):
                    for space, dst in ((LAB.client, "router-c"),
                                       (LAB.router, "server")):
                        self.assertEqual(exchange(
                            space, version, lab.address(dst, version), PORT),
                            "ok")
                self.assertEqual(events.take(), [])


SNAT = """table ip tricks {
	chain out {
		type nat hook postrouting priority srcnat;
		oifname "tos" jump more
	}
	chain more {
		snat to 192.0.2.1
	}
}
"""
TUNNEL = """version: 1
state_matching: allowed
untracked:
  - {name: tunnel, role: server, protocol: gre, accept: none%s}
"""
UNGUARDED = """version: 1
state_matching: allowed
untracked:
  - name: scan
    role: client
    protocol: udp
    ports: [%d]
    accept: none
    reply_guard: none
""" % PORT
# Nothing of this changes the source of what the host forwards.
HARMLESS = """table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat;
		tcp dport 81 dnat to 192.0.2.99
	}
	chain input {
		type nat hook input priority 100;
		tcp dport 82 snat to 192.0.2.99
	}
}
table ip asleep {
	flags dormant
	chain postrouting {
		type nat hook postrouting priority srcnat;
		masquerade
	}
}
"""
HARMLESS_LEGACY = """*nat
-A PREROUTING -p tcp --dport 81 -j DNAT --to-destination 192.0.2.99
-A INPUT -p tcp --dport 82 -j SNAT --to-source 192.0.2.99
COMMIT
"""


# How hosts masquerade, and how the program names it
HOSTS = (
    ("rule 1 of chain postrouting of table inet nat: ",
     lambda: LAB.router.nft(NFT)),
    ("rule 1 of chain more of table ip tricks: ",
     lambda: LAB.router.nft(SNAT)),
    ("rule 1 of chain POSTROUTING of table ip nat (legacy iptables): ",
     lambda: LAB.router.legacy(4, LEGACY)),
    ("rule 1 of chain POSTROUTING of table ip nat: ",
     lambda: LAB.router.run(["iptables-nft-restore"], LEGACY)),
)


@unittest.skipUnless(len(lab.BACKENDS) == 2, "one world cannot be read")
class Known(unittest.TestCase):
    """A host that masquerades is told what this costs the hosts behind it, and
    another one is left in peace."""

    def tearDown(self):
        LAB.clear()

    def each_host(self, policy):
        for backend in lab.BACKENDS:
            for chain, load in HOSTS:
                if chain.endswith("table ip nat: ") and \
                        (backend == "iptables" or
                         not shutil.which("iptables-nft-restore")):
                    continue
                LAB.clear()
                load()
                said = LAB.router.apply(backend, policy, check=False)
                yield chain, said, self.subTest(backend=backend, host=chain)

    def test_refused(self):
        for policy, name, number in ((TUNNEL % "", "tunnel", "CT303"),
                                     (UNGUARDED, "scan", "CT304")):
            for chain, said, where in self.each_host(policy):
                with where:
                    self.assertIn("error: service %s " % name, said)
                    self.assertIn(chain, said)
                    self.assertIn("[%s]" % number, said)
                    self.assertIn("override: [nat]", said)
                    self.assertNotIn("ctpolicy",
                                     LAB.router.run("nft list ruleset"))

    def test_the_far_end_is_named(self):
        for chain, said, where in self.each_host(
                TUNNEL % ", clients: [198.51.100.2]"):
            with where:
                self.assertIn("note: service tunnel ", said)
                self.assertIn(chain, said)

    def test_exit_code(self):
        LAB.router.nft(NFT)
        with self.assertRaisesRegex(RuntimeError, "exit %d\n" % REFUSED):
            LAB.router.apply(lab.BACKENDS[0], UNGUARDED)

    def test_at_peace(self):
        for backend in lab.BACKENDS:
            for load in (lambda: None,
                         lambda: LAB.router.nft(HARMLESS),
                         lambda: LAB.router.legacy(4, HARMLESS_LEGACY)):
                LAB.clear()
                load()
                with self.subTest(backend=backend):
                    for policy in (TUNNEL % "", UNGUARDED):
                        self.assertNotIn("CT30",
                                         LAB.router.apply(backend, policy))

    def test_other_family(self):
        """A service of IPv6 alone does not mind the masquerading of IPv4."""
        LAB.router.nft(SNAT)
        policy = TUNNEL % ", clients: ['2001:db8::/32']"
        for backend in lab.BACKENDS:
            self.assertNotIn("CT30", LAB.router.apply(backend, policy))
            LAB.router.remove(backend)

    def test_no_table_is_made_to_look(self):
        fresh = lab.Namespace()
        for backend in lab.BACKENDS:
            fresh.apply(backend, TUNNEL % "")
            fresh.remove(backend)
        for names in ("ip_tables_names", "ip6_tables_names"):
            self.assertNotIn("nat", fresh.run(
                ["cat", "/proc/net/" + names]).split())


MEDIA = """version: 1
state_matching: allowed
untracked:
  - name: media
    role: server
    protocol: [tcp, udp]
    ports: [49152-65535]
    accept: none%s
"""
# The ports that the warning's help proposes
MOVED = NFT.replace("masquerade", "meta l4proto { tcp, udp } masquerade "
                    "to :1024-32767")
MOVED_LEGACY = "*nat\n" + "".join(
    "-A POSTROUTING -o tos -p %s -j MASQUERADE --to-ports 1024-32767\n" % proto
    for proto in ("tcp", "udp")) + "COMMIT\n"


class Ports(unittest.TestCase):
    """A server's ports that hosts behind this one send from: what the warning
    says does happen, and each of its cures works."""

    def tearDown(self):
        LAB.clear()

    def exchanges(self):
        LAB.router.flush_entries()
        return [exchange(LAB.client, version, lab.address("server", version),
                         PORT, timeout=1,
                         source=(lab.address("client", version), 50000 + i))
                for version in lab.VERSIONS
                for i, exchange in enumerate((tcp_exchange, udp_exchange))]

    def applied(self, backend, nft, legacy, policy, *options):
        LAB.clear()
        if backend == "nftables":
            LAB.router.nft(nft)
        else:
            for version in lab.VERSIONS:
                LAB.router.legacy(version, legacy)
        return LAB.router.apply(backend, policy, *options)

    def test_harm_is_said(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                with self.assertRaisesRegex(RuntimeError, "(?s)error: service "
                                            "media .*CT302"):
                    self.applied(backend, NFT, LEGACY, MEDIA % "")
                said = self.applied(backend, NFT, LEGACY, MEDIA % "",
                                    "--force")
                self.assertIn("warning: service media ", said)
                self.assertIn("[CT302]", said)
                self.assertNotIn("ok", self.exchanges())
                LAB.router.remove(backend)
                self.assertEqual(self.exchanges(), ["ok"] * 4)

    def test_other_ports(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                said = self.applied(backend, MOVED, MOVED_LEGACY, MEDIA % "")
                self.assertNotIn("hosts behind", said)
                self.assertEqual(self.exchanges(), ["ok"] * 4)

    def test_other_address(self):
        servers = "\n    servers: [%s]" % ", ".join(
            '"%s"' % lab.address("router-c", version)
            for version in lab.VERSIONS)
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                said = self.applied(backend, NFT, LEGACY, MEDIA % servers)
                self.assertIn("note: service media ", said)
                self.assertNotIn("warning", said)
                self.assertEqual(self.exchanges(), ["ok"] * 4)


# A gateway: its filter asks where packets come in by, and who sends, what the
# translation doesn't.
GATEWAY = """*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING %(nat)s -o toc -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
-A FORWARD -p tcp -m tcp --dport 443 -j ACCEPT
-A FORWARD -d %(net)s -i toc -o tos -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD %(filter)s -j ACCEPT
COMMIT
"""
INSIDE = {4: "198.51.100.0/24", 6: "2001:db8:2::/64"}
OWN = """version: 1
state_matching: allowed
untracked:
  - {name: own, role: %s, protocol: [tcp, udp], ports: [%d], accept: open}
"""


class Gateway(unittest.TestCase):
    """What is translated is found, whichever rules let it through."""

    def tearDown(self):
        LAB.clear()

    def load(self, dialect, nat, by):
        dialects.load(LAB.router, dialect, lambda version: GATEWAY % {
            "net": INSIDE[version], "nat": nat % {"net": INSIDE[version]},
            "filter": by % {"net": INSIDE[version]}})

    def translated(self, port):
        """Connections of the host behind it, from that port."""
        return [exchange(LAB.server, version, lab.address("client", version),
                         OUTSIDE, timeout=2,
                         source=(lab.address("server", version), port))
                for version in lab.VERSIONS
                for exchange in (tcp_exchange, udp_exchange)]

    def test_gateway(self):
        port = 51000
        for dialect in dialects.here():
            for nat, by in (("-s %(net)s", "-i tos"), ("", "-s %(net)s"),
                            ("-s %(net)s", "-s %(net)s -i tos -o toc")):
                with self.subTest(dialect=dialect, nat=nat, by=by):
                    self.load(dialect, nat, by)
                    self.assertEqual(self.translated(port), ["ok"] * 4)
                    for role, to, number in (
                            ("server", port, "CT302"),
                            ("router", OUTSIDE, "CT592")):
                        code, said = LAB.router.ctpolicy(
                            "apply", OWN % (role, to), "--backend",
                            dialects.backend_of(dialect))
                        self.assertEqual(code, REFUSED, said)
                        self.assertIn("[%s]" % number, said)
                    port += 1
                    self.assertEqual(self.translated(port), ["ok"] * 4)
                    port += 1


if __name__ == "__main__":
    unittest.main()
