#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections live through apply and remove; the entries of the excluded
service are dropped, and all others stay."""
import contextlib
import select
import socket
import threading
import time

import lab
import tally
from peers import Server, connect, pair, receive
from tally import check

LOOK = .005
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: open}
"""
NFT = """table inet host {
chain in { type filter hook input priority 0; policy drop
ct state established accept
meta l4proto ipv6-icmp accept
tcp dport { 80, 8443 } accept
}
chain out { type filter hook output priority 0; policy drop
ct state established,new accept
meta l4proto ipv6-icmp accept
}
}
"""
LEGACY = """*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,8443 -j ACCEPT
-A OUTPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
-A OUTPUT -p ipv6-icmp -j ACCEPT
COMMIT
"""
EACH = 25


def alive(socks):
    """How many answer."""
    n = 0
    for sock in socks:
        try:
            sock.sendall(b"x" * 2000)
            n += receive(sock, 2000) == b"x" * 2000
        except OSError:
            pass
    return n


def entries(space, port):
    return sum("dport=%d " % port in line for version in ("ipv4", "ipv6")
               for line in space.run("conntrack -L -f %s 2>/dev/null" %
                                     version).splitlines())


def live(backend):
    client, server = pair()
    if backend == "nftables":
        server.nft(NFT)
    else:
        for version in lab.VERSIONS:
            server.legacy(version, LEGACY)
    servers = [Server(server, version, port)
               for version in lab.VERSIONS for port in (80, 8443)]
    web = [connect(client, version, 80) for version in lab.VERSIONS
           for _ in range(EACH)]
    other = [connect(client, version, 8443) for version in lab.VERSIONS
             for _ in range(EACH)]
    check(alive(web + other) == 4 * EACH, backend + ": before")
    check(entries(server, 80) == 2 * EACH, backend + ": web is tracked")
    said = server.apply(backend, POLICY)
    check("dropped %d old conntrack entries of these services" % (2 * EACH) in said,
          backend + ": the dropped entries are told", said)
    check(entries(server, 80) == 0, backend + ": no entry of web is left")
    check(entries(server, 8443) == 2 * EACH, backend + ": others stay")
    check(alive(web) == 2 * EACH, backend + ": web lives through apply",
          alive(web))
    check(alive(other) == 2 * EACH, backend + ": the others too")
    check(entries(server, 80) == 0, backend + ": nor do packets make one")
    time.sleep(.5)
    server.remove(backend)
    n = alive(web)
    check(n == 2 * EACH, backend + ": web lives through remove", n)
    check(entries(server, 80) == 2 * EACH, backend + ": and is tracked")
    check(alive(other) == 2 * EACH, backend + ": the others through remove")
    return servers


def no_flush(backend):
    """`flush: none`, and entries of forwarded flows, are left alone."""
    client, server = pair()
    server.nft(NFT)
    Server(server, 4, 80)
    socks = [connect(client, 4, 80)]
    server.apply(backend, POLICY + "conntrack: {flush: none}\n")
    check(entries(server, 80) == 1, backend + ": flush none flushes none")
    check(alive(socks) == 1 or backend != "nftables",
          backend + ": and it lives")


# Rules under which a connection that is not in the table is not let in: what
# is new must begin with a SYN.
STRICT = {"nftables": """table inet host {
chain in { type filter hook input priority 0; policy drop
ct state established accept
ct state invalid drop
meta l4proto ipv6-icmp accept
tcp flags & (fin|syn|rst|ack) == syn ct state new accept
}
chain out { type filter hook output priority 0; policy drop
ct state established accept
ct state invalid drop
meta l4proto ipv6-icmp accept
tcp flags & (fin|syn|rst|ack) == syn ct state new accept
}
}
""", "iptables": """*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p tcp --syn -m conntrack --ctstate NEW -j ACCEPT
-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -m conntrack --ctstate INVALID -j DROP
-A OUTPUT -p ipv6-icmp -j ACCEPT
-A OUTPUT -p tcp --syn -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""}
ROLES = """version: 1
state_matching: allowed
conntrack: {flush: %s}
untracked:
  - {name: web, role: [server, client], protocol: tcp, ports: [80],
     accept: open}
"""


def stream(sock):
    """The peer sends without end."""
    def send():
        try:
            while True:
                sock.sendall(b"x" * 1000)
                time.sleep(LOOK)
        except OSError:
            pass
    threading.Thread(target=send, daemon=True).start()


def gap(sock, seconds):
    """The longest silence, while nothing is sent but acknowledgements: in looks
    that found nothing, not by the clock, which goes on while others work."""
    longest = silence = 0
    for _ in range(int(seconds / LOOK)):
        if not select.select([sock], [], [], LOOK)[0]:
            silence += LOOK
            longest = max(longest, silence)
            continue
        silence = 0
        with contextlib.suppress(OSError):
            if sock.recv(65536):
                continue
        return seconds
    return longest


def hard(backend, loose, flush):
    """Back to tracking where it is hardest: whether the client is the host
    with the rules or the server is, whoever speaks next, and one that only
    receives; old entries in the table or none."""
    for host_is_client in (False, True):
        client, server = pair()
        host = client if host_is_client else server
        if backend == "nftables":
            host.nft(STRICT[backend])
        else:
            for version in lab.VERSIONS:
                host.legacy(version, STRICT[backend])
        listeners = [listen(server, version) for version in lab.VERSIONS]
        pairs = []
        for n in range(8):
            version, listener = (4, 6)[n % 2], listeners[n % 2]
            sock = connect(client, version, 80)
            pairs.append((sock, listener.accept()[0]))
        host.sysctl("net.netfilter.nf_conntrack_tcp_loose", loose)
        host.apply(backend, ROLES % flush)
        name = "%s, loose %d, flush %s, %s" % (
            backend, loose, flush, "client" if host_is_client else "server")
        good = sum(say(*ends) and say(*ends[::-1]) for ends in pairs)
        check(good == 8, name + ": live through apply", good)
        stream(pairs[6][host_is_client])
        stream(pairs[7][host_is_client])
        host.remove(backend)
        for n in (6, 7):
            silence = gap(pairs[n][not host_is_client], 1.5)
            check(silence < 1, name + ": a receiver lives", silence)
        good = sum(say(*ends[::1 if n % 4 < 2 else -1]) and
                   say(*ends[::-1 if n % 4 < 2 else 1])
                   for n, ends in enumerate(pairs[:6]))
        check(good == 6, name + ": live through remove", good)
        check(entries(host, 80) == 8, name + ": and are tracked",
              host.run("conntrack -L 2>/dev/null"))


def listen(space, version):
    sock = space.socket(lab.FAMILY[version], socket.SOCK_STREAM)
    if version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(("", 80))
    sock.listen(16)
    return sock


def say(one, other):
    """Does what the one says reach the other?"""
    other.settimeout(3)
    try:
        one.sendall(b"y" * 500)
        return receive(other, 500) == b"y" * 500
    except OSError:
        return False


# What the rules of a host look like that tracks nothing.
STATELESS = {"nftables": """table inet host {
chain in { type filter hook input priority 0; policy drop
meta l4proto { icmp, ipv6-icmp } accept
tcp dport 80 accept
}
}
""", "iptables": """*filter
:INPUT DROP [0:0]
-A INPUT -p %s -j ACCEPT
-A INPUT -p tcp --dport 80 -j ACCEPT
COMMIT
"""}


def load(host, backend, rules):
    if backend == "nftables":
        host.nft(rules[backend])
        return
    for version in lab.VERSIONS:
        text = rules[backend]
        host.legacy(version, text % ("icmp", "ipv6-icmp")[version == 6]
                    if "%s" in text else text)


def count(space):
    return int(space.run("cat /proc/sys/net/netfilter/nf_conntrack_count"))


def untracked_host(backend):
    """Where nothing is tracked no entry is made, neither under the host's own
    rules nor under ctpolicy's."""
    for rules, accept in (({}, "none"), (STATELESS, "none"),
                          (STATELESS, "open")):
        client, server = pair()
        kept.append([Server(server, version, 80) for version in lab.VERSIONS])
        if rules:
            load(server, backend, rules)
        policy = POLICY.replace("open", accept)
        server.apply(backend, policy)
        socks = [connect(client, version, 80) for version in lab.VERSIONS]
        name = "%s, untracked host, %s, %s" % (
            backend, "stateless rules" if rules else "no rules", accept)
        check(alive(socks) == 2, name + ": live")
        said = server.remove(backend)
        check(count(server) == 0, name + ": no entry is left", said)
        check("added conntrack entries" not in said, name + ": none is told",
              said)
        check(alive(socks) == 2, name + ": live through remove")


def forbidden(backend):
    """Nothing is asked of a table that is not to be there."""
    client, server = pair()
    kept.append(Server(server, 4, 80))
    policy = POLICY.replace("allowed", "forbidden").replace("open", "none")
    for text in (policy, policy.replace("[80]", "[81]")):
        said = server.apply(backend, text, "--trace")
        check("conntrack:" not in said, backend + ": forbidden asks nothing",
              said)
    server.remove(backend)
    server.apply(backend, POLICY)
    connect(client, 4, 80)
    said = server.apply(backend, POLICY, "--trace")
    check("conntrack:" not in said, backend + ": no change asks nothing", said)


ANYCAST = {4: "203.0.113.77", 6: "2001:db8:a::77"}


def local_by_route(backend):
    """Addresses of no interface, that end here all the same."""
    for way in ("route add local %s dev lo", "addr add %s dev lo"):
        client, server = pair()
        load(server, backend, STRICT)
        kept.append([Server(server, version, 80) for version in lab.VERSIONS])
        for version, net in ((4, "203.0.113.0/24"), (6, "2001:db8:a::/64")):
            client.run("ip route add %s via %s" % (
                net, lab.address("server", version)))
            if "addr" in way:
                net = net.replace(".0/", ".1/").replace("::/", "::1/")
            server.run("ip " + way % net)
        # The whole prefix of an address on lo is local, with IPv4 alone.
        versions = (4,) if "addr" in way else lab.VERSIONS
        name = "%s, ip %s" % (backend, way % "...")
        old = [connect(client, version, 80, to=ANYCAST[version])
               for version in versions]
        server.apply(backend, POLICY)
        check(entries(server, 80) == 0, name + ": no entry is left")
        new = [connect(client, version, 80, to=ANYCAST[version])
               for version in versions]
        check(alive(old + new) == len(old + new), name + ": live")
        server.remove(backend)
        check(alive(old + new) == len(old + new),
              name + ": live through remove")
        check(entries(server, 80) == len(old + new), name + ": tracked")


def other_interface(backend):
    """Connections through an interface that the service does not name keep
    their entries."""
    client, server = pair()
    client.link("c2", server, "s2")
    load(server, backend, STRICT)
    kept.append([Server(server, version, 80) for version in lab.VERSIONS])
    second = {4: ("10.9.0.1", "10.9.0.2", 24),
              6: ("2001:db8:9::1", "2001:db8:9::2", 64)}
    for here, there, bits in second.values():
        flag = "nodad" if ":" in here else ""
        client.run("ip addr add %s/%d dev c2 %s" % (here, bits, flag))
        server.run("ip addr add %s/%d dev s2 %s" % (there, bits, flag))
    inside = [connect(client, version, 80) for version in lab.VERSIONS]
    outside = [connect(client, version, 80, to=second[version][1])
               for version in lab.VERSIONS]
    for names in ("[s]", "[s*]"):
        want = 2 if names == "[s]" else 0
        server.apply(backend, POLICY.replace(
            "accept: open", "accept: open, interfaces: " + names.replace(
                "s*", '"s*"')))
        name = "%s, interfaces: %s" % (backend, names)
        check(entries(server, 80) == want, name + ": entries",
              server.run("conntrack -L 2>/dev/null"))
        check(alive(inside + outside) == 4, name + ": live")
    server.remove(backend)
    check(alive(inside + outside) == 4, name + ": live through remove")
    check(entries(server, 80) == 4, name + ": and are tracked")


def zone(backend):
    """Entries in a zone are there because some rule put them there."""
    client, server = pair()
    load(server, backend, STRICT)
    kept.append(Server(server, 4, 80))
    server.run("iptables-legacy -t raw -A PREROUTING -j CT --zone 7; "
               "iptables-legacy -t raw -A OUTPUT -j CT --zone 7")
    sock = connect(client, 4, 80)
    server.run("iptables-legacy -t raw -F")
    server.apply(backend, POLICY)
    check(entries(server, 80) == 1, backend + ": the zone's entry stays")
    check(alive([sock]) == 1, backend + ": and its connection lives")


ROUTER = {"nftables": """table inet host {
chain way { type filter hook forward priority 0; policy drop
meta l4proto ipv6-icmp accept
ct state established,related accept
ct state invalid drop
iifname "toc" ct state new accept
}
}
""", "iptables": """*filter
:FORWARD DROP [0:0]
-A FORWARD -p ipv6-icmp -j ACCEPT
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -i toc -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""}
# What LIMITS proposes: before the removal, and until all have spoken.
SPARE = {"nftables": ("nft insert rule inet host way tcp sport 80 accept",),
         "iptables": tuple(
             name + " -I FORWARD -p tcp --sport 80 -j ACCEPT"
             for name in ("iptables-legacy", "ip6tables-legacy"))}


def forwarded(backend):
    """A router knows no forwarded connection: it says so, and what LIMITS
    proposes saves them."""
    for spared in (False, True):
        client, router, server = lab.Lab().all()
        load(router, backend, ROUTER)
        listeners = [listen(server, version) for version in lab.VERSIONS]
        router.apply(backend, POLICY.replace("server", "router"))
        ends = []
        for version, listener in zip(lab.VERSIONS, listeners):
            sock = connect(client, version, 80)
            ends.append((sock, listener.accept()[0]))
        check(all(say(b, a) for a, b in ends), backend + ": forwarded, live")
        for command in SPARE[backend] if spared else ():
            router.run(command)
        said = router.remove(backend)
        check("CT642" in said, backend + ": forwarded, a warning", said)
        if spared:
            check(all(say(b, a) for a, b in ends),
                  backend + ": spared, they live")
            for command in SPARE[backend]:
                if backend == "iptables":
                    router.run(command.replace("-I", "-D"))
            if backend == "nftables":
                router.run("nft flush chain inet host way")
                router.nft(ROUTER[backend])
            check(all(say(b, a) for a, b in ends),
                  backend + ": and on, without the rule")


# Conntrack is at work for these alone, and no rule asks for a state.
KEEPERS = (
    ("iptables", "a zone", "*raw\n-A PREROUTING -p tcp --dport 9999 -j CT "
     "--zone 1\nCOMMIT\n"),
    ("nftables", "a zone", "table ip host {\nchain pre {\ntype filter hook "
     "prerouting priority raw\ntcp dport 9999 ct zone set 1\n}\n}"),
    ("nftables", "a helper", "table ip host {\nct helper ftp {\n"
     "type \"ftp\" protocol tcp\n}\n}"),
    ("iptables", None, ""), ("nftables", None, ""),
)


def forwarded_by_keepers(backend):
    router = lab.Lab().router
    for name, what, text in KEEPERS:
        if name != backend:
            continue
        router.clear()
        if backend == "iptables":
            router.legacy(4, text)
        else:
            router.nft(text)
        router.apply(backend, POLICY.replace("server", "router"))
        said = router.remove(backend)
        check(("CT642" in said) == bool(what),
              "%s: forwarded, tracked for %s" % (backend, what), said)


lab.require_ctpolicy()
kept = []
for name in lab.BACKENDS:
    kept.append(live(name))
if "nftables" in lab.BACKENDS:
    no_flush("nftables")
for name in lab.BACKENDS:
    for is_loose, way in ((1, "services"), (0, "services"), (0, "none")):
        hard(name, is_loose, way)
for name in lab.BACKENDS:
    for part in (untracked_host, forbidden, local_by_route, other_interface,
                 zone, forwarded, forwarded_by_keepers):
        part(name)
tally.end()
