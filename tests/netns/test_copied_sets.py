# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctpolicy test` copies a host's rules with the sets that belong to one rule
each: in whatever order they were made, each rule gets its own, and with many
rules it takes no n squared to find it."""
import os
import subprocess

import cost
import lab
from tally import case, check, end

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: dns, role: server, protocol: udp, ports: [53], accept: none}
tests:
"""
HOST = """table inet %s {
chain others { tcp dport { 22, 23 } counter
}
chain more { tcp dport { 24, 25 } counter
}
chain in { type filter hook input priority 0
jump others
jump more
ct state established accept
}
}
"""
TABLES = ("front", 20000), ("back", 30000)
SLOWER = 8		# n squared would be 16, n log n comes to about 4.6


def host(each):
    """Each rule, with its set, is put ahead of those before it. The sets of
    both tables have the same names."""
    space = lab.Namespace()
    other = lab.Namespace()
    space.link("net0", other, "o")
    for address in "198.51.100.1/24", "2001:db8:2::1/64":
        space.run("ip addr add %s dev net0 %s" % (
            address, "nodad" if ":" in address else ""))
    for name, port in TABLES:
        space.nft(HOST % name + "".join(
            "insert rule inet %s in udp dport { %d, %d } drop\n" % (
                name, port + 4 * i, port + 4 * i + 1) for i in range(each)))
    return space


def packets(each):
    for _, port in TABLES:
        for i in 0, each // 2, each - 1:
            for k, verdict in enumerate(("drop", "drop", "accept")):
                yield port + 4 * i + k, verdict


def policy(each):
    path = os.path.join(lab.WORK, "sets.yaml")
    with open(path, "w") as out:
        out.write(POLICY)
        for port, verdict in packets(each):
            for a, b in (("192.0.2.2", "198.51.100.1"),
                         ("[2001:db8:1::2]", "[2001:db8:2::1]")):
                out.write("  - packet: udp %s:40000 > %s:%d\n    expect: "
                          "{verdict: %s}\n" % (a, b, port, verdict))
    return path


def seconds(each):
    """Of ctpolicy's own: the kernel has its sets in one list."""
    return cost.seconds(prove, host(each), policy(each), each, kernel=False)


def prove(space, path, each):
    p = space.popen([lab.CTPOLICY, "test", path], text=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT)
    said = p.communicate()[0]
    check(p.returncode == 0, "%d rules: each has its own set" % each, said)


def grows():
    times = cost.least(lambda: seconds(1200) / max(seconds(300), 0.05), SLOWER)
    check(times <= SLOWER, "four times the rules", times)


lab.require_ctpolicy()
case("sets", grows)
end()
