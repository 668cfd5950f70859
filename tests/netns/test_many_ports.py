# SPDX-License-Identifier: GPL-2.0-or-later
"""Hundreds of services whose ports no set may hold, in tables of iptables-nft:
each is served, no other port is, and a packet goes past few rules. What is
tracked goes past the jumps, in every dialect."""
import os
import random
import re
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, connect, pair                     # noqa: E402
from probes import serve_udp                                # noqa: E402

EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
NEW = "-m conntrack --ctstate NEW -j ACCEPT"
TCP, UDP, TRACKED = 20200, 20300, 2222
MOST = 40			# rules, from a packet's jump to its verdict


def ranges():
    """Ports of services, alone and in ranges; gaps between any two."""
    draw, at = random.Random(25), 1000
    # the lowest, whose chains at each level begin with the same digits
    found = [(n, n) for n in range(1, 60, 3)]
    while at < 60000:
        last = at + draw.choice((0, 0, 0, 1, 7, 60))
        found.append((at, last))
        at = last + draw.choice((2, 2, 2, 3, 40, 4000, 20))
    return [r for r in found if not r[0] <= TRACKED <= r[1] and
            (r[1] < 20000 or r[0] > 21000)] + [
        (n, n) for n in range(20000, 21000, 2)]


PORTS = ranges()
POLICY = "version: 1\nstate_matching: allowed\nuntracked:\n" + "".join(
    "  - {name: s%d, role: server, protocol: [tcp, udp], ports: [%d-%d]}\n"
    % (i, a, b) for i, (a, b) in enumerate(PORTS))


def text_of(version):
    lines = ["*filter", ":INPUT DROP [0:0]"]
    if version == 6:
        lines += ["-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT"
                  % t for t in (135, 136)]
    return "\n".join(lines + [EST] + [
        "-A INPUT -p %s -m %s --dport 1:65535 %s" % (p, p, NEW)
        for p in ("tcp", "udp")] + ["COMMIT"]) + "\n"


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        serve_udp(SERVER, version, UDP)
        for port in (TCP, TRACKED):
            Server(SERVER, version, port)


def asks_udp(version):
    with CLIENT.socket(lab.FAMILY[version], socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect((lab.address("server", version), UDP))
        s.send(b"hello")
        return s.recv(100)


def asks_tcp(version, port):
    with connect(CLIENT, version, port, 20) as s:
        s.sendall(b"hello")
        return s.recv(100)


def all_closed():
    """Waits for the last packet of each connection that the server had."""
    while any(line.split()[3] != "0A" for line in SERVER.run(
            "tail -qn +2 /proc/net/tcp /proc/net/tcp6").splitlines()):
        time.sleep(.02)


class Tree:
    """iptables-nft's chains below one, for ports of one protocol."""

    def __init__(self, version):
        text = SERVER.run("ip%stables-nft -S" % ("6" if version == 6 else ""))
        self.chains = {}
        for line in text.splitlines():
            m = re.match(r"-A (\S+) (.*)-j (\S+)$", line)
            if m:
                self.chains.setdefault(m[1], []).append(self.rule(*m.groups()))

    @staticmethod
    def rule(_, words, target):
        ports = re.search(r"--(dports?|sports?) (\S+)", words)
        of = [tuple(map(int, (p.split(":") * 2)[:2]))
              for p in ports[2].split(",")] if ports else None
        proto = re.search(r"-p (\S+)", words)
        return (proto[1] if proto else None, "-i lo" in words,
                "--tcp-flags" in words, ports[1][0] if ports else None, of,
                target)

    def walk(self, chain, proto, port):
        """(is it accepted, past so many rules), of a first packet."""
        passed = 0
        for its, lo, later, side, of, target in self.chains.get(chain, []):
            passed += 1
            if its != proto or lo or later or side != "d" or \
                    not any(a <= port <= b for a, b in of):
                continue
            if target == "ACCEPT":
                return True, passed
            accepted, more = self.walk(target, proto, port)
            passed += more
            if accepted:
                return True, passed
        return False, passed

    def jumps(self):
        return [r[-1] for r in self.chains["INPUT"] if "ctpolicy" in r[-1]]


class Many(unittest.TestCase):
    def setUp(self):
        self.assertGreater(len(PORTS), 550)

    def tearDown(self):
        SERVER.run([lab.CTPOLICY, "remove"], check=False)
        SERVER.clear()

    def apply(self, dialect, policy=POLICY):
        code, said = SERVER.ctpolicy("apply", policy, "-q", "--backend",
                                     dialects.backend_of(dialect))
        self.assertEqual(code, 0, said)

    def serve(self):
        events = lab.NewEntries(SERVER)
        for version in lab.VERSIONS:
            self.assertEqual(asks_udp(version), b"%d" % UDP)
            self.assertEqual(asks_tcp(version, TCP), b"hello")
        made = [e for e in events.take() if re.search("20200|20300", e)]
        events.close()
        self.assertEqual(made, [])

    def accepts(self, tree, proto, port):
        found = [tree.walk(j, proto, port) for j in tree.jumps()]
        self.assertLessEqual(sum(passed for _, passed in found),
                             MOST * len(found))
        return any(accepted for accepted, _ in found)

    @unittest.skipUnless("iptables-nft" in dialects.here(), "no iptables-nft")
    def test_ports(self):
        """Exactly those of the services, a change of one included."""
        dialects.load(SERVER, "iptables-nft", text_of)
        self.apply("iptables-nft")
        self.serve()
        self.compare(PORTS)
        less = POLICY.replace("ports: [20300-20300]", "ports: [20301-20302]")
        self.apply("iptables-nft", less)
        self.compare([r for r in PORTS if r not in ((20300, 20300),
                                                    (20302, 20302))] +
                     [(20301, 20302)])
        code, said = SERVER.ctpolicy("diff", less)
        self.assertEqual(code, 0, said)
        SERVER.run([lab.CTPOLICY, "remove"])
        self.assertNotIn("ctpolicy", SERVER.run("nft list ruleset"))

    def compare(self, ports):
        member = set()
        for a, b in ports:
            member.update(range(a, b + 1))
        edges = {p + d for r in ports for p in r for d in (-1, 0, 1)}
        for version in lab.VERSIONS:
            tree = Tree(version)
            for proto in ("tcp", "udp"):
                wrong = [p for p in edges
                         if self.accepts(tree, proto, p) != (p in member)]
                self.assertEqual(wrong, [])

    def test_tracked_go_past(self):
        """Every jump to ctpolicy's rules asks for the state first."""
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(SERVER, dialect, text_of)
                self.apply(dialect)
                self.serve()
                all_closed()
                for version in lab.VERSIONS:
                    before = self.jumps(dialect, version)
                    self.assertTrue(before)
                    self.assertEqual(asks_tcp(version, TRACKED), b"hello")
                    all_closed()
                    self.assertEqual(self.jumps(dialect, version), before)
                SERVER.run([lab.CTPOLICY, "remove"])

    def jumps(self, dialect, version):
        """To ctpolicy's chains, legacy iptables with what it has counted."""
        six = "6" if version == 6 else ""
        if dialect == "native":
            text = SERVER.run("nft list chain ip%s host INPUT" % six)
        else:
            text = SERVER.run("ip%stables-%s -vS INPUT" % (
                six, "legacy" if dialect == "legacy" else "nft"))
        jumps = [x for x in text.splitlines() if "ctpolicy-input" in x.lower()]
        for jump in jumps:
            self.assertRegex(jump, "ct state |--ctstate ")
            self.assertNotIn(" -c 0 0 ", jump + " ")
        return jumps


if __name__ == "__main__":
    unittest.main()
