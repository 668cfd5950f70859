# SPDX-License-Identifier: GPL-2.0-or-later
"""Rulesets that others wrote, and policies that inherit from them.

Each ruleset of the corpus that loads here is loaded in each dialect that it may
have: iptables-nft and legacy tables, or nft. For a web and for a dns policy
either `apply` holds, and then every connection fares as before, those of the
service have no entries, and the host's own rules are what they were, to the byte,
counters and handles too; or it is refused, with the ids of REFUSED, and then a
probe shows what would have been lost. Neither may change without this table.

The corpus is no part of this tree: CTPOLICY_CORPUS names it, or it is the folder
`corpus` of a neighbour of the checkout. With file names, only these are played:

    python3 tests/netns/test_corpus_apply.py tails-1.5 --dialect legacy
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from live_rules import corpus, some                                 # noqa: E402
from probes import Probe, serve_tcp, serve_udp, try_all     # noqa: E402

CONFLICT = 14
LOADERS = {
    "iptables-nft": ("nftables", "-nft-restore"),
    "legacy": ("iptables", "-legacy-restore"),
    "nft": ("nftables", "nft"),
}
POLICIES = {
    "web": """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80, 443]}
""",
    "dns": """version: 1
state_matching: allowed
untracked:
  - {name: dns, role: server, protocol: [udp, tcp], ports: [53]}
  - {name: ask, role: client, protocol: udp, ports: [53]}
""",
}
TCP_PORTS = (22, 53, 80, 443, 8080)
SERVICE = {"web": {("tcp", 80), ("tcp", 443)},
           "dns": {("tcp", 53), ("udp", 53)}}
ASKED = {"web": set(), "dns": {("udp", 53)}}    # of others, by this host
# where translated connections end, in the rulesets of REFUSED
MORE_TCP = (9040, 15001, 15006, 15053, 65535, 5000)
MORE_UDP = (5353, 9053, 15053)
_HALF = "requests are untracked already, and what answers them is redirected"
_ASKED = "what this host asks is translated"
# (file, policy) -> ids, others may come with them, and why; the same in each
# dialect that it loads in
REFUSED = {
    ("xtables-tests-odd", "web"): ("CT592", _HALF),
    ("xtables-tests-odd", "dns"): ("CT592", _HALF),
    ("xtables-tests6-odd", "web"): ("CT592", _HALF),
    ("xtables-tests6-odd", "dns"): ("CT592", _HALF),
    ("derived-k8s-services-2k", "dns"): ("CT592", _ASKED),
    ("eduroam-laptop", "dns"): ("CT592", _ASKED),
    ("foomuuri-router", "web"): ("CT592", "the ports go to another host"),
    ("nft-py-tests-odd", "web"): ("CT592", "all goes to another host"),
    ("nft-py-tests-odd", "dns"): ("CT592", "all goes to another host"),
    ("pepsal", "web"): ("CT593", "a proxy counts connections"),
    ("pepsal", "dns"): ("CT593", "a proxy counts connections"),
    ("ddos-panel", "web"): (
        "CT591", "who connects too often is put on a list of bans"),
    ("home-router-sample", "dns"): (
        "CT590", "untracked packets are dropped by name"),
}
# Probes that show what is lost: of this host, as a user. Where there are none,
# the usual ones show it, or nothing here can (None).
SHOWN_BY = {
    "derived-k8s-services-2k": None,
    "ddos-panel": None,
    "pepsal": None,
    "nft-py-tests-odd": None,
    "home-router-sample": None,
}
# Hosts that translate what they send to themselves: that stays tracked, which is
# said, and fares as before; some of it only as a user of theirs.
KEEPS_OWN = {
    "istio-dns": [("tcp", "198.51.100.2", p, 3) for p in (80, 53)] + [
        ("udp", "127.0.0.53", 53, 0)],
    "istio-tproxy": [("tcp", "198.51.100.2", p, 1337) for p in (80, 53)] + [
        ("udp", "127.0.0.53", 53, 0)],
    "istio-drop-invalid": [("tcp", "198.51.100.2", p, 1337)
                           for p in (80, 53)],
    "tails-1.5": [("tcp", "127.192.0.1", 80, 1000),
                  ("udp", "127.0.0.1", 53, 1000)],
}
# Hosts that limit how often others may come to these ports: no probe is steady.
LIMITED = {"foomuuri-router": (22,)}
failed = 0


def fault(*what):
    global failed
    failed += 1
    print("FAIL " + ": ".join(str(w) for w in what), flush=True)


# --- probes

def probes_of(version):
    here = lab.address("server", version)
    out = [Probe(CLIENT, "tcp", version, here, port) for port in TCP_PORTS]
    out.append(Probe(CLIENT, "udp", version, here, 53))
    for to in (lab.LOOPBACK[version], here):
        out += [Probe(SERVER, "tcp", version, to, port)
                for port in (53, 80, 443)]
        out.append(Probe(SERVER, "udp", version, to, 53))
    out += [Probe(SERVER, "udp", version, lab.address("client", version), 53),
            Probe(SERVER, "tcp", version, lab.address("client", version), 80)]
    return out


# --- rules

def load(path, dialect):
    """False: it cannot be loaded here."""
    SERVER.clear()
    with open(path, errors="replace") as f:
        text = f.read()
    tool = LOADERS[dialect][1]
    if dialect == "nft":
        command = ["nft", "-f", "-"]
    else:
        command = ["ip%stables%s" % (
            "6" if "/ip6tables-save/" in path else "", tool), "-c"]
    process = SERVER.popen(command, stdin=subprocess.PIPE, text=True,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    process.communicate(text)
    return not process.returncode


def own(line):
    return re.search(r"ctpolicy", line, re.I)


def without_own(lines):
    """... without ctpolicy's own table and rules."""
    out, skipping = [], False
    for line in lines:
        if re.match(r"table \S+ ctpolicy ", line):
            skipping = True
        if not skipping and not own(line) and not line.startswith("#"):
            out.append(line)
        if line == "}":
            skipping = False
    return out


def listing(dialect):
    if dialect != "legacy":
        text = SERVER.run(["nft", "-a", "list", "ruleset"])
        return without_own(text.splitlines())
    out = []
    for tool in ("iptables-legacy-save", "ip6tables-legacy-save"):
        text = SERVER.run([tool, "-c"])
        table = []
        for line in without_own(text.splitlines()):
            table.append(line)
            if line == "COMMIT":
                # a table that holds nothing cannot be forgotten
                if any(x.startswith("[") or
                       (x[0] == ":" and " ACCEPT [" not in x)
                       for x in table):
                    out += table
                table = []
    return out


def apply(dialect, policy, *more):
    return SERVER.ctpolicy("apply", POLICIES[policy], "--backend",
                           LOADERS[dialect][0], *more)


def remove(dialect):
    SERVER.run([lab.CTPOLICY, "remove", "--backend", LOADERS[dialect][0]])


# --- the trial

def ids_of(said):
    return sorted(set(re.findall(r"error: .*\[(CT\d+)\]", said)))


def services_entries(events, policy, keeps_own):
    """Entries of the service's connections: its ports, whoever asked."""
    names = {6: "tcp", 17: "udp"}
    others = [lab.address("client", v) for v in lab.VERSIONS]
    out = []
    for e in events.take():
        m = re.match(r"proto (\d+) (\S+)\.\d+ > (\S+)\.(\d+)$", e)
        asked = m and (names.get(int(m[1])), int(m[4]))
        if keeps_own and m and not {m[2], m[3]} & set(others):
            continue
        if asked in SERVICE[policy] and (m[3] not in others or
                                         asked in ASKED[policy]):
            out.append(e)
    return out


def differences(before, after):
    return {p: (before[p], after[p]) for p in before
            if before[p] != after[p]}


COUNTS = re.compile(r"(?<=packets )\d+|(?<=bytes )\d+|(?<=\[)\d+|(?<=:)\d+(?=\])")


def same_line(before, now):
    """The kernel's own messages may count meanwhile, and never backwards."""
    if COUNTS.sub("", before) != COUNTS.sub("", now):
        return False
    return all(int(a) <= int(b) for a, b in zip(COUNTS.findall(before),
                                                COUNTS.findall(now)))


def is_within(some_lines, lines):
    rest = iter(lines)
    return all(any(same_line(x, y) for y in rest) for x in some_lines)


def check_rules(name, dialect, policy, before):
    """Nobody sends anything meanwhile."""
    held = listing(dialect)
    remove(dialect)
    left = listing(dialect)
    if not is_within(before, held):
        fault(name, dialect, policy, "apply changed the host's rules",
              [x for x in before if x not in held][:3])
    if len(left) != len(before) or not is_within(before, left):
        fault(name, dialect, policy, "remove left other rules",
              [x for x in left if x not in before][:3],
              [x for x in before if x not in left][:3])


def check_traffic(name, dialect, policy, before):
    for patience in (.3, 1, 3):
        events = lab.NewEntries(SERVER)
        after = try_all(before, patience)
        found = services_entries(events, policy, name in KEEPS_OWN)
        events.close()
        wrong = differences(before, after)
        if not wrong:
            break
    if wrong:
        # the host's own limits may have had enough of it meanwhile
        remove(dialect)
        again = try_all(before, patience)
        wrong = {p: v for p, v in wrong.items() if again[p] == v[0]}
    if wrong:
        fault(name, dialect, policy, "fares otherwise", wrong)
    # a connection that some rule turns away is none of the service's
    if found and not any("served" in v for v in before.values()):
        found = []
    if found:
        fault(name, dialect, policy, "entries", found)


def check_refused(name, dialect, policy, said, tally):
    tally["refused"] += 1
    want = REFUSED.get((name, policy))
    got = ids_of(said)
    tally["which"].append(name)
    if not want:
        fault(name, dialect, policy, "refused",
              [x for x in said.split("\n") if "error:" in x][:1])
    elif not set(want[0].split()) <= set(got):
        fault(name, dialect, policy, "refused with", got, "not", want[0])


def is_whole():
    """Has this user namespace other users, for a socket to be one's?"""
    with open("/proc/self/uid_map") as f:
        return int(f.read().split()[2]) > 100000


def check_reason(name, dialect, policy, probes):
    """By force, something must fare otherwise."""
    if SHOWN_BY.get(name, ()) is None:
        return
    for patience in (.3, 1, 3):
        before = try_all(probes, patience)
        code, said = apply(dialect, policy, "--force")
        if code:
            fault(name, dialect, policy, "--force: exit %d" % code, said)
            return
        after = try_all(probes, patience)
        remove(dialect)
        if differences(before, after):
            return
    fault(name, dialect, policy, "refused, and nothing would have changed")


def play(path, dialect, tally):
    name = os.path.basename(path).rsplit(".", 1)[0]
    if not load(path, dialect):
        return
    tally["loaded"] += 1
    quiet = listing(dialect)
    for policy in POLICIES:
        code, said = apply(dialect, policy)
        if code == CONFLICT:
            now = listing(dialect)
            if len(now) != len(quiet) or not is_within(quiet, now):
                fault(name, dialect, policy, "refused, and changed something")
            check_refused(name, dialect, policy, said, tally[policy])
            continue
        if code:
            tally[policy]["failed"] += 1
            fault(name, dialect, policy, "exit %d" % code, said)
            continue
        tally[policy]["applied"] += 1
        if (name, policy) in REFUSED:
            fault(name, dialect, policy, "is not refused any more")
        if ("[CT598]" in said) != (name in KEEPS_OWN):
            fault(name, dialect, policy, "what stays tracked", said)
        check_rules(name, dialect, policy, quiet)
    probes = [p for v in lab.VERSIONS for p in probes_of(v)]
    if is_whole():
        probes += [Probe(SERVER, proto, 4, to, port, uid)
                   for proto, to, port, uid in KEEPS_OWN.get(name, ())]
    before = try_all(probes, .3)
    again = try_all(probes, 1)
    # what limits and scripts of the host's make of it is not steady
    before = {p: v for p, v in again.items() if before[p] == v and
              p.port not in LIMITED.get(name, ())}
    tally["probes"] += len(before)
    tally["served"] += sum(v != "no" for v in before.values())
    for policy in POLICIES:
        code = apply(dialect, policy)[0]
        if code:
            if code == CONFLICT:
                check_reason(name, dialect, policy, probes)
            continue
        check_traffic(name, dialect, policy, before)
        remove(dialect)


def build():
    # what is not answered is given up soon, so that counters stand still
    for space in (CLIENT, SERVER):
        space.sysctl("net.ipv4.tcp_synack_retries", 1)
        space.sysctl("net.ipv4.tcp_retries2", 3)
    CLIENT.link("eth0", SERVER, "eth0")
    for version, bits in ((4, 24), (6, 64)):
        for space, host, other in ((CLIENT, "client", "server"),
                                   (SERVER, "server", "client")):
            space.run("ip addr add %s/%d dev eth0 %s" % (
                lab.address(host, version), bits,
                "nodad" if version == 6 else ""))
            space.run("ip route add %s dev eth0" %
                      lab.address(other, version))
        for port in TCP_PORTS + MORE_TCP:
            serve_tcp(SERVER, version, port)
        for port in (53,) + MORE_UDP:
            serve_udp(SERVER, version, port)
        serve_udp(CLIENT, version, 53)
        serve_tcp(CLIENT, version, 80)
    # neighbours that need not be asked for: counters stand still
    for space, other, host in ((CLIENT, SERVER, "server"),
                               (SERVER, CLIENT, "client")):
        mac = ":".join("%02x" % b for b in other.mac("eth0"))
        for version in lab.VERSIONS:
            space.run("ip neigh replace %s lladdr %s dev eth0 nud permanent" %
                      (lab.address(host, version), mac))


def here():
    return [d for d, (backend, tool) in LOADERS.items()
            if backend in lab.BACKENDS and shutil.which(
                "nft" if tool == "nft" else "iptables" + tool)]


def main():
    global CLIENT, SERVER
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--dialect")
    args = parser.parse_args()
    folder = corpus()
    if not folder:
        print("no corpus: nothing to apply to; CTPOLICY_CORPUS can name one")
        return
    lab.require_ctpolicy()
    CLIENT, SERVER = lab.Namespace(), lab.Namespace()
    build()
    for dialect in [args.dialect] if args.dialect else here():
        pattern = "nft/*" if dialect == "nft" else "ip*tables-save/*"
        paths = some(glob.glob(os.path.join(folder, pattern)))
        tally = {"loaded": 0, "probes": 0, "served": 0,
                 **{p: {"applied": 0, "refused": 0, "failed": 0, "which": []}
                    for p in POLICIES}}
        for path in paths:
            name = os.path.basename(path).rsplit(".", 1)[0]
            if not args.names or name in args.names:
                play(path, dialect, tally)
        print("%s: %s" % (dialect, tally), flush=True)
    SERVER.clear()
    print("%d faults" % failed)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
