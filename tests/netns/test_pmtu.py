# SPDX-License-Identifier: GPL-2.0-or-later
"""ICMP errors about an untracked flow arrive: a transfer through a narrow
hop completes and a closed port is heard of, under the filters that hosts
have."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from hosts import filter_host                               # noqa: E402
from traffic import Echo, tcp_exchange, udp_exchange        # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - name: bulk
    role: %s
    protocol: [tcp, udp]
    ports: [8080, 8089]
    accept: open
"""
FILTERS = {
    "established, default drop": ("drop", "established"),
    "established, invalid drop": ("accept", "established", "invalid"),
    "established, invalid drop, new ssh, default drop":
        ("drop", "established", "invalid", "new ssh"),
    "default drop": ("drop",),
}


SAVED = "*mangle\n-A %s -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
LOADS = [
    (lambda host, version, hook: host.nft(
        "table %s more {\nchain c {\ntype filter hook %s priority "
        "mangle\nct state invalid drop\n}\n}" %
        ("ip" if version == 4 else "ip6", hook.lower())), "nftables"),
    (lambda host, version, hook: host.legacy(version, SAVED % hook),
     "iptables"),
]
if shutil.which("iptables-nft-restore"):
    LOADS.append((lambda host, version, hook: host.run(
        ["ip%stables-nft-restore" % ("" if version == 4 else "6")],
        SAVED % hook), "nftables"))


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    LAB.router.run("ip link set toc mtu 1400")
    Echo(LAB.server, 8080)


def forget_mtus():
    for space in LAB.all():
        space.run("ip route flush cache; ip -6 route flush cache")


class PathMtu(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def check(self, host, role, hooks):
        for backend in lab.BACKENDS:
            for name, chain in FILTERS.items():
                LAB.clear()
                filter_host(host, backend, neighbours=True,
                            **{hook: chain for hook in hooks})
                host.apply(backend, POLICY % role)
                for version in lab.VERSIONS:
                    with self.subTest(backend=backend, ip=version,
                                      filter=name):
                        self.check_flows(version)

    def check_flows(self, version):
        dst = lab.address("server", version)
        forget_mtus()
        self.assertEqual(tcp_exchange(LAB.client, version, dst, 8080,
                                      size=60000, timeout=15), "ok")
        self.assertEqual(udp_exchange(LAB.client, version, dst, 8089),
                         "refused")

    def test_server(self):
        self.check(LAB.server, "server", ("input", "output"))

    def test_router(self):
        self.check(LAB.router, "router", ("input", "forward", "output"))

    def test_dropped_elsewhere(self):
        """What no connection has, before or after any filter table sees it."""
        for load, backend in LOADS:
            if backend not in lab.BACKENDS:
                continue
            for hook in "PREROUTING", "POSTROUTING":
                for host, role in ((LAB.server, "server"),
                                   (LAB.router, "router")):
                    self.check_hook(load, backend, hook, host, role)

    def check_hook(self, load, backend, hook, host, role):
        LAB.clear()
        for version in lab.VERSIONS:
            load(host, version, hook)
        host.apply(backend, POLICY % role)
        for version in lab.VERSIONS:
            with self.subTest(backend=backend, hook=hook, ip=version,
                              role=role):
                self.check_flows(version)

    def test_the_hop_is_narrow(self):
        """Errors that die do stop the transfer, or this test says nothing."""
        for version in lab.VERSIONS:
            forget_mtus()
            LAB.server.clear()
            LAB.server.nft(
                "table inet host {\nchain input {\ntype filter hook input "
                "priority 0\nicmp type 3 drop\nicmpv6 type 2 drop\n}\n}")
            self.assertNotEqual(
                tcp_exchange(LAB.client, version,
                             lab.address("server", version), 8080,
                             size=60000, timeout=0.7), "ok")


if __name__ == "__main__":
    unittest.main()
