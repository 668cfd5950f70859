# SPDX-License-Identifier: GPL-2.0-or-later
"""Random hosts and routers that filter by state, as people write them."""
import dataclasses
import random

from rewrite_rules import Rule, Ruleset

EST = ("ESTABLISHED", "RELATED")
TCP_PORTS = ("22", "80", "443", "8080", "22,80,443", "8000:8100", "9022")
UDP_PORTS = ("53", "123", "5060", "53,123", "5000:5100", "9053")
WAN, SIDE, LAN = "eth0", "eth1", "lan0"


class Writer:
    """One ruleset, drawn rule by rule."""

    def __init__(self, seed, kind):
        self.draw = random.Random("%s %s" % (kind, seed))
        self.router = kind == "router"
        self.chains = {"INPUT": [], "FORWARD": [], "OUTPUT": []}
        self.limits = self.chance(.15)
        self.set = Ruleset(
            {"INPUT": self.draw.choice(["DROP"] * 3 + ["ACCEPT"]),
             "FORWARD": self.draw.choice(["DROP"] * 3 + ["ACCEPT"]),
             "OUTPUT": self.draw.choice(["ACCEPT"] * 3 + ["DROP"] * 2)},
            self.chains, self.draw.choice(["inet", "inet", "split"]),
            self.draw.choice(["state", "conntrack"]))

    def chance(self, p):
        return self.draw.random() < p

    def pick(self, *choices):
        return self.draw.choice(choices)

    def mode(self):
        return self.pick("", "", "set", "mask")

    def add(self, chain, target, **fields):
        rule = Rule(target, mode=self.mode(), **fields)
        self.chains[chain].append(rule)

    # ---- parts of rules
    def net(self, p=.3):
        if not self.chance(p):
            return ""
        return self.pick("", "", "", "!") + str(self.draw.randrange(7))

    def near(self, hook):
        """Where from, or where to: what most rules have."""
        fields = {}
        if hook != "OUTPUT":
            fields["src"] = self.net()
            if self.chance(.25):
                fields["iif"] = self.pick(WAN, SIDE, LAN, "!" + LAN, "eth+")
        if hook != "INPUT":
            fields["dst"] = self.net()
            if self.chance(.2):
                fields["oif"] = self.pick(WAN, SIDE, LAN, "!" + WAN)
        return fields

    def service(self):
        proto = self.pick("tcp", "tcp", "tcp", "udp", "udp")
        ports = self.pick(*(TCP_PORTS if proto == "tcp" else UDP_PORTS))
        fields = {"proto": proto, "dport": ports}
        if self.chance(.08):
            fields["dport"] = ""
        if proto == "tcp" and self.chance(.2):
            fields["syn"] = "yes"
        return fields

    def refusal(self):
        return self.pick("DROP", "DROP", "REJECT", "REJECT:port",
                         "REJECT:prohibited")

    # ---- rules that belong together
    def established(self, chain):
        """For all that began: where answers are let through for some alone,
        half a conversation may become a whole one."""
        for one in self.pick((EST,), (EST,), (EST,), (EST,),
                             (("ESTABLISHED",), ("RELATED",)),
                             (("RELATED", "ESTABLISHED"),)):
            self.add(chain, "ACCEPT", states=one)
            if self.chance(.08):
                self.chains[chain][-1:] = []
                for proto in ("tcp", "udp", "icmp"):
                    self.add(chain, "ACCEPT", states=one, proto=proto)

    def invalid(self, chain):
        if self.chance(.15):
            self.add(chain, "LOG", states=("INVALID",))
        self.add(chain, "DROP", states=("INVALID",),
                 proto=self.pick("", "", "", "tcp"))

    def bans(self, chain, hook):
        for _ in range(self.draw.randrange(1, 3)):
            fields = self.near(hook)
            if self.chance(.4):
                fields.update(self.service(), syn="")
            if any(fields.values()):
                self.add(chain, self.refusal(), **fields)

    def icmp(self, chain):
        if self.chance(.3):
            self.add(chain, "ACCEPT", proto="icmp")
            return
        for kind in ("echo-request", "unreachable", "too-big",
                     "time-exceeded", "echo-reply"):
            if self.chance(.5):
                self.add(chain, "ACCEPT", proto="icmp", icmp=kind)

    def neighbours(self, chain):
        for kind in ("ns", "na", "rs", "ra"):
            self.add(chain, "ACCEPT", proto="icmp", icmp=kind, only=6)

    def opening(self, chain, hook):
        """What lets something begin."""
        fields = self.near(hook)
        fields.update(self.service())
        how = self.pick("new", "new", "new", "new", "plain", "all", "both",
                        "not-invalid")
        states = {"new": ("NEW",), "plain": (), "all": ("NEW",) + EST,
                  "both": ("NEW", "ESTABLISHED"),
                  "not-invalid": ("INVALID",)}[how]
        limit = ""
        if self.limits and fields["proto"] == "tcp" and how == "new" and \
                self.chance(.4):
            limit = str(self.draw.randrange(1, 4))
        self.add(chain, "ACCEPT", states=states, but=how == "not-invalid",
                 limit=limit, **fields)

    def opening_all(self, chain, hook):
        fields = self.near(hook)
        if not any(fields.values()) and hook != "OUTPUT":
            fields["iif"] = LAN
        self.add(chain, "ACCEPT", states=self.pick((), ("NEW",),
                                                   ("NEW",) + EST), **fields)

    def ping(self, chain):
        self.add(chain, "ACCEPT", proto="icmp", icmp="echo-request",
                 states=self.pick((), ("NEW",)))

    def other(self, chain, hook):
        """Rules that are seen less often."""
        kind = self.pick("stray", "but-drop", "gre", "unt", "pair", "new-drop",
                         "log", "syn")
        if kind == "stray":
            self.add(chain, "DROP", proto="tcp", syn="no", states=("NEW",))
        elif kind == "but-drop":
            self.add(chain, self.refusal(), states=EST, but=True,
                     **self.near(hook), **self.service())
        elif kind == "gre":
            self.add(chain, "ACCEPT", proto=self.pick("gre", "esp"),
                     states=self.pick((), ("NEW",), ("NEW", "ESTABLISHED")))
        elif kind == "unt":
            self.add(chain, "ACCEPT", states=self.pick(
                ("UNTRACKED",), EST + ("UNTRACKED",)))
        elif kind == "pair":
            self.pair(hook)
        elif kind == "new-drop":
            self.add(chain, self.refusal(), states=self.pick(
                ("NEW",), ("NEW", "INVALID")), **self.near(hook),
                **self.service())
        elif kind == "syn":
            self.add(chain, self.refusal(), proto="tcp", syn="yes",
                     **self.near(hook))
        else:
            self.add(chain, "LOG")

    def pair(self, hook):
        """The classic two: a service, and its answers by port."""
        service = dict(self.service(), syn="")
        back = {"proto": service["proto"], "sport": service["dport"]}
        there, here = ("FORWARD", "FORWARD") if hook == "FORWARD" else \
            self.pick(("INPUT", "OUTPUT"), ("OUTPUT", "INPUT"))
        self.add(there, "ACCEPT", states=("NEW", "ESTABLISHED"), **service)
        self.add(here, "ACCEPT", states=("ESTABLISHED",), **back)

    # ---- chains
    def branch(self, chain, hook):
        """A chain of its own, by what people make chains for."""
        name = "%s-%d" % (self.pick("services", "checks", "from-lan"),
                          len(self.chains))
        jump = self.pick(
            {"states": ("NEW",)}, {"states": ("NEW",)}, {"proto": "tcp"},
            {"proto": "udp"}, {"proto": "tcp", "states": ("NEW",)},
            {"iif" if hook != "OUTPUT" else "oif": self.pick(WAN, LAN)}, {})
        self.add(chain, name, goto=self.chance(.1), **jump)
        self.chains[name] = []
        for _ in range(self.draw.randrange(1, 4)):
            self.body(name, hook, deep=True)
        if self.chance(.15):
            self.add(name, self.refusal(), **self.service())

    def body(self, chain, hook, deep=False):
        kind = self.pick("opening", "opening", "opening", "opening", "bans",
                         "ping", "other", "branch", "all", "return")
        if kind == "bans":
            self.bans(chain, hook)
        elif kind == "ping":
            self.ping(chain)
        elif kind == "other":
            self.other(chain, hook)
        elif kind == "all" and self.chance(.5):
            self.opening_all(chain, hook)
        elif kind == "branch" and not deep:
            self.branch(chain, hook)
        elif kind == "return" and deep:
            self.add(chain, "RETURN", **dict(self.near(hook),
                                             **self.service()))
        else:
            self.opening(chain, hook)

    def ending(self, chain, hook):
        if self.set.policies.get(hook) == "ACCEPT":
            if self.chance(.5):
                self.add(chain, self.refusal(), states=self.pick(
                    ("NEW",), ("NEW", "INVALID")))
            elif self.chance(.6):
                self.add(chain, self.pick("DROP", "REJECT"))
            return
        if self.chance(.2):
            self.add(chain, "LOG")
        if self.chance(.25):
            self.add(chain, "REJECT:reset", proto="tcp")
        if self.chance(.3):
            self.add(chain, self.refusal())

    def filter(self, hook, chain=None):
        chain = chain or hook
        if hook == "INPUT" and self.chance(.8):
            self.add(chain, "ACCEPT", iif="lo")
        if hook == "OUTPUT" and self.chance(.8):
            self.add(chain, "ACCEPT", oif="lo")
        if self.chance(.2):
            self.bans(chain, hook)
        if self.chance(.2):
            self.icmp(chain)
        first = [lambda: self.established(chain)]
        if self.chance(.5):
            first.append(lambda: self.invalid(chain))
        if self.chance(.3):
            first.reverse()
        for part in first:
            part()
        if hook != "FORWARD" and self.chance(.7):
            self.neighbours(chain)
        if self.chance(.4):
            self.icmp(chain)
        for _ in range(self.draw.randrange(1, 6)):
            self.body(chain, hook)
        self.ending(chain, hook)

    # ---- rules that leave their chain
    def leave(self):
        """Some rules that accept go to a chain that does; some states return."""
        for name in list(self.chains):
            rules = self.chains[name]
            for at, rule in enumerate(rules):
                if rule.target == "ACCEPT" and rule.states and self.chance(.3):
                    end = "end-%d" % len(self.chains)
                    self.chains[end] = [Rule("ACCEPT", proto=rule.proto)]
                    rules[at] = dataclasses.replace(rule, target=end, goto=True)
        for name in list(self.chains):
            if name in self.set.policies or not self.chance(.5):
                continue
            fields = self.pick({}, {"proto": "tcp"}, dict(self.service(), syn=""))
            states = self.pick(("INVALID",), ("INVALID",), ("NEW",), EST,
                               ("ESTABLISHED",))
            if name.startswith("end-"):     # what began goes on: established()
                states = ("INVALID",)
            rule = Rule("RETURN", states=states, mode=self.mode(), **fields)
            self.chains[name].insert(
                self.draw.randrange(len(self.chains[name]) + 1), rule)

    def write(self):
        if self.chance(.1):
            # the Red Hat layout: one chain for both
            self.chains["shared"] = []
            for hook in ("INPUT", "FORWARD"):
                self.add(hook, "shared")
            self.filter("INPUT", "shared")
        else:
            self.filter("INPUT")
            if self.router:
                self.filter("FORWARD")
        if self.set.policies["OUTPUT"] == "DROP" or self.chance(.3):
            self.filter("OUTPUT")
        # the rest of a seed stays what it was
        self.draw = random.Random("leaving %s" % self.draw.random())
        if self.chance(.4):
            self.leave()
        return self.set


def random_ruleset(seed, kind):
    return Writer(seed, kind).write()
