# SPDX-License-Identifier: GPL-2.0-or-later
"""What it takes to say what fills the connection table, beside a listing of it
that nobody reads: the kernel's part, which no program can do without."""
import lab

ENTRIES = 200000
ROUNDS = 5
KINDS = (("status --top 10", ("status", "--json", "--top", "10")),
         ("status --top 10 --by dport",
          ("status", "--json", "--top", "10", "--by", "dport")),
         ("suggest", ("suggest", "--json")))


def bench():
    ns = "bench-l"
    lab.run("ip", "netns", "add", ns)
    lab.inside(ns, lab.helper("listing"), "fill", "%d" % ENTRIES)
    rows, worst = [], 0
    for name, words in KINDS:
        bare, ours, most = [], [], 0
        for _ in range(ROUNDS):         # the sides take turns
            bare.append(lab.measure(ns, lab.helper("listing"), "dump").wall)
            took = lab.measure(ns, lab.CTPOLICY, *words)
            ours.append(took.wall)
            most = max(most, took.mib)
        ratio = min(ours) / min(bare)
        worst = max(worst, ratio if "status" in name else 0)
        rows.append([name, "%.3f" % min(bare), "%.3f" % min(ours),
                     "%.2f" % ratio, "%.1f" % most])
    lab.table("A table of %d entries, seconds" % ENTRIES,
              ["command", "bare dump", "ctpolicy", "ratio", "MB"], rows)
    return worst
