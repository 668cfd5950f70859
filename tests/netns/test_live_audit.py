#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""audit of a live host, in every dialect and with two worlds at once: what keeps
tracking on, of each family; what is wrong with NOTRACK rules, and where; the
exit code. Rules read live are judged like the text that is saved of them."""
import glob
import json
import os

import lab
import tally
from tally import check

AUDITS = os.path.join(os.environ["srcdir"], "tests/golden/audit")
OFF = "tracking of IPv4: off\ntracking of IPv6: off\n"
STATE = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p icmp -j ACCEPT\n" \
    "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n" \
    "-A INPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
INET = """table inet host {
chain in { type filter hook input priority 0
tcp dport 22 accept
ct state established accept
}
}
"""
SIX = INET.replace("inet", "ip6")
NOTRACK = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 80 -j CT --notrack
-A PREROUTING -p tcp -m tcp --sport 80 -j CT --notrack
-A OUTPUT -p tcp -m tcp --sport 80 -j CT --notrack
-A OUTPUT -p tcp -m tcp --dport 80 -j CT --notrack
COMMIT
"""
# A cache of names: is it this host's, or one that it asks?
CACHE = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d ADDR -p udp -m udp --dport 53 -j CT --notrack
-A OUTPUT -d ADDR -p udp -m udp --dport 53 -j CT --notrack
-A OUTPUT -s ADDR -p udp -m udp --sport 53 -j CT --notrack
COMMIT
"""
ALL = {"CT%d" % number for number in range(800, 812)}
# hooks, priorities and chains that iptables cannot have, and two families
ONLY_NFT = {"CT803", "CT806", "CT811"}
WHY = "matches connection states"


def run(space, *words, text=None):
    """Exit code and output."""
    path = os.path.join(lab.WORK, "rules")
    with open(path, "w") as out:
        out.write(text or "")
    said = space.run("%s audit %s <%s; echo exit $?" % (
        lab.CTPOLICY, " ".join(words), path))
    body, _, code = said.rpartition("exit ")
    return int(code), body


def load(space, dialect, version, text):
    """False: this dialect cannot hold the rules."""
    six = "6" if version == 6 else ""
    tool = {"nft": "nft -f -", "legacy": "ip%stables-legacy-restore" % six,
            "iptables-nft": "ip%stables-nft-restore" % six}[dialect]
    try:
        space.run(tool, text)
    except RuntimeError:
        return False
    return True


def saved(space, dialect, version):
    six = "6" if version == 6 else ""
    return space.run({"nft": "nft list ruleset",
                      "legacy": "ip%stables-legacy-save" % six,
                      "iptables-nft": "ip%stables-nft-save" % six}[dialect])


def heading(space):
    """What comes first, and the exit code."""
    code, said = run(space)
    lines = said.splitlines(True)
    return "".join(lines[:2]), code


def place(flaw):
    return tuple(flaw[key] for key in ("id", "level", "family", "table",
                                       "chain", "position"))


def keeps():
    """Which rule keeps tracking on, in each family."""
    where = {"legacy": "legacy table ip%s filter, chain INPUT, rule 2",
             "iptables-nft": "table ip%s filter, chain INPUT, rule 2"}
    for dialect, words in where.items():
        for version, six in ((4, ""), (6, "6")):
            space = lab.Namespace()
            check(load(space, dialect, version,
                       STATE.replace("icmp", "ipv6-icmp")
                       if six else STATE), dialect + ": rules load")
            said, code = heading(space)
            on = "tracking of IPv%d: on, kept by 2 rules, the first in %s, " \
                "which %s\n" % (version, words % six, WHY)
            off = "tracking of IPv%d: off\n" % (10 - version)
            want = on + off if version == 4 else off + on
            check((said, code) == (want, 1), "%s, IPv%d: heading" % (
                dialect, version), said + want)
    space = lab.Namespace()
    space.nft(INET)
    said, code = heading(space)
    want = "".join("tracking of IPv%d: on, kept by one rule in table inet "
                   "host, chain in, which %s\n" % (v, WHY) for v in (4, 6))
    check((said, code) == (want, 1), "inet: heading", said + want)


def nothing():
    space = lab.Namespace()
    check(heading(space) == (OFF, 0), "no rules", run(space))
    space.nft("table inet t { chain c { type filter hook input priority 0; "
              "tcp dport 22 accept; }; }")
    space.legacy(4, "*filter\n-A INPUT -p tcp --dport 9 -j DROP\nCOMMIT\n")
    check(heading(space) == (OFF, 0), "no rule needs tracking", run(space))


def both_worlds():
    """One keeps IPv4's tracking on, the other IPv6's; all are counted."""
    space = lab.Namespace()
    space.legacy(4, STATE)
    space.nft(SIX)
    said, code = heading(space)
    check("IPv4: on, kept by 2 rules, the first in legacy table ip filter"
          in said and "IPv6: on, kept by one rule in table ip6 host" in said
          and code == 1, "both worlds: heading", said)
    whole = json.loads(run(space, "--json")[1])
    parts = [json.loads(run(space, "--json", "--backend", name)[1])
             for name in lab.BACKENDS]
    total = {key: sum(part["counts"][key] for part in parts)
             for key, number in whole["counts"].items()
             if isinstance(number, int)}
    check(total["needs_ct"] == 3 and all(
        whole["counts"][key] == total[key] for key in total),
        "both worlds: counts", (whole["counts"], total))
    check({x["world"] for x in whole["findings"]} == {"nft", "legacy"},
          "both worlds: each finding has its own", whole["findings"])
    check([whole["tracking"][v]["rules"] for v in ("ipv4", "ipv6")] == [2, 1],
          "both worlds: JSON says what keeps it on", whole["tracking"])


def judged_alike(space, dialect, version, name):
    """What is found live is what is found in the text; its ids."""
    text = saved(space, dialect, version)
    live_code, live = run(space, "--json")
    file_code, of_file = run(space, "--json", "-", text=text)
    live, of_file = json.loads(live), json.loads(of_file)
    what = "%s, %s" % (os.path.basename(name), dialect)
    check(live_code == file_code == (1 if live["findings"] or
                                     live["counts"]["needs_ct"] else 0),
          what + ": exit code", (live_code, file_code))
    check(live["counts"] == of_file["counts"], what + ": counts",
          (live["counts"], of_file["counts"]))
    check(live["diagnostics"] == [], what + ": all was read",
          live["diagnostics"])
    flaws, expected = ([place(x) for x in said["findings"] if "id" in x]
                       for said in (live, of_file))
    check(flaws == expected, what + ": findings", (flaws, expected))
    return {flaw[0] for flaw in flaws}


def flaws():
    """Every id that audit can find, in each dialect that can hold the rules."""
    seen = {}
    for path in sorted(glob.glob(AUDITS + "/notrack-*")):
        if not path.endswith((".nft", ".save")):
            continue
        with open(path) as source:
            text = source.read()
        version = 6 if "6.save" in path else 4
        for dialect in ("nft",) if path.endswith(".nft") else (
                "legacy", "iptables-nft"):
            space = lab.Namespace()
            space.run("ip addr add 169.254.20.10/32 dev lo")
            if load(space, dialect, version, text):
                seen.setdefault(dialect, set()).update(
                    judged_alike(space, dialect, version, path))
    check(seen["legacy"] == seen["iptables-nft"] == ALL - ONLY_NFT,
          "ids of iptables", seen)
    check(ALL - seen["legacy"] <= seen["nft"], "ids of nft", seen)


def one_family():
    """Which a text of iptables-save cannot tell, and the live rules do."""
    for dialect in ("legacy", "iptables-nft"):
        space = lab.Namespace()
        check(load(space, dialect, 4, NOTRACK + STATE) and
              load(space, dialect, 6, STATE.replace("icmp", "ipv6-icmp")),
              dialect + ": two families load")
        found = [place(x) for x in json.loads(run(space, "--json")[1])[
            "findings"] if x.get("id") == "CT803"]
        check(found == [("CT803", "warning", "ip", "raw", "PREROUTING", n)
                        for n in (1, 2)],
              dialect + ": one family", found)


def whose_address():
    """Both directions at OUTPUT are whole for an address of this host's."""
    for dialect, version in (("legacy", 4), ("iptables-nft", 4),
                             ("legacy", 6), ("iptables-nft", 6)):
        at = "192.0.2.53" if version == 4 else "2001:db8::53"
        space = lab.Namespace()
        load(space, dialect, version, CACHE.replace("ADDR", at))
        what = "%s, IPv%d" % (dialect, version)
        found = [place(x)[:2] + place(x)[4:]
                 for x in json.loads(run(space, "--json")[1])["findings"]
                 if "id" in x]
        check(found == [("CT800", "error", "OUTPUT", 1)],
              what + ": of somebody else", found)
        space.run("ip addr add %s dev lo" % at)
        code, said = run(space)
        check("CT800" not in said, what + ": of its own", said)
        text = saved(space, dialect, version)
        code, said = run(space, "-", text=text)
        check("warning: the replies of udp port 53 are still tracked: this "
              "rule saves nothing, unless its address is this host's "
              "[CT800]" in said and code, what + ": of a text", said)


lab.require_ctpolicy()
if len(lab.BACKENDS) < 2:
    lab.skip("reads one world alone")
for test in nothing, keeps, both_worlds, one_family, flaws, whose_address:
    test()
tally.end()
