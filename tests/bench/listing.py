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


def once(ns, *command):
    code, seconds, peak = lab.run(lab.helper("measure"), "/run/netns/" + ns,
                                  *command).split()
    if code != "0":
        raise SystemExit("%s: exit %s" % (" ".join(command), code))
    return float(seconds), int(peak) / 1024


def bench():
    ns = "bench-l"
    lab.run("ip", "netns", "add", ns)
    lab.inside(ns, lab.helper("listing"), "fill", "%d" % ENTRIES)
    rows, worst = [], 0
    for name, words in KINDS:
        bare, ours, most = [], [], 0
        for _ in range(ROUNDS):         # the sides take turns
            bare.append(once(ns, lab.helper("listing"), "dump")[0])
            took, peak = once(ns, lab.CTPOLICY, *words)
            ours.append(took)
            most = max(most, peak)
        ratio = min(ours) / min(bare)
        worst = max(worst, ratio if "status" in name else 0)
        rows.append([name, "%.3f" % min(bare), "%.3f" % min(ours),
                     "%.2f" % ratio, "%.1f" % most])
    lab.table("A table of %d entries, seconds" % ENTRIES,
              ["command", "bare dump", "ctpolicy", "ratio", "MB"], rows)
    return worst
