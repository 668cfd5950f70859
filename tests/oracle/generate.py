# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies, the packets worth sending at each, and policies as YAML.

A packet is aimed at a leg of a service and then, half of the time, moved a
little off the mark. A probe is what differential.py sends: a model.Packet, the
device it arrives on ("" for one sent from here), and how it is cut.
"""
import dataclasses
import ipaddress

import packets as build
from dut import GROUPS, LINKS, REMOTES, link_local
from model import (ECHO, ICMP, NEIGHBOURS, PORT_NAMES, PROTOCOLS, TCP, UDP,
                   WITH_PORTS, Packet, as_list, services)

NETWORKS = {
    4: ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "10.1.2.2/31",
        "172.16.5.0/24", "172.16.0.0/12", "192.168.7.9", "198.51.100.0/24",
        "198.51.100.77", "0.0.0.0/1", "192.0.2.0/24"),
    6: ("2001:db8:aa::/48", "2001:db8:aa::/64", "2001:db8:aa::3",
        "2001:db8:aa::2/127", "2001:db8:bb::/48", "2001:db8:cc::9",
        "2001:db8:2::/64", "2001:db8:2::77", "2000::/3", "2001:db8:1::/64"),
}
OWN = {
    4: tuple(pair[0] for pair in LINKS.values()) + ("127.0.0.1",),
    6: tuple(pair[1] for pair in LINKS.values()) + ("::1",),
}
GROUP = {
    4: (GROUPS[0], "192.0.2.255", "203.0.113.255", "255.255.255.255",
        "224.0.0.1"),
    6: (GROUPS[1], "ff02::1"),
}
GROUP_NETWORKS = {4: GROUP[4] + ("224.0.0.0/4",), 6: GROUP[6] + ("ff00::/8",)}
PORTS = ("53", "80", "443", "22", "179", "8000-8010", "1-1024", "30000-40000",
         "65535", "1", "9022-9023", "45000", "33000-33003")
IFACES = ("eth0", "eth1", "wan0", "wan*", "eth*", "lan0")
ROLES = (["server"], ["client"], ["router"], ["server", "client"],
         ["server", "router"], ["client", "router"],
         ["server", "client", "router"], ["loopback"], ["loopback"],
         ["loopback", "router"], ["loopback", "client"])
PORTED = (["tcp"], ["tcp"], ["udp"], ["udp"], ["tcp", "udp"], ["sctp"],
          ["udplite"], ["dccp"], ["tcp", "sctp", "udp"])
ANY = (TCP, TCP, UDP, UDP, 132, 47, 50)     # of those that there are
PORTLESS = (["gre"], ["esp"], ["gre", "esp"], ["89"], ["ah"], ["4"],
            ["icmp-echo"], ["icmp-echo"], ["esp", "icmp-echo"])
FLAGS = ("S", "SA", "A", "PA", "FA", "R", "RA", "", "SF", "SR", "SPU", "F",
         "FPU", "SAU")
ICMP_KINDS = {4: (0, 3, 3, 5, 8, 11, 12, 13),
              6: (1, 2, 3, 4, 128, 129, 133, 135, 136, 137, 143, 148)}


@dataclasses.dataclass(frozen=True)
class Probe:
    packet: Packet
    device: str                 # "": sent by a local program
    cut: str = "whole"          # or pair, tail


# ---- policies
def random_policy(rng):
    policy = {"state_matching": rng.choice(("allowed", "allowed",
                                            "forbidden"))}
    versions = (4, 6)
    if rng.random() < 0.2:
        versions = (rng.choice((4, 6)),)
        policy["families"] = ["ipv%d" % versions[0]]
    made = [_random_service(rng, versions, "s%d" % number)
            for number in range(rng.choice((1, 1, 2, 3, 4, 6, 12)))]
    cut = rng.choice((0, 0, 1)) if len(made) > 1 else 0
    if cut:
        policy["management"] = made[:cut]
    policy["untracked"] = made[cut:]
    if rng.random() < 0.3:
        _share_lists(rng, policy, made)
    if rng.random() < 0.25:
        policy["counters"] = "true"
    if policy["state_matching"] == "allowed" and rng.random() < 0.25:
        policy["tracked"] = [_tracked_service(rng, versions)]
    return policy


def _tracked_service(rng, versions):
    """It takes nothing out, nor in, and what is out it leaves out: its ports
    may be those of others."""
    service = _random_service(rng, versions, "kept")
    service["role"] = [role for role in service["role"]
                       if role != "loopback"] or ["router"]
    service["protocol"] = [rng.choice(("tcp", "udp"))]
    service.setdefault("ports", ["53", "8000-8100"])
    for key in ("accept", "reply_guard", "why"):
        service.pop(key, None)
    service["timeouts"] = {"unreplied": "2s"}
    return service


def _share_lists(rng, policy, made):
    """Some addresses get a name, and more than one service may use it."""
    lists = {}
    for service in made:
        for side in ("clients", "servers"):
            if side not in service or rng.random() < 0.3:
                continue
            name = "l%d" % rng.randrange(3)
            cut = rng.randrange(1, len(service[side]) + 1)
            if name not in lists:
                lists[name] = service[side][:cut]
                service[side] = ["@" + name] + service[side][cut:]
            elif _versions(lists[name]) <= _versions(service[side]):
                service[side] = service[side] + ["@" + name]
    if lists:
        policy["lists"] = lists


def _versions(networks):
    return {ipaddress.ip_network(net).version for net in networks
            if net[0] != "@"}


def _random_service(rng, versions, name):
    service = {"name": name, "role": rng.choice(ROLES)}
    if set(service["role"]) <= {"loopback", "router"} and rng.random() < 0.5:
        service["protocol"] = ["any"]
    elif rng.random() < 0.8:
        service["protocol"] = rng.choice(PORTED)
        service["ports"] = _random_ports(rng)
    else:
        service["protocol"] = rng.choice(PORTLESS)
        if service["protocol"] == ["ah"]:
            if 4 not in versions:
                service["protocol"] = ["gre"]
            else:
                versions = (4,)
                service["clients"] = _random_networks(rng, versions, False)
    if rng.random() < 0.3:
        versions = (rng.choice(versions),)
    for side in ("clients", "servers"):
        if rng.random() < 0.4:
            service[side] = _random_networks(rng, versions,
                                             rng.random() < 0.4)
    if service["role"] != ["loopback"] and rng.random() < 0.35:
        service["interfaces"] = sorted(rng.sample(IFACES, rng.choice((1, 2))))
    service["accept"] = rng.choice(("open", "open", "open", "none"))
    if "client" in service["role"] and rng.random() < 0.3:
        service["reply_guard"] = rng.choice(("none", "socket"))
    if rng.random() < 0.1:
        service["why"] = "because \"%s\" said so" % name
    return service


def _random_ports(rng):
    shape = rng.random()
    if shape < 0.08:
        return sorted({str(rng.randrange(1, 65536))
                       for _ in range(rng.choice((20, 60)))} | {"8005"})
    # ranges of one service may overlap or touch: the same set of ports
    return rng.sample(PORTS, rng.choice((1, 1, 2, 3)))


def _random_networks(rng, versions, own):
    pool = []
    for version in versions:
        of_version = list(NETWORKS[version])
        if own:
            of_version += OWN[version] + GROUP_NETWORKS[version]
            if version == 6:
                of_version += ("fe80::/10",)
        chosen = rng.sample(of_version, rng.choice((1, 1, 2, 3)))
        if rng.random() < 0.05:
            chosen += _many_hosts(rng, version)
        pool += chosen
    return sorted(set(pool))


def _many_hosts(rng, version):
    if version == 4:
        return ["10.9.%d.%d" % (rng.randrange(256), rng.randrange(256))
                for _ in range(50)]
    return ["2001:db8:aa:9::%x" % rng.randrange(1, 65536) for _ in range(50)]


# ---- packets
def random_probe(rng, policy, host):
    """One packet; the same policy gives other ones each time."""
    if rng.random() < 0.08:
        return _random_icmp(rng)
    service = rng.choice(services(policy))
    version = _pick_version(rng, policy, service)
    probe = _aimed(rng, service, version, host)
    if rng.random() < 0.5:
        probe = _nudged(rng, probe)
    packet = probe.packet
    if packet.proto in (UDP, ICMP[version]) and rng.random() < 0.15 and \
            probe.device and packet.kind in (-1, *ECHO[version]):
        cut = rng.choice(("pair", "tail"))
        probe = dataclasses.replace(probe, cut=cut, packet=dataclasses.replace(
            packet, tail=cut == "tail"))
    return probe


def _pick_version(rng, policy, service):
    versions = {4, 6}
    for side in ("clients", "servers"):
        if side in service:
            versions &= {ipaddress.ip_network(member).version
                         for member in as_list(service[side])}
    return rng.choice(sorted(versions) or [4, 6])


def _aimed(rng, service, version, host):
    """A packet of some leg of the service, as far as one can be found."""
    role = rng.choice(as_list(service["role"]))
    leg = rng.choice(("request", "reply"))
    proto = rng.choice(as_list(service["protocol"]))
    kind = ECHO[version][leg == "reply"] if proto == "icmp-echo" else -1
    proto = rng.choice(ANY) if proto == "any" else \
        ICMP[version] if proto == "icmp-echo" else \
        PROTOCOLS.get(proto) or int(proto)
    port, other = _server_port(rng, service), _other_port(rng)
    local, far = list(OWN[version]), list(REMOTES[version])
    shape = rng.choice(("net", "net", "net", "lo")) if role != "router" \
        else "net"
    if role == "loopback":
        shape = "lo"
    sides = {}
    for side, is_local in (("clients", role == "client" or shape == "lo"),
                           ("servers", role == "server" or shape == "lo")):
        pool = local if is_local else far
        if is_local and shape == "net" and rng.random() < 0.3:
            pool = list(GROUP[version])
        sides[side] = _address_in(rng, service.get(side), version, pool)
    src, dst = (sides["clients"], sides["servers"]) if leg == "request" else \
        (sides["servers"], sides["clients"])
    sport, dport = (other, port) if leg == "request" else (port, other)
    leaves = (role, leg) in (("server", "reply"), ("client", "request"))
    device = "" if shape == "lo" or leaves else _device_in(rng, service)
    packet = Packet(version, proto, src, dst, sport, dport,
                    _flags(rng, proto, leg), kind)
    if (role, leg, shape) == ("client", "reply", "net"):
        packet = _for_a_socket(rng, packet, host)
    return Probe(_portless(packet), device)


def _portless(packet):
    if packet.proto in WITH_PORTS:
        return packet
    return dataclasses.replace(packet, sport=0, dport=0, flags="")


def _server_port(rng, service):
    if "ports" not in service:
        return rng.randrange(1, 65536)
    entry = str(rng.choice(as_list(service["ports"])))
    first, _, last = str(PORT_NAMES.get(entry, entry)).partition("-")
    low, high = int(first), int(last or first)
    return rng.choice((low, high, rng.randint(low, high)))


def _other_port(rng):
    return rng.choice((rng.randrange(32768, 61000), rng.randrange(1024, 32768),
                       rng.randrange(61000, 65536), rng.randrange(1, 1024),
                       9022, 9023))


def _flags(rng, proto, leg):
    if proto != TCP:
        return ""
    if rng.random() < 0.5:
        return "S" if leg == "request" else "SA"
    return rng.choice(FLAGS)


def _address_in(rng, networks, version, pool):
    """An address of the pool that the networks hold; else any of theirs."""
    if networks is None:
        return rng.choice(pool)
    nets = [net for net in map(ipaddress.ip_network, as_list(networks))
            if net.version == version]
    fit = [text for text in pool
           if any(ipaddress.ip_address(text) in net for net in nets)]
    if fit:
        return rng.choice(fit)
    if not nets:
        return rng.choice(pool)
    net = rng.choice(nets)
    return str(net[rng.choice((0, net.num_addresses - 1,
                               rng.randrange(net.num_addresses)))])


def _device_in(rng, service):
    names = as_list(service.get("interfaces", list(LINKS)))
    fit = [device for device in LINKS for name in names
           if device == name or name.endswith("*") and
           device.startswith(name[:-1])]
    return rng.choice(fit)


def _for_a_socket(rng, packet, host):
    """Most replies that arrive belong to a socket; some do nearly."""
    fit = [sock for sock in host.sockets
           if (sock.proto, sock.version) == (packet.proto, packet.version)]
    same = [sock for sock in fit if sock.remote_port == packet.sport]
    if not fit or rng.random() < 0.2:
        return packet
    sock = rng.choice(same if same and rng.random() < 0.7 else fit)
    changes = {"dport": sock.port}
    if sock.local and rng.random() < 0.9:
        changes["dst"] = sock.local
    if sock.remote and rng.random() < 0.9:
        changes["src"] = sock.remote
    return dataclasses.replace(packet, **changes)


def _nudged(rng, probe):
    """The same packet, but for one thing."""
    packet, version = probe.packet, probe.packet.version
    what = rng.choice(("src", "dst", "sport", "dport", "proto", "flags",
                       "device", "swap"))
    if what == "device":
        return dataclasses.replace(probe, device=rng.choice(list(LINKS))) \
            if probe.device else probe
    if what == "swap":
        return dataclasses.replace(probe, packet=dataclasses.replace(
            packet, src=packet.dst, dst=packet.src, sport=packet.dport,
            dport=packet.sport)) if _can_send(packet.dst) else probe
    if what in ("src", "dst"):
        pool = OWN[version] + REMOTES[version]
        value = rng.choice(pool + (GROUP[version] if what == "dst" else ()))
        if what == "dst" and version == 6 and probe.device and \
                rng.random() < 0.2:
            value = link_local(list(LINKS).index(probe.device))
    elif what in ("sport", "dport"):
        value = (getattr(packet, what) +
                 rng.choice((-1, 1, 7, rng.randrange(65536)))) % 65536
    elif what == "proto":
        value = rng.choice(sorted(PROTOCOLS.values()))
        if value == PROTOCOLS["ah"] and version == 6:
            return probe
    elif packet.proto == ICMP[version]:
        what, value = "kind", rng.choice(ICMP_KINDS[version])
    else:
        value = rng.choice(FLAGS) if packet.proto == TCP else ""
    packet = dataclasses.replace(packet, **{what: value})
    return dataclasses.replace(probe, packet=_portless(packet))


def _can_send(address):
    raw = ipaddress.ip_address(address)
    return not raw.is_multicast and not address.endswith(".255")


def _random_icmp(rng):
    version = rng.choice((4, 6))
    kind = rng.choice(ICMP_KINDS[version])
    local, far = rng.choice(OWN[version][:-1]), rng.choice(REMOTES[version])
    shape = rng.choice(("in", "out", "through", "lo"))
    if shape == "through":
        far, local = rng.sample(REMOTES[version], 2)
    if shape == "lo":
        far = rng.choice(OWN[version])
    src, dst = (local, far) if shape in ("out", "lo") else (far, local)
    device = "" if shape in ("out", "lo") else rng.choice(list(LINKS))
    return Probe(Packet(version, ICMP[version], src, dst, kind=kind), device)


# ---- packets as bytes
def as_bytes(probe, mark):
    """The packet, or its parts, marked so that it can be told later."""
    p = probe.packet
    if probe.cut != "whole":
        payload = _payload(p, b"x" * 88)
        parts = build.fragments(p.src, p.dst, p.proto, payload, mark, 48)
        return parts[1:] if probe.cut == "tail" else parts
    return [build.ip(p.src, p.dst, p.proto, _payload(p), mark)]


def _payload(p, data=b"datagram"):
    ends = p.src, p.dst, p.sport, p.dport
    if p.proto == build.TCP:
        return build.tcp(*ends, p.flags, ack=9 if "A" in p.flags else 0)
    if p.proto == build.UDP:
        return build.udp(*ends, data)
    if p.proto == build.UDPLITE:
        return build.udplite(*ends)
    if p.proto == build.SCTP:
        return build.sctp(p.sport, p.dport)
    if p.proto == build.DCCP:
        return build.dccp(*ends)
    if p.proto == build.GRE:
        return build.gre()
    if p.proto == build.AH:         # RFC 4302, with a header to follow it
        return b"\x3b\x04\0\0" + build.esp()[:20]
    if p.proto == ICMP[p.version]:
        inner = b"" if p.kind in NEIGHBOURS else \
            data if p.kind in ECHO[p.version] else build.ip(
                p.dst, p.src, build.UDP, build.udp(p.dst, p.src, 6666, 7777))
        rest = b"\0" * 4 + (b"\0" * 16 if p.kind in NEIGHBOURS else b"")
        if p.version == 4:
            return build.icmp(p.kind, 0, rest, inner)
        return build.icmpv6(p.src, p.dst, p.kind, 0, rest, inner)
    return build.esp()


# ---- policies as YAML
def as_yaml(policy):
    text = "version: 1\n"
    for key in ("state_matching", "counters", "families"):
        if key in policy:
            text += "%s: %s\n" % (key, _yaml_value(policy[key]))
    if policy.get("lists"):
        text += "lists:\n" + "".join("  %s: %s\n" % (
            name, _yaml_value(value))
            for name, value in policy["lists"].items())
    for section in ("management", "untracked", "tracked"):
        if policy.get(section):
            text += section + ":\n"
            for service in policy[section]:
                text += "".join("  %s %s: %s\n" % (
                    " " if number else "-", key, _yaml_value(value))
                    for number, (key, value) in enumerate(service.items()))
    return text


def _yaml_value(value):
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % item for item in value.items())
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(_yaml_value, value))
    if value.replace("-", "").isalnum():
        return value
    return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
