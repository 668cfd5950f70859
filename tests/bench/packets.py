# SPDX-License-Identifier: GPL-2.0-or-later
"""What a packet that matches nothing pays, against the number of services.

Each ruleset sits in a receiver of its own behind a veth pair; one sender
goes round all of them, so that every figure comes from the same minute.
"""
import os
import socket
import ctypes

import lab

NUMBERS = (1, 10, 100, 1000, 10000)
LONGEST_LINEAR = 1000		# one rule a port: beyond, seconds a burst
COUNTED_NUMBERS = (1, 100, 1000)
PORT = 9			# in no policy but those that count
ROUNDS, MILLISECONDS = 40, 8	# the median of many short looks
NOISE = 20			# ns: less than this is not told from nothing
CLONE_NEWNET = 0x40000000


def ports(n):
    return [10001 + 2 * i for i in range(n)]


def policy(ports_, head=""):
    return ("version: 1\nstate_matching: allowed\n%suntracked:\n" % head +
            "".join("  - {name: s%d, role: server, protocol: udp, "
                    "ports: [%d], accept: none}\n" % (p, p) for p in ports_))


def ours(backend, head="", more=()):
    def make(ns, n):
        path = lab.write("packets.yaml", policy(ports(n) + list(more), head))
        lab.inside(ns, lab.CTPOLICY, "apply", "-q", path,
                   "--backend", backend)
    return make


def nft_chain(rules, sets=""):
    return ("table inet hand {\n%s\tchain prerouting {\n\t\ttype filter hook "
            "prerouting priority raw;\n%s\t}\n}\n" % (sets, "".join(
                "\t\t%s\n" % r for r in rules)))


def nft_hand(ns, n):
    sets = ("\tset ports {\n\t\ttype inet_service;\n\t\telements = { %s }\n"
            "\t}\n" % ", ".join(map(str, ports(n))))
    lab.inside(ns, "nft", "-f", "-", text=nft_chain(
        ["udp dport @ports fib daddr type local notrack"], sets))


def nft_linear(ns, n):
    lab.inside(ns, "nft", "-f", "-", text=nft_chain(
        "udp dport %d fib daddr type local notrack" % p for p in ports(n)))


def xt_restore(ns, rules):
    lab.inside(ns, "iptables-legacy-restore", text="*raw\n%s\nCOMMIT\n" %
               "\n".join("-A PREROUTING -p udp %s -m addrtype --dst-type LOCAL"
                         " -j CT --notrack" % r for r in rules))


def xt_hand(ns, n):
    lab.inside(ns, "ipset", "restore", text="create ports bitmap:port range "
               "0-65535\n" + "".join("add ports %d\n" % p for p in ports(n)))
    xt_restore(ns, ["-m set --match-set ports dst"])


def xt_linear(ns, n):
    xt_restore(ns, ("--dport %d" % p for p in ports(n)))


WAYS = {
    "nftables": (("ctpolicy", ours("nftables")), ("by hand, a set", nft_hand),
                 ("a rule a port", nft_linear)),
    "iptables": (("ctpolicy", ours("iptables")), ("by hand, ipset", xt_hand),
                 ("a rule a port", xt_linear)),
}


COUNTED = (("without counters", ""), ("counters: true", "counters: true\n"))


class Receivers:
    """Namespaces at the far ends of cables, each with an open UDP socket."""
    def __init__(self):
        self.n, self.sockets = 0, []
        lab.run("ip", "netns", "add", "bench-s")

    def add(self):
        i, ns = self.n, "bench-%d" % self.n
        self.n += 1
        lab.run("ip", "netns", "add", ns)
        lab.run("ip", "-n", "bench-s", "link", "add", "v%d" % i, "type",
                "veth", "peer", "name", "v", "netns", ns)
        for where, dev, last in (("bench-s", "v%d" % i, 1), (ns, "v", 2)):
            lab.run("ip", "-n", where, "address", "add",
                    "10.99.%d.%d/24" % (i, last), "dev", dev)
            lab.run("ip", "-n", where, "link", "set", dev, "up")
        self.sockets.append(self.sink(ns))
        return ns, "10.99.%d.2" % i

    @staticmethod
    def sink(ns):
        """A socket that is never read: a full one drops, and says nothing."""
        libc = ctypes.CDLL(None, use_errno=True)
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open("/run/netns/" + ns, os.O_RDONLY)
        try:
            if libc.setns(there, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.bind(("0.0.0.0", PORT))
            return s
        finally:
            libc.setns(home, CLONE_NEWNET)
            os.close(home)
            os.close(there)


def measure(targets):
    text = lab.inside("bench-s", lab.helper("sender"), str(ROUNDS),
                      str(MILLISECONDS), str(PORT), *targets)
    return {a: float(ns) for a, ns in (x.split() for x in text.splitlines())}


def place_counted(receivers, backend):
    """What is sent belongs to a service here: that is what is counted."""
    places = {}
    for name, head in COUNTED:
        for n in COUNTED_NUMBERS:
            ns, places[name, n] = receivers.add()
            ours(backend, head, [PORT])(ns, n)
    return places


def show_counted(backend, got, base, places):
    rows = []
    for n in COUNTED_NUMBERS:
        plain, counted = (got[places[name, n]] - base for name, _ in COUNTED)
        rows.append(["%d" % (n + 1), "%+.0f" % plain, "%+.0f" % counted,
                     "%+.0f" % (counted - plain)])
    lab.table("A packet of a service, %s: ns above the %.0f ns of the bare "
              "path" % (backend, base),
              ["services"] + [name for name, _ in COUNTED] + ["counting"],
              rows)


def bench(backend):
    receivers = Receivers()
    bare = [receivers.add()[1] for _ in range(3)]
    places = {}
    counted = place_counted(receivers, backend)
    for name, make in WAYS[backend]:
        for n in NUMBERS:
            if name == "a rule a port" and n > LONGEST_LINEAR:
                continue
            ns, address = receivers.add()
            make(ns, n)
            places[name, n] = address
    got = measure(bare + list(places.values()) + list(counted.values()))
    base = sorted(got[a] for a in bare)[1]
    above = {k: max(got[a] - base, NOISE) for k, a in places.items()}
    rows = []
    for n in NUMBERS:
        row = ["%d" % n]
        for name, _ in WAYS[backend]:
            v = above.get((name, n))
            row.append("-" if v is None else "%+.0f" % v)
        linear = above.get((WAYS[backend][2][0], n))
        row.append("%.2f" % (above["ctpolicy", n] /
                             above[WAYS[backend][1][0], n]))
        row.append("-" if linear is None else
                   "%.2f" % (above["ctpolicy", n] / linear))
        rows.append(row)
    lab.table("A packet, %s: ns above the %.0f ns of the bare path"
              % (backend, base),
              ["services"] + [name for name, _ in WAYS[backend]] +
              ["ours/hand", "ours/linear"], rows)
    show_counted(backend, got, base, counted)
    for s in receivers.sockets:
        s.close()
    return {n: above["ctpolicy", n] / above[WAYS[backend][1][0], n]
            for n in NUMBERS}, above["ctpolicy", NUMBERS[-1]] - \
        above["ctpolicy", NUMBERS[0]]
