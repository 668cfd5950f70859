# SPDX-License-Identifier: GPL-2.0-or-later
"""`make bench`: both sides of every comparison, in one run, as ratios."""
import os
import platform
import time

import apply
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
        ratios = apply.first(backend)
        steps = apply.again(backend)
        factors, growth = packets.bench(backend)
        goals.append((backend, ratios, steps, factors, growth))
        for ns in os.listdir("/run/netns"):
            lab.run("ip", "netns", "del", ns)
    listed = listing.bench()
    lab.run("ip", "netns", "del", "bench-l")
    print("\nGoals")
    for backend, ratios, steps, factors, growth in goals:
        # iptables: a few dozen rules may stand in a row before sets pay
        few = 100 if backend == "iptables" else 1
        worst = max(f for n, f in factors.items() if n >= few)
        most = apply.SIZES[-1][0]
        verdict("%s, a packet costs at most 1.5 times the hand-made set, "
                "from %d services up" % (backend, few), worst <= 1.5,
                "%.2f, and %+.0f ns from 1 to %d services"
                % (worst, growth, packets.NUMBERS[-1]))
        if backend == "nftables":	# the loader the goals speak of
            verdict("nftables, %d addresses in half the time, a third of the "
                    "memory of nft -f" % most, ratios[most][0] <= 0.5 and
                    ratios[most][1] <= 1 / 3, "%.2f, %.2f" % ratios[most])
            verdict("nftables, one service no slower than nft -f",
                    ratios[1][0] <= 1, "%.2f" % ratios[1][0])
        print("      %s, one address changed in %d: %d steps"
              % (backend, most, steps))
    verdict("what fills the table in at most 1.2 times a bare listing",
            listed <= 1.2, "%.2f" % listed)
    print("\n%.0f s" % (time.monotonic() - began))


main()
