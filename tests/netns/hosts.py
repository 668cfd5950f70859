# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters that a host may have had before the policy came, written in the
manner of the backend under test."""

# name -> (nftables, iptables of both families)
RULES = {
    "established": ("ct state established,related accept",
                    "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"),
    "invalid": ("ct state invalid drop",
                "-m conntrack --ctstate INVALID -j DROP"),
    "new ssh": ("tcp dport 22 ct state new accept",
                "-p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT"),
    "new service": (
        "tcp dport 8080 ct state new accept",
        "-p tcp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT"),
    "count": ("ct state established counter",
              "-m conntrack --ctstate ESTABLISHED"),
}
# a host without these has no IPv6 neighbours, whatever else it does
NEIGHBOURS = ("icmpv6 type { 133-136 } accept",
              "".join("-A %%s -p ipv6-icmp -m icmp6 --icmpv6-type %d -j ACCEPT"
                      "\n" % kind for kind in range(133, 137)))
HOOKS = ("input", "forward", "output")


def filter_host(space, backend, neighbours=False, **chains):
    """chains: input, forward, output = (policy, rule names...); a hook not
    named lets everything pass."""
    space.clear()
    chains = {hook: chains.get(hook, ("accept",)) for hook in HOOKS}
    if backend == "nftables":
        space.nft(_nft(chains, neighbours))
    else:
        for version in (4, 6):
            space.legacy(version,
                         _legacy(chains, neighbours and version == 6))


def count_states(space, backend):
    """Nothing is dropped, but connection tracking is at work."""
    filter_host(space, backend, **{hook: ("accept", "count")
                                   for hook in HOOKS})


def _nft(chains, neighbours):
    text = "table inet host {\n"
    for hook, (policy, *names) in chains.items():
        rules = [RULES[name][0] for name in names]
        if neighbours:
            rules.insert(0, NEIGHBOURS[0])
        text += " chain %s {\n  type filter hook %s priority filter; " \
            "policy %s;\n  %s\n }\n" % (hook, hook, policy,
                                        "\n  ".join(rules))
    return text + "}\n"


def _legacy(chains, neighbours):
    text = "*filter\n"
    for hook, (policy, *names) in chains.items():
        text += ":%s %s [0:0]\n" % (hook.upper(), policy.upper())
        if neighbours:
            text += NEIGHBOURS[1].replace("%s", hook.upper())
        text += "".join("-A %s %s\n" % (hook.upper(), RULES[name][1])
                        for name in names)
    return text + "COMMIT\n"
