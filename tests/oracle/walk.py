# SPDX-License-Identifier: GPL-2.0-or-later
"""The walk against the kernel: random rules of every dialect, real packets.
For each packet, the rules that it met in each chain, in order, what became of
it, and whether it was tracked must be what the kernel's own trace shows.

  walk.py [--rulesets N | --all] [--packets M] [--seed S] [--tool PATH]
          [--keep-going]

A ruleset is a number: --seed S --rulesets 1 plays it again. Cases that failed
once (cases/walk/*.json) are played first. A new failure is made smaller,
printed as a case, and ends the run with status 1.
"""
import argparse
import copy
import glob
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "netns"), HERE]
sys.dont_write_bytecode = True

import lab                                                  # noqa: E402
import walk_case                                            # noqa: E402
from walk_compare import Tool, differences                  # noqa: E402
from walk_lab import Host                                   # noqa: E402
from walk_pool import IPSETS                                # noqa: E402

ALL = 5000


class Bench:
    def __init__(self, tool):
        # reassembly stays on where conntrack once was at work
        self.hosts = {tracks: Host() for tracks in (False, True)}
        self.tools = {tracks: Tool(tool, host.space)
                      for tracks, host in self.hosts.items()}
        for host in self.hosts.values():
            host.space.run("ipset restore", IPSETS)
        self.packets = self.met = self.in_doubt = 0

    def run(self, case):
        """What is wrong: a list of (packet, words), or words."""
        tracks = bool(walk_case.tracked(case))
        host, tool = self.hosts[tracks], self.tools[tracks]
        try:
            listing = walk_case.load(host, case)
            sightings = host.play(case.packets)
        except RuntimeError as err:
            return "the ruleset is not one: %s" % err
        loaded = walk_case.Loaded(case, listing)
        wrong = []
        for source, versions in walk_case.sources(
                host, case, listing):
            answer = tool.read(source)
            if "error" in answer:
                return "%s: %s" % (source or "live", answer["error"])
            for packet, seen in zip(case.packets, sightings):
                if packet.version not in versions:
                    continue
                self.packets += 1
                self.met += sum(len(p.steps) for p in seen.phases)
                found = differences(tool, loaded, packet, seen, source)
                if found:
                    wrong.append((packet, found))
        self.in_doubt += loaded.in_doubt
        return wrong


def attempt(bench, case):
    wrong = bench.run(case)
    return wrong or None


def same_kind(one, other):
    return isinstance(one, str) == isinstance(other, str)


def shrink(bench, case, wrong):
    """Smaller as long as something of the kind is wrong."""
    best = case, wrong
    end = time.monotonic() + 30
    progress = True
    while progress and time.monotonic() < end:
        progress = False
        for tried in walk_case.smaller(best[0], best[1]):
            found = attempt(bench, tried)
            if found and same_kind(found, wrong) and not (
                    isinstance(found, str) and found.startswith("the ruleset")):
                best, progress = (tried, found), True
                break
            if time.monotonic() > end:
                break
    return best


def report(case, wrong):
    print(walk_case.as_text(case))
    if isinstance(wrong, str):
        print("--- " + wrong)
    else:
        for packet, words in wrong[:2]:
            print("--- %s" % packet)
            print("\n".join("    " + line for line in words))
    print("--- as a case")
    print(case.to_json(), flush=True)


def play_cases(bench):
    failures = 0
    for path in sorted(glob.glob(os.path.join(HERE, "cases", "walk", "*.json"))):
        with open(path) as text:
            case = walk_case.Case.from_json(text.read())
        wrong = attempt(bench, case)
        print("%s: %s" % ("not ok" if wrong else "ok", os.path.basename(path)))
        if wrong:
            failures += 1
            report(case, wrong)
    return failures


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rulesets", type=int, default=int(
        os.environ.get("CTPOLICY_RULESETS", 200)))
    parser.add_argument("--all", action="store_true",
                        help="as many as %d rulesets" % ALL)
    parser.add_argument("--packets", type=int, default=40)
    # the same path every time: what a new one finds belongs to who goes it
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("CTPOLICY_SEED", "1")))
    parser.add_argument("--kind", choices=walk_case.KINDS)
    parser.add_argument("--tool", default=os.path.join(
        os.environ.get("builddir", "."), "tests/oracle/walk_tool"))
    parser.add_argument("--keep-going", action="store_true",
                        help="report every failure, then end with 1")
    args = parser.parse_args()
    if args.all:
        args.rulesets = ALL
    return args


def main():
    args = arguments()
    if not os.access(args.tool, os.X_OK):
        lab.skip("no program at %s" % args.tool)
    began = time.monotonic()
    bench = Bench(os.path.abspath(args.tool))
    failures = play_cases(bench)
    print("seed %d" % args.seed, flush=True)
    number = 0
    for number in range(args.rulesets):
        seed = args.seed + number
        case = walk_case.random_case(seed, args.packets, args.kind)
        wrong = attempt(bench, case)
        if wrong:
            print("not ok: seed %d" % seed)
            report(*shrink(bench, copy.deepcopy(case), wrong))
            failures += 1
            if not args.keep_going:
                break
    spent = time.monotonic() - began
    print("%s: %d rulesets, %d packets that met %d rules (the walk in doubt "
          "of %d packets), %d failures, %.1f s" % (
              "not ok" if failures else "ok", number + 1, bench.packets,
              bench.met, bench.in_doubt, failures, spent))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
