#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The formats for CI of what only a kernel tells: `test`, `diff` and `audit` of a
live host. The rest is in tests/golden/formats.py."""
import json
import os
import subprocess
import sys
import time

import lab
from tally import case, check, end

sys.path.insert(0, os.path.join(os.environ.get("srcdir", "."), "tests",
                                "golden"))
import ci_readers                                           # noqa: E402

HEAD = "version: 1\nstate_matching: allowed\nuntracked:\n"
WEB = "  - {name: web, role: server, protocol: tcp, ports: [80], accept: open}\n"
DNS = "  - {name: dns, role: server, protocol: udp, ports: [53], accept: open}\n"
TESTS = """tests:
  - packet: tcp 192.0.2.2:40000 > 198.51.100.1:80
    expect: {tracked: no, verdict: accept}
  - packet: tcp 192.0.2.2:40000 > 198.51.100.1:81
    expect: {tracked: no}
"""
FORMATS = ("sarif", "github", "codeclimate", "junit", "markdown")
STATES = """table inet host {
chain in { type filter hook input priority 0; policy drop
iif lo accept
meta l4proto { icmp, ipv6-icmp } accept
ct state established,related accept
}
}
"""


def policy(*parts):
    path = os.path.join(lab.WORK, "formats.yaml")
    with open(path, "w") as f:
        f.write(HEAD + "".join(parts))
    return path


def run(space, *args):
    p = space.popen([lab.CTPOLICY, *args, "--state-dir", lab.WORK + "/state"],
                    text=True, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = p.communicate()
    return p.returncode, out, err


def read(space, fmt, code, *args):
    got, out, err = run(space, *args, "--format", fmt)
    assert got == code, "%s: exit %d: %s%s" % (fmt, got, out, err)
    return getattr(ci_readers, fmt)(out)


def all_formats(space, code, *args):
    return {fmt: read(space, fmt, code, *args) for fmt in FORMATS}


def ends(cases):
    return {name: how for _, name, how, _ in cases}


def proves(space):
    """A case for each leg and each test of JSON, and none else."""
    path = policy(WEB, TESTS)
    said = json.loads(run(space, "test", "--json", path)[1])
    cases = read(space, "junit", 1, "test", path)
    legs = sum(len(r["legs"]) for r in said["runs"])
    tests = sum(len(r["tests"]) for r in said["runs"])
    proven = sum(r["legs_proven"] for r in said["runs"])
    assert len(cases) == legs + tests and legs > 4, (legs, tests, cases)
    began = time.monotonic()
    took = ci_readers.seconds(run(space, "test", path, "--format", "junit")[1])
    assert len(took) == len(cases) and all(took), took
    assert 0 < sum(took) < time.monotonic() - began, took
    passed = [c for c in cases if c[2] == "passed"]
    assert len(passed) == proven + sum(
        t["passed"] for r in said["runs"] for t in r["tests"])
    assert {c[0] for c in cases} == {r["backend"] for r in said["runs"]}
    failed = [c for c in cases if c[2] == "failure"]
    assert failed and all(":81" in c[1] and "is tracked" in c[3]
                          for c in failed), failed
    found = all_formats(space, 1, "test", path)
    for fmt in "sarif", "github", "codeclimate":
        assert any(f[1] == "CT853" and f[3] == 8 for f in found[fmt]), found
    assert not run(space, "test", "-q", policy(WEB))[1]


def cannot(space):
    """What could not be tried is an error, in every format."""
    path = policy(WEB.replace("server", "sever"))
    cases = all_formats(space, 78, "test", path)["junit"]
    assert [c[2] for c in cases] == ["error"], cases


def differs(space):
    """A service is a case: before, after, changed and left out."""
    both = policy(WEB, DNS)
    cases = ends(all_formats(space, 1, "diff", both)["junit"])
    assert cases["service web"] == cases["service dns"] == "failure", cases
    assert run(space, "apply", both)[0] == 0
    found = all_formats(space, 0, "diff", both)
    assert set(ends(found["junit"]).values()) == {"passed"}, found
    assert not any(f[1] == "CT860" for f in found["sarif"]), found
    found = all_formats(space, 1, "diff", policy(
        WEB.replace("[80]", "[80, 81]")))
    cases = ends(found["junit"])
    assert cases["service web"] == cases["service dns"] == "failure", cases
    texts = [f[5] for f in found["sarif"] if f[1] == "CT860"]
    assert any("service dns is in force but no longer" in t for t in texts)
    assert any("service web is only partly in force" in t for t in texts), texts
    assert not run(space, "diff", "-q", both)[1]
    assert run(space, "remove")[0] == 0


def audits(space):
    """Of a host, findings have no file; what is ctpolicy's own is none."""
    space.nft(STATES)
    found = all_formats(space, 1, "audit")
    notes = [f for f in found["sarif"] if f[1] == "CT822"]
    assert len(notes) == 1 and notes[0][2] is None, found["sarif"]
    assert "ct state" in notes[0][5] and "chain in" in notes[0][5], notes
    assert ends(found["junit"])["no rule matches connection states"] == \
        "failure", found["junit"]
    space.clear()
    found = all_formats(space, 0, "audit")
    assert set(ends(found["junit"]).values()) == {"passed"}, found


def main():
    lab.require_ctpolicy()
    space = lab.Namespace()
    if "nftables" not in os.environ.get("CTPOLICY_BACKENDS",
                                        "nftables").split():
        lab.skip("without nftables")
    for what in proves, cannot, differs, audits:
        case(what.__name__, what, space)
        space.clear()
    check(not os.path.exists(lab.WORK + "/state/journal"), "no journal stays")
    end()


main()
