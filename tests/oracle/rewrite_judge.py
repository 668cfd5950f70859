# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a ruleset without states keeps what the one with states promised.

1. Every conversation goes as it went, and nothing that begins one is let in or
   lost.
2. Whatever else is newly let through fits into some conversation that the
   original allows: with that conversation begun, the original lets it through.
3. What comes into the host as an answer has an open socket to go to.
4. It is of a kind that was announced for its hook, and no entry appears.
"""
import dataclasses
import struct

import packets as build
import rewrite_flows
from rewrite_lab import OPEN_ANY, OPEN_TO, OWN, TCP_PORTS, UDP_PORTS, peer
from rewrite_probes import (PROTOS, ROUTERS, SERVICES, Probe,
                            as_bytes, begins, device_to, has_first, hook_of,
                            is_local, reverse, words_of)
from walk_lab import LINKS, LOCAL

# and one of a range that rules name, beside those that are probed
PORTS = SERVICES + (OPEN_ANY, 5001)
EPHEMERAL = range(32768, 61000)
ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
# neighbours in the host's own networks, and somebody whom rules name
BESIDE = {4: ("192.0.2.7", "198.51.100.7", "203.0.113.9"),
          6: ("2001:db8:1::7", "2001:db8:2::7", "2001:db8:cc::9")}


@dataclasses.dataclass
class Failure:
    bound: int
    kind: str
    subject: object             # a Flow or a Probe
    text: str

    def __str__(self):
        return "bound %d, %s: %s\n    %s" % (self.bound, self.kind,
                                            self.subject, self.text)


class Original:
    """The ruleset with states, asked what it allows."""

    def __init__(self, host, afresh):
        self.host, self.afresh = host, afresh
        self.detours = {}       # from an address: those worth a try

    def lets(self, *packets):
        """Sent in a row: whether the last one came through."""
        return bool(self.all(packets)[-1])

    def all(self, packets):
        return self.host.passes([(p.device, as_bytes(p, self.host.number()))
                                 for p in packets])

    def resets(self, firsts):
        """Whether a rule answers one of them with a reset that comes out. What
        came through itself was answered by the host, which is no rule."""
        for first in firsts:
            packet = as_bytes(first, self.host.number())
            if first.device:
                self.host.inject(first.device, packet)
            else:
                self.host.emit(packet)
        seen = [(s.where, s.flags & 4, (s.src, s.dst, s.sport, s.dport))
                for s in self.host.settle()]
        through = {ends for _, reset, ends in seen if not reset}
        answers = {reverse(first).ends() for first in firsts
                   if first.ends() not in through}
        return any(where == "out" and reset and ends in answers
                   for where, reset, ends in seen)

    def alone(self, p):
        """Whether it passes with nothing before it."""
        self.afresh()
        return self.lets(p)

    def fits(self, p):
        """In which direction it belongs to something allowed, or None.
        Fragments alone come to nothing: their first is judged by its ports."""
        self.afresh()
        if p.part == "later":
            return "request"
        if p.about:
            return self._fits_error(p)
        if is_open_to(p):
            return "reply"          # the conversation is there
        if p.proto == build.TCP:
            return self._fits_tcp(p)
        if self.lets(reverse(p), p):
            return "reply"
        return "request" if has_no_ports(p) and self.alone(p) else None

    def _fits_tcp(self, p):
        """Flags that no stack sends are judged as the place they take."""
        plain = dataclasses.replace(p, bits=0x10)
        back = reverse(p)
        for way, first in (("request", dataclasses.replace(p, bits=2)),
                           # conntrack takes up what it did not see begin
                           ("request", plain), ("reply", back),
                           ("reply", dataclasses.replace(back, bits=0x10))):
            if not self.lets(first):
                continue
            self.host.forget()
            self.host.entry(p.version, build.TCP, first.ends())
            if self.lets(p) or self.lets(plain):
                return way
            self.host.forget()
        # where known connections are refused, but not those taken up: there
        # any segment but the first stands for one of a connection
        if self.lets(plain):
            return "request"
        return self._fits_reset(p) if p.bits & 4 and not p.device else None

    def _fits_reset(self, p):
        """A reset does not tell which rule's it is: any rule's will do."""
        far = [a for a, _ in afar(p.version)] + list(BESIDE[p.version])
        dsts = [p.src, *OWN[p.version], *far]
        for number, (bits, device) in enumerate(
                (b, d) for d in (None, *LINKS) for b in (2, 0x10)):
            for src in [p.src, p.dst, *far]:
                if is_local(src) and device:
                    continue
                # some rules reset only what does not begin, and some only
                # what comes by another way than answers to it take
                if self.resets([
                        Probe(version=p.version, proto=build.TCP, bits=bits,
                              src=src, dst=dst, sport=51000 + number,
                              dport=port, device=device or device_to(src))
                        for dst in dsts if dst != src
                        for port in (p.sport,) + PORTS]):
                    return "reply"
        return None

    def _fits_error(self, p):
        """About anything that its receiver says to anyone, or answers. What
        a rule rejects gets one, too, and that tells no rule."""
        for abouts in self._abouts(p):
            errors = [dataclasses.replace(p, about=a) for a in abouts]
            back = [reverse(a) for a in abouts]
            # or by another device than answers to it take
            for begun in (abouts, back, *(
                    [dataclasses.replace(b, device=d) for b in back
                     if b.device] for d in LINKS)):
                self.all(begun)
                if any(self.all(errors)):
                    return "reply"
            if not p.device and self._draws_error(p, abouts):
                return "reply"
        return self._fits_detour(p) if hook_of(p) == "INPUT" else None

    def _fits_detour(self, p):
        """Rules may let begin what no route of this host takes: they tell
        nothing of routes, and with another one it would pass."""
        ways = [(far, device) for far, usual in afar(p.version)
                for device in LINKS if device != usual]
        # those on which something has begun, for the next error
        ways = self.detours.setdefault(p.dst, ways)
        useful = []
        for far, device in ways:
            with self.host.detour(far, device):
                begun = list(conversations(p.dst, far, p.version))
                begins_so = any(self.all(begun))
                passed = begins_so and any(self.all(
                    [dataclasses.replace(p, about=a) for a in begun]))
                self.host.forget()
            if begins_so:
                useful.append((far, device))
            if passed:
                ways.remove((far, device))
                ways.insert(0, (far, device))
                return "reply"
        self.detours[p.dst] = useful
        return None

    def _draws_error(self, p, abouts):
        """From a rule, or from the kernel, which takes its error for one about
        a connection even where no rule would have forwarded the packet."""
        for about in abouts:
            if about.device:
                packet = as_bytes(about, self.host.number())
                self.host.inject(about.device, packet)
                self.host.inject(about.device, expiring(packet))
        return any(s.where == "out" and s.dst == p.dst and
                   s.kind in ERRORS[p.version] for s in self.host.settle())

    @staticmethod
    def _abouts(p):
        yield [p.about]
        fars = [p.about.dst, p.src, *(a for a, _ in afar(p.version)),
                *BESIDE[p.version], *OWN[p.version]]
        for far in fars:
            if device_to(far) != device_to(p.dst):
                yield list(conversations(p.dst, far, p.version))


def expiring(packet):
    """The same, which nobody may forward any more."""
    if packet[0] >> 4 == 6:
        return packet[:7] + b"\1" + packet[8:]
    head = packet[:8] + b"\1" + packet[9:10] + b"\0\0" + packet[12:20]
    return head[:10] + struct.pack("!H", build.checksum(head)) + \
        head[12:] + packet[20:]


def afar(version):
    """Somebody in each of the networks, and behind which device."""
    return [(peer(version, device, net, 99), device) for device, net in (
        ("eth0", 2), ("eth0", 3), ("lan0", 5), ("lan0", 6), ("eth1", 5),
        ("eth1", 6))]


def conversations(src, dst, version):
    """A packet of each kind of conversation of these two, as begun by src."""
    common = dict(version=version, src=src, dst=dst, device=device_to(src))
    for proto in (build.TCP, build.UDP):
        for number, port in enumerate(PORTS):
            yield Probe(proto=proto, bits=2, sport=52000 + number, dport=port,
                        **common)
            yield Probe(proto=proto, bits=2, sport=port, dport=53000 + number,
                        **common)
    # an echo's answer has begun when its reverse has
    for kind in (128, 129) if version == 6 else (8, 0):
        yield Probe(proto=PROTOS[version], kind=kind, sport=4711, **common)
    for proto in (build.GRE, build.ESP, build.SCTP):
        yield Probe(proto=proto, **common)


def has_no_ports(p):
    return p.proto in (build.GRE, build.ESP)


def later_of(flow, was, now):
    """The packet of a conversation that is newly let in after its first, which
    passed; None: something else has changed. Nothing says of it that it is a
    later one, where they are refused, and first ones are not."""
    if flow.kind in ("udp_server", "udp_forward") and \
            was[-1:] == ["no request"] and \
            now == was[:-1] + was[:-1]:
        return first_of(flow)
    if flow.kind in ("other_client", "other_forward") and \
            was[1:] == ["no answer"] and now == was[:1] + ["answer"]:
        return reverse(first_of(flow))
    return None


def reset_of(flow, was, now):
    """The reset that refuses a connection, as it was refused before, and is
    heard of now; None: something else has changed."""
    if flow.kind not in ("tcp_forward", "tcp_server") or \
            was != ["no syn"] or now != ["no syn", "tcp-RA"]:
        return None
    return Probe(version=flow.version, proto=build.TCP, bits=0x14,
                 src=flow.there if flow.kind == "tcp_forward" else flow.own,
                 dst=flow.peer, sport=flow.port, dport=flow.sport)


def reset_heard(flow, was, now):
    """The SYN on loopback that a rule resets, as it did before, when the
    program waited for it in vain; None: something else has changed."""
    if flow.kind != "local" or not flow.variant.startswith("tcp") or \
            was != ["program: waits"] or now != ["program: ECONNREFUSED"]:
        return None
    return dataclasses.replace(first_of(flow), proto=build.TCP, bits=2)


def may_answer(flow, was, now):
    """Whether the difference is a first datagram newly let in. No datagram says
    that it is the first: it may pass for an answer."""
    if flow.kind == "local":
        return flow.variant.startswith("udp") and "program: EPERM" in was
    first = {"udp_client": "udp", "udp_server": "request", "traceroute":
             "probe", "udp_forward": "request"}.get(
                 flow.kind, "proto-" + flow.variant)
    return now[:1] == [first] and first not in was


def first_of(flow):
    proto = int(flow.variant) if flow.kind.startswith("other") else \
        build.UDP
    client = flow.kind.endswith("client") or flow.kind == "traceroute"
    sport, dport = flow.sport, flow.port
    if flow.kind == "local":
        own = flow.own if flow.variant.endswith("own") else \
            LOCAL[flow.version]
        return Probe(version=flow.version, proto=build.UDP, src=own, dst=own,
                     sport=45000, dport=flow.port)
    if flow.kind == "udp_client":
        sport = 500 if flow.variant.startswith("low") else 45000
    elif flow.kind == "traceroute":
        dport = 33434
    return Probe(version=flow.version, proto=proto,
                 src=flow.own if client else flow.peer,
                 dst=flow.there if flow.kind.endswith("forward") else
                 flow.peer if client else flow.own,
                 sport=sport, dport=dport,
                 device="" if client else flow.device)


def is_open_to(p):
    """From the peer of the socket that is connected, to it."""
    return (p.proto, p.src, p.sport, p.dport) == (
        build.UDP, OPEN_TO[1][p.version == 6], OPEN_TO[2], OPEN_TO[0]) and \
        hook_of(p) == "INPUT"


def has_socket(p, written):
    """Whether an answer has somewhere to go: tcp has no connection here."""
    if p.proto != build.UDP:
        return p.proto != build.TCP
    if p.dport == OPEN_TO[0]:
        return is_open_to(p)
    if p.dport == OPEN_ANY:
        return True
    return p.dport in UDP_PORTS and p.src in written


class Judge:
    """announced(hook, version) -> words; loses(version, what) -> whether that
    was said to be lost; `complete`: no rule was left with its states."""

    def __init__(self, before, after, announced, loses=None, complete=True):
        self.before, self.after = before, after
        self.announced = announced
        self.loses = loses or (lambda version, what: False)
        self.complete = complete
        self.original = None
        self.tally = {"flows": 0, "passed": 0, "probes": 0, "gained": 0,
                      "strays lost": 0}
        self.failures = []
        # newly let in: packets that begin a flow, or refuse it; and flows
        # that differ by what the original has to be asked about
        self.firsts, self.late = [], []

    def fail(self, bound, kind, subject, text):
        self.failures.append(Failure(bound, kind, subject, text))

    def flows(self, flows):
        """Each host plays all before the other begins."""
        left, right = ([rewrite_flows.play(host, flow) for flow in flows]
                       for host in (self.before, self.after))
        for flow, (was, strays), (now, others) in zip(flows, left, right):
            self.tally["flows"] += 1
            self.tally["passed"] += not any(
                w.startswith("no ") or w == "program: waits" for w in was)
            if was != now and may_answer(flow, was, now):
                self.firsts.append(first_of(flow))
            elif was != now and reset_of(flow, was, now):
                self.firsts.append(reset_of(flow, was, now))
            elif was != now and (later_of(flow, was, now) or
                                 reset_heard(flow, was, now)):
                self.late.append((flow, was, now))
            elif was != now and not self._forgiven(flow, was, now):
                self._fail_flow(flow, was, now)
            yield from ((flow, one, two) for one, two in zip(strays, others)
                        if two[1] and not one[1])

    def _fail_flow(self, flow, was, now):
        self.fail(1, "a conversation goes otherwise", flow,
                  "before: %s\n    after:  %s" % (was, now))

    def _judge_late(self, flow, was, now):
        """The original has to let in the later packet as a first one, or to
        send the same reset."""
        later = later_of(flow, was, now)
        self.tally["gained"] += 1
        self.original.afresh()
        if not (self.original.alone(later) if later else
                self.original.resets([reset_heard(flow, was, now)]) and
                "tcp-noninitial" in self.announced("INPUT", flow.version)):
            self._fail_flow(flow, was, now)

    def _forgiven(self, flow, was, now):
        """Answers of other protocols may be lost, if that was said, and what
        is rejected in fragments may get no answer."""
        if flow.variant.endswith("big") and self.loses(flow.version, "reject") and \
                now == [w for w in was if not w.startswith("icmp-")] and \
                set(now) <= {"no request", "no echo-request"}:
            return True
        return flow.kind.startswith("other_") and \
            self.loses(flow.version, "proto") and len(was) == len(now) == 2 and \
            was[0] == now[0]

    def strays(self, found):
        for flow, _, (packet, _, connected) in found:
            probe = Probe(**dataclasses.asdict(packet))
            self.tally["gained"] += 1
            if not connected and (probe.dport in EPHEMERAL or
                                  probe.src == flow.peer):
                self._judge_gain(probe, has=True)
            else:
                self.fail(3, "no open socket", probe, "beside " + str(flow))

    def probes(self, probes):
        sent = [(p.device, p) for p in probes]
        was, now = ([bool(s) for s in host.passes([
            (device, as_bytes(p, host.number())) for device, p in sent])]
            for host in (self.before, self.after))
        written = {p.dst for p in probes
                   if not p.device and p.proto == build.UDP}
        self.tally["probes"] += len(probes)
        for p, one, two in zip(probes, was, now):
            if one and not two:
                self._judge_loss(p)
            elif two and not one:
                self.tally["gained"] += 1
                if begins(p) and has_first(p):
                    self.fail(1, "begins now", p, "let through")
                else:
                    self._judge_gain(p, has_socket(p, written))

    def _judge_loss(self, p):
        """Protocols without ports have one connection for two addresses: what
        does not pass alone has answered a probe before it, and that answers
        of such protocols are lost was to be said."""
        if begins(p) and not (has_no_ports(p) and
                              self.loses(p.version, "proto") and
                              not self.original.alone(p)):
            self.fail(1, "cannot begin", p, "lost")
        else:
            self.tally["strays lost"] += 1

    def _judge_gain(self, p, has):
        hook = hook_of(p)
        words = words_of(p)
        if p.proto == PROTOS[p.version] and p.kind in ROUTERS[p.version]:
            self.fail(2, "a router's word", p, "let through in " + hook)
            return
        way = self.original.fits(p)
        if not way:
            self.fail(2, "fits into nothing", p, "let through in " + hook)
        elif hook == "INPUT" and way == "reply" and not has:
            self.fail(3, "no open socket", p, "an answer to nobody")
        known = self.announced(hook, p.version)
        if not words & known:
            self.fail(4, "unannounced", p, "%s in %s; announced: %s" % (
                "/".join(sorted(words)), hook, sorted(known)))

    def run(self, flows, probes, afresh):
        """afresh(): the original as at its beginning."""
        self.original = Original(self.before, afresh)
        self.after.events.take(0)
        found = list(self.flows(flows))
        for host in (self.before, self.after):
            host.forget()
        self.probes(probes)
        entries = self.after.events.take(0)
        if entries and self.complete:
            self.fail(4, "entries", "%d entries" % len(entries), entries[0])
        self.strays(found)
        for probe in self.firsts:
            self.tally["gained"] += 1
            self._judge_gain(probe, has_socket(probe, ()))
        for flow, was, now in self.late:
            self._judge_late(flow, was, now)
        return self.failures
