# SPDX-License-Identifier: GPL-2.0-or-later
"""What the packets of a busy service pay on a host of 1,000 own rules a chain,
tracked and untracked. filtered.py measures packets whose entry is the only one
in the table, in every cache: the least that tracking costs. Here are

* many: requests of udp from FLOWS addresses of each family and role in turn.
  All of them have an entry on the tracked host, and none was used for long.
* first: each request is the first from its address. Tracked, it makes an
  entry, and meets the host's rules of 1,000. That the entry goes away again,
  in a thread of the kernel, is not counted.
* connections of tcp, from SYN to both FINs, one after another: of all packets
  of both ways, the first meets the host's 1,000 rules where it is tracked.
"""
import filtered
import lab

FLOWS = 25024			# of which nf_conntrack_max lets four be at once
ROUNDS, MILLISECONDS = 20, 3
LIFE = 600			# seconds an entry of udp stays: all of the bench
WAYS = [w for w in filtered.WAYS if not w[0].startswith("of ")]
# name, kind, who calls, who is called, port
KINDS = (
    ("udp, server: many flows", "many", "near", "host", 53),
    ("udp, router: many flows", "many", "near", "far", 5060),
    ("udp, server: first", "new", "near", "host", 53),
    ("udp, router: first", "new", "near", "far", 5060),
    ("tcp, server: connection", "tcp", "near", "host", 80),
    ("tcp, client: connection", "tcp", "host", "near", 443),
    ("tcp, router: connection", "tcp", "near", "far", 8080),
)


def sources(i, version):
    """The net whose addresses all are near's, for host i: (first, net)"""
    first = ("10.%d.0.0" % (64 + 4 * i) if version == 4 else "fd64:%d::" % i)
    return first, first + ("/14" if version == 4 else "/64")


def welcome(i):
    """Routes to and from all the clients of host i."""
    ns = "host-%d" % i
    lab.run("ip", "-n", "near", "link", "set", "lo", "up")
    for version in (4, 6):
        net = sources(i, version)[1]
        via = "10.%d.%d.%d" if version == 4 else "fd%d:%d::%d"
        family = "-%d" % version
        lab.run("ip", "-n", "near", family, "route", "add", "local", net,
                "dev", "lo")
        for where, hop in ((ns, via % (99, i, 1)), ("far", via % (98, i, 2))):
            lab.run("ip", "-n", where, family, "route", "add", net, "via", hop)
    lab.inside(ns, "sysctl", "-qw", *(
        "net.netfilter.nf_conntrack_udp_timeout%s=%d" % (s, LIFE)
        for s in ("", "_stream")))


def run_of(i, version, kind):
    _, what, caller, callee, port = kind
    spaces = {"host": "host-%d" % i}
    net, last = {"near": (99, 1), "far": (98, 1)}.get(callee, (99, 2))
    address = ("10.%d.%d.%d" if version == 4 else "fd%d:%d::%d") % (
        net, i, last)
    return ",".join(map(str, (
        what, spaces.get(caller, caller), spaces.get(callee, callee), address,
        port, sources(i, version)[0])))


def entries(i):
    return int(lab.inside("host-%d" % i, "cat",
                          "/proc/sys/net/netfilter/nf_conntrack_count"))


def rows_of(hosts):
    """what -> its nanoseconds on each host, and how many entries each has to
    have if it tracks: none may have gone, nor be there of what is untracked"""
    keys = [(v, kind, i) for v in (4, 6) for kind in KINDS for i in hosts]
    text = lab.run(lab.helper("flows"), str(ROUNDS), str(MILLISECONDS),
                   str(FLOWS), *(run_of(i, v, kind) for v, kind, i in keys))
    took, sent = {}, dict.fromkeys(hosts, 0)
    for (v, kind, i), line in zip(keys, text.splitlines()):
        ns, last = line.split()
        took.setdefault("IPv%d, %s" % (v, kind[0]), []).append(float(ns))
        sent[i] += {"many": FLOWS, "new": int(last) - FLOWS}.get(kind[1], 0)
    return took, sent


def show(dialect, rows):
    names = [w[0] for w in WAYS]
    lab.table("One of many, %s, %d rules of the host's in each chain: ns of "
              "all its way, and in proportion"
              % (dialect, filtered.OWN_RULES),
              ["what"] + names + [n + "/" + names[0] for n in names[1:]],
              [[what] + ["%.0f" % ns for ns in row] +
               ["%.2f" % (ns / row[0] if row[0] else 0) for ns in row[1:]]
               for what, row in rows.items()])


def bench():
    """dialect -> ({kind: the most in proportion to tracked}, the same by
    hand, whether the entries are as they should be and the words for it)"""
    found = {}
    for dialect in filtered.here():
        road = filtered.Road()
        hosts = [filtered.host(road, dialect, accept, services or 6)
                 for _, accept, services in WAYS]
        for i in hosts:
            welcome(i)
        rows, sent = rows_of(hosts)
        show(dialect, rows)
        there = [entries(i) for i in hosts]
        found[dialect] = (
            worst(rows, slice(1, 3)), worst(rows, slice(3, 4)),
            there[0] >= sent[hosts[0]] and not any(there[1:]),
            "%d of at least %d; untracked %s" % (
                there[0], sent[hosts[0]], ", ".join(map(str, there[1:]))))
        for ns in ["near", "far"] + ["host-%d" % i for i in range(road.n)]:
            lab.run("ip", "netns", "del", ns)
    return found


def worst(rows, ways):
    return {words: max(filtered.most(r[ways], r[0]) for k, r in rows.items()
                       if k.endswith(words))
            for words in ("many flows", "first", "connection")}


def goals(found):
    """(words, holds, figures) of each"""
    for dialect, (ours, by_hand, right, words) in found.items():
        for what, most in ours.items():
            yield ("%s, %s: no more than tracked" % (dialect, what),
                   most <= filtered.SLACK,
                   "%.2f; by hand %.2f" % (most, by_hand[what]))
        yield ("%s, what is tracked has its entries, and what is untracked "
               "none" % dialect, right, words)
