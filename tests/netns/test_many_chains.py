#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a host has many rules the kernel is asked for those of one chain after
the other, since it begins a listing of all anew for each message; a chain that
is long by itself is listed once for all who read it at the same generation. What
is read is the same."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fault"))
import history                                              # noqa: E402
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: dns, role: server, protocol: udp, ports: [53], accept: inherit}
"""
CHAINS, EACH = 20, 160


def table(name, each):
    """Chains of so many rules, and one that jumps to them and filters."""
    text = "table inet %s {\n" % name
    for i in range(CHAINS):
        text += "chain c%d {\n" % i + "".join(
            "ip saddr 10.0.%d.%d udp dport 9 drop\n" % (i, k)
            for k in range(each)) + "}\n"
    return text + "chain in {\ntype filter hook input priority 0\n" \
        "policy drop\n" + "".join("jump c%d\n" % i for i in range(CHAINS)) + \
        "ct state established,related accept\nudp dport 53 accept\n}\n}\n"


class Many:
    def __init__(self, *tables):
        self.host = history.Host("nftables")
        self.path = os.path.join(lab.WORK, "dns.yaml")
        with open(self.path, "w") as out:
            out.write(POLICY)
        for name, each in tables:
            self.host.space.nft(table(name, each))
        self.before = self.list()

    def list(self):
        return self.host.space.run("nft list ruleset")

    def run(self, verb, *more):
        return self.host.run(verb, *more, "--backend", "nftables", code=None)

    def asked(self):
        """How often for rules, and how many chains there are. The look for
        what the rules are about asks for each chain, always."""
        chains = len(re.findall(r"^\tchain ", self.before, re.M))
        return self.run("diff", self.path, "--trace").count(
            "send GETRULE") - chains, chains

    def jump(self, name):
        """What is behind ctpolicy's jump, and the jump's handle."""
        said = self.host.space.run("nft -a list chain inet %s in" % name)
        at = re.search(r"jump ctpolicy-\S+ .*handle (\d+)\n\s*(.*) # ", said)
        return (at.group(2), at.group(1)) if at else (said, None)


def few():
    asked, chains = Many(("few", 2)).asked()
    check(asked == 1 < chains, "few rules: one listing of all", asked)


def many():
    of = Many(("many", EACH), ("other", 1))
    asked, chains = of.asked()
    check(asked == chains > 40, "many rules: one for each chain", asked)
    of.run("apply", of.path)
    check(of.host.code == 0, "apply", of.host.code)
    for name in "many", "other":
        behind, _ = of.jump(name)
        check(behind.startswith("ct state"),
              name + ": the jump stands behind those that lead away", behind)
    of.run("diff", of.path)
    check(of.host.code == 0, "in sync", of.host.code)
    of.host.space.nft("delete rule inet many in handle %s\n" %
                      of.jump("many")[1])
    said = of.run("diff", of.path)
    check(of.host.code == 1 and "many in" in said, "a jump is missing", said)
    of.host.space.nft("insert rule inet many c19 counter\n")
    of.run("apply", of.path)
    check(of.host.code == 0 and of.jump("many")[1], "and is put back")
    of.run("remove")
    left = re.sub(r"\t\tcounter packets \d+ bytes \d+\n", "", of.list())
    check(left == of.before, "remove leaves the host's own rules")


LONG, CHAIN = 12000, "a_chain_that_is_long_by_itself"


def listings(said):
    """How often the long chain was asked for, by the length of the request."""
    length = 20 + 12 + (4 + len(CHAIN) + 1 + 3) // 4 * 4
    return len(re.findall(r"send GETRULE seq \d+, %d bytes" % length, said))


def long():
    of = Many()
    of.host.space.nft(
        "table inet long {\nchain %s {\n%s}\n"
        "chain in {\ntype filter hook input priority 0; policy drop\n"
        "ct state established,related accept\njump %s\n"
        "udp dport 53 ct state new accept\n}\n}\n" % (CHAIN, "".join(
            "ip saddr 10.1.%d.%d udp dport 9 drop\n" % (i >> 8, i & 255)
            for i in range(LONG)), CHAIN))
    of.before = of.list()
    for verb, code, most in (("diff", 1, 1), ("apply", 0, 3), ("apply", 0, 1),
                             ("diff", 0, 1)):
        said = of.run(verb, of.path, "--trace")
        check(of.host.code == code and 1 <= listings(said) <= most,
              "%s lists a long chain at most %d times" % (verb, most),
              listings(said))
    said = of.host.space.run("nft list chain inet long in")
    check(re.search(r"\tjump %s\n\t.* jump ctpolicy-\S+ .*\n\tudp dport 53" %
                    CHAIN, re.sub(r"\t+", "\t", said)),
          "requests are accepted behind the long chain, ahead of its end", said)
    of.run("remove")
    check(of.list() == of.before, "remove leaves the host's own rules")


lab.require_ctpolicy()
few()
many()
long()
tally.end()
