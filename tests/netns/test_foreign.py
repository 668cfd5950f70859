#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's own rules stay as they were, to the byte, counters and handles too.

Real rulesets are loaded one by one; a policy is applied and removed on each.
They come from the folder in CTPOLICY_CORPUS, or from a `shared/corpus` beside
the checkout, when it is there, and from the small ones below in any case.
"""
import glob, os, subprocess, sys

from live_rules import some

BIN = os.environ["CTPOLICY"]
BACKENDS = os.environ.get("CTPOLICY_BACKENDS", "nftables iptables").split()
CORPUS = os.environ.get("CTPOLICY_CORPUS") or \
    os.path.join(os.environ["srcdir"], "../shared/corpus")
POLICY = os.path.join(os.environ.get("TMPDIR", "/tmp"), "foreign.yaml")
EXIT_REFUSED, EXIT_LACKING = 14, 69

YAML = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: [server, router], protocol: [tcp, udp], ports: [80, 443], accept: open}
  - {name: dns, role: client, protocol: udp, ports: [53], servers: [192.0.2.53, "2001:db8::53"], accept: open}
"""
NFT = {
    "input drop": """table inet mine {
        chain in {
            type filter hook input priority 0; policy drop;
            ct state established,related counter packets 7 bytes 700 accept
            ct state invalid drop
            tcp dport 22 accept comment "keep"
        }
        chain fwd {
            type filter hook forward priority 0; policy drop;
        }
    }
    """,
    "two families": """table ip a {
        chain i {
            type filter hook input priority 0;
            jump x
        }
        chain x {
            udp dport 9 drop
        }
    }
    table ip6 b {
        chain o {
            type filter hook output priority 0; policy drop;
        }
    }
    """,
    "map verdicts": """table inet m {
        map v {
            type inet_service : verdict
            elements = { 1 : drop }
        }
        chain i {
            type filter hook input priority 5;
            tcp dport vmap @v
        }
    }
    """,
}
IPT = {
    "classic": """*filter
:INPUT DROP [5:300]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [9:900]
:mine - [0:0]
[3:180] -A INPUT -m state --state ESTABLISHED -j ACCEPT
[0:0] -A INPUT -j mine
[1:60] -A mine -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
*raw
:PREROUTING ACCEPT [2:120]
:OUTPUT ACCEPT [0:0]
[4:240] -A PREROUTING -p udp -m udp --dport 7 -j CT --notrack
COMMIT
""",
}
failed = passed = refused = unloadable = 0


def inside(cmd, stdin=None):
    return subprocess.run(cmd, input=stdin, text=True, capture_output=True)


def legacy_tables():
    """The iptables rules, without built-in tables that hold nothing: once
    looked at, the kernel can't forget those."""
    out = []
    for tool, names in (("iptables-legacy-save", "ip_tables_names"),
                        ("ip6tables-legacy-save", "ip6_tables_names")):
        if not os.path.exists("/proc/self/net/" + names):
            continue
        table = []
        for line in inside([tool, "-c"]).stdout.splitlines():
            if line.startswith("#"):
                continue
            table.append(line)
            if line == "COMMIT":
                if any(l.startswith("[") or (l.startswith(":") and " ACCEPT [0:0]" not in l)
                       for l in table):
                    out += [tool] + table
                table = []
    return out


def listing():
    return (inside(["nft", "-a", "list", "ruleset"]).stdout, legacy_tables(),
            inside(["ipset", "save"]).stdout)


def check(backend, name):
    """In a fresh namespace that holds the foreign rules alone."""
    before = listing()
    p = inside([BIN, "apply", "--backend", backend, POLICY])
    if p.returncode == EXIT_REFUSED:
        if listing() != before:
            return "refused, but changed something"
        return "refused"
    if p.returncode:
        return "apply: exit %d: %s" % (p.returncode, p.stderr)
    held = listing()
    again = inside([BIN, "diff", "--backend", backend, POLICY])
    if again.returncode:
        return "diff after apply: exit %d: %s%s" % (again.returncode, again.stdout, again.stderr)
    if held == before:
        return "apply changed nothing"
    p = inside([BIN, "remove"])
    if p.returncode:
        return "remove: exit %d: %s" % (p.returncode, p.stderr)
    after = listing()
    if after != before:
        return "not as before:\n%s\n--- now\n%s" % (before, after)
    return ""


def in_namespace(backend, name, load):
    global failed, passed, refused, unloadable
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            import ctypes
            if ctypes.CDLL(None).unshare(0x40000000):
                os.write(w, b"cannot unshare")
                os._exit(0)
            verdict = "unloadable" if load() else check(backend, name)
        except BaseException as e:                      # reported, not lost
            verdict = "exception: %r" % e
        os.write(w, verdict.encode()[:60000])
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        verdict = f.read()
    os.waitpid(pid, 0)
    if verdict == "unloadable":
        unloadable += 1
    elif verdict in ("", "refused"):
        passed += 1
        refused += verdict == "refused"
    else:
        failed += 1
        print("not ok - %s on %s: %s" % (backend, name, verdict))


def nft_load(text):
    return lambda: inside(["nft", "-f", "-"], text).returncode


def ipt_load(text, six=False):
    tool = "ip6tables-legacy-restore" if six else "iptables-legacy-restore"
    return lambda: inside([tool, "-c"], text).returncode


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


with open(POLICY, "w") as f:
    f.write(YAML)
LARGE = 300 * 1024
if "nftables" in BACKENDS:
    for name, text in NFT.items():
        in_namespace("nftables", name, nft_load(text))
    for path in some(glob.glob(CORPUS + "/nft/*.nft")):
        in_namespace("nftables", os.path.basename(path), nft_load(read(path)))
if "iptables" in BACKENDS:
    for name, text in IPT.items():
        in_namespace("iptables", name, ipt_load(text))
    for kind in ("iptables-save", "ip6tables-save"):
        for path in some(glob.glob("%s/%s/*.save" % (CORPUS, kind))):
            if os.path.getsize(path) < LARGE:
                in_namespace("iptables", os.path.basename(path),
                             ipt_load(read(path), kind[2] == "6"))
print("%d rulesets passed (%d refused whole), %d failed, %d do not load here" %
      (passed, refused, failed, unloadable))
sys.exit(1 if failed or not passed else 0)
