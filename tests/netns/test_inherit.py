# SPDX-License-Identifier: GPL-2.0-or-later
"""Accept rules stand among the host's own: what these let in by state, they let in
untracked, and what they keep out stays out, before and after, in every dialect."""
import itertools
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, connect, pair                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [8080]%s}
"""
# The client's own address, and one that is nobody's.
CLIENT4, CLIENT6 = "192.0.2.2", "2001:db8:1::2"
OTHER4, OTHER6 = "203.0.113.7", "2001:db8:bad::7"

EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
INV = "-A INPUT -m conntrack --ctstate INVALID -j DROP"
ND = "-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT"


def new(more="", verdict="ACCEPT"):
    return "-A INPUT %s -p tcp -m tcp --dport 8080 -m conntrack " \
        "--ctstate NEW -j %s" % (more, verdict)


EST_UNTRACKED = EST.replace("RELATED", "RELATED,UNTRACKED")

# name -> rules of INPUT with {c}, the client, and {o}, somebody else;
# served with `inherit`, and with `open`
HOSTS = {
    "by state": ([EST, INV, new()], True, True),
    "what is invalid goes first": ([INV, EST, new()], True, True),
    "what is rewritten goes first": (
        [EST.replace("RELATED", "RELATED,DNAT"), INV,
         "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT"], True, True),
    "for the client alone": ([EST, INV, new("-s {c}")], True, True),
    "for somebody else": ([EST, INV, new("-s {o}")], False, True),
    "not for the client": ([EST, INV, new("! -s {c}")], False, True),
    "by another interface": ([EST, INV, new("-i wan")], False, True),
    "any port but 22": ([EST, INV, "-A INPUT -p tcp -m tcp ! --dport 22 -m "
                         "conntrack --ctstate NEW -j ACCEPT"], True, True),
    "banned": (["-A INPUT -s {c} -j DROP", EST, INV, new()], False, False),
    "banned in a chain": (["-A INPUT -p tcp -j bans", EST, INV, new(),
                           "-A bans -s {c} -j DROP", "-A bans -j RETURN"],
                          False, False),
    "somebody else is banned": (["-A INPUT -s {o} -j DROP", EST, INV, new()],
                                True, True),
    "accepted whatever its state": (
        [EST, INV, "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT"], True,
        True),
    "in chains of their own": (
        ["-A INPUT -j before", "-A INPUT -j user",
         EST.replace("INPUT", "before"), INV.replace("INPUT", "before"),
         new().replace("INPUT", "user")], True, True),
    "rejected at the end": (
        [EST, INV, new(), "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
         "-A INPUT -j DROP"], True, True),
    "up to a limit": ([EST, INV, new("-m limit --limit 1000/sec "
                                     "--limit-burst 100")], True, True),
    "by a mark": ([EST, INV, new("-m mark ! --mark 0x1/0xff")], True, True),
    "by any other interface": ([EST, INV, new("! -i wan")], True, True),
    "not by its interface": ([EST, INV, new("! -i s")], False, True),
    "not by any of these": ([EST, INV, new("! -i s+")], False, True),
    "not by kind of frame": ([EST, INV, new("-m pkttype ! --pkt-type "
                                            "unicast")], False, True),
    "by any other class": ([EST, INV, new("-m dscp ! --dscp 0x2e")], True,
                           True),
    "for another mark": ([EST, INV, new("-m mark --mark 0x1")], False, True),
    "new ones are banned": ([
        "-A INPUT -s {c} -p tcp -m conntrack --ctstate NEW -j DROP", EST, INV,
        new()], False, False),
    "new ones are refused": ([
        "-A INPUT -s {c} -p tcp -m conntrack --ctstate NEW -j REJECT "
        "--reject-with tcp-reset", EST, INV, new()], False, False),
    "new ones have a chain": ([
        EST, INV, "-A INPUT -p tcp -m conntrack --ctstate NEW -j fresh",
        "-A fresh -s {o} -j DROP", "-A fresh -p tcp -m tcp --dport 8080 "
        "-m limit --limit 1000/sec --limit-burst 100 -j ACCEPT"], True, True),
    "new ones are banned in a chain": ([
        EST, INV, "-A INPUT -p tcp -m conntrack --ctstate NEW -j fresh",
        "-A fresh -s {c} -j DROP", "-A fresh -p tcp -m tcp --dport 8080 -j "
        "ACCEPT"], False, False),
    "somebody is banned behind what is invalid": (
        [INV, "-A INPUT -s {o} -j DROP", EST, new()], True, True),
    "a chain bans behind what is invalid": (
        [INV, "-A INPUT -j bans", EST, new(), "-A bans -s {o} -j DROP"], True,
        True),
    "all that is untracked is accepted": (
        [EST_UNTRACKED, new()], True, True),
    "all that is untracked is accepted, and new ones of others": (
        [EST_UNTRACKED, "-A INPUT -j fresh", new("-s {o}").replace(
            "INPUT", "fresh")], False, True),
    "chains decide about all": (
        ["-A INPUT -m conntrack --ctstate INVALID -j bad",
         "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j good",
         new(verdict="good"), "-A good -j LOG", "-A good -j ACCEPT",
         "-A bad -j LOG", "-A bad -j DROP"], True, True),
    "no rule for it": ([EST, INV], False, True),
    "logged at the end": ([EST, INV, "-A INPUT -j LOG"], False, True),
}
# nft's own words for these are not repeated
IPTABLES = {"not by kind of frame", "by any other class"}


def text_of(rules, version, policy="DROP"):
    client, other = (CLIENT4, OTHER4) if version == 4 else (CLIENT6, OTHER6)
    chains = sorted({r.split()[1] for r in rules} - {"INPUT", "FORWARD"})
    lines = ["*filter", ":INPUT %s [0:0]" % policy, ":FORWARD ACCEPT [0:0]"]
    lines += [":%s - [0:0]" % c for c in chains]
    if version == 6:
        lines += [ND % n for n in (133, 134, 135, 136)]
    lines += [r.format(c=client, o=other) for r in rules]
    return "\n".join(lines + ["COMMIT"]) + "\n"


def fill(dialect, rules):
    dialects.load(SERVER, dialect, lambda version: text_of(rules, version))


def command(name, dialect, *options, more):
    return SERVER.ctpolicy(name, POLICY % more, "--backend",
                           dialects.backend_of(dialect), *options)


def serves(version):
    try:
        with connect(CLIENT, version, 8080, 1) as s:
            s.sendall(b"x" * 1000)
            return len(s.recv(1)) == 1
    except OSError:
        return False


def host_rules():
    """Without counters, and without what is ctpolicy's."""
    lines = SERVER.run("nft -s list ruleset; iptables-legacy-save; "
                       "ip6tables-legacy-save").splitlines()
    end, kept = None, []
    for line in lines:
        ours = "ctpolicy" in line.lower()
        if end is None and ours and line.endswith("{"):
            end = line[:len(line) - len(line.lstrip())] + "}"
        elif end is None and not ours and line and line[0] != "#":
            kept.append(line.split("[")[0])
        elif line == end:
            end = None
    # the tables that loading them makes
    return [l for l in kept if l not in ("*raw", "*filter", "COMMIT") and
            not l.startswith((":PREROUTING", ":OUTPUT", ":INPUT ACCEPT",
                              ":FORWARD"))]


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        Server(SERVER, version, 8080)
        Server(CLIENT, version, 9090)


class Places(unittest.TestCase):
    def tearDown(self):
        SERVER.clear()

    def check(self, dialect, name, accept):
        rules, inherit, opened = HOSTS[name]
        wanted = inherit if accept == "inherit" else opened
        fill(dialect, rules)
        before = host_rules()
        for version in lab.VERSIONS:
            self.assertEqual(serves(version), inherit,
                             "IPv%d, before" % version)
        more = "" if accept == "inherit" else ", accept: open"
        code, said = command("apply", dialect, more=more)
        self.assertEqual(code, 0, said)
        events = lab.NewEntries(SERVER)
        for version in lab.VERSIONS:
            self.assertEqual(serves(version), wanted, "IPv%d\n%s\n%s" % (
                version, said, SERVER.run("nft list ruleset; "
                                          "iptables-legacy-save")))
        self.assertEqual(events.take(), [])
        events.close()
        self.assertEqual(host_rules(), before)
        code, said = command("diff", dialect, more=more)
        self.assertEqual(code, 0, said)
        SERVER.run([lab.CTPOLICY, "remove"])
        self.assertEqual(host_rules(), before)


def case(dialect, name, accept):
    return lambda self: self.check(dialect, name, accept)


# CTPOLICY_EVERY=2: some of them, which are all in the end
STEP = 2 * int(os.environ.get("CTPOLICY_EVERY", "1")) - 1
for _i, (_dialect, _name, _accept) in enumerate(itertools.product(
        dialects.here(), HOSTS, ("inherit", "open"))):
    if _i % STEP == 0 and (_dialect != "native" or _name not in IPTABLES):
        setattr(Places, "test_%s_%s_%s" % (
            _dialect.replace("-", "_"), _name.replace(" ", "_"), _accept),
            case(_dialect, _name, _accept))


class Conditions(unittest.TestCase):
    """What no match of ctpolicy's can say is asked in the host's words."""

    def tearDown(self):
        SERVER.clear()

    def apply(self, dialect):
        code, done = command("apply", dialect, more="")
        self.assertEqual(code, 0, done)
        code, said = command("diff", dialect, more="")
        self.assertEqual(code, 0, said)
        return done

    def test_a_limit_still_limits(self):
        rules = [EST, INV, new("-m limit --limit 1/hour --limit-burst 2")]
        for dialect in dialects.here():
            for applied in (False, True):
                with self.subTest(dialect, applied=applied):
                    fill(dialect, rules)
                    if applied:
                        said = self.apply(dialect)
                        self.assertEqual(said.count("[CT599]"), 1, said)
                    for version in lab.VERSIONS:
                        self.assertEqual([serves(version) for _ in range(3)],
                                         [True, True, False])

    def test_first_packets_alone_are_limited(self):
        """Ahead of what accepts the later ones."""
        rules = [new("-m limit --limit 1/hour --limit-burst 2"),
                 new(verdict="DROP"), EST]
        for dialect in dialects.here():
            for applied in (False, True):
                with self.subTest(dialect, applied=applied):
                    fill(dialect, rules)
                    if applied:
                        self.apply(dialect)
                    for version in lab.VERSIONS:
                        got = [serves(version) for _ in range(3)]
                        self.assertEqual((got[0], got[2]), (True, False))

    def test_addresses_of_a_set(self):
        """Those that are added later, too."""
        for dialect in dialects.here():
            with self.subTest(dialect):
                self.fill_by_set(dialect)
                self.assertFalse(any(map(serves, lab.VERSIONS)))
                self.apply(dialect)
                self.assertFalse(any(map(serves, lab.VERSIONS)))
                self.change_sets(dialect, "add")
                self.assertTrue(all(map(serves, lab.VERSIONS)))
                self.change_sets(dialect, "del")
                self.assertFalse(any(map(serves, lab.VERSIONS)))

    def fill_by_set(self, dialect):
        if dialect != "native":
            dialects.load(SERVER, dialect, self.text_by_ipset)
            return
        SERVER.clear()
        for family, version in (("ip", 4), ("ip6", 6)):
            SERVER.nft("""
                table %s host {
                    set good { type ipv%d_addr; }
                    chain INPUT {
                        type filter hook input priority filter; policy drop;
                        icmpv6 type { 133, 134, 135, 136 } accept
                        ct state established,related accept
                        %s saddr @good tcp dport 8080 ct state new accept
                    }
                }""" % (family, version, family))

    def text_by_ipset(self, version):
        SERVER.run("ipset create good%d hash:ip family %s" % (
            version, "inet" if version == 4 else "inet6"))
        return text_of([EST, INV, new("-m set --match-set good%d src" %
                                      version)], version)

    def change_sets(self, dialect, verb):
        for version, client in ((4, CLIENT4), (6, CLIENT6)):
            if dialect == "native":
                SERVER.run("nft %s element %s host good '{ %s }'" % (
                    {"add": "add", "del": "delete"}[verb],
                    "ip" if version == 4 else "ip6", client))
            else:
                SERVER.run("ipset %s good%d %s" % (verb, version, client))


class Client(unittest.TestCase):
    """Answers to this host, and one chain for INPUT and FORWARD."""
    POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: ask, role: client, protocol: tcp, ports: [9090]}
"""
    SHARED = ["-A INPUT -j both", "-A FORWARD -j both",
              "-A both -s %s -j DROP", EST.replace("INPUT", "both"),
              "-A both -j REJECT"]

    def tearDown(self):
        SERVER.clear()

    def gets_answers(self, version):
        to = lab.address("client", version)
        try:
            with connect(SERVER, version, 9090, 1, to=to) as s:
                s.sendall(b"x")
                return s.recv(1) == b"x"
        except OSError:
            return False

    def check(self, dialect, banned, wanted):
        fill(dialect, [r.replace("%s", banned) for r in self.SHARED])
        for applied in (False, True):
            if applied:
                code, said = SERVER.ctpolicy(
                    "apply", self.POLICY, "--backend",
                    dialects.backend_of(dialect))
                self.assertEqual(code, 0, said)
            events = lab.NewEntries(SERVER)
            for version in lab.VERSIONS:
                self.assertEqual(self.gets_answers(version), wanted)
                self.assertFalse(serves(version))
            self.assertEqual([e for e in events.take() if ".9090" in e] == [],
                             applied)
            events.close()

    def test_shared_chain(self):
        for dialect in dialects.here():
            for banned, wanted in (("{o}", True), ("{c}", False)):
                with self.subTest(dialect, banned=banned):
                    self.check(dialect, banned, wanted)


class Change(unittest.TestCase):
    """The host's rules change under ctpolicy's."""

    def tearDown(self):
        SERVER.clear()

    def test_rules_of_the_host_move(self):
        insert = {
            "native": "nft insert rule ip host INPUT ip saddr %s drop; "
                      "nft insert rule ip6 host INPUT ip6 saddr %s drop",
            "iptables-nft": "iptables-nft -I INPUT -s %s -j DROP; "
                            "ip6tables-nft -I INPUT -s %s -j DROP",
            "legacy": "iptables-legacy -I INPUT -s %s -j DROP; "
                      "ip6tables-legacy -I INPUT -s %s -j DROP",
        }
        for dialect in dialects.here():
            with self.subTest(dialect):
                fill(dialect, HOSTS["by state"][0])
                self.assertEqual(command("apply", dialect, more="")[0], 0)
                SERVER.run(insert[dialect] % (OTHER4, OTHER6))
                code, said = command("diff", dialect, more="")
                self.assertEqual(code, 0, said)     # they moved along
                self.assertTrue(all(map(serves, lab.VERSIONS)))
                SERVER.run(insert[dialect] % (CLIENT4, CLIENT6))
                self.assertFalse(any(map(serves, lab.VERSIONS)))


if __name__ == "__main__":
    unittest.main()
