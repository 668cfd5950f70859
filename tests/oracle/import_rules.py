# SPDX-License-Identifier: GPL-2.0-or-later
"""Random NOTRACK rules, and the policy that import makes of them.

A model of the rules, which knows their matches alone, and model.py, which knows
the policy alone, judge both directions of random connections:

* a connection that the rules kept out of tracking, both ways, stays out;
* a packet that the policy takes out was taken out by a rule, unless the service
  says that it was added to, or is wider.

Rules that import left over count for nothing.

    python3 tests/oracle/import_rules.py --rulesets 1000 --seed 7
"""
import argparse
import dataclasses
import ipaddress
import json
import os
import random
import subprocess
import sys

import dut
import model
from model import Packet

BIN = os.environ["CTPOLICY"]
BACKENDS = os.environ["CTPOLICY_BACKENDS"].split()
LOCAL = ("192.0.2.1", "198.51.100.1")
FAR = ("10.0.0.5", "10.9.0.1", "172.16.0.1", "203.0.113.7")
NETS = ("10.0.0.0/8", "10.0.0.0/24", "10.9.0.1", "172.16.0.0/12", "192.0.2.1",
        "198.51.100.1", "203.0.113.0/24")
# None that a client may have: such a range matches answers by that, too.
PORTS = ("53", "80", "80-90", "443", "1024-9000", "85")
DEVICES = tuple(dut.LINKS)[:2]
PROTOCOLS = {"tcp": 6, "udp": 17, "gre": 47}


@dataclasses.dataclass
class Rule:
    hook: str
    proto: str
    sport: str = ""
    dport: str = ""
    src: str = ""
    dst: str = ""
    iface: str = ""
    negated: str = ""           # one of the fields
    verdict: str = "notrack"

    def takes(self, hook, packet, iface):
        if hook != self.hook or PROTOCOLS[self.proto] != packet.proto:
            return False
        return all(self._fits(field, value) for field, value in (
            ("sport", packet.sport), ("dport", packet.dport),
            ("src", packet.src), ("dst", packet.dst), ("iface", iface)))

    def _fits(self, field, value):
        want = getattr(self, field)
        if not want:
            return True
        if field in ("src", "dst"):
            fits = ipaddress.ip_address(value) in ipaddress.ip_network(want)
        elif field == "iface":
            fits = value == want
        else:
            low, _, high = want.partition("-")
            fits = int(low) <= value <= int(high or low)
        return fits != (self.negated == field)

    def _word(self, field, text):
        want = getattr(self, field)
        if not want:
            return ""
        no = "! " if self.negated == field else ""
        return no + text % want

    def save(self):
        device = "-o %s " if self.hook == "output" else "-i %s "
        words = self._word("src", "-s %s ") + self._word("dst", "-d %s ") + \
            self._word("iface", device) + "-p %s " % self.proto + \
            "".join("--%s %s " % (field, getattr(self, field).replace("-", ":"))
                    for field in ("sport", "dport") if getattr(self, field))
        return "-A %s %s-j %s\n" % (
            self.hook.upper(), words,
            "CT --notrack" if self.verdict == "notrack" else "ACCEPT")

    def nft(self):
        def word(field, key):
            want = getattr(self, field)
            no = "!= " if self.negated == field else ""
            return "%s %s%s " % (key, no, want) if want else ""
        device = "oifname" if self.hook == "output" else "iifname"
        words = word("src", "ip saddr") + word("dst", "ip daddr") + \
            word("iface", device)
        if self.sport or self.dport:
            words += word("sport", self.proto + " sport") + \
                word("dport", self.proto + " dport")
        else:
            words += "meta l4proto %s " % self.proto
        return "\t\t%s%s\n" % (words, self.verdict)


def random_rule(rng, hook):
    proto = rng.choice(("tcp", "udp", "udp", "gre"))
    rule = Rule(hook, proto)
    if proto != "gre" and rng.random() < 0.93:
        setattr(rule, rng.choice(("sport", "dport")), rng.choice(PORTS))
    for field in ("src", "dst"):
        if rng.random() < 0.25:
            setattr(rule, field, rng.choice(NETS))
    if rng.random() < 0.15:
        rule.iface = rng.choice(DEVICES + ("lo",))
    named = [f for f in ("src", "dst") if getattr(rule, f)]
    if named and rng.random() < 0.08:
        rule.negated = rng.choice(named)
    if rng.random() < 0.08:
        rule.verdict = "accept"
    return rule


def answer_of(rng, rule):
    """Most people write the other direction down as well."""
    same = rng.choice(("prerouting", "output"))
    flip = {"sport": "dport", "dport": "sport", "src": "dst", "dst": "src"}
    return dataclasses.replace(
        rule, hook=same, sport=rule.dport, dport=rule.sport, src=rule.dst,
        dst=rule.src, negated=flip.get(rule.negated, rule.negated))


def random_rules(rng):
    rules = []
    for _ in range(rng.choice((1, 2, 2, 3, 5))):
        rules.append(random_rule(rng, rng.choice(("prerouting", "output"))))
        if rng.random() < 0.75:
            rules.append(answer_of(rng, rules[-1]))
    return rules


def text_of(rules, backend):
    if backend == "iptables":
        return "*raw\n" + "".join(rule.save() for rule in rules) + "COMMIT\n"
    return "table ip raw {\n" + "".join(
        "\tchain %s {\n\t\ttype filter hook %s priority raw;\n%s\t}\n" % (
            hook, hook, "".join(r.nft() for r in rules if r.hook == hook))
        for hook in ("prerouting", "output")) + "}\n"


def untracked(rules, left, hook, packet, iface):
    """Rules in order; what accepts ends the chain."""
    for number, rule in enumerate(rules):
        if not rule.takes(hook, packet, iface):
            continue
        if rule.verdict == "accept":
            return False
        if number not in left:
            return True
    return False


# where the request and the reply pass, and who the two ends are
WAYS = {
    "server": ("prerouting", "output", FAR, LOCAL),
    "client": ("output", "prerouting", LOCAL, FAR),
    "router": ("prerouting", "prerouting", FAR, FAR),
}


def random_connection(rng):
    way = rng.choice(sorted(WAYS))
    first, second, clients, servers = WAYS[way]
    proto = rng.choice(sorted(PROTOCOLS.values()))
    client, server = rng.choice(clients), rng.choice(servers)
    cport, sport = rng.randrange(32768, 61000), \
        rng.choice((53, 80, 85, 90, 443, 5000, 22))
    if proto == 47:
        cport = sport = 0
    iface = rng.choice(DEVICES)
    request = Packet(4, proto, client, server, cport, sport)
    reply = Packet(4, proto, server, client, sport, cport)
    return (first, request, iface), (second, reply, iface)


def policy_of(said, exact):
    keys = ("role", "protocol", "ports", "clients", "servers", "interfaces")
    wide = ("only one direction", "ports", "interfaces of its own")
    return {"families": ["ipv4"], "untracked": [
        {key: service[key] for key in keys if service[key]}
        for service in said["services"]
        if not exact or not any(word in note for word in wide
                                for note in service["notes"])]}


def host():
    made = model.Host(local=set(LOCAL), groups=set(), sockets=[])
    made.socket_of = lambda packet: True
    return made


def judge(rng, rules, said, left):
    there, whole = host(), policy_of(said, False)
    exact = policy_of(said, True)
    # what serves a server or client is no router's, though it may be both
    roles = {role for service in said["services"] for role in service["role"]}
    routes = roles & {"server", "client"}
    for _ in range(400):
        pair = random_connection(rng)
        if routes and pair[0][0] == pair[1][0]:
            continue            # where it is, a comment says so
        before = [untracked(rules, left, *leg) for leg in pair]
        after = [model.untracked(whole, there, *leg) for leg in pair]
        sure = [model.untracked(exact, there, *leg) for leg in pair]
        if all(before) and not all(after):
            yield "was out both ways, and is no more: %s" % (pair,)
        for leg, was, now in zip(pair, before, sure):
            if now and not was:
                yield "taken out by no rule: %s" % (leg,)


def numbers_of(text, rules, said):
    """Which rules are left over, by their lines."""
    lines = text.split("\n")
    found = set()
    for row in said["left"]:
        words = lines[row["line"] - 1].strip()
        for number, rule in enumerate(rules):
            if words in (rule.save().strip(), rule.nft().strip()):
                found.add(number)
    return found


def play(seed, number):
    faults = []
    for backend in BACKENDS:
        rng = random.Random("%d %d" % (seed, number))
        rules = random_rules(rng)
        text = text_of(rules, backend)
        p = subprocess.run([BIN, "import", "--json", "-"], input=text,
                           text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        if p.returncode not in (0, 1):
            faults.append("%s: exit %d %s" % (backend, p.returncode, p.stdout))
            continue
        said = json.loads(p.stdout)
        left = numbers_of(text, rules, said)
        wrong = list(judge(rng, rules, said, left))
        faults += ["%s: %s" % (backend, w) for w in wrong[:2]]
        if wrong:
            print(text + "\n".join(
                line for line in (said["policy"] or "").split("\n")
                if line and line.lstrip()[0] != "#"))
            print("left: %s" % [r["why"] for r in said["left"]])
    if faults:
        print("--seed %d --first %d: FAIL\n%s" % (seed, number,
                                                  "\n".join(faults)))
    return bool(faults)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rulesets", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    failed = sum(play(given.seed, number) for number in
                 range(given.first, given.first + given.rulesets))
    print("%d rulesets, %d mean something else as a policy" % (
        given.rulesets, failed))
    sys.exit(bool(failed))


main()
