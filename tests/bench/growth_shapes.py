# SPDX-License-Identifier: GPL-2.0-or-later
"""What growth.py lets grow: policies and hosts of n items.

A shape is (sizes, function of n that gives a dict):
  policy  text, or a dict of files for a folder
  rules   {loader: text} that stand on the host already
  elements  of a foreign set, see foreign_set()
"""
import random

HEAD = "version: 1\nstate_matching: allowed\nuntracked:\n"
SERVICE = "  - {name: s%d, role: server, protocol: udp, accept: none, "
OPEN = "  - {name: s%d, role: server, protocol: udp, accept: open, "
INHERIT = "  - {name: s%d, role: server, protocol: udp, accept: inherit, "
PACKET = "udp 192.0.2.66:40000 > 198.51.100.2:53"


def address(i):
    return "10.%d.%d.%d" % (i >> 16 & 255, i >> 8 & 255, i & 255)


def apart(n):
    """n addresses of which no two merge to a prefix."""
    return [address(2 * i) for i in range(n)]


def listed(key, values):
    return "%s: [%s]" % (key, ", ".join(str(v) for v in values))


def one(*keys):
    return {"policy": HEAD + SERVICE % 0 + ", ".join(keys) + "}\n"}


def many(n, keys, begin=SERVICE):
    return {"policy": HEAD + "".join(
        begin % i + keys(i) + "}\n" for i in range(n))}


def counted(n):
    of = many(n, lambda i: "ports: [%d], servers: [%s]" % (
        1 + i % 65000, address(2 * i)))
    return {"policy": "counters: true\n" + of["policy"]}


def network(r, shortest):
    length = r.randint(shortest, 32)
    bits = (10 << 24 | r.getrandbits(24)) >> (32 - length) << (32 - length)
    return "%d.%d.%d.%d/%d" % (bits >> 24, bits >> 16 & 255, bits >> 8 & 255,
                               bits & 255, length)


def nest(n):
    r, got = random.Random(n), set()
    while len(got) < n:
        got.add(network(r, 20))
    return sorted(got)


def cross(n):
    r = random.Random(n)

    def keys(_):
        a = r.randint(1, 60000)
        return "ports: [%d-%d], clients: [%s]" % (
            a, a + r.randint(1, 5000), network(r, 9))
    return many(n, keys)


def file_of(i):
    return "version: 1\nuntracked:\n" + SERVICE % i + \
        "ports: [%d], clients: [%s]}\n" % (1 + i, address(2 * i))


def folder(n):
    files = {"%05d.yaml" % i: file_of(i) for i in range(n)}
    files["00000.yaml"] = "state_matching: allowed\n" + files["00000.yaml"]
    return {"policy": files}


def tests(n):
    return {"policy": one("ports: [53]")["policy"] + "tests:\n" + "".join(
        "  - packet: udp %s:40000 > 192.0.2.1:53\n    expect: {tracked: no}\n"
        % address(i) for i in range(n))}


def shared_list(n):
    return {"policy": "version: 1\nstate_matching: allowed\nlists:\n"
            "  office: [" + ", ".join(apart(1000)) + "]\nuntracked:\n" +
            "".join(SERVICE % i + "ports: [%d], clients: ['@office']}\n" %
                    (1 + 2 * i) for i in range(n))}


# What a host has of its own.
DPORT = "-A %s -s %s/32 -p udp -m udp --dport 9 -j %s"


def native(chains, rule, policy="accept"):
    """chains: how many; rule(i) the rules of chain i."""
    text = ["table inet host {"]
    for i in range(chains):
        text += ["chain c%d {" % i] + rule(i) + ["}"]
    text += ["chain in { type filter hook input priority 0; policy %s;"
             % policy] + ["jump c%d" % i for i in range(chains)] + \
        ["ct state established,related accept", "udp dport 53 accept", "}",
         "chain out { type filter hook output priority 0; policy %s;" % policy,
         "ct state established,related,new accept", "}", "}"]
    return {"nft": "\n".join(text) + "\n"}


def saved(loader, chains, rule, policy="ACCEPT"):
    text = ["*filter", ":INPUT %s" % policy, ":OUTPUT %s" % policy]
    text += [":c%d -" % i for i in range(chains)]
    for i in range(chains):
        text += ["-A INPUT -j c%d" % i] + rule(i)
    text += ["-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
             "-A INPUT -p udp -m udp --dport 53 -j ACCEPT",
             "-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED,RELATED "
             "-j ACCEPT", "COMMIT"]
    return {loader: "\n".join(text) + "\n"}


def host(world, n, chains, accept):
    """n rules in so many chains; a service that they do not decide about."""
    each = n // chains
    begin = {"none": SERVICE, "open": OPEN, "inherit": INHERIT}[accept]
    drops = accept != "none"
    if world == "native":
        rules = native(chains, lambda c: [
            "ip saddr %s udp dport 9 drop" % address(c * each + i)
            for i in range(each)], "drop" if drops else "accept")
    else:
        rules = saved(world, chains, lambda c: [
            DPORT % ("c%d" % c, address(c * each + i), "DROP")
            for i in range(each)], "DROP" if drops else "ACCEPT")
    return dict(one("ports: [53]"), rules=rules) if not drops else {
        "policy": HEAD + begin % 0 + "ports: [53]}\n", "rules": rules}


def foreign_set(n):
    return dict(one("ports: [53]"), rules={"nft": (
        "table inet host {\nset s { type ipv4_addr; elements = { %s } }\n"
        "chain in { type filter hook input priority 0;\n"
        "ip saddr @s drop\nct state new accept\n}\n}\n" %
        ", ".join(apart(n)))})


def timers(n):
    return {"policy": "version: 1\nstate_matching: allowed\ntracked:\n" +
            "".join("  - {name: t%d, role: server, protocol: udp, ports: [%d],"
                    " clients: [%s], timeouts: {unreplied: %ds, replied: 9s}}"
                    "\n" % (i, 1 + i % 60000, address(2 * i), 1 + i % 4)
                    for i in range(n))}


# What the kernel does to whoever asks, nft itself as well.
LISTING = "the kernel's: a listing of a chain begins anew each 32 KiB"
DUMP = "the kernel's: a listing of a set begins anew each 32 KiB"
KERNELS = (
    ("foreign-set", DUMP),
    ("native-chain-", LISTING), ("nft-iptables-chain-", LISTING),
    ("counters", "the kernel's: the sets of a table are in one list"),
)


def kernels(name):
    return "".join(why for begin, why in KERNELS if name.startswith(begin))


K = 1000
SHAPES = {
    "services": ((5 * K, 20 * K, 100 * K), lambda n: many(
        n, lambda i: "ports: [%d], servers: [%s]" % (
            1 + i % 65000, address(2 * i)))),
    "counters": ((200, 800, 1600), counted),
    "same-port": ((5 * K, 20 * K, 100 * K), lambda n: many(
        n, lambda i: "ports: [53], servers: [%s]" % address(2 * i))),
    "open-services": ((2 * K, 10 * K, 40 * K), lambda n: dict(many(
        n, lambda i: "ports: [%d], servers: [%s]" % (
            1 + i % 65000, address(2 * i)), OPEN),
        rules=dict(native(1, lambda c: [], "drop"),
                   **saved("legacy", 1, lambda c: [], "DROP")))),
    "addresses": ((50 * K, 200 * K, 1000 * K), lambda n: one(
        "ports: [53]", listed("clients", apart(n)))),
    "product": ((40 * K, 160 * K, 640 * K), lambda n: one(
        listed("ports", range(1, 2 * int(n ** .5), 2)),
        listed("clients", apart(int(n ** .5))))),
    "ports": ((2 * K, 8 * K, 32 * K), lambda n: one(
        listed("ports", range(1, 2 * n, 2)))),
    "ranges": ((K, 4 * K, 16 * K), lambda n: one(listed("ports", (
        "%d-%d" % (1 + 65530 // n * i, 2 + 65530 // n * i)
        for i in range(n))))),
    "wide-ranges": ((400, 1600, 3200), lambda n: one(listed("ports", (
        "%d-%d" % (1 + 20 * i, 18 + 20 * i) for i in range(n))))),
    "interfaces": ((600, 2500, 10 * K), lambda n: one(
        "ports: [53]", listed("interfaces", ("eth%d" % i for i in range(n))))),
    "interface-each": ((600, 2500, 10 * K), lambda n: many(
        n, lambda i: "ports: [53], interfaces: [eth%d]" % i)),
    "nest": ((2 * K, 10 * K, 50 * K), lambda n: one(
        "ports: [53]", listed("clients", nest(n)))),
    "cross": ((300, K, 3 * K), cross),
    "grid": ((300, K, 3 * K), lambda n: many(
        n, lambda i: "ports: [%d-%d], clients: [10.%d.0.0/16, 10.0.0.0/8]" % (
            1 + i, 60000 - i, i % 256))),
    "lists": ((20, 80, 320), shared_list),
    "folder": ((100, 300, 900), folder),
    "tests": ((K, 4 * K, 16 * K), tests),
    "timers": ((K, 4 * K, 16 * K), timers),
    "foreign-set": ((10 * K, 40 * K, 160 * K), foreign_set),
}
for world in "native", "nft-iptables", "legacy":
    for chains in 1, 1000:
        for accept in "none", "open", "inherit":
            SHAPES["%s-%s-%s" % (world, "chains" if chains > 1 else "chain",
                                 accept)] = (
                (6 * K, 24 * K, 96 * K), lambda n, w=world, c=chains,
                a=accept: host(w, n, c if c == 1 else n // 100, a))
