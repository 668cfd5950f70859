#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""status: what keeps tracking on, how full the table is, which services are out
of it, whether the rules are as they were applied, what is on trial or was cut
short, and what was done before. Each is compared with what else tells it; so
are the figures of size."""
import json
import os
import re
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fault"))
import entries                                              # noqa: E402
import history                                              # noqa: E402
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

FIRST, SECOND = history.PATHS
LOSSES = ("drop", "early_drop", "insert_failed", "chaintoolong")
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


def pauses(host, *words):
    """Does it sleep?"""
    log = os.path.join(lab.WORK, "pauses")
    host.run(*words, prefix=["strace", "-qq", "-e", "trace=/nanosleep", "-o",
                             log])
    with open(log) as calls:
        return calls.read().count("nanosleep")


def lately(host):
    """What grew while it looked on (that it tells of drops, tests/serial has)."""
    said, text = status(host)
    check(.3 <= said["lately"]["seconds"] and
          {n: said["lately"][n] for n in LOSSES} == dict.fromkeys(LOSSES, 0) and
          re.search(r"in the last \d+\.\d s: 0 for want of room", text),
          "nothing was dropped", said["lately"])
    # one that a busy machine slowed down has waited long enough
    check(any(pauses(host, "status") for _ in range(9)) and
          not pauses(host, "status", "-q"),
          "who asks for nothing waits for nothing")


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
    check(re.search(r"untracked +nets, (web|0 packets)", text) and
          FIRST in text, "says so", text)
    host.run("apply", SECOND)
    said = status(host)[0]
    check([h["policy"] for h in said["history"][:2]] == [SECOND, FIRST],
          "the newest first", said["history"])
    host.run("rollback")
    said = status(host, "--check")[0]
    check(said["history"][0]["policy"] == FIRST and
          said["drift"]["rules"] == 0, "a rollback is no drift", said)


def repaired(host, text, *words):
    """What it says to type, typed, does what it says."""
    said = re.search(r"\n +to repair: ctpolicy (.*)\n", text)
    check(said and all(word in said[1] for word in words),
          "the next command", text)
    host.space.run("%s %s" % (lab.CTPOLICY, said[1]))
    check(status(host, "--check")[0]["drift"]["rules"] == 0, "is repaired",
          said[1])


def drift(host):
    for wipe in WIPE[host.backend]:
        host.space.run(wipe)
        said, text = status(host, "--check", code=1)
        check(said["result"] == "attention" and
              said["attention"] == ["drift"], "wants attention", said)
        check(said["drift"]["rules"] == steps(host, FIRST) > 0,
              "as many differences as diff has steps", said["drift"])
        check(not said["untracked"] or "delete table" not in wipe,
              "what has accept rules alone is not out", said["untracked"])
        status(host)
        check("to see:    ctpolicy diff --state-dir %s %s\n" % (
            host.state, FIRST) in text, "the next command", text)
        repaired(host, text, "apply", FIRST)
        host.space.run("true" if host.backend == "nftables" else
                       "iptables-legacy-restore -n <<EOF\n%s\nEOF" %
                       history.LEGACY)
        host.run("apply", FIRST)
    check(status(host, "--check")[0]["drift"]["rules"] == 0, "is repaired")


BAN = {"nftables": ("nft insert rule inet host in ip saddr 192.0.2.66 drop",
                    "nft delete rule inet host in handle $(nft -a list chain "
                    "inet host in | sed -n 's/.*2.66 drop # handle //p')"),
       "iptables": ("iptables-legacy -I INPUT -s 192.0.2.66 -j DROP",
                    "iptables-legacy -D INPUT -s 192.0.2.66 -j DROP")}


def banned(host):
    """A rule of the host's that comes in ahead of ctpolicy's jump is no drift,
    as it is no difference."""
    host.space.run(BAN[host.backend][0])
    check(steps(host, FIRST) == 0, "no difference")
    check(status(host, "--check")[0]["drift"]["rules"] == 0, "no drift")
    host.space.run(BAN[host.backend][1])


def changed_policy(host):
    """The file is not what was applied, which is known all the same."""
    path = os.path.join(lab.WORK, "passing.yaml")
    with open(FIRST) as old, open(path, "w") as new:
        new.write(old.read())
    host.run("apply", SECOND)
    host.run("apply", path)
    check(status(host)[0]["drift"]["rules"] == 0, "in force")
    host.space.run(WIPE[host.backend][0])
    missing = steps(host, path)
    check(missing > 0, "some rules are gone")
    with open(path, "a") as new:
        new.write("# another\n")
    said = status(host, "--check", code=1)[0]
    check(said["drift"]["rules"] == missing, "differs from what was applied",
          said["drift"])
    os.unlink(path)
    os.mkfifo(path)
    for _ in range(2):          # which nobody waits for; and no file at all
        said = status(host, "--check", "--top", "1", "--by", "service", code=1)
        check(said[0]["drift"]["rules"] == missing, "without the file, too")
        if os.path.exists(path):
            os.unlink(path)
    repaired(host, status(host)[1], "watch --once")
    host.run("apply", "--force", FIRST)     # which the name alone is not
    host.space.run(WIPE[host.backend][0])
    repaired(host, status(host)[1], "watch --once")
    host.run("apply", FIRST)


def damaged(host):
    """A record that cannot be read hides no others, and is no failure."""
    newest = status(host)[0]["history"][0]["change"]
    path, = [os.path.join(folder, str(newest)) for folder, _, names in
             os.walk(host.state) if str(newest) in names]
    with open(path, "r+b") as record:
        whole = record.read()
        record.seek(90)
        record.write(b"####")
    said, text = status(host)
    check([d["level"] for d in said["diagnostics"]] == ["warning"] and
          newest not in [h["change"] for h in said["history"]] and
          said["history"], "the others are told", said)
    check("is damaged" in text, "says so", text)
    with open(path, "wb") as record:
        record.write(whole)


def many(host):
    path = os.path.join(lab.WORK, "many.yaml")
    with open(path, "w") as out:
        out.write("version: 1\nstate_matching: allowed\nuntracked:\n")
        for n in range(300):
            out.write("  - {name: s%d, role: server, protocol: tcp, "
                      "accept: open, ports: [%d]}\n" % (n, 1000 + n))
    host.run("apply", path)
    said, text = status(host)
    check(len(said["untracked"]) == 300 and "and 290 more" in text,
          "all are told, a line of them shown", text)
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


def make_up(n):
    """Entries: a few sources have many, many have one."""
    for i in range(n):
        v6, one_way, proto = i % 5 == 0, i % 4 == 0, (6, 17, 1)[i % 3]
        if i % 2:
            src = "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)
        else:
            src = "192.0.2.%d" % (i // 2 % 7)
        dst = "198.51.100.%d" % (i % 50)
        if v6:
            src = "2001:db8::%x" % (1 + i % 11)
            dst = "2001:db8:1::%x:%x" % (1 + (i >> 16), i & 65535)
            proto = proto if proto != 1 else 17
        dport = 8 if proto == 1 else 80 + i % 5
        yield (proto, src, dst, 1024 + i % 60000, dport, 0 if one_way else
               entries.SEEN_REPLY | (entries.ASSURED if i % 3 else 0),
               1 if one_way else 3)


def key_of(entry, by):
    proto, src, dst, _, dport, status, state = entry
    name = {6: "tcp", 17: "udp", 1: "icmp"}[proto]
    if by in ("src", "dst"):
        return src if by == "src" else dst
    if by == "dport":
        return "%s/%d" % (name, dport)
    if by == "state":
        return "tcp/" + {1: "SYN_SENT", 3: "ESTABLISHED"}[state] \
            if proto == 6 else "%s/%s" % (
                name, "replied" if status else "unreplied")
    return name if by == "proto" else "-"


def expected(made, by):
    rows = {}
    for entry in made:
        row = rows.setdefault(key_of(entry, by), [0, 0, 0])
        row[0] += 1
        row[1] += bool(entry[5] & entries.ASSURED)
        row[2] += not entry[5] & entries.SEEN_REPLY
    return rows


def what_fills_it():
    """The ranking is that of the entries that were made."""
    space, made = lab.Namespace(), list(make_up(3000))
    entries.add(space, made)
    check(int(space.run("conntrack -C")) == len(made), "all were made")
    for by in ("src", "dst", "dport", "proto", "state", "service"):
        said = json.loads(space.run("%s status --json --top 5000 --by %s" % (
            lab.CTPOLICY, by)))["top"]
        rows = {r["key"]: [r["entries"], r["assured"], r["one_way"]]
                for r in said["rows"]}
        check(rows == expected(made, by), by, rows)
        counts = [r["entries"] for r in said["rows"]]
        check(counts == sorted(counts, reverse=True), by + ": most first")
        check(all(r["reclaimable"] == r["entries"] - r["assured"] and
                  abs(r["share"] - r["entries"] / 3000) < 1e-9
                  for r in said["rows"]), by + ": what they come to")
        check((said["by"], said["entries"], said["complete"],
               said["error_max"]) == (by, 3000, True, 0), by, said)
    # what people script
    piped = space.run("conntrack -L -f ipv4 2>/dev/null | "
                      "sed 's/ src=/\\n&/2;s/.*//2' | "
                      "grep -o '^[a-z].* src=[0-9.]*' | grep -o 'src=.*' | "
                      "sort | uniq -c | sort -rn | head -1").split()
    text = space.run("%s status --top 1" % lab.CTPOLICY).splitlines()
    rows = expected(made, "src")
    check(text[-1].split()[0] == str(max(r[0] for r in rows.values())) and
          text[-2].split()[-1] == "src", "by source unless told", text)
    check(int(piped[0]) == max(r[0] for k, r in rows.items() if "." in k),
          "as the pipeline has it", piped)
    said = json.loads(space.run("%s status --json" % lab.CTPOLICY))
    check("top" not in said and said["sample"] == {
        "entries": 3000, "complete": True,
        "assured": sum(r[1] for r in rows.values()),
        "one_way": sum(r[2] for r in rows.values())}, "the sample is all",
          said["sample"])


def more_than_a_sample():
    space, made = lab.Namespace(), list(make_up(101000))
    entries.add(space, made)
    said = json.loads(space.run("%s status --json" % lab.CTPOLICY))["sample"]
    true = sum(r[2] for r in expected(made, "src").values()) / len(made)
    check(said["entries"] == 100000 and not said["complete"] and
          abs(said["one_way"] / 100000 - true) < .01, "a sample", said)
    text = space.run("%s status" % lab.CTPOLICY)
    check("random sample" in text, "says so", text)


def service(host):
    """Entries from the time before the policy belong to its services."""
    host.run("apply", FIRST)
    entries.add(host.space, [
        (6, "192.0.2.1", "127.0.0.1", 1000 + i, 80 if i % 4 else 9, 6, 3)
        for i in range(40)])
    said = json.loads(host.run("status", "--json", "--top", "9", "--by",
                               "service"))["top"]
    rows = {r["key"]: r["entries"] for r in said["rows"]}
    check(rows.get("web") == 30 and rows.get("-", 0) >= 10,
          "whose entries", said)
    host.space.flush_entries()


def misuse():
    space = lab.Namespace()
    for words in ("--top 0", "--top -1", "--top x", "--top 99999999999",
                  "--by src", "--top 3 --by name", "--top", "more"):
        out = space.run("%s status %s 2>&1; echo $?" % (lab.CTPOLICY, words))
        check(out.split()[-1] == "64", words, out)


def size():
    """The figures of this host, and of another one; no privilege is needed."""
    space = lab.Namespace()
    entries.add(space, make_up(30))
    run = "setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all " \
        "%s size %%s" % lab.CTPOLICY
    said = json.loads(space.run(run % "--json"))
    now = {}
    for name in ("max", "buckets"):
        with open("/proc/sys/net/netfilter/nf_conntrack_" + name) as f:
            now[name] = int(f.read())
    present = said["present"]
    check((present["max"], present["buckets"], present["count"]) ==
          (now["max"], now["buckets"], 30), "what is there", said)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    check(said["host"]["memory_bytes"] == memory and
          said["host"]["bits"] == struct.calcsize("P") * 8, "the host", said)
    said = json.loads(space.run(run % "--json --memory 48GiB"))
    check(said["classic"] == {"max": 1572864, "buckets": 196608} and
          said["kernel"] == {"max": 262144, "buckets": 262144}, "48 GiB", said)
    text = space.run(run % "--memory 48GiB")
    check("1572864" in text and "48.0 GiB" in text, "as text", text)
    for words in ("--memory 48GB", "--memory 0GiB", "--memory", "more"):
        out = space.run("%s size %s 2>&1; echo $?" % (lab.CTPOLICY, words))
        check(out.split()[-1] == "64", words, out)


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
        for part in (a_new_host, the_table, lately, a_change, drift, banned,
                     changed_policy,
                     damaged, many, on_trial, service, cut_short):
            tally.case("%s: %s" % (backend, part.__name__), part, host)
    for part in (what_fills_it, more_than_a_sample, misuse, size, off):
        tally.case(part.__name__, part)
    tally.case("refusals", refusals)
    tally.end()


main()
