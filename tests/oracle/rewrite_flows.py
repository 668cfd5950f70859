# SPDX-License-Identifier: GPL-2.0-or-later
"""The conversations that a host or a router is asked to have."""
import contextlib
import socket

import packets as build
import rewrite_lab
import walk_lab
from rewrite_lab import NARROW, TCP_PORTS, UDP_PORTS, peer
from rewrite_talk import Flow, Hand, Talk, echo_packet, icmp_packet

ECN = 0xc0


# ---- the host serves

def tcp_server(t):
    f = t.flow
    hand = Hand(t, f.peer, f.own, f.sport, f.port)
    if not t.enters("syn", hand.segment(
            "S", extra=ECN if f.variant == "ecn" else 0)):
        t.note()
        return
    t.note()
    answer = t.find("SA")
    if not answer:
        return
    hand.hear(answer)
    if not t.enters("ack", hand.segment("A")) or not t.enters(
            "data", hand.segment("PA", b"hello")):
        return
    t.note()
    echo = t.find("A", data=True)
    if not echo:
        return
    if f.variant == "too-big":
        t.error("too big", echo.raw, "too-big")
    hand.hear(echo)
    if f.variant == "reset":
        t.enters("reset", hand.segment("RA"))
        return
    if f.variant == "closes":
        t.host.programs.close_writing()
        t.acts()
        t.note()
        fin = t.find("FA")
        if not fin:
            return
        hand.hear(fin)
        t.enters("ack", hand.segment("A"))
    t.enters("fin", hand.segment("FA"))
    t.note()
    if t.find("FA"):
        hand.hear(t.find("FA"))
        t.enters("last ack", hand.segment("A"))


def udp_server(t):
    f = t.flow
    size = 3000 if f.variant == "big" else 8
    for _ in range(2):
        t.enters("request", *t.datagram(f.peer, f.own, f.sport, f.port, size))
        t.note()
        if f.variant == "error" and t.others and t.others[0].proto == \
                build.UDP:
            t.error("error", t.others[0].raw, "port")


def ping_server(t):
    f = t.flow
    size = 2000 if f.variant == "big" else 16
    packet = echo_packet(f.peer, f.own, True, f.sport, t.host.number(), size)
    parts = [packet]
    if size > 1400:
        head = 40 if f.version == 6 else 20
        parts = build.fragments(
            f.peer, f.own, build.ICMPV6 if f.version == 6 else build.ICMP,
            packet[head:], t.host.number(), 1400)
    t.enters("echo-request", *parts)
    t.note()


# ---- the host asks

def tcp_client(t):
    f = t.flow
    sock = t.socket(socket.SOCK_STREAM)
    sock.connect_ex((f.peer, f.port))
    t.acts()
    t.note()
    syn = t.find("S")
    if not syn:
        t.tell_error(sock)
        return
    hand = Hand(t, f.peer, syn.src, f.port, syn.sport)
    hand.hear(syn)
    if f.variant in ("refused", "host"):
        if f.variant == "refused":
            t.enters("reset", hand.segment("RA"))
        else:
            t.error("error", syn.raw, "host")
        t.tell_error(sock)
        return
    if not t.enters("syn-ack", hand.segment("SA")):
        return
    t.words.append("ack" if t.find("A") else "no ack")
    t.send(sock, b"hello")
    t.note()
    data = t.find("A", data=True)
    if not data:
        return
    if f.variant == "too-big":
        t.error("too big", data.raw, "too-big")
    hand.hear(data)
    t.enters("data", hand.segment("PA", b"answer"))
    t.hears(sock)
    if f.variant == "reset":
        t.enters("reset", hand.segment("RA"))
        t.tell_error(sock)
    elif f.variant == "closes":
        sock.shutdown(socket.SHUT_WR)
        t.acts()
        t.note()
        if t.find("FA"):
            hand.hear(t.find("FA"))
            t.enters("fin", hand.segment("FA"))
    else:
        t.enters("fin", hand.segment("FA"))
        sock.shutdown(socket.SHUT_WR)
        t.acts()
        t.note()


def udp_client(t):
    """variant: how the socket is bound, then what happens."""
    f = t.flow
    bound, _, event = f.variant.partition(" ")
    sock = t.socket(socket.SOCK_DGRAM)
    connected = bound == "connected"
    to = None
    if bound == "low":
        with contextlib.suppress(OSError):
            sock.bind(("", 500))
    if connected:
        sock.connect((f.peer, f.port))
    else:
        to = (f.peer, f.port)
    for _ in range(2):
        t.send(sock, b"question", to)
        t.note()
        asked = [s for s in t.others if s.proto == build.UDP]
        if not asked:
            return
        if event == "stray":
            strays(t, asked[0], connected)
        if event == "error":
            t.error("error", asked[0].raw, "port")
        else:
            t.enters("answer", *t.datagram(
                f.peer, asked[0].src, f.port, asked[0].sport,
                3000 if event == "big" else 8))
        t.hears(sock)


def strays(t, asked, connected):
    """From elsewhere, and from another port of who was asked."""
    f = t.flow
    for src, sport in ((f.there, f.port), (f.peer, 7777)):
        t.stray(walk_lab.Packet(f.version, build.UDP, src, asked.src, sport,
                                asked.sport, device=f.device), f.device,
                connected)


def ping_client(t):
    f = t.flow
    if not t.leaves("echo-request", echo_packet(f.own, f.peer, True, f.sport,
                                                t.host.number())):
        return
    t.enters("echo-reply", echo_packet(f.peer, f.own, False, f.sport,
                                       t.host.number()))


def traceroute(t):
    """A program with a raw socket; the answer is a router's."""
    f = t.flow
    packets = t.datagram(f.own, f.peer, f.sport, 33434, ttl=1)
    if t.leaves("probe", *packets):
        t.error("time exceeded", packets[0], "time")


def other_client(t):
    f = t.flow
    proto = int(f.variant)
    if t.leaves("proto-%d" % proto, build.ip(
            f.own, f.peer, proto, build.gre(), t.host.number())):
        t.enters("answer", build.ip(f.peer, f.own, proto, build.gre(),
                                    t.host.number()))


def local(t):
    """Two programs of the host."""
    f = t.flow
    proto, _, where = f.variant.partition(" ")
    dst = f.own if where == "own" else "::1" if f.version == 6 else \
        "127.0.0.1"
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    sock = t.socket(kind)
    sock.connect_ex((dst, f.port))
    t.step()
    if proto == "tcp":
        try:
            sock.getpeername()
        except OSError:
            t.tell_error(sock)
            return
    t.send(sock, b"hello")
    t.hears(sock)


# ---- the host routes

def forwarded(t, word, packet, back=False):
    return t.enters(word, packet,
                    device=t.flow.there_device if back else t.flow.device)


def tcp_forward(t):
    f = t.flow
    one = Hand(t, f.peer, f.there, f.sport, f.port)
    two = Hand(t, f.there, f.peer, f.port, f.sport)

    def say(hand, word, flags, data=b"", ttl=64, extra=0):
        packet = hand.segment(flags, data, ttl=ttl, extra=extra)
        other = two if hand is one else one
        passed = forwarded(t, word, packet, hand is two)
        t.note()
        other.ack = hand.seq
        return passed and packet

    if not say(one, "syn", "S", ttl=1 if f.variant == "time" else 64,
               extra=ECN if f.variant == "ecn" else 0):
        return
    if f.variant == "refused":
        say(two, "reset", "RA")
        return
    if f.variant == "host":
        t.error("error", one.segment("S"), "host", f.there_device)
        return
    if not (say(two, "syn-ack", "SA") and say(one, "ack", "A")):
        return
    data = say(one, "data", "PA", b"x" * 1400)
    if f.variant == "too-big":
        t.error("too big", data or one.segment("A"), "too-big",
                f.there_device)
    say(two, "data back", "PA", b"answer")
    if f.variant == "reset":
        say(two, "reset", "RA")
    else:
        say(two, "fin", "FA")
        say(one, "fin", "FA")
        say(two, "last ack", "A")


def udp_forward(t):
    f = t.flow
    size = 3000 if f.variant == "big" else 8
    for _ in range(2):
        sent = t.datagram(f.peer, f.there, f.sport, f.port, size,
                          1 if f.variant == "time" else 64)
        if not t.enters("request", *sent):
            t.note()
            return
        if f.variant == "error":
            t.error("error", sent[0], "port", f.there_device)
        else:
            t.enters("answer", *t.datagram(f.there, f.peer, f.port, f.sport,
                                           size), device=f.there_device)


def ping_forward(t):
    f = t.flow
    if not forwarded(t, "echo-request", echo_packet(
            f.peer, f.there, True, f.sport, t.host.number())):
        t.note()
        return
    forwarded(t, "echo-reply", echo_packet(
        f.there, f.peer, False, f.sport, t.host.number()), True)


def other_forward(t):
    f = t.flow
    proto = int(f.variant)
    if forwarded(t, "proto-%d" % proto, build.ip(
            f.peer, f.there, proto, build.gre(), t.host.number())):
        forwarded(t, "answer", build.ip(
            f.there, f.peer, proto, build.gre(), t.host.number()), True)


# ---- beneath all of them

def neighbours(t):
    """Solicitation and advertisement, asked and answered by each side."""
    host, near = t.host, "2001:db8:1::7"
    own = walk_lab.LINKS["eth0"][1]

    def packet(src, dst, kind, target, bits=0):
        return icmp_packet(src, dst, kind, 0, bytes([bits, 0, 0, 0]),
                           build.pack_address(target) + b"\1\1" + b"\2" * 6,
                           host.number(), 255)

    t.enters("ns", packet(near, own, 135, own), device="eth0")
    t.words.append("na out" if any(s.kind == 136 for s in t.others)
                   else "no na out")
    t.leaves("ns out", packet(own, near, 135, near))
    t.enters("na", packet(near, own, 136, near, 0x60), device="eth0")


KINDS = {k.__name__: k for k in (
    tcp_server, udp_server, ping_server, tcp_client, udp_client, ping_client,
    traceroute, other_client, local, tcp_forward, udp_forward, ping_forward,
    other_forward, neighbours)}
VARIANTS = {
    "tcp_server": ("", "ecn", "reset", "closes", "too-big"),
    "udp_server": ("", "", "big", "error"),
    "ping_server": ("", "big"),
    "tcp_client": ("", "reset", "closes", "too-big", "refused", "host"),
    "udp_client": tuple("%s %s" % (b, e) for b in (
        "connected", "any", "low") for e in ("", "big", "error", "stray")),
    "other_client": ("47", "50"), "other_forward": ("47", "50"),
    "local": ("tcp own", "tcp lo", "udp own", "udp lo"),
    "tcp_forward": ("", "ecn", "reset", "refused", "host", "too-big", "time",
                    "narrow"),
    "udp_forward": ("", "", "big", "error", "time"),
}
HOST = ["tcp_server"] * 7 + ["udp_server"] * 3 + ["tcp_client"] * 5 + \
    ["udp_client"] * 5 + ["ping_server", "ping_client", "traceroute",
                          "other_client", "local"]
ROUTER = ["tcp_forward"] * 8 + ["udp_forward"] * 5 + [
    "ping_forward", "other_forward"]


def random_flow(draw, kind, version, number):
    """`number` makes its addresses its own."""
    variant = draw.choice(VARIANTS.get(kind, ("",)))
    device, there = draw.sample(sorted(rewrite_lab.PEERS), 2)
    ports = UDP_PORTS if "udp" in kind or variant.startswith("udp") else \
        TCP_PORTS
    port = draw.choice(ports + (2222, 8000)) if draw.random() < .85 else \
        draw.randrange(1, 65536)
    net = {"lan0": 5, "eth0": 2, "eth1": 5}
    if kind == "udp_client" and variant.endswith("stray"):
        there = device
    far = peer(version, there, net[there] + draw.randrange(2), 100 + number)
    if variant == "narrow" and device != "eth0":
        there, far = "eth0", NARROW[version]
    sport = draw.choice([draw.randrange(32768, 60000),
                         draw.randrange(1024, 32768), port])
    return Flow(kind, version, device,
                peer(version, device, net[device] + draw.randrange(2),
                     1 + number), port, sport, variant, far, there)


def random_flows(draw, router, count):
    """Half of each family, and ND."""
    flows = []
    kinds = HOST + ROUTER if router else HOST
    for number in range(count):
        version = 4 if number % 2 else 6
        flows.append(random_flow(draw, draw.choice(kinds), version, number))
    return flows + [Flow("neighbours", 6, "eth0", "", 0, 0)]


def play(host, flow):
    """(words, strays)."""
    t = Talk(host, flow)
    try:
        KINDS[flow.kind](t)
    finally:
        t.end()
    return t.words, t.strays


