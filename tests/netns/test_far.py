# SPDX-License-Identifier: GPL-2.0-or-later
"""Among hundreds of the host's rules, requests that look alike are accepted
ahead of those that can't mean them, and never ahead of one that can."""
import contextlib
import os
import re
import select
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, pair                              # noqa: E402
from probes import serve_udp                                # noqa: E402

PORTS = (8080, 8081)
EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
NEW = "-m conntrack --ctstate NEW -j ACCEPT"
OTHERS = ["-A INPUT -p %s --dport %d %s" % (p, 9000 + n, NEW)
          for n in range(60) for p in ("tcp", "udp")]
OURS = ["-A INPUT -p udp --dport %d %s" % (p, NEW) for p in PORTS]
BAN = "-A INPUT -s {c} -j DROP"
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: svc, role: server, protocol: udp, ports: [8080-8081], accept: %s}
"""


def text_of(rules, version, chains=()):
    lines = ["*filter", ":INPUT DROP [0:0]"]
    lines += [":%s - [0:0]" % c for c in chains]
    if version == 6:
        lines += ["-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT"
                  % t for t in (135, 136)]
    return "\n".join(lines + [r.format(c=SECOND[version][0]) for r in rules] +
                     ["COMMIT"]) + "\n"


# of the client, beside its first one
SECOND = {4: ("192.0.2.9", "192.0.2.9/24"),
          6: ("2001:db8:1::9", "2001:db8:1::9/64")}


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        for port in PORTS:
            serve_udp(SERVER, version, port)
            Server(SERVER, version, port)
        CLIENT.run("ip addr add %s dev c%s" % (
            SECOND[version][1], "" if version == 4 else " nodad"))
        SERVER.run("ip route replace %s dev s" % (
            "192.0.2.0/24" if version == 4 else "2001:db8:1::/64"))


def begin(version, source, port):
    sock = CLIENT.socket(lab.FAMILY[version], socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((source, 0))
    sock.connect((lab.address("server", version), port))
    return sock


def hears(waiting, seconds):
    """Which of them get an answer meanwhile; all are sent again at first."""
    for sock in waiting:
        with contextlib.suppress(OSError):
            sock.send(b"hello")
    return select.select(list(waiting), [], [], seconds)[0]


def answered(wanted):
    """Who is, of both addresses, at each port: all that are wanted, in the end,
    and the others, if they are any sooner."""
    socks = {begin(v, source, port): (v, which, port)
             for v in lab.VERSIONS for port in PORTS
             for which, source in (("first", lab.address("client", v)),
                                   ("second", SECOND[v][0]))}
    waiting, found, end = dict(socks), set(), time.monotonic() + 30
    while wanted - found and time.monotonic() < end:
        for sock in hears(waiting, .2):
            found.add(waiting.pop(sock))
    for sock in hears(waiting, .3):
        found.add(waiting.pop(sock))
    for sock in socks:
        sock.close()
    return found


def keys(*which):
    return {(v, w, p) for v in lab.VERSIONS for p in PORTS for w in which}


def places(dialect, version):
    """Behind how many of the host's rules ctpolicy's jumps stand."""
    if dialect == "native":
        family = "ip" if version == 4 else "ip6"
        text = SERVER.run("nft -s list chain %s host INPUT" % family)
        rules = [r for r in text.splitlines()
                 if re.match(r"\t\t(?!type)", r)]
    else:
        tool = "ip%stables-%s" % ("6" if version == 6 else "",
                                  "legacy" if dialect == "legacy" else "nft")
        text = SERVER.run(tool + " -S INPUT")
        rules = [r for r in text.splitlines() if r.startswith("-A ")]
    found, own = [], 0
    for i, rule in enumerate(rules):
        if "ctpolicy-input" in rule.lower():
            found.append(i - own)
            own += 1
    return found


class Far(unittest.TestCase):
    def tearDown(self):
        SERVER.run([lab.CTPOLICY, "remove"], check=False)
        SERVER.clear()

    def apply(self, dialect, policy):
        code, said = SERVER.ctpolicy("apply", policy, "--backend",
                                     dialects.backend_of(dialect))
        self.assertEqual(code, 0, said)

    def each(self, rules, before, chains=(), accept="inherit"):
        """In each dialect, applied; `before`: who was answered before."""
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(SERVER, dialect,
                              lambda v: text_of(rules, v, chains))
                self.assertEqual(answered(before), before)
                self.apply(dialect, POLICY % accept)
                yield dialect
                SERVER.run([lab.CTPOLICY, "remove"])

    def assert_far(self, dialect, most, rules):
        """All stand behind at most so many rules, in a chain of many."""
        for version in lab.VERSIONS:
            found = places(dialect, version)
            self.assertTrue(found, "%s: no jump" % dialect)
            self.assertLessEqual(max(found), most + 2 * (version == 6))
            self.assertGreater(len(rules), most)

    def test_ahead_of_others(self):
        """And nobody is let in whom nothing accepted, or kept out."""
        rules = [EST] + OTHERS + OURS[:1]
        who = {k for k in keys("first", "second") if k[2] == PORTS[0]}
        for dialect in self.each(rules, who):
            self.assert_far(dialect, 1, rules)
            events = lab.NewEntries(SERVER)
            self.assertEqual(answered(who), who)
            made = [e for e in events.take() if "8080" in e]
            events.close()
            self.assertEqual(made, [])

    def test_behind_bans(self):
        """Of today; and of tomorrow, at the head of the chain or in one."""
        rules = [EST, "-A INPUT -j bans"] + OTHERS[:50] + [BAN] + \
            OTHERS[50:] + OURS
        who = keys("first")
        for dialect in self.each(rules, who, ["bans"]):
            self.assert_far(dialect, 53, rules)
            self.assertEqual(answered(who), who)
            for chain in ("INPUT", "bans"):
                self.ban(dialect, chain)
                self.assertEqual(answered(set()), set())
                self.ban(dialect, chain, again=False)
            self.assertEqual(answered(who), who)

    @unittest.skipUnless("native" in dialects.here(), "no nft")
    def test_behind_maps(self):
        """And sets of states: of one that is empty now, or accepts."""
        bans = "map bans { type ipv%d_addr : verdict; %s}"
        lets = "elements = { %s : accept } "
        states = "set bans { type ct_state; }"
        other = {4: "203.0.113.7", 6: "2001:db8:7::7"}
        for proto in (17, 6):
            for what, empty in (("map", True), ("map", False), ("state", True)):
                with self.subTest(proto=proto, what=what, empty=empty):
                    for v in lab.VERSIONS:
                        self.load_map(v, proto, states if what == "state" else
                                      bans % (v, "" if empty else
                                              lets % other[v]))
                    self.meet_map(proto, what)
                    SERVER.run([lab.CTPOLICY, "remove"])

    @staticmethod
    def load_map(version, proto, declared):
        """Ahead of 40 accept rules for others, and of those for the ports."""
        if version == 4:
            SERVER.clear()
        six = "6" if version == 6 else ""
        look = "ct state @bans drop" if "ct_state" in declared else \
            "ip%s saddr vmap @bans" % six
        ports = list(range(9000, 9040)) + [8080, 8081]
        SERVER.nft("table ip%s host { %s\nchain INPUT {\n"
                   "type filter hook input priority 0; policy drop;\n"
                   "ct state established,related accept\n"
                   "meta l4proto ipv6-icmp accept\n%s\n%s\n}\n}\n" % (
                       six, declared, look, "\n".join(
                           "meta l4proto %d th dport %d ct state new accept" %
                           (proto, p) for p in ports)))

    def meet_map(self, proto, what):
        """Whoever is dropped by it later, a service of 40 or one of two."""
        many = ["  - {name: s%d, role: server, protocol: tcp, ports: [%d]}\n"
                % (p, p) for p in list(range(9000, 9040)) + [8080, 8081]]
        self.apply("native", POLICY % "inherit" if proto == 17 else
                   "version: 1\nstate_matching: allowed\nuntracked:\n" +
                   "".join(many))
        asks = self.connected if proto == 6 else answered
        self.assertEqual(asks(keys("first")) & keys("first"), keys("first"))
        for version in lab.VERSIONS:
            six = "6" if version == 6 else ""
            SERVER.run("nft add element ip%s host bans { %s }" % (
                six, "untracked" if what == "state" else
                lab.address("client", version) + " : drop"))
        self.assertEqual(asks(set()) & keys("first"), set())

    @staticmethod
    def connected(wanted):
        """Who connects, of the first address."""
        found = set()
        for version, which, port in keys("first"):
            with CLIENT.socket(lab.FAMILY[version], socket.SOCK_STREAM) as s, \
                    contextlib.suppress(OSError):
                s.settimeout(20 if wanted else .5)
                s.bind((lab.address("client", version), 0))
                s.connect((lab.address("server", version), port))
                found.add((version, which, port))
        return found

    def test_ban_between(self):
        """What is put right between the two is seen, and then met."""
        rules = [EST] + OTHERS + OURS
        who = keys("first", "second")
        for dialect in self.each(rules, who):
            for version in lab.VERSIONS:
                self.ban_at(dialect, version, 60)
            code, said = SERVER.ctpolicy("diff", POLICY % "inherit")
            self.assertEqual(code, 1, said)
            self.apply(dialect, POLICY % "inherit")
            self.assertEqual(answered(keys("first")), keys("first"))

    @staticmethod
    def ban_at(dialect, version, place):
        """The second address, by the number of a rule."""
        six = "6" if version == 6 else ""
        source = SECOND[version][0]
        if dialect == "native":
            SERVER.run("nft insert rule ip%s host INPUT index %d ip%s saddr "
                       "%s drop" % (six, place, six, source))
        else:
            SERVER.run("ip%stables-%s -I INPUT %d -s %s -j DROP" % (
                six, "legacy" if dialect == "legacy" else "nft", place,
                source))

    @staticmethod
    def ban(dialect, chain, again=True):
        """The first address, as fail2ban does; or no longer."""
        for version in lab.VERSIONS:
            source = lab.address("client", version)
            six = "6" if version == 6 else ""
            if dialect != "native":
                SERVER.run("ip%stables-%s -%s %s -s %s -j DROP" % (
                    six, "legacy" if dialect == "legacy" else "nft",
                    "I" if again else "D", chain, source))
            elif again:
                SERVER.run("nft insert rule ip%s host %s ip%s saddr %s drop" %
                           (six, chain, six, source))
            else:
                text = SERVER.run("nft -a list chain ip%s host %s" %
                                  (six, chain))
                handle = re.search(r"saddr %s drop # handle (\d+)" % source,
                                   text).group(1)
                SERVER.run("nft delete rule ip%s host %s handle %s" % (
                    six, chain, handle))

    def test_open(self):
        """Ahead of others, and behind who is refused by name."""
        for dialect in self.each([EST, BAN] + OTHERS, set(), accept="open"):
            self.assert_far(dialect, 2, OTHERS)
            self.assertEqual(answered(keys("first")), keys("first"))

    def test_one_jump(self):
        """Services that a rule each accepts share a place."""
        ports = range(7000, 7040)
        rules = [EST] + ["-A INPUT -p tcp --dport %d %s" % (p, NEW)
                         for p in ports]
        policy = "version: 1\nstate_matching: allowed\nuntracked:\n" + \
            "".join("  - {name: s%d, role: server, protocol: tcp, ports: "
                    "[%d]}\n" % (p, p) for p in ports)
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                dialects.load(SERVER, dialect, lambda v: text_of(rules, v))
                self.apply(dialect, policy)
                for version in lab.VERSIONS:
                    self.assertLessEqual(len(places(dialect, version)), 2)
                SERVER.run([lab.CTPOLICY, "remove"])


if __name__ == "__main__":
    unittest.main()
