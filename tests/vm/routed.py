# SPDX-License-Identifier: GPL-2.0-or-later
"""Flowtables and IPVS, which Debian's stock kernel has as modules: what NOTRACK
does to their connections, by packets, and what is refused by name.

This host stands between a client and a server, in namespaces of their own."""
import re

import machine  # noqa: F401  first: it finds the others

REFUSED = 14
SETUP = """set -e
ip netns add c; ip netns add s
ip link add rc type veth peer name cr netns c
ip link add rs type veth peer name sr netns s
end() { # NAMESPACE DEVICE OTHER HERE4 THERE4 HERE6 THERE6
	ip addr add $4/24 dev $3; ip addr add $6/64 dev $3 nodad
	ip link set $3 up
	ip -n $1 link set lo up; ip -n $1 addr add $5/24 dev $2
	ip -n $1 addr add $7/64 dev $2 nodad; ip -n $1 link set $2 up
	ip -n $1 route add default via $4; ip -n $1 -6 route add default via $6
}
end c cr rc 192.0.2.1 192.0.2.2 2001:db8:1::1 2001:db8:1::2
end s sr rs 198.51.100.1 198.51.100.2 2001:db8:2::1 2001:db8:2::2
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
mkdir -p /www; echo served >/www/x
head -c 3000000 /dev/zero >/www/large
ip netns exec s httpd -p 8080 -h /www
"""
ROUTER = ("192.0.2.1", "[2001:db8:1::1]")
SERVER = ("198.51.100.2", "[2001:db8:2::2]")
FORWARD = """table inet f {
	flowtable fast { hook ingress priority 0; devices = { rc, rs }; }
	chain forward {
		type filter hook forward priority filter;
		tcp dport %s flow add @fast
		tcp dport 8080 counter name "seen"
	}
	counter seen { }
}"""
# What takes answers for ESTABLISHED needs the entry that IPVS keeps.
STATES = """table inet f {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport 8080 accept
		meta l4proto { icmp, ipv6-icmp } accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
	}
}"""
# Answers of this host's own are accepted by it alone
SENDING = """table inet f {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport 8080 accept
		meta l4proto { icmp, ipv6-icmp } accept
	}
	chain output {
		type filter hook output priority filter; policy drop;
		ct state established,related accept
		meta l4proto { icmp, ipv6-icmp } accept
	}
}"""
MASQUERADE = """table inet f {
	chain post {
		type nat hook postrouting priority srcnat;
		oifname "rs" masquerade
	}
}"""
NOTRACK = """table inet raw {
	chain pre {
		type filter hook prerouting priority raw;
		tcp dport 8080 notrack
		%s notrack
	}
}"""
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: %s, protocol: tcp, ports: [%d]%s}
"""


def prepare(vm):
    vm.run(SETUP)


def nft(vm, text):
    vm.run("nft -f - <<'END'\n%s\nEND" % text)


def clear(vm):
    vm.run("nft flush ruleset; conntrack -F 2>/dev/null; true")


def get(vm, hosts, name="x", patience=3):
    """Who is served, of IPv4 and IPv6."""
    return [re.findall(r"(?m)^\d+$", vm.run(
        "ip netns exec c timeout %d wget -q -O - http://%s:8080/%s | wc -c" % (
            patience, host, name)))[0] for host in hosts]


def diff(vm, role, port=8080, more="", command="diff"):
    vm.put("/tmp/p.yaml", POLICY % (role, port, more))
    return vm.run("ctpolicy %s --backend nftables /tmp/p.yaml 2>&1" % command,
                  code=None)


def seen(vm):
    """Packets that the forward chain meets of a large answer's requests."""
    vm.run("nft reset counters >/dev/null")
    assert get(vm, SERVER, "large", 90) == ["3000000"] * 2
    return int(vm.run("nft list counter inet f seen").split("packets ")[1]
               .split()[0])


def flowtables(vm, _how):
    """Untracked packets take the long way: none is offloaded."""
    nft(vm, FORWARD % "8080")
    fast = seen(vm)
    nft(vm, NOTRACK % "tcp sport 8080")
    slow = seen(vm)
    assert slow > 4 * fast, (fast, slow)
    vm.run("nft delete table inet raw")
    said = vm.run("ctpolicy audit", code=1)
    assert "flow add @fast" in said and "offloads connections" in said, said
    for command in "diff", "apply":
        code, said = diff(vm, "router", command=command)
        assert code == REFUSED and "[CT593]" in said, said
        assert "rule 1 of chain forward of table inet f" in said, said
        assert "flow add @fast" in said, said
    assert seen(vm) < 4 * fast
    # near misses: this host's own service, and another port
    for role, port in ("server", 8080), ("router", 8081):
        code, said = diff(vm, role, port)
        assert code == 1 and "error" not in said, said
    code, said = diff(vm, "router", more=", override: [helpers]",
                      command="apply")
    assert code == 0 and "warning: connections of service web" in said, said
    assert seen(vm) > 4 * fast
    vm.run("ctpolicy remove")
    clear(vm)


def balance(vm, keeps):
    vm.run("echo %d >/proc/sys/net/ipv4/vs/conntrack" % keeps)


def ipvs(vm, _how):
    """By default it has no use for entries; else its answers need them."""
    vm.run("modprobe ip_vs_rr\n"
           "ipvs_service 192.0.2.1 8080 198.51.100.2 8080\n"
           "ipvs_service 2001:db8:1::1 8080 2001:db8:2::2 8080")
    untracked = NOTRACK % "tcp sport 8080 fib daddr type local"
    for rules in STATES, MASQUERADE:
        if rules == MASQUERADE:
            vm.run("ip -n s route del default; ip -n s -6 route del default")
        for keeps, works in (0, []), (1, ["7"] * 2):
            balance(vm, keeps)
            clear(vm)
            nft(vm, rules)
            served = get(vm, ROUTER)
            assert served == (works or ["0"] * 2), (rules, keeps, served)
            nft(vm, untracked)
            served = get(vm, ROUTER)
            assert served == ["0"] * 2, (rules, keeps, served)
            vm.run("nft delete table inet raw")
            code, said = diff(vm, "server")
            assert code == (REFUSED if keeps else 1), said
            assert ("service of IPVS (TCP " in said) == bool(keeps), said
    code, said = diff(vm, "server", command="apply")
    assert code == REFUSED and "[CT592]" in said, said
    assert get(vm, ROUTER) == ["7"] * 2
    # near misses: another port, another address
    for port, more in (8081, ""), (8080, ", servers: [192.0.2.77]"):
        code, said = diff(vm, "server", port, more)
        assert code == 1 and "IPVS" not in said, said
    code, said = diff(vm, "server", more=", override: [nat]")
    assert code == 1 and "warning: service web has packets of a virtual" \
        in said, said
    # without state rules and NAT nothing is tracked, and all is well
    clear(vm)
    vm.run("ip -n s route add default via 198.51.100.1; "
           "ip -n s -6 route add default via 2001:db8:2::1")
    assert get(vm, ROUTER) == ["7"] * 2
    code, said = diff(vm, "server", command="apply")
    assert code == 0 and "IPVS" not in said, said
    assert get(vm, ROUTER) == ["7"] * 2
    vm.run("ctpolicy remove")
    sends_for_others(vm)


def sends_for_others(vm):
    """Untracked, and from clients: that is for no accept rule of a service of
    this host's own."""
    balance(vm, 0)
    nft(vm, SENDING)
    assert get(vm, ROUTER) == ["0"] * 2
    code, said = diff(vm, "client", more=", accept: open", command="apply")
    assert code == 0, said
    own = vm.run("timeout 3 wget -q -O - http://%s:8080/x | wc -c" % SERVER[0])
    assert own.strip() == "7", (own, vm.run("nft list ruleset"))
    assert get(vm, ROUTER) == ["0"] * 2
    vm.run("ctpolicy remove")
    clear(vm)


def asks_source(vm):
    """Do accept rules for answers ask whose address they are from?"""
    code, said = diff(vm, "server", command="diff --rules")
    assert code == 1 and "chain ctpolicy-output" in said, said
    return "dport 8081-65535" not in said


def vrf(vm, _how):
    """It sends untracked packets: the first one is noticed, and remembered."""
    nft(vm, SENDING)
    assert not asks_source(vm), "none is there"
    vm.run("ip link add vrf0 type vrf table 10")
    assert asks_source(vm), "one is there"
    vm.run("ip link del vrf0")
    assert asks_source(vm), "one was there"


CASES = ((flowtables, ipvs), (vrf,))
