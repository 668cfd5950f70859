# SPDX-License-Identifier: GPL-2.0-or-later
"""Before anything is written, the packets of each service are followed through
the host's own rules: what would get worse is refused by name, and what merely
looks like it is not."""
import os
import re
import shutil
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from peers import Server, answers, pair                     # noqa: E402

REFUSED = 14
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [8080]%s}
"""
# A host that filters as most do: what is ahead of its rules, in input.
NFT = """table inet host {
 chain input {
  type filter hook input priority filter; policy drop;
  icmpv6 type { 133-136 } accept
%s
  ct state established,related accept
  ct state invalid drop
  tcp dport 8080 ct state new accept
 }
}
"""
LEGACY = """*filter
:INPUT DROP [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
%s
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""


TIME_POLICY = """version: 1
state_matching: allowed
families: [ipv4]
untracked:
  - {name: ntp, role: server, protocol: udp, ports: [123]}
"""


def nft_chain(kind, hook, priority, rules):
    return "table inet more {\n chain c {\n  type %s hook %s priority %s;\n" \
        "%s\n }\n}\n" % (kind, hook, priority, rules)


def table(name, *rules):
    return "*%s\n%s\nCOMMIT\n" % (name, "\n".join("-A " + r for r in rules))


HELPER = "table inet more {\n ct helper h { type \"ftp\" protocol tcp; }\n}\n"
# name -> nft in the input chain, nft besides; iptables likewise; what is said
HARMS = {
    "connections are counted": (
        "  tcp dport 8080 ct count over 20 drop", "",
        "-A INPUT -p tcp --dport 8080 -m connlimit --connlimit-above 20 "
        "-j DROP", "", "CT593"),
    "connections are redirected": (
        "", nft_chain("nat", "prerouting", "dstnat",
                      "  tcp dport 8080 redirect to :9090"),
        "", table("nat", "PREROUTING -p tcp --dport 8080 -j REDIRECT "
                  "--to-ports 9090"), "CT592"),
    "connections go to another host": (
        "", nft_chain("nat", "prerouting", "dstnat",
                      "  meta nfproto ipv4 tcp dport 8080 "
                      "dnat ip to 203.0.113.9:80\n"
                      "  meta nfproto ipv6 tcp dport 8080 "
                      "dnat ip6 to [2001:db8:9::9]:80"),
        "", {4: table("nat", "PREROUTING -p tcp --dport 8080 -j DNAT "
                      "--to-destination 203.0.113.9:80"),
             6: table("nat", "PREROUTING -p tcp --dport 8080 -j DNAT "
                      "--to-destination [2001:db8:9::9]:80")}, "CT592"),
    "the mark of connections is asked for": (
        "  tcp dport 8080 ct mark 0x7 drop", "",
        "-A INPUT -p tcp --dport 8080 -m connmark --mark 0x7 -j DROP", "",
        "CT593"),
    "a helper reads along": (
        "", HELPER + nft_chain("filter", "prerouting", "mangle",
                               "  tcp dport 8080 ct helper set \"h\""),
        "", table("raw", "PREROUTING -p tcp --dport 8080 -j CT --helper ftp"),
        "CT593"),
    "bytes of connections are counted": (
        "  tcp dport 8080 ct bytes > 100000 drop", "",
        "-A INPUT -p tcp --dport 8080 -m connbytes --connbytes 100000 "
        "--connbytes-dir both --connbytes-mode bytes -j DROP", "", "CT593"),
}
NEAR_MISSES = {
    "nothing": ("", "", "", ""),
    # accept rules stand ahead of these
    "what has no connection is dropped early": (
        "", nft_chain("filter", "prerouting", "mangle",
                      "  ct state invalid drop"),
        "", table("mangle", "PREROUTING -m conntrack --ctstate INVALID "
                  "-j DROP")),
    "all but known states are dropped early": (
        "", nft_chain("filter", "prerouting", "mangle",
                      "  ct state != { new, established, related } drop"),
        "", table("mangle", "PREROUTING -m conntrack ! --ctstate "
                  "NEW,ESTABLISHED,RELATED -j DROP")),
    "what has no connection is dropped late": (
        "", nft_chain("filter", "postrouting", "mangle",
                      "  ct state invalid drop"),
        "", table("mangle", "POSTROUTING -m conntrack --ctstate INVALID "
                  "-j DROP")),
    "all but known states are dropped late": (
        "", nft_chain("filter", "postrouting", "mangle",
                      "  ct state != { new, established, related } drop"),
        "", table("mangle", "POSTROUTING -m conntrack ! --ctstate "
                  "NEW,ESTABLISHED,RELATED -j DROP")),
    # they hold: accept rules stand behind what drops some packets
    "a blocklist": (
        "  ip saddr 203.0.113.0/24 drop\n  ip6 saddr 2001:db8:bad::/48 drop",
        "",
        {4: "-A INPUT -s 203.0.113.0/24 -j DROP",
         6: "-A INPUT -s 2001:db8:bad::/48 -j DROP"}, ""),
    "a rate limit": (
        "  tcp dport 8080 limit rate over 5/second drop", "",
        "-A INPUT -p tcp --dport 8080 -m hashlimit --hashlimit-name w "
        "--hashlimit-above 5/sec -j DROP", ""),
    "another port is banned": (
        "  ip saddr 203.0.113.0/24 tcp dport 22 drop", "",
        {4: "-A INPUT -s 203.0.113.0/24 -p tcp --dport 22 -j DROP", 6: ""},
        ""),
    "another port is limited": (
        "  tcp dport 22 limit rate over 5/second drop", "",
        "-A INPUT -p tcp --dport 22 -m hashlimit --hashlimit-name w "
        "--hashlimit-above 5/sec -j DROP", ""),
    "another port's connections are counted": (
        "  tcp dport 22 ct count over 20 drop", "",
        "-A INPUT -p tcp --dport 22 -m connlimit --connlimit-above 20 "
        "-j DROP", ""),
    "another port is redirected": (
        "", nft_chain("nat", "prerouting", "dstnat",
                      "  tcp dport 81 redirect to :9090"),
        "", table("nat", "PREROUTING -p tcp --dport 81 -j REDIRECT "
                  "--to-ports 9090")),
    "a helper reads others along": (
        "", HELPER + nft_chain("filter", "prerouting", "mangle",
                               "  tcp dport 21 ct helper set \"h\""),
        "", table("raw", "PREROUTING -p tcp --dport 21 -j CT --helper ftp")),
    "other connections have a zone": (
        "", nft_chain("filter", "prerouting", "-301",
                      "  tcp dport 22 ct zone set 7"),
        "", table("raw", "PREROUTING -p tcp --dport 22 -j CT --zone 7")),
    "others are masqueraded": (
        "", nft_chain("nat", "postrouting", "srcnat",
                      "  oifname \"wan\" masquerade"),
        "", table("nat", "POSTROUTING -o wan -j MASQUERADE")),
    "what is redirected was accepted before": (
        "", nft_chain("nat", "prerouting", "dstnat",
                      "  tcp dport 8080 accept\n"
                      "  tcp dport 8000-9000 redirect to :9090"),
        "", table("nat", "PREROUTING -p tcp --dport 8080 -j ACCEPT",
                  "PREROUTING -p tcp --dport 8000:9000 -j REDIRECT "
                  "--to-ports 9090")),
    "the mark of other connections is asked for": (
        "  tcp dport 22 ct mark 0x7 drop", "",
        "-A INPUT -p tcp --dport 22 -m connmark --mark 0x7 -j DROP", ""),
    "marks are kept for connections that have none": (
        "", nft_chain("filter", "prerouting", "mangle",
                      "  ct state established,related meta mark set ct mark\n"
                      "  ct state new ct mark set meta mark"),
        "", table("mangle", "PREROUTING -m conntrack --ctstate "
                  "ESTABLISHED,RELATED -j CONNMARK --restore-mark",
                  "PREROUTING -m conntrack --ctstate NEW -j CONNMARK "
                  "--save-mark")),
    "nobody reads the mark": (
        "", nft_chain("filter", "prerouting", "mangle",
                      "  ct state new meta mark set 0x1"),
        "", table("mangle", "PREROUTING -m conntrack --ctstate NEW -j MARK "
                  "--set-mark 1")),
    "bytes are looked at, and nothing is done": (
        "  tcp dport 8080 ct bytes > 100000 counter", "",
        "-A INPUT -p tcp --dport 8080 -m connbytes --connbytes 100000 "
        "--connbytes-dir both --connbytes-mode bytes", ""),
    "a log with a limit": (
        "  tcp dport 8080 limit rate 5/second log", "",
        "-A INPUT -p tcp --dport 8080 -m limit --limit 5/sec -j LOG", ""),
}


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        Server(SERVER, version, 8080)


def fill(backend, nft_rules, nft_more, ipt_rules, ipt_more):
    SERVER.clear()
    if backend == "nftables":
        SERVER.nft(NFT % nft_rules + nft_more)
        return
    for version in lab.VERSIONS:
        rules, more = (text[version] if isinstance(text, dict) else text
                       for text in (ipt_rules, ipt_more))
        text = LEGACY % rules + more
        if version == 4:
            text = text.replace("-A INPUT -p ipv6-icmp -j ACCEPT\n", "")
        if backend == "iptables-nft":
            SERVER.run(["ip%stables-nft-restore" % ("" if version == 4 else
                                                    "6")], text)
        else:
            SERVER.legacy(version, text)


def command(name, *options, more=", accept: open"):
    return SERVER.ctpolicy(name, POLICY % more, *options)


def refused_packets(out):
    return re.findall(r"\(([a-z]+ [^()]* > [^()]*)\)", out)


def serves():
    return all(answers(CLIENT, version, 8080, 2) for version in lab.VERSIONS)


def answered_from(port):
    """Does a request from this port of the server get its answer?"""
    with SERVER.socket(lab.FAMILY[4], socket.SOCK_DGRAM) as mine, \
         CLIENT.socket(lab.FAMILY[4], socket.SOCK_DGRAM) as other:
        mine.bind(("", port))
        other.bind(("", port))
        mine.settimeout(.3)
        other.settimeout(2)
        mine.sendto(b"time?", (lab.address("client", 4), port))
        data, sender = other.recvfrom(100)
        other.sendto(data, sender)
        try:
            return mine.recv(100) == b"time?"
        except TimeoutError:
            return False


def fill_some(backend, nft, ipt):
    """Who may use the service is in its own accept rule; None: nobody."""
    SERVER.clear()
    if backend == "nftables":
        rules = NFT % ""
        own = " tcp dport 8080 ct state new accept\n"
        assert own in rules
        SERVER.nft(rules.replace(own, "" if nft is None else
                                 " %s%s" % (nft, own)))
        return
    own = "-A INPUT -p tcp --dport 8080 -m conntrack --ctstate NEW -j ACCEPT"
    assert own in LEGACY
    for version in lab.VERSIONS:
        text = LEGACY % ""
        if version == 4:
            text = text.replace("-A INPUT -p ipv6-icmp -j ACCEPT\n", "")
        nobody = ipt is None or (version == 6 and "." in ipt)
        SERVER.legacy(version, text.replace(
            own, "" if nobody else own.replace("-p tcp", ipt + "-p tcp")))


class Preflight(unittest.TestCase):
    def tearDown(self):
        SERVER.clear()

    def assert_explained(self, out):
        """What is refused can be looked at in its own words."""
        self.assertTrue(refused_packets(out), out)
        for packet in refused_packets(out):
            said = SERVER.run([lab.CTPOLICY, "explain", packet])
            self.assertIn("tracked", said)

    def test_harm_is_refused(self):
        for backend in lab.BACKENDS:
            for name, (*rules, said) in HARMS.items():
                with self.subTest(backend=backend, harm=name):
                    fill(backend, *rules)
                    before = SERVER.run("nft list ruleset; "
                                        "iptables-legacy-save")
                    for what in "diff", "apply":
                        code, out = command(what, "--backend", backend)
                        self.assertEqual(code, REFUSED, out)
                        self.assert_explained(out)
                        self.assertIn(said, out)
                        self.assertIn("web", out)
                    self.assertEqual(strip(before), strip(SERVER.run(
                        "nft list ruleset; iptables-legacy-save")))

    def test_near_misses_pass(self):
        for backend in lab.BACKENDS:
            for name, rules in NEAR_MISSES.items():
                with self.subTest(backend=backend, miss=name):
                    fill(backend, *rules)
                    code, out = command("apply", "--backend", backend)
                    self.assertEqual(code, 0, out)
                    self.assertNotIn("CT59", out)
                    self.assertTrue(serves())

    @unittest.skipUnless("nftables" in lab.BACKENDS and
                         shutil.which("iptables-nft-restore"),
                         "needs nftables and iptables-nft")
    def test_iptables_nft(self):
        """What legacy tables may not hold, these may not hold either."""
        for name, (*rules, said) in HARMS.items():
            with self.subTest(harm=name):
                fill("iptables-nft", *rules)
                code, out = command("apply", "--backend", "nftables")
                self.assertEqual(code, REFUSED, out)
                self.assertIn(said, out)
        for name, rules in NEAR_MISSES.items():
            with self.subTest(miss=name):
                fill("iptables-nft", *rules)
                code, out = command("apply", "--backend", "nftables")
                self.assertEqual(code, 0, out)
                self.assertNotIn("CT59", out)
                self.assertTrue(serves())

    def test_marks_that_routes_ask_for(self):
        nft_mark = nft_chain(
            "filter", "prerouting", "mangle",
            "  ct state new tcp dport 8080 ct mark set 0x10\n"
            "  ct state established meta mark set ct mark")
        ipt_mark = table(
            "mangle", "PREROUTING -p tcp --dport 8080 -m conntrack --ctstate "
            "NEW -j CONNMARK --set-mark 0x10", "PREROUTING -m conntrack "
            "--ctstate ESTABLISHED -j CONNMARK --restore-mark")
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                fill(backend, "", nft_mark, "", ipt_mark)
                SERVER.run("ip rule add fwmark 0x10 lookup main")
                code, out = command("apply", "--backend", backend)
                SERVER.run("ip rule del fwmark 0x10")
                self.assertEqual(code, REFUSED, out)
                self.assertIn("CT593", out)
                self.assertIn("mark", out)
                code, out = command("apply", "--backend", backend)
                self.assertEqual(code, 0, out)
                self.assertTrue(serves())

    def test_override(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                fill(backend, *HARMS["connections are counted"][:4])
                code, out = command("apply", "--backend", backend, more=
                                    ", accept: open, override: [nat]")
                self.assertEqual(code, REFUSED, out)
                code, out = command("apply", "--backend", backend, more=
                                    ", accept: open, override: [limits]")
                self.assertEqual(code, 0, out)
                self.assertIn("warning", out)
                self.assertIn("CT593", out)
                SERVER.run([lab.CTPOLICY, "remove"])
                code, out = command("apply", "--backend", backend, "--force")
                self.assertEqual(code, 0, out)
                self.assertIn("CT593", out)

    def test_open_for_more_than_the_host_lets_in(self):
        """`accept: open` is for all. Where the host's own rules let only some
        use the service, the policy opens more than it seems: that is said."""
        for backend in lab.BACKENDS:
            for nft, ipt, more, wider in (
                    ("ip saddr 192.0.2.0/24 ", "-s 192.0.2.0/24 ", "", True),
                    ("ip saddr 192.0.2.0/24 ", "-s 192.0.2.0/24 ",
                     ", clients: [192.0.2.0/24]", False),
                    # the one device that there is
                    ("iifname s ", "-i s ", "", False),
                    ("", "", "", False)):
                with self.subTest(backend=backend, rule=ipt, more=more):
                    fill_some(backend, nft, ipt)
                    for accept in "open", "inherit":
                        code, out = command("diff", "--backend", backend, more=
                                            ", accept: %s%s" % (accept, more))
                        self.assertEqual(code, 1, out)
                        self.assertEqual("CT600" in out,
                                         wider and accept == "open", out)

    def test_open_where_the_host_lets_nobody_in(self):
        """To let them in is what `open` is for."""
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                fill_some(backend, None, None)
                code, out = command("diff", "--backend", backend,
                                    more=", accept: open")
                self.assertEqual(code, 1, out)
                self.assertNotIn("CT600", out)

    def test_open_for_ports_that_the_host_keeps_shut(self):
        """That, too, is what `open` is for. The port that the host opens is
        open to the same as before."""
        text = (POLICY % ", accept: open").replace("[8080]", "[8080, 8081]")
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                fill_some(backend, "", "")
                code, out = SERVER.ctpolicy("diff", text, "--backend", backend)
                self.assertEqual(code, 1, out)
                self.assertNotIn("CT600", out)

    def test_clients_that_are_not_banned(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                fill(backend, *NEAR_MISSES["a blocklist"])
                code, out = command(
                    "apply", "--backend", backend, more=", accept: open, "
                    "clients: [192.0.2.0/24, 2001:db8:1::/64]")
                self.assertEqual(code, 0, out)
                self.assertNotIn("CT59", out)

    def test_devices_that_are_not_translated(self):
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                fill(backend, "", nft_chain(
                    "nat", "prerouting", "dstnat",
                    "  iifname \"wan\" tcp dport 8080 redirect to :9090"),
                     "", table("nat", "PREROUTING -i wan -p tcp --dport 8080 "
                               "-j REDIRECT --to-ports 9090"))
                code, out = command("apply", "--backend", backend)
                self.assertEqual(code, REFUSED, out)
                self.assertIn("CT592", out)
                self.assertRegex(out, "rule 1 of chain .*8080")
                code, out = command("apply", "--backend", backend, more=
                                    ", accept: open, interfaces: [s]")
                self.assertEqual(code, 0, out)
                self.assertNotIn("CT59", out)
                self.assertTrue(serves())

    def test_begun_from_its_own_port(self):
        """A time server that asks others from the port it serves: that their
        answers get lost is said, and where they don't, nothing is."""
        for backend in lab.BACKENDS:
            for nft, ipt, lost in (
                    ("ip saddr 203.0.113.0/24", "-s 203.0.113.0/24", True),
                    ("", "", False)):
                with self.subTest(backend=backend, asks=ipt):
                    fill(backend,
                         "  %s udp dport 123 ct state new accept" % nft, "",
                         {4: "-A INPUT %s -p udp --dport 123 -m conntrack "
                             "--ctstate NEW -j ACCEPT" % ipt, 6: ""}, "")
                    self.assertTrue(answered_from(123))
                    code, out = SERVER.ctpolicy(
                        "apply", TIME_POLICY, "--backend", backend)
                    self.assertEqual(code, 0, out)
                    self.assertEqual("CT597" in out, lost, out)
                    self.assertEqual(answered_from(123), not lost)

    def test_none_is_proven(self):
        """`accept: none` says that nothing is needed: that is checked."""
        for backend in lab.BACKENDS:
            with self.subTest(backend):
                fill(backend, "", "", "", "")
                code, out = command("apply", "--backend", backend,
                                    more=", accept: none")
                self.assertEqual(code, REFUSED, out)
                self.assertIn("CT590", out)
                self.assertTrue(serves())
                fill(backend,
                     "  iif lo accept\n"
                     "  ct state untracked tcp dport 8080 accept\n"
                     "  icmp type { 3, 11, 12 } accept\n"
                     "  icmpv6 type { 1, 2, 3, 4 } accept", "",
                     {4: "-A INPUT -i lo -j ACCEPT\n"
                         "-A INPUT -p tcp --dport 8080 -m conntrack "
                         "--ctstate UNTRACKED -j ACCEPT\n"
                         "-A INPUT -p icmp -j ACCEPT",
                      6: "-A INPUT -i lo -j ACCEPT\n"
                         "-A INPUT -p tcp --dport 8080 -m conntrack "
                         "--ctstate UNTRACKED -j ACCEPT"}, "")
                code, out = command("apply", "--backend", backend,
                                    more=", accept: none")
                self.assertEqual(code, 0, out)
                self.assertTrue(serves())


def strip(text):
    """Without counters and comments."""
    return [line.split("[")[0] for line in text.splitlines()
            if not line.startswith("#")]


if __name__ == "__main__":
    unittest.main()
