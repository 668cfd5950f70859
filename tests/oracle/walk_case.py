# SPDX-License-Identifier: GPL-2.0-or-later
"""A case: rules of each world, and packets. Made, loaded, saved as the text
that the walk reads, and made smaller."""
import copy
import dataclasses
import json
import os
import random
import re

import lab
import walk_nft
import walk_pool
import walk_xt
from walk_lab import Packet, watcher

# what the walk reads: text of nft or of iptables-save of one world and
# version, or the kernel itself
KINDS = ("nft", "legacy", "compat", "mixed")
TRACKS = re.compile(r"\bct (state|mark|status|direction|zone)\b")
XT_TRACKS = re.compile(r"--ctstate|--state|connmark|CONNMARK")

PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0,
              "security": 50, "srcnat": 100}


@dataclasses.dataclass
class Case:
    kind: str
    nft: list = dataclasses.field(default_factory=list)
    legacy: dict = dataclasses.field(default_factory=dict)  # "4", "6": tables
    compat: dict = dataclasses.field(default_factory=dict)
    packets: list = dataclasses.field(default_factory=list)

    def to_json(self):
        return json.dumps(dataclasses.asdict(self), indent=1)

    @staticmethod
    def from_json(text):
        data = json.loads(text)
        data["packets"] = [Packet(**p) for p in data["packets"]]
        return Case(**data)


def random_case(seed, packets, kind=None):
    rng = random.Random(seed)
    chosen = rng.choice(KINDS)
    case = Case(kind or chosen)
    worlds = {case.kind}
    if case.kind == "mixed":
        worlds = set(rng.choice((("nft", "legacy"), ("nft", "compat"),
                                 ("legacy", "compat"), KINDS[:3])))
    if "nft" in worlds:
        case.nft = walk_nft.tables(rng)
    for world in ("legacy", "compat"):
        if world in worlds:
            setattr(case, world, {str(v): walk_xt.Rules(rng, v).tables(world == "compat")
                                  for v in (4, 6)})
    case.packets = walk_pool.packets(rng, tracked(case), packets)
    return case


def tracked(case):
    """The versions that conntrack is switched on for."""
    found = set()
    for table in case.nft:
        if TRACKS.search(walk_nft.as_text([table])):
            found.update(walk_nft.FAMILIES[table["family"]])
    for rules in (case.legacy, case.compat):
        found.update(int(v) for v, tables in rules.items()
                     if XT_TRACKS.search(walk_xt.as_text(tables)))
    return found


def load(host, case):
    """In as few processes as it takes; the listing of what nft holds then."""
    script = "set -e\n"
    if case.compat:
        script += "nft flush ruleset\n"
    for version, tables in case.compat.items():
        script += _restore(version, "nft", walk_xt.as_text(tables))
    for version in sorted(host.left | set(case.legacy)):
        script += _restore(version, "legacy", walk_xt.as_text(
            {**walk_xt.EMPTY, **case.legacy.get(version, {})}))
    host.left = set(case.legacy)
    text = "" if case.compat else "flush ruleset\n"
    text += walk_nft.as_text(case.nft) + watcher(tracked(case))
    script += "nft -f %s\nnft -a list ruleset\n" % _write("load.nft", text)
    listing = host.space.run(script)
    host.learn(listing)
    return listing


def _restore(version, kind, text):
    name = "load.%s.v%s" % (kind, version)
    return "ip%stables-%s-restore %s\n" % (
        "6" if version == "6" else "", kind, _write(name, text))


def _write(name, text):
    path = os.path.join(lab.WORK, name)
    with open(path, "w") as out:
        out.write(text)
    return path


# nft 1.0.6 makes one comparison of the two, which any of them can pass, and
# lists it as if both had to be passed.
MERGED = re.compile(r"\b(\w+) sport != \w+ \1 dport != \w")


def sources(host, case, listing):
    """What the walk reads (a file, or None: the kernel), and of which of the
    versions."""
    if case.kind == "nft":
        plain = re.sub(" # handle [0-9]+$", "", "\n" + listing, flags=re.M)
        text = "".join("table %s\n" % table for table in
                       plain.split("\ntable ")[1:]
                       if table.split()[1] != "watch")
        if not MERGED.search(text):
            yield _write("rules.nft", text), (4, 6)
    elif case.kind in ("legacy", "compat"):
        kind = "nft" if case.kind == "compat" else "legacy"
        for version in getattr(case, case.kind):
            tool = "ip%stables-%s-save" % ("6" if version == "6" else "",
                                           kind)
            text = host.space.run(tool + " 2>/dev/null")
            yield _write("rules.v" + version, text), \
                (int(version),)
    yield None, (4, 6)


def _number(text):
    """A priority as nft lists it: NAME, NAME + 5, -10."""
    words = text.replace("+", "").replace("- ", "-").split()
    return sum(PRIORITIES[word] if word in PRIORITIES else int(word)
               for word in words)


class Loaded:
    """Which rule is which: nft's handles, and the ends of legacy chains."""

    def __init__(self, case, listing):
        self.tracked = tracked(case)
        self.handles = {}
        self.rules = {}
        self.priorities = {}
        self.in_doubt = 0       # packets of which the walk is not sure
        self._read_handles(listing)
        # of legacy tables, the empty ones of the case before are left
        self.worlds = {"nft": {"nft"}, "compat": {"nft"},
                       "legacy": {"legacy"}}.get(case.kind,
                                                 {"nft", "legacy"})
        for version in ("4", "6"):
            family = "ip6" if version == "6" else "ip"
            tables = {**walk_xt.EMPTY, **case.legacy.get(version, {})}
            for name, table in tables.items():
                for chain in table["chains"]:
                    self.priorities["legacy", family, name, chain] = \
                        walk_xt.priority(name, chain)
                    self.rules[family, name, chain] = sum(
                        rule.split()[1] == chain for rule in table["rules"])

    def _read_handles(self, text):
        table = chain = None
        for line in text.splitlines():
            words = line.split()
            if line.startswith("table"):
                table, chain = tuple(words[1:3]), None
            elif line.startswith("\tchain"):
                chain, count = words[1], 0
            elif chain and words[0] == "type":
                self.priorities[("nft", *table, chain)] = _number(
                    line.partition(" priority ")[2].partition(";")[0])
            elif line.startswith("\t}") or line.startswith("\tset") or \
                    line.startswith("\tmap"):
                chain = None
            elif chain and "# handle" in line:
                count += 1
                self.handles[(*table, chain, int(words[-1]))] = count

    def steps(self, phase):
        """(chain, position); 0: the policy."""
        made = []
        for chain, number in phase.steps:
            if phase.world == "nft":
                made.append((chain, self.handles.get(
                    (phase.family, phase.table, chain, number), -1)))
                continue
            last = self.rules.get((phase.family, phase.table, chain), 0)
            if number <= last:
                made.append((chain, number))
            elif chain == phase.chain:
                made.append((chain, 0))
        if phase.policy:
            made.append((phase.chain, 0))
        return made


# ---- making a case smaller
def smaller(case, wrong):
    if not isinstance(wrong, str) and len(case.packets) > 1:
        yield dataclasses.replace(case, packets=[wrong[0][0]])
    for index in range(len(case.nft)):
        yield _without(case, lambda c, i=index: c.nft.pop(i))
    for world in ("legacy", "compat"):
        for version, tables in getattr(case, world).items():
            if len(getattr(case, world)) > 1:
                yield _without(case, lambda c, w=world, v=version:
                               getattr(c, w).pop(v))
            for name in tables:
                if len(tables) > 1:
                    yield _without(case, lambda c, w=world, v=version, n=name:
                                   getattr(c, w)[v].pop(n))
    yield from _smaller_rules(case)


def _without(case, change):
    less = copy.deepcopy(case)
    change(less)
    return less


def _smaller_rules(case):
    def lists(c):
        for table in c.nft:
            for chain in table["chains"].values():
                yield chain["rules"]
        for rules in (c.legacy, c.compat):
            for tables in rules.values():
                for table in tables.values():
                    yield table["rules"]

    for number, rules in enumerate(lists(case)):
        size = len(rules)
        while size:
            for at in range(0, len(rules), size):
                less = copy.deepcopy(case)
                del list(lists(less))[number][at:at + size]
                yield less
            size //= 2
    for index, table in enumerate(case.nft):
        for name in table["chains"]:
            yield _without(case, lambda c, i=index, n=name:
                           c.nft[i]["chains"].pop(n))
        for number in range(len(table["objects"])):
            yield _without(case, lambda c, i=index, n=number:
                           c.nft[i]["objects"].pop(n))


def as_text(case):
    text = walk_nft.as_text(case.nft)
    for world in ("legacy", "compat"):
        for version, tables in getattr(case, world).items():
            text += "# %s, IPv%s\n" % (world, version) + \
                walk_xt.as_text(tables)
    return text
