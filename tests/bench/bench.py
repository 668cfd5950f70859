# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: both sides of every comparison, in one run, as ratios."""
import os
import platform
import time

import apply
import filtered
import flows
import lab
import listing
import packets


def verdict(goal, holds, figures):
    print("  %-3s %s: %s" % ("yes" if holds else "NO", goal, figures))


def main():
    began = time.monotonic()
    print("Linux %s, %d cores" % (platform.release(), os.cpu_count()))
    with open(lab.CTPOLICY, "rb") as f:
        if b"__asan_init" in f.read():
            print("ctpolicy is built under sanitizers: figures mean nothing")
    goals = []
    for backend in lab.BACKENDS:
        applied = apply.bench(backend)
        factors, growth = packets.bench(backend)
        goals.append((backend, applied, factors, growth))
        for ns in os.listdir("/run/netns"):
            lab.run("ip", "netns", "del", ns)
    behind_rules = filtered.bench()
    of_many = flows.bench()
    listed = listing.bench()
    lab.run("ip", "netns", "del", "bench-l")
    print("\nGoals")
    for backend, applied, factors, growth in goals:
        # iptables: a few dozen rules may stand in a row before sets pay
        few = 100 if backend == "iptables" else 1
        worst = max(f for n, f in factors.items() if n >= few)
        verdict("%s, a packet costs at most 1.5 times the hand-made set, "
                "from %d services up" % (backend, few), worst <= 1.5,
                "%.2f, and %+.0f ns from 1 to %d services"
                % (worst, growth, packets.NUMBERS[-1]))
        for words, holds, figures in applied:
            verdict("%s, %s" % (backend, words), holds, figures)
    for goal in (*filtered.goals(behind_rules), *flows.goals(of_many)):
        verdict(*goal)
    verdict("what fills the table in at most 1.2 times a bare listing",
            listed <= 1.2, "%.2f" % listed)
    print("\n%.0f s" % (time.monotonic() - began))


main()
