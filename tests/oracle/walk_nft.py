# SPDX-License-Identifier: GPL-2.0-or-later
"""Random native nftables rulesets.

A table is {"family", "name", "objects": [text], "chains": {name: {"base":
text or "", "rules": [text]}}}: a form that is easily made smaller. Rules are
what nft 1.0.6 takes; chains jump to later ones alone, so there is no loop.
"""
import re

import walk_pool as pool

FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
PRIORITIES = ("-450", "raw", "raw", "-299", "-150", "-10", "filter + 5",
              "filter + 5", "7", "50", "security + 5", "300")
STATES = ("new", "established", "related", "invalid", "untracked")
FLAG_NAMES = ("fin", "syn", "rst", "psh", "ack", "urg")
WITH_PORTS = tuple(pool.PORTED) + ("th",)


def _spare_fused(parts):
    """nft 1.0.6 makes one comparison of neighbours such as `tcp sport != 1` and
    `tcp dport != 2`: not (both), where neither was meant. One stays."""
    seen, kept = set(), []
    for part in parts:
        header = re.match(r"(\w+) (\w+ )?\w+ != [^{@]", part)
        if header and header[1] in seen:
            continue
        if header:
            seen.add(header[1])
        kept.append(part)
    return kept


class Table:
    def __init__(self, rng, family, number):
        self.rng, self.family, self.number = rng, family, number
        self.name = "t%d" % number
        self.objects, self.chains = [], {}
        self.tracks = rng.random() < 0.6
        self.regular = ["c%d" % k for k in range(rng.randrange(6))]
        self.count = 0

    # ---- sets
    def _new(self, prefix):
        self.count += 1
        return "%s%d" % (prefix, self.count)

    def _object(self, word, name, kind, flags, elements):
        text = "%s %s { type %s; " % (word, name, kind)
        if flags:
            text += "flags interval; "
        self.objects.append(text + (
            "elements = { %s }; }" % ", ".join(elements) if elements
            else "}"))
        return "@" + name

    def _some(self, values, low=1):
        values = list(values)
        return self.rng.sample(values, self.rng.randint(
            low, min(len(values), 5)))

    def _addresses(self, version):
        """(elements, are they intervals)"""
        if self.rng.random() < 0.5:
            return self._some(pool.ADDRESSES[version]), False
        return self._some(pool.NETWORKS[version]), True

    def _ports(self):
        if self.rng.random() < 0.5:
            return [str(p) for p in self._some(pool.PORTS)], False
        return ["%d-%d" % span for span in self._some(pool.SPANS)], True

    def _set(self, kind, made):
        """Anonymous or named, of (elements, intervals)."""
        elements, interval = made
        if self.rng.random() < 0.5:
            return "{ %s }" % ", ".join(elements)
        if self.rng.random() < 0.05:
            elements = []
        return self._object("set", self._new("s"), kind, interval, elements)

    def _value(self, one, kind, many):
        """Compared with one value, or with a set of them, or negated."""
        sign = "!= " if self.rng.random() < 0.2 else ""
        return sign + (one() if self.rng.random() < 0.5
                       else self._set(kind, many()))

    # ---- matches
    def matches(self, version, proto, hook):
        rng = self.rng
        kinds = [self._address, self._address, self._device, self._mark,
                 self._fib, self._family]
        if proto in WITH_PORTS:
            kinds += [self._port] * 6 + [self._both] * 2
        if proto == "tcp":
            kinds += [self._flags] * 3
        if proto == "icmp":
            kinds += [self._icmp] * 6
        if self.tracks:
            kinds += [self._state] * 4
        made = [rng.choice(kinds)(version, proto, hook)
                for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3)))]
        if proto == "th":
            made.insert(0, "meta l4proto { tcp, udp }")
        elif rng.random() < 0.15:
            made.insert(0, self._proto(version, proto))
        if rng.random() < 0.02:
            made.append(rng.choice((
                "limit rate 100000/second burst 100000 packets",
                "meta length 0-65535", "meta cpu 0-1000")))
        return [text for text in made if text]

    def _address(self, version, _proto, _hook):
        word = "ip6" if version == 6 else "ip"
        side = self.rng.choice(("saddr", "daddr"))
        return "%s %s %s" % (word, side, self._value(
            lambda: pool.networks(self.rng, version), "ipv%d_addr" % version,
            lambda: self._addresses(version)))

    def _port(self, _version, proto, _hook):
        side = self.rng.choice(("sport", "dport", "dport"))
        return "%s %s %s" % (proto, side, self._value(
            self._one_port, "inet_service", self._ports))

    def _one_port(self):
        if self.rng.random() < 0.6:
            return str(pool.port(self.rng))
        return "%d-%d" % self.rng.choice(pool.SPANS)

    def _both(self, version, proto, _hook):
        """Concatenations."""
        rng = self.rng
        word = "ip6" if version == 6 else "ip"
        side, end = rng.choice(("saddr", "daddr")), rng.choice(
            ("sport", "dport"))
        if proto == "th" and rng.random() < 0.5:
            return "meta l4proto . th %s { %s }" % (end, ", ".join(
                "%s . %s" % (rng.choice(("tcp", "udp")), p)
                for p in self._some(pool.PORTS)))
        return "%s %s . %s %s %s" % (
            word, side, proto, end, self._pairs_set(version))

    def _pairs(self, version, interval):
        rng = self.rng
        hosts = pool.NETWORKS[version] if interval else \
            pool.ADDRESSES[version]
        ports = ["%d-%d" % s for s in pool.SPANS] if interval else \
            [str(p) for p in pool.PORTS]
        return sorted({"%s . %s" % (rng.choice(hosts), rng.choice(ports))
                       for _ in range(rng.randint(1, 6))})

    def _pairs_set(self, version):
        interval = self.rng.random() < 0.5
        sign = "!= " if self.rng.random() < 0.15 else ""
        return sign + self._set("ipv%d_addr . inet_service" % version,
                                (self._pairs(version, interval), interval))

    def _flags(self, _version, _proto, _hook):
        rng = self.rng
        some = self._some(FLAG_NAMES)[:3]
        mask = sorted(set(some + self._some(FLAG_NAMES)))
        both = " | ".join(some), " | ".join(mask)
        return "tcp flags " + rng.choice((
            "syn", rng.choice(FLAG_NAMES), ",".join(some),
            "== " + both[0] if len(some) > 1 else "== " + both[0],
            "!= " + some[0],
            "& (%s) == %s" % (both[1], some[0]),
            "& (fin | syn | rst | ack) == syn",
            "& (fin | syn | rst | ack) != syn",
            "& (%s) == 0" % both[1], "& (%s) != 0" % both[1],
            "{ syn, syn | ack, ack, rst | ack }",
            "!= { syn, ack }"))

    def _icmp(self, version, _proto, _hook):
        rng = self.rng
        word = "icmpv6" if version == 6 else "icmp"
        names = pool.ICMP_NAMES[version]
        what = rng.random()
        if what < 0.2:
            return "%s code %s%s" % (word, rng.choice(("", "!= ")),
                                     rng.choice("013"))
        if what < 0.35:
            kind = rng.choice((1, 3))
            return "%s type %d %s code %s" % (word, kind, word,
                                              rng.choice("01"))
        sign = "!= " if rng.random() < 0.2 else ""
        if what < 0.7:
            return "%s type %s%s" % (word, sign,
                                     rng.choice(list(names.values())))
        return "%s type %s{ %s }" % (word, sign, ", ".join(
            self._some(names.values())))

    def _state(self, _version, _proto, _hook):
        rng = self.rng
        some = self._some(STATES)[:3]
        words = ",".join(some)
        return rng.choice((
            "ct state " + words, "ct state " + words, "ct state " + some[0],
            "ct state { %s }" % words, "ct state != " + words,
            "ct state != { %s }" % words, "ct state ! " + words,
            "ct state & (%s) == 0" % " | ".join(some),
            "ct state & (%s) != 0" % " | ".join(some),
            "ct state == " + some[0], "ct state != " + some[0]))

    def _device(self, _version, _proto, hook):
        rng = self.rng
        choices = ["iifname"] if hook in ("prerouting", "input") else \
            ["oifname"] if hook in ("output", "postrouting") else \
            ["iifname", "oifname"]
        if rng.random() < 0.05:
            choices = ["iifname", "oifname"]
        word, what = rng.choice(choices), rng.random()
        sign = "!= " if rng.random() < 0.2 else ""
        if what < 0.5:
            return '%s %s"%s"' % (word, sign, rng.choice(pool.DEVICES))
        if what < 0.7:
            return '%s %s"%s"' % (word, sign, rng.choice(
                ("eth*", "e*", "lan*", "l*")))
        if what < 0.8:
            return '%s %s"lo"' % (word[:3], sign)
        return "%s %s{ %s }" % (word, sign, ", ".join(
            '"%s"' % name for name in self._some(pool.DEVICES)))

    def _mark(self, _version, _proto, _hook):
        rng = self.rng
        value = rng.choice(pool.MARKS)
        return "meta mark " + rng.choice((
            "%d" % value, "%d" % value, "!= %d" % value, "1-16",
            "{ 1, 16-32 }", "!= { 0, 2 }", "& 0xff == %d" % (value & 0xff),
            "& 0xf0 != 0x10", "& 0x1 == 1"))

    def _fib(self, _version, _proto, _hook):
        return "fib %s type %s" % (self.rng.choice(("saddr", "daddr")),
                                   self.rng.choice((
                                       "local", "!= local", "unicast",
                                       "{ local, broadcast, multicast }",
                                       "!= { unicast, local }")))

    def _family(self, version, _proto, _hook):
        return "meta nfproto ipv%d" % version if self.family == "inet" else ""

    def _proto(self, version, proto):
        """A rule that names ports allows no other protocol."""
        if not proto:
            return "meta l4proto " + self.rng.choice((
                "tcp", "gre", "esp", "!= tcp", "!= udp", "{ tcp, gre }",
                "!= { tcp, udp }", "{ tcp, udp, icmp, ipv6-icmp }"))
        return "meta l4proto " + {
            "icmp": "ipv6-icmp" if version == 6 else "icmp"}.get(proto, proto)

    # ---- what a rule does
    def _jumps(self, after):
        return self.regular[after:]

    def verdict(self, hook, after, early):
        rng = self.rng
        what = rng.random()
        later = self._jumps(after)
        if what < 0.22:
            return "accept"
        if what < (0.25 if early else 0.34):
            return "drop"
        if what < 0.38 and hook in ("input", "forward", "output"):
            return rng.choice(("reject", "reject", "drop"))
        if what < 0.46:
            return "return"
        if what < 0.66 and later:
            return "jump " + rng.choice(later)
        if what < 0.71 and later:
            return "goto " + rng.choice(later)
        if what < 0.80:
            return "meta mark set " + rng.choice((
                "1", "0x10", "0xff00", "0", "meta mark | 0x10",
                "meta mark & 0xffff00ff", "meta mark ^ 0x1"))
        if what < (0.9 if early else 0.82):
            return "notrack"
        return rng.choice(("", "", "continue", 'log prefix "x"'))

    def _map_verdict(self, after, early):
        rng, later = self.rng, self._jumps(after)
        return rng.choice(["accept", "return", "continue",
                           "accept" if early else "drop"] +
                          ["jump " + name for name in later[:2]] +
                          ["goto " + name for name in later[:1]])

    def vmap(self, version, proto, hook, after, early):
        rng = self.rng
        verdict = lambda: self._map_verdict(after, early)
        word = "ip6" if version == 6 else "ip"
        what = rng.random()
        if what < 0.35 and proto in WITH_PORTS:
            key, kind = "%s %s" % (proto, rng.choice(("sport", "dport"))), \
                "inet_service"
            elements, interval = self._ports()
        elif what < 0.5 and proto in pool.PORTED:
            interval = rng.random() < 0.5
            key, kind = "%s %s . %s %s" % (
                word, rng.choice(("saddr", "daddr")), proto,
                rng.choice(("sport", "dport"))), \
                "ipv%d_addr . inet_service" % version
            elements = self._pairs(version, interval)
        elif what < 0.65 and self.tracks:
            elements, interval = self._some(STATES), False
            key, kind = "ct state", ""
        elif what < 0.8:
            elements, interval = ['"%s"' % d for d in
                                  self._some(pool.DEVICES)], False
            key, kind = ("iifname" if hook in ("prerouting", "input") else
                         "oifname"), "ifname"
        else:
            key, kind = "%s %s" % (word, rng.choice(("saddr", "daddr"))), \
                "ipv%d_addr" % version
            elements, interval = self._addresses(version)
        elements = ["%s : %s" % (e, verdict()) for e in elements]
        if kind and rng.random() < 0.4:
            return "%s vmap %s" % (key, self._object(
                "map", self._new("m"), kind + " : verdict", interval,
                elements))
        return "%s vmap { %s }" % (key, ", ".join(elements))

    def rule(self, hook, after, early):
        rng = self.rng
        version = rng.choice(FAMILIES[self.family])
        proto = rng.choice(("tcp", "tcp", "udp", "udp", "icmp", "", "",
                            "sctp", "udplite", "dccp", "gre", "esp", "th"))
        parts = self.matches(version, proto, hook)
        if rng.random() < 0.2:
            parts.append("counter")
        if rng.random() < 0.12:
            parts.append(self.vmap(version, proto, hook, after, early))
        else:
            parts.append(self.verdict(hook, after, early))
        text = " ".join(part for part in _spare_fused(parts) if part)
        return text or "counter"

    # ---- chains
    def fill(self, hooks, taken):
        rng = self.rng
        for index, name in enumerate(self.regular):
            self.chains[name] = {"base": "", "rules": [
                self.rule("", index + 1, False)
                for _ in range(rng.randrange(7))]}
        for hook in hooks:
            # in a tie, only the kernel knows the order
            priority = rng.choice([p for p in PRIORITIES
                                   if (hook, p) not in taken])
            taken.add((hook, priority))
            early = hook in ("prerouting", "output") and \
                priority in PRIORITIES[:4]
            policy = "drop" if rng.random() < (0.05 if early else 0.25) \
                else "accept"
            name = "b%d" % len(self.chains)
            self.chains[name] = {
                "base": "type filter hook %s priority %s; policy %s;" % (
                    hook, priority, policy),
                "rules": [self.rule(hook, 0, early)
                          for _ in range(rng.randrange(10))]}
        return {"family": self.family, "name": self.name,
                "objects": self.objects, "chains": self.chains}


def tables(rng):
    made, taken = [], set()
    for number in range(rng.choice((1, 1, 2, 2, 3))):
        table = Table(rng, rng.choice(list(FAMILIES)), number)
        hooks = [hook for hook in ("prerouting", "input", "forward",
                                   "output", "postrouting", "input",
                                   "output") if rng.random() < 0.5]
        made.append(table.fill(hooks or ["input"], taken))
    return made


def as_text(made):
    text = ""
    for table in made:
        text += "table %s %s {\n" % (table["family"], table["name"])
        # declared first, as rules may jump ahead
        text += "".join("\t%s\n" % line for line in table["objects"])
        for name, chain in table["chains"].items():
            text += "\tchain %s {\n" % name
            if chain["base"]:
                text += "\t\t%s\n" % chain["base"]
            text += "".join("\t\t%s\n" % rule for rule in chain["rules"])
            text += "\t}\n"
        text += "}\n"
    return text
