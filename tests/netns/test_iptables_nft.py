# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts that filter with iptables-nft: the accept rules go into its tables,
as iptables-nft would write them. The service works untracked, the host's own
rules stay what they were, and iptables can show and delete ctpolicy's."""
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from traffic import Echo, tcp_exchange, udp_exchange        # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - name: service
    role: %s
    protocol: [tcp, udp]
    ports: [%s]
    accept: open
"""
PORTS = "53, 8080, 8089"
NEIGHBOURS = "".join("-A %%s -p ipv6-icmp -m icmp6 --icmpv6-type %d "
                     "-j ACCEPT\n" % kind for kind in range(133, 137))
# What a careful administrator has, in each chain that drops by default
CHAIN = """%s-A %s -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A %s -m conntrack --ctstate INVALID -j DROP
-A %s -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
"""
SERVICE = "".join("-A %%s -p %s -m multiport --dports 53,8080,8089 -m "
                  "conntrack --ctstate NEW -j ACCEPT\n" % proto
                  for proto in ("tcp", "udp"))
HOOKS = "INPUT", "FORWARD", "OUTPUT"
TOOLS = {4: "iptables-nft", 6: "ip6tables-nft"}


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    if "nftables" not in lab.BACKENDS or "iptables" not in lab.BACKENDS:
        lab.skip("needs nftables, and what reads iptables' rules")
    for tool in TOOLS.values():
        if not shutil.which(tool):
            lab.skip("no " + tool)
    LAB = lab.Lab()
    Echo(LAB.server, 8080)


def dump(version):
    """Only what is forwarded or comes in may be a new connection of the
    service; a host's own go out."""
    text = "*filter\n"
    for hook in HOOKS:
        text += ":%s DROP [0:0]\n" % hook
        text += CHAIN % (NEIGHBOURS % ((hook,) * 4) if version == 6 else "",
                         hook, hook, hook)
        text += "-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT\n" \
            if hook == "OUTPUT" else SERVICE % (hook, hook)
    return text + "COMMIT\n"


def load(space, version, text):
    space.run([TOOLS[version] + "-restore"], text)


def filtered(space):
    space.clear()
    for version in lab.VERSIONS:
        load(space, version, dump(version))
    return space


def saved(space, version):
    text = space.run([TOOLS[version] + "-save"])
    return [re.sub(r" \[\d+:\d+\]$", "", line)
            for line in text.splitlines() if not line.startswith("#")]


def foreign(space):
    """The host's own rules as iptables and nft show them, with their handles,
    and their counters."""
    text = space.run(
        "iptables-nft-save -c; ip6tables-nft-save -c; "
        "nft -a list table ip filter; nft -a list table ip6 filter")
    text = re.sub(r"(?ms)^\tchain ctpolicy-\S+ \{.*?^\t\}\n", "", text)
    text = "\n".join(line for line in text.splitlines()
                     if line.strip() and "ctpolicy" not in line and
                     not line.startswith("#"))
    count = re.compile(r"\[\d+:\d+\]|packets \d+ bytes \d+")
    return count.sub("", text), \
        [int(re.search(r"\d+", found)[0]) for found in count.findall(text)]


def ctpolicy(space, command, *more, policy=POLICY % ("server", PORTS)):
    path = os.path.join(lab.WORK, "policy.yaml")
    with open(path, "w") as out:
        out.write(policy)
    files = [path] if command in ("apply", "diff") else []
    p = space.popen([lab.CTPOLICY, command, *more, *files],
                    text=True, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT)
    out = p.communicate()[0]
    return p.returncode, out


class Case(unittest.TestCase):
    def tearDown(self):
        LAB.clear()

    def done(self, space, command, *more, code=0, **options):
        got, said = ctpolicy(space, command, *more, **options)
        self.assertEqual(got, code, "%s: %s" % (command, said))
        return said


class Service(Case):
    """It works, without one entry, and hears of a hop that is too narrow."""

    def narrow(self, version):
        LAB.router.run("ip link set toc mtu 1400")
        for host in LAB.all():
            host.run("ip route flush cache; ip -6 route flush cache")
        self.assertEqual(
            tcp_exchange(LAB.client, version, lab.address("server", version),
                         8080, size=60000, timeout=15), "ok")
        LAB.router.run("ip link set toc mtu 1500")

    def exchanges(self, client, version, dst):
        for end, exchange, port, options in (
                ("ok", tcp_exchange, 8080, {}),
                ("refused", tcp_exchange, 8089, {}),
                ("ok", udp_exchange, 8080, {}),
                ("ok", udp_exchange, 8080, {"connected": False}),
                ("ok", udp_exchange, 8080, {"size": 4000}),
                ("refused", udp_exchange, 8089, {})):
            self.assertEqual(
                exchange(client, version, dst, port, **options), end,
                "%s, port %d, %s" % (exchange.__name__, port, options))

    def check(self, space, role):
        filtered(space)
        before = {v: saved(space, v) for v in lab.VERSIONS}
        self.done(space, "apply", policy=POLICY % (role, PORTS))
        entries = lab.NewEntries(space)
        for version in lab.VERSIONS:
            with self.subTest(ip=version):
                self.narrow(version)
                self.exchanges(LAB.client, version,
                               lab.address("server", version))
                self.assertEqual(
                    [line for line in saved(space, version)
                     if "ctpolicy" not in line], before[version])
                self.assertEqual(entries.take(), [])
        entries.close()
        self.done(space, "remove")
        for version in lab.VERSIONS:
            self.assertEqual(saved(space, version), before[version])

    def test_server(self):
        self.check(LAB.server, "server")

    def test_client(self):
        self.check(LAB.client, "client")

    def test_router(self):
        self.check(LAB.router, "router")

    def test_loopback(self):
        for role in ("server", "client"):
            filtered(LAB.server)
            self.done(LAB.server, "apply", policy=POLICY % (role, PORTS))
            for version in lab.VERSIONS:
                with self.subTest(role=role, ip=version):
                    self.exchanges(LAB.server, version,
                                   lab.LOOPBACK[version])

    def test_nothing_else(self):
        Echo(LAB.server, 9000)
        filtered(LAB.server)
        self.done(LAB.server, "apply")
        for version in lab.VERSIONS:
            for exchange in (tcp_exchange, udp_exchange):
                self.assertEqual(
                    exchange(LAB.client, version,
                             lab.address("server", version), 9000,
                             timeout=0.2), "timeout")


class Picture(Case):
    """What iptables makes of the rules, and what is left of the host's."""

    def setUp(self):
        self.space = filtered(LAB.server)
        self.before = {v: saved(self.space, v) for v in lab.VERSIONS}

    def test_foreign_rules_stay(self):
        for version in lab.VERSIONS:
            tcp_exchange(LAB.client, version, lab.address("server", version),
                         8080)
        rules, counts = foreign(self.space)
        self.assertGreater(sum(counts), 0)
        for command in ("apply", "apply", "remove"):
            self.done(self.space, command)
            now, more = foreign(self.space)
            self.assertEqual(now, rules)
            self.assertTrue(all(a <= b for a, b in zip(counts, more)), more)
            counts = more

    def test_no_foreign_words(self):
        """No set, no `ct`, no `notrack` in tables of iptables-nft."""
        self.done(self.space, "apply")
        for family in ("ip", "ip6"):
            text = self.space.run("nft --debug=netlink list table %s filter"
                                  % family)
            found = set(re.findall(r"^\s+\[ (\w+) ", text, re.M))
            self.assertLessEqual(found, {"bitwise", "cmp", "counter",
                                         "immediate", "match", "meta",
                                         "payload"})

    def test_iptables_restores_it(self):
        """iptables-nft's own rules of the same meaning are the same."""
        self.done(self.space, "apply")
        for version in lab.VERSIONS:
            text = self.space.run([TOOLS[version] + "-save"])
            load(self.space, version, text)
            self.assertEqual(self.space.run([TOOLS[version] + "-save"])
                             .splitlines()[1:-1], text.splitlines()[1:-1])
        self.assertIn("No changes: ", self.done(self.space, "diff"))

    def test_iptables_deletes_it(self):
        self.done(self.space, "apply")
        for version in lab.VERSIONS:
            for line in saved(self.space, version):
                if line.startswith("-A") and "ctpolicy" in line:
                    self.space.run([TOOLS[version], "-D",
                                    *shlex.split(line)[1:]])
            for line in saved(self.space, version):
                if line.startswith(":ctpolicy"):
                    self.space.run([TOOLS[version], "-X",
                                    line.split()[0][1:]])
            self.assertEqual(saved(self.space, version),
                             self.before[version])

    def test_drift(self):
        """diff shows what others did to the rules, apply mends it."""
        own = {
            "flush": "%s -F",
            "one of ours": "%s -D ctpolicy-input 2",
            "one of somebody's": "%s -A ctpolicy-input -p udp -j DROP",
            "an edit": "%s -R ctpolicy-input 1 -p tcp -j ACCEPT",
            "the jump": "%s -D INPUT -m conntrack --ctstate INVALID,UNTRACKED "
                        "-m comment --comment ctpolicy -j ctpolicy-input",
        }
        self.done(self.space, "apply")
        whole = {v: sorted(saved(self.space, v)) for v in lab.VERSIONS}
        for name, command in own.items():
            for version in lab.VERSIONS:
                with self.subTest(name, ip=version):
                    self.space.run(command % TOOLS[version])
                    said = self.done(self.space, "diff", code=1)
                    self.assertIn(" ip%s filter " % ("6" if version == 6
                                                     else ""), said)
                    self.done(self.space, "apply")
                    self.done(self.space, "diff")
                    if name == "flush":
                        load(self.space, version, dump(version))
                        self.done(self.space, "apply")
                    self.assertEqual(sorted(saved(self.space, version)),
                                     whole[version])

    def test_restored_over(self):
        """iptables-nft-restore of an older dump takes the rules along."""
        self.done(self.space, "apply")
        for version in lab.VERSIONS:
            load(self.space, version, dump(version))
        self.done(self.space, "diff", code=1)
        self.done(self.space, "apply")
        self.done(self.space, "diff")
        for version in lab.VERSIONS:
            self.assertEqual(
                udp_exchange(LAB.client, version,
                             lab.address("server", version), 8080), "ok")

    def test_back(self):
        """rollback to other rules, and to none."""
        self.done(self.space, "apply")
        first = {v: saved(self.space, v) for v in lab.VERSIONS}
        self.done(self.space, "apply", policy=POLICY % ("server", 8080))
        self.done(self.space, "rollback")
        self.assertEqual({v: sorted(saved(self.space, v))
                          for v in lab.VERSIONS},
                         {v: sorted(first[v]) for v in lab.VERSIONS})
        self.done(self.space, "rollback")
        self.assertEqual({v: saved(self.space, v) for v in lab.VERSIONS},
                         self.before)
        self.done(self.space, "rollback", "--redo")
        self.done(self.space, "diff")

    @unittest.skipUnless(shutil.which("strace"), "no strace")
    def test_recover(self):
        """Killed behind the batch that went to the kernel."""
        path = os.path.join(lab.WORK, "policy.yaml")
        self.done(self.space, "diff", code=1)
        for when in range(1, 20):
            self.space.run([
                "strace", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg",
                "-e", "inject=sendmsg:signal=SIGKILL:when=%d" % when,
                lab.CTPOLICY, "apply", path], check=False)
            in_force = saved(self.space, 4) != self.before[4]
            said = self.done(self.space, "recover")
            now = {v: saved(self.space, v) for v in lab.VERSIONS}
            if in_force:
                self.assertNotIn("nothing", said)
                break
            self.assertEqual(now, self.before)
        self.assertTrue(in_force)
        if now != self.before:
            self.done(self.space, "diff")
            self.done(self.space, "remove")
        self.assertEqual({v: saved(self.space, v) for v in lab.VERSIONS},
                         self.before)


if __name__ == "__main__":
    unittest.main()
