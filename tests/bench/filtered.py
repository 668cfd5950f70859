# SPDX-License-Identifier: GPL-2.0-or-later
"""What a packet pays on a host of 1,000 own rules a chain: tracked, and
untracked on the same rules, by ctpolicy and by hand: the same NOTRACK rules in
a row, and one rule that accepts all that is untracked ahead of the host's. That
lets in more than ctpolicy does, and shows what can be reached.

Every host is a namespace between two others: `near`, whom it serves and asks,
and `far`, whom it routes to. All of them are measured in turns, so that every
figure comes from the same minutes; what is compared is a whole packet, its
sending and receiving included.
"""
import shutil

import lab

OWN_RULES = 1000
MANY = 10000
ROUNDS, MILLISECONDS = 20, 3
SLACK = 1.05			# what two equal hosts may differ by
# name of a dialect -> what loads a saved table in it, and the backend
DIALECTS = {
    "nft": ("nftables", "iptables-restore-translate"),
    "iptables-nft": ("nftables", "iptables-nft-restore"),
    "iptables-legacy": ("iptables", "iptables-legacy-restore"),
}
# who speaks: (caller, its port, callee, its port), `>` the caller or `<`, what
TALKS = (
    ("udp, server: requests in", "udp", ">", ("near", 40001, "host", 53)),
    ("udp, server: answers out", "udp", "<", ("near", 40001, "host", 53)),
    ("udp, client: requests out", "udp", ">", ("host", 40002, "near", 123)),
    ("udp, client: answers in", "udp", "<", ("host", 40002, "near", 123)),
    ("udp, router: requests", "udp", ">", ("near", 40003, "far", 5060)),
    ("udp, router: answers", "udp", "<", ("near", 40003, "far", 5060)),
    ("tcp, server", "tcp", ">", ("near", 0, "host", 80)),
    ("tcp, client", "tcp", ">", ("host", 0, "near", 443)),
    ("tcp, router", "tcp", ">", ("near", 0, "far", 8080)),
)
OTHERS = ("udp of nobody", "udp", ">", ("near", 40004, "host", 7))
HEAD = """version: 1
state_matching: allowed
untracked:
"""
SERVICES = """\
  - {name: dns, role: server, protocol: udp, ports: [53], accept: %s}
  - {name: ntp, role: client, protocol: udp, ports: [123], accept: %s}
  - {name: sip, role: router, protocol: udp, ports: [5060], accept: %s}
  - {name: web, role: server, protocol: tcp, ports: [80], accept: %s}
  - {name: api, role: client, protocol: tcp, ports: [443], accept: %s}
  - {name: proxy, role: router, protocol: tcp, ports: [8080], accept: %s}
"""
ACCEPTS = ("-p udp -m multiport --dports 7,53,123,5060",
           "-p udp -m udp --dport 10000:30000",
           "-p tcp -m multiport --dports 80,443,8080")


def policy(accept, services):
    more = "".join("  - {name: s%d, role: server, protocol: udp, ports: "
                   "[%d], accept: %%s}\n" % (i, 10001 + 2 * i)
                   for i in range(services - 6))
    return lab.write("filtered.yaml",
                     HEAD + (SERVICES + more).replace("%s", accept))


def rules(version, bans):
    """A thousand rules behind the one by state: they accept others, or ban."""
    lines = ["*filter"]
    chains = ("INPUT", "FORWARD", "OUTPUT")
    lines += [":%s DROP [0:0]" % c for c in chains]
    state = "-m conntrack --ctstate"
    for chain in chains:
        lines += ["-A %s %s RELATED,ESTABLISHED -j ACCEPT" % (chain, state),
                  "-A %s %s INVALID -j DROP" % (chain, state)]
        if version == 6:
            lines.append("-A %s -p ipv6-icmp -j ACCEPT" % chain)
        for i in range(OWN_RULES):
            source = ("10.%d.%d.%d" if version == 4 else "fd00::%x:%x:%x") % (
                i >> 16, i >> 8 & 255, i & 255)
            lines.append(
                "-A %s -s %s -j DROP" % (chain, source) if bans else
                "-A %s -s %s -p %s --dport %d %s NEW -j ACCEPT" % (
                    chain, source, ("tcp", "udp")[i % 2], 1000 + i, state))
        lines += ["-A %s %s %s NEW -j ACCEPT" % (chain, a, state)
                  for a in ACCEPTS]
    return "\n".join(lines + ["COMMIT"]) + "\n"


# The NOTRACK rules of the services above: (hook, protocol, port's side, port,
# whose address)
BY_HAND = tuple(
    (hook, proto, side, port, whose)
    for proto, server, client, router in (("udp", 53, 123, 5060),
                                          ("tcp", 80, 443, 8080))
    for hook, side, port, whose in (
        ("PREROUTING", "dport", server, "local"),
        ("PREROUTING", "sport", client, "local"),
        ("PREROUTING", "dport", router, "transit"),
        ("PREROUTING", "sport", router, "transit"),
        ("OUTPUT", "sport", server, ""), ("OUTPUT", "dport", client, "")))
NFT_WHOSE = {"local": "fib daddr type local", "transit":
             "fib daddr type unicast", "": ""}
XT_WHOSE = {"local": "-m addrtype --dst-type LOCAL", "transit":
            "-m addrtype --dst-type UNICAST", "": ""}


def take_out_by_hand(ns, dialect):
    """By the tools that the host's rules are made with; raw by nft for both
    dialects that ctpolicy has a table of nft for."""
    if DIALECTS[dialect][0] == "nftables":
        lab.inside(ns, "nft", "-f", "-", text="table inet hand {\n%s}\n" %
                   "".join("\tchain %s {\n\t\ttype filter hook %s priority "
                           "raw;\n%s\t}\n" % (hook, hook.lower(), "".join(
                               "\t\t%s %s %d %s notrack accept\n" % (
                                   proto, side, port, NFT_WHOSE[whose])
                               for h, proto, side, port, whose in BY_HAND
                               if h == hook))
                           for hook in ("PREROUTING", "OUTPUT")))
    raw = "" if DIALECTS[dialect][0] == "nftables" else "*raw\n%sCOMMIT\n" % (
        "".join("-A %s -p %s --%s %d %s -j CT --notrack\n" % (
            hook, proto, side, port, XT_WHOSE[whose])
            for hook, proto, side, port, whose in BY_HAND))
    for version in (4, 6):
        family = "ip" if version == 4 else "ip6"
        for chain in ("INPUT", "FORWARD", "OUTPUT"):
            if dialect == "nft":
                lab.inside(ns, "nft", "insert", "rule", family, "host", chain,
                           "ct", "state", "untracked", "accept")
        if dialect != "nft":
            lab.inside(ns, DIALECTS[dialect][1].replace("ip", family, 1),
                       "--noflush", text=raw + "*filter\n%sCOMMIT\n" %
                       "".join("-I %s -m conntrack --ctstate UNTRACKED -j "
                               "ACCEPT\n" % c
                               for c in ("INPUT", "FORWARD", "OUTPUT")))


def load(ns, dialect, bans):
    tool = DIALECTS[dialect][1]
    for version in (4, 6):
        here = tool if version == 4 else tool.replace("ip", "ip6", 1)
        if not here.endswith("-translate"):
            lab.inside(ns, here, text=rules(version, bans))
            continue
        text = lab.run(here, "-f", "/dev/stdin", text=rules(version, bans))
        family = "ip" if version == 4 else "ip6"
        lab.inside(ns, "nft", "-f", "-", text=text.replace(
            " %s filter" % family, " %s host" % family))


class Road:
    """Hosts between `near` and `far`, each with two cables of its own."""
    def __init__(self):
        self.n = 0
        for ns in ("near", "far"):
            lab.run("ip", "netns", "add", ns)

    def add(self):
        i, ns = self.n, "host-%d" % self.n
        self.n += 1
        lab.run("ip", "netns", "add", ns)
        for end, net in (("near", 99), ("far", 98)):
            lab.run("ip", "-n", end, "link", "add", "v%d" % i, "type", "veth",
                    "peer", "name", end, "netns", ns)
            for where, dev, last in ((end, "v%d" % i, 1), (ns, end, 2)):
                for a in ("10.%d.%d.%d/24", "fd%d:%d::%d/64"):
                    lab.run("ip", "-n", where, "address", "add",
                            a % (net, i, last), "dev", dev,
                            *(("nodad",) if ":" in a else ()))
                lab.run("ip", "-n", where, "link", "set", dev, "up")
        for end, net, other in (("near", 98, 99), ("far", 99, 98)):
            for a, via in (("10.%d.%d.0/24", "10.%d.%d.2"),
                           ("fd%d:%d::/64", "fd%d:%d::2")):
                lab.run("ip", "-n", end, "route", "add", a % (net, i), "via",
                        via % (other, i))
        lab.inside(ns, "sysctl", "-qw", "net.ipv4.ip_forward=1",
                   "net.ipv6.conf.all.forwarding=1")
        return i

    @staticmethod
    def talk(i, version, kind):
        _, proto, way, (caller, cport, callee, port) = kind
        spaces = {"host": "host-%d" % i}
        net, last = {"near": (99, 1), "far": (98, 1)}.get(callee, (99, 2))
        address = ("10.%d.%d.%d" if version == 4 else "fd%d:%d::%d") % (
            net, i, last)
        return ",".join(map(str, (
            way, proto, spaces.get(caller, caller), cport,
            spaces.get(callee, callee), address, port)))


def host(road, dialect, accept=None, services=6, bans=False):
    i = road.add()
    ns = "host-%d" % i
    load(ns, dialect, bans)
    if accept == "by hand":
        take_out_by_hand(ns, dialect)
    elif accept:
        lab.inside(ns, lab.CTPOLICY, "apply", "-q",
                   policy(accept, services), "--backend",
                   DIALECTS[dialect][0])
    return i


WAYS = (("tracked", None, 0), ("inherit", "inherit", 6),
        ("of %d" % MANY, "inherit", MANY), ("open", "open", 6),
        ("by hand", "by hand", 0))


def measure(talks):
    text = lab.run(lab.helper("talker"), str(ROUNDS), str(MILLISECONDS),
                   *talks)
    return [float(x) for x in text.split()]


def rows_of(road, dialect):
    hosts = {name: host(road, dialect, accept, services)
             for name, accept, services in WAYS}
    keys = [(v, kind, name) for v in (4, 6) for kind in TALKS + (OTHERS,)
            for name in hosts]
    got = dict(zip(keys, measure([road.talk(hosts[name], v, kind)
                                  for v, kind, name in keys])))
    return {("IPv%d, %s" % (v, kind[0])): [got[v, kind, name]
                                          for name in hosts]
            for v in (4, 6) for kind in TALKS + (OTHERS,)}


def show(dialect, rows):
    table = [[what] + ["%.0f" % ns for ns in row] +
             ["%.2f" % (ns / row[0] if row[0] else 0) for ns in row[1:]]
             for what, row in rows.items()]
    names = [name for name, _, _ in WAYS]
    lab.table("A packet, %s, %d rules of the host's in each chain: ns of all "
              "its way, and in proportion" % (dialect, OWN_RULES),
              ["packet"] + names + [n + "/" + names[0] for n in names[1:]],
              table)


def here():
    return [d for d, (backend, tool) in DIALECTS.items()
            if backend in lab.BACKENDS and shutil.which(tool)]


def show_bans(road, dialect):
    """Of udp each packet meets what may ban it: of tracked ones, the first."""
    hosts = [host(road, dialect, a, bans=True) for a in (None, "inherit")]
    got = measure([road.talk(i, 4, TALKS[0]) for i in hosts])
    print("  behind %d bans a request of udp takes %.0f ns tracked, %.0f ns "
          "untracked: each one is looked at" % (OWN_RULES, *got))


def bench():
    """dialect -> the most that packets of services take in proportion to
    tracked ones, the same by hand, those with many services to those with
    few, and packets of no service to those without ctpolicy"""
    found = {}
    for dialect in here():
        road = Road()
        rows = rows_of(road, dialect)
        show(dialect, rows)
        show_bans(road, dialect)
        of_services = [r for k, r in rows.items() if OTHERS[0] not in k]
        others = [r for k, r in rows.items() if OTHERS[0] in k]
        found[dialect] = (
            max(most(r[1:-1], r[0]) for r in of_services),
            max(most(r[-1:], r[0]) for r in of_services),
            max(most(r[2:3], r[1]) for r in rows.values()),
            max(most(r[1:-1], r[0]) for r in others))
        for ns in ["near", "far"] + ["host-%d" % i for i in range(road.n)]:
            lab.run("ip", "netns", "del", ns)
    return found


def most(figures, by):
    """Infinite for a talk that did not come about."""
    return max(figures) / by if by and all(figures) else float("inf")


def goals(found):
    """(words, holds, figures) of each"""
    for dialect, (services, by_hand, many, others) in found.items():
        yield ("%s, behind %d own rules a packet pays no more than tracked"
               % (dialect, OWN_RULES), services <= SLACK,
               "%.2f; by hand, with all that is untracked accepted, %.2f"
               % (services, by_hand))
        yield ("%s, %d services cost a packet as much as %d"
               % (dialect, MANY, len(TALKS) - 3), many <= SLACK,
               "%.2f; one of no service %.2f of what it pays without ctpolicy"
               % (many, others))
