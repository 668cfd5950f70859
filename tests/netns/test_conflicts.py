# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a host's rules does not go with untracked packets is refused by name,
in each dialect; what only looks like it is not, and the service is then served
without an entry.

A router in the middle of client and server runs the service, asks for it, or
passes it on."""
import os
import re
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from traffic import Echo, tcp_exchange                      # noqa: E402

REFUSED = 14
PORT = 8080
EVERY = int(os.environ.get("CTPOLICY_EVERY", "1"))
HEAD = "version: 1\nstate_matching: allowed\n%suntracked:\n"
SERVER = "  - {name: svc, role: server, protocol: tcp, ports: [8080]}\n"
CLIENT = "  - {name: svc, role: client, protocol: tcp, ports: [8080]}\n"
ROUTER = "  - {name: svc, role: router, protocol: tcp, ports: [8080]}\n"
OPEN = ("  - {name: svc, role: client, protocol: udp, ports: [8080], "
        "reply_guard: none}\n")
MEDIA = "  - {name: svc, role: server, protocol: tcp, ports: [49152-65535]}\n"
TUNNEL = "  - {name: svc, role: server, protocol: gre}\n"
STATES = ["filter INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"]
HOOKS = {
    "pre": "type nat hook prerouting priority dstnat",
    "out": "type nat hook output priority -100",
    "post": "type nat hook postrouting priority srcnat",
    "in": "type filter hook input priority filter",
    "drop": "type filter hook input priority filter; policy drop",
    "early": "type filter hook prerouting priority mangle",
    "late": "type filter hook postrouting priority mangle",
    "raw": "type filter hook prerouting priority raw",
    "-": "",
}
DIALECTS = [d for d, backend, tool in (
    ("native", "nftables", "nft"),
    ("iptables-nft", "nftables", "iptables-nft-restore"),
    ("legacy", "iptables", "iptables-legacy-restore"))
    if backend in lab.BACKENDS and shutil.which(tool)]

# name, policy, id, what its rule says, rules of iptables, and of nft.
# S and R are the addresses of the server and of the router, S:80 with a port,
# V is nobody's, N its network M the router's, O another, A some addresses with R.
SEVERAL = ("192.0.2.0-192.0.2.9", "2001:db8:1::-2001:db8:1::9")
CONFLICTS = [
    ("the port is led to another host", SERVER, "CT592", "8080",
     ["nat PREROUTING -p tcp --dport 8080 -j DNAT --to-destination S:9090"],
     ["pre tcp dport 8080 dnat FAM to S:9090"]),
    ("the port is led to another port", SERVER, "CT592", "8080",
     ["nat PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 9090"],
     ["pre tcp dport 8080 redirect to :9090"]),
    ("another port is led to it", SERVER, "CT592", "8080",
     ["nat PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080"],
     ["pre tcp dport 80 redirect to :8080"]),
    ("one of many ports is led to it", SERVER, "CT592", "8075-8085",
     ["nat PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8075-8085"],
     ["pre tcp dport 80 redirect to :8075-8085"]),
    ("another port of this host's own address", SERVER, "CT592", "R",
     ["nat PREROUTING -p tcp --dport 80 -j DNAT --to-destination R:8080"],
     ["pre tcp dport 80 dnat FAM to R:8080"]),
    ("every port of another address is led to this host", SERVER, "CT592", "R",
     ["nat PREROUTING -d V -j DNAT --to-destination R"],
     ["pre FAM daddr V dnat FAM to R"]),
    ("a network is mapped onto this host's", SERVER, "CT592", "NETMAP|dnat",
     ["nat PREROUTING -d N -j NETMAP --to M"],
     ["pre FAM daddr N dnat FAM to M"]),
    ("this host is one of several that a port is led to", SERVER, "CT592",
     "dnat|DNAT",
     ["nat PREROUTING -p tcp --dport 80 -j DNAT --to-destination A:8080"],
     ["pre tcp dport 80 dnat FAM to A:8080"]),
    ("led by a map", SERVER, "CT592", "dnat|DNAT",
     ["nat PREROUTING -p tcp --dport 80 -j DNAT --to-destination R:8080"],
     ["pre dnat FAM to tcp dport map { 80 : Rm8080 }"]),
    ("the first of two that may be led to it", SERVER, "CT592", "8080",
     ["nat PREROUTING -p tcp --dport 80 -m statistic --mode random "
      "--probability 0.5 -j REDIRECT --to-ports 8080",
      "nat PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 9090"],
     ["pre tcp dport 80 numgen random mod 2 == 0 redirect to :8080",
      "pre tcp dport 80 redirect to :9090"]),
    ("a port of this host with itself is led to it", SERVER, "CT592", "8080",
     ["nat OUTPUT -o lo -p tcp --dport 80 -j REDIRECT --to-ports 8080"],
     ["out oifname \"lo\" tcp dport 80 redirect to :8080"]),
    ("addresses are mapped", SERVER, "CT592", "NETMAP|dnat",
     ["nat PREROUTING -d R -j NETMAP --to S"],
     ["pre FAM daddr R dnat FAM to S"]),
    ("led to a server behind a router", ROUTER, "CT592", "8080",
     ["nat PREROUTING -p tcp --dport 80 -j DNAT --to-destination S:8080"],
     ["pre tcp dport 80 dnat FAM to S:8080"]),
    ("forwarded connections are masqueraded", ROUTER, "CT592", "(?i)masq",
     ["nat POSTROUTING -o tos -j MASQUERADE"],
     ["post oifname \"tos\" masquerade"]),
    ("they have another source", ROUTER, "CT592", "(?i)snat",
     ["nat POSTROUTING -o tos -j SNAT --to-source R"],
     ["post oifname \"tos\" snat FAM to R"]),
    ("nobody asks for sockets", OPEN, "CT304", "(?i)masq",
     ["nat POSTROUTING -o tos -j MASQUERADE"],
     ["post oifname \"tos\" masquerade"]),
    ("ports that others send from", MEDIA, "CT302", "(?i)masq",
     ["nat POSTROUTING -o tos -j MASQUERADE"],
     ["post oifname \"tos\" masquerade"]),
    ("a protocol without sockets", TUNNEL, "CT303", "(?i)masq",
     ["nat POSTROUTING -o tos -j MASQUERADE"],
     ["post oifname \"tos\" masquerade"]),
    ("what this host asks goes elsewhere", CLIENT, "CT592", "9090",
     ["nat OUTPUT -p tcp --dport 8080 -j DNAT --to-destination S:9090"],
     ["out tcp dport 8080 dnat FAM to S:9090"]),
    ("what this host asks stays here", CLIENT, "CT592", "9090",
     ["nat OUTPUT -p tcp --dport 8080 -j REDIRECT --to-ports 9090"],
     ["out tcp dport 8080 redirect to :9090"]),
    ("answers to what is untracked already", SERVER, "CT592", "9090",
     ["raw PREROUTING -p tcp --dport 8080 -j CT --notrack",
      "nat OUTPUT -p tcp --sport 8080 -j REDIRECT --to-ports 9090"],
     ["raw tcp dport 8080 notrack",
      "out tcp sport 8080 redirect to :9090"]),
    ("a published port of docker's", SERVER, "CT592", "DOCKER",
     ["nat PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
      "nat DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT "
      "--to-destination S:80"],
     ["pre fib daddr type local jump DOCKER",
      "-DOCKER iifname != \"docker0\" tcp dport 8080 dnat FAM to S:80"]),
    ("a service of kube-proxy's", CLIENT, "CT592", "KUBE-SEP",
     ["nat OUTPUT -j KUBE-SERVICES",
      "nat KUBE-SERVICES -d V -p tcp --dport 8080 -j KUBE-SEP",
      "nat KUBE-SEP -p tcp -j DNAT --to-destination S:8080"],
     ["out jump KUBE-SERVICES",
      "-KUBE-SERVICES FAM daddr V tcp dport 8080 jump KUBE-SEP",
      "-KUBE-SEP meta l4proto tcp dnat FAM to S:8080"]),
    ("a helper reads along", SERVER, "CT593", "ftp|\"h\"",
     ["raw PREROUTING -p tcp --dport 8080 -j CT --helper ftp"],
     ["early tcp dport 8080 ct helper set \"h\""]),
    ("handshakes are answered for it", SERVER, "CT593", "(?i)synproxy",
     ["filter INPUT -p tcp --dport 8080 -m conntrack --ctstate "
      "NEW,INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 "
      "--mss 1460"],
     ["in tcp dport 8080 ct state new,invalid,untracked "
      "synproxy mss 1460 wscale 7 timestamp sack-perm"]),
    ("its connections are counted", SERVER, "CT593", "connlimit|ct count",
     ["filter INPUT -p tcp --dport 8080 -m connlimit --connlimit-above 20 "
      "-j DROP"],
     ["in tcp dport 8080 ct count over 20 drop"]),
    ("bytes of its connections are counted", SERVER, "CT593", "100000|ct",
     ["filter INPUT -p tcp --dport 8080 -m connbytes --connbytes 100000 "
      "--connbytes-dir both --connbytes-mode bytes -j DROP"],
     ["in tcp dport 8080 ct bytes > 100000 drop"]),
    ("the mark of its connections is asked for", SERVER, "CT593", "0x7",
     ["filter INPUT -p tcp --dport 8080 -m connmark --mark 0x7 -j DROP"],
     ["in tcp dport 8080 ct mark 0x7 drop"]),
    ("their first destination is asked for", SERVER, "CT590", "policy",
     ["filter :INPUT DROP", *STATES,
      "filter INPUT -m conntrack --ctorigdst R -j ACCEPT",
      "filter INPUT -p ipv6-icmp -j ACCEPT"],
     ["drop ct state established,related accept",
      "drop ct original FAM daddr R accept",
      "drop meta l4proto ipv6-icmp accept"]),
]
MISSES = [
    ("another port", SERVER,
     ["nat PREROUTING -p tcp --dport 81 -j DNAT --to-destination S:8080"],
     ["pre tcp dport 81 dnat FAM to S:8080"]),
    ("another interface", SERVER,
     ["nat PREROUTING -i tos -p tcp --dport 8080 -j DNAT --to-destination "
      "S:9090"],
     ["pre iifname \"tos\" tcp dport 8080 dnat FAM to S:9090"],
     "interfaces: [toc]"),
    ("another address", SERVER,
     ["nat PREROUTING -d V -p tcp --dport 8080 -j DNAT --to-destination "
      "S:9090"],
     ["pre FAM daddr V tcp dport 8080 dnat FAM to S:9090"]),
    ("another protocol", SERVER,
     ["nat PREROUTING -p udp --dport 8080 -j REDIRECT --to-ports 9090"],
     ["pre udp dport 8080 redirect to :9090"]),
    ("a chain that nobody calls", SERVER,
     ["nat LONELY -p tcp --dport 8080 -j REDIRECT --to-ports 9090"],
     ["-LONELY tcp dport 8080 redirect to :9090"]),
    ("behind a rule that accepts", SERVER,
     ["nat PREROUTING -p tcp --dport 8080 -j ACCEPT",
      "nat PREROUTING -p tcp --dport 8000:9000 -j REDIRECT --to-ports 9090"],
     ["pre tcp dport 8080 accept",
      "pre tcp dport 8000-9000 redirect to :9090"]),
    ("another port of loopback alone", SERVER,
     ["nat OUTPUT -o lo -p tcp --dport 81 -j REDIRECT --to-ports 9090"],
     ["out oifname \"lo\" tcp dport 81 redirect to :9090"]),
    ("a network is mapped onto another's", SERVER,
     ["nat PREROUTING -d N -j NETMAP --to O"],
     ["pre FAM daddr N dnat FAM to O"]),
    ("another port of several hosts", SERVER,
     ["nat PREROUTING -p tcp --dport 80 -j DNAT --to-destination A:9090"],
     ["pre tcp dport 80 dnat FAM to A:9090"]),
    ("the first of two leads to another port", SERVER,
     ["nat PREROUTING -p tcp --dport 80 -m statistic --mode random "
      "--probability 0.5 -j REDIRECT --to-ports 9091",
      "nat PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 9090"],
     ["pre tcp dport 80 numgen random mod 2 == 0 redirect to :9091",
      "pre tcp dport 80 redirect to :9090"]),
    ("what was translated is dropped, and this is not", SERVER,
     ["filter INPUT -m conntrack --ctstate DNAT -j DROP"],
     ["in ct status dnat drop"]),
    ("led to another port", SERVER,
     ["nat PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 9090"],
     ["pre tcp dport 80 redirect to :9090"]),
    ("led to the other side of the range", SERVER,
     ["nat PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8081-8090"],
     ["pre tcp dport 80 redirect to :8081-8090"]),
    ("led to another port of a server behind", ROUTER,
     ["nat PREROUTING -p tcp --dport 80 -j DNAT --to-destination S:9090"],
     ["pre tcp dport 80 dnat FAM to S:9090"]),
    ("led out of the service of a client", CLIENT,
     ["nat PREROUTING -p tcp --dport 8080 -j REDIRECT --to-ports 9090"],
     ["pre tcp dport 8080 redirect to :9090"]),
    ("others are masqueraded, a server", SERVER,
     ["nat POSTROUTING -o tos -j MASQUERADE"],
     ["post oifname \"tos\" masquerade"]),
    ("others are masqueraded, a client", CLIENT,
     ["nat POSTROUTING -o tos -j MASQUERADE"],
     ["post oifname \"tos\" masquerade"]),
    ("masqueraded elsewhere", ROUTER,
     ["nat POSTROUTING -o wan -j MASQUERADE"],
     ["post oifname \"wan\" masquerade"],
     "interfaces: [toc, tos]"),
    ("another port is masqueraded", ROUTER,
     ["nat POSTROUTING -o tos -p tcp --dport 22 -j MASQUERADE"],
     ["post oifname \"tos\" tcp dport 22 masquerade"]),
    ("masqueraded from other ports", MEDIA,
     ["nat POSTROUTING -o tos -p tcp -j MASQUERADE --to-ports 1024-32767"],
     ["post oifname \"tos\" meta l4proto tcp masquerade to :1024-32767"]),
    ("another protocol is masqueraded", TUNNEL,
     ["nat POSTROUTING -o tos -p tcp -j MASQUERADE"],
     ["post oifname \"tos\" meta l4proto tcp masquerade"]),
    ("what this host asks of another port", CLIENT,
     ["nat OUTPUT -p tcp --dport 81 -j DNAT --to-destination S:9090"],
     ["out tcp dport 81 dnat FAM to S:9090"]),
    ("another published port of docker's", SERVER,
     ["nat PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
      "nat DOCKER ! -i docker0 -p tcp --dport 8081 -j DNAT "
      "--to-destination S:8080"],
     ["pre fib daddr type local jump DOCKER",
      "-DOCKER iifname != \"docker0\" tcp dport 8081 dnat FAM to S:8080"]),
    ("a helper of another port", SERVER,
     ["raw PREROUTING -p tcp --dport 21 -j CT --helper ftp"],
     ["early tcp dport 21 ct helper set \"h\""]),
    ("handshakes of another port", SERVER,
     ["filter INPUT -p tcp --dport 22 -m conntrack --ctstate "
      "INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 "
      "--mss 1460"],
     ["in tcp dport 22 ct state invalid,untracked "
      "synproxy mss 1460 wscale 7 timestamp sack-perm"]),
    ("connections of another port are counted", SERVER,
     ["filter INPUT -p tcp --dport 22 -m connlimit --connlimit-above 20 "
      "-j DROP"],
     ["in tcp dport 22 ct count over 20 drop"]),
    ("bytes of another port's connections", SERVER,
     ["filter INPUT -p tcp --dport 22 -m connbytes --connbytes 100000 "
      "--connbytes-dir both --connbytes-mode bytes -j DROP"],
     ["in tcp dport 22 ct bytes > 100000 drop"]),
    ("the mark of another port's connections", SERVER,
     ["filter INPUT -p tcp --dport 22 -m connmark --mark 0x7 -j DROP"],
     ["in tcp dport 22 ct mark 0x7 drop"]),
    ("all other states are dropped early", SERVER,
     ["mangle PREROUTING -m conntrack ! --ctstate NEW,ESTABLISHED,RELATED "
      "-j DROP"],
     ["early ct state != { new, established, related } drop"]),
    ("all other states are dropped late", SERVER,
     ["mangle POSTROUTING -m conntrack ! --ctstate NEW,ESTABLISHED,RELATED "
      "-j DROP"],
     ["late ct state != { new, established, related } drop"]),
    ("all other states of another port", SERVER,
     ["mangle PREROUTING -p tcp --dport 22 -m conntrack ! --ctstate "
      "NEW,ESTABLISHED,RELATED -j DROP"],
     ["early tcp dport 22 ct state != { new, established, related } drop"]),
]


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    Echo(LAB.server, PORT)
    Echo(LAB.router, PORT)


def fill_in(rule, version, native=False):
    """The addresses, with brackets where a port is behind."""
    def put(m):
        text = {"S": lab.address("server", version),
                "R": lab.address("router-c", version),
                "V": "203.0.113.9" if version == 4 else "2001:db8:9::9",
                "N": "203.0.113.0/24" if version == 4 else "2001:db8:9::/64",
                "M": "192.0.2.0/24" if version == 4 else "2001:db8:1::/64",
                "O": "10.9.9.0/24" if version == 4 else "2001:db8:8::/64",
                "A": SEVERAL[version == 6]}[m[1]]
        if not m[2] or version == 4:
            return text + m[2]
        if m[1] == "A" and native:
            text = text.replace("-", "]-[")
        return "[%s]%s" % (text, m[2])
    rule = rule.replace("Rm8080", lab.address("router-c", version) +
                        " . 8080")
    rule = re.sub(r"\b([SRVNMOA])((?::\d+)?)(?=\s|$)", put, rule)
    return rule.replace("FAM", "ip" if version == 4 else "ip6")


def saved(rules, version):
    """As iptables-save has them."""
    tables = {}
    for rule in rules:
        if "ipv6-icmp" in rule and version == 4:
            continue
        table, rest = fill_in(rule, version).split(" ", 1)
        chains, lines = tables.setdefault(table, ({}, []))
        if rest.startswith(":"):
            chains[rest[1:].split()[0]] = rest.split()[1]
            continue
        chain = rest.split()[0]
        chains.setdefault(chain, "ACCEPT" if chain in (
            "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
            else "-")
        lines.append("-A " + rest)
    return "".join("*%s\n%s%s\nCOMMIT\n" % (
        name, "".join(":%s %s [0:0]\n" % c for c in chains.items()),
        "\n".join(lines)) for name, (chains, lines) in tables.items())


def native(rules, version):
    chains = {}
    for rule in rules:
        hook, text = fill_in(rule, version, True).split(" ", 1)
        chains.setdefault(hook, []).append(text)
    return "table %s host {\n ct helper h { type \"ftp\" protocol tcp; }\n%s}\n" \
        % ("ip" if version == 4 else "ip6", "".join(
            " chain %s {\n  %s%s\n  %s\n }\n" % (
                name.lstrip("-") if name[0] == "-" else "c_" + name,
                "" if name[0] == "-" else HOOKS[name],
                "" if name[0] == "-" else ";", "\n  ".join(lines))
            for name, lines in sorted(chains.items(), reverse=True)))


def load(dialect, ipt, nft):
    LAB.router.clear()
    for version in lab.VERSIONS:
        if dialect == "native":
            text = native(nft, version)
            if "ct helper set" not in text:
                text = re.sub(" ct helper .*\n", "", text)
            LAB.router.nft(text)
        elif dialect == "legacy":
            LAB.router.legacy(version, saved(ipt, version))
        else:
            LAB.router.run(["ip%stables-nft-restore" % (
                "" if version == 4 else "6")], saved(ipt, version))


def backend_of(dialect):
    return "iptables" if dialect == "legacy" else "nftables"


def policy_of(service, more="", families=""):
    return HEAD % families + (service.replace("}", ", %s}" % more) if more
                              else service)


def sampled(cases):
    """With CTPOLICY_EVERY=3 a third in each dialect, all in the end."""
    for i, dialect in enumerate(DIALECTS):
        for k, case in enumerate(cases):
            if (i + k) % EVERY == 0:
                yield dialect, case


def served(service):
    """Where the service is used, and to whom."""
    space = LAB.router if "role: client" in service else LAB.client
    to = "server" if "role: server" not in service else "router-c"
    return [tcp_exchange(space, version, lab.address(to, version), PORT,
                         timeout=3) for version in lab.VERSIONS]


class Conflicts(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def test_refused_by_name(self):
        for dialect, (name, service, number, text, ipt, nft) in \
                sampled(CONFLICTS):
            with self.subTest(dialect=dialect, conflict=name):
                load(dialect, ipt, nft)
                code, said = LAB.router.ctpolicy(
                    "diff", policy_of(service), "--backend",
                    backend_of(dialect))
                self.assertEqual(code, REFUSED, said)
                lines = [line for line in said.splitlines()
                         if "[%s]" % number in line and "error:" in line]
                self.assertTrue(lines, said)
                self.assertRegex(lines[0], r"policy\.yaml:\d+:\d+: error: ")
                self.assertRegex(lines[0], r"\bsvc\b")
                text = text.replace("R", re.escape(
                    lab.address("router-c", 4))) if text == "R" else text
                self.assertRegex(lines[0], "(rule|policy) .*of chain .*")
                self.assertRegex(lines[0], text)
                self.assertIn("override: [", said)

    def test_near_misses(self):
        events = lab.NewEntries(LAB.router)
        self.addCleanup(events.close)
        for dialect, (name, service, ipt, nft, *more) in sampled(MISSES):
            with self.subTest(dialect=dialect, miss=name):
                load(dialect, ipt, nft)
                code, said = LAB.router.ctpolicy(
                    "apply", policy_of(service, *more), "--backend",
                    backend_of(dialect))
                self.assertEqual(code, 0, said)
                self.assertNotRegex(said, r"(error|warning): ")
                if "8080" in service:
                    events.take(0)
                    self.assertEqual(served(service), ["ok", "ok"])
                    self.assertEqual(events.take(), [])
                LAB.router.remove(backend_of(dialect))

    def test_another_family(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                LAB.router.clear()
                name, service, _, _, ipt, nft = CONFLICTS[0]
                if dialect == "native":
                    LAB.router.nft(re.sub(" ct helper .*\n", "",
                                          native(nft, 4)))
                elif dialect == "legacy":
                    LAB.router.legacy(4, saved(ipt, 4))
                else:
                    LAB.router.run(["iptables-nft-restore"], saved(ipt, 4))
                for family, want in (("ipv4", REFUSED), ("ipv6", 0)):
                    code, said = LAB.router.ctpolicy(
                        "diff", policy_of(service, families="families: "
                                          "[%s]\n" % family),
                        "--backend", backend_of(dialect))
                    self.assertEqual(code == REFUSED, want == REFUSED, said)


if __name__ == "__main__":
    unittest.main()
