# SPDX-License-Identifier: GPL-2.0-or-later
"""A ban that comes after `apply` holds, wherever the host keeps its bans: in a
set, a map or a chain that was empty, in each dialect. Where no rule of ctpolicy's
could see to that, the policy is refused."""
import ipaddress
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, answers, pair                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [8080], accept: %s}
"""
REFUSED = 14
EVERY = int(os.environ.get("CTPOLICY_EVERY", "1"))
CLIENT = {4: "192.0.2.2", 6: "2001:db8:1::2"}

EST = "ct state established,related accept"
NEW = "tcp dport 8080 ct state new accept"
MAP = "map bans {{ type %s : verdict; }}\n"
SET = "set bans {{ type %s; }}\n"

# name -> sets and chains of table `host`, rules of its input chain, its policy,
# what a ban adds, whether the policy may be refused (None: `open` lets it in);
# {ip}: ip or ip6; {t}: the type of an address; {c}: the client
NATIVE = {
    "map of new ones": (
        MAP % "{t}", [EST, "ct state new {ip} saddr vmap @bans", NEW], "drop",
        "add element {ip} host bans {{ {c} : drop }}", False),
    "map of new ones, ahead": (
        MAP % "{t}", ["ct state new {ip} saddr vmap @bans", EST, NEW], "drop",
        "add element {ip} host bans {{ {c} : drop }}", False),
    "map of new ones, where all else passes": (
        MAP % "{t}", ["ct state new {ip} saddr vmap @bans"], "accept",
        "add element {ip} host bans {{ {c} : drop }}", False),
    "map of address and port": (
        MAP % "{t} . inet_service",
        [EST, "ct state new {ip} saddr . tcp dport vmap @bans", NEW], "drop",
        "add element {ip} host bans {{ {c} . 8080 : drop }}", False),
    "map of any": (
        MAP % "{t}", [EST, "{ip} saddr vmap @bans", NEW], "drop",
        "add element {ip} host bans {{ {c} : drop }}", False),
    "map that leads to a chain": (
        MAP % "{t}" + "chain banned {{ drop; }}",
        [EST, "ct state new {ip} saddr vmap @bans", NEW], "drop",
        "add element {ip} host bans {{ {c} : jump banned }}", False),
    "map of ports": (
        "map svc {{ type inet_service : verdict; elements = {{ 8080 : accept "
        "}} }}", [EST, "ct state new tcp dport vmap @svc"], "drop",
        "delete element {ip} host svc {{ 8080 }}", None),
    "map behind what is not known": (
        MAP % "{t}", [EST, "ct state != {{ established, related, new }} drop",
                      "{ip} saddr vmap @bans", NEW], "drop",
        "add element {ip} host bans {{ {c} : drop }}", True),
    "map behind what is untracked": (
        MAP % "{t}", ["ct state established,related,untracked accept",
                      "{ip} saddr vmap @bans", NEW], "drop",
        "add element {ip} host bans {{ {c} : drop }}", True),
    "map of states": (
        "map bans {{ type ct_state : verdict; elements = {{ established : "
        "accept, related : accept }} }}", ["ct state vmap @bans", NEW], "drop",
        "add element {ip} host bans {{ untracked : drop }}", False),
    "map of states, where all else passes": (
        MAP % "ct_state", ["ct state vmap @bans"], "accept",
        "add element {ip} host bans {{ untracked : drop }}", False),
    "map of states that leads on": (
        "chain new {{ tcp dport 8080 accept; }}\nmap bans {{ type ct_state : "
        "verdict; elements = {{ established : accept, related : accept, new : "
        "jump new }} }}", ["ct state vmap @bans"], "drop",
        "add element {ip} host bans {{ untracked : drop }}", None),
    "set of states": (
        SET % "ct_state", [EST, "ct state @bans drop", NEW], "drop",
        "add element {ip} host bans {{ untracked }}", False),
    "set of new ones": (
        SET % "{t}", [EST, "ct state new {ip} saddr @bans drop", NEW], "drop",
        "add element {ip} host bans {{ {c} }}", False),
    "set of new ones, where all else passes": (
        SET % "{t}", ["ct state new {ip} saddr @bans drop"], "accept",
        "add element {ip} host bans {{ {c} }}", False),
    "set behind what is untracked": (
        SET % "{t}", ["ct state established,related,untracked accept",
                      "{ip} saddr @bans drop", NEW], "drop",
        "add element {ip} host bans {{ {c} }}", True),
    "list of who may": (
        "set ok {{ type {t}; elements = {{ {c} }} }}",
        [EST, "ct state new {ip} saddr @ok tcp dport 8080 accept"], "drop",
        "delete element {ip} host ok {{ {c} }}", None),
    "chain of new ones": (
        "chain bans {{ }}", [EST, "ct state new jump bans", NEW], "drop",
        "add rule {ip} host bans {ip} saddr {c} drop", False),
    "chain of new ones, where all else passes": (
        "chain bans {{ }}", ["ct state new jump bans"], "accept",
        "add rule {ip} host bans {ip} saddr {c} drop", False),
    "chain of any, where new ones are left": (
        "chain bans {{ }}", ["ct state established accept", "jump bans"],
        "accept", "add rule {ip} host bans {ip} saddr {c} drop", False),
    "chain behind what is untracked": (
        "chain bans {{ }}", ["ct state established,related,untracked accept",
                             "jump bans", NEW], "drop",
        "add rule {ip} host bans {ip} saddr {c} drop", True),
    "map by interface, to chains": (
        "map zones {{ type ifname : verdict; elements = {{ \"s\" : jump lan "
        "}} }}\nchain lan {{ ct state new tcp dport 8080 accept; }}",
        [EST, "iifname vmap @zones"], "drop",
        "delete element {ip} host zones {{ \"s\" }}", None),
}

IPT_EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
IPT_NEW = "-A INPUT -p tcp -m tcp --dport 8080 -m conntrack --ctstate NEW " \
    "-j ACCEPT"
FRESH = "-A INPUT -m conntrack --ctstate NEW "
BANNED = "-A bans -s {c} -j DROP"
UNT = IPT_EST.replace("RELATED", "RELATED,UNTRACKED")

# name -> chains, rules, the policy, a ban, whether it may be refused
IPTABLES = {
    "ipset of new ones": (
        [IPT_EST, FRESH + "-m set --match-set bans{v} src -j DROP", IPT_NEW],
        "DROP", "ipset add bans{v} {c}", False),
    "ipset of new ones, where all else passes": (
        [FRESH + "-m set --match-set bans{v} src -j DROP"],
        "ACCEPT", "ipset add bans{v} {c}", False),
    "ipset behind what is untracked": (
        [UNT, "-A INPUT -m set --match-set bans{v} src -j DROP", IPT_NEW],
        "DROP", "ipset add bans{v} {c}", True),
    "chain of new ones": (
        [IPT_EST, FRESH + "-j bans", IPT_NEW], "DROP", BANNED, False),
    "chain of new ones, where all else passes": (
        [FRESH + "-j bans"], "ACCEPT", BANNED, False),
    "chain of new ones that returns": (
        [FRESH + "-j bans", "-A bans -j RETURN"], "ACCEPT",
        BANNED.replace("-A", "-I"), False),
    "chain behind what is untracked": (
        [UNT, "-A INPUT -j bans", IPT_NEW], "DROP", BANNED, True),
    "chain of the port, as fail2ban's": (
        ["-A INPUT -p tcp -m multiport --dports 8080 -j bans", IPT_EST,
         IPT_NEW, "-A bans -j RETURN"], "DROP", BANNED.replace("-A", "-I"),
        False),
    "list of recent ones": (
        [FRESH + "-m recent --name bans{v} --rcheck -j DROP", IPT_EST,
         IPT_NEW], "DROP", "echo +{c} > /proc/net/xt_recent/bans{v}", False),
    "list of recent ones, where all else passes": (
        [FRESH + "-m recent --name bans{v} --rcheck -j DROP"], "ACCEPT",
        "echo +{c} > /proc/net/xt_recent/bans{v}", False),
}


def native(name, version):
    more, rules, policy, ban, _ = NATIVE[name]
    text = "table {ip} host {{ " + more + "\nchain input {{ type filter " \
        "hook input priority 0; policy " + policy + "; " + \
        ("icmpv6 type {{ 133-136 }} accept; " if version == 6 else "") + \
        "; ".join(rules) + "; }}\n}}"
    words = {"ip": "ip" if version == 4 else "ip6", "c": CLIENT[version],
             "t": "ipv4_addr" if version == 4 else "ipv6_addr"}
    return text.format(**words), ban.format(**words)


def iptables(name, version):
    rules, policy, ban, _ = IPTABLES[name]
    lines = ["*filter", ":INPUT %s [0:0]" % policy, ":bans - [0:0]"]
    if version == 6:
        lines += ["-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT"
                  % kind for kind in (133, 134, 135, 136)]
    lines += rules + ["COMMIT", ""]
    words = {"v": version, "c": CLIENT[version]}
    return "\n".join(lines).format(**words), ban.format(**words)


# All go to chain u, which lets in another, behind the rule for states: name ->
# rules there, does `open` let the client in?
OTHER = {4: "198.51.100.1", 6: "2001:db8:9::1"}
OPENED = {
    "drop": (["-A u -s {o} -j ACCEPT", "-A u -j DROP"], True),
    "drop in the next chain, some are answered": (
        ["-A u -s {o} -j ACCEPT", "-A u -g v",
         "-A v -m limit --limit 100/min -j REJECT", "-A v -j DROP"], True),
    "drop, and a ban": (["-A u -s {c} -j DROP", "-A u -s {o} -j ACCEPT",
                         "-A u -j DROP"], False),
}


def opened(name, version, untracked):
    lines = ["*filter", ":INPUT DROP [0:0]", ":u - [0:0]", ":v - [0:0]"]
    if version == 6:
        lines += ["-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT"
                  % kind for kind in (133, 134, 135, 136)]
    lines += [UNT if untracked else IPT_EST, "-A INPUT -j u"]
    return "\n".join(lines + OPENED[name][0] + ["COMMIT", ""]).format(
        c=CLIENT[version], o=OTHER[version])


def setUpModule():
    global PEER, HOST
    lab.require_ctpolicy()
    PEER, HOST = pair()
    for version in lab.VERSIONS:
        Server(HOST, version, 8080)


def served(patience):
    return [answers(PEER, version, 8080, patience)
            for version in lab.VERSIONS]


class Bans(unittest.TestCase):
    def tearDown(self):
        HOST.clear()

    def load(self, dialect, name):
        if dialect == "native":
            HOST.clear()
            for version in lab.VERSIONS:
                HOST.nft(native(name, version)[0])
            return
        HOST.clear()
        for version, family in ((4, "inet"), (6, "inet6")):
            HOST.run("ipset create bans%d hash:ip family %s" % (version,
                                                                family))
        dialects.load_more(HOST, dialect, lambda version: iptables(
            name, version)[0])

    def ban(self, dialect, name):
        for version in lab.VERSIONS:
            if dialect == "native":
                HOST.nft(native(name, version)[1])
                continue
            words = iptables(name, version)[1]
            if words[0] == "-":
                words = "ip%stables-%s %s" % (
                    "6" if version == 6 else "",
                    dialect.replace("iptables-", ""), words)
            HOST.run(words)

    def check(self, dialect, name, accept, may_refuse):
        self.load(dialect, name)
        self.assertEqual(served(5), [True, True], "before")
        code, said = HOST.ctpolicy("apply", POLICY % accept, "--backend",
                                   dialects.backend_of(dialect))
        if may_refuse and code == REFUSED:
            self.assertIn("[CT59", said)
            return
        self.assertEqual(code, 0, said)
        events = lab.NewEntries(HOST)
        self.assertEqual(served(5), [True, True], said)
        self.assertEqual(events.take(), [])
        events.close()
        self.ban(dialect, name)
        self.assertEqual(served(0.3), [False, False], said + HOST.run(
            "nft list ruleset; iptables-legacy-save"))
        # a state that only untracked packets have is none to be judged by
        if accept == "open" or "of states" in name:
            return
        said = HOST.apply(dialects.backend_of(dialect), POLICY % accept)
        self.assertEqual(served(0.3), [False, False], said)

    def test_bans(self):
        cases = [("native", name, row[-1]) for name, row in NATIVE.items()]
        cases += [(dialect, name, row[-1]) for name, row in IPTABLES.items()
                  for dialect in ("iptables-nft", "legacy")]
        for i, (dialect, name, may_refuse) in enumerate(cases):
            for k, accept in enumerate(("inherit", "open")):
                if (i + k) % EVERY or dialect not in dialects.here() or (
                        k and may_refuse is None):
                    continue
                with self.subTest(dialect=dialect, name=name, accept=accept):
                    self.check(dialect, name, accept, may_refuse)

    @unittest.skipUnless("native" in dialects.here(), "no nft")
    def test_states(self):
        """What a list of states that has a name comes to say of NEW is not
        met by untracked packets, and that is said; the next apply sees it."""
        for name in ("map of states", "set of states",
                     "map of states that leads on",
                     "map of states, where all else passes"):
            with self.subTest(name=name):
                self.load("native", name)
                code, said = HOST.ctpolicy("apply", POLICY % "inherit")
                self.assertEqual(code, 0, said)
                self.assertRegex(said, "may come to say of new packets: rule "
                                 r".*@bans.* \[CT591\]")
                self.assertEqual(served(5), [True, True], said)
                for version in lab.VERSIONS:
                    words = native(name, version)[1].split("untracked")
                    if "leads" in name:
                        HOST.nft("flush map %s host bans" % (
                            "ip" if version == 4 else "ip6"))
                    HOST.nft("new".join(words))
                code, said = HOST.ctpolicy("apply", POLICY % "inherit")
                self.assertEqual(code, 0, said)
                self.assertEqual(served(.3), [False, False], said)

    def check_opened(self, dialect, name, untracked):
        dialects.load(HOST, dialect, lambda version: opened(
            name, version, untracked))
        self.assertEqual(served(0.3), [False, False], "before")
        said = HOST.apply(dialects.backend_of(dialect), POLICY % "open")
        opens = OPENED[name][-1]
        self.assertIn("CT600", said)
        self.assertEqual(served(5 if opens else 0.3), [opens, opens], said)
        for version, ip in ((4, "ip"), (6, "ip6")):
            if dialect == "native":
                HOST.nft("insert rule %s host u %s saddr %s drop" % (
                    ip, ip, CLIENT[version]))
            else:
                HOST.run("%stables-%s -I u -s %s -j DROP" % (
                    ip, dialect.replace("iptables-", ""), CLIENT[version]))
        self.assertEqual(served(0.3), [False, False], said)

    def test_open(self):
        """All but bans are let in, wherever the host drops by default."""
        cases = [(dialect, name, untracked) for name in OPENED
                 for dialect in ("native", "iptables-nft", "legacy")
                 for untracked in (True, False)]
        for i, case in enumerate(cases):
            if i % EVERY or case[0] not in dialects.here():
                continue
            with self.subTest(case=case):
                self.check_opened(*case)

    def test_repeated(self):
        """What a rule does with new ones and lets them go on is done to untracked
        ones, in all its words: a set that bans are made of, a log."""
        fresh = "-A INPUT -p tcp -m tcp --dport 8080 -m conntrack --ctstate NEW "
        for dialect in [each for each in dialects.here() if each != "native"]:
            tool = dialect.replace("iptables-", "")
            with self.subTest(dialect=dialect):
                HOST.clear()
                for family in "inet", "inet6":
                    HOST.run("ipset create seen-%s hash:ip family %s" % (
                        family, family))
                dialects.load_more(HOST, dialect, lambda version: "\n".join([
                    "*filter", ":INPUT DROP [0:0]",
                    "-A INPUT -p ipv6-icmp -j ACCEPT" if version == 6 else "",
                    IPT_EST, fresh + "-j SET --add-set seen-inet%s src" %
                    ("6" * (version == 6)), fresh +
                    '-j LOG --log-prefix "seen: "', IPT_NEW, "COMMIT", ""]))
                code, said = HOST.ctpolicy(
                    "apply", POLICY % "inherit", "--backend",
                    dialects.backend_of(dialect))
                self.assertEqual(code, 0, said)
                self.assertEqual(served(5), [True, True], said)
                found = HOST.run("ipset save")
                for version, six in ((4, ""), (6, "6")):
                    self.assertIn("add seen-inet%s %s" % (
                        six, CLIENT[version]), found)
                    self.assertEqual(HOST.run("ip%stables-%s-save" % (
                        six, tool)).count('LOG --log-prefix "seen: "'), 2)

    def refuse(self, dialect, name, load, words):
        load()
        for more, code in (([], REFUSED), (["--force"], 0)):
            got, said = HOST.ctpolicy("apply", POLICY % "inherit", "--backend",
                                      dialects.backend_of(dialect), *more)
            self.assertEqual(got, code, name + said)
            for word in words:
                self.assertIn(word, said)

    def test_refused(self):
        """What no rule of ctpolicy's could do is named; so is a set that
        would no longer get what it does."""
        if "native" in dialects.here():
            for name, (more, rule, words) in REFUSALS.items():
                text = "table ip host { %s\nchain input { type filter hook " \
                    "input priority 0; policy drop; %s; %s; %s; }\n}" % (
                        more, rule, EST, NEW)
                with self.subTest(name=name):
                    self.refuse("native", name, lambda text=text: (
                        HOST.clear(), HOST.nft(text)), words)

    def load_masked(self, kind, bits, filled, more=""):
        """A ban of whole networks, in each family; and `more` of addresses."""
        HOST.clear()
        for version, ip in ((4, "ip"), (6, "ip6")):
            net = ipaddress.ip_interface("%s/%d" % (
                CLIENT[version], bits[version])).network
            banned = str(net[0]) + (" : drop" if kind == "map" else "")
            look = "vmap @bans" if kind == "map" else "@bans drop"
            HOST.nft("table %s host {\n%s bans { type ipv%d_addr%s; %s}\n"
                     "chain input {\ntype filter hook input priority 0; policy "
                     "drop;\n%s\nicmpv6 type { 133-136 } accept\n"
                     "ct state new %s saddr & %s %s\n%s%s\n}\n}\n" % (
                         ip, kind, version, " : verdict" * (kind == "map"),
                         "elements = { %s }" % banned if filled else "", EST,
                         ip, net.netmask, look, more.format(ip=ip), NEW))

    @unittest.skipUnless("native" in dialects.here(), "no nft")
    def test_masked(self):
        """A look at part of an address is repeated by nobody as one at the
        whole, whether it finds the client's today, or none."""
        for kind, bits, filled in (("set", {4: 24, 6: 64}, True),
                                   ("map", {4: 30, 6: 120}, True),
                                   ("set", {4: 30, 6: 120}, False),
                                   ("map", {4: 24, 6: 64}, False)):
            with self.subTest(kind=kind, bits=bits, filled=filled):
                self.load_masked(kind, bits, filled)
                patience, fares = .3 if filled else 5, [not filled] * 2
                self.assertEqual(served(patience), fares)
                code, said = HOST.ctpolicy("apply", POLICY % "inherit")
                self.assertEqual(code, REFUSED, said)
                self.assertIn("[CT591]", said)
                for mask in ({24: "255.255.255.0", 30: "255.255.255.252"}
                             [bits[4]], {64: "ffff:ffff:ffff:ffff::",
                                         120: "ffff:" * 7 + "ff00"}[bits[6]]):
                    self.assertIn("saddr & %s %s@bans" % (
                        mask, "vmap " * (kind == "map")), said)
                self.assertEqual(served(patience), fares)

    @unittest.skipUnless("native" in dialects.here(), "no nft")
    def test_masked_and_whole(self):
        """Where a rule asks for part, and one for all, the one that is
        repeated for all is not taken for the other."""
        for first in (True, False):
            whole = "ct state new {ip} saddr @bans drop\n"
            self.load_masked("set", {4: 24, 6: 64}, True, whole)
            code, said = HOST.ctpolicy("apply", POLICY % "inherit", "--force")
            self.assertEqual(code, 0, said)
            self.assertIn("are dropped today by rule 3", said)
            packets = ["tcp 192.0.2.2:40000 > 198.51.100.2:8080 syn",
                       "tcp [2001:db8:1::2]:40000 > [2001:db8:2::2]:8080 syn"]
            if not first:
                for version, ip in ((4, "ip"), (6, "ip6")):
                    HOST.nft("add element %s host bans { %s }" % (
                        ip, CLIENT[version]))
            self.assertEqual(served(5 if first else .3), [first] * 2, said)
            for packet in packets:
                told = HOST.run([lab.CTPOLICY, "explain", "--in", "s", packet])
                self.assertIn("untracked, accepted" if first else
                              "untracked, dropped by", told)


# name -> sets, a rule ahead of the rest, what is said of it
REFUSALS = {
    "part of an address": (
        "set bans { type ipv4_addr; }",
        "ct state new ip saddr & 255.255.0.0 @bans drop",
        ["[CT591]", "may come to ban", "@bans"]),
    "number of an interface": (
        "set bans { type iface_index . ipv4_addr; }",
        "ct state new iif . ip saddr @bans drop", ["[CT591]", "@bans"]),
    "hardware address": (
        "map bans { type ether_addr : verdict; }",
        "ct state new ether saddr vmap @bans", ["[CT591]", "@bans"]),
    "state in the key": (
        "set bans { type ct_state . ipv4_addr; }",
        "ct state . ip saddr @bans drop", ["[CT591]", "@bans"]),
    "who came": (
        "set seen { type ipv4_addr; size 999; flags dynamic; }",
        "ct state new add @seen { ip saddr }",
        ["[CT593]", "no longer change a set", "@seen"]),
}


if __name__ == "__main__":
    unittest.main()
