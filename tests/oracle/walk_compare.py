# SPDX-License-Identifier: GPL-2.0-or-later
"""The walk's opinion of a packet, and how it differs from what the kernel
did. Where the walk is in doubt, the kernel's way must be among its ways."""
import ipaddress
import json
import subprocess

import packets as build
from walk_lab import LINKS, OWN, REMOTES, ROUTES, is_error

STATES = {"invalid": 1, "established": 2, "related": 4, "new": 8,
          "untracked": 64}
TO_HOST, FROM_HOST, FORWARDED, LOOPBACK = range(4)
RTN = {"unicast": 1, "local": 2, "broadcast": 3, "multicast": 5}
ACCEPTED, DROPPED = 1, 2


class Tool:
    """walk_tool, waiting for commands inside the host."""

    def __init__(self, path, space):
        self.process = space.popen([path], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        text = self.process.stdout.readline()
        if not text:
            raise SystemExit("walk_tool ended with %s at: %s" % (
                self.process.wait(), line))
        return json.loads(text)

    def read(self, path):
        return self.ask("read " + path if path else "live")


def kind_of(text):
    raw = ipaddress.ip_address(text)
    if raw.is_multicast:
        return "multicast"
    if text.endswith(".255"):
        return "broadcast"
    return "local" if raw.is_loopback or text in OWN[raw.version] \
        else "unicast"


def path_of(packet):
    here = kind_of(packet.dst) != "unicast"
    if not packet.device:
        return LOOPBACK if kind_of(packet.dst) == "local" else FROM_HOST
    return TO_HOST if here else FORWARDED


def out_device(packet):
    path = path_of(packet)
    if path == LOOPBACK:
        return "lo"
    if path == TO_HOST:
        return None
    device = REMOTES[packet.version].get(packet.dst)
    return device or ROUTES[-1][2]


def expected_state(packet, seen):
    """What the tracker makes of it; where it was kept from it, what it would
    have made of it."""
    if seen.state and seen.state != "untracked":
        return seen.state
    if packet.known:
        return "related" if packet.known == "error" else "established"
    return "invalid" if is_error(packet) else "new"


def as_line(packet, seen, tracked):
    p = packet
    words = ["packet", str(p.version), str(p.proto), str(path_of(p)),
             "src=" + p.src, "dst=" + p.dst,
             "srctype=%d" % RTN[kind_of(p.src)],
             "dsttype=%d" % RTN[kind_of(p.dst)], "mark=%d" % p.mark,
             "states=%d" % STATES[expected_state(p, seen)],
             "tracking=%d" % (p.version in tracked)]
    if p.part == "later":
        words.append("fragment")
    elif p.proto in (build.TCP, build.UDP, build.SCTP, build.UDPLITE,
                     build.DCCP):
        words += ["sport=%d" % p.sport, "dport=%d" % p.dport]
    if p.proto == build.TCP:
        words.append("flags=%d" % sum(build.TCP_FLAGS[f] for f in p.flags))
    if p.proto in (build.ICMP, build.ICMPV6):
        words += ["type=%d" % p.kind, "code=%d" % p.code]
    if path_of(p) != LOOPBACK:
        if p.device:
            words.append("iif=" + p.device)
        if out_device(p):
            words.append("oif=" + out_device(p))
    return " ".join(words)


def _is_within(some, steps):
    """Are `some` among `steps`, in their order?"""
    rest = iter(steps)
    return all(step in rest for step in some)


def _phase_differs(kernel, phase):
    """kernel: steps of the base chain."""
    possible = [tuple(s[:2]) for s in phase["steps"]]
    certain = [tuple(s[:2]) for s in phase["steps"]
               if s[2] == "yes" and s[3] == "yes"]
    if not _is_within(kernel, possible):
        return "the kernel met a rule that the walk did not"
    if not _is_within(certain, kernel):
        return "the walk met a rule that the kernel did not"
    return None


def differences(tool, loaded, packet, seen, source):
    """Lines of text; none: they agree."""
    line = as_line(packet, seen, loaded.tracked)
    walk = tool.ask(line)
    if "error" in walk:
        return ["walk: " + walk["error"]]
    kernel = [((p.world, p.family, p.table, p.chain), loaded.steps(p))
              for p in seen.phases if p.world in loaded.worlds]
    phases = [p for p in walk["phases"] if p["table"] != "watch"]
    for phase in phases:
        if source:              # iptables-save does not say which it is of
            phase["world"], = loaded.worlds
    phases = [p for p in phases if p["world"] in loaded.worlds]
    loaded.in_doubt += any(step[2:] != ["yes", "yes"] for phase in phases
                           for step in phase["steps"])
    if walk["order_matters"]:
        return []
    last = "input" if path_of(packet) in (TO_HOST, LOOPBACK) \
        else "postrouting"
    accepted = last in seen.ends
    found = _compare_phases(kernel, phases, loaded.priorities, accepted)
    if not walk["outcome"] & (ACCEPTED if accepted else DROPPED):
        found.append("the kernel %s it" % (
            "accepted" if accepted else "dropped"))
    has_entry = packet.version in loaded.tracked and bool(seen.state) and \
        seen.state not in ("untracked", "invalid")
    if seen.state and walk["tracked"] != "maybe" and \
            (walk["tracked"] == "yes") != has_entry:
        found.append("the kernel says: %s" % seen.state)
    if found:
        found = found[:3] + [line, "from " + (source or "the kernel"),
                             "kernel:"] + \
            ["  %s %s" % (key, steps) for key, steps in kernel] + \
            ["  end: %s, state %s" % (seen.ends, seen.state or "-"),
             "walk: outcome %d, tracked %s" % (walk["outcome"],
                                               walk["tracked"])] + \
            ["  %s %s %s" % (_key(p), p["hook"], p["steps"])
             for p in phases]
    return found


def _key(phase):
    return tuple(phase[x] for x in ("world", "family", "table", "chain"))


def _in_another_order(kernel, phases, at, priorities):
    """Phases of one priority that the kernel took the other way round: what is
    the same in the end need not be on the way. One that the walk never came to,
    since it had ended in another, was taken first."""
    order = [at[key] for key, _ in kernel if key in at]
    swapped = {priority for a, b in zip(order, order[1:]) if a > b
               for priority in (phases[a]["priority"], phases[b]["priority"])}
    swapped |= {priorities[key] for key, _ in kernel if key not in at}
    return {n for n in order if phases[n]["priority"] in swapped}


def _compare_phases(kernel, phases, priorities, accepted):
    """The kernel's phases must be the walk's, up to where it stopped. Loopback
    visits postrouting and prerouting, but no chain twice. Chains of one
    priority run in any order, and the first that drops is the last."""
    found, at = [], {_key(p): n for n, p in enumerate(phases)}
    loose = _in_another_order(kernel, phases, at, priorities)
    visited, last = set(), -1
    ends = set()
    if phases and phases[-1]["outcome"] & DROPPED:
        ends.add(phases[-1]["priority"])
    if kernel and not accepted:
        ends.add(priorities[kernel[-1][0]])
    for key, steps in kernel:
        if key not in at:
            if priorities[key] not in ends:
                found.append("the walk never came to %s" % (key,))
            continue
        index = at[key]
        visited.add(index)
        words = _phase_differs(steps, phases[index])
        if words and index not in loose:
            found.append("%s: %s" % (key, words))
        if index < last and \
                phases[index]["priority"] != phases[last]["priority"]:
            found.append("%s: out of order" % (key,))
        last = index
    for index, phase in enumerate(phases):
        if index not in visited and phase["reached"] == "yes" and \
                phase["priority"] not in ends:
            found.append("the kernel never came to %s" % (_key(phase),))
    return found
