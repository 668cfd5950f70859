# SPDX-License-Identifier: GPL-2.0-or-later
"""A web service on hosts as they are: each ruleset that nft or iptables-nft can
load is a host, on which the policy is applied and removed.

A host may refuse it, for what its rules would do to the service (CT590 to
CT599), never for whose tables they are in. The second apply changes nothing,
iptables-nft goes on reading its tables, and removal leaves what was there. The
rulesets are the examples of audit, and the corpus where there is one (see
tests/corpus.py).
"""
import collections
import glob
import os
import re
import shutil
import sys
import tempfile

from live_rules import BIN, corpora, run, some

TMP = tempfile.mkdtemp()
POLICY = os.path.join(TMP, "web.yaml")
STATE = os.path.join(TMP, "state")
WEB = """version: 1
state_matching: allowed
untracked:
- {name: web, role: server, protocol: tcp, ports: [80, 443], accept: open}
"""
REFUSED = re.compile(r"^CT59\d$")
counted = collections.Counter()


def fault(path, what):
    counted["faults"] += 1
    print("FAIL %s: %s" % (path, what))


def load(path):
    """The kind of host that the file makes; None: it cannot be loaded here."""
    run("nft", "flush", "ruleset")
    if path.endswith(".nft"):
        return None if run("nft", "-f", path)[0] else "nft"
    name = os.path.basename(path).split("-")[0]
    tool = "ip6tables-nft" if "ip6" in path or "6" in name else "iptables-nft"
    with open(path, errors="replace") as f:
        text = f.read()
    if run(tool + "-restore", text=text)[0]:
        return None
    return None if "incompatible" in picture() else "iptables-nft"


def picture():
    text = "".join(run(*command)[1] for command in (
        ("iptables-nft-save",), ("ip6tables-nft-save",),
        ("nft", "-s", "list", "ruleset")))
    return "\n".join(line for line in text.splitlines()
                     if not line.startswith("#") or "incompatible" in line)


def ctpolicy(command, *more):
    policy = [POLICY] if command != "remove" else []
    return run(BIN, command, "--state-dir", STATE, *more, *policy)


def play(path, kind):
    before = picture()
    code, _, said = ctpolicy("apply", "--backend", "nftables")
    if code:
        why = re.findall(r"error: .*?\[(CT\d+)\]", said, re.S)
        counted["%s refused" % kind] += 1
        if code != 14 or not why or not all(map(REFUSED.match, why)):
            fault(path, "exit %d: %s" % (code, said))
        if picture() != before:
            fault(path, "refused, but something is left")
        return
    counted["%s applied" % kind] += 1
    counted["%s accepts" % kind] += "ctpolicy-input" in picture()
    if kind == "iptables-nft" and "incompatible" in picture():
        fault(path, "iptables-nft cannot read its tables any more")
    code, out, said = ctpolicy("diff", "--backend", "nftables")
    if code:
        fault(path, "not the same when read back:\n%s%s" % (out, said))
    code, _, said = ctpolicy("remove")
    if code or picture() != before:
        fault(path, "removal leaves something: %s" % said)


def main():
    for tool in ("nft", "iptables-nft", "ip6tables-nft"):
        if not shutil.which(tool):
            print("no %s here" % tool)
            sys.exit(77)
    if not {"nftables", "iptables"} <= set(os.environ.get(
            "CTPOLICY_BACKENDS", "nftables iptables").split()):
        print("needs nftables, and what reads iptables' rules")
        sys.exit(77)
    with open(POLICY, "w") as f:
        f.write(WEB)
    for here in corpora():
        for path in some(path for path in glob.glob(
                os.path.join(here, "**", "*"), recursive=True)
                if path.endswith((".nft", ".save", ".rules"))):
            kind = load(path)
            if kind:
                play(path, kind)
    run("nft", "flush", "ruleset")
    shutil.rmtree(TMP)
    print(", ".join("%s: %d" % item for item in sorted(counted.items())))
    sys.exit(bool(counted["faults"]))


main()
