# SPDX-License-Identifier: GPL-2.0-or-later
"""`protocol: icmp-echo`: pings without entries, to this host, from it, through it
and within it, in each dialect; all other ICMP as before."""
import itertools
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from packets import ICMP, Injector, icmp, ip                # noqa: E402
from traffic import Echo, ping_exchange, udp_exchange       # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: ping, role: %s, protocol: icmp-echo%s}
"""
REFUSED = 14
EVERY = int(os.environ.get("CTPOLICY_EVERY", "1"))
EST = "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
INV = "-m conntrack --ctstate INVALID -j DROP"
MASQUERADE = "-A POSTROUTING -o tos -j MASQUERADE"


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, 8080)


def echo(version, chain, more=""):
    what = "-p icmp -m icmp --icmp-type 8" if version == 4 else \
        "-p ipv6-icmp -m icmp6 --icmpv6-type 128"
    return "-A %s %s %s -m conntrack --ctstate NEW -j ACCEPT" % (
        chain, what, more)


def by_state(version, limit=""):
    """Lets in echo requests, and what belongs to a connection; out, all."""
    lines = ["*filter"] + [":%s DROP [0:0]" % chain for chain in
                           ("INPUT", "OUTPUT", "FORWARD")]
    if version == 6:
        lines += ["-A %s -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT" % (
            chain, kind) for chain in ("INPUT", "OUTPUT")
            for kind in (133, 134, 135, 136)]
    for chain in ("INPUT", "FORWARD"):
        lines += ["-A %s %s" % (chain, INV), "-A %s %s" % (chain, EST),
                  echo(version, chain, limit)]
    lines += ["-A OUTPUT " + INV, "-A OUTPUT " + EST,
              "-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT", "COMMIT"]
    return "\n".join(lines) + "\n"


def nat(version):
    return "*nat\n:POSTROUTING ACCEPT [0:0]\n%s\nCOMMIT\n" % MASQUERADE


def apply(space, dialect, role, more="", verb="apply", *options):
    return space.ctpolicy(verb, POLICY % (role, more), "--backend",
                          dialects.backend_of(dialect), *options)


class Case(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def pings(self, space, to, **more):
        """Of both kinds of socket."""
        return [ping_exchange(space, version, lab.address(to, version), raw,
                              **more)
                for version in lab.VERSIONS for raw in (False, True)]

    def assert_untracked(self, host, space, to):
        events = lab.NewEntries(host)
        self.assertEqual(self.pings(space, to), ["ok"] * 4)
        self.assertEqual(events.take(), [])
        # in fragments, there and back
        self.assertEqual(self.pings(space, to, size=4000), ["ok"] * 4)
        self.assertEqual(events.take(), [])
        events.close()


# role -> the host, who asks, and whom
PATHS = {"server": ("router", "client", "router-c"),
         "client": ("router", "router", "server"),
         "router": ("router", "client", "server"),
         "loopback": ("router", "router", "router-c"),
         "[server, client]": ("router", "router", "router-s")}


class Roles(Case):
    def test_roles(self):
        for i, (dialect, role, accept) in enumerate(itertools.product(
                dialects.here(), PATHS, ("inherit", "open"))):
            if i % EVERY:
                continue
            with self.subTest(dialect=dialect, role=role, accept=accept):
                host, asks, to = PATHS[role]
                host, asks = getattr(LAB, host), getattr(LAB, asks)
                dialects.load(host, dialect, by_state)
                self.assertEqual(self.pings(asks, to), ["ok"] * 4)
                code, said = apply(host, dialect, role, ", accept: " + accept)
                self.assertEqual(code, 0, said)
                self.assert_untracked(host, asks, to)
                code, said = apply(host, dialect, role, ", accept: " + accept,
                                   "diff")
                self.assertEqual(code, 0, said)

    def test_only_what_the_role_says(self):
        """A server's own pings, and those that it forwards, stay tracked."""
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(LAB.router, dialect, by_state)
                code, said = apply(LAB.router, dialect, "server")
                self.assertEqual(code, 0, said)
                LAB.router.flush_entries()
                events = lab.NewEntries(LAB.router)
                self.assertEqual(self.pings(LAB.router, "server"), ["ok"] * 4)
                self.assertEqual(len(events.take()), 4)
                self.assertEqual(self.pings(LAB.client, "server"), ["ok"] * 4)
                self.assertEqual(len(events.take()), 4)
                events.close()

    def test_requests_stay_out(self):
        """Nothing of a client's replies lets in a request."""
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(LAB.router, dialect, lambda version: by_state(
                    version).replace(echo(version, "INPUT") + "\n", ""))
                code, said = apply(LAB.router, dialect, "client",
                                   ", accept: open")
                self.assertEqual(code, 0, said)
                self.assert_untracked(LAB.router, LAB.router, "server")
                self.assertEqual(self.pings(LAB.client, "router-c", timeout=1),
                                 ["timeout"] * 4)

    def test_other_types_stay_tracked(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(LAB.router, dialect, lambda version: by_state(
                    version).replace("DROP [", "ACCEPT ["))
                code, said = apply(LAB.router, dialect, "[server, router]")
                self.assertEqual(code, 0, said)
                LAB.router.flush_entries()
                events = lab.NewEntries(LAB.router)
                injector = Injector(LAB.client, "eth0", LAB.router.mac("toc"))
                src = lab.address("client", 4)
                for to in ("router-c", "server"):       # timestamp requests
                    injector.send(ip(src, lab.address(to, 4), ICMP,
                                     icmp(13, 0, b"\0" * 4, b"\0" * 12)))
                injector.close()
                self.assertEqual(len(events.take()), 2)
                events.close()

    def test_none_is_refused(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(LAB.router, dialect, by_state)
                code, said = apply(LAB.router, dialect, "server",
                                   ", accept: none")
                self.assertEqual(code, REFUSED, said)

    def test_limit(self):
        """It counts the first of a row of pings, which nothing tells from
        the rest."""
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(LAB.router, dialect, lambda version: by_state(
                    version, "-m limit --limit 1/min --limit-burst 2"))
                code, said = apply(LAB.router, dialect, "server")
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT590]", said)

    def test_old_entries(self):
        """They go, and those of other ICMP stay."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                dialect = {"nftables": "native", "iptables": "legacy"}[backend]
                dialects.load(LAB.router, dialect, lambda version: by_state(
                    version).replace(":FORWARD DROP", ":FORWARD ACCEPT"))
                LAB.router.flush_entries()
                self.pings(LAB.client, "server")
                injector = Injector(LAB.client, "eth0", LAB.router.mac("toc"))
                injector.send(ip(lab.address("client", 4),
                                 lab.address("server", 4), ICMP,
                                 icmp(13, 0, b"\0" * 4, b"\0" * 12)))
                injector.close()
                code, said = apply(LAB.router, dialect, "router")
                self.assertEqual(code, 0, said)
                self.assertIn("dropped 4 old conntrack entries", said)


class Translating(Case):
    """The kernel knows no ping socket by its packets: on a host that
    masquerades, replies to those behind it look like its own."""

    def load(self, dialect):
        dialects.load(LAB.router, dialect, nat)

    def test_client_is_refused(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                self.load(dialect)
                code, said = apply(LAB.router, dialect, "client")
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT303]", said)
                self.assertIn("icmp-echo", said)
                self.assertEqual(self.pings(LAB.client, "server"), ["ok"] * 4)
                code, said = apply(LAB.router, dialect, "client", "", "apply",
                                   "--force")
                self.assertEqual(code, 0, said)
                self.assertEqual(self.pings(LAB.client, "server", timeout=1),
                                 ["timeout"] * 4)

    def test_router_is_refused(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                self.load(dialect)
                code, said = apply(LAB.router, dialect, "router")
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT592]", said)

    def test_server_is_not(self):
        """What asks is no answer to anybody."""
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                self.load(dialect)
                code, said = apply(LAB.router, dialect, "[server, loopback]")
                self.assertEqual(code, 0, said)
                self.assertNotRegex(said, "warning|error")
                self.assert_untracked(LAB.router, LAB.server, "router-s")
                self.assert_untracked(LAB.router, LAB.router, "router-s")
                self.assertEqual(self.pings(LAB.client, "server"), ["ok"] * 4)
                for version in lab.VERSIONS:
                    self.assertEqual(udp_exchange(
                        LAB.client, version, lab.address("server", version),
                        8080), "ok")


if __name__ == "__main__":
    unittest.main()
