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
from conflicts import CLIENT, CONFLICTS, MISSES, ROUTER, SERVER  # noqa: E402,F401
import lab                                                  # noqa: E402
from traffic import Echo, tcp_exchange                      # noqa: E402

REFUSED = 14
PORT = 8080
EVERY = int(os.environ.get("CTPOLICY_EVERY", "1"))
HEAD = "version: 1\nstate_matching: allowed\n%suntracked:\n"
HOOKS = {
    "pre": "type nat hook prerouting priority dstnat",
    "out": "type nat hook output priority -100",
    "post": "type nat hook postrouting priority srcnat",
    "to": "type nat hook input priority 100",
    "in": "type filter hook input priority filter",
    "drop": "type filter hook input priority filter; policy drop",
    "early": "type filter hook prerouting priority mangle",
    "late": "type filter hook postrouting priority mangle",
    "raw": "type filter hook prerouting priority raw",
    "-": "",
}
SEVERAL = ("192.0.2.0-192.0.2.9", "2001:db8:1::-2001:db8:1::9")
DIALECTS = [d for d, backend, tool in (
    ("native", "nftables", "nft"),
    ("iptables-nft", "nftables", "iptables-nft-restore"),
    ("legacy", "iptables", "iptables-legacy-restore"))
    if backend in lab.BACKENDS and shutil.which(tool)]



def setUpModule():
    global LAB, ECHO
    lab.require_ctpolicy()
    LAB = lab.Lab()
    ECHO = {"server": Echo(LAB.server, PORT), "router": Echo(LAB.router, PORT)}


def fill_in(rule, version, native=False):
    """The addresses, with brackets where a port is behind."""
    def put(m):
        text = {"S": lab.address("server", version),
                "R": lab.address("router-c", version),
                "C": lab.address("client", version),
                "W": "203.0.113.77" if version == 4 else "2001:db8:9::77",
                "T": lab.address("router-s", version),
                "U": "198.51.100.0/24" if version == 4
                     else "2001:db8:2::/64",
                "B": ("198.51.100.0-198.51.100.9",
                      "2001:db8:2::-2001:db8:2::9")[version == 6],
                "V": "203.0.113.9" if version == 4 else "2001:db8:9::9",
                "N": "203.0.113.0/24" if version == 4 else "2001:db8:9::/64",
                "M": "192.0.2.0/24" if version == 4 else "2001:db8:1::/64",
                "O": "10.9.9.0/24" if version == 4 else "2001:db8:8::/64",
                "A": SEVERAL[version == 6]}[m[1]]
        if not m[2] or version == 4:
            return text + m[2]
        if m[1] in "AB" and native:
            text = text.replace("-", "]-[")
        return "[%s]%s" % (text, m[2])
    rule = re.sub(r"\b([SR])m(\d+)", lambda m: "%s . %s" % (lab.address(
        {"S": "server", "R": "router-c"}[m[1]], version), m[2]), rule)
    rule = re.sub(r"\b([SRVNMOACTUBW])((?::[-\d]+)?)(?=[\s,]|$)", put, rule)
    rule = rule.replace("ADDR", "ipv%d_addr" % version)
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
    chains, maps = {}, []
    for rule in rules:
        hook, text = fill_in(rule, version, True).split(" ", 1)
        if hook == "map":
            maps.append(" map %s { %s }\n" % tuple(text.split(" ", 1)))
        else:
            chains.setdefault(hook, []).append(text)
    return "table %s host {\n ct helper h { type \"ftp\" protocol tcp; }\n" \
        "%s%s}\n" % ("ip" if version == 4 else "ip6", "".join(maps), "".join(
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
