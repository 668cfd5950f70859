# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of no dialect, and what they look like in each.

A Rule's addresses are numbers of NETS, so that one ruleset serves both
families. A field that begins with "!" is negated.
"""
import dataclasses

NETS = {
    4: ["10.1.2.0/24", "10.1.0.0/16", "172.16.0.0/12", "203.0.113.0/24",
        "203.0.113.9/32", "198.51.100.0/24", "172.16.5.0/24"],
    6: ["2001:db8:aa:2::/64", "2001:db8:aa::/48", "2001:db8:bb::/48",
        "2001:db8:cc::/48", "2001:db8:cc::9/128", "2001:db8:2::/64",
        "2001:db8:bb:5::/64"],
}
HOOKS = ("INPUT", "FORWARD", "OUTPUT")
ALL_STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
# name -> (IPv4, IPv6); None: the family has no such thing
ICMP = {"echo-request": (8, 128), "echo-reply": (0, 129),
        "unreachable": (3, 1), "too-big": (None, 2), "time-exceeded": (11, 3),
        "problem": (12, 4), "rs": (None, 133), "ra": (None, 134),
        "ns": (None, 135), "na": (None, 136)}
REJECTS = {
    "": ("", "", "reject"),
    "port": ("--reject-with icmp-port-unreachable",
             "--reject-with icmp6-port-unreachable", "reject"),
    "prohibited": ("--reject-with icmp-admin-prohibited",
                   "--reject-with icmp6-adm-prohibited",
                   "reject with icmp{6} type admin-prohibited"),
    "reset": ("--reject-with tcp-reset", "--reject-with tcp-reset",
              "reject with tcp reset"),
}


@dataclasses.dataclass(frozen=True)
class Rule:
    target: str                 # ACCEPT DROP REJECT[:kind] RETURN LOG, a chain
    iif: str = ""
    oif: str = ""
    src: str = ""
    dst: str = ""
    proto: str = ""             # tcp udp icmp gre esp
    sport: str = ""             # 53, 1000:2000, 22,80
    dport: str = ""
    icmp: str = ""
    syn: str = ""               # "yes", "no"
    states: tuple = ()
    but: bool = False           # all states but these
    mode: str = ""              # how a text writes the states
    limit: str = ""             # burst
    goto: bool = False
    only: int = 0               # of one family

    def is_final(self):
        return self.target not in ("LOG", "RETURN")


@dataclasses.dataclass
class Ruleset:
    policies: dict              # hook -> ACCEPT, DROP
    chains: dict                # name -> [Rule]; those of the hooks first
    layout: str = "inet"        # or "split": ip and ip6
    state_word: str = "conntrack"
    table: str = "filter"       # or mangle, security, which reject nothing

    def move(self, table):
        self.table = table
        for name, rules in self.chains.items():
            self.chains[name] = [
                dataclasses.replace(r, target="DROP")
                if r.target.startswith("REJECT") else r for r in rules]

    def size(self):
        return sum(map(len, self.chains.values()))

    def hooks_of(self, chain):
        """From which hooks packets come to it."""
        found = {chain} & set(HOOKS)
        for hook in HOOKS:
            todo, seen = [hook], set()
            while todo:
                name = todo.pop()
                if name in seen:
                    continue
                seen.add(name)
                todo += [r.target for r in self.chains.get(name, ())
                         if r.target in self.chains]
            if chain in seen:
                found.add(hook)
        return found

    def rules(self):
        for chain in self.chains.values():
            yield from chain

    def has_limit(self):
        return any(r.limit for r in self.rules())


def _parted(text):
    return (True, text[1:]) if text.startswith("!") else (False, text)


# ---- iptables-save

def _option(word, text):
    neg, value = _parted(text)
    return "%s%s %s" % ("! " if neg else "", word, value)


def _ports_ipt(rule):
    parts = []
    for word, text in (("sport", rule.sport), ("dport", rule.dport)):
        if "," in text:
            parts.append("-m multiport " + _option("--%ss" % word, text))
        elif text:
            parts.append("-m %s %s" % (rule.proto, _option("--" + word, text)))
    return parts


def _states_ipt(rule, word):
    if not rule.states:
        return []
    names = ",".join(rule.states)
    form = "-m conntrack %s--ctstate " if word == "conntrack" else \
        "-m state %s--state "
    return [form % ("! " if rule.but else "") + names]


def ipt_rule(chain, rule, version, word="conntrack"):
    six = version == 6
    parts = ["-A", chain]
    for option, value in (("-i", rule.iif), ("-o", rule.oif)):
        if value:
            parts.append(_option(option, value))
    for option, value in (("-s", rule.src), ("-d", rule.dst)):
        if value:
            neg, number = _parted(value)
            parts.append("%s%s %s" % ("! " if neg else "", option,
                                      NETS[version][int(number)]))
    if rule.proto:
        parts.append("-p " + ("ipv6-icmp" if six and rule.proto == "icmp"
                              else rule.proto))
    parts += _ports_ipt(rule)
    if rule.icmp:
        kind = ICMP[rule.icmp][six]
        if kind is None:
            return None
        parts.append("-m icmp6 --icmpv6-type %d" % kind if six else
                     "-m icmp --icmp-type %d" % kind)
    if rule.syn:
        parts.append("-m tcp %s--tcp-flags FIN,SYN,RST,ACK SYN" % (
            "! " if rule.syn == "no" else ""))
    parts += _states_ipt(rule, word)
    if rule.limit:
        parts.append("-m limit --limit 2/hour --limit-burst " + rule.limit)
    target, _, kind = rule.target.partition(":")
    parts.append("%s %s" % ("-g" if rule.goto else "-j", target))
    if kind:
        parts.append(REJECTS[kind][six])
    return " ".join(parts)


def ipt_text(ruleset, version):
    lines = ["*" + ruleset.table]
    for name in ruleset.chains:
        lines.append(":%s %s [0:0]" % (name, ruleset.policies.get(name, "-")))
    for name, rules in ruleset.chains.items():
        lines += [ipt_rule(name, r, version, ruleset.state_word)
                  for r in rules if r.only in (0, version)]
    return "\n".join(line for line in lines if line) + "\nCOMMIT\n"


# ---- nft

def _list(text):
    items = text.replace(":", "-").split(",")
    return items[0] if len(items) == 1 else "{ %s }" % ", ".join(items)


def _test(key, text, quote=False):
    neg, value = _parted(text)
    value = '"%s"' % value.replace("+", "*") if quote else _list(value)
    return "%s %s%s" % (key, "!= " if neg else "", value)


def _states_nft(rule):
    if not rule.states:
        return []
    names = [s.lower() for s in rule.states]
    words = ", ".join(names)
    if rule.but:
        return ["ct state & (%s) == 0" % " | ".join(names)
                if rule.mode == "mask" else "ct state != { %s }" % words]
    if len(names) == 1:
        return ["ct state " + names[0]]
    if rule.mode == "mask":
        return ["ct state & (%s) != 0" % " | ".join(names)]
    return ["ct state { %s }" % words if rule.mode == "set" else
            "ct state " + ",".join(names)]


def _icmp_nft(rule, version):
    word = "icmpv6" if version == 6 else "icmp"
    if not rule.icmp:
        return ["meta l4proto " + ("ipv6-icmp" if version == 6 else "icmp")]
    kind = ICMP[rule.icmp][version == 6]
    return None if kind is None else ["%s type %d" % (word, kind)]


def _proto_nft(rule, version):
    if rule.proto == "icmp":
        return _icmp_nft(rule, version)
    parts = []
    if rule.proto and not (rule.sport or rule.dport or rule.syn):
        parts.append("meta l4proto " + rule.proto)
    for word, text in (("sport", rule.sport), ("dport", rule.dport)):
        if text:
            parts.append(_test("%s %s" % (rule.proto, word), text))
    if rule.syn:
        parts.append("tcp flags & (fin|syn|rst|ack) %s syn" % (
            "==" if rule.syn == "yes" else "!="))
    return parts


def _target_nft(rule, version, family):
    name, _, kind = rule.target.partition(":")
    if name == "REJECT":
        text = REJECTS[kind][2].replace(
            "{6}", "x" if family == "inet" else "v6" if version == 6 else "")
        return text
    if name == "LOG":
        return 'log prefix "seen: "'
    if name in ("ACCEPT", "DROP", "RETURN"):
        return name.lower()
    return "%s %s" % ("goto" if rule.goto else "jump", name)


def nft_rule(rule, version, family):
    """None: the family has no such rule."""
    ip = "ip6" if version == 6 else "ip"
    parts = [_test(key, value, True) for key, value in (
        ("iifname", rule.iif), ("oifname", rule.oif)) if value]
    for key, value in (("saddr", rule.src), ("daddr", rule.dst)):
        if value:
            neg, number = _parted(value)
            parts.append("%s %s %s%s" % (ip, key, "!= " if neg else "",
                                         NETS[version][int(number)]))
    middle = _proto_nft(rule, version)
    if middle is None:
        return None
    parts += middle + _states_nft(rule)
    if rule.limit:
        parts.append("limit rate 2/hour burst %s packets" % rule.limit)
    if rule.mode != "set" and rule.target != "LOG":
        parts.append("counter")
    return " ".join(parts + [_target_nft(rule, version, family)])


def _lines_nft(rule, family):
    """In `inet`, one line serves both families where it can."""
    if family == "inet" and not (rule.src or rule.dst or rule.only or
                                 rule.proto == "icmp"):
        return [nft_rule(rule, 4, family)]
    versions = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}[family]
    lines = []
    for version in versions:
        if rule.only in (0, version):
            line = nft_rule(rule, version, family)
            if line and family == "inet" and rule.only and not (
                    rule.src or rule.dst or rule.proto == "icmp"):
                line = "meta nfproto ipv%d " % version + line
            lines.append(line)
    return [line for line in lines if line]


def _chain_nft(ruleset, name, family):
    lines = ["\tchain %s {" % name]
    if name in HOOKS:
        lines.append("\t\ttype filter hook %s priority %s; policy %s;" % (
            name.lower(), ruleset.table, ruleset.policies[name].lower()))
    for rule in ruleset.chains[name]:
        lines += ["\t\t" + line for line in _lines_nft(rule, family)]
    return lines + ["\t}"]


def nft_text(ruleset):
    families = ("inet",) if ruleset.layout == "inet" else ("ip", "ip6")
    lines = []
    for family in families:
        lines.append("table %s host {" % family)
        # a jump needs its chain: those that are jumped to come first
        for name in reversed(ruleset.chains):
            lines += _chain_nft(ruleset, name, family)
        lines.append("}")
    return "\n".join(lines) + "\n"
