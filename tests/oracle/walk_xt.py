# SPDX-License-Identifier: GPL-2.0-or-later
"""Random iptables rulesets, for iptables-restore of either kind.

The rules of one version are {table: {"chains": {name: policy or "-"},
"rules": ["-A ..."]}}. Chains jump to later ones alone.
"""
import walk_pool as pool

HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
# what clears a legacy world, which keeps tables once it has them
EMPTY = {table: {"chains": dict.fromkeys(hooks, "ACCEPT"), "rules": []}
         for table, hooks in HOOKS.items()}
STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
CTSTATES = STATES + ("DNAT", "SNAT")
FLAG_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


def priority(table, chain):
    """linux/netfilter_ipv4.h"""
    if table == "nat":
        return -100 if chain in ("PREROUTING", "OUTPUT") else 100
    return {"raw": -300, "mangle": -150, "filter": 0,
            "security": 50}.get(table)


class Rules:
    def __init__(self, rng, version):
        self.rng, self.version = rng, version
        self.tracks = rng.random() < 0.6

    def _not(self, chance=0.2):
        return "! " if self.rng.random() < chance else ""

    # ---- matches
    def matches(self, chain):
        rng = self.rng
        proto = rng.choice(("tcp", "tcp", "udp", "udp", "icmp", "", "", "",
                            "sctp", "udplite", "dccp", "gre", "esp"))
        parts = []
        if rng.random() < 0.3:
            parts.append(self._network("-s"))
        if rng.random() < 0.3:
            parts.append(self._network("-d"))
        if rng.random() < 0.3:
            parts.append(self._device(chain))
        if proto:
            parts.append(self._proto(proto))
            if parts[-1].startswith("!"):
                proto = ""
        elif rng.random() < 0.05:
            parts.append("-p 47")
        kinds = [self._mark, self._type, self._iprange, self._set]
        kinds += {"icmp": [self._icmp] * 8, "tcp": [self._port] * 6 +
                  [self._flags] * 6, "": []}.get(
                      proto, [self._port] * 8
                      if proto in pool.PORTED else [])
        if self.tracks:
            kinds += [self._state] * 4
        used = set()
        for _ in range(rng.choice((0, 1, 1, 1, 2, 2))):
            kind = rng.choice(kinds)
            if kind not in used:
                used.add(kind)
                parts.append(kind(proto))
        if rng.random() < 0.02:
            parts.append(rng.choice((
                "-m limit --limit 10000/second --limit-burst 10000",
                "-m length --length 0:65535", "-m comment --comment \"a b\"",
                "-m statistic --mode nth --every 1 --packet 0")))
        return [part for part in parts if part]

    def _network(self, option):
        """-s and -d know no ranges; iprange does."""
        rng = self.rng
        value = rng.choice(pool.ADDRESSES[self.version] if rng.random() < 0.5
                           else pool.NETWORKS[self.version])
        return "%s%s %s" % (self._not(), option, value)

    def _iprange(self, _proto):
        return "-m iprange %s--%s-range %s" % (
            self._not(), self.rng.choice(("src", "dst")),
            self.rng.choice(pool.RANGES[self.version]))

    def _set(self, _proto):
        name, sides = self.rng.choice(list(pool.SET_SIDES.items()))
        if name != "ports":
            name += str(self.version)
        return "-m set %s--match-set %s %s" % (
            self._not(), name, ",".join(self.rng.choice(("src", "dst"))
                                        for _ in range(sides)))

    def _device(self, chain):
        rng = self.rng
        option = "-i" if chain in ("PREROUTING", "INPUT") else \
            "-o" if chain in ("OUTPUT", "POSTROUTING") else \
            rng.choice(("-i", "-o"))
        name = rng.choice(pool.DEVICES + ("eth+", "e+", "l+", "+"))
        # "! -i +" matches nothing, and iptables-save leaves it out
        return "%s%s %s" % (self._not() if name != "+" else "", option, name)

    def _proto(self, proto):
        if proto == "icmp" and self.version == 6:
            proto = "ipv6-icmp"
        if self.rng.random() < 0.08:
            return "! -p " + proto
        return "-p " + proto

    def _port(self, proto):
        rng = self.rng
        side = rng.choice(("sport", "dport", "dport"))
        # the module of udplite's own ports is in no kernel's table
        if proto == "udplite" or proto != "dccp" and rng.random() < 0.4:
            side = rng.choice((side + "s", side + "s", "ports"))
            ports = rng.sample([str(p) for p in pool.PORTS] +
                               ["%d:%d" % span for span in pool.SPANS],
                               rng.randint(1, 5))
            return "-m multiport %s--%s %s" % (self._not(), side,
                                               ",".join(ports))
        value = str(pool.port(rng)) if rng.random() < 0.6 else \
            rng.choice(["%d:%d" % span for span in pool.SPANS] +
                       [":1023", "1024:"])
        return "-m %s %s--%s %s" % (proto, self._not(), side, value)

    def _flags(self, _proto):
        rng = self.rng
        if rng.random() < 0.4:
            return "-m tcp %s--syn" % self._not(0.4)
        mask = rng.sample(FLAG_NAMES, rng.randint(1, 5))
        some = [flag for flag in mask if rng.random() < 0.4]
        return "-m tcp %s--tcp-flags %s %s" % (
            self._not(), ",".join(mask), ",".join(some) or "NONE")

    def _icmp(self, _proto):
        rng = self.rng
        name = "icmpv6" if self.version == 6 else "icmp"
        module = "icmp6" if self.version == 6 else "icmp"
        kinds = list(pool.ICMP_NAMES[self.version])
        value = rng.choice([str(kind) for kind in kinds] +
                           ["%d/%d" % (kinds[0], 1), "1/0", "3/1"])
        if self.version == 4 and rng.random() < 0.05:
            value = "any"
        return "-m %s %s--%s-type %s" % (module, self._not(), name, value)

    def _state(self, _proto):
        rng = self.rng
        if rng.random() < 0.3:
            return "-m state %s--state %s" % (
                self._not(), ",".join(rng.sample(STATES, rng.randint(1, 3))))
        some = ",".join(rng.sample(CTSTATES, rng.randint(1, 3)))
        return "-m conntrack %s--ctstate %s" % (self._not(), some)

    def _mark(self, _proto):
        rng = self.rng
        value = rng.choice(pool.MARKS)
        if rng.random() < 0.5:
            return "-m mark %s--mark %d" % (self._not(), value)
        mask = rng.choice((0xff, 0xf0, 1, 0xffff))
        return "-m mark %s--mark %#x/%#x" % (self._not(), value & mask, mask)

    def _type(self, _proto):
        rng = self.rng
        return "-m addrtype %s--%s-type %s" % (
            self._not(), rng.choice(("src", "dst")),
            rng.choice(("LOCAL", "LOCAL", "UNICAST", "MULTICAST",
                        "LOCAL,MULTICAST", "UNICAST,MULTICAST") +
                       (("BROADCAST", "LOCAL,BROADCAST")
                        if self.version == 4 else ())))

    # ---- what a rule does
    def target(self, table, later):
        rng, what = self.rng, self.rng.random()
        if what < 0.22:
            return "-j ACCEPT"
        if what < (0.25 if table in ("raw", "nat") else 0.35):
            return "-j DROP" if table != "nat" else ""
        if what < 0.40 and table == "filter":
            return rng.choice((
                "-j REJECT", "-j REJECT --reject-with " + (
                    "icmp6-adm-prohibited" if self.version == 6
                    else "icmp-host-unreachable")))
        if what < 0.49:
            return "-j RETURN"
        if what < 0.69 and later:
            return "-j " + rng.choice(later)
        if what < 0.74 and later:
            return "-g " + rng.choice(later)
        if what < 0.84 and table == "mangle":
            return "-j MARK " + rng.choice((
                "--set-mark 1", "--set-xmark 0x10/0xffffffff",
                "--or-mark 0x10", "--and-mark 0xff00", "--xor-mark 0x1",
                "--set-mark 0x2/0xff", "--set-xmark 0x3/0x0"))
        if what < 0.84 and table == "raw":
            return "-j " + rng.choice(("NOTRACK", "CT --notrack"))
        if what < 0.86:
            return "-j LOG --log-prefix x"
        return ""

    def tables(self, compat):
        """iptables-nft hooks `security` behind the nat chains (150, not 50),
        which its text does not say: text has no right order there."""
        rng, made = self.rng, {}
        for table, hooks in HOOKS.items():
            if compat and table == "security":
                continue
            if rng.random() < (0.25 if table == "filter" else
                               0.85 if table == "nat" else 0.6):
                continue
            made[table] = self._table(table, hooks)
        return made or {"filter": self._table("filter", HOOKS["filter"])}

    def _table(self, table, hooks):
        rng = self.rng
        early = table in ("raw", "nat")
        names = ["sub%d" % k for k in range(rng.randrange(5))]
        chains = {hook: "DROP" if rng.random() < (
            0 if early else 0.2) else "ACCEPT" for hook in hooks}
        chains.update((name, "-") for name in names)
        rules = []
        for chain in chains:
            later = names[names.index(chain) + 1:] if chain in names \
                else names
            # of the chain's module: see what hook it is called from
            for _ in range(rng.randrange(8)):
                rules.append(" ".join(part for part in [
                    "-A " + chain, *self.matches(chain),
                    self.target(table, later)] if part))
        return {"chains": chains, "rules": rules}


def as_text(tables):
    return "".join("*%s\n%s%sCOMMIT\n" % (
        name, "".join(":%s %s [0:0]\n" % pair
                      for pair in table["chains"].items()),
        "".join(rule + "\n" for rule in table["rules"])) for name, table in tables.items())
