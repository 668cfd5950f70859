#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""suggest: its figures are those of the entries that were made, what it
suggests passes check, and apply takes those entries out; what is translated,
helped or needed by the host's rules stays."""
import json
import os
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import entries                                              # noqa: E402
import hosts                                                # noqa: E402
import lab                                                  # noqa: E402
import peers                                                # noqa: E402
import tally                                                # noqa: E402
from packets import GRE, ICMP, TCP, UDP                     # noqa: E402
from tally import check                                     # noqa: E402
from traffic import ping_exchange                           # noqa: E402

REPLIED = entries.SEEN_REPLY | entries.ASSURED
NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", GRE: "gre"}
HERE = ("198.51.100.1", "2001:db8:51::1")
SYN_SENT, SYN_RECV, ESTABLISHED = 1, 2, 3
LINES = 1000                    # of entries, below


def suggest(space, *words, code=0):
    process = space.popen([lab.CTPOLICY, "suggest", *words], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    out, err = process.communicate()
    check(process.returncode == code, "exit code", (words, code, out, err))
    return out, err


def advice(space):
    said = json.loads(suggest(space, "--json")[0])
    return said, {(s["protocol"], tuple(s["ports"])): s
                  for s in said["suggestions"]}


def passes_check(policy):
    said = subprocess.run([lab.CTPOLICY, "check", "-"], input=policy,
                          text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    check(said.returncode == 0, "check accepts it", (policy, said.stdout))


def a_host():
    space = lab.Namespace()
    space.run("ip address add %s/24 dev lo && ip address add %s/64 dev lo" %
              HERE)
    return space


def make_up(n):
    """A table of known make-up, of `n` entries; a hundredth is `n / 100`."""
    hundredth = n // 100

    def some(part, proto, src, dst, port, status, state):
        for i in range(part * hundredth):
            yield (proto, src(i), dst(i), 1024 + i % 64000, port, status,
                   state)

    def many(i):
        return "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)

    def few(i):
        return "192.0.2.%d" % (1 + i // 64000)

    def here(i):
        return HERE[0]

    def there(i):
        return "203.0.113.%d" % (i % 200)
    yield from some(30, UDP, many, here, 514, 0, 0)
    yield from some(20, TCP, many, here, 80, REPLIED, ESTABLISHED)
    yield from some(10, TCP, lambda i: "2001:db8::%x" % (i % 500),
                    lambda i: HERE[1], 80, REPLIED, ESTABLISHED)
    yield from some(12, UDP, here, there, 53, entries.SEEN_REPLY, 0)
    yield from some(8, TCP, many, there, 443, 0, SYN_SENT)
    yield from some(7, TCP, lambda i: many(i + 100000), there, 443, entries.SEEN_REPLY, SYN_RECV)
    yield from some(4, UDP, few, here, 4789, 0, 0)
    yield from some(3, UDP, here, there, 4789, 0, 0)
    yield from some(1, ICMP, many, here, 8, entries.SEEN_REPLY, 0)
    yield from some(1, ICMP, few, here, 13, entries.SEEN_REPLY, 0)
    yield from some(1, UDP, few, lambda i: "224.0.0.251", 5353, 0, 0)
    yield from some(1, TCP, here, here, 6379, REPLIED, ESTABLISHED)
    # The rest is nothing by itself: a port each.
    for i in range(hundredth * 2):
        yield (TCP, few(i), HERE[0], 5000, 20000 + i, REPLIED, ESTABLISHED)


def role_of(entry):
    _, src, dst = entry[:3]
    if dst in HERE or dst.startswith("224."):
        return "server"
    return "client" if src in HERE else "router"


def expected(made):
    rows = {}
    for entry in made:
        proto, src, dst, _, port, status, _ = entry
        key = NAMES[proto], () if proto == ICMP else (port,)
        row = rows.setdefault(key, {
            "entries": 0, "one_way": 0, "sources": set(), "roles": set(),
            "groups": 0, "no_echo": 0})
        row["entries"] += 1
        row["one_way"] += not status & entries.SEEN_REPLY
        row["sources"].add(src)
        row["roles"].add(role_of(entry))
        row["groups"] += dst.startswith("224.")
        row["no_echo"] += proto == ICMP and port != 8
    return {key: row for key, row in rows.items()
            if row["entries"] * 100 >= len(made)}


SHAPES = {("udp", (514,)): "one_way", ("udp", (4789,)): "one_way",
          ("udp", (5353,)): "one_way", ("tcp", (443,)): "asymmetric"}


def figures(space, made):
    said, rows = advice(space)
    truth = expected(made)
    check((said["entries"], said["complete"], said["sources_exact"],
           said["result"]) == (len(made), True, True, "ok"), "all", said)
    check(set(rows) == set(truth), "which groups", (set(rows), set(truth)))
    for key, row in truth.items():
        is_ = rows[key]
        saved = row["entries"] - row["groups"] - row["no_echo"]
        allowed = saved > 0
        check((is_["entries"], is_["one_way"], is_["sources"],
               set(is_["roles"])) ==
              (row["entries"], row["one_way"], len(row["sources"]),
               row["roles"]), "%s %s" % key, (is_, row))
        check(abs(is_["share"] - row["entries"] / len(made)) < 1e-9 and
              abs(is_["one_way_share"] - row["one_way"] / row["entries"]) <
              1e-9, "%s %s: shares" % key, is_)
        check((is_["allowed"], is_["would_save"], bool(is_["policy"]),
               is_["conflicts"]) ==
              (allowed, saved, allowed, []),
              "%s %s: what may go" % key, is_)
        check(is_["shape"] == SHAPES.get(key), "%s %s: shape" % key, is_)
        if is_["policy"]:
            passes_check(is_["policy"])
    order = [(s["would_save"], s["one_way"]) for s in said["suggestions"]]
    check(order == sorted(order, reverse=True) and
          [s["rank"] for s in said["suggestions"]] ==
          list(range(1, len(order) + 1)), "the best first", order)
    passes_check(said["policy"])
    return said


def known_make_up():
    space, other, made = a_host(), a_host(), list(make_up(100 * LINES))
    entries.add(space, made)
    entries.add(other, [(UDP, "192.0.2.9", HERE[0], 1024 + i, 9999, 0, 0)
                        for i in range(2 * LINES)])
    check(int(space.run("conntrack -C")) == len(made), "all were made")
    said = figures(space, made)
    check(suggest(space, "--yaml")[0] == said["policy"], "the same policy")
    text, errors = suggest(space)
    saved = sum(s["would_save"] for s in said["suggestions"])
    for words in ("100000 entries", "udp 514", "saves 30000 entries",
                  "table would hold %d entries" % (len(made) - saved),
                  "syslog", "one way alone",
                  "multicast", "suggest --yaml"):
        check(words in text, "text: " + words, text)
    check(not errors and max(map(len, text.splitlines())) < 100,
          "a screen", (text, errors))
    check(advice(other)[1].keys() == {("udp", (9999,))},
          "each namespace for itself")


def nothing():
    space = a_host()
    said, rows = advice(space)
    check((said["entries"], rows, said["policy"]) == (0, {}, ""), "no entry",
          said)
    check("empty" in suggest(space)[0], "says so")
    check(suggest(space, "--yaml", code=1)[0] == "", "no policy")
    for words in (("--yaml", "--json"), ("more",), ("--top", "3")):
        suggest(space, *words, code=64)
    out = space.run("setpriv --bounding-set=-all --inh-caps=-all "
                    "--ambient-caps=-all %s suggest --json; echo $?" %
                    lab.CTPOLICY)
    said = json.loads(out[:out.rindex("}") + 1])
    check(out.split()[-1] == "77" and said["result"] == "failed" and
          said["diagnostics"] and "suggestions" not in said,
          "no permission", out)


def helped():
    """A helper looks into two of them: none goes."""
    space = a_host()
    made = [(TCP, "192.0.2.1", HERE[0], 1024 + i, 21, REPLIED, ESTABLISHED)
            for i in range(50)]
    entries.add(space, made[:2], helper="ftp")
    entries.add(space, made[2:])
    row = advice(space)[1]["tcp", (21,)]
    check((row["entries"], row["conflicts"], row["allowed"],
           row["would_save"], row["policy"]) ==
          (50, [{"kind": "helper", "entries": 2}], False, 0, ""),
          "a helper", row)
    check("helper works on 2" in suggest(space)[0], "says so")
    suggest(space, "--yaml", code=1)


REDIRECT = {"nftables": "table ip t {\n chain p {\n  type nat hook prerouting "
            "priority -100\n  tcp dport 8088 redirect to :8080\n }\n}\n",
            "iptables": "*nat\n-A PREROUTING -p tcp --dport 8088 "
            "-j REDIRECT --to-ports 8080\nCOMMIT\n"}


TRACKED = """version: 1
state_matching: allowed
tracked:
  - name: web
    role: server
    protocol: tcp
    ports: [8088]
    timeouts: {unreplied: 2s}
"""


def filled(rules):
    """Real connections: three hosts, of which each has a role in them."""
    net = lab.Lab()
    for space in net.all():
        rules(space)
    for version in lab.VERSIONS:
        peers.Server(net.server, version, 8080)
    return net


def talk(net, port=8080, versions=lab.VERSIONS, pings=0):
    """Connections, datagrams that nobody answers, and echoes."""
    socks = []
    for version in versions:
        to = lab.address("server", version)
        for _ in range(20):
            socks.append(peers.connect(net.client, version, port, to=to))
            socks[-1].sendall(b"ping")
            check(peers.receive(socks[-1], 4) == b"ping", "is served")
            sock = net.client.socket(lab.FAMILY[version], socket.SOCK_DGRAM)
            sock.sendto(b"<1>x", (to, 514))
            socks.append(sock)
        for _ in range(pings):
            check(ping_exchange(net.client, version, to) == "ok", "a ping")
    return socks


def end(socks):
    """At once: nothing of theirs may be under way afterwards."""
    for sock in socks:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        sock.close()
    time.sleep(.2)


ROLES = (("client", "client"), ("router", "router"), ("server", "server"))


def goes_out(backend):
    """On each of three hosts the policy takes all entries out, and no packet
    makes another."""
    net = filled(lambda space: hosts.count_states(space, backend))
    sink = net.server.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sink.bind(("::", 514))
    for name, role in ROLES:
        space = getattr(net, name)
        socks = talk(net, pings=10)
        rows = advice(space)[1]
        check({key: (row["roles"], row["entries"], row["allowed"])
               for key, row in rows.items()} ==
              {("tcp", (8080,)): ([role], 40, True),
               ("udp", (514,)): ([role], 40, True),
               ("icmp", ()): ([role], 10, True),
               ("ipv6-icmp", ()): ([role], 10, True)}, name, rows)
        policy = suggest(space, "--yaml")[0]
        passes_check(policy)
        check("CT834" not in suggest(space)[1], "none is in force")
        space.apply(backend, policy)
        entries.add(space, [(UDP, "192.0.2.1", "192.0.2.2", 1024 + i, 9, 0, 0)
                            for i in range(5)])
        check("CT834" in suggest(space)[1] and "CT834" in
              suggest(space, "--yaml")[1], "another one is in force")
        left = space.run("conntrack -L 2>/dev/null | "
                         "grep -E 'dport=(8080|514) |type=' | wc -l")
        check(int(left) == 0, name + ": gone", left)
        heard = lab.NewEntries(space)
        socks += talk(net, pings=10)
        check(not heard.take(), name + ": and no new ones")
        heard.close()
        end(socks)
        space.remove(backend)
        for each in net.all():
            each.flush_entries()


def translated(backend):
    """What REDIRECT translates stays; so does what would meet the rule."""
    net = filled(lambda space: None)

    def redirect():
        if backend == "nftables":
            net.server.nft(REDIRECT[backend])
        else:
            net.server.legacy(4, REDIRECT[backend])
    redirect()
    socks = talk(net, 8088, (4,))
    row = advice(net.server)[1]["tcp", (8088,)]
    check((row["entries"], row["conflicts"], row["allowed"],
           row["would_save"], row["policy"]) ==
          (20, [{"kind": "nat", "entries": 20}], False, 0, ""),
          "translated", row)
    text = suggest(net.server)[0]
    check("translates 20 of them" in text and "`tracked`" in text,
          "says so, and what can be done", text)
    sooner = net.server.ctpolicy("check", TRACKED)
    check(sooner[0] == 0, "what it names is there", sooner)
    passes_check(suggest(net.server, "--yaml")[0])
    net.server.clear()
    end(socks)
    hosts.count_states(net.server, backend)
    net.server.flush_entries()
    entries.add(net.server, [
        (TCP, "192.0.2.9", lab.address("server", 4), 1024 + i, port, REPLIED,
         ESTABLISHED) for i in range(20) for port in (8088, 22)])
    check(advice(net.server)[1]["tcp", (8088,)]["allowed"],
          "not translated, and no rule would")
    redirect()
    said, rows = advice(net.server)
    row = rows["tcp", (8088,)]
    check((row["conflicts"], row["allowed"], row["policy"]) ==
          ([{"kind": "nat", "entries": 0}], False, ""),
          "the host's rules would", row)
    check([d["id"] for d in said["diagnostics"]
           if "8088" in d["message"]] == ["CT592"] and
          "8088" not in said["policy"], "says why", said["diagnostics"])
    check(rows["tcp", (22,)]["allowed"], "nobody else suffers", rows)
    refused = net.server.ctpolicy("apply", said["policy"].replace(
        "22", "8088"), "--backend", backend)
    check(refused[0] == 14, "apply says the same", refused)


def a_stray_entry():
    """One that is translated, or of a role of its own, forbids nothing that the
    host's rules do not: it is left out, and that is said."""
    space = a_host()
    hosts.filter_host(space, "nftables", input=("drop", "established",
                                                "new ssh"))
    here = [(TCP, "10.0.%d.%d" % (i >> 8, i & 255), HERE[0], 2000 + i, 8080,
             REPLIED, ESTABLISHED) for i in range(300)]
    through = [(TCP, "10.1.0.%d" % i, "203.0.113.9", 2000 + i, 8080, REPLIED,
                ESTABLISHED) for i in range(20)]
    entries.add(space, here[:-1] + through[:-8])
    entries.add(space, here[-1:] + through[-8:], nat="192.0.2.200")
    row = advice(space)[1]["tcp", (8080,)]
    check((row["allowed"], row["entries"], row["would_save"],
           row["conflicts"]) == (True, 320, 299, []), "what counts goes", row)
    check(row["left_out"] == [{"kind": "nat", "entries": 9},
                              {"kind": "role", "entries": 12}],
          "what is left out", row)
    check("role: server\n" in row["policy"], "of the one role", row)
    text = suggest(space)[0]
    check("saves 299 entries" in text and "left out: 9 that this host "
          "translates (NAT), 12 of roles" in text, "says so", text)
    passes_check(row["policy"])
    # too little for a rule
    space.flush_entries()
    entries.add(space, here[:1])
    entries.add(space, here[1:], nat="192.0.2.200")
    row = advice(space)[1]["tcp", (8080,)]
    check((row["allowed"], row["conflicts"], row["left_out"]) ==
          (False, [{"kind": "nat", "entries": 299}], []), "stays", row)


def looks_only():
    """Not a rule, nor an entry, is another afterwards."""
    space = a_host()
    hosts.filter_host(space, "nftables", input=("drop", "established",
                                                "new ssh"))
    entries.add(space, list(make_up(100)))
    listing = "nft list ruleset; conntrack -C"
    before = space.run(listing)
    suggest(space)
    check(space.run(listing) == before, "nothing is changed")
    space.nft("table ip6 t {\n chain i {\n type filter hook input priority 0"
              "; policy drop;\n }\n}\n")
    for version in lab.VERSIONS:
        space.legacy(version, "*filter\n:INPUT DROP [0:0]\nCOMMIT\n")
    said = advice(space)[0]
    check([d["id"] for d in said["diagnostics"]] == ["CT832"] and
          said["policy"], "both worlds: it is said that nobody judged",
          said["diagnostics"])


def main():
    lab.require_ctpolicy()
    for part in (known_make_up, nothing, helped, a_stray_entry, looks_only):
        tally.case(part.__name__, part)
    for backend in lab.BACKENDS:
        for part in (goes_out, translated):
            tally.case("%s: %s" % (backend, part.__name__), part, backend)
    tally.end()


main()
