# SPDX-License-Identifier: GPL-2.0-or-later
"""What a policy means, packet by packet, in the words of the policy language.

An oracle: small, slow, and sharing nothing with the program it judges. It
reads the policy as the data it was written from, knows nothing of rules, sets
or chains, and answers two questions about one packet at one hook:
is it untracked there, and do the policy's accepts let it pass.
"""
import dataclasses
import functools
import ipaddress

PROTOCOLS = {"tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51,
             "sctp": 132, "udplite": 136}
WITH_PORTS = {6, 17, 33, 132, 136}
PORT_NAMES = {"https": 443, "domain": 53}
TCP, UDP = 6, 17
ICMP = {4: 1, 6: 58}
ECHO = {4: (8, 0), 6: (128, 129)}           # request, reply
ICMP_ERRORS = {4: {3, 11, 12}, 6: {1, 2, 3, 4}}
NEIGHBOURS = set(range(130, 137)) | {143}   # never tracked by the kernel
SOLICITATIONS = {135, 136}
EPHEMERAL = range(32768, 61000)


@dataclasses.dataclass(frozen=True)
class Packet:
    version: int
    proto: int
    src: str
    dst: str
    sport: int = 0
    dport: int = 0
    flags: str = ""             # tcp: letters of FSRPAU
    kind: int = -1              # icmp: the type
    tail: bool = False          # a fragment that is not the first


@dataclasses.dataclass(frozen=True)
class Socket:
    proto: int
    local: str                  # address, or "" for any
    port: int
    remote: str = ""            # "" where it is not connected
    remote_port: int = 0
    version: int = 4


# In the kernel's table of local routes, as a broadcast address
LOOPBACK_BROADCAST = "127.255.255.255"
# A broadcast address to fib_lookup; the rest of 0.0.0.0/8 is unicast since
# Linux 5.3 (ipv4_is_zeronet() in linux/in.h)
NOWHERE = "0.0.0.0"


@dataclasses.dataclass
class Host:
    """local: every unicast address of its own; groups: broadcast addresses
    (multicast needs no list); anycast: what every router of a network hears.
    """
    local: set
    groups: set
    sockets: list
    anycast: set = frozenset()

    def is_local(self, text):
        return text in self.local or (_address(text).is_loopback and
                                      text != LOOPBACK_BROADCAST)

    def is_group(self, text):
        return text in self.groups or \
            text in ("255.255.255.255", LOOPBACK_BROADCAST, NOWHERE) or \
            _address(text).is_multicast

    def is_transit(self, text):
        """A unicast address of another host."""
        return not (self.is_local(text) or self.is_group(text) or
                    text in self.anycast)

    def socket_of(self, packet):
        """The socket that the packet would be handed to."""
        best, best_score = None, -1
        for sock in self.sockets:
            if (sock.proto, sock.version, sock.port) != \
                    (packet.proto, packet.version, packet.dport):
                continue
            if sock.local and sock.local != packet.dst:
                continue
            if sock.remote and (sock.remote, sock.remote_port) != \
                    (packet.src, packet.sport):
                continue
            score = 2 * bool(sock.remote) + bool(sock.local)
            if score > best_score:
                best, best_score = sock, score
        return best


@functools.lru_cache(maxsize=4096)
def _address(text):
    return ipaddress.ip_address(text)


@functools.lru_cache(maxsize=4096)
def _network(text):
    return ipaddress.ip_network(text)


def as_list(value):
    return value if isinstance(value, list) else [value]


def services(policy):
    """With the lists that they name written out."""
    lists = policy.get("lists", {})
    return [{key: [net for item in value
                   for net in lists.get(item[1:], [item])]
             if key in ("clients", "servers") else value
             for key, value in service.items()}
            for service in policy.get("management", []) +
            policy.get("untracked", [])]


def _within(networks, address, version):
    """No list: any address. A list: one of its own family must hold it."""
    if networks is None:
        return True
    return any(net.version == version and _address(address) in net
               for net in map(_network, as_list(networks)))


def _service_versions(policy, service):
    """Families in which the service has rules at all."""
    for version in (4, 6):
        if "ipv%d" % version not in policy.get("families", ["ipv4", "ipv6"]):
            continue
        lists = [service[key] for key in ("clients", "servers")
                 if key in service]
        if all(any(_network(member).version == version
                   for member in as_list(members)) for members in lists):
            yield version


def _has_protocol(service, leg, packet):
    names = list(map(str, as_list(service["protocol"])))
    if "any" in names:
        return True
    if packet.proto == ICMP[packet.version]:
        return "icmp-echo" in names and (
            packet.tail or
            packet.kind == ECHO[packet.version][leg == "reply"])
    return packet.proto in {PROTOCOLS.get(name) or int(name)
                            for name in names if name != "icmp-echo"}


def _port_listed(service, port):
    for entry in map(str, as_list(service["ports"])):
        entry = str(PORT_NAMES.get(entry, entry))
        first, _, last = entry.partition("-")
        if int(first) <= port <= int(last or first):
            return True
    return False


def _iface_listed(service, iface):
    if "interfaces" not in service:
        return True
    return any(iface == name or
               name.endswith("*") and iface.startswith(name[:-1])
               for name in as_list(service["interfaces"]))


def _is_leg(policy, service, leg, packet):
    """Do addresses, protocol and ports make it this leg of the service? A
    fragment's tail has no ports to look at."""
    if packet.version not in _service_versions(policy, service) or \
            not _has_protocol(service, leg, packet):
        return False
    client, server = (packet.src, packet.dst) if leg == "request" else \
        (packet.dst, packet.src)
    if not _within(service.get("clients"), client, packet.version) or \
            not _within(service.get("servers"), server, packet.version):
        return False
    if packet.proto not in WITH_PORTS or packet.tail or \
            "any" in as_list(service["protocol"]):
        return True
    return _port_listed(service, packet.dport if leg == "request"
                        else packet.sport)


def _is_ours(host, service, leg, packet):
    """Does a packet that arrives belong to this very host?"""
    if host.is_local(packet.dst):
        return True
    named = "servers" if leg == "request" else "clients"
    return named in service and host.is_group(packet.dst)


def _roles(service):
    return set(as_list(service["role"]))


def untracked(policy, host, hook, packet, iface):
    """hook: prerouting (iface: where it came in) or output (where it leaves).
    """
    return any(_service_untracks(policy, host, service, hook, packet, iface)
               for service in services(policy))


def _service_untracks(policy, host, service, hook, packet, iface):
    if packet.tail:
        return False            # ports are out of sight before reassembly
    roles = _roles(service)
    request = _is_leg(policy, service, "request", packet)
    reply = _is_leg(policy, service, "reply", packet)
    listed = _iface_listed(service, iface)
    ends = roles & {"server", "client"}
    if hook == "output":
        return _service_leaves(host, service, request, reply, packet, iface)
    if not listed and not (iface == "lo" and ends):
        return False
    if "router" in roles and (request or reply) and \
            host.is_transit(packet.dst):
        return True
    if "server" in roles and request and \
            _is_ours(host, service, "request", packet):
        return True
    return "client" in roles and reply and \
        _is_ours(host, service, "reply", packet) and \
        (packet.proto not in (TCP, UDP) or bool(host.socket_of(packet)) or
         service.get("reply_guard") == "none")


def _service_leaves(host, service, request, reply, packet, iface):
    """In output: legs that leave, and on loopback both, with an address of
    this host at the end that the role says."""
    roles = _roles(service)
    own = host.is_local(packet.src)
    if "loopback" in roles and iface == "lo" and (request or reply):
        return True
    if own and (iface == "lo" or _iface_listed(service, iface)) and (
            "server" in roles and reply or "client" in roles and request):
        return True
    return iface == "lo" and (
        "server" in roles and request and
        _is_ours(host, service, "request", packet) or
        "client" in roles and reply and
        _is_ours(host, service, "reply", packet))


def accepted(policy, host, hook, packet, iface, state):
    """hook: input, output or forward; iface as above (forward: where it came
    in). state: "untracked", "invalid", "other", or None with no tracking."""
    stateful = policy["state_matching"] == "allowed"
    opened = [s for s in services(policy) if s["accept"] == "open"]
    if packet.proto == ICMP[packet.version] and not packet.tail and \
            _icmp_accepted(policy, opened, hook, packet, state, stateful):
        return True
    if stateful and state != "untracked":
        return False
    return any(_service_accepts(policy, host, service, hook, packet, iface,
                                stateful) for service in opened)


def _icmp_accepted(policy, opened, hook, packet, state, stateful):
    opened = [s for s in opened
              if packet.version in _service_versions(policy, s)]
    if packet.version == 6 and packet.kind in SOLICITATIONS and \
            hook in ("input", "output"):
        return bool(opened) and not stateful
    if packet.kind not in ICMP_ERRORS[packet.version]:
        return False
    if stateful and state not in ("invalid", "untracked"):
        return False
    return bool(opened) if hook != "forward" else \
        any("router" in _roles(s) for s in opened)


def _initial_syn(packet):
    return packet.proto == TCP and "S" in packet.flags and \
        not set(packet.flags) & set("FRA")


def _service_accepts(policy, host, service, hook, packet, iface, stateful):
    roles = _roles(service)
    request = _is_leg(policy, service, "request", packet)
    reply = _is_leg(policy, service, "reply", packet) and \
        not _initial_syn(packet)
    listed = _iface_listed(service, iface)
    if packet.tail and (stateful or hook == "output" or
                        hook == "input" and packet.version == 4):
        return False            # reassembled before anybody looks
    if hook == "forward":
        return "router" in roles and listed and (request or reply)
    if hook == "output":
        return _service_leaves(host, service, request, reply, packet, iface)
    if iface == "lo" and "loopback" in roles and (request or reply):
        return True
    if iface == "lo" and roles & {"server", "client"} and (
            request and _is_ours(host, service, "request", packet) or
            reply and _is_ours(host, service, "reply", packet)):
        return True
    if not listed:
        return False
    if "server" in roles and request and \
            _is_ours(host, service, "request", packet):
        return True
    return "client" in roles and reply and \
        _is_ours(host, service, "reply", packet) and \
        (packet.tail or _reply_wanted(host, service, packet))


def _reply_wanted(host, service, packet):
    """A reply that enters must be somebody's: a socket's where the kernel can
    tell, else it must go where replies go."""
    sock = host.socket_of(packet)
    if packet.proto == TCP:
        return bool(sock) and bool(sock.local)
    if packet.proto == UDP:
        return bool(sock) and ("servers" in service or
                               packet.dport in EPHEMERAL)
    return packet.proto not in WITH_PORTS or packet.dport in EPHEMERAL
