#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""status --prometheus: metrics that Prometheus takes, whose figures are those
of the host; and what contrib/prometheus makes of them: alerts, which fire when
they should, and a dashboard that asks for no metric that is not there."""
import json
import os
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fault"))
import entries                                              # noqa: E402
import history                                              # noqa: E402
import lab                                                  # noqa: E402
import metrics                                              # noqa: E402
import tally                                                # noqa: E402
from packets import TCP, UDP                                # noqa: E402
from tally import check                                     # noqa: E402

TOP = os.environ.get("srcdir") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
CONTRIB = os.path.join(TOP, "contrib", "prometheus")
PROMTOOL = os.path.join(os.environ.get("CTPOLICY_PROMETHEUS",
                                       "/var/cache/ctpolicy/prometheus"),
                        "usr", "bin", "promtool")
ALWAYS = {"ctpolicy_info", "ctpolicy_last_run_success"}
FIRST, SECOND = history.PATHS
FILE = os.path.join(lab.WORK, "metrics", "ctpolicy.prom")
# node_exporter's own, which alerts and dashboard use beside ctpolicy's
NODE = {"node_nf_conntrack_entries", "node_nf_conntrack_entries_limit",
        "node_textfile_mtime_seconds"}


def promtool(*words, text=None):
    said = subprocess.run([PROMTOOL, *words], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(said.returncode == 0 and (text is None or not said.stdout),
          "promtool " + " ".join(words[:2]), said.stdout)


def write(host, code=0):
    """The file, parsed; nothing is printed, and nothing else is left."""
    said = host.run("status", "--prometheus", FILE, code=code)
    check(code or not said, "nothing is printed", said)
    folder = os.path.dirname(FILE)
    check(os.listdir(folder) == [os.path.basename(FILE)], "one file",
          os.listdir(folder))
    check(stat.S_IMODE(os.stat(FILE).st_mode) == 0o644, "for all to read")
    with open(FILE) as f:
        text = f.read()
    promtool("check", "metrics", text=text)
    return metrics.parse(text)


def table_of(host):
    return json.loads(host.run("status", "--json"))["table"]


def figures(host):
    os.umask(0o077)
    found = write(host)
    check(metrics.value(found, "ctpolicy_last_run_success") == 1 and
          metrics.value(found, "ctpolicy_drift_rules") == 0 and
          "ctpolicy_policy_applied_timestamp_seconds" not in found and
          "ctpolicy_untracked_share_ratio" not in found,
          "nothing was applied", found)
    version = re.search(r"[\d.]+", subprocess.run(
        [lab.CTPOLICY, "--version"], text=True, check=True,
        stdout=subprocess.PIPE).stdout)[0]
    check(found["ctpolicy_info"] == {(("version", version),): 1}, "version",
          found["ctpolicy_info"])
    host.run("apply", FIRST)
    host.space.flush_entries()
    entries.add(host.space, [
        (TCP, "192.0.2.1", "127.0.0.1", 1000 + i, 80 if i % 4 else 9,
         6 if i % 3 else 0, 3 if i % 3 else 1) for i in range(120)] + [
        (UDP, "192.0.2.1", "198.51.100.1", 1000 + i, 5353, 0, 0)
        for i in range(7)])
    # to a pipe, of a program that wants no file
    said = host.run("status", "--prometheus", "-")
    promtool("check", "metrics", text=said)
    printed, written = metrics.parse(said), write(host)
    check(set(printed) == set(written) and metrics.entries(printed) ==
          metrics.entries(written), "printed as they are written", said)
    check(not os.path.exists("-"), "no file of that name")
    host.run("status", "--watch", "--prometheus", "-", code=64)
    host.run("watch", "--once", "--prometheus", "-", code=64)
    before = os.stat(FILE).st_ino
    found, table = write(host), table_of(host)
    check(os.stat(FILE).st_ino != before, "the file is replaced")
    check(metrics.entries(found) == {
        ("tcp", "web", "ESTABLISHED"): 60, ("tcp", "web", "SYN_SENT"): 30,
        ("tcp", "", "ESTABLISHED"): 20, ("tcp", "", "SYN_SENT"): 10,
        ("udp", "", "unreplied"): 7}, "entries", metrics.entries(found))
    counters = table["counters"]
    for name, truth in (
            ("ctpolicy_conntrack_sampled_ratio", 1),
            ("ctpolicy_conntrack_buckets", table["buckets"]),
            ("ctpolicy_conntrack_clash_resolve_total",
             counters["clash_resolve"]),
            ("ctpolicy_conntrack_chaintoolong_total",
             counters["chaintoolong"]),
            ("ctpolicy_untracked_share_ratio", 1),
            ("ctpolicy_policy_applied_timestamp_seconds",
             json.loads(host.run("status", "--json"))["history"][0]["time"])):
        if truth is not None:
            check(metrics.value(found, name) == truth, name, found)
    return set(found)


def drift(host):
    host.run("apply", FIRST)
    host.space.run({"nftables": "nft delete table inet ctpolicy",
                    "iptables": "for t in iptables ip6tables; do "
                    "$t-legacy -t raw -F; done"}[host.backend])
    found = write(host)
    truth = json.loads(host.run("status", "--json"))["drift"]["rules"]
    check(metrics.value(found, "ctpolicy_drift_rules") == truth > 0, "drift",
          found)
    check(metrics.value(found, "ctpolicy_untracked_share_ratio") == 0,
          "no service is out", found)
    host.run("apply", FIRST)
    check(metrics.value(write(host), "ctpolicy_drift_rules") == 0, "repaired")


def watched(host):
    """What the watcher counts; the names of it all."""
    wipe = {"nftables": "nft delete table inet ctpolicy",
            "iptables": "for t in iptables ip6tables; do "
            "$t-legacy -t raw -F; done"}[host.backend]

    def look():
        host.run("watch", "--once", "-q", "--prometheus", FILE)
        with open(FILE) as source:
            text = source.read()
        promtool("check", "metrics", text=text)
        return metrics.parse(text)

    host.run("apply", FIRST)
    host.space.run(wipe)
    found = look()
    check(metrics.value(found, "ctpolicy_watch_in_force") == 1 and
          metrics.value(found, "ctpolicy_watch_repairs_total") == 1 and
          metrics.value(found, "ctpolicy_watch_failures_total") == 0 and
          metrics.value(found, "ctpolicy_watch_last_repair_timestamp_seconds"),
          "put back", found)
    check(metrics.value(look(), "ctpolicy_watch_repairs_total") == 0,
          "in force")
    host.run("remove")
    check("ctpolicy_watch_in_force" not in look(), "nothing to put back")
    return set(found)


def cut_short(host):
    history.prepare(host, "recover")
    check(metrics.value(write(host), "ctpolicy_last_run_success") == 0,
          "a change was cut short")
    host.run("recover")
    check(metrics.value(write(host), "ctpolicy_last_run_success") == 1,
          "recovered")


def not_replaced(host):
    """What is no file, such as /dev/null or /dev/stdout, keeps its name."""
    made = {"link": lambda at: os.symlink(FILE, at), "pipe": os.mkfifo,
            "socket": lambda at: os.mknod(at, 0o644 | stat.S_IFSOCK)}
    for name, make in made.items():
        at = os.path.join(lab.WORK, name)
        make(at)
        kind = os.lstat(at)
        for verb in (("status",), ("watch", "--once")):
            host.run(*verb, "--prometheus", at,
                     code=74 if verb[0] == "status" else 0)
            now = os.lstat(at)
            check((now.st_ino, now.st_mode) == (kind.st_ino, kind.st_mode),
                  "%s: a %s stays" % (verb[0], name), now)
        os.unlink(at)
    check(not [n for n in os.listdir(lab.WORK) for k in made
               if n.startswith(k)], "nothing is left", os.listdir(lab.WORK))


def failures(host):
    """The file stays as it was, or says that the host could not be read."""
    with open(FILE) as f:
        before = f.read()
    folder = os.path.dirname(FILE)
    for where, code in ((folder + "/none/x.prom", 74), (folder, 74)):
        said = host.run("status", "--prometheus", where, code=code)
        check("CT833" in said and where in said, "says so", said)
        check(os.listdir(folder) == ["ctpolicy.prom"] and
              not [n for n in os.listdir(lab.WORK) if n.startswith("metrics.")],
              "nothing is left", os.listdir(lab.WORK))
    with open(FILE) as f:
        check(f.read() == before, "as it was")
    not_replaced(host)
    full = os.path.join(lab.WORK, "full")
    os.makedirs(full, exist_ok=True)
    subprocess.run("mount -t tmpfs -o size=8k none %s && echo old >%s/x.prom "
                   "&& ! cat /dev/zero >%s/rest 2>&1" % (full, full, full),
                   shell=True, check=True, stdout=subprocess.DEVNULL)
    said = host.run("status", "--prometheus", full + "/x.prom", code=74)
    check("No space left" in said, "a full disk", said)
    with open(full + "/x.prom") as f:
        check(f.read() == "old\n" and sorted(os.listdir(full)) ==
              ["rest", "x.prom"], "nothing is left, nothing is lost")
    subprocess.run(["umount", full], check=True)
    shut = os.path.join(lab.WORK, "shut")
    os.makedirs(shut, exist_ok=True)
    os.chmod(shut, 0o555)
    said = host.run("status", "--prometheus", shut + "/x.prom", code=74)
    check("Permission denied" in said and not os.listdir(shut),
          "root's power is given up", said)
    for words in (("--top", "3"), ("--json",)):
        host.run("status", "--prometheus", FILE, *words, code=64)
    process = host.space.popen(
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all",
         "--ambient-caps=-all", lab.CTPOLICY, "status", "--prometheus", FILE],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    process.communicate()
    check(process.returncode == 77, "no permission", process.returncode)
    with open(FILE) as f:
        found = metrics.parse(f.read())
    check(set(found) == ALWAYS and
          metrics.value(found, "ctpolicy_last_run_success") == 0,
          "it says that it failed", found)


def asked_for(text):
    return set(re.findall(r"\b(?:ctpolicy|node)_\w+", text))


def alerts(known):
    for name in ("rules.yml", "rules_test.yml"):
        with open(os.path.join(CONTRIB, name)) as f:
            text = re.sub(r"(?m)^ *(#|description:|summary:).*", "", f.read())
        check(asked_for(text) - {"rules_test"} <= known | NODE and
              asked_for(text), name, asked_for(text) - known - NODE)
    promtool("check", "rules", os.path.join(CONTRIB, "rules.yml"))
    promtool("test", "rules", os.path.join(CONTRIB, "rules_test.yml"))
    with open(os.path.join(CONTRIB, "rules.yml")) as f:
        names = re.findall(r"- alert: (\w+)", f.read())
    with open(os.path.join(CONTRIB, "rules_test.yml")) as f:
        tested = f.read()
    for name in names:
        check(re.search(r"alertname: %s\n +exp_alerts:" % name, tested),
              "is tested to fire", name)


def dashboard(known):
    with open(os.path.join(CONTRIB, "dashboard.json")) as f:
        board = json.load(f)
    check(board["title"] and board["uid"] and board["schemaVersion"] > 30,
          "a dashboard")
    panels = board["panels"]
    check(len({p["id"] for p in panels}) == len(panels) > 5, "ids")
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        check(not cells & taken and at["x"] + at["w"] <= 24,
              "panels do not cover each other", panel["title"])
        taken |= cells
        refs = [t["refId"] for t in panel["targets"]]
        check(refs and len(set(refs)) == len(refs), "targets", panel["title"])
    queries = [t["expr"] for p in panels for t in p["targets"]]
    used = asked_for("\n".join(queries))
    check(used <= known | NODE and {n for n in known if "conntrack" in n} <=
          used, "metrics that exist, and all of them", used ^ known)
    rules = "groups: [{name: x, rules: [%s]}]" % ", ".join(
        "{record: 'a:b%d', expr: %s}" % (i, json.dumps(
            q.replace("$__rate_interval", "5m")))
        for i, q in enumerate(queries))
    path = os.path.join(lab.WORK, "queries.yml")
    with open(path, "w") as out:
        out.write(rules)
    promtool("check", "rules", path)
    for variable in re.findall(r"\$\{?(\w+)", json.dumps(board)):
        check(variable in ("__rate_interval", "datasource", "instance"),
              "a variable that is there", variable)


def main():
    lab.require_ctpolicy()
    if not os.access(PROMTOOL, os.X_OK):
        lab.skip("no promtool: contrib/install-deps test")
    os.mkdir(os.path.dirname(FILE))
    known = set()
    for backend in lab.BACKENDS:
        host = history.Host(backend)
        known |= figures(host) | watched(host)
        for part in (drift, cut_short, failures):
            tally.case("%s: %s" % (backend, part.__name__), part, host)
    tally.case("alerts", alerts, known)
    tally.case("dashboard", dashboard, known)
    tally.end()


main()
