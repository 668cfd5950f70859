#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""status: what keeps tracking on, how full the table is, which services are out
of it, whether the rules are as they were applied, what is on trial or was cut
short, and what was done before. Each is compared with what else tells it."""
import json
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fault"))
import history                                              # noqa: E402
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

FIRST, SECOND = history.PATHS
WIPE = {
    "nftables": ("nft flush chain inet ctpolicy prerouting",
                 "nft delete table inet ctpolicy"),
    "iptables": ("iptables-legacy -t raw -F CTPOLICY-PREROUTING",
                 "iptables-legacy -F INPUT"),
}


def status(host, *words, code=0):
    """Its JSON; never a change, and text that can be read, too."""
    before, files = host.listing(), host.files()
    text = host.run("status")
    said = host.run("status", "--json", *words, code=code)
    check(host.listing() == before and host.files() == files,
          "status changes nothing")
    check(max(map(len, text.splitlines())) < 200, "lines of a screen", text)
    return json.loads(said), text


def steps(host, path):
    said = host.run("diff", "--json", "--backend", host.backend, path,
                    code=None)
    return len(json.loads(said)["steps"])


def a_new_host(host):
    said, text = status(host)
    check(said["result"] == "ok" and said["attention"] == [], "all is well",
          said)
    check(said["tracking"]["ipv4"] and said["tracking"]["ipv6"],
          "tracking is on", said["tracking"])
    first = said["tracking"]["keepers"][0]
    check(first["owner"] == "host" and first["feature"] == "state_rules" and
          "established" in first["rule"].lower(), "which rule keeps it on",
          first)
    check("kept by" in text and "nothing was applied" in text, "says so", text)
    check((said["drift"], said["pending"], said["unfinished"],
           said["untracked"], said["history"]) == (None, None, None, [], []),
          "nothing was done yet", said)


def send_datagrams(host, ports):
    with host.space.entered(), \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for port in ports:
            sock.sendto(b"x", ("127.0.0.1", port))


def the_table(host):
    """conntrack(8) tells the same figures."""
    host.space.run("ip link set lo up")
    send_datagrams(host, range(7000, 7040))
    said = status(host)[0]["table"]
    check(said["count"] == int(host.space.run("conntrack -C")) >= 40,
          "the count", said)
    for name in ("max", "buckets"):
        with open("/proc/sys/net/netfilter/nf_conntrack_" + name) as f:
            check(said[name] == int(f.read()), name, said)
    check(abs(said["fill"] - said["count"] / said["max"]) < 1e-9 and
          abs(said["entries_per_bucket"] - said["count"] / said["buckets"])
          < 1e-9, "what they come to", said)
    told = {}
    for name, value in re.findall(r"(\w+)=(\d+)",
                                  host.space.run("conntrack -S")):
        told[name] = told.get(name, 0) + int(value)
    for name in set(said["counters"]) & set(told):
        check(said["counters"][name] == told[name], name,
              (said["counters"], told))
    check(len(set(said["counters"]) & set(told)) >= 8, "most are compared",
          told)


def a_change(host):
    host.run("apply", FIRST)
    said, text = status(host)
    check([s["service"] for s in said["untracked"]] == ["nets", "web"],
          "the services", said["untracked"])
    check(said["drift"] == {"rules": 0, "settings": 0, "earlier_boot": False},
          "no drift", said["drift"])
    newest = said["history"][0]
    check((newest["command"], newest["policy"], newest["undoes"]) ==
          ("apply", FIRST, None), "what was done", newest)
    check("nets, web" in text and FIRST in text, "says so", text)
    host.run("apply", SECOND)
    said = status(host)[0]
    check([h["policy"] for h in said["history"][:2]] == [SECOND, FIRST],
          "the newest first", said["history"])
    host.run("rollback")
    said = status(host, "--check")[0]
    check(said["history"][0]["policy"] == FIRST and
          said["drift"]["rules"] == 0, "a rollback is no drift", said)


def drift(host):
    for wipe in WIPE[host.backend]:
        host.space.run(wipe)
        said, text = status(host, "--check", code=1)
        check(said["result"] == "attention" and
              said["attention"] == ["drift"], "wants attention", said)
        check(said["drift"]["rules"] == steps(host, FIRST) > 0,
              "as many differences as diff has steps", said["drift"])
        check("ctpolicy diff " + FIRST in text, "the next command", text)
        status(host)
        host.run("apply", FIRST)
        host.space.run("true" if host.backend == "nftables" else
                       "iptables-legacy-restore -n <<EOF\n%s\nEOF" %
                       history.LEGACY)
        host.run("apply", FIRST)
    check(status(host, "--check")[0]["drift"]["rules"] == 0, "is repaired")


def changed_policy(host):
    """The file is not what was applied: how much differs cannot be counted."""
    path = os.path.join(lab.WORK, "passing.yaml")
    with open(FIRST) as old, open(path, "w") as new:
        new.write(old.read())
    host.run("apply", SECOND)
    host.run("apply", path)
    check(status(host)[0]["drift"]["rules"] == 0, "in force")
    host.space.run(WIPE[host.backend][0])
    with open(path, "a") as new:
        new.write("# another\n")
    said = status(host, "--check", code=1)[0]
    check(said["drift"]["rules"] is None, "differs, nobody knows how much",
          said["drift"])
    os.unlink(path)
    check(status(host, "--check", code=1)[0]["drift"]["rules"] is None,
          "nor without the file")
    host.run("apply", FIRST)


def on_trial(host):
    host.run("apply", "--confirm", "1h", SECOND)
    said, text = status(host, "--check")
    check(3000 < said["pending"]["seconds_left"] <= 3600 and
          said["pending"]["change"] == said["history"][0]["change"],
          "the clock", said["pending"])
    check("ctpolicy confirm" in text and "ctpolicy rollback" in text,
          "the way on", text)
    host.run("rollback")
    check(status(host, "--check")[0]["pending"] is None, "over")


def cut_short(host):
    history.prepare(host, "recover")
    check("journal" in host.files(), "a change was killed half-way",
          host.files())
    said, text = status(host, "--check", code=1)
    check("unfinished" in said["attention"] and
          said["unfinished"]["command"] == "apply", "unfinished", said)
    check("ctpolicy recover" in text, "the cure", text)
    host.run("recover")
    check(status(host, "--check")[0]["unfinished"] is None, "recovered")
    host.run("remove")
    said, text = status(host, "--check")
    check(said["untracked"] == [] and said["drift"]["rules"] == 0 and
          "no service" in text, "removed", said)


def off():
    space = lab.Namespace()
    said = json.loads(space.run("%s status --json" % lab.CTPOLICY))
    check(not said["tracking"]["ipv4"] and not said["tracking"]["ipv6"] and
          said["tracking"]["keepers"] == [], "tracking is off", said)


def refusals():
    space = lab.Namespace()
    out = space.run("setpriv --bounding-set=-all --inh-caps=-all "
                    "--ambient-caps=-all %s status --json; echo $?" %
                    lab.CTPOLICY)
    said = json.loads(out[:out.rindex("}") + 1])
    check(out.split()[-1] == "77" and said["result"] == "failed" and
          said["diagnostics"], "no permission", out)
    out = space.run("%s status --backend none; echo $?" % lab.CTPOLICY)
    check(out.split()[-1] == "64", "no such backend", out)


def main():
    lab.require_ctpolicy()
    for backend in lab.BACKENDS:
        host = history.Host(backend)
        for part in (a_new_host, the_table, a_change, drift, changed_policy,
                     on_trial, cut_short):
            tally.case("%s: %s" % (backend, part.__name__), part, host)
    tally.case("off", off)
    tally.case("refusals", refusals)
    tally.end()


main()
