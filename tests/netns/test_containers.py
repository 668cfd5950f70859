# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts of containers, with the rules that docker and kube-proxy make: what is
published goes on working, a service of the host's own beside it is untracked,
and a policy that would take what is published out of tracking is refused."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import pair                                      # noqa: E402
from traffic import Echo, tcp_exchange                      # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: own, role: %s, protocol: tcp, ports: [%d]}
"""
REPLACE = """version: 1
state_matching: forbidden
existing_rules: replace
%suntracked:
  - {name: own, role: server, protocol: tcp, ports: [443]}
"""
OWN, OUTSIDE, INSIDE, PUBLISHED, CLUSTER = 443, 9000, 80, 8080, 5000
NET = {4: "172.17.0.%s", 6: "fd00:17::%s"}
CLUSTER_IP = {4: "10.96.0.10", 6: "fd00:96::10"}
WORDS = {
    version: {
        "net": NET[version] % ("0/16" if version == 4 else "/64"),
        "one": NET[version] % 2, "two": NET[version] % 3,
        "cluster": CLUSTER_IP[version], "own": OWN, "inside": INSIDE,
        "published": PUBLISHED, "cluster_port": CLUSTER,
        "loopback": "127.0.0.0/8" if version == 4 else "::1/128",
        "to_one": ("%s:%d" if version == 4 else "[%s]:%d") %
                  (NET[version] % 2, INSIDE),
        "to_two": ("%s:%d" if version == 4 else "[%s]:%d") %
                  (NET[version] % 3, INSIDE),
        "neighbours": "".join("-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type "
                              "%d -j ACCEPT\n" % kind
                              for kind in range(133, 137))
                      if version == 6 else "",
    } for version in lab.VERSIONS}

DOCKER = """*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d {loopback} -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s {net} ! -o br0 -j MASQUERADE
-A DOCKER -i br0 -j RETURN
-A DOCKER ! -i br0 -p tcp -m tcp --dport {published} -j DNAT --to-destination {to_one}
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
{neighbours}-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --dport {own} -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br0 -j DOCKER
-A FORWARD -i br0 ! -o br0 -j ACCEPT
-A FORWARD -i br0 -o br0 -j ACCEPT
-A DOCKER -d {one} ! -i br0 -o br0 -p tcp -m tcp --dport {inside} -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i br0 ! -o br0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o br0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
"""
KUBE = """*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-EXT-APP - [0:0]
:KUBE-SVC-APP - [0:0]
:KUBE-SEP-ONE - [0:0]
:KUBE-SEP-TWO - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-SERVICES -d {cluster} -p tcp -m tcp --dport {cluster_port} -j KUBE-SVC-APP
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -p tcp -m tcp --dport {published} -j KUBE-EXT-APP
-A KUBE-EXT-APP -j KUBE-MARK-MASQ
-A KUBE-EXT-APP -j KUBE-SVC-APP
-A KUBE-SVC-APP ! -s {net} -d {cluster} -p tcp -m tcp --dport {cluster_port} -j KUBE-MARK-MASQ
-A KUBE-SVC-APP -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-ONE
-A KUBE-SVC-APP -j KUBE-SEP-TWO
-A KUBE-SEP-ONE -s {one} -j KUBE-MARK-MASQ
-A KUBE-SEP-ONE -p tcp -m tcp -j DNAT --to-destination {to_one}
-A KUBE-SEP-TWO -s {two} -j KUBE-MARK-MASQ
-A KUBE-SEP-TWO -p tcp -m tcp -j DNAT --to-destination {to_two}
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A POSTROUTING -s {net} ! -o br0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s {loopback} -d {loopback} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"""

# kube-router's: what a policy selects by the address of a container has a chain
# of its own, which asks for states.
POLICED = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-POD-FW-ONE - [0:0]
:KUBE-NWPLCY-ONE - [0:0]
{neighbours}-A INPUT -s {one} -j KUBE-POD-FW-ONE
-A FORWARD -d {one} -j KUBE-POD-FW-ONE
-A FORWARD -s {one} -j KUBE-POD-FW-ONE
-A OUTPUT -d {one} -j KUBE-POD-FW-ONE
-A KUBE-POD-FW-ONE -m conntrack --ctstate INVALID -j DROP
-A KUBE-POD-FW-ONE -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-POD-FW-ONE -d {one} -m addrtype --src-type LOCAL -j ACCEPT
-A KUBE-POD-FW-ONE -s {one} -j KUBE-NWPLCY-ONE
-A KUBE-POD-FW-ONE -m mark ! --mark 0x10000/0x10000 -j REJECT
-A KUBE-POD-FW-ONE -j MARK --set-xmark 0x0/0x10000
-A KUBE-NWPLCY-ONE -p tcp -m tcp --dport {own} -j MARK --set-xmark 0x10000/0x10000
COMMIT
"""


def container(number):
    """A namespace behind the host's bridge."""
    space = lab.Namespace()
    SERVER.link("veth%d" % number, space, "eth0")
    SERVER.run("ip link set veth%d master br0 && ip link set veth%d "
               "type bridge_slave hairpin on" % (number, number))
    for version, bits, route in ((4, 16, "-4"), (6, 64, "-6")):
        space.run("ip address add %s/%d dev eth0%s && "
                  "ip %s route add default via %s" % (
                      NET[version] % number, bits,
                      " nodad" if version == 6 else "", route,
                      NET[version] % 1))
    Echo(space, INSIDE)
    return space


def setUpModule():
    global CLIENT, SERVER, CONTAINERS
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    SERVER.run("ip link add br0 type bridge && ip link set br0 up")
    for version, bits in ((4, 16), (6, 64)):
        SERVER.run("ip address add %s/%d dev br0%s" % (
            NET[version] % 1, bits, " nodad" if version == 6 else ""))
    SERVER.sysctl("net.ipv4.ip_forward", 1)
    SERVER.sysctl("net.ipv6.conf.all.forwarding", 1)
    CONTAINERS = [container(number) for number in (2, 3)]
    Echo(SERVER, OWN)
    Echo(CLIENT, OUTSIDE)


class Containers(unittest.TestCase):
    def tearDown(self):
        SERVER.clear()

    def works(self, from_inside):
        """What is published, and what containers do."""
        for version in lab.VERSIONS:
            host = lab.address("server", version)
            ways = [(CLIENT, host, PUBLISHED)] * 4
            ways += [(space, lab.address("client", version), OUTSIDE)
                     for space in CONTAINERS]
            ways += [(SERVER, host, PUBLISHED)]
            ways += [(space, *from_inside(version)) for space in CONTAINERS]
            for space, to, port in ways:
                self.assertEqual(
                    tcp_exchange(space, version, to, port, size=20000,
                                 timeout=3), "ok", "to %s, %d" % (to, port))

    def entries_of_own(self):
        """Which the host's own service makes, for whoever comes."""
        events = lab.NewEntries(SERVER)
        for version in lab.VERSIONS:
            host = lab.address("server", version)
            for space, to in ((CLIENT, host), (SERVER, host),
                              (SERVER, lab.LOOPBACK[version]),
                              (CONTAINERS[0], NET[version] % 1)):
                self.assertEqual(tcp_exchange(space, version, to, OWN,
                                              timeout=3), "ok", to)
        made = events.take()
        events.close()
        # a bridge tells its groups when it likes
        return [entry for entry in made if "proto 2 " not in entry]

    def apply(self, dialect, role, port, code=0):
        got, said = SERVER.ctpolicy("apply", POLICY % (role, port),
                                    "--backend", dialects.backend_of(dialect))
        self.assertEqual(got, code, said)
        return said

    def check(self, rules, from_inside):
        for dialect in dialects.here():
            if dialect == "native":
                continue
            with self.subTest(dialect):
                dialects.load(SERVER, dialect,
                              lambda version: rules.format(**WORDS[version]))
                self.works(from_inside)
                self.assertNotEqual(self.entries_of_own(), [])
                for role, port, nat in (("server", PUBLISHED, "DNAT"),
                                        ("router", INSIDE, "MASQUERADE")):
                    self.assertIn(nat, self.apply(dialect, role, port, 14))
                self.works(from_inside)
                self.apply(dialect, "server", OWN)
                self.assertEqual(self.entries_of_own(), [])
                self.works(from_inside)
                SERVER.run([lab.CTPOLICY, "remove"])
                self.works(from_inside)
                self.assertNotEqual(self.entries_of_own(), [])

    def forced_diff(self, backend, policy):
        """Shows what would be done, and says how; nothing is."""
        code, said = SERVER.ctpolicy("diff", policy, "--force", "--backend",
                                     backend)
        self.assertEqual(code, 1, said)
        self.assertRegex(said, r"Next:\s+ctpolicy apply --confirm 60s --backend "
                               r"%s --force " % backend)
        return said

    def test_docker_kept(self):
        """Translation is refused by name, or stays, and with it what matches states."""
        inside = (lambda version: (NET[version] % 2, INSIDE))
        for dialect in dialects.here():
            if dialect == "native":
                continue
            with self.subTest(dialect):
                dialects.load(SERVER, dialect,
                              lambda version: DOCKER.format(**WORDS[version]))
                saved = "; ".join("%s-%s-save | grep -E '^-A .*(state|DNAT|MASQ)' | grep -iv ' ctpolicy-'" % (
                    tool, "legacy" if dialect == "legacy" else "nft")
                    for tool in ("iptables", "ip6tables"))
                before = SERVER.run(saved)
                backend = dialects.backend_of(dialect)
                for keep, cure in (("", "nat"),
                                   ("keep: [limits]\n", "nat, limits")):
                    code, said = SERVER.ctpolicy("apply", REPLACE % keep, "--backend",
                                                 backend)
                    self.assertEqual(code, 14, said)
                    self.assertIn("is part of address translation: -A POSTROUTING", said)
                    self.assertIn("write `keep: [%s]` to leave them" % cure, said)
                    said = self.forced_diff(backend, REPLACE % keep)
                    self.assertIn("warning: ", said)
                    self.assertRegex(said, "rules of the host to\\s+replace")
                    self.assertEqual(SERVER.run(saved), before)
                said = SERVER.apply(backend, REPLACE % "keep: [nat]\n")
                self.assertIn("matches states in IPv4 and IPv6 stays as it is", said)
                self.assertEqual(SERVER.run(saved), before)
                self.works(inside)
                self.assertEqual(self.entries_of_own(), [])
                SERVER.run([lab.CTPOLICY, "remove"])
                self.assertEqual(SERVER.run(saved), before)

    def test_many(self):
        """Rules see no packet at a port of a bridge: however many there are,
        the interfaces at which they see some are all tried."""
        SERVER.run("for n in $(seq 30); do ip link add many$n type veth peer "
                   "name many$n- && ip link set many$n master br0 && "
                   "ip link set many$n- master br0 || exit; done")
        try:
            for dialect in dialects.here():
                if dialect == "native":
                    continue
                dialects.load(SERVER, dialect,
                              lambda version: DOCKER.format(**WORDS[version]))
                said = self.apply(dialect, "server", PUBLISHED, 14)
                self.assertNotRegex(said, r"in by (many|veth\d)")
                self.assertNotIn("CT596", said)
                self.assertNotIn("CT596", self.apply(dialect, "server", OWN))
                SERVER.run([lab.CTPOLICY, "remove"])
        finally:
            SERVER.run("for n in $(seq 30); do ip link del many$n; done")

    def test_policed(self):
        """A chain for one address: no error of that one's is lost, or seems so."""
        for dialect in dialects.here():
            if dialect == "native":
                continue
            with self.subTest(dialect):
                dialects.load(SERVER, dialect,
                              lambda version: POLICED.format(**WORDS[version]))
                self.assertNotEqual(self.entries_of_own(), [])
                said = self.apply(dialect, "server", OWN)
                self.assertNotIn("warning", said)
                self.assertEqual(self.entries_of_own(), [])
                SERVER.run([lab.CTPOLICY, "remove"])
                self.assertNotEqual(self.entries_of_own(), [])

    def test_docker(self):
        self.check(DOCKER, lambda version: (NET[version] % 2, INSIDE))

    def test_kube_proxy(self):
        SERVER.run("ip route add %s/32 dev br0; ip -6 route add %s/128 dev br0"
                   % (CLUSTER_IP[4], CLUSTER_IP[6]))
        self.check(KUBE, lambda version: (CLUSTER_IP[version], CLUSTER))


if __name__ == "__main__":
    unittest.main()
