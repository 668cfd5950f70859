# SPDX-License-Identifier: GPL-2.0-or-later
"""A policy, its rules, and the policy that import makes of them: the same
packets must be out of tracking.

Random policies are rendered for each backend, and the text is imported. Both
policies go to the model of model.py with random packets, so that neither the
program's own reading of YAML nor a kernel takes part. What import could not
say (a list that iptables holds in an ipset) may be missing, and is said; what
no rule took out must never come in.

    python3 tests/oracle/import.py --policies 1000 --seed 7
"""
import argparse
import json
import os
import random
import subprocess
import sys

import dut
import generate
import model

BIN = os.environ["CTPOLICY"]
BACKENDS = os.environ["CTPOLICY_BACKENDS"].split()
PACKETS = 150
# protocols that the model knows by number alone
NUMBERS = {"ospf": "89"}


def host():
    """The one of dut.py, without its kernel. Every reply that comes in for a
    client finds a socket: of the guard the imported policy keeps the default.
    """
    made = model.Host(
        local={a for pair in dut.LINKS.values() for a in pair}, groups=set(),
        sockets=[])
    made.socket_of = lambda packet: True
    return made


def ctpolicy(*args, text):
    return subprocess.run([BIN, *args], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def policy_of(said):
    """The object's services, as model.py wants them."""
    made = []
    for service in said["services"]:
        keys = ("role", "protocol", "ports", "clients", "servers",
                "interfaces")
        made.append({key: service[key] for key in keys if service[key]})
        made[-1]["protocol"] = [NUMBERS.get(name, name) for name in
                                service["protocol"]]
    families = sorted({f for s in said["services"] for f in s["families"]})
    return {"families": families, "untracked": made}


def is_odd(packet, iface):
    """Of groups, import knows no more than that servers were named; loopback
    addresses it takes for loopback."""
    return iface != "lo" and any(
        model._address(end).is_loopback for end in (packet.src, packet.dst)) \
        or packet.dst in generate.GROUP[packet.version] or \
        model._address(packet.dst).is_multicast or \
        packet.dst.endswith(".255")


def probes(rng, policy, there):
    for _ in range(PACKETS):
        probe = generate.random_probe(rng, policy, there)
        packet = probe.packet
        to_self = there.is_local(packet.dst) and not probe.device
        iface = probe.device or \
            ("lo" if to_self else rng.choice(list(dut.LINKS)))
        if not is_odd(packet, iface) and not packet.tail:
            yield "prerouting" if probe.device else "output", packet, iface


def differences(rng, policy, again, partly):
    there = host()
    for hook, packet, iface in probes(rng, policy, there):
        want = model.untracked(policy, there, hook, packet, iface)
        got = model.untracked(again, there, hook, packet, iface)
        if want != got and not (partly and want):
            yield "%s %s: %s is %s, was %s" % (hook, iface, packet, *(
                "untracked" if x else "tracked" for x in (got, want)))


def imported(policy, backend, family):
    """The object that import gives, or what went wrong."""
    args = ["--backend", backend] + (["--family", family] if family else [])
    text = ctpolicy("render", *args, "-", text=generate.as_yaml(policy))
    if text.returncode:
        return None, "render: %d %s" % (text.returncode, text.stderr)
    if "notrack" not in text.stdout:
        return {"services": [], "left": [], "policy": ""}, ""
    p = ctpolicy("import", "--json", "-", text=text.stdout)
    if p.returncode not in (0, 1):
        return None, "import: %d %s" % (p.returncode, p.stdout + p.stderr)
    said = json.loads(p.stdout)
    if said["policy"]:
        checked = ctpolicy("check", "-", text=said["policy"])
        if checked.returncode:
            return None, "check: %s" % checked.stderr
    return said, ""


def compare(rng, policy, backend, family, verbose):
    """A text for iptables is of one family."""
    where = backend + (" " + family if family else "")
    said, wrong = imported(policy, backend, family)
    if wrong:
        return ["%s: %s" % (where, wrong)]
    partly = bool(said["left"])
    if family:
        policy = dict(policy, families=[family])
    faults = ["%s: left over: %s" % (where, said["left"][0]["why"])] \
        if partly and backend == "nftables" else []
    faults += ["%s: %s" % (where, text) for text in
               differences(rng, policy, policy_of(said), partly)][:3]
    if verbose or faults:
        print("\n".join(line for line in said["policy"].split("\n")
                        if not line.lstrip().startswith("#")))
    return faults


def plain_policy(rng):
    """Without what rules don't show: the guard, and addresses that are those of
    loopback and, in a list with others, of the network too."""
    policy = generate.random_policy(rng)
    lists = policy.pop("lists", {})
    for section in ("management", "untracked"):
        policy[section] = model.services({
            section: policy.get(section, []), "lists": lists})
    for service in policy["management"] + policy["untracked"]:
        service.pop("reply_guard", None)
        for key in ("clients", "servers"):
            kept = [net for net in service.get(key, ())
                    if net not in ("127.0.0.1", "::1")]
            if kept:
                service[key] = kept
            elif service.pop(key, None) and service["protocol"] == ["ah"]:
                service["protocol"] = ["gre"]
    return policy


def play(seed, number, verbose):
    rng = random.Random("%d %d" % (seed, number))
    policy = plain_policy(rng)
    faults = []
    for backend in BACKENDS:
        families = policy.get("families", ["ipv4", "ipv6"]) \
            if backend == "iptables" else [None]
        for family in families:
            faults += compare(rng, policy, backend, family, verbose)
    if faults:
        print("--seed %d --first %d: FAIL\n%s\n%s" % (
            seed, number, generate.as_yaml(policy), "\n".join(faults)))
    return bool(faults)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--policies", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    given = parser.parse_args()
    failed = sum(play(given.seed, number, given.verbose)
                 for number in range(given.first,
                                     given.first + given.policies))
    print("%d policies, %d came back different" % (given.policies, failed))
    sys.exit(bool(failed))


main()
