# SPDX-License-Identifier: GPL-2.0-or-later
"""Four times the input costs no more than about four times the processor.

  growth.py [NAME...]

CPU seconds of whole commands are compared with themselves, never with a limit,
so that neither a loaded machine nor sanitizers matter. n squared would be 16.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "netns"))
import cost  # noqa: E402

CTPOLICY = os.environ["CTPOLICY"]
BACKENDS = os.environ["CTPOLICY_BACKENDS"].split()
MOST = 8			# of the ratio; n log n comes to about 4.6
SMALL = 0.05			# seconds; what is less is start-up and noise
HEAD = "version: 1\nstate_matching: allowed\nuntracked:\n"
POLICY = HEAD + "  - {name: a, role: server, protocol: udp, ports: [53], " \
    "accept: none}\n"


def repeat(n, text):
    return "".join(text.replace("%d", str(i)) for i in range(n))


# name: (backend, saved ruleset of n items)
SAVED = {
    "rules in chains of others": ("iptables", lambda n: "*filter\n" + repeat(
        n, "-A C%d -j ACCEPT\n") + "COMMIT\n"),
    "chains": ("iptables", lambda n: "*raw\n" + repeat(
        n, ":CTPOLICY-%d - [0:0]\n") + "COMMIT\n"),
    "ipsets": ("iptables", lambda n: repeat(
        n, "#ipset create ctpolicy-%d hash:ip family inet\n")),
    "rules at the head": (
        "iptables", lambda n: "*raw\n:CTPOLICY-PREROUTING - [0:0]\n" + repeat(
            n, "-I CTPOLICY-PREROUTING 1 -p udp -j CT --notrack\n") +
        "COMMIT\n"),
    "tables": ("nftables", lambda n: repeat(
        n, "table inet t%d {\nchain input {\njump ctpolicy-input\n}\n}\n")),
    "nft chains": ("nftables", lambda n: "table inet ctpolicy {\n" + repeat(
        n, "chain c%d {\n}\n") + "}\n"),
    "nft sets": ("nftables", lambda n: "table inet ctpolicy {\n" + repeat(
        n, "set s%d {\ntype inet_service\n}\n") + "}\n"),
}
# name: policy of n items
POLICIES = {
    "services": lambda n: HEAD + "".join(
        "  - {name: s%d, role: server, protocol: tcp, ports: [%d], "
        "clients: [10.%d.%d.1], accept: none}\n" %
        (i, 1 + i % 60000, i >> 8 & 255, i & 255) for i in range(n)),
    "addresses": lambda n: HEAD +
    "  - {name: a, role: server, protocol: tcp, ports: [80], accept: none, "
    "clients: [%s]}\n" % ", ".join(
        "10.%d.%d.%d" % (i >> 15 & 255, i >> 7 & 255, i << 1 & 255)
        for i in range(n)),
    "shapes": lambda n: HEAD + "".join(
        "  - {name: s%d, role: server, protocol: tcp, ports: [80], "
        "interfaces: ['x%d*'], accept: none}\n" % (i, i) for i in range(n)),
    "interfaces": lambda n: HEAD +
    "  - {name: a, role: server, protocol: tcp, ports: [80], accept: none, "
    "interfaces: [%s]}\n" % ", ".join("if%d" % i for i in range(n)),
}


def seconds(folder, command, **files):
    for name, text in files.items():
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    return cost.seconds(run, folder, command)


def run(folder, command):
    p = subprocess.run([CTPOLICY] + command, cwd=folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert p.returncode in (0, 1), p.stderr[-500:]


def rendered(folder, n, backend):
    path = os.path.join(folder, "p")
    with open(path, "w") as f:
        f.write(POLICIES["services"](n))
    return subprocess.run([CTPOLICY, "render", path, "--backend", backend],
                          stdout=subprocess.PIPE, check=True,
                          text=True).stdout


def cases():
    """(name, function that gives the seconds for n items)"""
    for name, (backend, make) in SAVED.items():
        if backend in BACKENDS:
            yield name, lambda d, n, make=make, backend=backend: seconds(
                d, ["diff", "p", "--against", "f", "--backend", backend],
                p=POLICY, f=make(n))
    for backend in BACKENDS:
        yield "services that go, " + backend, \
            lambda d, n, backend=backend: seconds(
                d, ["diff", "-v", "p", "--against", "f", "--backend", backend],
                f=rendered(d, n, backend), p=POLICY)
    for name, make in POLICIES.items():
        yield "check, " + name, lambda d, n, make=make: seconds(
            d, ["check", "p"], p=make(n))
        for backend in BACKENDS:
            yield "render, %s, %s" % (name, backend), \
                lambda d, n, make=make, backend=backend: seconds(
                    d, ["render", "p", "--backend", backend], p=make(n))


def enough(folder, look):
    """Items, for a time that can be compared."""
    n = 2000
    while n < 32000 and look(folder, n) < SMALL:
        n *= 2
    return n


def main():
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, look in cases():
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            n = enough(folder, look)
            ratio = cost.least(lambda: look(folder, 4 * n) / max(
                look(folder, n), SMALL), MOST)
            print("%s - %s: %d items, 4 times as many %.1f times as long" % (
                "ok" if ratio <= MOST else "not ok", name, n, ratio))
            passed, failed = passed + (ratio <= MOST), failed + (ratio > MOST)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


main()
