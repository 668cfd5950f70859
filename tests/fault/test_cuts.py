#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""iptables changes table by table: killed at each of its writes to the kernel,
what is left is safe. Packets tell: the service works, for those who come and
for those who are there; the administrator gets in; what neither the old nor
the new rules let in stays out. And one `recover` leads to old or new.

    test_cuts.py [--all]
"""
import argparse
import os

import history
import lab
import tally
from peers import Server, connect, pair, receive
from tally import check

LEGACY = """*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,80 -m conntrack --ctstate NEW -j ACCEPT
-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
-A OUTPUT -p ipv6-icmp -j ACCEPT
COMMIT
"""
# By force: one of their services has no accept rules where OUTPUT drops
ONE, TWO = history.PATHS
CLOSED = 9999
CALLS = ("setsockopt", "sendto", "sendmsg")


def answers(sock):
    try:
        sock.sendall(b"x" * 100)
        return receive(sock, 100) == b"x" * 100
    except OSError:
        return False


def gets_in(client, version, port, patience):
    try:
        sock = connect(client, version, port, patience)
    except OSError:
        return False
    with sock:
        return answers(sock)


class Site(history.Host):
    """A host that serves, and a client of it."""

    def __init__(self):
        self.client, self.space = pair()
        self.backend = "iptables"
        self.state = os.path.join(lab.WORK,
                                  "state-%d" % next(history.Host.numbers))
        for version in lab.VERSIONS:
            self.space.legacy(version, LEGACY)
        self.servers = [Server(self.space, version, port)
                        for version in lab.VERSIONS
                        for port in (22, 80, CLOSED)]

    def look(self, name, living):
        for version, sock in zip(lab.VERSIONS, living):
            word = "%s, IPv%d: " % (name, version)
            check(gets_in(self.client, version, 80, 2), word + "new ones")
            check(gets_in(self.client, version, 22, 2), word + "ssh")
            check(not gets_in(self.client, version, CLOSED, .15),
                  word + "what is closed is open")
            check(answers(sock), word + "those that were there")


def begin(site, verb):
    """The rules that the verb begins with."""
    site.run("recover")
    site.run("remove")
    if verb != "first":
        site.run("apply", "--force", ONE)
    if verb == "rollback":
        site.run("apply", "--force", TWO)


def cut(site, verb):
    """A death at each write; how many there are."""
    command = {"first": ["apply", "--force", ONE],
               "next": ["apply", "--force", TWO]}.get(verb, [verb])
    cuts = 0
    for call in CALLS:
        for n in range(FIRST, 200, STEP):
            begin(site, verb)
            before = site.listing()
            living = [connect(site.client, version, 80, 3)
                      for version in lab.VERSIONS]
            check(all(map(answers, living)), verb + ": before")
            site.run(*command, code=None, prefix=[
                "strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
                "-e", "inject=%s:signal=KILL:when=%d" % (call, n)])
            if site.code == 0:
                after = site.listing()
                site.look("%s, whole" % verb, living)
                break
            half = site.listing()
            name = "%s, %s %d" % (verb, call, n)
            if half != before:      # else nothing is left to look at
                site.look(name, living)
                cuts += 1
            site.run("recover")
            now = site.listing()
            ends.setdefault(verb, []).append((name, before, now))
            if half != now:
                site.look(name + ", recovered", living)
        for name, old, now in ends.pop(verb, []):
            check(now in (old, after), name + ": recover, neither old nor new",
                  sorted(set(now) ^ set(old)))
    return cuts


ends = {}
parser = argparse.ArgumentParser()
parser.add_argument("--all", action="store_true")
# A longer step might miss the few deaths that leave something.
STEP = 1 if parser.parse_args().all else 6 * min(tally.EVERY, 6) + 1
FIRST = 1 if STEP == 1 else 4
lab.require_ctpolicy()
if "iptables" in lab.BACKENDS:
    the_site = Site()
    the_site.run("apply", "--force", ONE)     # tables, once looked at, stay
    for part in ("first", "next", "rollback", "remove"):
        made = cut(the_site, part)
        check(made, part + ": no cut left anything")
        print("%s: %d cuts left rules between old and new or new" % (
            part, made), flush=True)
else:
    check(True, "nftables changes all at once")
tally.end()
