# SPDX-License-Identifier: GPL-2.0-or-later
"""A host and a router with states, and rewritten by hand without.

{name} in the text for iptables is what differs between the families. They must
not share a list of xt_recent: it has the mask of whoever came first.
"""
FAMILY = {
    4: {"icmp": "icmp", "type": "-m icmp --icmp-type", "ban": "10.1.3.0/24",
        "web": "172.16.5.0/24", "mask": "255.255.255.255",
        "request": "8", "reply": "0", "version": "4"},
    6: {"icmp": "ipv6-icmp", "type": "-m icmp6 --icmpv6-type",
        "ban": "2001:db8:aa:3::/64", "web": "2001:db8:bb:5::/64",
        "mask": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "request": "128", "reply": "129", "version": "6"},
}
ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
ROUTERS = {4: (5, 9, 10), 6: (137,)}

HOST = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
{nd INPUT}
-A INPUT -m state --state INVALID -j DROP
-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
-A INPUT -s {ban} -j DROP
-A INPUT -p tcp -m multiport --dports 22,80,443 -m state --state NEW -j ACCEPT
-A INPUT -p udp -m multiport --dports 53,2222 -m state --state NEW -j ACCEPT
-A INPUT -p {icmp} {type} {request} -m state --state NEW -j ACCEPT
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
-A OUTPUT -o lo -j ACCEPT
{nd OUTPUT}
-A OUTPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
-A OUTPUT -p tcp -m multiport --dports 80,443 -m state --state NEW -j ACCEPT
-A OUTPUT -p udp -m multiport --dports 53,123 -m state --state NEW -j ACCEPT
-A OUTPUT -p {icmp} {type} {request} -m state --state NEW -j ACCEPT
COMMIT
"""
HOST_AFTER = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
{nd INPUT}
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP
-A INPUT -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP
-A INPUT -p tcp -m tcp --tcp-flags FIN,RST FIN,RST -j DROP
-A INPUT -p tcp -m tcp --tcp-flags FIN,ACK FIN -j DROP
{routers INPUT DROP}
-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m socket -j ACCEPT
-A INPUT -p udp -m socket -j ACCEPT
-A INPUT -p udp -m multiport --sports 53,123 -m recent --rcheck --seconds 180 --name peers{version} --mask {mask} --rsource -m socket --nowildcard -j ACCEPT
-A INPUT -p {icmp} {type} {reply} -j ACCEPT
{errors INPUT}
-A INPUT -s {ban} -j DROP
-A INPUT -p tcp -m multiport --dports 22,80,443 -j ACCEPT
-A INPUT -p udp -m multiport --dports 53,2222 -j ACCEPT
-A INPUT -p {icmp} {type} {request} -j ACCEPT
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
-A OUTPUT -o lo -j ACCEPT
{nd OUTPUT}
-A OUTPUT -p tcp -m multiport --dports 80,443 -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A OUTPUT ! -d {ban} -p tcp -m multiport --sports 22,80,443 -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A OUTPUT ! -d {ban} -p udp -m multiport --sports 53,2222 -j ACCEPT
-A OUTPUT ! -d {ban} -p {icmp} {type} {reply} -j ACCEPT
{errors OUTPUT}
-A OUTPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST RST -j ACCEPT
-A OUTPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
-A OUTPUT -p udp -m multiport --dports 53,123 -m recent --set --name peers{version} --mask {mask} --rdest
-A OUTPUT -p udp -m multiport --dports 53,123 -j ACCEPT
-A OUTPUT -p {icmp} {type} {request} -j ACCEPT
COMMIT
"""
HOST_ADMITS = {
    "INPUT": {"tcp-noninitial", "bad-flags", "udp-reply", "udp-wildcard",
              "icmp-error", "echo-reply", "fragment"},
    "OUTPUT": {"tcp-noninitial", "bad-flags", "udp-reply", "icmp-error",
               "echo-reply"},
    "FORWARD": set(),
}

ROUTER = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i lan0 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -d {web} -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -d {web} -p udp -m udp --dport 53 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -j REJECT
COMMIT
"""
# the chain that no rule jumps to keeps reassembly on
ROUTER_AFTER = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:reassemble - [0:0]
{routers FORWARD DROP}
-A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP
-A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP
-A FORWARD -p tcp -m tcp --tcp-flags FIN,RST FIN,RST -j DROP
-A FORWARD -p tcp -m tcp --tcp-flags FIN,ACK FIN -j DROP
-A FORWARD -i lan0 -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A FORWARD -o lan0 -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A FORWARD -o lan0 -p udp -j ACCEPT
-A FORWARD -o lan0 -p {icmp} {type} {reply} -j ACCEPT
{errors FORWARD}
-A FORWARD -o lan0 -p gre -j ACCEPT
-A FORWARD -o lan0 -p esp -j ACCEPT
-A FORWARD -i lan0 ! -p {icmp} -j ACCEPT
-A FORWARD -i lan0 -p {icmp} {type} {request} -j ACCEPT
{queries}
-A FORWARD -d {web} -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -d {web} -p udp -m udp --dport 53 -j ACCEPT
-A FORWARD -j REJECT
-A reassemble -m socket -j ACCEPT
COMMIT
"""
ROUTER_ADMITS = {
    "FORWARD": {"tcp-noninitial", "bad-flags", "udp-reply", "icmp-error",
                "echo-reply", "proto-reply"},
    "INPUT": {"fragment"}, "OUTPUT": set(),
}

# Nobody may begin anything but by loopback, and the REJECT answers what belongs
# to nothing: that is no answer to the kernel, and never leaves.
SILENT = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
{nd INPUT}
-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p tcp -m state --state NEW -j DROP
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
-A OUTPUT -o lo -j ACCEPT
{nd OUTPUT}
-A OUTPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
COMMIT
"""
SILENT_AFTER = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
{nd INPUT}
-A INPUT -p tcp -j DROP
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
-A OUTPUT -o lo -j ACCEPT
{nd OUTPUT}
COMMIT
"""
SILENT_ADMITS = {"INPUT": {"icmp-error"}, "OUTPUT": {"tcp-noninitial"},
                 "FORWARD": set()}

# What begins is let in, and what follows it is not.
FIRST = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
{nd INPUT}
-A INPUT -i lan0 -p udp -m udp --dport 53 -m state --state NEW -j ACCEPT
-A INPUT -i lan0 -p tcp -m tcp --dport 22 -m state --state NEW -j ACCEPT
-A INPUT -i lan0 -p esp -m state --state NEW -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
{nd OUTPUT}
-A OUTPUT -m state --state ESTABLISHED,RELATED -j ACCEPT
-A OUTPUT -p esp -m state --state NEW -j ACCEPT
COMMIT
"""
FIRST_AFTER = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
{nd INPUT}
-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m socket -j DROP
-A INPUT -i lan0 -p udp -m udp --dport 53 -j ACCEPT
-A INPUT -i lan0 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i lan0 -p esp -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
{nd OUTPUT}
-A OUTPUT -o lan0 -p udp -m udp --sport 53 -j ACCEPT
-A OUTPUT -o lan0 -p tcp -m tcp --sport 22 -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
{errors OUTPUT}
-A OUTPUT -p esp -j ACCEPT
COMMIT
"""
FIRST_ADMITS = {
    "INPUT": {"tcp-noninitial", "bad-flags", "udp-reply", "proto-reply"},
    "OUTPUT": {"tcp-noninitial", "bad-flags", "udp-reply", "icmp-error",
               "proto-reply"},
    "FORWARD": set(),
}

NFT_HOST = """table inet host {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept
		ct state vmap { established : accept, related : accept, invalid : drop }
		icmpv6 type { 133, 134, 135, 136 } accept
		ip saddr 10.1.3.0/24 drop
		ip6 saddr 2001:db8:aa:3::/64 drop
		ct state new tcp dport { 22, 80, 443 } accept
		ct state new udp dport 53 accept
		icmp type 8 accept
		icmpv6 type 128 accept
		meta l4proto tcp reject with tcp reset
	}
}
"""
NFT_HOST_AFTER = """table inet host {
	set peers4 {
		typeof ip daddr . udp dport . udp sport
		size 65535
		flags dynamic,timeout
		timeout 3m
	}
	set peers6 {
		typeof ip6 daddr . udp dport . udp sport
		size 65535
		flags dynamic,timeout
		timeout 3m
	}
	chain connected {
		socket wildcard 1 return
		socket transparent 0 accept
	}
	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept
		tcp flags & (fin|syn|rst|psh|ack|urg) == 0x0 drop
		tcp flags & (fin|syn) == (fin|syn) drop
		tcp flags & (syn|rst) == (syn|rst) drop
		tcp flags & (fin|rst) == (fin|rst) drop
		tcp flags & (fin|ack) == fin drop
		icmp type { 5, 9, 10 } drop
		icmpv6 type 137 drop
		tcp flags & (fin|syn|rst|ack) != syn jump connected
		meta l4proto udp socket wildcard 0 accept
		ip saddr . udp sport . udp dport @peers4 accept
		ip6 saddr . udp sport . udp dport @peers6 accept
		icmp type { 0, 3, 11, 12, 14, 18 } accept
		icmpv6 type { 1, 2, 3, 4, 129, 140 } accept
		frag frag-off != 0 accept
		icmpv6 type { 133, 134, 135, 136 } accept
		ip saddr 10.1.3.0/24 drop
		ip6 saddr 2001:db8:aa:3::/64 drop
		tcp dport { 22, 80, 443 } accept
		udp dport 53 accept
		icmp type 8 accept
		icmpv6 type 128 accept
		meta l4proto tcp reject with tcp reset
	}
	chain output {
		type filter hook output priority filter;
		meta l4proto udp update @peers4 { ip daddr . udp dport . udp sport }
		meta l4proto udp update @peers6 { ip6 daddr . udp dport . udp sport }
	}
}
"""
NFT_HOST_ADMITS = dict(HOST_ADMITS, OUTPUT=set())

NFT_ROUTER = """table inet host {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state { established, related } accept
		iifname "lan0" ct state new accept
		ip daddr 172.16.5.0/24 tcp dport 80 ct state new accept
		ip6 daddr 2001:db8:bb:5::/64 tcp dport 80 ct state new accept
	}
}
"""
NFT_ROUTER_AFTER = """table inet host {
	set flows4 {
		typeof ip daddr . udp dport . ip saddr . udp sport
		size 65535
		flags dynamic,timeout
		timeout 3m
	}
	set flows6 {
		typeof ip6 daddr . udp dport . ip6 saddr . udp sport
		size 65535
		flags dynamic,timeout
		timeout 3m
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		iifname "lan0" tcp flags & (fin|syn|rst|ack) != syn accept
		oifname "lan0" tcp flags & (fin|syn|rst|ack) != syn accept
		ip saddr . udp sport . ip daddr . udp dport @flows4 accept
		ip6 saddr . udp sport . ip6 daddr . udp dport @flows6 accept
		oifname "lan0" icmp type { 0, 14, 18 } accept
		oifname "lan0" icmpv6 type { 129, 140 } accept
		icmp type { 3, 11, 12 } accept
		icmpv6 type { 1, 2, 3, 4 } accept
		ip frag-off & 0x1fff != 0 accept
		frag frag-off != 0 accept
		oifname "lan0" meta l4proto { gre, esp } accept
		iifname "lan0" meta l4proto udp update @flows4 { ip daddr . udp dport . ip saddr . udp sport }
		iifname "lan0" meta l4proto udp update @flows6 { ip6 daddr . udp dport . ip6 saddr . udp sport }
		iifname "lan0" meta l4proto != { icmp, ipv6-icmp } accept
		iifname "lan0" icmp type { 8, 13, 17 } accept
		iifname "lan0" icmpv6 type { 128, 139 } accept
		ip daddr 172.16.5.0/24 tcp dport 80 accept
		ip6 daddr 2001:db8:bb:5::/64 tcp dport 80 accept
	}
}
"""
NFT_ROUTER_ADMITS = {
    "FORWARD": {"tcp-noninitial", "bad-flags", "icmp-error", "echo-reply",
                "fragment", "proto-reply"},
    "INPUT": {"fragment"}, "OUTPUT": set(),
}


def _each(version, chain, kinds, target):
    return "\n".join("-A %s -p {icmp} {type} %d -j %s" % (chain, k, target)
                     for k in kinds[version])


def ipt(text, version):
    """One family's text of the two."""
    for chain in ("INPUT", "FORWARD", "OUTPUT"):
        for name, kinds in (
                ("nd " + chain, {4: (), 6: (133, 134, 135, 136)}),
                ("errors " + chain, ERRORS)):
            text = text.replace("{%s}" % name, _each(version, chain, kinds,
                                                     "ACCEPT"))
        text = text.replace("{routers %s DROP}" % chain, _each(
            version, chain, ROUTERS, "DROP"))
    text = text.replace("{queries}", _each(
        version, "FORWARD -i lan0", {4: (13, 17), 6: (139,)}, "ACCEPT"))
    for name, value in FAMILY[version].items():
        text = text.replace("{%s}" % name, value)
    return "\n".join(line for line in text.splitlines() if line) + "\n"
