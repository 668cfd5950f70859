#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's quick wins, with real packets: loopback, the underlay of a VXLAN,
and a router that sees one direction. Each is shown to cost something first.
"""
import os
import re

import hosts
import lab
import tally
from lab import LOOPBACK, VERSIONS, address
from tally import check
from traffic import Echo, tcp_exchange, udp_exchange

TOP = os.environ.get("srcdir") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
PORT, FLOWS = 8080, 20
INSIDE = {4: "10.9.0.%d", 6: "2001:db8:9::%d"}
PATIENCE = 0.7


def policies():
    """{name: text} of the README's policies."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as page:
        return dict(re.findall(r"^```yaml\n# ([\w-]+\.yaml)\n(.*?)^```",
                               page.read(), re.M | re.S))


def state(backend):
    return "--state-dir", os.path.join(lab.WORK, backend)


def entries(new, space, *exchanges):
    """What the exchanges make, as events; each must come about."""
    space.flush_entries()
    new.take()
    for kind, *args in exchanges:
        how = kind(*args)
        check(how == "ok", kind.__name__, args[1:], how)
    return new.take(0.1)


def of_service(events):
    """Without what a tunnel says by itself, to find its neighbours."""
    return [event for event in events if event.endswith(".%d" % PORT)]


def loopback(bench, backend, policy):
    server = bench.server
    hosts.filter_host(server, backend, neighbours=True, input=(
        "drop", "established", "invalid", "new service"))
    own = [(kind, server, v, to, PORT) for v in VERSIONS
           for to in (LOOPBACK[v], address("server", v))
           for kind in (tcp_exchange, udp_exchange)]
    if backend == "nftables":
        server.nft("insert rule inet host input iif lo accept")
    else:
        for tool in ("iptables-legacy", "ip6tables-legacy"):
            server.run(tool + " -I INPUT -i lo -j ACCEPT")
    new = lab.NewEntries(server)
    before = of_service(entries(new, server, *own))
    check(len(before) == len(own), backend, "loopback before:", before)
    server.apply(backend, policy, *state(backend))
    after = of_service(entries(new, server, *own))
    check(not after, backend, "loopback with the policy:", after)
    others = of_service(entries(new, server, *[
        (tcp_exchange, bench.client, v, address("server", v), PORT)
        for v in VERSIONS]))
    check(len(others) == 2, backend, "from the network:", others)
    new.close()


def tunnel(bench):
    for space, me, peer, last in (
            (bench.client, "client", "server", 1),
            (bench.server, "server", "client", 2)):
        space.run("ip link add vx0 type vxlan id 7 local %s remote %s "
                  "dstport 4789 && ip addr add %s/24 dev vx0 && "
                  "ip addr add %s/64 dev vx0 nodad && ip link set vx0 up" % (
                      address(me, 4), address(peer, 4), INSIDE[4] % last,
                      INSIDE[6] % last))


def vxlan(bench, backend, policy):
    server = bench.server
    hosts.count_states(server, backend)
    flows = [(udp_exchange, bench.client, v, INSIDE[v] % 2, PORT)
             for v in VERSIONS for _ in range(FLOWS // 2)]
    new = lab.NewEntries(server)
    before = entries(new, server, *flows)
    outer = [e for e in before if e.endswith(".4789")]
    # a source port may come twice, and the outer one is a hash of the flow
    check(min(len(outer), len(before) - len(outer)) > FLOWS // 2, backend,
          "VXLAN before:", before)
    server.apply(backend, policy, *state(backend))
    after = entries(new, server, *flows)
    outer = [e for e in after if e.endswith(".4789")]
    check(not outer and len(after) > FLOWS // 2, backend,
          "VXLAN with the policy:", after)
    new.close()


def second_path(bench):
    """The server's answers do not come by the router."""
    bench.server.link("alt", bench.client, "alt")
    for v, length in ((4, 24), (6, 64)):
        for space, last in ((bench.server, 1), (bench.client, 2)):
            space.run("ip addr add %s/%d dev alt%s" % (
                ("203.0.113.%d" if v == 4 else "2001:db8:a::%d") % last,
                length, " nodad" if v == 6 else ""))
            space.sysctl("net.ipv4.conf.all.rp_filter", 0)
            space.sysctl("net.ipv4.conf.alt.rp_filter", 0)
        bench.server.run("ip route add %s dev alt via %s" % (
            address("client", v),
            "203.0.113.2" if v == 4 else "2001:db8:a::2"))


def transit(bench, backend, policy):
    router = bench.router
    hosts.filter_host(router, backend, forward=("accept", "invalid"))
    policy = policy.replace("core0", "toc").replace("core1", "tos")
    new = lab.NewEntries(router)
    for v in VERSIONS:
        how = tcp_exchange(bench.client, v, address("server", v), PORT,
                           timeout=PATIENCE)
        check(how == "timeout", backend, "asymmetric, before:", how)
    check(of_service(new.take()), backend, "the router tracked nothing before")
    router.apply(backend, policy, *state(backend))
    after = of_service(entries(new, router, *[
        (tcp_exchange, bench.client, v, address("server", v), PORT)
        for v in VERSIONS]))
    check(not after, backend, "asymmetric, with the policy:", after)
    new.close()


def main():
    lab.require_ctpolicy()
    bench = lab.Lab()
    served = Echo(bench.server, PORT)
    found = policies()
    for prepare, play in ((None, loopback), (tunnel, vxlan),
                          (second_path, transit)):
        if prepare:
            prepare(bench)
        for backend in lab.BACKENDS:
            bench.clear()
            play(bench, backend, found[play.__name__ + ".yaml"])
            for space in (bench.server, bench.router):
                space.run([lab.CTPOLICY, "remove"], check=False)
    del served
    tally.end("quick wins: ")


main()
