#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Policies that would lock the administrator out: refused, and when they are
forced with --confirm a new connection gets in again after the time given.

    test_harmful.py [--policies N] [--seed N]
"""
import argparse
import os
import random
import subprocess
import threading
import time

import history
import lab
import tally
from peers import Server, connect, pair
from tally import check

HEAD = "version: 1\nstate_matching: allowed\n"
GOOD = """untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: open}
"""
SAFE = """management:
  - {name: ssh, role: server, protocol: tcp, ports: [22], accept: open}
"""
BARE = """management:
  - {name: ssh, role: server, protocol: tcp, ports: [22], accept: none}
"""
lock = threading.Lock()


def harmful(rng):
    """Port 22 is in it, and nothing accepts it."""
    first, last = rng.randint(1, 22), rng.randint(22, 65535)
    ports = "%d-%d" % (first, last) if first < last else "22"
    shape = rng.choice((
        "untracked:\n  - {name: all, role: server, protocol: [tcp, udp], "
        "ports: [%s], accept: none}\n" % ports,
        "untracked:\n  - {name: wide, role: [server, client], protocol: tcp, "
        "ports: [%s], accept: none}\n" % ports,
        "untracked:\n  - {name: some, role: server, protocol: tcp, "
        "ports: [22, %d], accept: none, clients: [%s, "
        "2001:db8::/32]}\n" % (rng.randint(1024, 65535),
                               rng.choice(("192.0.2.0/24", "192.0.0.0/16", "192.0.2.2"))),
        BARE + GOOD))
    return HEAD + shape


def firewall(server, backend):
    if backend == "nftables":
        server.nft(history.NFT.replace(
            "tcp dport 22 accept", "ct state new tcp dport 22 accept\n"
            "meta l4proto ipv6-icmp accept").replace(
                "established,new accept", "established,new accept\n"
                "meta l4proto ipv6-icmp accept"))
        return
    for version in lab.VERSIONS:
        server.legacy(version, history.LEGACY.replace(
            "-A INPUT -p tcp --dport 22",
            "-A INPUT -p ipv6-icmp -j ACCEPT\n-A OUTPUT -p ipv6-icmp "
            "-j ACCEPT\n-A INPUT -p tcp -m conntrack --ctstate NEW "
            "--dport 22"))


def gets_in(client, version):
    try:
        connect(client, version, 22, .6).close()
        return True
    except OSError:
        return False


class Case:
    def __init__(self, backend):
        with lock:
            self.client, self.server = pair()
            self.state = os.path.join(lab.WORK, "st%d" % id(self))
        firewall(self.server, backend)
        self.kept = [Server(self.server, version, 22)
                     for version in lab.VERSIONS]
        self.backend = backend

    def apply(self, text, *more, version=4, ssh=True):
        path = os.path.join(lab.WORK, "p%d.yaml" % id(self))
        with open(path, "w") as out:
            out.write(text)
        env = dict(os.environ)
        env.pop("SSH_CONNECTION", None)
        if ssh:
            env["SSH_CONNECTION"] = "%s 50000 %s 22" % (
                lab.address("client", version), lab.address("server", version))
        process = self.server.popen(
            [lab.CTPOLICY, "apply", "--backend", self.backend, "--state-dir",
             self.state, *more, path], text=True, env=env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return process.communicate()[0], process.returncode


def judged(backend):
    """Which policies are refused, and which are not."""
    case = Case(backend)
    for version in lab.VERSIONS:
        for text, ssh, wanted in (
                (HEAD + GOOD, True, 0), (HEAD + SAFE + GOOD, True, 0),
                (HEAD + BARE + GOOD, True, 14),
                (HEAD + BARE + GOOD, False, 14),
                (HEAD + GOOD.replace("80", "1-1023"), True, 0),
                (HEAD + GOOD.replace("80], accept: open",
                                     "1-1023], accept: none"), True, 14),
                (HEAD + GOOD.replace("80], accept: open",
                                     "1-1023], accept: none"), False, 14)):
            said, code = case.apply(text, "--dry-run", ssh=ssh,
                                    version=version)
            check(code == wanted, "%s, IPv%d: %d, not %d" % (
                backend, version, code, wanted), text + said)
            check((code == 14) == ("CT570" in said or "CT590" in said),
                  "the leg is named", said)
    said, code = case.apply(HEAD + SAFE + GOOD)
    for version in lab.VERSIONS:
        check(code == 0 and gets_in(case.client, version),
              "%s: a good policy lets IPv%d in" % (backend, version), said)


def other_world():
    """Accepts of nftables do not reach what legacy iptables drops."""
    case = Case("iptables")
    case.backend = "nftables"
    for ssh in (True, False):
        said, code = case.apply(HEAD + SAFE + GOOD, "--dry-run", ssh=ssh)
        check(code == 14 and "CT570" in said, "the other world", said)


def regained(rng, backend):
    case = Case(backend)
    text = harmful(rng)
    check(gets_in(case.client, 4), "gets in before")
    said, code = case.apply(text)
    check(code == 14, backend + ": refused", text + said)
    said, code = case.apply(text, "--force", "--confirm", "2s")
    check(code == 0, backend + ": forced", text + said)
    check(not gets_in(case.client, 4), backend + ": it does harm", text)
    time.sleep(3)
    for version in lab.VERSIONS:
        check(gets_in(case.client, version) or gets_in(case.client, version),
              "%s: IPv%d gets in again" % (backend, version), text)


def work(seed, n):
    rng = random.Random(seed)
    for k in range(n):
        regained(rng, lab.BACKENDS[k % len(lab.BACKENDS)])


parser = argparse.ArgumentParser()
parser.add_argument("--policies", type=int, default=8)
parser.add_argument("--seed", type=int, default=20261124)
options = parser.parse_args()
lab.require_ctpolicy()
for name in lab.BACKENDS:
    judged(name)
if len(lab.BACKENDS) == 2:
    other_world()
count = 4
threads = [threading.Thread(target=work, args=(
    options.seed * 100 + n,
    options.policies // count + (n < options.policies % count)))
    for n in range(count)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
tally.end("%d harmful policies: " % options.policies)
