# SPDX-License-Identifier: GPL-2.0-or-later
"""NOTRACK rules made by hand become a policy that does the same: after
`import`, the rules removed and the policy applied, the services make no entry,
and everything else does. In native nftables, iptables-nft and legacy iptables,
for a server, a client, a router and on loopback.
"""
import os
import shutil
import sys

import lab
import tally
from traffic import Echo, tcp_exchange, udp_exchange

PORT, OTHER = 8080, 9090
NFT = """table inet own {
	set ports { type inet_service; elements = { %(port)d } }
	chain pre {
		type filter hook prerouting priority raw; policy accept;
		%(pre)s
	}
	chain out {
		type filter hook output priority raw; policy accept;
		%(out)s
	}
}
"""
SAVE = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:own-in - [0:0]
:own-out - [0:0]
-A PREROUTING -j own-in
-A OUTPUT -j own-out
%sCOMMIT
"""
# Connection tracking is at work, and a filter counts what it sees.
COUNTS = """table inet counts {
	chain in { type filter hook input priority filter; ct state new counter; }
	chain through { type filter hook forward priority filter; ct state new counter; }
	chain out { type filter hook output priority filter; ct state new counter; }
}
"""
# name -> (what the rules in PREROUTING and OUTPUT name, its roles)
KINDS = {
    "server": (("dport",), ("sport",), ["server"]),
    "one-way server": (("dport",), (), ["server"]),
    "client": (("sport",), ("dport",), ["client"]),
    "router": (("dport", "sport"), (), ["router"]),
}
DIALECTS = ["nft"] * ("nftables" in lab.BACKENDS) + \
    ["legacy", "iptables-nft"] * ("iptables" in lab.BACKENDS)
TOOLS = {"legacy": "ip%stables-legacy-restore",
         "iptables-nft": "ip%stables-nft-restore"}


def rules_nft(pre, out):
    line = "meta l4proto { tcp, udp } th %s @ports notrack"
    return NFT % {"port": PORT,
                  "pre": "\n\t\t".join(line % side for side in pre),
                  "out": "\n\t\t".join(line % side for side in out)}


def rules_save(pre, out):
    line = "-A own-%s -p %s -m %s --%s %d -j CT --notrack\n"
    return SAVE % "".join(
        line % (chain, proto, proto, side, PORT)
        for chain, sides in (("in", pre), ("out", out))
        for side in sides for proto in ("tcp", "udp"))


def load(space, dialect, pre, out):
    if dialect == "nft":
        space.nft(rules_nft(pre, out))
        return
    for version in lab.VERSIONS:
        space.run([TOOLS[dialect] % ("6" if version == 6 else "")],
                  rules_save(pre, out))


def unload(space, dialect):
    if dialect == "nft":
        space.nft("delete table inet own")
        return
    for version in lab.VERSIONS:
        space.run([TOOLS[dialect] % ("6" if version == 6 else "")],
                  "*raw\nCOMMIT\n")


def exchange(space, version, to, port):
    """TCP and UDP, with an answer."""
    ends = [end(space, version, to, port) for end in
            (tcp_exchange, udp_exchange)]
    tally.check(ends == ["ok", "ok"], "IPv%d to port %d:" % (version, port),
                ends)


def far(kind, there):
    """(who calls, where) of the connections that a kind of host sees."""
    if kind == "router":
        return [(there.client, "server")]
    if kind == "client":
        return [(there.router, "server")]
    return [(there.client, "router-c"), (there.router, None)]


def entries(kind, there, port):
    """What is tracked on the host while its connections are made."""
    heard = lab.NewEntries(there.router)
    for version in lab.VERSIONS:
        for space, to in far(kind, there):
            exchange(space, version, lab.address(to, version) if to else
                     lab.LOOPBACK[version], port)
    found = [e for e in heard.take(0.3) if e.startswith(("proto 6 ",
                                                        "proto 17 "))]
    heard.close()
    return found


def imported(space, what):
    policy = os.path.join(lab.WORK, "imported.yaml")
    made = space.run([lab.CTPOLICY, "import", "-q"])
    with open(policy, "w", encoding="utf-8") as out:
        out.write(made)
    space.run([lab.CTPOLICY, "check", "-q", policy])
    tally.check(made.count("\n  - name: ") == 1, what + ": one service", made)
    return made


def judge(there, dialect, kind):
    what = "%s, %s" % (dialect, kind)
    pre, out, roles = KINDS[kind]
    host = there.router
    there.clear()
    host.nft(COUNTS)
    load(host, dialect, pre, out)
    policy = imported(host, what)
    role = roles[0] if len(roles) == 1 else "[%s]" % ", ".join(roles)
    tally.check("\n    role: %s\n" % role in policy, what + ": the role",
                policy)
    tally.check(("the other is added" in policy) == kind.startswith("one-way"),
                what + ": what was added is said", policy)
    if kind.startswith("one-way"):
        tally.check(entries(kind, there, PORT), what + ": saved nothing before")
    unload(host, dialect)
    tally.check(entries(kind, there, PORT), what + ": tracked in between")
    for backend in lab.BACKENDS:
        host.apply(backend, policy, "--force")
        tally.check(not entries(kind, there, PORT),
                    "%s, then %s: no entry" % (what, backend))
        tally.check(entries(kind, there, OTHER),
                    "%s, then %s: the rest is tracked" % (what, backend))
        again = host.run([lab.CTPOLICY, "import"])
        tally.check("no NOTRACK rules on this host but ctpolicy's" in again,
                    "%s: ctpolicy's own rules are left out" % what, again)
        host.remove(backend)


def main():
    lab.require_ctpolicy()
    if not shutil.which("iptables-nft-restore") and "iptables-nft" in DIALECTS:
        DIALECTS.remove("iptables-nft")
    there = lab.Lab()
    nothing = there.router.run([lab.CTPOLICY, "import"])
    tally.check("no NOTRACK rules on this host: there is" in nothing,
                "a host without rules", nothing)
    for space in (there.router, there.server):
        for port in (PORT, OTHER):
            Echo(space, port)
    for dialect in DIALECTS:
        for kind in KINDS:
            tally.case("%s, %s" % (dialect, kind), judge, there, dialect, kind)
    tally.end()


sys.exit(main())
