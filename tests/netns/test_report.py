#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""report of a live host: its figures are those of status, suggest, audit and
diff; it changes nothing, and what was not asked is said."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "fault"),
                os.path.join(HERE, "..", "golden")]
import entries                                              # noqa: E402
import history                                              # noqa: E402
import lab                                                  # noqa: E402
import pages                                                # noqa: E402
import tally                                                # noqa: E402
from packets import TCP, UDP                                # noqa: E402
from tally import check                                     # noqa: E402

FIRST, SECOND = history.PATHS
FILE = os.path.join(lab.WORK, "report.html")
WIPE = {"nftables": "nft delete table inet ctpolicy",
        "iptables": "for t in iptables ip6tables; do $t-legacy -t raw -F; done"}


def modules():
    return sorted(os.listdir("/sys/module"))


def report(host, *words, code=0):
    """The page of a host that is afterwards as it was."""
    before = host.listing(), host.files(), modules()
    said = host.run("report", "-o", FILE, *words, code=code)
    check((host.listing(), host.files(), modules()) == before,
          "nothing was changed", words)
    if code:
        return said
    with open(FILE) as f:
        text = f.read()
    found = pages.faults(text)
    check(not found, "a sound page", words, found)
    return pages.tree(text)


def ask(host, *words, code=0):
    return json.loads(host.run(*words, "--json", code=code))


def count(n):
    return "{:,}".format(n)


def untouched(host):
    root = report(host)
    check("no policy was given, and none is known to be applied" in
          pages.words(root.find(".//header")), "no policy")
    check("every packet" in pages.section(root, "path") and
          "no NOTRACK rule" in pages.section(root, "path"), "all is tracked",
          pages.section(root, "path"))
    check("Not asked" in pages.section(root, "changes"), "nothing to compare")
    check("None is on record" in pages.section(root, "history"), "no history")
    check("no rule of ctpolicy" in pages.section(root, "services"),
          "no service", pages.section(root, "services"))
    rules = [f for f in ask(host, "audit", code=1)["findings"]]
    check(len(pages.rows(root, "keepers")) == min(25, len(rules)) > 0,
          "what keeps tracking on", len(rules))


def fill(host):
    """200 entries, of which 160 may leave."""
    host.space.flush_entries()
    here = "127.0.0.1"
    entries.add(host.space, [
        (UDP, "10.0.0.%d" % (1 + i % 200), here, 1024 + i, 514, 0, 0)
        for i in range(160)] + [
        (TCP, "192.0.2.1", here, 1000 + i, 80, 6, 3) for i in range(30)] + [
        (TCP, "192.0.2.1", here, 1000 + i, 7000 + i, 6, 3)
        for i in range(10)])


def filled(host):
    host.run("apply", FIRST)
    fill(host)
    root = report(host)
    header = pages.words(root.find(".//header"))
    check(FIRST in header and "change 1" in header, "the policy", header)
    status = ask(host, "status")
    figures = pages.words(root.find(".//ul[@class='figures']"))
    check(count(status["table"]["count"]) + " entries" in figures and
          "2 of 2 services" in figures and "0 changes" in figures, "figures",
          figures)
    table = pages.rows(root, "table")
    check(table["udp 514"]["entries"] == "160" and
          table["udp 514"]["one-way"] == "100 %" and
          table["udp 514"]["this host is"] == "server" and
          table["tcp 80"]["entries"] == "30", "what fills the table", table)
    said = ask(host, "suggest")
    for one in said["suggestions"]:
        name = " ".join([one["protocol"]] + [str(p) for p in one["ports"]])
        check(table[name]["could it leave?"].startswith("✓ yes") ==
              one["allowed"], "what suggest says", name, table)
    check("udp 514 out of tracking: frees 160 entries" in
          pages.section(root, "next"), "advice", pages.section(root, "next"))
    services = pages.rows(root, "services")
    web = next(v for k, v in services.items() if k.startswith("web "))
    check(web["rules"] == "✓ in force" and web["entries"] == "30" and
          web["packets"] == {"nftables": "not counted",
                             "iptables": "0 0 bytes"}[host.backend],
          "web", web)
    check("matches" in pages.section(root, "changes"), "no drift")
    check("apply of " + FIRST in pages.section(root, "history"), "history")
    check("web, nets" in pages.section(root, "path") or
          "nets, web" in pages.section(root, "path"), "the picture",
          pages.section(root, "path"))


def edited(host):
    """What was applied is compared; of the file only what became of it."""
    path = os.path.join(lab.WORK, "edited now.yaml")

    def write(port):
        with open(path, "w") as f:
            f.write("version: 1\nstate_matching: allowed\nuntracked:\n"
                    "  - {name: web, role: server, protocol: tcp, "
                    "ports: [%d]}\n" % port)

    write(80)
    host.run("apply", path)
    number = ask(host, "status")["history"][0]["change"]
    same = "matches what change %s applied" % number
    changes = pages.section(report(host), "changes")
    check(same in changes and "edited since" not in changes, "as it was",
          changes)
    write(81)
    host.run("diff", path, code=1)
    root = report(host)
    changes = pages.section(root, "changes")
    check(same in changes and path + " was edited since" in changes and
          "matches " + path not in changes, "edited", changes)
    found = pages.section(root, "next")
    check("was edited since" in found and "ctpolicy diff" in found and
          "--state-dir" in found and "'%s'" % path in found,
          "what shows it", found)
    out = host.run("report", "-o", path, code=64)
    check("applied last" in out and open(path).read().endswith("[81]}\n"),
          "not in the place of the policy", out)
    os.unlink(path)
    root = report(host)
    changes = pages.section(root, "changes")
    check(same in changes and path + " is gone" in changes, "gone", changes)
    host.space.run(WIPE[host.backend])
    found = pages.section(report(host), "next")
    check("What change %s applied is not in force" % number in found and
          "ctpolicy diff" not in found, "no command reads what is gone",
          found)
    host.run("apply", FIRST)


def drifted(host):
    host.space.run(WIPE[host.backend])
    root = report(host)
    check("not in force any more" in pages.section(root, "next"), "drift",
          pages.section(root, "next"))
    figures = pages.words(root.find(".//ul[@class='figures']"))
    check("0 changes" not in figures, "changes", figures)
    states = {k.split()[0]: v["rules"]
              for k, v in pages.rows(root, "services").items()}
    check(all(s.startswith("✗") for s in states.values()) and states,
          "what is not in force", states)
    host.run("apply", FIRST)


def given(host):
    """The policy of the command line is the one that counts."""
    root = report(host, SECOND)
    check("as given" in pages.words(root.find(".//header")), "as given")
    steps = ask(host, "diff", SECOND, code=1)["steps"]
    figures = pages.words(root.find(".//ul[@class='figures']"))
    check("%s changes that the policy would make" % count(len(steps)) in
          figures, "as diff has it", len(steps), figures)
    listed = [n for n in root.iter("details")
              if "one by one" in pages.words(n[0])]
    check(len(listed) == 1 and len(list(listed[0].iter("span"))) ==
          len(steps), "each of them")
    check("With %s applied" % SECOND in pages.section(root, "path"),
          "the picture is of what would be")


def refused(host):
    """What apply would refuse is on the page, which is no failure."""
    path = os.path.join(lab.WORK, "off.yaml")
    with open(path, "w") as f:
        f.write("version: 1\nstate_matching: forbidden\nuntracked:\n"
                "  - {name: web, role: server, protocol: tcp, ports: [80]}\n")
    host.run("diff", path, code=14)
    root = report(host, path)
    check("would be refused here" in pages.section(root, "next") and
          "refused" in pages.words(root.find(".//ul[@class='figures']")),
          "refused", pages.section(root, "next"))
    said = host.run("report", "-o", FILE + ".none/x.html", path, code=74)
    check("CT833" in said and "CT590" not in said,
          "what kept the page from being written", said)


def on_trial(host):
    host.run("apply", "--confirm", "1h", SECOND)
    root = report(host)
    check("is on trial" in pages.section(root, "next"), "on trial",
          pages.section(root, "next"))
    host.run("rollback")


def failures(host):
    with open(FILE, "w") as f:
        f.write("old\n")
    bad = os.path.join(lab.WORK, "bad.yaml")
    with open(bad, "w") as f:
        f.write("version: 1\nuntracked: 7\n")
    for code, words in ((78, [bad]), (66, [bad + ".none"])):
        said = report(host, *words, code=code)
        check(said.strip(), "it is said", words)
    powerless = host.space.popen(
        ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all",
         *host.command("report", "-o", FILE)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = powerless.communicate()[0]
    check(powerless.returncode == 77 and "CAP_NET_ADMIN" in said,
          "without the power", powerless.returncode, said)
    with open(FILE) as f:
        check(f.read() == "old\n", "the file is as it was")
    check([n for n in os.listdir(lab.WORK) if n.startswith("report")] ==
          ["report.html"], "nothing is left", os.listdir(lab.WORK))


def main():
    lab.require_ctpolicy()
    for backend in lab.BACKENDS:
        host = history.Host(backend)
        for part in (untouched, filled, edited, drifted, given, refused, on_trial,
                     failures):
            tally.case("%s: %s" % (backend, part.__name__), part, host)
    tally.end()


main()
