#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nftables: new sets with ranges are filled ahead of the rules that look into
them. Whatever happens between the two, the rules are as before or as wanted,
and no set is left behind: the second fails, somebody else writes, the program
dies."""
import re

import history
import lab
import tally
from tally import check

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, accept: open, ports: [80]%s}
"""
FEW, MANY = history.PATHS
NEW_SET = "set server_tcp_pc4_r"


def write_policies():
    for path, more in ((FEW, ""), (MANY, ", clients: [%s]" % ", ".join(
            "10.%d.0.0/16" % i for i in range(0, 80, 2)))):
        with open(path, "w") as out:
            out.write(POLICY % more)


def inject(what):
    return ["strace", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg",
            "-e", "inject=sendmsg:" + what]


def begin():
    host = history.Host("nftables")
    host.run("apply", FEW)
    return host, host.listing()


def refused(what, when, code):
    """The second, or all from the second on up to some, fail."""
    host, old = begin()
    said = host.run("apply", MANY, code=None,
                    prefix=inject("error=ENOBUFS:when=" + when))
    check(host.code == code, what + ": exit code", host.code, said)
    if code == 11:
        check(NEW_SET in "\n".join(host.listing()), what + ": sets are left")
        check("could not" in said, what + ": says so", said)
        host.run("recover")
    check(host.listing() == old, what + ": as before",
          set(old) ^ set(host.listing()))
    check("journal" not in host.files(), what + ": nothing left to recover")
    host.run("apply", MANY)
    check(NEW_SET in "\n".join(host.listing()), what + ": once more")


def killed(nth):
    host, old = begin()
    host.run("apply", MANY, code=None,
             prefix=inject("signal=KILL:when=%d" % nth))
    check(host.code != 0, "killed", host.code)
    there = host.listing()
    rules = [line for line in old if re.search("notrack|accept|jump", line)]
    check((NEW_SET in "\n".join(there)) == (nth == 2),
          "killed at %d: how far it got" % nth)
    check(set(rules) <= set(there), "killed at %d: the rules are as before" %
          nth)
    host.run("recover")
    check(host.listing() == old, "killed at %d: recovered" % nth,
          set(old) ^ set(host.listing()))


def disturbed(what, text, word):
    """Somebody writes between the two: planned again, on what there is."""
    host, _ = begin()
    process = host.held("sendmsg", NEW_SET, "apply", MANY)
    host.space.nft(text)
    said = host.let_go(process)
    check(host.code == 0, what + ": applied", said)
    now = "\n".join(host.listing())
    check(word in now and NEW_SET in now, what + ": both are there", now)
    host.run("diff", MANY)
    host.run("remove")
    check("ctpolicy" not in "\n".join(host.listing()), what + ": nothing left")


lab.require_ctpolicy()
write_policies()
refused("the second fails", "2", 10)
refused("taking out fails, too", "2..3", 10)
refused("all fail", "2+", 11)
killed(1)
killed(2)
disturbed("one rule more", "add rule inet host in tcp dport 23 accept\n",
          "dport 23")
disturbed("a reload", "delete table inet host\n" + history.NFT.replace(
    "dport 22", "dport 2222"), "dport 2222")
disturbed("all is flushed", "flush ruleset\n" + history.NFT, "dport 22")
tally.end()
