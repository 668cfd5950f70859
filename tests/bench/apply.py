# SPDX-License-Identifier: GPL-2.0-or-later
"""What an apply takes, beside the stock loaders given the very same rules.

ctpolicy's time runs from the YAML text to rules that were read back and
compared; the loaders' from rendered text to the kernel's yes.
"""
import json
import re

import lab

SIZES = ((1, 25), (1000, 11), (100000, 4))	# addresses, best of


def address(i):
    i *= 2				# no two of them merge to a prefix
    return "10.%d.%d.%d" % (i >> 16 & 255, i >> 8 & 255, i & 255)


def policy(n, changed=False):
    clients = [address(i) for i in range(n)]
    if changed:
        clients[n // 2] = "192.0.2.1"
    return ("version: 1\nstate_matching: allowed\nuntracked:\n"
            "  - name: dns\n    role: server\n    protocol: udp\n"
            "    ports: [53]\n    accept: none\n    clients:\n" +
            "".join("      - %s\n" % a for a in clients))


def measure(ns, *command, stdin=None):
    """(seconds, MiB) of one command in ns, or a stop with its words."""
    if stdin:
        command = ("sh", "-c", 'exec "$@" <"$0"', stdin) + command
    out = lab.run(lab.helper("measure"), "/run/netns/" + ns, *command)
    code, seconds, kib = out.split("\n")[-2].split()
    if code != "0":
        lab.sys.exit("%s: exit %s\n%s" % (" ".join(command), code, out))
    return float(seconds), int(kib) / 1024


class Fresh:
    def __enter__(self):
        lab.run("ip", "netns", "add", "bench-apply")
        return "bench-apply"

    def __exit__(self, *_):
        lab.run("ip", "netns", "del", "bench-apply")


def best(times, *ways):
    """For each way the least seconds and the least MiB of fresh runs. The
    ways take turns, so that a busy minute meets all of them."""
    got = [[] for _ in ways]
    for _ in range(times):
        for mine, way in zip(got, ways):
            with Fresh() as ns:
                mine.append(way(ns))
    return [tuple(min(v) for v in zip(*g)) for g in got]


def loader(backend, text):
    if backend == "nftables":
        path = lab.write("rules", text)
        return lambda ns: measure(ns, "nft", "-f", path)
    sets, rules = lab.split_iptables(text)
    sets, rules = lab.write("sets", sets), lab.write("rules", rules)

    def once(ns):
        got = [measure(ns, "ipset", "restore", stdin=sets),
               measure(ns, "iptables-legacy-restore", "-n", stdin=rules),
               measure(ns, "ip6tables-legacy-restore", "-n", stdin=rules)]
        return sum(s for s, _ in got), max(m for _, m in got)
    return once


def count_elements(text):
    """Set elements and rules in rendered text."""
    sets = re.findall(r"elements = \{(.*?)\}", text, re.S)
    return (sum(s.count(",") + 1 for s in sets) +
            len(re.findall(r"^#ipset add", text, re.M)))


def first(backend):
    """Goal 2: one, a thousand, a hundred thousand addresses."""
    rows, ratios = [], {}
    for n, times in SIZES:
        path = lab.write("apply.yaml", policy(n))
        text = lab.render(path, backend)
        elements = count_elements(text)
        floor, ours, theirs = best(
            times,
            lambda ns: measure(ns, lab.helper("floor"), str(max(elements, 1))),
            lambda ns: measure(ns, lab.CTPOLICY, "apply", "-q", "--backend",
                               backend, path),
            loader(backend, text))
        ratios[n] = ours[0] / theirs[0], ours[1] / theirs[1]
        rows.append(["%d" % n, "%d" % elements] +
                    ["%.1f" % (1e3 * v[0]) for v in (ours, theirs, floor)] +
                    ["%.2f" % ratios[n][0], "%.1f" % (ours[0] / floor[0])] +
                    ["%.1f" % v[1] for v in (ours, theirs)] +
                    ["%.2f" % ratios[n][1]])
    stock = "nft -f" if backend == "nftables" else "restore"
    lab.table("Apply, %s: ms and MiB of ctpolicy, of %s, of the bare nft batch"
              % (backend, stock),
              ["addresses", "elements", "ours ms", stock + " ms", "floor ms",
               "ours/" + stock, "ours/floor", "ours MiB", stock + " MiB",
               "ratio"], rows)
    return ratios


def again(backend):
    """Goal 3: nothing to do, and one address of many changed."""
    n, _ = SIZES[-1]
    path = lab.write("apply.yaml", policy(n))
    other = lab.write("changed.yaml", policy(n, changed=True))
    command = (lab.CTPOLICY, "apply", "-q", "--backend", backend)
    with Fresh() as ns:
        whole = measure(ns, *command, path)
        second = measure(ns, *command, path)
        told = json.loads(lab.inside(ns, lab.CTPOLICY, "apply", "--json",
                                     "--dry-run", "--backend", backend, other))
        one = measure(ns, *command, other)
    rows = [[what, "%.1f" % (1e3 * s), "%.2f" % (s / whole[0]), "%.1f" % m,
             steps]
            for what, (s, m), steps in (
                ("first", whole, "-"), ("second, the same", second, "0"),
                ("one address changed", one, "%d" % len(told["steps"])))]
    lab.table("Apply again, %s, %d addresses" % (backend, n),
              ["apply", "ms", "of the first", "MiB", "steps"], rows)
    return len(told["steps"])
