# SPDX-License-Identifier: GPL-2.0-or-later
"""Conflicts that packets show: what is refused would be lost, and what looks
like it is not."""
import os
import re
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_conflicts as rules                              # noqa: E402
from traffic import tcp_exchange                            # noqa: E402


def setUpModule():
    global LAB
    rules.setUpModule()
    LAB = rules.LAB


def transparent(space, version, port):
    """A listener that takes connections to whatever address and port."""
    sock = space.socket(lab.FAMILY[version], socket.SOCK_STREAM)
    if version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, 75, 1)     # IPV6_TRANSPARENT
    else:
        sock.setsockopt(socket.IPPROTO_IP, 19, 1)       # IP_TRANSPARENT
    sock.bind(("", port))
    sock.listen(5)
    sock.settimeout(2)
    return sock


def who_answers(proxy):
    """... at the service's port; the echo there says what it was told."""
    version = 4 if proxy.family == socket.AF_INET else 6
    with LAB.client.socket(proxy.family, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        sock.connect((lab.address("router-c", version), rules.PORT))
        with proxy.accept()[0] as peer:
            peer.sendall(b"proxy")
            return sock.recv(16).decode()


def seen(service):
    """(address, port) that the far end, or this host's service, sees, of each
    family."""
    found = []
    for version in lab.VERSIONS:
        client = "role: client" in service
        echo = rules.ECHO["server" if client else "router"]
        echo.peer = None
        assert "ok" == tcp_exchange(
            LAB.router if client else LAB.client, version,
            lab.address("server" if client else "router-c", version),
            rules.PORT, timeout=3)
        found.append((echo.peer[0].replace("::ffff:", ""), echo.peer[1]))
    return found


def seen_within(version, to):
    """The address that this host's own service sees, of this host."""
    rules.ECHO["router"].peer = None
    assert "ok" == tcp_exchange(LAB.router, version, to, rules.PORT, timeout=3)
    return rules.ECHO["router"].peer[0].replace("::ffff:", "")


class Sources(unittest.TestCase):
    """Who is seen to ask, tracked and not."""

    def setUp(self):
        for version, nobody in zip(lab.VERSIONS, ("203.0.113.9",
                                                  "2001:db8:9::9")):
            LAB.router.run("ip -%d route replace %s via %s" % (
                version, nobody, lab.address("client", version)))

    def tearDown(self):
        LAB.clear()

    def test_another_one(self):
        moved = [c for c in rules.CONFLICTS if c[1] != rules.ROUTER and
                 re.search("nat (POSTROUTING|INPUT) .*(SNAT|NETMAP)", c[4][-1])]
        self.assertGreaterEqual(len(moved), 8)
        for dialect, (name, service, _, _, ipt, nft) in rules.sampled(moved):
            with self.subTest(dialect=dialect, conflict=name):
                rules.load(dialect, ipt, nft)
                tries = range(12 if "two" in name else 1)
                before = [seen(service) for _ in tries]
                LAB.router.apply(rules.backend_of(dialect),
                                 rules.policy_of(service), "--force")
                after = [seen(service) for _ in tries]
                LAB.router.remove(rules.backend_of(dialect))
                again = [seen(service) for _ in tries]
                own = {lab.address("router-s" if service == rules.CLIENT else
                                   "client", v) for v in lab.VERSIONS}
                self.assertEqual({a for x in after for a, _ in x}, own)
                for x in (before, again):
                    if "port" in name:
                        self.assertTrue(all(600 <= p <= 900
                                            for y in x for _, p in y))
                    else:
                        self.assertTrue({a for y in x for a, _ in y} - own)

    def test_the_same_one(self):
        same = [m for m in rules.MISSES if m[1] == rules.CLIENT and
                "OUTPUT" not in " ".join(m[2])]
        self.assertGreaterEqual(len(same), 12)
        for dialect, (name, service, ipt, nft, *more) in rules.sampled(same):
            with self.subTest(dialect=dialect, miss=name):
                rules.load(dialect, ipt, nft)
                before = seen(service)
                LAB.router.apply(rules.backend_of(dialect),
                                 rules.policy_of(service, *more))
                self.assertEqual([a for a, _ in seen(service)],
                                 [a for a, _ in before])
                LAB.router.remove(rules.backend_of(dialect))

    def test_other_ports(self):
        """A word is enough, as the far end may count on these ports."""
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                rules.load(dialect, *[rules_of for rules_of in next(
                    m[2:4] for m in rules.MISSES
                    if m[0] == "masqueraded to other ports")])
                self.assertTrue(all(1024 <= port <= 9999
                                    for _, port in seen(rules.CLIENT)))
                said = LAB.router.apply(rules.backend_of(dialect),
                                        rules.policy_of(rules.CLIENT))
                self.assertRegex(said, r"note: .* svc .*ports.* \[CT592\]")
                self.assertFalse(any(1024 <= port <= 9999
                                     for _, port in seen(rules.CLIENT)))
                LAB.router.remove(rules.backend_of(dialect))

    def test_a_device_that_is_not_there(self):
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                rules.load(dialect, [
                    "nat POSTROUTING -o wan -j SNAT --to-source V"], [
                    "post oifname \"wan\" snat FAM to V"])
                said = LAB.router.apply(rules.backend_of(dialect),
                                        rules.policy_of(rules.CLIENT))
                self.assertRegex(said, r"note: .*may .*wan.* \[CT592\]")
                self.assertNotRegex(said, "(warning|error):")
                LAB.router.remove(rules.backend_of(dialect))

    def test_the_route_has_a_word(self):
        """The address of the route, not of the device: masquerading hides it."""
        own = {4: "203.0.113.77", 6: "2001:db8:9::77"}
        for version in lab.VERSIONS:
            LAB.router.run("ip address add %s/%d dev lo; ip -%d route replace "
                           "%s dev tos src %s" % (
                               own[version], 32 if version == 4 else 128,
                               version, lab.address("server", version),
                               own[version]))
            self.addCleanup(LAB.router.run, "ip address del %s/%d dev lo; "
                            "ip -%d route del %s; true" % (
                                own[version], 32 if version == 4 else 128,
                                version, lab.address("server", version)))
        service = rules.policy_of(
            rules.CLIENT, "servers: [%s, '%s']" % lab.ADDRESS["server"])
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                rules.load(dialect, ["nat POSTROUTING -o tos -j MASQUERADE"],
                           ["post oifname \"tos\" masquerade"])
                self.assertEqual([a for a, _ in seen(rules.CLIENT)],
                                 list(lab.ADDRESS["router-s"]))
                code, said = LAB.router.ctpolicy(
                    "apply", service, "--backend", rules.backend_of(dialect))
                self.assertEqual(code, rules.REFUSED, said)
                LAB.router.apply(rules.backend_of(dialect), service, "--force")
                self.assertEqual([a for a, _ in seen(rules.CLIENT)],
                                 list(own.values()))
                LAB.router.remove(rules.backend_of(dialect))
                rules.load(dialect,
                           ["nat POSTROUTING -o tos -j SNAT --to-source W"],
                           ["post oifname \"tos\" snat FAM to W"])
                said = LAB.router.apply(rules.backend_of(dialect), service)
                self.assertNotRegex(said, "(note|warning|error): .*CT592")
                LAB.router.remove(rules.backend_of(dialect))

    def test_over_loopback(self):
        """What this host sends to itself stays tracked, and as it was."""
        events = lab.NewEntries(LAB.router)
        self.addCleanup(events.close)
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                rules.load(dialect, [
                    "nat POSTROUTING -o lo -p tcp --dport 8080 -j SNAT "
                    "--to-source T"], [
                    "post oifname \"lo\" tcp dport 8080 snat FAM to T"])
                for applied in (False, True):
                    if applied:
                        said = LAB.router.apply(rules.backend_of(dialect),
                                                rules.policy_of(rules.SERVER))
                        self.assertRegex(said, r"warning: .*\[CT598\]")
                    for version in lab.VERSIONS:
                        self.assertEqual(
                            seen_within(version,
                                        lab.address("router-c", version)),
                            lab.address("router-s", version))
                events.take()
                seen(rules.SERVER)
                self.assertEqual(events.take(), [])
                LAB.router.remove(rules.backend_of(dialect))


class Shown(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def test_shown_by_packets(self):
        """What is mapped onto this host, or led to it by one of two rules."""
        shown = {"a network is mapped onto this host's": (
                     rules.PORT, ("203.0.113.1", "2001:db8:9::1"), 1),
                 "led by a map": (
                     80, [lab.address("router-c", v) for v in lab.VERSIONS],
                     1),
                 "the first of two that may be led to it": (
                     80, [lab.address("router-c", v) for v in lab.VERSIONS],
                     12)}
        for dialect in rules.DIALECTS:
            for name, service, _, _, ipt, nft in rules.CONFLICTS:
                # nft maps no network but by a map
                if name not in shown or (dialect == "native" and
                                         "mapped" in name):
                    continue
                port, to, tries = shown[name]

                def works():
                    return ["ok" in [
                        tcp_exchange(LAB.client, v, to[v == 6], port,
                                     timeout=.5) for _ in range(tries)]
                        for v in lab.VERSIONS]

                with self.subTest(dialect=dialect, conflict=name):
                    rules.load(dialect, ipt, nft)
                    self.assertEqual(works(), [True, True])
                    LAB.router.apply(rules.backend_of(dialect),
                                     rules.policy_of(service), "--force")
                    self.assertEqual(works(), [False, False])
                    LAB.router.remove(rules.backend_of(dialect))
                    self.assertEqual(works(), [True, True])

    def test_handed_to_a_proxy(self):
        """TPROXY gives a packet to another socket, and translates nothing."""
        proxies = [transparent(LAB.router, v, 9090) for v in lab.VERSIONS]
        events = lab.NewEntries(LAB.router)
        self.addCleanup(events.close)
        for dialect in rules.DIALECTS:
            with self.subTest(dialect):
                rules.load(dialect, [
                    "mangle PREROUTING -p tcp --dport 8080 -j TPROXY "
                    "--on-port 9090"], [
                    "early tcp dport 8080 tproxy to :9090 accept"])
                self.assertEqual([who_answers(p) for p in proxies],
                                 ["proxy"] * 2)
                said = LAB.router.apply(rules.backend_of(dialect),
                                        rules.policy_of(rules.SERVER))
                self.assertNotRegex(said, r"(error|warning): ")
                events.take()
                self.assertEqual([who_answers(p) for p in proxies],
                                 ["proxy"] * 2)
                self.assertEqual(events.take(), [])
                LAB.router.remove(rules.backend_of(dialect))


if __name__ == "__main__":
    unittest.main()
