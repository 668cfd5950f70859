# SPDX-License-Identifier: GPL-2.0-or-later
"""`existing_rules: replace`: a limit of a replaced rule counts once, for all the rules that
stand for it; where it cannot, that is announced."""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
import packets                                              # noqa: E402
from peers import pair                                      # noqa: E402
from test_replace import ND, POLICY, Dialect, ctpolicy      # noqa: E402

BURST, EACH, PORT = 5, 12, 7
# FIN+SYN, SYN+RST, FIN+RST, nothing: each is a rule of its own afterwards
FLAGS = (0x03, 0x06, 0x05, 0x00)
PASSES = ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
IPTABLES = "*filter\n" + PASSES + """%s[0:0] -A INPUT -m conntrack --ctstate INVALID -m limit --limit 1/min --limit-burst 5 -j DROP
[0:0] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[0:0] -A INPUT -p tcp -m tcp --dport 7 -j ACCEPT
COMMIT
"""
# As ufw has it: those that return are not logged.
UFW = "*filter\n" + PASSES + """:deny - [0:0]
[0:0] -A INPUT -j deny
[0:0] -A deny -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN
[0:0] -A deny -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
COMMIT
"""
NATIVE = """table inet host {
chain input { type filter hook input priority 0; policy drop;
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
ct state invalid limit rate 1/minute burst 5 packets drop
ct state established,related accept
tcp dport 7 counter accept
}
}
"""


def setUpModule():
    lab.require_ctpolicy()


class Rate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client, cls.server = pair()

    def passed(self, version):
        """How many packets of no connection get through the limited rule."""
        before = self.counted(version)
        wire = packets.Injector(self.client, "c", self.server.mac("s"))
        src, dst = (lab.address(host, version) for host in ("client", "server"))
        try:
            for i in range(EACH):
                for flags in FLAGS:
                    wire.send(packets.ip(src, dst, 6, packets.tcp(
                        src, dst, 2000 + i, PORT, flags)))
        finally:
            wire.close()
        time.sleep(0.3)
        return self.counted(version) - before

    def counted(self, version):
        if not self.tool:
            return int(re.search(r"tcp dport 7 counter packets (\d+)",
                                 self.server.run("nft list ruleset"))[1])
        return int(re.search(r"\[(\d+):\d+\] -A INPUT -p tcp -m tcp --dport 7 ",
                             self.server.run(self.tool.tool(version, "-save -c")))[1])

    def rules(self):
        """But for what they counted."""
        text = self.tool.saved(self.server) if self.tool else \
            self.server.run("nft list ruleset")
        return re.sub(r"\[\d+:\d+\]|packets \d+ bytes \d+", "", text)

    def load(self, text):
        self.server.clear()
        if not self.tool:
            self.server.nft(NATIVE)
            return
        for version in lab.VERSIONS:
            self.server.run([self.tool.tool(version, "-restore"), "-c"], text.replace(
                "%s", ND if version == 6 else ""))

    def play(self, version):
        backend = self.tool.backend if self.tool else "nftables"
        self.load(IPTABLES)
        whole = len(FLAGS) * EACH
        self.assertEqual(self.passed(version), whole - BURST)
        self.load(IPTABLES)
        before = self.rules()
        self.server.apply(backend, POLICY)
        self.assertEqual(self.passed(version), whole - BURST)
        code, said = ctpolicy(self.server, "remove")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.rules(), before)

    def test_once(self):
        for name in dialects.here():
            self.tool = None if name == "native" else Dialect(name)
            for version in lab.VERSIONS:
                with self.subTest(dialect=name, version=version):
                    self.play(version)

    def test_announced(self):
        """What leaves its chain cannot do that from within another one."""
        for name in dialects.here():
            if name == "native":
                continue
            self.tool = Dialect(name)
            self.load(UFW)
            _, said = self.server.ctpolicy("diff", POLICY, "--backend", self.tool.backend)
            self.assertIn("holds for each of several rules", said)


if __name__ == "__main__":
    unittest.main()
