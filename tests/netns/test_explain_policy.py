#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What explain --policy says ahead of an apply, plain explain says after it:
live and of the saved rules, for both backends and both families, whether
ctpolicy's rules were there before or not."""
import json
import os
import re

import lab
import tally
from peers import pair
from tally import check
from test_explain import NFT

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80, 8004], accept: open,
     clients: [192.0.2.0/24, "2001:db8:1::/64"]}
  - {name: dns, role: [server, client], protocol: udp, ports: [53],
     accept: open}
  - {name: through, role: router, protocol: tcp, ports: [443], accept: open}
"""
OTHER = POLICY.replace("80, 8004", "8001").replace("dns", "names")
LEGACY = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:LATE - [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m multiport --dports 8004:8010 -j LATE
-A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A LATE -p tcp --syn -m limit --limit 1/hour --limit-burst 9 -j RETURN
-A LATE -p tcp --syn -j DROP
COMMIT
"""
FORWARD = """
table inet host {
chain fw { type filter hook forward priority 0; policy drop
ct state established accept
}
}
"""
ENDS = {4: ("192.0.2.9", "203.0.113.9"),
        6: ("[2001:db8:1::9]", "[2001:db8:3::9]")}
PACKETS = (
    ("tcp {here}:40000 > {me}:80 syn", "--in", "s"),
    ("tcp {here}:40000 > {me}:80 ack", "--in", "s"),
    ("tcp {far}:40000 > {me}:80 syn", "--in", "s"),
    ("tcp {here}:40000 > {me}:8004 syn", "--in", "s"),
    ("tcp {here}:40000 > {me}:8001 syn", "--in", "s"),
    ("tcp {here}:40000 > {me}:22 syn", "--in", "s"),
    ("tcp {me}:80 > {here}:40000 syn,ack", "--out", "s"),
    ("udp {here}:40000 > {me}:53", "--in", "s"),
    ("udp {me}:40000 > {here}:53", "--out", "s"),
    ("udp {here}:53 > {me}:40000", "--in", "s"),
    ("tcp {here}:40000 > {far}:443 syn", "--in", "s", "--out", "t"),
    ("tcp {far}:443 > {here}:40000 syn,ack", "--in", "t", "--out", "s"),
    ("tcp {me}:40000 > {me}:80 syn", "--in", "lo"),
)


def explain(space, packet, *options):
    return json.loads(space.run(
        [lab.CTPOLICY, "explain", "--json", *options, *packet[1:], packet[0]]))


def verdict(said):
    """What matters of an answer; the rules' names are of one time."""
    reply = said.get("reply") or {}
    return tuple(x.get(key) for x in (said, reply)
                 for key in ("result", "path", "tracked", "translated"))


def packets():
    for version, (here, far) in ENDS.items():
        me = lab.address("server", version)
        me = "[%s]" % me if version == 6 else me
        for text, *more in PACKETS:
            yield (text.format(here=here, me=me, far=far), *more)


def save(space, backend):
    """The saved rules: one text for nft, one for each family of iptables."""
    tools = {"nftables": ["nft list ruleset"] * 2,
             "iptables": ["iptables-legacy-save", "ip6tables-legacy-save"]}
    for version, tool in zip(lab.VERSIONS, tools[backend]):
        path = os.path.join(lab.WORK, "saved-%d" % version)
        with open(path, "w") as out:
            out.write(space.run(tool))


def listing(space):
    text = space.run("nft list ruleset; iptables-legacy-save; "
                     "ip6tables-legacy-save; ipset save")
    return re.sub(r"^#.*$|\[\d+:\d+\]", "", text, flags=re.M)


def of_file(packet):
    version = 6 if "[" in packet[0] else 4
    return ("--file", os.path.join(lab.WORK, "saved-%d" % version),
            "--local", ",".join(lab.address("server", v)
                                for v in lab.VERSIONS))


def compare(space, backend, when):
    path = os.path.join(lab.WORK, "then.yaml")
    with open(path, "w") as out:
        out.write(POLICY)
    then = ("--policy", path, "--backend", backend)
    save(space, backend)
    rules = listing(space)
    before = [(p, explain(space, p, *then),
               explain(space, p, *of_file(p), *then)) for p in packets()]
    check(listing(space) == rules, when + ": nothing was changed")
    space.apply(backend, POLICY)
    services = set()
    for packet, live, saved in before:
        now = explain(space, packet)
        what = "%s, %s: %s" % (backend, when, packet[0])
        check(verdict(live) == verdict(now), what,
              "said %s, is %s" % (verdict(live), verdict(now)))
        check(verdict(saved) == verdict(now), what + ", of the file",
              "said %s, is %s" % (verdict(saved), verdict(now)))
        services |= {s["service"] for p in live["phases"] for s in p["steps"]}
    check(services == {None, "web", "dns", "through"}, when + ": services",
          services)
    web = before[0][1]
    check(web["without_policy"]["tracked"] is True and
          web["tracked"] is False, when + ": with and without", web)


def prepare(space, backend):
    space.clear()
    if backend == "nftables":
        space.nft(NFT + FORWARD)
    else:
        for version in lab.VERSIONS:
            space.legacy(version, LEGACY)


def main():
    _, server = pair()
    for backend in lab.BACKENDS:
        prepare(server, backend)
        compare(server, backend, "nothing applied")
        compare(server, backend, "applied already")
        prepare(server, backend)
        server.apply(backend, OTHER)
        compare(server, backend, "another applied")
        server.remove(backend)
    tally.end()


if __name__ == "__main__":
    lab.require_ctpolicy()
    main()
