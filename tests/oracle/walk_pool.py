# SPDX-License-Identifier: GPL-2.0-or-later
"""What random rules and random packets are both made of, so that they meet:
addresses, ports, types, and packets that no other packet's entry touches."""
import ipaddress

import packets as build
from walk_lab import LINKS, LOCAL, OWN, REMOTES, Packet, is_error

ADDRESSES = {v: OWN[v] + tuple(REMOTES[v]) + (LOCAL[v],) for v in (4, 6)}
GROUPS = {4: ("224.0.0.1", "192.0.2.255", "239.1.2.3"),
          6: ("ff02::1", "ff0e::123")}
# disjoint, as the elements of one set must be
NETWORKS = {
    4: ("10.1.2.0/25", "10.1.2.128/25", "192.0.2.0/24", "198.51.100.0/25",
        "172.16.0.0/12", "10.60.0.0/16", "203.0.113.9", "127.0.0.0/8",
        "224.0.0.0/4"),
    6: ("2001:db8:aa::/121", "2001:db8:aa::80/121", "2001:db8:1::/64",
        "2001:db8:2::/65", "2001:db8:bb::/48", "2001:db8:5::/64",
        "2001:db8:cc::9", "::1", "ff00::/8"),
}
RANGES = {4: ("10.1.2.3-10.1.2.140", "192.0.2.7-192.0.2.90",
              "198.51.100.1-203.0.113.9"),
          6: ("2001:db8:aa::3-2001:db8:aa::90",
              "2001:db8:1::2-2001:db8:1::90",
              "2001:db8:2::1-2001:db8:cc::9")}
PORTS = (22, 53, 80, 443, 8080, 30000, 1024, 65535)
SPANS = ((1, 21), (22, 52), (54, 100), (400, 500), (1024, 2048),
         (8000, 8090), (30000, 65535))
DEVICES = tuple(LINKS) + ("lo",)
MARKS = (0, 1, 2, 0x10, 0x11, 0xff00)
PORTED = {"tcp": build.TCP, "udp": build.UDP, "sctp": build.SCTP,
          "udplite": build.UDPLITE, "dccp": build.DCCP}
PORTLESS = {"gre": build.GRE, "esp": build.ESP}
FLAGS = ("S", "S", "SA", "A", "PA", "FA", "R", "RA", "", "SF", "F", "FPU",
         "SAU")
KINDS = {4: (0, 3, 5, 8, 8, 11, 12, 13),
         6: (1, 2, 3, 4, 128, 128, 129, 133, 135, 136, 143)}
ICMP_NAMES = {
    4: {0: "echo-reply", 3: "destination-unreachable", 5: "redirect",
        8: "echo-request", 11: "time-exceeded", 12: "parameter-problem",
        13: "timestamp-request"},
    6: {1: "destination-unreachable", 2: "packet-too-big",
        3: "time-exceeded", 4: "parameter-problem", 128: "echo-request",
        129: "echo-reply", 133: "nd-router-solicit",
        135: "nd-neighbor-solicit", 136: "nd-neighbor-advert"},
}
ICMP = {4: build.ICMP, 6: build.ICMPV6}

# of every host: legacy rules look addresses up in them
IPSETS = "".join(
    "create nets{v} hash:net family {f}\n"
    "create hosts{v} hash:ip family {f}\n"
    "create pairs{v} hash:ip,port family {f}\n".format(v=v, f=f) +
    "".join("add nets%d %s\n" % (v, net) for net in NETWORKS[v][1:4]) +
    "".join("add hosts%d %s\n" % (v, host)
            for host in ADDRESSES[v][::3]) +
    "".join("add pairs%d %s,%s\n" % (v, host, end)
            for host in ADDRESSES[v][1::2]
            for end in ("tcp:80", "udp:53", "tcp:443", "udp:22"))
    for v, f in ((4, "inet"), (6, "inet6"))) + \
    "create ports bitmap:port range 0-65535\n" + \
    "".join("add ports %d\n" % port for port in PORTS[::2])
SET_SIDES = {"nets": 1, "hosts": 1, "pairs": 2, "ports": 1}


def networks(rng, version):
    """One address, network, or range, as text."""
    what = rng.random()
    if what < 0.4:
        return rng.choice(ADDRESSES[version])
    return rng.choice(NETWORKS[version] if what < 0.85 else RANGES[version])


def _ends(rng, version):
    """Source, destination, device of arrival."""
    shape = rng.choice(("in", "in", "in", "out", "out", "through", "through",
                        "loop", "group"))
    far, device = rng.choice(list(REMOTES[version].items()))
    own = rng.choice(OWN[version])
    if shape == "in":
        return far, own, device
    if shape == "out":
        return own, far, ""
    if shape == "loop":
        pool = OWN[version] + (LOCAL[version],)
        own = rng.choice(pool)
        return (own, own, "") if own == LOCAL[version] else (
            own, rng.choice(OWN[version]), "")
    if shape == "group":
        return (far, rng.choice(GROUPS[version][:2]), device) \
            if version == 4 else (far, "ff02::1", device)
    others = [a for a, d in REMOTES[version].items() if d != device]
    return far, rng.choice(others), device


def port(rng):
    what = rng.random()
    if what < 0.55:
        return rng.choice(PORTS)
    low, high = rng.choice(SPANS)
    return rng.choice((low, high, low - 1 or 1, min(high + 1, 65535)))


def packet(rng, version, tracked):
    """tracked: the versions that conntrack is at work for."""
    src, dst, device = _ends(rng, version)
    mark = rng.choice(MARKS) if not device and rng.random() < 0.4 else 0
    what = rng.random()
    if what < 0.8:
        name = rng.choice(("tcp", "tcp", "tcp", "udp", "udp", "udp", "sctp",
                           "udplite", "dccp"))
        made = Packet(version, PORTED[name], src, dst, port(rng), port(rng),
                      flags=rng.choice(FLAGS) if name == "tcp" else "",
                      device=device, mark=mark)
    elif what < 0.93:
        kind = rng.choice(KINDS[version])
        made = Packet(version, ICMP[version], src, dst, rng.randrange(65536),
                      kind=kind, code=rng.choice((0, 0, 1, 3))
                      if kind in (1, 3) else 0, device=device, mark=mark)
        if is_error(made):
            made = _changed(made, sport=port(rng), dport=port(rng))
    else:
        made = Packet(version, rng.choice(list(PORTLESS.values())), src, dst,
                      device=device, mark=mark)
    if tracked:
        return _known(rng, made) if version in tracked else made
    return _cut(rng, made)


def _changed(made, **changes):
    return Packet(**{**made.__dict__, **changes})


def _known(rng, made):
    if rng.random() < 0.5 or \
            ipaddress.ip_address(made.dst).is_multicast:
        return made
    if is_error(made):
        return _changed(made, known="error")
    if made.proto == build.UDP or made.proto == build.TCP and \
            made.flags in ("SA", "A", "PA", "FA", "R", "RA", "SAU"):
        return _changed(made, known=rng.choice(("original", "reply")))
    return made


def _cut(rng, made):
    """Those that are passed on alone: a lone fragment for the host waits for
    the others, and the tracker waits for them too. The kernel traces no IPv6
    fragment but the first (6.18)."""
    if made.proto != build.UDP or not made.device or \
            made.dst not in REMOTES[made.version] or rng.random() < 0.7:
        return made
    return _changed(made, part="first" if made.version == 6
                    else rng.choice(("first", "later")))


def packets(rng, tracked, number):
    """None of them of a connection that another one is of, either way."""
    made, used = [], set()
    while len(made) < number:
        version = rng.choice((4, 6))
        new = packet(rng, version, tracked)
        proto = build.UDP if is_error(new) else new.proto
        key = proto, frozenset(((new.src, new.sport), (new.dst, new.dport)))
        if new.proto == ICMP[version] and not is_error(new):
            key += (new.sport,)
        # (to conntrack, DCCP has no ports any more)
        if proto in (build.GRE, build.ESP, build.DCCP):
            key = proto, frozenset((new.src, new.dst))
        number -= key in used       # a few less, rather than for ever
        if key not in used:
            used.add(key)
            made.append(new)
    return made
