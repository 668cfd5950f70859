#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Large sets are not dumped where less will do, and whatever somebody changed in
them is found all the same: between two commands, and between a commit and the
look that verifies it."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fault"))
import history                                              # noqa: E402
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: dns, role: server, protocol: udp, ports: [53], accept: none,
     clients: [%s]}
"""
HUGE, LARGE = 150500, 6000


def address(i):
    return "10.%d.%d.%d" % (i >> 15 & 255, i >> 7 & 255, i << 1 & 255)


def policy(n):
    path = os.path.join(lab.WORK, "%d.yaml" % n)
    with open(path, "w") as out:
        out.write(POLICY % ", ".join(map(address, range(n))))
    return path


def large_set(host, path):
    """The name of a set with all of them, and what an element looks like."""
    text = host.run("render", path, "--backend", "nftables")
    name, first = re.search(
        r"set (\S+) \{[^{}]*elements = \{\s*([^,]*%s\b[^,]*)," % address(0),
        text).groups()
    return name, first.split(" comment ")[0]


class Large:
    def __init__(self, n):
        self.host = history.Host("nftables")
        self.path = policy(n)
        self.dumps = 0
        self.run("apply")
        self.set, self.first = large_set(self.host, self.path)

    def nft(self, *lines):
        self.host.space.nft("".join("%s element inet ctpolicy %s { %s }\n" % (
            verb, self.set, what) for verb, what in lines))

    def element(self, i, comment="dns"):
        return '%s comment "%s"' % (
            self.first.replace(address(0), address(i)), comment)

    def run(self, verb, *more):
        return self.count(verb, "--backend", "nftables", self.path, *more)

    def count(self, *words):
        """What it says; how often it listed the elements of a set."""
        trace = os.path.join(lab.WORK, "strace")
        said = self.host.run(
            *words, code=None,
            prefix=["strace", "-qq", "-s", "9", "-o", trace, "-e",
                    "trace=sendto"])
        with open(trace) as f:
            self.dumps = len(re.findall(
                r"GETSETELEM, nlmsg_flags=[^,]*NLM_F_DUMP", f.read()))
        return said

    def diff(self):
        return re.findall(r"^ *([-+] .*element.*|[-+] .*10\.\d.*)",
                          self.run("diff", "--rules"), re.M)


def names(steps, sign, what):
    return any(line[0] == sign and what in line for line in steps)


def without_policy(of, dumps):
    """What looks at all rules, with no policy to say what is in them; where it
    has to dump, there is a catch-all."""
    for command, codes in (("status", (0,)), ("audit", (0, 1))):
        said = of.count(command, "--backend", "nftables")
        check(of.host.code in codes and bool(of.dumps) == dumps,
              "huge: %s %s" % (command, "dumps" if dumps else
                               "dumps nothing"), of.host.code, of.dumps, said)
    for i in (HUGE - 1, HUGE + 1):
        said = of.count(
            "explain", "udp %s:40000 > 192.0.2.1:53" % address(i),
            "--local", "192.0.2.1", "--backend", "nftables")
        check(of.host.code == 0 and bool(of.dumps) == dumps and
              ("untracked" in said) == (dumps or i < HUGE),
              "huge: explain finds what is in the set, and what is not",
              of.host.code, of.dumps, said)


def between_commands():
    """By key: what is read is what the kernel answers, and as much."""
    of = Large(HUGE)
    check(of.host.code == of.dumps == 0, "huge: apply dumps nothing")
    check(not of.diff() and of.host.code == of.dumps == 0,
          "huge: in sync, nothing is dumped", of.dumps)
    without_policy(of, False)
    there, other, others = of.element(7), of.element(HUGE + 5), of.element(8)
    of.nft(("delete", there), ("add", other), ("delete", others),
           ("add", of.element(8, "mine")))
    steps = of.diff()
    check(names(steps, "+", address(7)) and names(steps, "+", address(8)) and
          names(steps, "-", address(HUGE + 5)),
          "huge: one for another, and another comment", steps)
    of.nft(("add", there), ("delete", other), ("delete", of.element(8, "mine")),
           ("add", others), ("add", "*"))
    of.diff()
    check(of.host.code and of.dumps, "huge: a catch-all is found",
          of.host.code, of.dumps)
    without_policy(of, True)
    of.nft(("delete", "*"))
    of.count("remove")
    check(of.host.code == of.dumps == 0, "huge: remove dumps nothing",
          of.dumps)
    of.count("rollback")
    check(of.host.code == of.dumps == 0 and not of.diff() and
          of.host.code == 0, "huge: and a rollback brings back all of it",
          of.dumps)


def in_the_gap(what, *lines):
    """Somebody writes between the commit and the look: it is no success."""
    of = Large(LARGE)
    check(of.host.code == of.dumps == 0, "large: apply dumps nothing")
    of.host.run("remove")
    process = of.host.held("sendmsg", "ctpolicy", "apply", of.path)
    of.nft(*((verb, of.element(i)) for verb, i in lines))
    said = of.host.let_go(process)
    check(of.host.code and "differ" in said,
          "large: " + what + " before the look", of.host.code, said)
    check("ctpolicy" not in of.host.space.run("nft list tables"),
          "large: " + what + ", undone")


def replaces(host, path):
    """Which of an apply's calls of setsockopt() is the last that writes a
    table."""
    trace = os.path.join(lab.WORK, "strace")
    host.run("apply", path, prefix=["strace", "-qq", "-o", trace, "-e",
                                    "trace=setsockopt"])
    with open(trace) as f:
        calls = f.read().splitlines()
    return max(i for i, c in enumerate(calls, 1) if "SET_REPLACE" in c)


def ipset_in_the_gap(what, path, when, change):
    host = history.Host("iptables")
    process = host.held("setsockopt", "CTPOLICY", "apply", path, when=when,
                        listing="iptables-legacy-save -t raw")
    name = host.space.run("ipset list -n").strip()
    host.space.run("ipset restore", "".join(
        "%s %s %s\n" % (verb, name, address(i)) for verb, i in change))
    said = host.let_go(process)
    check(host.code and "differ" in said,
          "ipset: " + what + " before the look", host.code, said)
    check("CTPOLICY" not in host.space.run("iptables-legacy-save -t raw"),
          "ipset: " + what + ", undone")


def ipsets():
    """They have no generation: they count, and some elements are tested."""
    host, path = history.Host("iptables"), policy(LARGE)
    said = host.run("apply", "--trace", path)
    check("ipset list -t" in said and "ipset save" not in said,
          "ipset: apply dumps nothing", said)
    host.run("diff", path)
    when = replaces(history.Host("iptables"), path)
    ipset_in_the_gap("one added", path, when, [("add", LARGE + 9)])
    ipset_in_the_gap("one taken out", path, when, [("del", 11)])
    ipset_in_the_gap("many for others", path, when,
                     [("del", i) for i in range(600)] +
                     [("add", LARGE + i) for i in range(600)])


lab.require_ctpolicy()
if "iptables" in os.environ["CTPOLICY_BACKENDS"].split():
    ipsets()
between_commands()
in_the_gap("one added", ("add", LARGE + 9))
in_the_gap("one for another", ("delete", 11), ("add", LARGE + 9))
tally.end()
