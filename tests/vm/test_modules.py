#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's stock kernel, whose modules can go: in one machine, booted once.

    test_modules.py [--all] [--cycles N] [--cuts N] [--seed N]
"""
import argparse
import random
import time

import machine  # first: it finds the others
import off
import power
import routed
import sizes
import stock
import tally


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--all", action="store_true", help="every fault and holder")
    p.add_argument("--cycles", type=int, default=2,
                   help="how often to unload and load")
    p.add_argument("--cuts", type=int, default=3, help="of the power")
    p.add_argument("--only", help="one of the groups: stock, off, "
                   "sizes, routed, power")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    return p.parse_args()


def play(ice, group, how):
    """Each row of cases has a machine of its own."""
    for cases in group.CASES:
        began = time.monotonic()
        with ice.thaw() as vm:
            group.prepare(vm)
            for case in cases:
                tally.case(case.__name__, case, vm, how)
        print("%s: %.0f s" % (", ".join(c.__name__ for c in cases),
                              time.monotonic() - began), flush=True)


def main():
    how = options()
    print("--seed %d" % how.seed, flush=True)
    with machine.frozen() as ice:
        for group in (stock, off, sizes, routed):
            if how.only in (None, group.__name__):
                play(ice, group, how)
        if how.only in (None, "power"):
            began = time.monotonic()
            power.play(ice, how.cuts, how.seed)
            print("power: %.0f s" % (time.monotonic() - began), flush=True)
    tally.end()


main()
