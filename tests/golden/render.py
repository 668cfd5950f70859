#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The text that each policy comes to, byte for byte, and whatever its order.

Every example and every tests/golden/render/NAME.yaml is rendered with each
backend and compared with NAME.nftables and NAME.iptables beside it. Write them
again with UPDATE=1 and read the difference before committing it.
"""
import difflib, glob, json, os, random, subprocess, sys, tempfile

import golden

SRC = os.environ["srcdir"]
BIN = os.environ["CTPOLICY"]
BACKENDS = os.environ.get("CTPOLICY_BACKENDS", "nftables iptables").split()
GOLDEN = os.path.join(SRC, "tests/golden/render")
failed = 0


def render(path, backend, stdin=None):
    p = subprocess.run([BIN, "render", "--backend", backend, path],
                       input=stdin, text=True, capture_output=True)
    if p.returncode:
        raise SystemExit("render %s: exit %d\n%s" % (path, p.returncode, p.stderr))
    return p.stdout


def verdict(ok, what, detail=""):
    global failed
    print("%s - %s" % ("ok" if ok else "not ok", what))
    if not ok:
        failed += 1
        print(detail)


def compare(path, backend):
    name = os.path.splitext(os.path.basename(path))[0]
    changed = golden.difference(
        os.path.join(GOLDEN, "%s.%s" % (name, backend)),
        render(path, backend), "rendered")
    verdict(not changed, "%s as %s" % (name, backend), changed)


def shuffled(x, rnd):
    """The same value with every list and every mapping in another order."""
    if isinstance(x, dict):
        keys = list(x)
        rnd.shuffle(keys)
        return {k: shuffled(x[k], rnd) for k in keys}
    if isinstance(x, list):
        x = [shuffled(v, rnd) for v in x]
        rnd.shuffle(x)
    return x


POLICY = {
    "version": 1, "state_matching": "forbidden", "families": ["ipv4", "ipv6"],
    "untracked": [
        {"name": "web", "role": ["server", "router"], "protocol": ["tcp", "udp"],
         "ports": [443, 80, "8000-8010", "1-70"], "accept": "open",
         "clients": ["10.0.0.0/8", "2001:db8::/32", "10.2.0.0/16", "192.0.2.1"]},
        {"name": "api", "role": "server", "protocol": "tcp", "ports": [80, 90],
         "clients": ["10.0.0.0/9", "10.1.0.0/16"], "accept": "open"},
        {"name": "dns", "role": ["client"], "protocol": ["udp", "tcp"], "ports": [53],
         "servers": ["2001:db8::53", "192.0.2.53", "198.51.100.0/24"],
         "interfaces": ["wan*", "eth1", "eth0"], "accept": "open"},
        {"name": "gre", "role": ["client", "server"], "protocol": ["gre", "esp"],
         "servers": ["192.0.2.7"], "accept": "none"}],
    "management": [
        {"name": "ssh", "role": "server", "protocol": "tcp", "ports": [22], "accept": "open"},
        {"name": "mosh", "role": "server", "protocol": "udp", "ports": ["60000-61000"],
         "accept": "open"}]}


def any_order():
    rnd = random.Random(7)
    for backend in BACKENDS:
        first = None
        for _ in range(40):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
                json.dump(shuffled(POLICY, rnd), f)    # JSON is YAML
                f.flush()
                got = render(f.name, backend)
            first = first or got
            if got != first:
                break
        verdict(got == first, "forty orders, one text, as %s" % backend,
                "".join(difflib.unified_diff(first.splitlines(True), got.splitlines(True))))


for backend in BACKENDS:
    for path in sorted(glob.glob(os.path.join(SRC, "policies/examples/*.yaml")) +
                       glob.glob(os.path.join(GOLDEN, "*.yaml"))):
        compare(path, backend)
any_order()
sys.exit(1 if failed else 0)
