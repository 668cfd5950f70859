# SPDX-License-Identifier: GPL-2.0-or-later
"""Beside real firewalls, with what they write and how they reload it: the
service works untracked, whom they ban stays out, now and later, and what they
lose of ctpolicy's rules, diff shows and apply brings back."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import firewalls                                            # noqa: E402
import lab                                                  # noqa: E402
from traffic import Echo, tcp_exchange, udp_exchange        # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: %s}
  - {name: dns, role: server, protocol: udp, ports: [53], accept: %s}
"""
WEB, DNS, SSH, SHUT = 80, 53, 22, 9000
# The client's other addresses: banned before the policy comes, and after.
FIRST = {4: "192.0.2.66", 6: "2001:db8:1::66"}
SECOND = {4: "192.0.2.67", 6: "2001:db8:1::67"}
# CTPOLICY_EVERY=2: what is most like the others is left out
where_time_is = unittest.skipUnless(
    os.environ.get("CTPOLICY_EVERY", "1") == "1", "not all are played here")


def setUpModule():
    global LAB
    lab.require_ctpolicy()
    LAB = lab.Lab()
    LAB.router.run("ip link set toc mtu 1400")
    for version, bits in ((4, 24), (6, 64)):
        for banned in (FIRST, SECOND):
            LAB.client.run("ip address add %s/%d dev eth0%s" % (
                banned[version], bits, " nodad" if version == 6 else ""))
    for port in (WEB, DNS, SSH, SHUT):
        Echo(LAB.server, port)
    Echo(LAB.client, SHUT)


class Firewall(unittest.TestCase):
    room = None

    def tearDown(self):
        if self.room:
            self.room.close()
        LAB.server.clear()

    def ctpolicy(self, *words):
        code, said = LAB.server.ctpolicy(words[0], self.policy, *words[1:])
        return code, said

    def done(self, *words):
        code, said = self.ctpolicy(*words)
        self.assertEqual(code, 0, "%s: %s" % (words, said))
        return said

    def reach(self, version, port, source=None, exchange=tcp_exchange, **more):
        source = (source or lab.ADDRESS["client"][version == 6], 0)
        return exchange(LAB.client, version, lab.address("server", version),
                        port, source=source, **more)

    def served(self, version):
        """A transfer through a narrow hop too."""
        LAB.server.run("ip route flush cache; ip -6 route flush cache")
        self.assertEqual(self.reach(version, WEB, size=60000, timeout=6), "ok",
                         LAB.server.run("iptables-save -c; nft list ruleset"))
        self.assertEqual(self.reach(version, DNS, exchange=udp_exchange,
                                    timeout=2), "ok")

    def holds(self, banned, untracked):
        """What must be so before, while and after ctpolicy has rules here."""
        events = lab.NewEntries(LAB.server)
        for version in lab.VERSIONS:
            with self.subTest(ip=version):
                self.served(version)
                made = [event for event in events.take()
                        if event.split(".")[-1] in (str(WEB), str(DNS))]
                self.assertEqual(made == [], untracked, made)
                for source in banned:
                    self.assertNotEqual(
                        self.reach(version, WEB, source[version], timeout=.4),
                        "ok")
                self.assertNotEqual(self.reach(version, SHUT, timeout=.4), "ok")
                events.take()
                self.assertEqual(self.reach(version, SSH, timeout=2), "ok")
                self.assertEqual(len(events.take()), 1)
                self.assertEqual(tcp_exchange(
                    LAB.server, version, lab.address("client", version), SHUT,
                    timeout=2), "ok")
        events.close()

    @staticmethod
    def host_rules():
        """With handles, without counters, and without what is ctpolicy's."""
        text = LAB.server.run("nft -a -s list ruleset; iptables-legacy-save; "
                              "ip6tables-legacy-save")
        for ours in (r"^table inet ctpolicy \{.*?^\}\n",
                     r"^\t(chain|set) ctpolicy-\S+ \{.*?^\t\}\n"):
            text = re.sub(ours, "", text, flags=re.M | re.S)
        text = re.sub(r"(?mi)^#.*\n|^.*ctpolicy.*\n| \[\d+:\d+\]", "", text)
        # what is there once somebody looks
        text = re.sub(r"(?m)^\*\w+\n(:[A-Z]+ ACCEPT\n)+COMMIT\n", "", text)
        return [line for line in text.splitlines() if line.strip()]

    def names(self, chain):
        """The rules of the firewall's that no accept rule is needed beside."""
        said = re.sub(r"\n {4,}", " ", self.ctpolicy("diff")[1])
        for service in "web", "dns":
            self.assertRegex(said, r"(?m)^= first packets of %s are accepted "
                             r"by rule \d+ of chain %s of table" % (
                                 service, chain))

    def check(self, accept, ban, reload, chain=None):
        self.policy = POLICY % (accept, accept)
        if chain:
            self.names(chain)
        ban(FIRST)
        self.holds([FIRST], False)
        before = self.host_rules()
        self.done("apply")
        self.assertEqual(self.host_rules(), before)
        self.holds([FIRST], True)
        ban(SECOND)
        self.done("diff")
        self.holds([FIRST, SECOND], True)
        reload()
        before = self.host_rules()
        code, said = self.ctpolicy("diff")
        if code:
            self.assertEqual(code, 1, said)
            self.assertRegex(said, r"(?m)^[+~] ")
            self.done("apply")
        self.holds([FIRST, SECOND], True)
        self.done("diff")
        LAB.server.run([lab.CTPOLICY, "remove"])
        self.assertEqual(self.host_rules(), before)
        self.holds([FIRST, SECOND], False)


class Ufw(Firewall):
    def play(self, dialect, accept):
        self.room = firewalls.ufw(LAB.server, dialect)
        for rule in ("%d/tcp" % WEB, "%d/tcp" % SSH, "%d/udp" % DNS):
            self.room.run(["ufw", "allow", rule])
        self.room.run(["ufw", "--force", "enable"])
        self.check(accept, self.ban,
                   lambda: self.room.run(["ufw", "reload"]),
                   "ufw6?-user-input")

    def ban(self, addresses):
        for address in addresses.values():
            self.room.run(["ufw", "prepend", "deny", "from", address])

    def test_iptables_nft(self):
        self.play("nft", "inherit")

    @where_time_is
    def test_legacy(self):
        self.play("legacy", "open")


class Firewalld(Firewall):
    def play(self, backend, accept):
        self.room = firewalls.firewalld(LAB.server, backend)
        self.command("--add-port=%d/tcp" % WEB, "--add-port=%d/udp" % DNS)
        self.check(accept, self.ban, lambda: self.command("--reload"),
                   r"(?:filter_)?IN_public_allow")

    def command(self, *words):
        return self.room.run(["firewall-cmd", *words])

    def ban(self, addresses):
        self.command(*("--add-rich-rule=rule family=ipv%d source address=%s "
                       "drop" % each for each in addresses.items()))
        self.command("--runtime-to-permanent")

    def test_nftables(self):
        self.play("nftables", "inherit")

    def test_iptables(self):
        self.play("iptables", "open")


class Fail2ban(Firewall):
    """It bans beside a filter that is somebody else's."""

    def play(self, action, dialect, filter_dialect, accept="inherit"):
        dialects.load(LAB.server, filter_dialect, self.text)
        self.room = firewalls.fail2ban(LAB.server, action, WEB, dialect)
        self.check(accept, self.ban, self.restart)

    @staticmethod
    def text(version):
        lines = ["*filter", ":INPUT DROP [0:0]", "-A INPUT -i lo -j ACCEPT"]
        lines += ["-A INPUT -m conntrack --ctstate %s -j %s" % rule for rule in
                  (("ESTABLISHED,RELATED", "ACCEPT"), ("INVALID", "DROP"))]
        if version == 6:
            lines += ["-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type %d "
                      "-j ACCEPT" % kind for kind in (133, 134, 135, 136)]
        lines += ["-A INPUT -p %s -m %s --dport %d -m conntrack --ctstate NEW "
                  "-j ACCEPT" % (proto, proto, port) for proto, port in (
                      ("tcp", WEB), ("tcp", SSH), ("udp", DNS))]
        return "\n".join(lines + ["COMMIT"]) + "\n"

    def ban(self, addresses):
        for address in addresses.values():
            self.room.run(["fail2ban-client", "set", "site", "banip", address])
        # a ban takes its turn in another thread
        for address in addresses.values():
            self.room.wait("nft list ruleset; iptables-save; ip6tables-save; "
                           "ipset save", address)

    def restart(self):
        self.room.run(["fail2ban-client", "stop"])
        firewalls.start_fail2ban(self.room)
        self.ban({**FIRST})
        self.ban({**SECOND})

    @where_time_is
    def test_multiport(self):
        self.play("iptables-multiport", "nft", "iptables-nft")

    @where_time_is
    def test_multiport_legacy(self):
        self.play("iptables-multiport", "legacy", "legacy", "open")

    def test_ipset(self):
        self.play("iptables-ipset", "nft", "iptables-nft")

    def test_nftables(self):
        self.play("nftables", "nft", "native")


if __name__ == "__main__":
    unittest.main()
