#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The iptables backend against the kernel: what the contract suite, made for
all backends, cannot know of tables, positions, counters, sets and the lock.
Each case has a network namespace of its own.
"""
import ctypes
import fcntl
import os
import re
import socket
import subprocess
import sys
import threading
import time

BIN = os.environ["CTPOLICY"]
TMP = os.environ.get("TMPDIR", "/tmp")
LOCK = os.environ["XTABLES_LOCKFILE"]
HEAD = "version: 1\nstate_matching: allowed\nuntracked:\n"
WEB = HEAD + "- {name: web, role: [server, router], protocol: [tcp, udp], " \
             "ports: [80, 443], accept: open}\n"
CLONE_NEWNET = 0x40000000


def run(*cmd, stdin=None):
    return subprocess.run(cmd, input=stdin, text=True, capture_output=True)


def ctpolicy(command, policy=None, *more):
    path = os.path.join(TMP, "policy.yaml")
    if policy:
        with open(path, "w") as f:
            f.write(policy)
    return run(BIN, command, "--backend", "iptables", *more,
               *([path] if policy else []))


def ok(p):
    assert p.returncode == 0, "exit %d\n%s%s" % (p.returncode, p.stdout, p.stderr)
    return p


def applied(policy, *more):
    p = ok(ctpolicy("apply", policy, *(more or ["--trace"])))
    d = ctpolicy("diff", policy)
    assert d.returncode == 0, d.stdout + d.stderr
    return p.stderr


def saved(tool="iptables", table="filter"):
    return ok(run(tool + "-legacy-save", "-c", "-t", table)).stdout


def filtering():
    """A host that may drop anything at any hook: accept rules are wanted."""
    for tool in "iptables-legacy", "ip6tables-legacy":
        for chain in "INPUT", "FORWARD", "OUTPUT":
            ok(run(tool, "-P", chain, "DROP"))


def hosts(n, start=0, fmt="10.%d.%d.%d"):
    return ", ".join(fmt % (i >> 16 & 255, i >> 8 & 255, i & 255)
                     for i in range(start, start + n))


def many(n, start=0, more=""):
    return HEAD + "- {name: big, role: server, protocol: tcp, ports: [80], " \
        "accept: none, clients: [%s%s]}\n" % (hosts(n, start), more)


def lock_busy():
    """Exit 75, the file named, nothing written; and after some patience."""
    with open(LOCK, "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        began = time.monotonic()
        p = ctpolicy("apply", WEB)
        took = time.monotonic() - began
    assert p.returncode == 75, p.returncode
    assert LOCK in p.stderr, p.stderr
    assert took > 4, took
    assert "CTPOLICY" not in saved()


def lock_freed():
    f = open(LOCK, "w")
    fcntl.flock(f, fcntl.LOCK_EX)
    threading.Timer(0.5, f.close).start()
    applied(WEB)


def missing_table_names_its_module():
    """As on a host where nothing has loaded the tables yet."""
    path = os.path.join(TMP, "policy.yaml")
    with open(path, "w") as f:
        f.write(WEB)
    # a leak checker cannot look at a process that is traced
    p = run("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-o",
            os.path.join(TMP, "trace"), "-e",
            "trace=getsockopt", "-e", "inject=getsockopt:error=ENOPROTOOPT",
            BIN, "apply", "--backend", "iptables", path)
    assert p.returncode == 69, (p.returncode, p.stderr)
    assert "iptable_raw" in p.stderr and "CT605" in p.stderr, p.stderr


def looking_makes_no_table():
    ctpolicy("diff", WEB)
    ctpolicy("apply", WEB, "--dry-run")
    ok(ctpolicy("remove"))
    for name in "ip_tables_names", "ip6_tables_names":
        with open("/proc/net/" + name) as f:
            assert f.read() == ""


def counters_stay():
    """Of the host's rules and policies, and of ctpolicy's that stay."""
    ok(run("iptables-legacy-restore", "-c", stdin="""*filter
:INPUT DROP [5:300]
:FORWARD ACCEPT [7:700]
:OUTPUT ACCEPT [9:900]
:mine - [0:0]
[3:180] -A INPUT -m state --state ESTABLISHED -j ACCEPT
[4:240] -A INPUT -m limit --limit 1/sec -j mine
[1:60] -A mine -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""))
    def foreign():
        return [l for l in saved().splitlines()
                if not l.startswith("#") and "CTPOLICY" not in l]
    before = foreign()
    applied(WEB)
    assert foreign() == before, (before, foreign())
    ok(ctpolicy("remove"))
    assert foreign() == before, foreign()
    assert "CTPOLICY" not in saved()


def jump_goes_back_to_its_place():
    """Behind all that drops some packets, ahead of the policy."""
    filtering()
    applied(WEB)
    ok(run("iptables-legacy", "-I", "INPUT", "-p", "esp", "-j", "DROP"))
    assert ctpolicy("diff", WEB).returncode == 0
    ok(run("iptables-legacy", "-A", "INPUT", "-p", "ah", "-j", "DROP"))
    assert ctpolicy("diff", WEB).returncode == 1
    applied(WEB)
    rules = [l for l in saved().splitlines() if "-A INPUT" in l]
    assert "esp" in rules[0] and "ah" in rules[1] and \
        "CTPOLICY-INPUT" in rules[2] and len(rules) == 3, rules


def drift_is_mended():
    """ctpolicy's rules, doubled, lost, reversed or altered."""
    filtering()
    applied(WEB)
    good = saved()
    for change in (["-A", "CTPOLICY-INPUT", "-j", "ACCEPT"],
                   ["-D", "CTPOLICY-INPUT", "2"],
                   ["-I", "CTPOLICY-INPUT", "3", "-m", "limit", "-j", "LOG"],
                   ["-A", "INPUT", "-j", "CTPOLICY-INPUT"],
                   ["-D", "INPUT", "1"],
                   ["-N", "CTPOLICY-OLD"],
                   ["-F", "CTPOLICY-FORWARD"]):
        ok(run("iptables-legacy", *change))
        d = ctpolicy("diff", WEB)
        assert d.returncode == 1, (change, d.stdout, d.stderr)
        applied(WEB)
        strip = lambda s: [l for l in s.splitlines() if l[:1] in "[:"]
        assert strip(saved()) == strip(good), (change, saved())


def one_address_is_one_write():
    applied(many(1000))
    trace = applied(many(1000, more=", 192.0.2.1"))
    adds = re.findall(r"ipset add .*", trace)
    assert len(adds) == 1 and "192.0.2.1" in adds[0], adds
    assert "create" not in trace and "swap" not in trace and \
        "_commit" not in trace, trace
    trace = applied(many(1000))
    assert len(re.findall(r"ipset del .*192.0.2.1", trace)) == 1, trace


def many_addresses_are_swapped():
    applied(many(1000))
    trace = applied(many(1000, 600))
    assert trace.count("ipset swap") == 1, trace
    assert "ctpolicy-swap" not in ok(run("ipset", "list", "-n")).stdout
    # ... and again when a spare one was left behind
    ok(run("ipset", "create", "ctpolicy-swap", "hash:ip"))
    assert ctpolicy("diff", many(1000, 600)).returncode == 1
    applied(many(1000, 1600))


def sets_grow_beyond_their_limit():
    def limit():
        return int(re.search(r"maxelem (\d+)",
                             ok(run("ipset", "list", "-t")).stdout)[1])
    applied(many(1000))
    first = limit()
    # not so many lines of a trace, which nobody reads
    applied(many(first + 100), "--quiet")
    assert limit() >= first + 100, limit()


def comments_follow():
    policy = many(100)
    applied(policy)
    applied(policy.replace("accept: none", "accept: none, why: new"))
    s = ok(run("ipset", "save")).stdout
    assert s.count('"big: new"') == 100 and '"big"' not in s, s[:300]


def strange_sets_give_way():
    """Sets with ctpolicy's names, made by another program."""
    policy = many(100)
    applied(policy)
    names = ok(run("ipset", "list", "-n")).stdout.split()
    ok(ctpolicy("remove"))
    ok(run("ipset", "create", names[0], "hash:net"))
    ok(run("ipset", "create", "ctpolicy-odd", "bitmap:ip", "range",
           "10.0.0.0/24"))
    ok(run("ipset", "create", "foreign", "hash:ip"))
    applied(policy)
    assert sorted(ok(run("ipset", "list", "-n")).stdout.split()) == \
        sorted(names + ["foreign"])
    ok(ctpolicy("remove"))
    assert ok(run("ipset", "list", "-n")).stdout.split() == ["foreign"]


def failure_is_undone():
    """Somebody's rule looks into our set: it can't be destroyed, and by then
    everything else is gone."""
    policy = many(100)
    applied(policy)
    name = ok(run("ipset", "list", "-n")).stdout.split()[0]
    ok(run("iptables-legacy", "-A", "FORWARD", "-m", "set", "--match-set",
           name, "src", "-j", "DROP"))
    held = saved(table="raw"), saved(), ok(run("ipset", "save")).stdout
    p = ctpolicy("remove", None, "--trace")
    assert p.returncode == 10, (p.returncode, p.stderr[-2000:])
    assert "iptc_commit(raw)" in p.stderr and "undone" in p.stderr, p.stderr
    now = saved(table="raw"), saved(), ok(run("ipset", "save")).stdout
    plain = lambda s: sorted(re.sub("initval.*|^#.*", "", l)
                             for t in s for l in t.splitlines())
    assert plain(now) == plain(held), (now, held)
    ok(run("iptables-legacy", "-F", "FORWARD"))
    ok(ctpolicy("remove"))


def a_jump_of_others_leaves_with_the_chain():
    filtering()
    applied(WEB)
    ok(run("iptables-legacy", "-N", "mine"))
    ok(run("iptables-legacy", "-A", "mine", "-g", "CTPOLICY-FORWARD"))
    ok(run("iptables-legacy", "-A", "mine", "-p", "esp"))
    ok(ctpolicy("remove"))
    rules = [l for l in saved().splitlines() if "-A mine" in l]
    assert rules == ["[0:0] -A mine -p esp"], rules


def iptables_nft_is_refused():
    ok(run("iptables-nft", "-A", "INPUT", "-p", "tcp", "-j", "ACCEPT"))
    p = ctpolicy("apply", WEB)
    assert p.returncode == 14, (p.returncode, p.stderr)
    assert "--backend nftables" in p.stderr, p.stderr
    assert "CTPOLICY" not in saved()


def iptables_nft_merely_looked_at():
    ok(run("iptables-nft", "-L"))
    applied(WEB)


def removal_has_its_order():
    """Request direction, reply direction, accepts; 100 ms between them."""
    policy = WEB.replace("[server, router]", "[server, client]")
    filtering()
    applied(policy)
    seen, stop = [], threading.Event()

    def watch():
        last = False
        while not last:
            last = stop.is_set()    # and one look after the end
            # What goes last is looked at first: a slow look sees no
            # state that there never was.
            accepts = "CTPOLICY" in saved(table="filter")
            raw = saved(table="raw")
            state = ("--dports" in raw, "--sports" in raw and
                     "-j CTPOLICY-OUTPUT" in raw, accepts)
            if not seen or seen[-1] != state:
                seen.append(state)
    thread = threading.Thread(target=watch)
    thread.start()
    p = ok(ctpolicy("remove", None, "--trace"))
    stop.set()
    thread.join()
    stages = [(True, True, True), (False, True, True),
              (False, False, True), (False, False, False)]
    # On a busy machine a stage may pass unseen, but none comes out of turn.
    assert seen == [s for s in stages if s in seen], seen
    assert seen[-1] == stages[-1], seen
    order = [m[1] for m in re.finditer(r"tc_commit\((\w+)\)", p.stderr)]
    assert order == ["raw"] * 4 + ["filter"] * 2, order
    p = ctpolicy("apply", WEB, "--trace")
    order = [m[1] for m in re.finditer(r"tc_commit\((\w+)\)", p.stderr)]
    assert order == ["filter", "filter", "raw", "raw"], order


def what_is_out_meets_no_more_of_ours():
    """... but the host's own rules behind, as what is tracked does."""
    policy = HEAD + "".join(
        "- {name: %s, role: server, protocol: %s, ports: [53], accept: none}\n"
        % p for p in (("a", "udp"), ("b", "tcp"), ("c", "sctp")))
    ok(run("ip", "link", "set", "lo", "up"))
    applied(policy)
    ok(run("iptables-legacy", "-t", "raw", "-A", "OUTPUT", "-p", "udp"))
    ok(run("iptables-legacy", "-t", "filter", "-A", "OUTPUT", "-m",
           "conntrack", "--ctstate", "UNTRACKED"))
    before = saved(table="raw")
    assert "--dports 53 -m addrtype --dst-type LOCAL -m comment --comment " \
        "a -g CTPOLICY-OUTPUT.0\n" in before, before
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
        b"", ("127.0.0.1", 53))
    raw = saved(table="raw")
    met = [l.split("] ", 1)[1] for l in raw.splitlines()
           if l.startswith("[1:")]
    assert len(met) == 5 and met[0] == "-A OUTPUT -p udp", raw
    for i, hook in (1, "OUTPUT"), (3, "PREROUTING"):
        assert met[i].endswith(" a -g CTPOLICY-%s.0" % hook), raw
        assert met[i + 1] == "-A CTPOLICY-%s.0 -j CT --notrack" % hook, raw
    assert re.search(r"\[1:\d+\] -A OUTPUT .*UNTRACKED", saved()), saved()
    # a policy that counts counts for each service whose packet it is
    applied("counters: true\n" + policy)
    assert "OUTPUT.0" not in saved(table="raw"), saved(table="raw")
    applied(policy)
    ok(ctpolicy("remove"))
    assert "CTPOLICY" not in saved(table="raw"), saved(table="raw")


def render_loads_to_the_same():
    # of these no host makes accept rules ask less than render has them ask
    policy = HEAD + "".join(
        "- {name: s%d, role: [server, client], protocol: [udp, sctp], ports: "
        "[%d, %d-%d], clients: [10.%d.0.0/16, \"2001:db8:%x::/48\"], servers: "
        "[192.0.2.%d], accept: open, why: 'it''s a \"why\"'}\n"
        % (i, 1000 + i, 3000 + 20 * i, 3004 + 20 * i, i, i, i)
        for i in range(100))
    text = ok(ctpolicy("render", policy)).stdout
    sets = "".join(l[7:] + "\n" for l in text.splitlines()
                   if l.startswith("#ipset "))
    assert sets
    filtering()
    # on a host that tracks nothing apply would match no state
    for tool in "iptables-legacy", "ip6tables-legacy":
        ok(run(tool, "-A", "INPUT", "-m", "conntrack", "--ctstate",
               "ESTABLISHED"))
    ok(run("ipset", "restore", stdin=sets))
    ok(run("iptables-legacy-restore", "--noflush", stdin=text))
    ok(run("ip6tables-legacy-restore", "--noflush", stdin=text))
    d = ctpolicy("diff", policy)
    assert d.returncode == 0, d.stdout[:2000] + d.stderr
    dump = ok(run("ipset", "save")).stdout + \
        ok(run("iptables-legacy-save")).stdout + \
        ok(run("ip6tables-legacy-save")).stdout
    path = os.path.join(TMP, "dump")
    with open(path, "w") as f:
        f.write(dump)
    d = ctpolicy("diff", policy, "--against", path)
    assert d.returncode == 0, d.stdout[:2000] + d.stderr


def many_kinds():
    """Policy of one service for each kind of ipset, in both families."""
    exact = ["10.1.0.%d" % (2 * i) for i in range(30)] + \
        ['"2001:db8::%x"' % (2 * i) for i in range(30)]
    nets = ["10.2.%d.0/24" % (2 * i) for i in range(30)] + \
        ['"2001:db8:%x::/48"' % (2 * i + 1) for i in range(30)]
    ways = [("udp", "", ""), ("udp", exact, ""), ("udp", nets, ""),
            ("udplite", exact, ""), ("tcp", nets, ""), ("sctp", exact, exact),
            ("udp", exact, nets), ("dccp", nets, exact)]
    text = HEAD
    for k, (proto, clients, servers) in enumerate(ways):
        for i in range(1 if k in (0, 1, 2) else 30):
            ports = [1000 * k + 2 * i] if k else range(1, 999, 2)
            text += ("- {name: k%d-%d, why: 'some \u00e9', role: server, "
                     "protocol: %s, accept: none, ports: %s" %
                     (k, i, proto, list(ports)))
            for key, values in ("clients", clients), ("servers", servers):
                if values:
                    few = values if k < 3 else (values[i], values[i + 30])
                    text += ", %s: [%s]" % (key, ",".join(few))
            text += "}\n"
    return text


def added():
    save = ok(run("ipset", "save")).stdout
    return sorted(l for l in save.splitlines() if l.startswith("add "))


def elements_are_as_ipset_makes_them():
    """All that render has, and nothing else, by ipset's own listing."""
    policy = many_kinds()
    applied(policy)
    text = ok(ctpolicy("render", policy)).stdout
    want = sorted(l[7:] for l in text.splitlines()
                  if l.startswith("#ipset add "))
    save = ok(run("ipset", "save")).stdout
    got = added()
    kinds = {l.split()[2] + l.count("inet6") * "6"
             for l in save.splitlines() if l.startswith("create ")}
    for kind in ("hash:ip", "hash:net", "hash:ip,port", "hash:net,port",
                 "hash:ip,port,ip", "hash:ip,port,net"):
        assert {kind, kind + "6"} <= kinds, kinds
    assert "bitmap:port" in kinds, kinds
    assert got == want, [set(got) ^ set(want)]


def elements_of_others_go():
    """What only somebody else can have put into a set of ours."""
    policy = many_kinds()
    applied(policy)
    save, held = ok(run("ipset", "save")).stdout, added()
    for kind, odd in (("hash:ip,port", "192.0.2.1,icmp:echo-request"),
                      ("hash:net,port", "192.0.2.0/24,udp:1"),
                      ("hash:ip,port,net", "192.0.2.1,udplite:1,1.2.3.0/24")):
        name = re.search(r"create (\S+) %s family inet " % kind, save)[1]
        ok(run("ipset", "add", name, odd))
        assert ctpolicy("diff", policy).returncode == 1, odd
        applied(policy)
        assert added() == held, odd


def a_thousand_services():
    policy = HEAD + "".join(
        "- {name: s%d, role: server, protocol: tcp, ports: [%d], clients: "
        "[10.%d.%d.0/24, \"2001:db8:%x::/48\"], accept: open}\n"
        % (i, 1000 + i, i >> 8, i & 255, i) for i in range(1000))
    applied(policy)
    for tool in "iptables", "ip6tables":
        rules = [l for t in ("raw", "filter") for l in
                 saved(tool, t).splitlines() if "-A CTPOLICY" in l]
        assert len(rules) < 60, len(rules)
    ok(ctpolicy("remove"))
    assert ok(run("ipset", "list", "-n")).stdout == ""


def in_namespace(case):
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        return "cannot make a network namespace"
    try:
        case()
    except AssertionError as e:
        import traceback
        return "line %d: %s" % (traceback.extract_tb(e.__traceback__)[-1].lineno,
                                str(e)[:3000])
    return ""


def main():
    if os.geteuid() or run("iptables-legacy", "-V").returncode:
        print("needs namespaces and iptables-legacy")
        sys.exit(77)
    cases = [lock_busy, lock_freed, missing_table_names_its_module,
             looking_makes_no_table, counters_stay,
             jump_goes_back_to_its_place, drift_is_mended,
             one_address_is_one_write, many_addresses_are_swapped,
             sets_grow_beyond_their_limit, comments_follow,
             strange_sets_give_way, failure_is_undone,
             a_jump_of_others_leaves_with_the_chain,
             iptables_nft_is_refused, iptables_nft_merely_looked_at,
             removal_has_its_order, what_is_out_meets_no_more_of_ours,
             render_loads_to_the_same,
             elements_are_as_ipset_makes_them, elements_of_others_go,
             a_thousand_services]
    wanted = sys.argv[1:]
    failed = 0
    for case in cases:
        if wanted and case.__name__ not in wanted:
            continue
        r, w = os.pipe()
        if not os.fork():
            os.write(w, in_namespace(case).encode())
            os._exit(0)
        os.close(w)
        with os.fdopen(r) as f:
            what = f.read()
        os.wait()
        failed += what != ""
        print("%s - %s%s" % ("not ok" if what else "ok", case.__name__,
                             ": " + what if what else ""), flush=True)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
