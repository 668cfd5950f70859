# SPDX-License-Identifier: GPL-2.0-or-later
"""A device under test: a host with five links, a default-drop filter in one
backend's manner, sockets of every kind, and observers at its hooks.

Packets go in at link level or from a raw socket; what became of them comes
back through NFLOG. Observers are an nftables table of their own: one early
chain a hook that tells the packet's conntrack state, one late chain that sees
only what the filter let pass. Everything that can be kept between two
policies is kept, which is what makes thousands of them affordable.
"""
import contextlib
import ipaddress
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))
import kernel_log                                           # noqa: E402
import lab                                                  # noqa: E402
from model import Host, Socket, TCP, UDP                    # noqa: E402
from packets import (Injector, group_mac, ip, pack_address,     # noqa: E402
                     udp)

# device -> its IPv4 and IPv6 address; the gateway behind it is .254 or ::fe
LINKS = {
    "eth0": ("192.0.2.1", "2001:db8:1::1"),
    "eth1": ("198.51.100.1", "2001:db8:2::1"),
    "wan0": ("203.0.113.1", "2001:db8:3::1"),
    "wan1": ("10.50.0.1", "2001:db8:4::1"),
    "lan0": ("10.60.0.1", "2001:db8:5::1"),
}
ROUTES = (
    ("10.0.0.0/8", "2001:db8:aa::/48", "eth0"),
    ("172.16.0.0/12", "2001:db8:bb::/48", "wan0"),
    ("192.168.0.0/16", "2001:db8:cc::/48", "lan0"),
    ("default", "default", "eth1"),
)
GROUPS = ("239.1.2.3", "ff0e::123")
REMOTES = {4: ("10.1.2.3", "172.16.5.5", "198.51.100.77"),
           6: ("2001:db8:aa::3", "2001:db8:bb::5", "2001:db8:2::77")}
SOCKET_PORTS = (53, 80, 443, 8005, 30001)
NFLOG_GROUP = 7
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RECV_QUEUE = 1


def link_local(index):
    return "fe80::%x" % (index + 1)


def _observer(tracking):
    """Early: state; late: accepted. The prefix is hook and answer."""
    if tracking:
        early = "".join('  %slog prefix "%%s%s" group %d snaplen 128 accept\n'
                        % (match, letter, NFLOG_GROUP) for match, letter in (
                            ("ct state untracked ", "U"),
                            ("ct state invalid ", "I"), ("", "T")))
    else:
        early = '  log prefix "%%sN" group %d snaplen 128\n' % NFLOG_GROUP
    text = "table inet observer { }\ndelete table inet observer\n" \
        "table inet observer {\n"
    for letter, hook in zip("piof", ("prerouting", "input", "output",
                                     "forward")):
        text += " chain early-%s {\n  type filter hook %s priority -150;\n" \
            "%s }\n" % (hook, hook, early.replace("%s", letter))
        if letter != "p":
            text += ' chain late-%s {\n  type filter hook %s priority 100;\n' \
                '  log prefix "%sA" group %d snaplen 128\n }\n' % (
                    hook, hook, letter, NFLOG_GROUP)
    return text + "}\n"


def _nft_host(style):
    """The filter of a host that lets nothing pass, in one of three ways."""
    families = ("ip", "ip6") if style == "split" else ("inet",)
    policy, rule = ("accept", "  counter drop\n") if style == "rule" else \
        ("drop", "")
    return "flush ruleset\n" + "".join(
        "table %s host {\n%s}\n" % (family, "".join(
            " chain %s {\n  type filter hook %s priority filter;"
            " policy %s;\n%s }\n" % (hook, hook, policy, rule)
            for hook in ("input", "output", "forward")))
        for family in families)


_LEGACY_HOST = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT" \
    "\n*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n" \
    "COMMIT\n"
STYLES = ("inet", "split", "rule")


def _write(name, text):
    path = os.path.join(lab.WORK, name)
    with open(path, "w") as out:
        out.write(text)
    return path


class Sighting:
    """What the observers saw of one packet: (hook letter, part) -> answers;
    part is w(hole), f(irst fragment) or t(ail)."""

    def __init__(self):
        self.state = {}         # -> U, I, T or N
        self.accepted = set()
        self.iface = {}         # hook letter -> device


class Device:
    def __init__(self, backend):
        self.backend = backend
        self.space = lab.Namespace()
        self.outside = lab.Namespace()
        self.injectors = {}
        self.ifnames = {}
        self.kept = []
        self._set_up_links()
        self.model = Host(
            local={a for pair in LINKS.values() for a in pair} |
            {link_local(i) for i in range(len(LINKS))},
            groups={_broadcast(pair[0]) for pair in LINKS.values()},
            sockets=[],
            anycast={str(ipaddress.ip_network(pair[1] + "/64", False)[0])
                     for pair in LINKS.values()} | {"fe80::"})
        self._open_sockets()
        self.log = kernel_log.listen(self.space, NFLOG_GROUP)
        self.raw = {4: self._raw_socket(4), 6: self._raw_socket(6)}
        self.files = {}
        for tracking in (False, True):
            text = _observer(tracking)
            self.files["observer", tracking] = _write(
                "observer-%d.nft" % tracking, text)
        for style in STYLES:
            self.files[style] = _write(style + ".nft", _nft_host(style) +
                                       _observer(False))
        self.files["legacy"] = _write("host.legacy", _LEGACY_HOST)

    def _set_up_links(self):
        space = self.space
        for key in ("net.ipv4.conf.all.rp_filter",
                    "net.ipv4.conf.default.rp_filter"):
            space.sysctl(key, 0)
        for key in ("net.ipv4.ip_forward", "net.ipv4.conf.all.accept_local",
                    "net.ipv6.conf.all.forwarding"):
            space.sysctl(key, 1)
        # no request sockets: a listener stays one whatever knocks
        space.sysctl("net.ipv4.tcp_syncookies", 2)
        script = ""
        for index, (device, (v4, v6)) in enumerate(LINKS.items()):
            space.link(device, self.outside, device)
            mac = self.outside.mac(device)
            self.injectors[device] = Injector(self.outside, device,
                                              space.mac(device))
            link = ":".join("%02x" % byte for byte in mac)
            script += "ip link set {d} addrgenmode none\n" \
                "ip -6 address flush dev {d}\n" \
                "ip address add {v4}/24 brd + dev {d}\n" \
                "ip address add {v6}/64 dev {d} nodad\n" \
                "ip address add {ll}/64 dev {d} nodad\n" \
                "ip neighbour add {g4} lladdr {mac} dev {d}\n" \
                "ip neighbour add {g6} lladdr {mac} dev {d}\n".format(
                    d=device, v4=v4, v6=v6, ll=link_local(index), mac=link,
                    g4=_gateway(v4), g6=_gateway(v6))
        for v4, v6, device in ROUTES:
            script += "ip route add %s via %s\nip -6 route add %s via %s\n" % (
                v4, _gateway(LINKS[device][0]), v6, _gateway(LINKS[device][1]))
        space.run("set -e\n" + script)
        with space.entered():
            self.ifnames = dict(socket.if_nameindex())
        self.outside.run("for d in %s; do ip link set $d addrgenmode none; "
                         "done" % " ".join(LINKS))

    # ---- sockets that guards look for
    def _open_sockets(self):
        for version in (4, 6):
            own = LINKS["eth0"][version == 6]
            port = 41000
            for remote in REMOTES[version]:
                for remote_port in SOCKET_PORTS:
                    port += 1
                    for proto in (TCP, UDP):
                        self._connected(proto, version, own, port, remote,
                                        remote_port)
            self._connected(TCP, version, own, 700, REMOTES[version][0], 80)
            self._connected(UDP, version, own, 701, REMOTES[version][0], 53)
            for proto in (TCP, UDP):
                for wild in (80, 53, 9022, 45000):
                    self._bound(proto, version, "", wild)
                for bound in (9023, 45001):
                    self._bound(proto, version, own, bound)
        for version, group in zip((4, 6), GROUPS):
            self._join(version, group)

    def _socket(self, proto, version):
        sock = self.space.socket(lab.FAMILY[version], socket.SOCK_STREAM
                                 if proto == TCP else socket.SOCK_DGRAM)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.kept.append(sock)
        return sock

    def _bound(self, proto, version, local, port):
        sock = self._socket(proto, version)
        sock.bind((local, port))
        if proto == TCP:
            sock.listen(1)
        self.model.sockets.append(
            Socket(proto, local, port, version=version))

    def _connected(self, proto, version, local, port, remote, remote_port):
        """Established at once, with no peer at the other end; its receive
        window is far from anything that the packets carry."""
        sock = self._socket(proto, version)
        if proto == TCP:
            for option, value in ((TCP_REPAIR, 1),
                                  (TCP_REPAIR_QUEUE, RECV_QUEUE),
                                  (TCP_QUEUE_SEQ, 0x7fff0000)):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
        sock.bind((local, port))
        sock.connect((remote, remote_port))
        self.model.sockets.append(
            Socket(proto, local, port, remote, remote_port, version))

    def _join(self, version, group):
        sock = self._socket(UDP, version)
        for device in LINKS:
            with self.space.entered():
                index = socket.if_nametoindex(device)
            if version == 4:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                pack_address(group) +
                                struct.pack("=4xi", index))
            else:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                                pack_address(group) + struct.pack("=i", index))

    def _raw_socket(self, version):
        sock = kernel_log.raw_socket(self.space, version)
        if version == 4:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        return sock

    # ---- NFLOG (linux/netfilter/nfnetlink_log.h)
    def _read_log(self, sightings, waiting):
        """Sort what is there into `sightings`; drop who came in from
        `waiting`."""
        for kind, _, found in kernel_log.heard(self.log):
            if kind == kernel_log.LOG_PACKET:
                self._sort(found, sightings, waiting)

    def _sort(self, found, sightings, waiting):
        identity, part = identify(found[9])
        seen = sightings.get(identity)
        if seen is None:
            return
        letter, answer = found[10][:2].decode()
        if answer == "A":
            seen.accepted.add((letter, part))
        else:
            seen.state[letter, part] = answer
            index = found.get(5) if letter == "o" else found.get(4)
            if index:
                seen.iface.setdefault(
                    letter, self.ifnames[struct.unpack("!I", index)[0]])
        if letter == "p":
            waiting.discard(identity)

    # ---- one policy
    def start(self, paths, style, tracking):
        """Begin to reset the host and apply the policies, one after the
        other; finish() waits for the end and returns words if it is a bad
        one. By force: a policy that locks the administrator out is as good
        as any here. Who asks for states comes last: where these are forbidden
        nobody may be there that does. So do rules that are not iptables' own:
        beside them, accept rules ask all that they can."""
        if self.backend == "nftables":
            script = "nft -f %s && " % self.files[style]
        else:
            script = "nft flush ruleset && for t in iptables ip6tables; do " \
                "$t-legacy-restore %s || exit 99; done; ipset destroy; " % \
                self.files["legacy"]
        self.job = self.space.popen(
            script + " && ".join(
                "%s apply --force --backend %s %s" % (
                    lab.CTPOLICY, self.backend, path)
                for path in paths) +
            (" && nft -f %s" % self.files["observer", tracking]
             if tracking or self.backend == "iptables" else ""),
            stdout=-1, stderr=-2, text=True)

    def finish(self):
        out = self.job.communicate()[0]
        if self.job.returncode:
            return "%s: apply ended with %d:\n%s" % (
                self.backend, self.job.returncode, out)
        self.space.flush_entries()
        return None

    def play(self, journeys):
        """Send; say what was seen: one Sighting a journey. A journey is
        (packets, device or "" for local, identity)."""
        # one processor handles them all in order, so that the last one seen
        # means all of them done
        ends = "10.1.2.250", LINKS["eth0"][0]
        last = ip(*ends, UDP, udp(*ends, 9, 9), ident=1)
        waiting = {identify(last)[0]}
        journeys = journeys + [([last], "eth0", identify(last)[0])]
        sightings = {identity: Sighting() for _, _, identity in journeys}
        processors = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(processors)})
        try:
            for parts, device, identity in journeys:
                if device:
                    self._inject(parts, device)
                else:
                    self._send(parts)
                # the kernel keeps little of the log for an ordinary user
                self._read_log(sightings, waiting)
        finally:
            os.sched_setaffinity(0, processors)
        end = time.monotonic() + 60
        while True:
            self._read_log(sightings, waiting)
            if not waiting:
                break
            if time.monotonic() > end:
                raise RuntimeError(self.backend + ": packets were lost")
            select.select([self.log], [], [], 0.1)
        self._read_log(sightings, waiting)
        return [sightings[identity] for _, _, identity in journeys[:-1]]

    def _inject(self, parts, device):
        dst = destination(parts[0])
        if dst == _broadcast(LINKS[device][0]):
            dst = "255.255.255.255"
        mac = group_mac(dst)
        for part in parts:
            self.injectors[device].send(part, mac)

    def _send(self, parts):
        version = parts[0][0] >> 4
        dst = destination(parts[0])
        for part in parts:
            with contextlib.suppress(OSError):      # the filter's refusal
                self.raw[version].sendto(part, (dst, 0))


def _gateway(own):
    return own[:-1] + ("fe" if ":" in own else "254")


def _broadcast(own):
    return own.rsplit(".", 1)[0] + ".255"


def destination(packet):
    if packet[0] >> 4 == 6:
        return socket.inet_ntop(socket.AF_INET6, packet[24:40])
    return socket.inet_ntop(socket.AF_INET, packet[16:20])


def identify(packet):
    """Who a packet is: family, mark and addresses; and which part of it."""
    if packet[0] >> 4 == 6:
        mark = struct.unpack_from("!I", packet)[0] & 0xfffff
        part = "w"
        if packet[6] == 44:
            offset = struct.unpack_from("!H", packet, 42)[0]
            part = "t" if offset & 0xfff8 else "f" if offset & 1 else "w"
        return (6, mark, packet[8:40]), part
    mark, offset = struct.unpack_from("!HH", packet, 4)
    part = "t" if offset & 0x1fff else "f" if offset & 0x2000 else "w"
    return (4, mark, packet[12:20]), part
