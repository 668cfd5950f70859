# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies, real packets, three opinions: the model's, nftables' and
iptables'. Per packet and hook, tracked or not and accepted or not must agree.

  differential.py [--policies N] [--packets M] [--seed S] [--binary PATH]

Cases that failed once (cases/*.json) are played first. A new failure is made
as small as it gets, printed, and ends the run with status 1.
"""
import argparse
import copy
import dataclasses
import glob
import itertools
import json
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "netns"), HERE]
sys.dont_write_bytecode = True

import lab                                                  # noqa: E402
from dut import STYLES, Device, identify                    # noqa: E402
from generate import (Probe, as_bytes, as_yaml, random_policy,  # noqa: E402
                      random_probe)
from model import (ICMP, NEIGHBOURS, Packet, accepted, as_list,  # noqa: E402
                   services, untracked)

STAGES = {"i": "input", "f": "forward", "o": "output", "p": "prerouting"}
STATES = {"U": "untracked", "I": "invalid", "T": "other", "N": None}


@dataclasses.dataclass
class Case:
    policy: dict
    probes: list
    style: str = "inet"         # of the nftables host's own filter
    tracking: bool = True       # is conntrack active?
    before: dict = None         # the policy that this one replaces

    def to_json(self):
        return json.dumps(dataclasses.asdict(self), indent=1)

    @staticmethod
    def from_json(text):
        data = json.loads(text)
        data["probes"] = [Probe(Packet(**probe.pop("packet")), **probe)
                          for probe in data["probes"]]
        return Case(**data)


def opinions(case, device, probe, sighting):
    """What the kernel did and what the model says of it: two dictionaries
    with the same keys, "HOOK untracked" or "HOOK accepted"."""
    kernel, model = {}, {}
    packet, host = probe.packet, device.model
    for (letter, part), state in sighting.state.items():
        hook, iface = STAGES[letter], sighting.iface[letter]
        if letter in "pi" and not probe.device and \
                sighting.iface.get("o") != "lo":
            continue            # a looped copy of what went to a group
        told = dataclasses.replace(packet, tail=part == "t")
        label = hook + {"w": "", "f": " first", "t": " tail"}[part]
        if letter == "f":       # the model wants to know where it came in
            iface = sighting.iface["p"]
        if letter in "po" and not (letter == "p" and iface == "lo") and \
                state != "N" and not _automatic(packet):
            kernel[label + " untracked"] = state == "U"
            model[label + " untracked"] = untracked(
                case.policy, host, hook, told, iface)
        if letter != "p":
            kernel[label + " accepted"] = \
                (letter, part) in sighting.accepted
            model[label + " accepted"] = accepted(
                case.policy, host, hook, told, iface, STATES[state])
    return kernel, model


def _automatic(packet):
    """Untracked by the kernel itself."""
    return packet.proto == ICMP[6] and packet.version == 6 and \
        packet.kind in NEIGHBOURS


class Bench:
    def __init__(self, backends):
        self.devices = [Device(backend) for backend in backends]
        self.marks = itertools.count(1)
        self.verdicts = self.unseen = 0

    def begin(self, case):
        paths = []
        for policy in filter(None, (case.before, case.policy)):
            paths.append(os.path.join(lab.WORK, "policy%d.yaml" % len(paths)))
            with open(paths[-1], "w") as out:
                out.write(as_yaml(policy))
        for device in self.devices:
            device.start(paths, case.style, case.tracking)

    def end(self, case):
        """Disagreements: (probe, {who: opinions})."""
        failed = [words for words in [device.finish()
                                      for device in self.devices] if words]
        if failed:
            raise RuntimeError("\n".join(failed))
        journeys = []
        for probe in case.probes:
            parts = as_bytes(probe, next(self.marks) % 65535 + 1)
            journeys.append((parts, probe.device, identify(parts[0])[0]))
        results = [device.play(journeys) for device in self.devices]
        wrong = []
        for probe, *sightings in zip(case.probes, *results):
            said, agree, kernels = {}, True, []
            for device, sighting in zip(self.devices, sightings):
                kernel, model = opinions(case, device, probe, sighting)
                self.verdicts += len(kernel)
                self.unseen += not kernel
                said[device.backend] = kernel
                said["model"] = {**said.get("model", {}), **model}
                agree = agree and kernel == model
                kernels.append(kernel)
            # with fragments, who reassembles where is the backend's affair
            if probe.cut == "whole" and any(k != kernels[0] for k in kernels):
                agree = False
            if not agree:
                wrong.append((probe, said))
        return wrong

    def run(self, case):
        self.begin(case)
        return self.end(case)


def random_case(rng, bench, packets):
    policy = random_policy(rng)
    probes = [random_probe(rng, policy, bench.devices[0].model)
              for _ in range(packets)]
    forbidden = policy["state_matching"] == "forbidden"
    return Case(policy, probes, rng.choice(STYLES),
                not (forbidden and rng.random() < 0.5),
                random_policy(rng) if rng.random() < 0.1 else None)


# ---- making a failure smaller
def smaller_policies(policy):
    for section in ("management", "untracked"):
        for index in range(len(policy.get(section, []))):
            if len(services(policy)) > 1:
                less = copy.deepcopy(policy)
                del less[section][index]
                yield less
    if "families" in policy:
        yield {key: value for key, value in policy.items()
               if key != "families"}
    for section in ("management", "untracked"):
        for index, service in enumerate(policy.get(section, [])):
            for changed in smaller_services(service):
                less = copy.deepcopy(policy)
                less[section][index] = changed
                yield less


def smaller_services(service):
    for key in ("why", "reply_guard", "interfaces", "clients", "servers"):
        if key in service:
            yield {k: v for k, v in service.items() if k != key}
    for key in ("role", "protocol", "ports", "clients", "servers",
                "interfaces"):
        values = as_list(service.get(key, []))
        if len(values) > 8:
            yield {**service, key: values[:len(values) // 2]}
            yield {**service, key: values[len(values) // 2:]}
        elif len(values) > 1:
            for index in range(len(values)):
                yield {**service, key: values[:index] + values[index + 1:]}
    if service["accept"] != "none":
        yield {**service, "accept": "none"}


def smaller_cases(case):
    if case.before:
        yield dataclasses.replace(case, before=None)
        for policy in smaller_policies(case.before):
            yield dataclasses.replace(case, before=policy)
    for policy in smaller_policies(case.policy):
        yield dataclasses.replace(case, policy=policy)


def attempt(bench, case):
    """None when all agree; else what is wrong: a list of disputes, or the
    words of a program that failed."""
    try:
        return bench.run(case) or None
    except RuntimeError as err:
        return str(err)


def shrink(bench, case, wrong):
    """Try smaller policies as long as the same kind of thing is wrong."""
    probes = [wrong[0][0]] if isinstance(wrong, list) else case.probes
    first = dataclasses.replace(case, probes=probes)
    best = first, attempt(bench, first)
    if type(best[1]) is not type(wrong):
        return case, wrong      # it took the other packets as well
    end = time.monotonic() + 20
    progress = True
    while progress and time.monotonic() < end:
        progress = False
        for tried in smaller_cases(best[0]):
            found = attempt(bench, tried)
            if type(found) is type(wrong):
                best, progress = (tried, found), True
                break
    return best


def report(case, wrong):
    print("--- policy (host filter: %s, conntrack %s)" % (
        case.style, "on" if case.tracking else "off"))
    print(as_yaml(case.policy), end="")
    if case.before:
        print("--- applied over\n" + as_yaml(case.before), end="")
    if isinstance(wrong, str):
        print("--- " + wrong)
        return
    for probe, said in wrong[:3]:
        print("--- packet: %s%s" % (probe.packet, ", " + probe.cut))
        print("    " + ("arrives on " + probe.device if probe.device
                        else "sent by a local program"))
        for key in sorted({key for who in said.values() for key in who}):
            print("    %-22s %s" % (key, "  ".join(
                "%s: %-3s" % (who, {True: "yes", False: "no"}.get(
                    said[who].get(key), "-")) for who in sorted(said))))
    print("--- as a case")
    print(case.to_json(), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--policies", type=int, default=int(
        os.environ.get("CTPOLICY_POLICIES", 300)))
    parser.add_argument("--packets", type=int, default=30)
    parser.add_argument("--seed", type=int, default=int(
        os.environ.get("CTPOLICY_SEED", random.randrange(1 << 32))))
    parser.add_argument("--binary", default=lab.CTPOLICY)
    parser.add_argument("--keep-going", action="store_true",
                        help="report every failure, then end with 1")
    args = parser.parse_args()
    lab.CTPOLICY = os.path.abspath(args.binary)
    lab.require_ctpolicy()

    began = time.monotonic()
    bench = Bench(lab.BACKENDS)
    failures = 0
    for path in sorted(glob.glob(os.path.join(HERE, "cases", "*.json"))):
        with open(path) as text:
            case = Case.from_json(text.read())
        wrong = attempt(bench, case)
        print("%s: %s" % ("not ok" if wrong else "ok", os.path.basename(path)))
        if wrong:
            failures += 1
            report(case, wrong)

    print("seed %d" % args.seed, flush=True)
    rng = random.Random(args.seed)
    case = random_case(rng, bench, args.packets)
    for number in range(args.policies):
        bench.begin(case)
        coming = random_case(rng, bench, args.packets)
        try:
            wrong = bench.end(case)
        except RuntimeError as err:
            wrong = str(err)
        if wrong:
            print("not ok: policy %d" % number)
            report(*shrink(bench, case, wrong))
            failures += 1
        if failures and not args.keep_going:
            break
        case = coming
    spent = time.monotonic() - began
    print("%s: %d policies, %d verdicts (%d packets "
          "met no hook), %d failures, %.1f s, %.1f policies/s"
          % ("not ok" if failures else "ok", number + 1, bench.verdicts,
             bench.unseen, failures, spent, (number + 1) / spent))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
