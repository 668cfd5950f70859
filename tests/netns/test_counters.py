#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets and bytes of each untracked service: as many are told as were sent,
in both families; they outlive a second apply, are no drift, and go with the
rules. iptables counts by itself, nftables with `counters: true`."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fault"))
import lab                                                  # noqa: E402
import metrics                                              # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

HEAD = "version: 1\nstate_matching: allowed\n%suntracked:\n"
WEB = "  - {name: web, role: server, protocol: udp, ports: [%s], " \
    "accept: none%s}\n"
LOG = "  - {name: log.1, role: server, protocol: udp, ports: [514-520], " \
    "accept: none%s}\n"
ASK = "  - {name: ask, role: client, protocol: udp, ports: [53], " \
    "accept: none, servers: [192.0.2.0/24, 198.51.100.0/24, " \
    "\"2001:db8::/32\"]}\n"
COUNT = "counters: true\n"
HEADER = {4: 28, 6: 48}                     # of IP and UDP


class Host:
    def __init__(self, backend):
        self.backend, self.lab = backend, lab.Lab()
        self.space = self.lab.server
        self.state = os.path.join(lab.WORK, "state-" + backend)
        self.path = os.path.join(lab.WORK, "counted.yaml")

    def ctpolicy(self, verb, *more, code=0):
        command = [lab.CTPOLICY, verb, "--state-dir", self.state, *more]
        process = self.space.popen(command, text=True, stdin=-3, stdout=-1,
                                   stderr=-2)
        said = process.communicate()[0]
        check(process.returncode == code, " ".join(command), said)
        return said

    def apply(self, text):
        with open(self.path, "w") as out:
            out.write(text)
        said = json.loads(self.ctpolicy("apply", "--json", "--backend",
                                        self.backend, self.path))
        return len(said["steps"])

    def status(self):
        return json.loads(self.ctpolicy("status", "--json"))

    def counts(self):
        return {s["service"]: (s["packets"], s["bytes"])
                for s in self.status()["untracked"]}

    def send(self, port, packets, size, version, back=False):
        """From the client to the server's port; or what the server says."""
        source, to = (self.lab.client, "server") if not back else \
            (self.space, "client")
        with source.socket(lab.FAMILY[version], 2) as sock:
            if back:
                sock.bind(("0.0.0.0" if version == 4 else "::", back))
            for _ in range(packets):
                sock.sendto(b"x" * size, (lab.address(to, version), port))


def exchange(host, port, n, size):
    """n packets each way in each family; how many bytes they are."""
    for version in lab.VERSIONS:
        host.send(port, n, size, version)
        host.send(40000, n, size, version, back=port)
    return 2 * sum(n * (size + HEADER[v]) for v in lab.VERSIONS)


def counted(host):
    """A service, a range of ports and a client, told apart."""
    host.apply(HEAD % COUNT + WEB % ("80, 81", "") + LOG % "" + ASK)
    check(host.counts() == {"ask": (0, 0), "log.1": (0, 0), "web": (0, 0)},
          "nothing was sent", host.counts())
    size = exchange(host, 81, 7, 100)
    check(host.counts()["web"] == (28, size), "as many as were sent",
          (host.counts(), size))
    more = exchange(host, 515, 3, 1000)
    for version in lab.VERSIONS:
        host.send(53, 5, 10, version, back=41000)
    truth = {"web": (28, size), "log.1": (12, more),
             "ask": (10, sum(5 * (10 + HEADER[v]) for v in lab.VERSIONS))}
    check(host.counts() == truth, "each its own", (host.counts(), truth))
    exchange(host, 9999, 4, 10)
    check(host.counts() == truth, "tracked packets count for none",
          host.counts())
    check(host.apply(open(host.path).read()) == 0 and host.counts() == truth,
          "a second apply changes nothing", host.counts())
    said = host.status()
    check(said["drift"]["rules"] == 0, "no drift", said["drift"])
    host.ctpolicy("status", "--check")
    text = host.ctpolicy("status")
    check("28 packets" in text and "web" in text, "people can read it", text)
    host.ctpolicy("diff", "--backend", host.backend, host.path)
    return truth


def told_to_prometheus(host, truth):
    path = os.path.join(lab.WORK, "m.prom")
    host.ctpolicy("status", "--prometheus", path)
    with open(path) as source:
        found = metrics.parse(source.read())
    for name, i in (("packets", 0), ("bytes", 1)):
        sums = {}
        for labels, n in found["ctpolicy_rule_%s_total" % name].items():
            labels = dict(labels)
            check(sorted(labels) == ["chain", "family", "service"], "labels",
                  labels)
            sums[labels["service"]] = sums.get(labels["service"], 0) + n
        check(sums == {s: v[i] for s, v in truth.items()}, name, sums)


def another_service(host, truth):
    """The figures of those that stay go on; those of one that went are gone."""
    host.apply(HEAD % COUNT + WEB % ("80, 81", "") +
               (LOG % "").replace("log.1", "syslog") + ASK)
    said = host.counts()
    check(said["syslog"] == (0, 0) and said["web"] == truth["web"] and
          said["ask"] == truth["ask"], "those that stay go on", said)


def narrow(host):
    """Addresses, interfaces and one family: all kinds of sets and rules."""
    host.apply(HEAD % COUNT +
               WEB % ("80", ", clients: [192.0.2.0/24, 10.0.0.0/8, "
                      "198.18.0.1], interfaces: [eth0, \"wan*\"]") +
               LOG % ", clients: [%s]" % ", ".join(
                   "10.%d.0.0/16" % i for i in range(0, 200, 2)) +
               (WEB % ("80-90", ", clients: [\"2001:db8:1::/64\", "
                       "192.0.2.7]")).replace("web", "six"))
    for version in lab.VERSIONS:
        host.send(80, 9, 50, version)
        host.send(85, 2, 50, version)
    check(host.counts() == {"web": (9, 9 * 78), "log.1": (0, 0),
                            "six": (11, 11 * 98)}, "by address",
          host.counts())


def switched(host):
    """The key comes and goes: rules differ in nftables alone. A rollback and a
    removal know them with counters."""
    text = HEAD % "%s" + WEB % ("80", "")
    host.apply(text % COUNT)
    exchange(host, 80, 1, 10)
    check(host.counts()["web"][0] == 4, "counts", host.counts())
    changes = host.apply(text % "")
    iptables = host.backend == "iptables"
    check(bool(changes) != iptables, "the rules of iptables stay", changes)
    check(host.counts()["web"][0] == (4 if iptables else None),
          "without the key", host.counts())
    if not iptables:
        text = host.ctpolicy("status")
        check("packets" not in text, "no figures", text)
        host.ctpolicy("rollback")
        check(host.counts()["web"] == (0, 0), "counts again", host.counts())
        listing = host.space.run("nft list table inet ctpolicy")
        check(listing.count("counter packets") ==
              listing.count(" notrack") >= 2, "all rules", listing)
    host.ctpolicy("remove")
    check(host.counts() == {}, "gone", host.counts())


def shared(host):
    """Without the key iptables tells what belongs to one service alone: where
    many share a rule, null."""
    many = "".join(
        "  - {name: s%d, role: server, protocol: udp, accept: none, "
        "ports: [%s]}\n" % (n, ", ".join(str(1000 + 100 * n + 2 * i)
                                         for i in range(40)))
        for n in range(12))
    host.apply(HEAD % "" + many)
    host.send(1000, 3, 10, 4)
    check(set(host.counts().values()) == {(None, None)}, "one rule for all",
          host.counts())
    host.apply(HEAD % COUNT + many)
    host.send(1000, 3, 10, 4)
    host.send(1278, 2, 10, 6)
    said = host.counts()
    check(said["s0"][0] == 3 and said["s2"][0] == 2 and
          sum(v[0] for v in said.values()) == 5, "each its own", said)
    host.ctpolicy("remove")


def main():
    lab.require_ctpolicy()
    for backend in lab.BACKENDS:
        host = Host(backend)
        tally.case(backend + ": counted", counted, host)
        truth = host.counts()
        for part in (told_to_prometheus, another_service):
            tally.case("%s: %s" % (backend, part.__name__), part, host, truth)
        for part in (narrow, switched, shared):
            tally.case("%s: %s" % (backend, part.__name__), part, host)
    tally.end()


main()
