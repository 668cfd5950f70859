# SPDX-License-Identifier: GPL-2.0-or-later
"""`diff --against` a dump of a host says what `diff` says on that host: which
rules accept the services as they are, what stays tracked, what is refused.

The dump shows no addresses, interfaces or logins: those that connections are
shown with are examples."""
import json
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
from peers import pair                                      # noqa: E402

REFUSED = 14
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [8080]%s}
  - {name: dns, role: server, protocol: udp, ports: [53]}
  - {name: ask, role: client, protocol: udp, ports: [123],
     servers: [192.0.2.2, '2001:db8:1::2']}
"""
EST = "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
SAVED = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n" \
    "-A INPUT -i lo -j ACCEPT\n%s\n%%sCOMMIT\n" % EST
# name: (rules of nft, as iptables-save has them, code, what is said)
HOSTS = {
    "accepts both": ("""table inet host {
 chain input { type filter hook input priority filter; policy drop;
  iifname "lo" accept
  ct state established,related accept
  tcp dport 8080 accept
  udp dport 53 accept
 }
}""", SAVED % "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT\n"
        "-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n", 1,
        r"= first packets of web are accepted by rule \d of "),
    "translates its own": ("""table inet host {
 chain output { type nat hook output priority -100;
  oifname "lo" tcp dport 8080 redirect to :9090
 }
}""", "*nat\n-A OUTPUT -o lo -p tcp -m tcp --dport 8080 "
        "-j REDIRECT --to-ports 9090\nCOMMIT\n", 1,
        r"warning: of service web, what this host sends to itself stays"),
    "leads its own elsewhere": ("""table inet host {
 chain output { type nat hook output priority -100;
  ip daddr != 127.0.0.0/8 fib daddr type local tcp dport 8080 dnat ip to 10.0.0.7:80
  ip6 daddr != ::1 fib daddr type local tcp dport 8080 dnat ip6 to [fd00::7]:80
 }
}""", "*nat\n-A OUTPUT ! -d LO -p tcp -m addrtype --dst-type LOCAL -m tcp "
        "--dport 8080 -j DNAT --to-destination FAR\nCOMMIT\n", 1,
        r"warning: of service web, what this host sends to itself stays"),
    "leads another port to it": ("""table inet host {
 chain pre { type nat hook prerouting priority dstnat;
  tcp dport 80 redirect to :8080
 }
}""", "*nat\n-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT "
        "--to-ports 8080\nCOMMIT\n", REFUSED,
        r"error: service web would take answers out of tracking"),
    "drops what no state has": ("""table inet host {
 chain input { type filter hook input priority filter;
  ct state != { new, established, related } drop
 }
}""", "*filter\n-A INPUT -m conntrack ! --ctstate NEW,ESTABLISHED,RELATED "
        "-j DROP\nCOMMIT\n", None, "web"),
    "asks for what the entry says": ("""table inet host {
 chain input { type filter hook input priority filter; policy drop;
  ct state established,related accept
  tcp dport 8080 ct direction original accept
  udp dport 53 accept
 }
}""", SAVED % "-A INPUT -p tcp -m tcp --dport 8080 -m conntrack "
        "--ctdir ORIGINAL -j ACCEPT\n-A INPUT -p udp -m udp --dport 53 "
        "-j ACCEPT\n", REFUSED,
        r"error: .* may pass today by rule \d of .*8080.*, and would be "),
    "limits requests": ("""table inet host {
 chain input { type filter hook input priority filter; policy drop;
  ct state established,related accept
  tcp dport 8080 accept
  udp dport 53 limit rate 5/second accept
 }
}""", SAVED % "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT\n"
        "-A INPUT -p udp -m udp --dport 53 -m limit --limit 5/sec "
        "-j ACCEPT\n", REFUSED, r"error: .*service dns .* would count"),
    "limits each who asks": ("""table inet host {
 set seen { type ipv4_addr; size 999; flags dynamic,timeout; timeout 1m; }
 chain input { type filter hook input priority filter; policy drop;
  ct state established,related accept
  tcp dport 8080 accept
  udp dport 53 add @seen { ip saddr limit rate over 5/second } drop
  udp dport 53 accept
 }
}""", SAVED % "-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT\n"
        "-A INPUT -p udp -m udp --dport 53 -m hashlimit --hashlimit-above "
        "5/sec --hashlimit-mode srcip --hashlimit-name seen -j DROP\n"
        "-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n", REFUSED,
        r"error: .*service dns .* would count"),
}
DIALECTS = [d for d, backend, tool in (
    ("native", "nftables", "nft"),
    ("legacy", "iptables", "iptables-legacy-restore"))
    if backend in lab.BACKENDS and shutil.which(tool)]


def setUpModule():
    global HOST
    lab.require_ctpolicy()
    HOST = pair()[1]


def saved(text, version):
    far = "10.0.0.7:80" if version == 4 else "[fd00::7]:80"
    return text.replace("LO ", "127.0.0.0/8 " if version == 4 else "::1 ") \
        .replace("FAR", far)


def load(dialect, nft, ipt):
    """What a dump says, of IPv4 where there is one for each family."""
    HOST.clear()
    if dialect == "native":
        HOST.nft(nft)
        return HOST.run(["nft", "list", "ruleset"])
    HOST.legacy(4, saved(ipt, 4))
    return HOST.run(["iptables-legacy-save"])


def plain(said):
    """Without what a dump cannot show, and cannot spell as the kernel has it."""
    said = said.split("Nothing has been changed.")[0]
    said = re.sub(r"\n {4,}", " ", said)     # folded
    said = re.sub(r"\((?:tcp|udp) [^()]*\)", "(flow)", said)
    said = re.sub(r"dnat ip6? to", "dnat to", said)
    said = said.replace("ct direction original", "[ct direction]")
    said = re.sub(r"(?:meta nfproto ipv4 )?\[?add @seen(?: {[^}]*}|\])",
                  "[add @seen]", said)
    said = re.sub(r"{ (\w+(?:, \w+)+) }", lambda m: "{ %s }" % ", ".join(
        sorted(m[1].split(", "))), said)
    return [line for line in said.splitlines()
            if not line.startswith("using ")]


class Against(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "dump")

    def tearDown(self):
        self.folder.cleanup()
        HOST.clear()

    def diff(self, dialect, *options, more=""):
        family = () if dialect == "native" else ("--family", "ipv4")
        return HOST.ctpolicy("diff", POLICY % more, "--backend",
                             "nftables" if dialect == "native" else
                             "iptables", *family, *options)

    def test_says_the_same(self):
        for dialect in DIALECTS:
            for name, (nft, ipt, code, said) in HOSTS.items():
                with self.subTest(dialect=dialect, host=name):
                    dump = load(dialect, nft, ipt)
                    with open(self.path, "w") as f:
                        f.write(dump)
                    live = self.diff(dialect)
                    self.assertRegex(live[1], said)
                    if code is not None:
                        self.assertEqual(live[0], code, live[1])
                    HOST.clear()
                    text = self.diff(dialect, "--against", self.path)
                    self.assertEqual(text[0], live[0], text[1])
                    self.assertEqual(plain(text[1]), plain(live[1]))

    def test_overrides(self):
        """What the policy allows is a warning here, too."""
        for dialect in DIALECTS:
            with self.subTest(dialect):
                nft, ipt = HOSTS["leads another port to it"][:2]
                with open(self.path, "w") as f:
                    f.write(load(dialect, nft, ipt))
                code, said = self.diff(dialect, "--against", self.path,
                                       more=", override: [nat]")
                self.assertEqual(code, 1, said)
                self.assertRegex(said, r"warning: service web would take")

    def test_data(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                nft, ipt = HOSTS["accepts both"][:2]
                with open(self.path, "w") as f:
                    f.write(load(dialect, nft, ipt))
                live = self.diff(dialect, "--json")[1]
                text = self.diff(dialect, "--json", "--against", self.path)[1]
                found = [json.loads(s[s.index("{"):])["accepted_by"]
                         for s in (live, text)]
                self.assertEqual(len(found[0]), 2)
                self.assertEqual(found[1], found[0])

    def test_what_render_prints(self):
        """It shows no host, and so nobody's rules are judged."""
        for dialect in DIALECTS:
            code, said = HOST.ctpolicy(
                "render", POLICY % "", "-q", "--backend",
                "nftables" if dialect == "native" else "iptables")
            with open(self.path, "w") as f:
                f.write(said)
            code, said = self.diff(dialect, "--against", self.path)
            self.assertNotRegex(said, "(?m)^= |warning: .*service")


if __name__ == "__main__":
    unittest.main()
