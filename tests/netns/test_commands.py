#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line as scripts see it: exit codes, JSON, refusals."""
import fcntl, json, os, subprocess, sys

BIN = os.environ["CTPOLICY"]
BACKENDS = os.environ.get("CTPOLICY_BACKENDS", "nftables iptables").split()
TMP = os.environ.get("TMPDIR", "/tmp")
failed = 0

HEAD = "version: 1\nstate_matching: allowed\n"
OPEN = HEAD + "untracked:\n- {name: web, role: server, protocol: tcp, ports: [80, 81, 82], accept: open}\n"
NONE = OPEN.replace("open", "none")
OTHER = OPEN.replace("82", "83")
SIZES = OPEN + "conntrack: {max: 100000, timeouts: {udp: 30s}}\n"
BAD = HEAD + "untracked:\n- {name: web, role: sever, protocol: tcp, ports: [80], accept: open}\n"


def policy(text, name="p.yaml"):
    path = os.path.join(TMP, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def run(*args, stdin=None, env=None, prefix=()):
    return subprocess.run([*prefix, BIN, *args], input=stdin, text=True, capture_output=True,
                          env={**os.environ, **(env or {})})


def sh(cmd):
    return subprocess.run(cmd, shell=True, text=True, capture_output=True)


def expect(ok, what, p=None):
    global failed
    print("%s - %s" % ("ok" if ok else "not ok", what))
    if not ok:
        failed += 1
        if p is not None:
            print("  exit %d\n  out: %s\n  err: %s" % (p.returncode, p.stdout, p.stderr))


def code(want, what, *args, **kw):
    p = run(*args, **kw)
    expect(p.returncode == want, "%s: exit %d" % (what, want), p)
    return p


def clean():
    run("remove")
    sh("nft flush ruleset")


def usage():
    code(64, "no command")
    p = code(64, "an unknown command", "aply", "x")
    expect("did you mean 'apply'" in p.stderr, "the one that was meant", p)
    p = code(64, "a misspelt option", "apply", "--jason", policy(OPEN))
    expect("did you mean '--json'" in p.stderr, "the one that was meant", p)
    p = code(64, "an unknown letter among others", "apply", "-qx", policy(OPEN))
    expect("'-x'" in p.stderr, "is named", p)
    for odd in (("x\033[31m\u202e",), ("check", "--x\033[31m"), ("check", "--family", "x\033[31m"),
                ("apply", "--confirm", "x\033[31m", "p"), ("check", "x\033[31m\u202e"),
                ("diff", "--backend", "x\033[31m", policy(OPEN)),
                ("diff", "--state-dir", "x\033[31m", policy(OPEN), "extra\033[31m")):
        p = run(*odd)
        expect(p.returncode >= 64 and "\033" not in p.stdout + p.stderr and "\u202e" not in p.stderr and
               "\\x1b" in p.stderr, "escaped: " + repr(odd), p)
    for time in ("0s", "25h", "10", "1d", "-5s", " 5s", "s", ""):
        p = code(64, "--confirm %r" % time, "apply", "--confirm", time, policy(OPEN))
        expect("1s to 24h" in p.stderr, "what it takes", p)
    code(64, "a later command", "report")
    code(64, "an unknown option", "apply", "--fast", policy(OPEN))
    p = code(64, "an option of another command", "render", "--kernel", policy(OPEN))
    expect("no such option" in p.stderr, "says so", p)
    p = code(66, "no policy", "apply")
    expect("/ctpolicy/policy.yaml" in p.stderr, "the default", p)
    code(64, "a wrong family", "render", "--family", "ipv5", policy(OPEN))
    code(64, "an unknown backend", "render", "--backend", "pf", policy(OPEN))
    versions = {code(0, "version", way).stdout for way in ("--version", "-V", "version")}
    expect(len(versions) == 1, "one version: %s" % versions)
    expect(run("help").stdout == run("--help").stdout, "help is --help")
    code(64, "help of no command", "help", "aply")
    for name in ("check", "render", "diff", "apply", "confirm", "rollback", "recover", "remove", "schema", "completion"):
        p = code(0, name + " --help", name, "--help")
        expect(run("help", name).stdout == p.stdout, "help " + name, p)
        for option in ("--backend", "--state-dir", "--json", "--trace", "--color", "-q, -v"):
            expect(option in p.stdout, "%s takes %s" % (name, option), p)
        lines = p.stdout.splitlines()
        expect(p.stdout.startswith("Example:") and len(lines) <= 24 and
               max(map(len, lines)) <= 80, name + " --help fits a screen, example first", p)


def common():
    """Options that every command takes, whether or not they say anything."""
    for verb, want in (("check", 0), ("render", 0), ("diff", 1), ("confirm", 0), ("recover", 0), ("rollback", 66), ("remove", 0)):
        p = code(want, verb + " with all common options", verb, "--backend", BACKENDS[0], "--state-dir",
                 os.path.join(TMP, "common"), "--json", "--trace", "--color=never", "-q", "-v",
                 *([policy(OPEN)] if verb in ("check", "render", "diff") else []))
        expect(json.loads(p.stdout)["command"] == verb, "is one object", p)


def check():
    code(0, "a good policy", "check", policy(OPEN))
    p = code(78, "a bad policy", "check", policy(BAD, "bad.yaml"))
    expect("bad.yaml:4:21: error:" in p.stderr and "server" in p.stderr, "place and cure", p)
    p = run("check", "--json", policy(BAD, "bad.yaml"))
    got = json.loads(p.stdout)
    d = got["diagnostics"][0]
    expect(got["schema"] == 1 and got["result"] == "invalid" and (d["line"], d["column"]) == (4, 21)
           and d["id"].startswith("CT") and d["level"] == "error" and d["help"], "the same as data", p)
    p = code(78, "a good and a bad one", "check", "--json", policy(OPEN), policy(BAD, "bad.yaml"), policy(OPEN))
    got = json.loads(p.stdout)
    expect(got["result"] == "invalid" and [x["result"] for x in got["policies"]] == ["valid", "invalid", "valid"]
           and got["policies"][0]["services"] == 1 and got["policies"][1]["rules"] is None, "are one document", p)
    p = code(66, "a missing file", "check", "--json", "/nonexistent.yaml")
    d = json.loads(p.stdout)["diagnostics"][0]
    expect(d["file"] and d["line"] is None and d["column"] is None, "has no line, not line 0", p)
    p = code(0, "text as data", "render", "--json", policy(OPEN))
    expect(json.loads(p.stdout)["text"] == run("render", policy(OPEN)).stdout, "is the same text", p)
    code(66, "a missing file", "check", "/nonexistent.yaml")
    pipes()
    code(0, "standard input", "check", "-", stdin=OPEN)
    code(78, "nothing on standard input", "check", "-", stdin="")
    p = run("check", "--kernel", policy(OPEN))
    expect(p.returncode == 0, "check --kernel", p)
    # where the kernel gives no user namespace
    p = run("check", "--kernel", policy(OPEN), prefix=(
        "unshare", "-m", "sh", "-c", 'mount --rbind / /mnt && exec chroot /mnt "$@"', "sh"))
    expect(p.returncode == 0, "check --kernel in a chroot", p)
    if "iptables" in BACKENDS:
        stopped()


def pipes():
    """A policy may come through any pipe, at its own pace."""
    bash = ("bash", "-c", '"$@" <(sleep 1; cat "$0"; sleep .2; echo)', policy(OPEN))
    p = code(0, "process substitution", "check", prefix=bash)
    expect("/dev/fd/" in p.stderr, "is named", p)
    fifo = os.path.join(TMP, "fifo")
    os.mkfifo(fifo)
    writer = subprocess.Popen(["sh", "-c", 'sleep 1; cat "$1" >"$0"', fifo, policy(BAD, "bad.yaml")])
    code(78, "a pipe that has no writer yet", "check", fifo)
    writer.wait()
    folder = os.path.join(TMP, "folder")
    os.makedirs(folder, exist_ok=True)
    for what in (folder, "/dev/null"):
        for words in (("check",), ("audit",), ("diff", policy(OPEN), "--against")):
            p = code(66, "%s of %s" % (words[0], what), *words, what)
            want = "CT077" if (what, *words) == (folder, "check") else "CT002"
            expect(want in p.stderr, "neither file nor pipe", p)


def stopped():
    """A check that is told to stop takes its lock file along."""
    p = subprocess.Popen([BIN, "check", "--kernel", "--trace", policy(OPEN)], text=True,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    lock = None
    for line in p.stderr:
        if "flock(" in line and not lock:
            lock = line.split("flock(")[1].split(")")[0]
            p.terminate()
    p.wait()
    expect(lock and not os.path.exists(lock), "no lock file is left of %s" % lock)


def streams():
    """What could not be written was not said; one object, whatever the name."""
    code(74, "a full disk", "render", policy(OPEN), prefix=("sh", "-c", '"$@" >/dev/full', "sh"))
    code(74, "standard output is closed", "render", policy(OPEN),
         prefix=("sh", "-c", '"$@" >&-', "sh"))
    code(0, "standard error is closed", "render", policy(OPEN),
         prefix=("sh", "-c", '"$@" 2>&-', "sh"))
    for backend in BACKENDS:
        for more in (["--json"], ["-v"]):
            p = code(0, "an applied change whose list is lost", "apply", "--backend", backend, *more, policy(OPEN),
                     prefix=("sh", "-c", '"$@" >/dev/full', "sh"))
            expect("cannot write the output" in p.stderr and "in force" in p.stderr, "says both", p)
            code(0, "and is in force", "diff", "--backend", backend, policy(OPEN))
            run("remove")
    for words in (["status", "--prometheus", "-"], ["report", "-o", "-"]):
        p = code(74, "a full disk, said once", *words,
                 prefix=("sh", "-c", '"$@" >/dev/full', "sh"))
        expect(p.stderr.count("cannot") == 1 and "CT833" in p.stderr, "once", p)
    odd = policy(OPEN, "odd.yaml")
    name = os.path.join(os.fsencode(TMP), b"odd\xff.yaml")
    os.rename(odd, name)
    p = run("diff", "--json", os.fsdecode(name))
    expect(any(s["policy"] for s in json.loads(p.stdout)["steps"]),
           "rules of a file whose name is not UTF-8", p)
    for more in ([], ["--dry-run"]):
        p = code(0, "remove as data", "remove", "--json", *more)
        got = json.loads(p.stdout)
        expect(got["result"] == "unchanged" and got["changed"] is False, "one object", p)


def no_power():
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") \
        if sh("setpriv --reuid=65534 --regid=65534 --clear-groups true").returncode == 0 else \
        ("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all")
    os.chmod(TMP, 0o755)
    for backend in BACKENDS:
        p = code(77, backend + " without privilege", "apply", "--backend", backend, policy(OPEN),
                 prefix=drop)
        expect("CAP_NET_" in p.stderr, "the capability is named", p)


def life(backend):
    b = ("--backend", backend)
    p = code(1, backend + ": diff before", "diff", *b, policy(OPEN))
    expect("+ web " in p.stdout and "p.yaml:4" in p.stdout and "Plan: 1 service to add" in p.stdout and
           p.stdout.rstrip().endswith("apply --confirm 60s --backend %s %s" % (backend, policy(OPEN))),
           "the service and its place, a summary, the next command", p)
    p = code(1, "quietly", "diff", "-q", *b, policy(OPEN))
    expect(not p.stdout + p.stderr, "says nothing", p)
    code(0, "a dry run", "apply", "--dry-run", *b, policy(OPEN))
    code(2, "a dry run, detailed", "apply", "--dry-run", "--detailed-exitcode", *b, policy(OPEN))
    code(1, "diff after a dry run", "diff", *b, policy(OPEN))
    p = code(0, "apply", "apply", "--json", *b, policy(OPEN))
    got = json.loads(p.stdout)
    expect(got["result"] == "changed" and got["changed"] is True and got["backend"] == backend, "says changed", p)
    expect(got["steps"] and all(s["action"] == "add" for s in got["steps"]), "and what, step by step", p)
    code(0, "diff after", "diff", *b, policy(OPEN))
    p = code(0, "apply again", "apply", "--json", "--detailed-exitcode", *b, policy(OPEN))
    expect(json.loads(p.stdout)["result"] == "unchanged", "says unchanged", p)
    p = code(1, "diff of another policy as data", "diff", "--json", *b, policy(OTHER, "o.yaml"))
    steps = json.loads(p.stdout)["steps"]
    expect(json.loads(p.stdout)["result"] == "would_change" and
           any(s["action"] == "add" and s["service"] == "web" and s["policy"]["line"] == 4 for s in steps) and
           all(s["rule"] and s["kind"] and s["table"] for s in steps), "steps have all keys", p)
    code(2, "a change, detailed", "apply", "--detailed-exitcode", *b, policy(OTHER))
    for verb in ("diff", "apply"):
        p = code(14, verb + " of the machine's size from a namespace", verb, *b, policy(SIZES))
        expect("CT513" in p.stderr, verb + " says whose it is", p)
    code(0, "that has changed nothing", "diff", *b, policy(OTHER))
    code(0, "check of sizes", "check", *b, policy(SIZES))
    p = run("apply", "--trace", *b, policy(OPEN))
    expect(p.returncode == 0 and "trace:" in p.stderr, "--trace shows kernel calls", p)
    p = code(0, "auto keeps to where our rules are", "diff", policy(OPEN))
    p = code(0, "apply -v", "apply", "-v", *b, policy(OTHER))
    expect("~ web " in p.stdout and "\n+ " in p.stdout and "\n- " in p.stdout and "83" in p.stdout,
           "-v shows each step", p)
    code(0, "remove", "remove")
    code(0, "remove again", "remove", "--detailed-exitcode")
    text = run("render", *b, policy(OPEN)).stdout
    with open(os.path.join(TMP, "saved"), "w") as f:
        f.write(text)
    code(0, "diff against render's own text", "diff", *b, policy(OPEN), "--against", os.path.join(TMP, "saved"))
    code(1, "diff of another against it", "diff", policy(OTHER), "--against", os.path.join(TMP, "saved"))
    with open(os.path.join(TMP, "large"), "w") as f:
        f.write(text + ("#" * 63 + "\n") * (17 << 14))
    code(0, "diff against a text of 17 MiB", "diff", *b, policy(OPEN), "--against", os.path.join(TMP, "large"))
    code(66, "diff against nothing", "diff", policy(OTHER), "--against", os.path.join(TMP, "no-such"))
    p = code(65, "diff against a policy", "diff", *b, policy(OPEN), "--against", policy(OTHER, "o.yaml"))
    expect("o.yaml:1:1: error:" in p.stderr and "help:" in p.stderr, "place and cure", p)
    code(65, "as data", "diff", "--json", policy(OPEN), "--against", policy("{}"*9, "o.yaml"))
    p = run("diff", *b, policy(OPEN), prefix=(
        "bash", "-c", '"$@" --against <(cat "$0")', os.path.join(TMP, "saved")))
    expect(p.returncode == 0, "diff against a pipe", p)
    clean()


def refusals():
    if "nftables" in BACKENDS:
        sh("iptables-nft -P INPUT DROP")
        if "iptables" not in BACKENDS:
            p = code(14, "iptables-nft filters", "apply", "--backend", "nftables", policy(OPEN))
            expect("ip filter" in p.stderr, "its table is named", p)
        code(0, "where nothing of it need be touched", "apply", "--backend", "nftables", policy(NONE))
        clean()
        sh("nft add table inet firewalld; nft 'add chain inet firewalld filter_INPUT "
           "{ type filter hook input priority 10; policy drop; }'")
        code(0, "firewalld filters", "apply", "--backend", "nftables", policy(OPEN))
        expect("jump ctpolicy-input" in sh("nft list chain inet firewalld filter_INPUT").stdout, "accepts go there")
        clean()
        sh("nft add table inet mine; nft 'add chain inet mine in { type filter hook input priority 0; policy drop; }'; "
           "nft add rule inet mine in ct state established accept")
        code(0, "accepts go into the chain that drops", "apply", "--backend", "nftables", policy(OPEN))
        with open(os.path.join(TMP, "host.nft"), "w") as f:
            f.write(sh("nft list ruleset").stdout)
        code(0, "diff against a saved host", "diff", policy(OPEN), "--against", os.path.join(TMP, "host.nft"))
        p = code(1, "diff of another against it", "diff", policy(OTHER), "--against", os.path.join(TMP, "host.nft"))
        expect("inet mine" in p.stdout, "the accepts in its table differ too", p)
        # rules of the other world, of which the text of this one says nothing
        sh("iptables-legacy -A FORWARD -s 192.0.2.1 -j DROP")
        code(0, "with rules elsewhere", "apply", "--backend", "nftables", policy(OPEN))
        with open(os.path.join(TMP, "host.nft"), "w") as f:
            f.write(sh("nft list ruleset").stdout)
        code(0, "diff against a saved host of two worlds", "diff", policy(OPEN), "--against", os.path.join(TMP, "host.nft"))
        sh("iptables-legacy -F FORWARD")
        clean()
    if "iptables" in BACKENDS:
        sh("iptables-nft -A INPUT -p tcp --dport 1 -j DROP")
        p = code(14, "rules live in iptables-nft", "apply", "--backend", "iptables", policy(OPEN))
        expect("nftables" in p.stderr, "the way out is named", p)
        clean()
        lock = os.environ.get("XTABLES_LOCKFILE", os.path.join(TMP, "lock"))
        with open(lock, "w") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            p = code(75, "the lock is held", "apply", "--backend", "iptables", policy(OPEN),
                     env={"XTABLES_LOCKFILE": lock})
            expect(lock in p.stderr, "the lock is named", p)
        p = code(74, "no folder for the lock", "apply", "--json", "--backend", "iptables", policy(OPEN),
                 env={"XTABLES_LOCKFILE": "/nonexistent/lock"})
        expect(json.loads(p.stdout)["result"] == "refused", "what was not begun is not undone", p)
    if len(BACKENDS) == 2:
        run("apply", "--backend", "nftables", policy(NONE))
        p = code(14, "a second home", "apply", "--backend", "iptables", policy(NONE))
        expect("remove" in p.stderr, "the way out is named", p)
        clean()
        # last: once there, a legacy table can't be forgotten
        sh("iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT")
        p = run("apply", policy(NONE))
        expect(p.returncode == 0 and "using iptables" in p.stderr, "auto follows legacy rules", p)
        clean()
        sh("nft add table inet mine; nft 'add chain inet mine in { type filter hook input priority 0; }';"
           "nft add rule inet mine in tcp dport 9 drop")
        code(14, "rules in both: ask", "diff", policy(NONE))
        sh("iptables-legacy -F INPUT")
        p = run("apply", policy(NONE))
        expect(p.returncode == 0 and "using nftables" in p.stderr, "auto follows native rules", p)
        clean()


usage()
for backend in BACKENDS:
    life(backend)
common()
streams()
no_power()
refusals()
check()             # --kernel last: nothing here depends on what it leaves
sys.exit(1 if failed else 0)
