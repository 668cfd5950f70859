#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctpolicy test`: a good policy is proven on hosts of every dialect, each way
of failing is named, and the host stays as it was, whatever happens."""
import json
import os
import re
import select
import signal
import socket
import subprocess
import time

import lab
import libraries
from tally import case, check, end

SERVICES = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80, 443]%(accept)s}
  - {name: dns, role: [server, client], protocol: udp, ports: [53]%(accept)s}
  - {name: up, role: client, protocol: tcp, ports: [514]%(accept)s}
  - {name: ping, role: [server, client], protocol: icmp-echo%(accept)s}
  - {name: fwd, role: router, protocol: tcp, ports: [8080]%(accept)s}
  - {name: fwd-dns, role: router, protocol: udp, ports: [5353]%(accept)s}
  - {name: fwd-ping, role: router, protocol: icmp-echo%(accept)s}
"""
# web 4, dns 6, up 4, ping 6, and two for each router, in each family
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
LEGS = 2 * (4 + 6 + 4 + 6 + 2 + 2 + 2)
TESTS = """tests:
  - packet: tcp 192.0.2.2:40000 > 198.51.100.1:80
    expect: {tracked: no, verdict: accept}
  - packet: udp [2001:db8:1::2]:40000 > [2001:db8:2::1]:99
    expect: {tracked: yes, verdict: %s}
"""
NFT = """table inet host {
set web { type inet_service; elements = { 80, 443 } }
map states { type ct_state : verdict; elements = { established : accept, related : accept } }
chain in { type filter hook input priority 0; policy drop
iif lo accept
ct state vmap @states
ct state invalid drop
meta l4proto { icmp, ipv6-icmp } accept
tcp dport @web ct state new accept
udp dport { 53 } ct state new accept
}
chain out { type filter hook output priority 0; policy drop
ct state { new, established, related } accept
meta l4proto ipv6-icmp accept
}
chain through { type filter hook forward priority 0; policy drop
ct state established,related accept
meta l4proto vmap { tcp : jump tcps, udp : goto udps, icmp : accept, ipv6-icmp : accept }
}
chain tcps { tcp dport 8080 ct state new accept
}
chain udps { udp dport 5353 accept
}
}
"""
XT = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
:web - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p %(icmp)s -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j web
-A INPUT -p udp -m udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -p udp -m udp --dport 5353 -j ACCEPT
-A FORWARD -p %(icmp)s -j ACCEPT
-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED,RELATED -j ACCEPT
-A OUTPUT -p %(icmp)s -j ACCEPT
-A web -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""


def policy(accept="", tests=""):
    path = os.path.join(lab.WORK, "policy.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(SERVICES % {"accept": accept and ", accept: " + accept} +
                tests)
    return path


def host():
    space = lab.Namespace()
    other = lab.Namespace()
    space.link("net0", other, "o")
    for address in ("198.51.100.1/24", "2001:db8:2::1/64"):
        space.run("ip addr add %s dev net0 %s" % (
            address, "nodad" if ":" in address else ""))
    return space


def load(space, dialect):
    if dialect == "nft":
        space.nft(NFT)
        return
    world = "legacy" if dialect == "legacy" else "nft"
    for six in "", "6":
        space.run(["ip%stables-%s-restore" % (six, world)],
                  XT % {"icmp": "ipv6-icmp" if six else "icmp"})


def looks(space):
    """All of the host that could be changed. What its rules count are its own
    packets, which never rest in IPv6."""
    out = [space.run(c) for c in (
        "nft -a list ruleset", "ip addr", "ip link", "ip route",
        "ip -6 route", "iptables-legacy-save", "ip6tables-legacy-save",
        "sysctl -n net.ipv4.ip_forward net.ipv4.conf.all.rp_filter "
        "net.ipv4.ip_local_port_range")]
    return [[re.sub(r"\[\d+:\d+\]|packets \d+ bytes \d+", "", line)
             for line in text.splitlines() if not line.startswith("#")]
            for text in out]


def run(space, *args, prefix=(), options=(), text=None):
    p = space.popen([*prefix, lab.CTPOLICY, "test", *options, *args],
                    text=True, stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = p.communicate(text)
    return p.returncode, out, err


def try_it(space, *args, code=None, **how):
    status, out, err = run(space, *args, options=["--json"], **how)
    assert code is None or status == code, "exit %d: %s%s" % (status, out, err)
    return json.loads(out)


def fates(one):
    return {(leg["service"], leg["way"], leg["leg"], leg["family"]):
            leg["result"] for leg in one["legs"]}


def proves(space, backend, code=0):
    said = try_it(space, policy(tests=TESTS % "drop"), code=code)
    assert said["host_rules"] and said["result"] == "passed"
    one, = said["runs"]
    assert one["backend"] == backend, one["backend"]
    assert one["legs_proven"] == one["legs_total"] == LEGS, one["legs_total"]
    assert set(fates(one).values()) == {"proven"}
    assert [t["passed"] for t in one["tests"]] == [True, True]


def names_what_drops(space, where):
    """`accept: none` on a host that filters by state: all that it judges by
    state is lost, by the rule that the kernel met."""
    said = try_it(space, policy("none"), code=1)
    one, = said["runs"]
    legs = {(leg["service"], leg["way"], leg["leg"], leg["family"]): leg
            for leg in one["legs"]}
    for family in "ipv4", "ipv6":
        leg = legs["web", "in", "request", family]
        assert leg["result"] == "dropped" and where in leg["rule"], leg
        assert leg["policy"]["line"] == 4, leg
        assert legs["fwd", "forwarded", "request", family]["result"] == \
            "dropped"
    assert one["legs_proven"] < one["legs_total"]
    words = [d["message"] for d in said["diagnostics"] if d["id"] == "CT852"]
    assert any("web, with" in w and "do not arrive" in w for w in words), words


def names_a_wrong_test(space):
    said = try_it(space, policy(tests=TESTS % "accept"), code=1)
    one, = said["runs"]
    assert [t["passed"] for t in one["tests"]] == [True, False]
    assert any(d["id"] == "CT853" and d["line"] == 14
               for d in said["diagnostics"]), said["diagnostics"]


def says_what_is_dropped_anyway(space):
    path = os.path.join(lab.WORK, "closed.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("version: 1\nstate_matching: allowed\nuntracked:\n"
                "  - {name: ssh, role: server, protocol: tcp, ports: [22]}\n")
    one, = try_it(space, path, code=1)["runs"]
    seen = fates(one)
    assert seen["ssh", "in", "request", "ipv4"] == "dropped_anyway", seen
    assert seen["ssh", "loopback", "request", "ipv6"] == "proven", seen


def works_after_apply(space, backend):
    """What is applied already is part of the host, and is tried anew."""
    path = policy(tests=TESTS % "drop")
    state = os.path.join(lab.WORK, "state")
    space.run([lab.CTPOLICY, "apply", "--state-dir", state, "--force", path])
    before = looks(space)
    proves(space, backend)
    assert looks(space) == before, "the host has changed"
    space.run([lab.CTPOLICY, "remove", "--state-dir", state])


def stays_as_it_was(space):
    before = looks(space)
    files = os.listdir(lab.WORK)
    for delay in (0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3):
        for number in (signal.SIGKILL, signal.SIGTERM):
            p = space.popen([lab.CTPOLICY, "test", policy()],
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
            time.sleep(delay)
            p.send_signal(number)
            p.communicate()
    assert looks(space) == before, "a killed test left something"
    assert os.listdir(lab.WORK) == files


def on(dialect, backend, where):
    space = host()
    load(space, dialect)
    before = looks(space)
    case(dialect + ": proven", proves, space, backend)
    case(dialect + ": drops", names_what_drops, space, where)
    case(dialect + ": test", names_a_wrong_test, space)
    case(dialect + ": closed", says_what_is_dropped_anyway, space)
    check(looks(space) == before, dialect + ": the host has changed")
    case(dialect + ": applied", works_after_apply, space, backend)
    case(dialect + ": killed", stays_as_it_was, space)


def without_rules():
    """Each backend is tried, by whoever may not read the host's rules, too."""
    space = host()
    tries = [((), True)]
    # root of a user namespace of one's own can be nobody else
    if not subprocess.run([*NOBODY, "true"], check=False).returncode:
        tries.append((NOBODY, False))
    for prefix, rules in tries:
        said = try_it(space, "-", prefix=prefix, code=0, text=SERVICES % {
            "accept": ""})
        assert said["host_rules"] is rules
        assert [r["backend"] for r in said["runs"]] == lab.BACKENDS
        for one in said["runs"]:
            assert one["legs_proven"] == one["legs_total"] == LEGS
        ids = {d["id"] for d in said["diagnostics"]}
        assert ("CT855" in ids) is not rules, ids


def text_says_it():
    status, out, err = run(host(), policy(tests=TESTS % "accept"))
    assert status == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("ok    1  tcp 192.0.2.2:40000 > "), lines
    for backend, line in zip(lab.BACKENDS, lines[2:]):
        assert line.startswith("legs %d of %d without an entry   (%s, 7 " % (
            LEGS, LEGS, backend)), line


def refuses_half_a_copy():
    """What cannot be copied is named, and nothing is called proven."""
    space = host()
    if "nftables" in lab.BACKENDS:
        space.nft("table inet odd {\nchain in { type filter hook ingress "
                  "device \"net0\" priority 0\n}\n}")
        said = try_it(space, policy(), code=69)
        assert "CT850" in {d["id"] for d in said["diagnostics"]}
        space.nft("flush ruleset")
    if "iptables" in lab.BACKENDS:
        space.run("ipset create odd hash:ip")
        space.run("iptables-legacy -A INPUT -m set --match-set odd src -j DROP")
        said = try_it(space, policy(), code=69)
        assert "CT850" in {d["id"] for d in said["diagnostics"]}
        assert said["runs"] == [] and said["result"] == "failed"


def takes_a_file():
    """A saved ruleset in place of the host's rules, whoever's host it is."""
    space = host()
    saved = os.path.join(lab.WORK, "saved")
    with open(saved, "w", encoding="utf-8") as f:
        f.write("# Generated by iptables-save\n" + XT % {"icmp": "icmp"} +
                "# Generated by ip6tables-save\n" +
                XT % {"icmp": "ipv6-icmp"})
    one, = try_it(space, "--file", saved, policy(), code=0)["runs"]
    assert one["backend"] == "iptables", one
    assert one["legs_proven"] == one["legs_total"] == LEGS
    one, = try_it(space, "--file", saved, policy("none"), code=1)["runs"]
    leg = one["legs"][0]
    assert (leg["service"], leg["result"]) == ("web", "dropped"), leg
    assert "--ctstate NEW" in leg["rule"] or "policy" in leg["rule"], leg
    with open(saved, "w", encoding="utf-8") as f:
        f.write("*filter\n-A INPUT -m nonsense -j DROP\nCOMMIT\n")
    said = try_it(space, "--file", saved, policy(), code=69)
    assert [d["line"] for d in said["diagnostics"]
            if d["level"] == "error"] == [2], said
    try_it(space, "--file", saved + ".none", policy(), code=66)


def errors_of(space, saved, text, code):
    with open(saved, "w", encoding="utf-8") as f:
        f.write(text)
    said = try_it(space, "--file", saved, policy(), code=code)
    assert said["runs"] == [] or code == 0, said
    return [(d["line"], d["message"]) for d in said["diagnostics"]
            if d["level"] == ("note" if code == 0 else "error")]


def takes_nft_text():
    """Text of nftables is loaded as nft -f would, definitions and included
    files among it, and what cannot be is named at its line."""
    space = host()
    before = looks(space)
    saved = os.path.join(lab.WORK, "saved.nft")
    part = os.path.join(lab.WORK, "part.nft")
    head = "#!/usr/sbin/nft -f\nflush ruleset\ndefine WEB = { 80, 443 }\n"
    text = head + NFT.replace("elements = { 80, 443 }", "elements = $WEB")
    if os.environ.get("CTPOLICY_LIBNFTABLES") == "no":
        (line, said), = errors_of(space, saved, text, 69)
        assert line == 1 and "was built without it" in said, said
        return
    assert errors_of(space, saved, text, 0) == []
    one, = try_it(space, "--file", "-", policy(), code=0, text=text)["runs"]
    assert one["backend"] == "nftables", one
    assert one["legs_proven"] == one["legs_total"] == LEGS
    one, = try_it(space, "--file", saved, policy("none"), code=1)["runs"]
    leg = fates(one)["web", "in", "request", "ipv6"]
    assert leg == "dropped" and "table inet host" in one["legs"][0]["rule"]
    # what nobody includes anew: the notes say where the rules are from
    os.rename(saved, part)
    (line, said), = errors_of(space, saved, "\ninclude \"%s\"\n" % part, 0)
    assert line == 2 and "read on this machine" in said, said
    one, = try_it(space, "--file", saved, policy("none"), code=1)["runs"]
    assert one["legs_proven"] < LEGS
    for wrong, code, line, words in (
            (head + "table inet a {\nchain b {\nfoo bar\n}\n}\n", 65, 6,
             "nft cannot load this"),
            (head + "table ip a {\nchain b {\njump gone\n}\n}\n", 69, 6,
             "the kernel refuses this"),
            ("include \"%s.gone\"\ntable ip a { }\n" % part, 65, 1,
             "File not found"),
            (head + "table ip a { chain b { tcp dport $NONE } }\n", 65, 4,
             "unknown identifier")):
        found = errors_of(space, saved, wrong, code)
        assert found[0][0] == line and words in found[0][1], found
    with open(part, "a", encoding="utf-8") as f:
        f.write("foo bar\n")
    with libraries.without("libnftables.so.1"):
        (_, said), = errors_of(space, saved, NFT, 69)
        assert "cannot load libnftables.so.1" in said, said
    (_, said), = errors_of(space, saved, "include \"%s\"\n" % part, 65)[:1]
    assert "%s:%d: " % (part, text.count("\n") + 1) in said, said
    os.unlink(part)
    assert looks(space) == before, "the host has changed"


def takes_large_text():
    """More than users may send at once: root may, and others are told."""
    if os.environ.get("CTPOLICY_LIBNFTABLES") == "no":
        return
    space = host()
    saved = os.path.join(lab.WORK, "saved.nft")
    rule = "udp dport 9 %s\n" % (10 * ("log prefix \"%s\" " % ("x" * 120)))
    head, rest = NFT.split("ct state invalid drop")
    assert errors_of(space, saved, head + 150 * rule + rest, 0) == []
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 29)
        most = s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    with open(saved, "w", encoding="utf-8") as f:
        f.write(head + most // 1500 * rule + rest)
    said = try_it(space, "--file", saved, policy(), code=69,
                  prefix=("setpriv", "--bounding-set=-net_admin,-sys_admin"))
    one, = [d for d in said["diagnostics"] if d["level"] == "error"]
    assert "too large to load" in one["message"], one
    assert "net.core.wmem_max" in one["help"], one


def loads_for_ever(space, fifo):
    """A process of ctpolicy's, and the pipe that its loader waits for; None:
    this libnftables includes no pipes."""
    p = space.popen([lab.CTPOLICY, "test", "--file", "-", policy()], text=True,
                    stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write("include \"%s\"\ntable ip a { }\n" % fifo)
    p.stdin.close()
    while p.poll() is None:
        try:
            return p, os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.01)
    assert p.returncode == 65, p.stderr.read()
    return p, None


def ends_what_does_not_end():
    """The loader's alarm is said; and it ends with who has begun it."""
    if os.environ.get("CTPOLICY_LIBNFTABLES") == "no":
        return
    space = host()
    fifo = os.path.join(lab.WORK, "fifo")
    os.mkfifo(fifo)
    p, pipe = loads_for_ever(space, fifo)
    if pipe is not None:
        subprocess.run(["pkill", "-ALRM", "-P", str(p.pid)], check=True)
        assert p.wait() == 69, p.returncode
        said = p.stderr.read()
        assert "was not done with this text after" in said, said
        os.close(pipe)
        p, pipe = loads_for_ever(space, fifo)
        p.terminate()
        p.wait()
        readers = select.poll()
        readers.register(pipe, 0)
        assert readers.poll(30000) == [(pipe, select.POLLERR)]
        os.close(pipe)
    os.unlink(fifo)


def copies_users():
    """Rules about users can be made by root alone, and copied by root, too."""
    space = host()
    rule = "-A OUTPUT -m owner --uid-owner 4711 -j DROP"
    if rule not in space.run("iptables-legacy %s && iptables-legacy-save" %
                             rule, check=False):
        return
    one, = try_it(space, policy(), code=0)["runs"]
    assert one["legs_proven"] == one["legs_total"] == LEGS


DEVICES = """version: 1
state_matching: allowed
untracked:
  - {name: a, role: server, protocol: tcp, ports: [80], interfaces: [odd9]}
  - {name: b, role: router, protocol: udp, ports: [53], interfaces: ["odd*"]}
"""
UNLOADED = """version: 1
state_matching: forbidden
conntrack: {modules: unload}
tests:
  - packet: tcp 192.0.2.2:40000 > 198.51.100.1:80
    expect: {tracked: no, verdict: accept}
"""


def lends_devices():
    """An interface that the host lacks, and a host without global IPv6."""
    space = lab.Namespace()
    space.run("ip link add net0 type veth peer name o0 && ip link set o0 up && "
              "ip link set net0 up && ip addr add 198.51.100.1/24 dev net0")
    for text in DEVICES, SERVICES % {"accept": ""}:
        for one in try_it(space, "-", code=0, text=text)["runs"]:
            assert one["legs_proven"] == one["legs_total"], one


def tracks_nothing_unloaded():
    for one in try_it(host(), "-", code=0, text=UNLOADED)["runs"]:
        assert [t["passed"] for t in one["tests"]] == [True], one


def many_rules():
    """More answers than a socket has room for: none of them gets lost."""
    space = host()
    some = ["ip saddr 203.0.113.%d tcp dport %d drop" % (n % 250, n + 1)
            for n in range(500)]
    space.nft("table inet many {\nchain in { type filter hook input priority "
              "0\n%s\n}\n}\n" % "\n".join(some))
    one, = try_it(space, policy(), code=0)["runs"]
    assert one["legs_proven"] == one["legs_total"] == LEGS
    space.run("ipset create odd hash:ip")
    if not space.run("iptables-nft -A INPUT -m set --match-set odd src -j DROP "
                     "&& echo made", check=False).endswith("made\n"):
        return
    said = try_it(space, policy(), code=69)
    assert "CT850" in {d["id"] for d in said["diagnostics"]}, said


def main():
    dialects = (("nft", "nftables", "table inet host"),
                ("legacy", "iptables", "table ip"),
                ("iptables-nft", "nftables", "table ip"))
    for dialect, backend, where in dialects:
        if backend in lab.BACKENDS:
            on(dialect, backend, where)
    case("no rules", without_rules)
    case("text", text_says_it)
    case("half a copy", refuses_half_a_copy)
    case("devices", lends_devices)
    case("unloaded", tracks_nothing_unloaded)
    if "nftables" in lab.BACKENDS:
        case("many rules", many_rules)
        case("nft text", takes_nft_text)
        case("large nft text", takes_large_text)
        case("endless nft text", ends_what_does_not_end)
    if "iptables" in lab.BACKENDS:
        case("users", copies_users)
        case("file", takes_a_file)
    end()


main()
