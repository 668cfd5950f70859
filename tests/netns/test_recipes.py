#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's table of published recipes says what they do: the rules of
docs/recipes.md are loaded, and packets are sent. --table prints the table.
"""
import os
import re
import sys

import hosts
import lab
import tally
from lab import LOOPBACK, VERSIONS, address
from peers import pair
from traffic import Echo, tcp_exchange, udp_exchange

TOP = os.environ.get("srcdir") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
EXCHANGE = {"tcp": tcp_exchange, "udp": udp_exchange}
EACH = 5
PRIVATE = 9161          # a port that only this network should reach
PATIENCE = 0.3
CUT_OFF, WORKS = "cut off", "works"
HOLE = "opens all UDP ports"
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: dns, role: server, protocol: [tcp, udp], ports: [53]}
"""
PORTS = "53,80,123,443,9987"
LEGACY = """*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
%s-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
""" + "".join("-A INPUT -p %s -m multiport --dports %s -m conntrack --ctstate "
              "NEW -j ACCEPT\n" % (protocol, PORTS) for protocol in EXCHANGE
              ) + "COMMIT\n"
NFT = """table inet host {
	chain input {
		type filter hook input priority filter; policy drop;
		iif lo accept
		icmpv6 type { 133-136 } accept
		ct state established,related accept
		meta l4proto { tcp, udp } th dport { %s } ct state new accept
	}
}
""" % PORTS


class Recipe:
    """A section of the page."""

    def __init__(self, name, text):
        self.name = name
        said = re.search(r"^Measured: (tcp|udp|tcp and udp) (\d+)(?: at "
                         r"(\S+))?\. Audit: (.*)\.$", text, re.M)
        self.protocols = said[1].split(" and ")
        self.port, self.at = int(said[2]), said[3]
        self.ids = re.findall(r"CT\d+", said[4])
        self.rules = re.findall(r"^```(iptables|ip6tables|nft)\n(.*?)^```",
                                text, re.M | re.S)
        self.nft = any(dialect == "nft" for dialect, _ in self.rules)

    def load(self, space):
        for dialect, text in self.rules:
            if dialect == "nft":
                space.nft(text)
            else:
                space.legacy(6 if dialect == "ip6tables" else 4, text,
                             flush=False)


class Nothing:
    """No recipe."""
    name = "none"
    protocols, port, at, ids, nft = ("tcp", "udp"), 53, None, [], True

    def load(self, space):
        pass


class Ctpolicy(Nothing):
    """The same service by a policy."""

    def __init__(self, backend):
        self.name, self.backend = "ctpolicy, " + backend, backend
        self.nft = backend == "nftables"

    def load(self, space):
        space.apply(self.backend, POLICY, "--state-dir",
                    os.path.join(lab.WORK, self.backend))


def page(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as text:
        return text.read()


def recipes():
    for part in page("docs", "recipes.md").split("\n## ")[1:]:
        name, text = part.split("\n", 1)
        yield Recipe(name, text)


def filter_by_state(space, nft):
    space.clear()
    if nft:
        space.nft(NFT)
    else:
        space.legacy(4, LEGACY % "")
        space.legacy(6, LEGACY % hosts.NEIGHBOURS[1].replace("%s", "INPUT"))


class Bench:
    def __init__(self, found):
        self.client, self.server = pair()
        own = {r.at for r in found if r.at}
        for at in own:
            self.server.run("ip addr add %s/32 dev lo" % at)
            self.client.run("ip route add %s dev c" % at)
        # each bound to its address, which its answers then come from
        own |= {a for v in VERSIONS for a in (LOOPBACK[v],
                                              address("server", v))}
        self.served = [Echo(self.server, port, at) for at in own
                       for port in {r.port for r in found} | {PRIVATE}]
        self.new = lab.NewEntries(self.server)

    def entries(self, recipe, version, local):
        """How many a single exchange makes; a recipe's protocols agree."""
        counts = set()
        space = self.server if local else self.client
        to = recipe.at or (LOOPBACK[version] if local else
                           address("server", version))
        for protocol in recipe.protocols:
            self.server.flush_entries()
            self.new.take(0.02)
            for _ in range(EACH):
                how = EXCHANGE[protocol](space, version, to, recipe.port)
                tally.check(how == "ok", recipe.name, protocol, to, how)
            counts.add("%g" % (len(self.new.take()) / EACH))
        return "/".join(sorted(counts))

    def filtered(self, recipe):
        """Does the service work on a host that filters by state?"""
        filter_by_state(self.server, recipe.nft)
        recipe.load(self.server)
        broken = [version for version in VERSIONS[:1 if recipe.at else 2]
                  if any(EXCHANGE[protocol](
                      self.client, version,
                      recipe.at or address("server", version), recipe.port,
                      timeout=PATIENCE) != "ok"
                      for protocol in recipe.protocols)]
        return {(): WORKS, (4,): CUT_OFF + (
            "" if recipe.at else " in IPv4"), (4, 6): CUT_OFF}[tuple(broken)]

    def hole(self, recipe):
        """Who sends from the recipe's port: does he reach another one?
        The filter is the one that filtered() has left."""
        return udp_exchange(
            self.client, 4, address("server", 4), PRIVATE, timeout=PATIENCE,
            source=(address("client", 4), recipe.port)) == "ok"

    def ids(self):
        text = self.server.run([lab.CTPOLICY, "audit"], check=False)
        return sorted(set(re.findall(r"\[(CT8\d\d)\]", text)))

    def row(self, recipe):
        hosts.count_states(self.server, "nftables")
        recipe.load(self.server)
        found = [self.entries(recipe, version, local)
                 if version == 4 or not recipe.at else "–"
                 for local in (False, True) for version in VERSIONS]
        found.append(self.filtered(recipe))
        hole = self.hole(recipe)
        ids = self.ids()
        tally.check(ids == recipe.ids, "audit of", recipe.name, "finds", ids)
        self.server.run([lab.CTPOLICY, "remove"], check=False)
        return found + [HOLE if hole else "–"]


def told():
    """{recipe: cells} of the README's table."""
    table = re.search(r"^\| recipe \|.*?\n\n", page("README.md"),
                      re.M | re.S)[0]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")]
            for line in table.strip().splitlines()[2:]]
    return {re.sub(r"\[(.*?)\]\(.*?\)", r"\1", row[0]): row[1:]
            for row in rows}


def main():
    lab.require_ctpolicy()
    found = [Nothing(), *recipes(), *map(Ctpolicy, lab.BACKENDS)]
    bench = Bench(found)
    rows = {recipe.name: bench.row(recipe) for recipe in found}
    if "--table" in sys.argv:
        for name, cells in rows.items():
            print("| %s | %s |" % (name, " | ".join(cells)))
    elif set(lab.BACKENDS) == {"nftables", "iptables"}:
        said = told()
        tally.check(set(said) == set(rows), "the table has", sorted(said))
        for name, cells in rows.items():
            tally.check(said.get(name) == cells, name, "is", cells,
                        "and not", said.get(name))
    tally.end("recipes: ")


main()
