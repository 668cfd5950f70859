# SPDX-License-Identifier: GPL-2.0-or-later
"""`role: loopback` and `protocol: any`: what this host sends to itself, or all
that a router forwards, has no entry, and is let in and kept out as before, in
each dialect."""
import itertools
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from traffic import (Echo, ping_exchange, tcp_exchange,     # noqa: E402
                     udp_exchange)

HEAD = "version: 1\nstate_matching: allowed\nuntracked:\n"
LOCAL = "  - {name: local, role: loopback, protocol: any%s}\n"
PORT8080 = "  - {name: local, role: loopback, protocol: [tcp, udp], " \
    "ports: [8080]%s}\n"
TRANSIT = "  - {name: transit, role: router, protocol: any%s}\n"
PORT, CLOSED = 8080, 8081
REFUSED = 14
EVERY = int(os.environ.get("CTPOLICY_EVERY", "1"))

EST = "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
INV = "-m conntrack --ctstate INVALID -j DROP"
NEW = "-m conntrack --ctstate NEW -j ACCEPT"
ND = ["-A %s -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT" % (chain, kind)
      for chain in ("INPUT", "OUTPUT") for kind in (133, 134, 135, 136)]
WEB = ["-A INPUT %s -p %s --dport 8080 %s" % (lo, proto, NEW)
       for lo in ("", "-i lo") for proto in ("tcp", "udp")]

# name -> policies of the chains, rules; whether all of loopback works, and 8080
HOSTS = {
    "loopback goes first": ({"INPUT": "DROP"}, [
        "-A INPUT -i lo -j ACCEPT", "-A INPUT " + EST, "-A INPUT " + INV]
        + WEB[:2], True, True),
    "loopback by its state": ({"INPUT": "DROP", "OUTPUT": "DROP"}, [
        "-A INPUT " + EST, "-A INPUT " + INV, "-A INPUT -i lo " + NEW]
        + WEB[:2] + ["-A OUTPUT " + EST, "-A OUTPUT " + INV,
                     "-A OUTPUT " + NEW], True, True),
    "what is invalid goes first": ({"INPUT": "DROP", "OUTPUT": "DROP"}, [
        "-A INPUT " + INV, "-A INPUT " + EST, "-A INPUT -i lo " + NEW]
        + WEB[:2] + ["-A OUTPUT " + INV, "-A OUTPUT " + EST,
                     "-A OUTPUT " + NEW], True, True),
    "one service alone": ({"INPUT": "DROP"}, [
        "-A INPUT " + EST, "-A INPUT " + INV] + WEB, False, True),
}


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    for space in (LAB.server, LAB.router):
        Echo(space, PORT)


def text_of(version, policies, rules, table="filter"):
    lines = ["*" + table] + [":%s %s [0:0]" % item for item in
                             policies.items()]
    if table == "filter" and version == 6:
        lines += ND
    return "\n".join(lines + rules + ["COMMIT"]) + "\n"


def load(space, dialect, policies, rules):
    policies = {"INPUT": "ACCEPT", "OUTPUT": "ACCEPT", "FORWARD": "ACCEPT",
                **policies}
    dialects.load(space, dialect,
                  lambda version: text_of(version, policies, rules))


def own_addresses(name, version):
    return "127.0.0.1" if version == 4 else "::1", lab.address(name, version)


def talk(space, name, port=PORT, timeout=1):
    """How each exchange of this host with itself ends."""
    return {(kind.__name__, dst): kind(space, version, dst, port,
                                       timeout=timeout)
            for version in lab.VERSIONS
            for dst in own_addresses(name, version)
            for kind in (tcp_exchange, udp_exchange)}


def all_said(space, name):
    said = talk(space, name)
    for key, word in talk(space, name, CLOSED).items():
        said[key + ("closed",)] = word
    for version in lab.VERSIONS:
        for dst in own_addresses(name, version):
            said["ping", dst] = ping_exchange(space, version, dst)
    return said


def apply(space, dialect, policy, verb="apply", *more):
    return space.ctpolicy(verb, HEAD + policy, "--backend",
                          dialects.backend_of(dialect), *more)


class Loopback(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def check(self, dialect, host, policy, accept, works):
        space = LAB.server
        load(space, dialect, *HOSTS[host][:2])
        before = all_said(space, "server")
        code, said = apply(space, dialect,
                           policy % (", accept: " + accept if accept else ""))
        if not works:
            self.assertEqual(code, REFUSED, said)
            self.assertEqual(all_said(space, "server"), before)
            return
        self.assertEqual(code, 0, said)
        events = lab.NewEntries(space)
        if policy == LOCAL and accept == "inherit":
            self.assertEqual(all_said(space, "server"), before, said)
        else:
            self.assertEqual(set(talk(space, "server").values()), {"ok"})
        self.assertEqual(events.take(), [])
        # from the network, nothing has changed
        for version in lab.VERSIONS:
            self.assertEqual(tcp_exchange(
                LAB.client, version, lab.address("server", version), PORT),
                "ok")
            self.assertEqual(len(events.take()), 1)
        events.close()
        code, said = apply(space, dialect, policy % (
            ", accept: " + accept if accept else ""), "diff")
        self.assertEqual(code, 0, said)

    def test_hosts(self):
        for i, (dialect, host, accept) in enumerate(itertools.product(
                dialects.here(), HOSTS, ("inherit", "open"))):
            if i % EVERY:
                continue
            with self.subTest(dialect=dialect, host=host, accept=accept):
                self.check(dialect, host, LOCAL, accept,
                           HOSTS[host][2] or accept == "open")

    def test_one_port(self):
        for i, (dialect, host) in enumerate(itertools.product(
                dialects.here(), HOSTS)):
            if i % EVERY:
                continue
            with self.subTest(dialect=dialect, host=host):
                self.check(dialect, host, PORT8080, "inherit", HOSTS[host][3])

    def test_words_of_requests(self):
        """What only requests have lets no answers out: an echo reply has no
        owner, and a daemon's has another one."""
        for dialect, accept in itertools.product(dialects.here(),
                                                 ("inherit", "open")):
            with self.subTest(dialect=dialect, accept=accept):
                load(LAB.server, dialect, {"OUTPUT": "DROP"}, [
                    "-A OUTPUT " + EST,
                    "-A OUTPUT -o lo -m owner --uid-owner 0 " + NEW])
                before = all_said(LAB.server, "server")
                code, said = apply(LAB.server, dialect,
                                   LOCAL % (", accept: " + accept))
                self.assertEqual(code, 0 if accept == "open" else REFUSED,
                                 said)
                self.assertEqual("CT590" in said, accept != "open", said)
                # libxtables' own words: it looks for older revisions again
                self.assertNotIn("Extension", said)
                if accept == "inherit":
                    self.assertEqual(all_said(LAB.server, "server"), before)
                apply(LAB.server, dialect, "", "remove")

    def test_nothing_is_needed_where_loopback_goes_first(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                self.check(dialect, "loopback goes first", LOCAL, "none", True)
                self.check(dialect, "loopback by its state", LOCAL, "none",
                           False)

    def test_what_was_written_is_read_again(self):
        """From a record, and from a saved ruleset."""
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                load(LAB.server, dialect, *HOSTS["loopback by its state"][:2])
                code, said = apply(LAB.server, dialect, LOCAL % "")
                self.assertEqual(code, 0, said)
                saved = os.path.join(lab.WORK, "saved")
                LAB.server.run("(%s) > %s" % (
                    "iptables-legacy-save; ip6tables-legacy-save"
                    if dialect == "legacy" else "nft list ruleset", saved))
                if dialect == "native":
                    code, said = apply(LAB.server, dialect, LOCAL % "",
                                       "diff", "--against", saved)
                    self.assertEqual(code, 0, said)
                code, said = apply(LAB.server, dialect, PORT8080 % "")
                self.assertEqual(code, 0, said)
                LAB.server.run([lab.CTPOLICY, "rollback"])
                code, said = apply(LAB.server, dialect, LOCAL % "", "diff")
                self.assertEqual(code, 0, said)

    def test_translated(self):
        """What the host's rules do to loopback needs its entries."""
        nat = "-A OUTPUT -o lo -p tcp --dport 80 -j REDIRECT --to-ports 8080"
        helper = "-A OUTPUT -p tcp --dport 21 -j CT --helper ftp"
        for dialect in dialects.here():
            for table, rule, number in (("nat", nat, "CT592"),
                                        ("raw", helper, "CT593")):
                if (dialect, table) == ("native", "raw"):
                    continue            # CT --helper has no translation
                with self.subTest(dialect=dialect, table=table):
                    dialects.load(LAB.server, dialect, lambda version: text_of(
                        version, {"OUTPUT": "ACCEPT"}, [rule], table))
                    code, said = apply(LAB.server, dialect, LOCAL % "")
                    self.assertEqual(code, REFUSED, said)
                    self.assertIn("[%s]" % number, said)
                    # somebody else's port is nobody's business
                    code, said = apply(LAB.server, dialect,
                                       PORT8080.replace("8080", "9090") % "")
                    self.assertEqual(code, 0, said)
                    apply(LAB.server, dialect, "", "remove")

    def test_old_entries(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                load(LAB.server, dialect, *HOSTS["loopback by its state"][:2])
                LAB.server.flush_entries()
                talk(LAB.server, "server")
                tcp_exchange(LAB.client, 4, lab.address("server", 4), PORT)
                code, said = apply(LAB.server, dialect, LOCAL % "")
                self.assertEqual(code, 0, said)
                self.assertIn("dropped 8 old conntrack entries", said)

    def test_another_source_over_lo(self):
        """A transparent proxy's packets go over lo with a stranger's address:
        sockets of this host, both."""
        LAB.server.run("ip -4 route add local 203.0.113.9 dev lo")
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                load(LAB.server, dialect, *HOSTS["loopback by its state"][:2])
                code, said = apply(LAB.server, dialect, LOCAL % "")
                self.assertEqual(code, 0, said)
                events = lab.NewEntries(LAB.server)
                self.assertEqual(tcp_exchange(
                    LAB.server, 4, "203.0.113.9", PORT), "ok")
                self.assertEqual(events.take(), [])
                events.close()


class Router(unittest.TestCase):
    """All that is forwarded, as on a path that the answers don't take."""

    def tearDown(self):
        LAB.clear()

    @staticmethod
    def exchanges():
        found = {}
        for version in lab.VERSIONS:
            dst = lab.address("server", version)
            for kind in (tcp_exchange, udp_exchange):
                found[kind.__name__, version] = kind(
                    LAB.client, version, dst, PORT, timeout=2)
            found["ping", version] = ping_exchange(LAB.client, version, dst)
        return found

    def test_transit(self):
        for dialect, accept in itertools.product(
                dialects.here(), ("inherit", "open", "none")):
            with self.subTest(dialect=dialect, accept=accept):
                load(LAB.router, dialect, {"FORWARD": "ACCEPT"},
                     ["-A FORWARD -m conntrack --ctstate ESTABLISHED"])
                code, said = apply(LAB.router, dialect,
                                   TRANSIT % (", accept: " + accept))
                self.assertEqual(code, 0, said)
                events = lab.NewEntries(LAB.router)
                self.assertEqual(set(self.exchanges().values()), {"ok"})
                self.assertEqual(events.take(), [])
                # its own connections are none of them
                for version in lab.VERSIONS:
                    self.assertEqual(tcp_exchange(
                        LAB.client, version,
                        lab.address("router-c", version), PORT), "ok")
                self.assertEqual(len(events.take()), 2)
                events.close()

    def test_a_filter_by_state(self):
        """Answers cannot be told from requests: one that lets in requests of
        one side alone is refused, rather than opened."""
        one = ["-A FORWARD " + EST, "-A FORWARD -i toc " + NEW]
        both = ["-A FORWARD " + EST, "-A FORWARD " + INV,
                "-A FORWARD " + NEW]
        for dialect in dialects.here():
            for rules, want in ((one, REFUSED), (both, 0)):
                with self.subTest(dialect=dialect, want=want):
                    load(LAB.router, dialect, {"FORWARD": "DROP"}, rules)
                    code, said = apply(LAB.router, dialect, TRANSIT % "")
                    self.assertEqual(code, want, said)
                    events = lab.NewEntries(LAB.router)
                    self.assertEqual(set(self.exchanges().values()), {"ok"})
                    self.assertEqual(bool(events.take()), bool(want))
                    events.close()

    def test_masquerade(self):
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(LAB.router, dialect, lambda version: text_of(
                    version, {"POSTROUTING": "ACCEPT"},
                    ["-A POSTROUTING -o tos -j MASQUERADE"], "nat"))
                code, said = apply(LAB.router, dialect, TRANSIT % "")
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT592]", said)


if __name__ == "__main__":
    unittest.main()
