# SPDX-License-Identifier: GPL-2.0-or-later
"""What an apply takes, beside the stock loaders given the very same rules.

ctpolicy's time runs from the YAML text to rules that were verified; the
loaders' from rendered text to the kernel's yes. Each function prints its table
and returns goals: (words, whether it holds, figures).
"""
import json
import os
import re

import lab

SIZES = ((1, 25), (1000, 11), (100000, 4))	# addresses, best of
MOST = SIZES[-1][0]
MILLION = 1000000
FLUSHES = "fsync,fdatasync,sync,syncfs,sync_file_range,msync"


def address(i):
    i *= 2				# no two of them merge to a prefix
    return "10.%d.%d.%d" % (i >> 16 & 255, i >> 8 & 255, i & 255)


def policy(n, changed=False):
    clients = [address(i) for i in range(n)]
    if changed:
        clients[n // 2] = "192.0.2.1"
    return ("version: 1\nstate_matching: allowed\nuntracked:\n"
            "  - name: dns\n    role: server\n    protocol: udp\n"
            "    ports: [53]\n    accept: none\n    clients: [%s]\n"
            % ",".join(clients))


class Fresh:
    def __enter__(self):
        lab.run("ip", "netns", "add", "bench-apply")
        return "bench-apply"

    def __exit__(self, *_):
        lab.run("ip", "netns", "del", "bench-apply")


def best(times, *ways):
    """For each way the least of everything over fresh runs. The ways take
    turns, so that a busy minute meets all of them."""
    got = [[] for _ in ways]
    for _ in range(times):
        for mine, way in zip(got, ways):
            with Fresh() as ns:
                mine.append(way(ns))
    return [lab.Took(*(min(v) for v in zip(*g))) for g in got]


def loader(backend, text):
    if backend == "nftables":
        path = lab.write("rules", text)
        return lambda ns: lab.measure(ns, "nft", "-f", path)
    sets, rules = lab.split_iptables(text)
    sets, rules = lab.write("sets", sets), lab.write("rules", rules)

    def once(ns):
        got = [lab.measure(ns, "ipset", "restore", stdin=sets),
               lab.measure(ns, "iptables-legacy-restore", "-n", stdin=rules),
               lab.measure(ns, "ip6tables-legacy-restore", "-n", stdin=rules)]
        return lab.Took(sum(t.wall for t in got), sum(t.cpu for t in got),
                        max(t.mib for t in got))
    return once


def count_elements(text):
    """Set elements and rules in rendered text."""
    sets = re.findall(r"elements = \{(.*?)\}", text, re.S)
    return (sum(s.count(",") + 1 for s in sets) +
            len(re.findall(r"^#ipset add", text, re.M)))


def command(backend, path):
    return (lab.CTPOLICY, "apply", "-q", "--backend", backend, path)


def goal(words, most, ratio, form="%.2f"):
    return words, ratio <= most, form % ratio


def first(backend):
    """One, a thousand, a hundred thousand addresses. The seconds of ours of
    the last; goals."""
    stock = "nft -f" if backend == "nftables" else "restore"
    rows, got = [], {}
    for n, times in SIZES:
        path = lab.write("apply.yaml", policy(n))
        text = lab.render(path, backend)
        elements = count_elements(text)
        got[n] = floor, ours, theirs = best(
            times,
            lambda ns: lab.measure(ns, lab.helper("floor"),
                                   str(max(elements, 1))),
            lambda ns: lab.measure(ns, *command(backend, path)),
            loader(backend, text))
        rows.append(["%d" % n, "%d" % elements] +
                    ["%.1f" % (1e3 * v.cpu) for v in (ours, theirs, floor)] +
                    ["%.1f" % (1e3 * v.wall) for v in (ours, theirs)] +
                    ["%.2f" % (ours.cpu / theirs.cpu)] +
                    ["%.1f" % (ours.cpu / floor.cpu)] +
                    ["%.1f" % v.mib for v in (ours, theirs)])
    lab.table("Apply, %s: ms of processor time, ms by the clock, and MiB, of "
              "ctpolicy, of %s, of the bare nft batch" % (backend, stock),
              ["addresses", "elements", "ours cpu", stock + " cpu",
               "floor cpu", "ours ms", stock + " ms", "ours/" + stock,
               "ours/floor", "ours MiB", stock + " MiB"], rows)
    return got[MOST][1].cpu, goals_of_first(backend, got)


def goals_of_first(backend, got):
    floor, ours, theirs = got[MOST]
    cpu, mib = ours.cpu / theirs.cpu, ours.mib / theirs.mib
    if backend == "iptables":
        return [goal("%d addresses in at most 0.8 of ipset restore and "
                     "restores" % MOST, 0.8, cpu),
                goal("... in at most 3 times their memory", 3, mib)]
    later = 1e3 * (got[1][1].wall - got[1][2].wall)
    return [goal("%d addresses in at most 0.25 of nft -f" % MOST, 0.25, cpu),
            goal("... in at most 0.25 of its memory", 0.25, mib),
            goal("... in at most 2.5 times the bare batch", 2.5,
                 ours.cpu / floor.cpu),
            goal("one service at most 2 ms after nft -f, on tmpfs", 2, later,
                 "%+.1f ms")]


def again(backend):
    """Nothing to do, beside a listing of the same; one address changed."""
    path = lab.write("apply.yaml", policy(MOST))
    other = lab.write("changed.yaml", policy(MOST, changed=True))
    tool = "nft list" if backend == "nftables" else "ipset save"
    listed = (("nft", "list", "ruleset") if backend == "nftables" else
              ("ipset", "save"))
    quiet = ("sh", "-c", 'exec "$@" >/dev/null', "sh") + listed
    rounds = []
    with Fresh() as ns:
        whole = lab.measure(ns, *command(backend, path))
        told = json.loads(lab.inside(ns, lab.CTPOLICY, "apply", "--json",
                                     "--dry-run", "--backend", backend, other))
        for _ in range(3):		# the sides take turns
            rounds.append((lab.measure(ns, *command(backend, path)),
                           lab.measure(ns, *quiet),
                           lab.measure(ns, *command(backend, other)),
                           lab.measure(ns, *command(backend, path))))
    same, bare, one, _ = [lab.Took(*(min(v) for v in zip(*g)))
                          for g in zip(*rounds)]
    steps = len(told["steps"])
    lab.table("Apply again, %s, %d addresses: ms of processor time" % (
        backend, MOST), ["apply", "ms", "of the first", "MiB", "steps"], [
            [what, "%.1f" % (1e3 * t.cpu), "%.2f" % (t.cpu / whole.cpu),
             "%.1f" % t.mib, n]
            for what, t, n in (("first", whole, "-"),
                               ("second, the same", same, "0"),
                               ("one address changed", one, "%d" % steps),
                               (tool, bare, "-"))])
    goals = [goal("one address of %d changed, %d steps, in at most 1.5 times "
                  "an apply that finds nothing to do" % (MOST, steps), 1.5,
                  one.cpu / same.cpu)]
    if backend == "nftables":	# what ipset saves it neither reads nor sorts
        goals.append(goal("such an apply in at most 1.2 times %s" % tool, 1.2,
                          same.cpu / bare.cpu))
    return goals


def million(backend, seconds):
    """`seconds`: what MOST addresses take."""
    path = lab.write("million.yaml", policy(MILLION))
    with Fresh() as ns:
        whole = lab.measure(ns, *command(backend, path))
        same = lab.measure(ns, *command(backend, path))
    lab.table("Apply, %s, %d addresses" % (backend, MILLION),
              ["apply", "cpu s", "MiB"],
              [[what, "%.1f" % t.cpu, "%.0f" % t.mib]
               for what, t in (("first", whole), ("again", same))])
    return [goal("%d addresses in at most 3 times that for each" % MILLION, 3,
                 whole.cpu / MILLION / (seconds / MOST)),
            goal("... in at most 400 MB", 400, whole.mib * 1.048576, "%.0f")]


def flushes(backend):
    """How often one service's first apply waits for the disk."""
    path = lab.write("apply.yaml", policy(1))
    calls = os.path.join(lab.TMP, "flushes")
    with Fresh() as ns:
        lab.inside(ns, "strace", "-f", "-qq", "-o", calls, "-e",
                   "trace=" + FLUSHES, *command(backend, path))
    with open(calls) as f:
        n = len(re.findall(r"\b(?:%s)\(" % FLUSHES.replace(",", "|"),
                           f.read()))
    return [goal("one service waits for the disk at most twice", 2, n, "%d")]


def bench(backend):
    """All goals of applying."""
    seconds, goals = first(backend)
    return (goals + again(backend) + million(backend, seconds) +
            flushes(backend))
