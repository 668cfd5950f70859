# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctpolicy test --file` with another host's text of nftables: interfaces that it names
are there, what belongs to whom loaded it stays, and what nft looks up on this machine
is told apart from mistakes."""
import json
import os
import subprocess

import lab
from tally import case, check, end

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], interfaces: [wan7]}
"""
HOST = """flush ruleset
table inet host {
flags %(flags)s
chain in { type filter hook input priority 0; policy drop
iif lo accept; iif vmap { "wan7" : continue, wan9 : drop }
meta l4proto ipv6-icmp accept
iif %(device)s tcp dport 80 accept
oif != { "wan7", "wan10" } tcp dport 81 drop
}
}
"""


def test(text, code):
    """Of nothing but the text: what was said, as JSON."""
    policy = os.path.join(lab.WORK, "policy.yaml")
    with open(policy, "w", encoding="utf-8") as f:
        f.write(POLICY)
    p = lab.Namespace().popen(
        [lab.CTPOLICY, "test", "--json", "--file", "-", policy], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said = json.loads(p.communicate(text)[0])
    check(p.returncode == code, "code %d" % code, p.returncode, said)
    return said


def errors(text, code):
    return [d for d in test(text, code)["diagnostics"]
            if d["level"] == "error"]


def results(said):
    return {leg["result"] for one in said["runs"] for leg in one["legs"]
            if leg["leg"] == "request" and leg["way"] == "in"}


def devices():
    """A rule about one is met by packets of that one alone."""
    text = HOST.replace("flags %(flags)s\n", "")
    check(results(test(text % {"device": "wan7"}, 0)) == {"proven"},
          "by its own")
    check("dropped_anyway" in results(test(text % {"device": '"wan8"'}, 1)),
          "by another")


def owner():
    """A table that goes with its owner would let everything in."""
    for flags in "owner", "owner,persist", "owner ;":
        check("dropped_anyway" in results(test(
            HOST % {"device": "wan8", "flags": flags}, 1)), flags)
    check(results(test(HOST % {"device": "wan8", "flags": "dormant, owner"},
                       0)) == {"proven"}, "what else is a flag")


def lookups():
    for rule, word in (("meta skuid \"nobody-by-that-name\" drop", "users"),
                       ("meta skgid \"nobody-by-that-name\" drop", "groups"),
                       ("iif $THERE drop", "`iifname`")):
        one, = errors("define THERE = wan7\ntable ip a { chain b { %s; }; }\n" %
                      rule, 69)
        check(word in one["help"] and one["line"], rule, one)
    one, = errors("table ip a {\nchain b {\nfoo bar comment "
                  "\"a.nft:3:1-3: Error : Error: none\"\n}\n}\n", 65)
    check(one["line"] == 3, "a line that is shown", one)


def includes():
    part = os.path.join(lab.WORK, "part.nft")
    with open(part, "w", encoding="utf-8") as f:
        f.write("define HERE = 81\n")
    said = test("define A = 1; include \"%s\"\ntable inet a { "
                "comment \"include me\"; }\n" % part, 0)
    notes = [(d["line"], d["column"]) for d in said["diagnostics"]
             if "is included here" in d["message"]]
    check(notes == [(1, 15)], "behind another statement", said)


def main():
    lab.require_ctpolicy()
    if "nftables" not in lab.BACKENDS:
        lab.skip("built without nftables")
    if os.environ.get("CTPOLICY_LIBNFTABLES") == "no":
        one, = errors("table ip a { }\n", 69)
        check("was built without it" in one["message"], one)
    else:
        for part in devices, owner, lookups, includes:
            case(part.__name__, part)
    end()


main()
