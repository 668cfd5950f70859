#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random rulesets of others, random policies on top: what was foretold is what
is done, what is taken back is as it was, and what is not ours is the same to
the byte, with counters and handles.

    test_random.py [--runs N] [--seed N]
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys

import history
import lab
import tally

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
from generate import as_yaml, random_policy  # noqa: E402

HOOKS = ("input", "forward", "output", "prerouting", "postrouting")
MATCHES = ("tcp dport %(p)d", "udp sport %(p)d-%(q)d", "ct state established",
           "ct state new,untracked tcp dport { %(p)d, %(q)d }",
           "iifname \"eth%(d)d\"", "oifname != \"lo\" udp dport %(p)d",
           "meta mark 0x%(d)d", "meta l4proto sctp", "limit rate 5/second")
VERDICTS = ("accept", "drop", "return", "continue", "log prefix \"x \"",
            "counter packets %(p)d bytes %(q)d accept", "counter name c0",
            "meta mark set 0x%(d)d")
WORDS = ("-p tcp -m tcp --dport %(p)d", "-p udp -m udp --sport %(p)d:%(q)d",
         "-m conntrack --ctstate RELATED,ESTABLISHED", "WAY eth%(d)d",
         "-p tcp -m multiport --dports %(p)d,%(q)d", "! WAY lo",
         "-m mark --mark 0x%(d)d", "-m comment --comment \"it's %(d)d\"")
TARGETS = {"filter": ("ACCEPT", "DROP", "RETURN", "mine"),
           "mangle": ("RETURN", "MARK --set-xmark 0x%(d)d/0xffffffff"),
           "raw": ("CT --notrack", "RETURN", "mine")}
CHAINS = {"filter": ("INPUT", "FORWARD", "OUTPUT"),
          "mangle": ("PREROUTING", "OUTPUT"), "raw": ("PREROUTING", "OUTPUT")}
DIALECTS = {
    "nftables": ("nft",),
    "iptables": ("iptables-legacy-restore", "ip6tables-legacy-restore"),
    "iptables-nft": ("iptables-nft-restore", "ip6tables-nft-restore"),
}
done = refused = faults = 0


def numbers(rng):
    p = rng.randint(1, 60000)
    return {"p": p, "q": p + rng.randint(1, 5000), "d": rng.randint(1, 9)}


def nft_table(rng, number):
    family = rng.choice(("inet", "ip", "ip6", "inet"))
    lines = ["table %s t%d {" % (family, number),
             "counter c0 {\npackets %d bytes %d\n}" % (rng.randint(0, 99),
                                                       rng.randint(0, 9999))]
    if rng.random() < .6:
        lines.append("set s { type inet_service\nflags interval\nelements = "
                     "{ %d, %d-%d }\n}" % (rng.randint(1, 99), 200,
                                           rng.randint(300, 400)))
    if rng.random() < .4:
        lines.append("map m { type inet_service : verdict\nelements = "
                     "{ %d : drop, 443 : accept }\n}" % rng.randint(1, 99))
    lines.append("chain plain {\n}")
    for n in range(rng.randint(1, 4)):
        lines.append("chain b%d {" % n)
        if rng.random() < .8:
            lines.append("type filter hook %s priority %d; policy %s" % (
                rng.choice(HOOKS), rng.randint(-310, 20),
                rng.choice(("accept", "drop"))))
        for _ in range(rng.randint(0, 5)):
            lines.append((rng.choice(MATCHES) + " " + rng.choice(
                VERDICTS + ("jump plain",)) + rng.choice(
                    ("", " comment \"c %(d)d\""))) % numbers(rng))
        lines.append("}")
    return "\n".join(lines + ["}"]) + "\n"


def legacy_table(rng, name):
    lines = ["*" + name, ":mine - [0:0]"]
    for chain in CHAINS[name]:
        lines.append(":%s %s [%d:%d]" % (
            chain, rng.choice(("ACCEPT", "ACCEPT", "DROP"))
            if name == "filter" else "ACCEPT", rng.randint(0, 9),
            rng.randint(0, 999)))
    for _ in range(rng.randint(0, 8)):
        chain = rng.choice(CHAINS[name])
        words = rng.choice(WORDS).replace(
            "WAY", "-o" if chain == "OUTPUT" else "-i")
        lines.append(("[%(p)d:%(q)d] -A " + chain + " " + words + " -j " +
                      rng.choice(TARGETS[name])) % numbers(rng))
    return "\n".join(lines + ["COMMIT"]) + "\n"


def load(rng, host, dialect):
    if dialect == "nftables":
        text = "".join(nft_table(rng, n) for n in range(rng.randint(1, 3)))
        host.space.nft(text)
        return text
    text = "".join(legacy_table(rng, name) for name in rng.sample(
        list(CHAINS), rng.randint(1, 3)))
    for tool in DIALECTS[dialect]:
        host.space.run([tool, "-c"], text)
    if rng.random() < .5:
        host.space.run("ipset create other hash:net && "
                       "ipset add other 10.0.0.0/8")
    return text


def listing(host):
    """Everything, with handles and counters."""
    text = host.space.run("nft -a list ruleset; iptables-legacy-save -c; "
                          "ip6tables-legacy-save -c; ipset save")
    return re.sub(r"^#.*\n| initval \S+", "", text, flags=re.M)


def without_ours(text):
    """The listing without ctpolicy's tables, chains, sets and jumps."""
    text = re.sub(r"^table inet ctpolicy \{.*?^\}\n", "", text,
                  flags=re.M | re.S)
    text = re.sub(r"^\t(chain|set) ctpolicy-\S+ \{.*?^\t\}\n", "", text,
                  flags=re.M | re.S)
    lines = [line for line in text.splitlines() if "jump ctpolicy-" not in line
             and "CTPOLICY-" not in line and
             not re.match(r"(create|add) ctpolicy-", line)]
    # what nft prints between two blocks
    return tables(re.sub(r"\n+", "\n", "\n".join(lines) + "\n"))


def ours(text):
    """The rest, without handles, which may change."""
    text = re.sub(r" # handle \d+|\[\d+:\d+\]|elements = \{ ", "", text)
    # nor is the order of hash sets' elements fixed
    return sorted(word for line in text.splitlines()
                  for word in re.split(r", ", line.strip()))


def steps(said):
    told = json.loads(said[said.index("{"):said.rindex("}") + 1])
    return told["result"], [
        tuple(step[key] for key in ("action", "kind", "family", "table",
                                    "chain", "set", "rule", "service"))
        for step in told["steps"]]


class Wrong(Exception):
    pass


def expect(good, what, *more):
    if not good:
        raise Wrong(what + "".join("\n--- %s" % (m,) for m in more))


def change(host, path):
    """One apply, foretold twice; False: it was refused, and nothing done."""
    before = listing(host)
    host.run("diff", "--backend", host.backend, "--json", path, code=None)
    dry = host.run("apply", "--force", "--dry-run", "--json", path, code=None)
    if host.code == 14:
        expect(listing(host) == before, "refused, and changed something")
        return False
    expect(host.code == 0, "the dry run fails", dry)
    said = host.run("apply", "--force", "--json", path, code=None)
    expect(host.code == 0, "what the dry run promised fails", said)
    foretold, made = steps(dry), steps(said)
    expect(foretold[1] == made[1], "other steps than foretold",
           foretold[1], made[1])
    now = listing(host)
    expect((made[0] == "changed") == (ours(now) != ours(before)),
           "the result is not what happened", made[0])
    expect(without_ours(now) == without_ours(before), "others' rules",
           without_ours(before), without_ours(now))
    again = host.run("apply", "--force", "--json", path)
    expect(steps(again) == ("unchanged", []) and listing(host) == now,
           "a second apply does something", again)
    return True


def one(rng, host):
    """True: not refused."""
    paths = []
    for n in range(2):
        paths.append(os.path.join(lab.WORK, "random%d.yaml" % n))
        with open(paths[-1], "w") as out:
            out.write(as_yaml(random_policy(rng)))
    first = listing(host)
    if not change(host, paths[0]):
        return False
    middle = listing(host)
    if change(host, paths[1]) and ours(listing(host)) != ours(middle):
        host.run("rollback")
        now = listing(host)
        expect(ours(now) == ours(middle), "not rolled back",
               ours(middle), ours(now))
        expect(without_ours(now) == without_ours(middle),
               "others' rules after rollback")
    host.run("remove")
    now = listing(host)
    expect(tables(now) == tables(first), "not as it was", first, now)
    return True


def tables(text):
    """Without tables that hold nothing: once looked at, the kernel keeps
    those of iptables."""
    return re.sub(r"^\*\w+\n(:[A-Z]+ ACCEPT \[0:0\]\n)+COMMIT\n", "", text,
                  flags=re.M)


parser = argparse.ArgumentParser()
parser.add_argument("--runs", type=int, default=8 // tally.EVERY)
parser.add_argument("--seed", type=int, default=20261124)
options = parser.parse_args()
lab.require_ctpolicy()
for name in DIALECTS:
    backend = "nftables" if name == "iptables-nft" else name
    if backend not in lab.BACKENDS or not shutil.which(DIALECTS[name][0]):
        continue
    the_host = history.Host(backend)
    for run in range(options.runs):
        seed = "%d-%d" % (options.seed, run)
        source = random.Random(seed)
        the_host.space.clear()
        subprocess.run(["rm", "-rf", the_host.state], check=True)
        foreign = load(source, the_host, name)
        try:
            kept = one(source, the_host)
            done += kept
            refused += not kept
        except (Wrong, AssertionError) as error:
            faults += 1
            print("not ok - %s, seed %s: %s\n--- foreign\n%s" % (
                name, seed, str(error)[:6000], foreign), flush=True)
print("%d rulesets, %d refused whole, %d faults" % (done, refused, faults))
sys.exit(1 if faults or not done else 0)
