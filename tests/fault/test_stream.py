#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbered UDP packets all the while rules are changed: of the flow that goes
out of tracking and comes back, of one that stays tracked, IPv4 and IPv6.

With iptables none may be lost, and of a flow that stays tracked none at all.
A transaction of nftables changes the rules between one hook and the next of a
packet's way, so what is on its way then may be lost. So may it with both where
a client's service comes back into tracking: a reply to a request that left no
entry is nobody's. stream keeps WINDOW packets on their way at most.

    test_stream.py [--changes N] [--rate PACKETS-A-SECOND]
"""
import argparse
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
import lab  # noqa: E402
import tally  # noqa: E402
from peers import pair  # noqa: E402
from tally import check  # noqa: E402

WINDOW = 2      # as in stream.c
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: echo, role: %s, protocol: udp, ports: [7], accept: open}
  - {name: more, role: server, protocol: tcp, ports: [%d], accept: open}
"""
NFT = """table inet host {
chain in { type filter hook input priority 0; policy drop
ct state established accept
meta l4proto ipv6-icmp accept
udp dport { 7, 9 } ct state new accept
}
chain out { type filter hook output priority 0; policy drop
ct state established,new accept
meta l4proto ipv6-icmp accept
}
}
"""
LEGACY = """*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p udp -m multiport --dports 7,9 -m conntrack --ctstate NEW -j ACCEPT
-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
-A OUTPUT -p ipv6-icmp -j ACCEPT
COMMIT
"""
PROGRAM = os.path.join(os.environ.get("builddir", "."), "tests/fault/stream")


def policies(role):
    paths = []
    for n, text in enumerate((POLICY % (role, 80), POLICY % (role, 81),
                              (POLICY % (role, 82)).replace("[7]", "[77]"))):
        paths.append(os.path.join(lab.WORK, "%s%d.yaml" % (role, n)))
        with open(paths[-1], "w") as out:
            out.write(text)
    return paths


def run(backend, role, version, options):
    client, server = pair()
    host = server if role == "server" else client
    state = os.path.join(lab.WORK, "st-%s-%s-%d" % (backend, role, version))
    if backend == "nftables":
        host.nft(NFT)
    else:
        for family in lab.VERSIONS:
            host.legacy(family, LEGACY)
    address = lab.address("server", version)
    echoes = [server.popen([PROGRAM, "echo", address, port])
              for port in ("7", "9")]
    time.sleep(.2)
    senders = [client.popen([PROGRAM, "send", address, port,
                             str(options.rate)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
               for port in ("7", "9")]
    time.sleep(.3)
    made = back = 0
    untracked = False
    paths = policies(role)
    for n in range(options.changes):
        verb = ["apply", paths[n % 3]] if n % 4 else ["remove"]
        was, untracked = untracked, n % 4 and n % 3 != 2
        process = host.popen(
            [lab.CTPOLICY, verb[0], "--detailed-exitcode", "--backend",
             backend, "--state-dir", state] + verb[1:], stdout=-1, stderr=-2,
            text=True)
        said = process.communicate()[0]
        check(process.returncode in (0, 2), backend + ": " + verb[0], said)
        made += process.returncode == 2
        back += was and not untracked
    time.sleep(.2)
    name = "%s, %s, IPv%d" % (backend, role, version)
    costly = made if backend == "nftables" else back * (role == "client")
    for sender, flow, may in ((senders[0], "the service's", WINDOW * costly),
                              (senders[1], "a tracked flow's", 0)):
        sent, lost, refused = map(int, sender.communicate("")[0].split())
        check(made and back and sent and lost <= may, name + ": " + flow,
              "%d of %d lost in %d changes, %d of them back into tracking" %
              (lost, sent, made, back))
        print("%s: %s packets: %d sent, %d lost (%d at the sender) in %d "
              "changes" % (name, flow, sent, lost, refused, made), flush=True)
    for echo in echoes:
        echo.kill()
        echo.wait()


parser = argparse.ArgumentParser()
parser.add_argument("--changes", type=int, default=12)
parser.add_argument("--rate", type=int, default=3000)
given = parser.parse_args()
lab.require_ctpolicy()
for name in lab.BACKENDS:
    for part in ("server", "client"):
        for v in lab.VERSIONS:
            run(name, part, v, given)
tally.end()
