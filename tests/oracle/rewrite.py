# SPDX-License-Identifier: GPL-2.0-or-later
"""Rulesets whose states were replaced, against the originals, by packets.

  rewrite.py [--rulesets N] [--seed S] [--dialect D] [--table T]
             [--host | --router] [--live] [--keep-going] [--all]
  rewrite.py --before FILE --after FILE --dialect D [--admits WORD,WORD]

Random hosts and routers that filter by state are rewritten by `ctpolicy audit
FILE --rewrite`. rewrite_judge.py says what the result is held to. A ruleset is
its seed: --seed S --rulesets 1 plays it again. A failing one is made smaller
and printed. It plays 60 of each dialect (CTPOLICY_RULESETS), --all 1,000.

With --live, rules in the kernel are replaced by `ctpolicy apply`, in each dialect
in which it can; `remove` must bring back what was there (rewrite_live.py). 
One in three has its rules in iptables' mangle or security, or at that priority
(--table: all).

With two files, the second is judged as the first one rewritten. That what is
wrong is caught is what rewrite_known.py shows.
"""
import argparse
import copy
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "netns"), HERE]
sys.dont_write_bytecode = True

import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from rewrite_case import (DIALECTS, LOSSES, Case, Refused,   # noqa: E402
                          Rewritten, Unable, rewrite, run, texts_of)
from rewrite_flows import random_flows                      # noqa: E402
from rewrite_lab import Device, pin                         # noqa: E402
from rewrite_live import TOOLS, Live                        # noqa: E402
from rewrite_probes import random_probes                    # noqa: E402
from rewrite_rules import HOOKS                             # noqa: E402

ALL = 1000
# Of hosts (even seeds) and routers; filter's are the others.
OTHER_TABLES = {3: "mangle", 4: "mangle", 9: "security", 10: "security"}
TOTALS = ("flows", "passed", "probes", "gained", "strays lost")


def table_of(seed):
    return OTHER_TABLES.get(seed % 12, "filter")


def attempt(case, hosts, rewriter):
    """(failures, Rewritten, tally); an exception is a failure, too."""
    try:
        judge, done = case.judge(hosts, rewriter)
    except RuntimeError as err:
        return [str(err)], None, {}
    return judge.failures, done, judge.tally


def kinds(failures):
    return {f if isinstance(f, str) else (f.bound, f.kind) for f in failures}


def shrink(case, hosts, rewriter, failures):
    """Rules removed one by one, as long as it fails in the same way."""
    best, found, wanted = case, failures, kinds(failures)
    if any(isinstance(f, str) for f in failures):
        wanted = None
    end = time.monotonic() + 20
    progress = True
    while progress and time.monotonic() < end:
        progress = False
        for name, number in best.smaller():
            tried = copy.copy(best)
            tried.ruleset = copy.deepcopy(best.ruleset)
            del tried.ruleset.chains[name][number]
            try:
                now = attempt(tried, hosts, rewriter)[0]
            except Refused:
                continue
            same = kinds(now) & wanted if wanted else \
                now and isinstance(now[0], str)
            if same:
                best, found, progress = tried, now, True
                break
            if time.monotonic() > end:
                break
    return best, found


def without_empty_chains(case):
    unused = [n for n, rules in case.ruleset.chains.items()
              if not rules and n not in case.ruleset.policies and
              all(r.target != n for r in case.ruleset.rules())]
    for name in unused:
        del case.ruleset.chains[name]


def report(case, failures, done):
    print("not ok: %s, --%s --table %s --seed %d, %d rules left" % (
        case.dialect, case.kind, case.ruleset.table, case.seed,
        case.ruleset.size()))
    print_texts(texts_of(case.ruleset, case.dialect), done, failures)


def print_texts(texts, done, failures):
    """Of the family that failed first."""
    versions = [f.subject.version for f in failures
                if hasattr(getattr(f, "subject", None), "version")]
    for version, text in texts.items():
        if version and versions and version != versions[0]:
            continue
        print("--- before\n" + text.rstrip())
        if done:
            print("--- after\n" + done.texts[version].rstrip())
    for failure in failures[:6]:
        print("--- %s" % failure)
    sys.stdout.flush()


def play_random(args, dialect, hosts, totals):
    rewriter = Live(dialect) if args.live else rewrite
    failed = 0
    for number in range(args.rulesets):
        seed = args.seed + number
        kind = args.kind or ("router" if seed % 2 else "host")
        case = Case(seed, kind, dialect, args.table or table_of(seed))
        try:
            failures, done, tally = attempt(case, hosts, rewriter)
            if failures:                    # a loaded machine is no reason
                failures, done, tally = attempt(case, hosts, rewriter)
        except Refused:
            totals["refused"] += 1
            continue
        for key in tally:
            totals[key] += tally[key]
        totals["rulesets"] += 1
        totals["left some"] += bool(done and any(done.codes))
        if not failures:
            continue
        failed += 1
        for kind_ in kinds(failures):
            text = kind_ if isinstance(kind_, str) else "bound %d, %s" % kind_
            text = text.splitlines()[0]
            totals["failures"][text] = totals["failures"].get(text, 0) + 1
        if args.shrink:
            case, failures = shrink(case, hosts, rewriter, failures)
            without_empty_chains(case)
            failures, done, _ = attempt(case, hosts, rewriter)
        report(case, failures, done)
        if not args.keep_going:
            break
    return failed


def play_dialect(args, dialect, hosts):
    for host in hosts:
        host.reset()
    totals = dict.fromkeys(TOTALS + ("rulesets", "left some", "refused"), 0)
    totals["failures"] = {}
    began = time.monotonic()
    try:
        failed = play_random(args, dialect, hosts, totals)
    except Unable as err:
        print("not played: %s: %s" % (dialect, str(err).strip()))
        return 0
    if args.live:
        print("%s: %d refused" % (dialect, totals["refused"]))
        failed += not totals["rulesets"]
    print("%s: %s: %d rulesets (%d keep some states), %d conversations of "
          "which %d pass, %d probes, %d newly let through, %d strays lost, "
          "%.1f s%s" % (
              "not ok" if failed else "ok", dialect, totals["rulesets"],
              totals["left some"], totals["flows"], totals["passed"],
              totals["probes"], totals["gained"], totals["strays lost"],
              time.monotonic() - began,
              "".join("\n    %d x %s" % (n, what) for what, n in sorted(
                  totals["failures"].items()))), flush=True)
    return failed


def _texts_of_file(path, dialect):
    with open(path) as source:
        text = source.read()
    if dialect == "native":
        return {0: text}
    return {6 if "ip6tables" in text.split("\n", 1)[0] else 4: text}


def play_pair(args, hosts):
    """Two files, `--rulesets` times with other packets."""
    texts = _texts_of_file(args.before, args.dialect)
    done = Rewritten(_texts_of_file(args.after, args.dialect),
                     {(0, hook): set(args.admits.split(","))
                      for hook in HOOKS}, {(0, what) for what in LOSSES} if args.loses else ())
    versions = lab.VERSIONS if 0 in texts else tuple(texts)
    for host in hosts:
        host.reset()
    for number in range(args.rulesets):
        draw = random.Random("pair %d" % (args.seed + number))
        flows = [f for f in random_flows(draw, args.kind != "host", 60)
                 if f.version in versions]
        probes = [p for p in random_probes(draw, args.kind != "host", 300)
                  if p.version in versions]
        judge = run(*hosts, args.dialect, texts, done, flows, probes)
        print(judge.tally)
        for failure in judge.failures:
            print("--- %s" % failure)
        if judge.failures:
            return 1
    return 0


def sampled(rulesets):
    """Of 200: 60. Of fewer, where time is short, half of that share."""
    return rulesets * 3 // (10 if rulesets >= 200 else 20)


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rulesets", type=int, default=sampled(
        int(os.environ.get("CTPOLICY_RULESETS", "200"))))
    parser.add_argument("--all", action="store_true",
                        help="as many as %d rulesets" % ALL)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dialect", choices=DIALECTS)
    parser.add_argument("--table", choices=("filter", "mangle", "security"))
    parser.add_argument("--host", dest="kind", action="store_const",
                        const="host")
    parser.add_argument("--router", dest="kind", action="store_const",
                        const="router")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--keep-going", action="store_true")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false")
    parser.add_argument("--before")
    parser.add_argument("--after")
    parser.add_argument("--admits", default="")
    parser.add_argument("--loses", action="store_true",
                        help="answers of other protocols, as announced")
    args = parser.parse_args(argv)
    if args.all:
        args.rulesets = ALL
    return args


def main(argv=None):
    args = arguments(argv)
    if not args.before:
        lab.require_ctpolicy()
    pin()
    hosts = Device(), Device()
    if args.before:
        return play_pair(args, hosts)
    return sum(play_dialect(args, dialect, hosts) for dialect in (
        [args.dialect] if args.dialect else
        [d for d in dialects.here() if d in TOOLS or not args.live])) > 0


if __name__ == "__main__":
    sys.exit(main())
