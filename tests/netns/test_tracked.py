# SPDX-License-Identifier: GPL-2.0-or-later
"""Services that stay tracked are forgotten when the policy says, and nothing
else is: on a router that translates, on a server, on a client."""
import contextlib
import itertools
import json
import os
import re
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from traffic import (Echo, ping_exchange, tcp_exchange,     # noqa: E402
                     udp_exchange)

PORT, OTHER, PUBLISHED = 5300, 5400, 8053
FLOWS = 200
SOON = 3.2                      # seconds, behind timeouts of 2
LACKING, KERNEL_REFUSED = 69, 10
POLICY = """version: 1
state_matching: allowed
tracked:
  - name: dns
    role: %s
    protocol: [udp, tcp]
    ports: [%s]
    timeouts: {unreplied: 2s, replied: 2s, established: 10m}
    why: forgotten soon
"""
NAT = """table inet host {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "tos" masquerade
	}
	chain prerouting {
		type nat hook prerouting priority dstnat;
		iifname "toc" udp dport %d dnat ip to %s:%d
		iifname "toc" udp dport %d dnat ip6 to [%s]:%d
	}
}
"""
RAW = """table ip host {
	chain prerouting {
		type filter hook prerouting priority raw
		%s
	}
}
"""
LEGACY_NAT = """*nat
-A POSTROUTING -o tos -j MASQUERADE
-A PREROUTING -i toc -p udp --dport %d -j DNAT --to-destination %s
COMMIT
"""


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    for port in (PORT, OTHER):
        Echo(LAB.server, port)


def translate(backend):
    server = lab.address("server", 4), lab.address("server", 6)
    if backend == "nftables":
        LAB.router.nft(NAT % (PUBLISHED, server[0], PORT,
                              PUBLISHED, server[1], PORT))
        return
    for version, to in ((4, "%s:%d"), (6, "[%s]:%d")):
        LAB.router.legacy(version, LEGACY_NAT % (
            PUBLISHED, to % (server[version == 6], PORT)))


def entries(space, version, proto, port, way="dst"):
    """[seconds left] of the entries whose first packet has that port."""
    out = space.run("conntrack -L -f ipv%d -p %s --orig-port-%s %d 2>/dev/null"
                    % (version, proto, way, port))
    return [int(x) for x in re.findall(r"^%s +\d+ (\d+) " % proto, out, re.M)]


def send(space, version, dst, port, count=1):
    """Datagrams, each from a port of its own."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            sock = stack.enter_context(space.socket(lab.FAMILY[version],
                                                    socket.SOCK_DGRAM))
            sock.sendto(b"x", (dst, port))


def timeouts(space):
    """Names of the timeouts that -j CT may give: IPCTNL_MSG_TIMEOUT_GET."""
    names = []
    with space.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                      lab.NETLINK_NETFILTER) as sock:
        sock.send(struct.pack("=IHHII4x", 20, 0x801, 0x301, 1, 0))
        while True:
            data = sock.recv(65536)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == 3:                       # NLMSG_DONE
                    return names
                found = lab.netlink_attributes(data[20:length])
                names.append(found[1].rstrip(b"\0").decode())
                data = data[(length + 3) & ~3:]


class Tracked(unittest.TestCase):
    def tearDown(self):
        for space in LAB.all():
            for backend in lab.BACKENDS:
                space.remove(backend)
            space.flush_entries()
        LAB.clear()

    def each(self, space, policy, prepare=None):
        for backend in lab.BACKENDS:
            self.tearDown()
            if prepare:
                prepare(backend)
            self.said = space.apply(backend, policy)
            space.flush_entries()
            for version in lab.VERSIONS:
                yield backend, version, self.subTest(backend=backend,
                                                     ip=version)

    def check_given(self, space, version, port, way="dst", proto="udp"):
        """There is an entry, and it goes soon."""
        left = entries(space, version, proto, port, way)
        self.assertTrue(left)
        self.assertLessEqual(max(left), 2)

    def test_router_that_translates(self):
        """Masqueraded and published flows go, those of the next port stay."""
        policy = POLICY % ("router", "%d, %d" % (PORT, PUBLISHED))
        for _, version, where in self.each(LAB.router, policy, translate):
            server = lab.address("server", version)
            router = lab.address("router-c", version)
            with where:
                send(LAB.client, version, server, PORT, FLOWS)
                send(LAB.client, version, server, OTHER, FLOWS)
                send(LAB.client, version, router, PUBLISHED, FLOWS)
                time.sleep(0.2)
                for port in (PORT, OTHER, PUBLISHED):
                    self.assertEqual(len(entries(LAB.router, version, "udp",
                                                 port)), FLOWS)
                time.sleep(SOON)
                left = {port: len(entries(LAB.router, version, "udp", port))
                        for port in (PORT, OTHER, PUBLISHED)}
                self.assertEqual(left, {PORT: 0, OTHER: FLOWS, PUBLISHED: 0})

    def test_timeouts_of_tcp(self):
        policy = POLICY % ("router", PORT)
        for _, version, where in self.each(LAB.router, policy, translate):
            with where, LAB.client.socket(
                    lab.FAMILY[version], socket.SOCK_STREAM) as sock, \
                    LAB.client.socket(
                        lab.FAMILY[version], socket.SOCK_STREAM) as other:
                sock.connect((lab.address("server", version), PORT))
                other.connect((lab.address("server", version), OTHER))
                left, = entries(LAB.router, version, "tcp", PORT)
                self.assertTrue(590 < left <= 600, left)
                left, = entries(LAB.router, version, "tcp", OTHER)
                self.assertGreater(left, 400000)

    def test_handshake_that_nobody_completes(self):
        """The server's neighbour is not there: the entry stays SYN_SENT."""
        policy = POLICY % ("router", PORT)
        nobody = {4: "198.51.100.77", 6: "2001:db8:2::77"}
        for _, version, where in self.each(LAB.router, policy):
            LAB.router.run("ip -%d neighbour replace %s dev tos lladdr "
                           "02:00:00:00:00:77" % (version, nobody[version]))
            with where, LAB.client.socket(
                    lab.FAMILY[version], socket.SOCK_STREAM) as sock:
                sock.setblocking(False)
                sock.connect_ex((nobody[version], PORT))
                time.sleep(0.1)
                self.check_given(LAB.router, version, PORT, proto="tcp")

    def test_server(self):
        """From the network, on loopback, and where it speaks first."""
        policy = POLICY % ("server", PORT)
        for _, version, where in self.each(LAB.server, policy):
            here = lab.address("server", version)
            with where:
                send(LAB.client, version, here, PORT)
                time.sleep(0.1)
                self.check_given(LAB.server, version, PORT)
                LAB.server.flush_entries()
                send(LAB.server, version, here, PORT)
                time.sleep(0.1)
                self.check_given(LAB.server, version, PORT)
                LAB.server.flush_entries()
                with LAB.server.socket(lab.FAMILY[version],
                                       socket.SOCK_RAW,
                                       socket.IPPROTO_UDP) as sock:
                    sock.sendto(struct.pack("!HHHH", PORT, 999, 9, 0) + b"x",
                                (lab.address("client", version), 0))
                time.sleep(0.1)
                self.check_given(LAB.server, version, PORT, "src")
                send(LAB.client, version, here, OTHER)
                time.sleep(0.1)
                left, = entries(LAB.server, version, "udp", OTHER)
                self.assertGreater(left, 20)

    def test_client(self):
        policy = POLICY % ("client", PORT)
        for _, version, where in self.each(LAB.client, policy):
            with where:
                send(LAB.client, version, lab.address("server", version),
                     PORT)
                time.sleep(0.1)
                self.check_given(LAB.client, version, PORT)

    def test_untracked_services_go_first(self):
        """Packets that leave tracking have no entry to give timeouts to."""
        policy = POLICY % ("server", "5300-5400") + (
            "untracked:\n  - {name: out, role: server, protocol: udp,"
            " ports: [%d]}\n" % PORT)
        for _, version, where in self.each(LAB.server, policy):
            with where:
                for port in (PORT, OTHER):
                    send(LAB.client, version,
                         lab.address("server", version), port)
                time.sleep(0.1)
                self.assertEqual(entries(LAB.server, version, "udp", PORT),
                                 [])
                self.check_given(LAB.server, version, OTHER)

    def test_rules_of_the_host_in_raw_stay_in_force(self):
        """What one -j CT takes, the next one leaves alone: ours comes last."""
        for version in lab.VERSIONS:
            self.tearDown()
            LAB.server.legacy(version, "*raw\n-A PREROUTING -p udp --dport %d "
                              "-j CT --notrack\n-A PREROUTING -p udp --dport "
                              "%d -j CT --zone 7\nCOMMIT\n" % (PORT, OTHER))
            LAB.server.apply("iptables", POLICY % ("server", "5300-5400"))
            LAB.server.flush_entries()
            with self.subTest(ip=version):
                for port in (PORT, OTHER):
                    send(LAB.client, version,
                         lab.address("server", version), port)
                time.sleep(0.1)
                self.assertEqual(entries(LAB.server, version, "udp", PORT),
                                 [])
                self.assertIn("zone=7", LAB.server.run(
                    "conntrack -L -f ipv%d -p udp --orig-port-dst %d "
                    "2>/dev/null" % (version, OTHER)))

    def test_what_keeps_them_off(self):
        """... is told, with the rule, and nothing else is."""
        for backend, rule in itertools.product(lab.BACKENDS, (
                "-p udp -m udp --dport %d -j CT --notrack" % PORT,
                "-p udp -j CT --ctevents new", "-i eth0 -j CT --zone 7",
                "-i eth0 -j ACCEPT", "-p udp -m udp --dport %d -j ACCEPT" %
                OTHER, "-i lo -j ACCEPT", "notrack", "zone")):
            with self.subTest(backend=backend, rule=rule):
                self.tearDown()
                if rule.startswith("-"):
                    LAB.server.legacy(4, "*raw\n-A PREROUTING %s\nCOMMIT\n" %
                                      rule)
                else:
                    LAB.server.nft(RAW % {"zone": "ct zone set 5"}.get(
                        rule, "udp dport %d notrack" % PORT))
                said = LAB.server.apply(backend, POLICY % ("server", PORT))
                LAB.server.flush_entries()
                send(LAB.client, 4, lab.address("server", 4), PORT)
                time.sleep(0.1)
                left = entries(LAB.server, 4, "udp", PORT)
                works = bool(left) and max(left) <= 2
                self.assertEqual("CT306" in said, not works, said)

    def test_others_may_still_write_to_raw(self):
        """The kernel shows four bytes of a timeout's name."""
        LAB.server.apply("iptables", POLICY % ("server", PORT))
        for tool in ("iptables-legacy", "ip6tables-legacy"):
            LAB.server.run(tool + " -t raw -A OUTPUT -p udp --dport 9 "
                           "-j ACCEPT")
        for version in lab.VERSIONS:
            send(LAB.client, version, lab.address("server", version), PORT)
            time.sleep(0.1)
            self.check_given(LAB.server, version, PORT)

    def test_change_and_undo(self):
        first = POLICY % ("server", PORT)
        second = first.replace("{unreplied: 2s", "{unreplied: 1h")
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                self.tearDown()
                self.assertIn("verified", LAB.server.apply(backend, first))
                self.assertIn("nothing to do",
                              LAB.server.apply(backend, first))
                said = LAB.server.apply(backend, second)
                self.assertIn("verified", said)
                self.assertIn("existing entries keep their timeouts", said)
                LAB.server.flush_entries()
                self.assertEqual(tcp_exchange(
                    LAB.client, 4, lab.address("server", 4), PORT), "ok")
                self.assertEqual(udp_exchange(
                    LAB.client, 4, lab.address("server", 4), PORT), "ok")
                left, = entries(LAB.server, 4, "udp", PORT)
                self.assertGreater(left, 3000)
                LAB.server.run([lab.CTPOLICY, "rollback"])
                LAB.server.flush_entries()
                send(LAB.client, 4, lab.address("server", 4), PORT)
                time.sleep(0.1)
                self.check_given(LAB.server, 4, PORT)
                code, out = LAB.server.ctpolicy("diff", first, "--backend",
                                                backend)
                self.assertEqual(code, 0, out)
                LAB.server.remove(backend)
                self.assertEqual(timeouts(LAB.server), [])
                self.assertEqual(LAB.server.run("nft list ruleset"), "")
                self.assertNotIn("CTPOLICY", LAB.server.run(
                    "iptables-legacy-save; ip6tables-legacy-save"))

    def test_values_changed_by_hand_are_put_right(self):
        policy = POLICY % ("server", PORT)
        LAB.server.apply("iptables", policy)
        name = next(n for n in timeouts(LAB.server))
        with LAB.server.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                               lab.NETLINK_NETFILTER) as sock:
            listing = LAB.server.run(
                "iptables-legacy -t raw -S; ip6tables-legacy -t raw -S")
            udp = re.search(r"-p udp .* --timeout (\S+)", listing)[1]
            self.assertEqual(len(name), 4)
            body = b"".join(
                struct.pack("=HH", 4 + len(value), kind) + value +
                b"\0" * (-len(value) % 4) for kind, value in (
                    (1, udp.encode() + b"\0"), (2, struct.pack("!H", 2)),
                    (3, b"\x11"), (0x8004, struct.pack("=HH", 8, 2) +
                                   struct.pack("!I", 77))))
            sock.send(struct.pack("=IHHII4x", 20 + len(body), 0x800, 0x505, 1,
                                  0) + body)
            self.assertEqual(struct.unpack_from("=i", sock.recv(4096), 16)[0],
                             0)
        code, out = LAB.server.ctpolicy("diff", policy)
        self.assertEqual(code, 1, out)
        self.assertIn("timeouts  other values in ip raw PREROUTING", out)
        out = LAB.server.ctpolicy("diff", policy, "--rules")[1]
        self.assertIn("+ timeouts %s { udp " % udp, out)
        self.assertIn("verified", LAB.server.apply("iptables", policy))
        code, out = LAB.server.ctpolicy("diff", policy)
        self.assertEqual(code, 0, out)

    def test_objects_made_by_hand_go(self):
        policy = POLICY % ("server", PORT)
        LAB.server.apply("nftables", policy)
        LAB.server.nft("add ct timeout inet ctpolicy mine { protocol tcp; "
                       "l3proto ip; policy = { established : 5 }; }\n"
                       "add rule inet ctpolicy tracked-output tcp dport 9 "
                       "ct timeout set mine\n")
        code, out = LAB.server.ctpolicy("diff", policy)
        self.assertEqual(code, 1, out)
        self.assertIn("- rules in ctpolicy's own chains that belong to no service\n"
                      "    timeouts  inet ctpolicy tracked-output: 1 rule to "
                      "remove\n", out)
        out = LAB.server.ctpolicy("diff", policy, "--rules")[1]
        self.assertIn("- timeouts mine", out)
        self.assertIn("verified", LAB.server.apply("nftables", policy))
        self.assertNotIn("mine", LAB.server.run("nft list ruleset"))
        LAB.server.run([lab.CTPOLICY, "rollback"])
        code, out = LAB.server.ctpolicy("diff", policy)
        self.assertEqual(code, 0, out)

    def test_timeouts_that_the_host_uses_stay(self):
        LAB.server.apply("iptables", POLICY % ("server", PORT))
        udp = re.search(r"-p udp .* --timeout (\S+)",
                        LAB.server.run("iptables-legacy -t raw -S"))[1]
        LAB.server.run("iptables-legacy -t raw -A PREROUTING -p udp --dport "
                       "999 -j CT --timeout " + udp)
        process = LAB.server.popen([lab.CTPOLICY, "remove"], stdout=-1,
                                   stderr=-2, text=True)
        out = process.communicate()[0]
        self.assertEqual(process.returncode, KERNEL_REFUSED, out)
        self.assertIn("[CT619]", out)
        self.assertIn("previous rules are in force, verified", out)
        LAB.server.run("iptables-legacy -t raw -D PREROUTING -p udp --dport "
                       "999 -j CT --timeout " + udp)
        LAB.server.remove("iptables")
        self.assertEqual(timeouts(LAB.server), [])

    def test_whose_entries(self):
        """All of theirs are in the table, and theirs by name."""
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                self.tearDown()
                LAB.server.apply(backend, POLICY % ("[server, client]", PORT))
                LAB.server.flush_entries()
                for version, port in itertools.product(lab.VERSIONS,
                                                       (PORT, OTHER)):
                    send(LAB.client, version,
                         lab.address("server", version), port, 5)
                said = json.loads(LAB.server.run(lab.CTPOLICY + " status "
                                                 "--json --top 9 --by service"))
                rows = {r["key"]: r["entries"] for r in said["top"]["rows"]}
                self.assertEqual(rows.get("dns"), 10, rows)

    def test_status_lists_them(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                self.tearDown()
                said = LAB.server.apply(backend, POLICY % ("server", PORT))
                self.assertIn("[CT305]", said)
                out = LAB.server.run([lab.CTPOLICY, "status"])
                self.assertRegex(out, r"(?m)^untracked +no service$")
                self.assertRegex(out, r"(?m)^timeouts +dns$")
                self.assertRegex(out, r"(?m)^tracking +IPv4 on, kept by ")

    def test_data(self):
        """Steps and status as JSON; check counts tracked services."""
        policy = POLICY % ("server", PORT)
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                self.tearDown()
                code, out = LAB.server.ctpolicy("diff", policy, "--json",
                                                "--backend", backend)
                self.assertEqual(code, 1, out)
                steps = json.loads(out)["steps"]
                kinds = {s["kind"] for s in steps
                         if "unreplied" in s["rule"]}
                self.assertEqual(kinds, {"timeout"})
                LAB.server.apply(backend, policy)
                data = json.loads(LAB.server.run(
                    [lab.CTPOLICY, "status", "--json"]))
                self.assertEqual(data["tracked"], [{"service": "dns"}])
                self.assertEqual(data["untracked"], [])
        code, out = LAB.server.ctpolicy("check", policy)
        self.assertIn("valid: 1 service", out)

    def test_other_protocols(self):
        """Of iptables alone: nft could not load what it saves."""
        policy = POLICY.replace("[udp, tcp]", "gre").replace(
            "    ports: [%s]\n", "").replace(
                "replied: 2s, established: 10m", "replied: 9s") % "router"
        code, out = LAB.router.ctpolicy("apply", policy, "--backend",
                                        "nftables")
        self.assertEqual(code, LACKING, out)
        self.assertIn("[CT705]", out)
        self.assertEqual(LAB.router.run("nft list ruleset"), "")
        LAB.router.apply("iptables", policy)
        self.assertIn("nothing to do", LAB.router.apply("iptables", policy))
        for version in lab.VERSIONS:
            with self.subTest(ip=version), LAB.client.socket(
                    lab.FAMILY[version], socket.SOCK_RAW, 47) as sock:
                sock.sendto(bytes((0, 0, 8, 0)) + b"x" * 20,
                            (lab.address("server", version), 0))
                time.sleep(0.1)
                left = re.findall(r"(?m)^gre +47 (\d+) ", LAB.router.run(
                    "conntrack -L -f ipv%d -p gre 2>/dev/null" % version))
                self.assertEqual(len(left), 1)
                self.assertLessEqual(int(left[0]), 2)

    def test_echoes(self):
        """A ping's entry goes as soon; of iptables alone as well."""
        policy = POLICY.replace("[udp, tcp]", "icmp-echo").replace(
            "    ports: [%s]\n", "").replace(
                "unreplied: 2s, replied: 2s, established: 10m",
                "timeout: 2s") % "router"
        LAB.router.apply("iptables", policy)
        self.assertIn("nothing to do", LAB.router.apply("iptables", policy))
        for version, proto in (4, "icmp"), (6, "icmpv6"):
            with self.subTest(ip=version):
                LAB.router.flush_entries()
                self.assertEqual(ping_exchange(
                    LAB.client, version, lab.address("server", version)),
                    "ok")
                left = re.findall(r"(?m)^%s +\d+ (\d+) .* type=(?:8|128) "
                                  % proto, LAB.router.run(
                                      "conntrack -L -f ipv%d -p %s 2>/dev/null"
                                      % (version, proto)))
                self.assertEqual(len(left), 1)
                self.assertLessEqual(int(left[0]), 2)

    def test_protocol_that_the_kernel_lacks(self):
        """Linux 6.18 has given up DCCP; where it has not, it does it."""
        policy = POLICY.replace("[udp, tcp]", "dccp").replace(
            "{unreplied: 2s, replied: 2s, established: 10m}", "{request: 2s}")
        for backend in lab.BACKENDS:
            with self.subTest(backend=backend):
                self.tearDown()
                code, out = LAB.server.ctpolicy(
                    "apply", policy % ("server", PORT), "--backend", backend)
                if code == 0:
                    self.skipTest("this kernel has DCCP")
                self.assertEqual(code, LACKING, out)
                self.assertEqual(timeouts(LAB.server), [])
                self.assertEqual(LAB.server.run("nft list ruleset"), "")
                self.assertNotIn("CTPOLICY", LAB.server.run(
                    "iptables-legacy-save; ip6tables-legacy-save"))


if __name__ == "__main__":
    unittest.main()
