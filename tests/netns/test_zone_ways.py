# SPDX-License-Identifier: GPL-2.0-or-later
"""A conntrack zone that is set in one direction of a service alone hides the
entry from the other: what fails today for that reason, and would work when it
is untracked, is refused and named; what works goes on to work."""
import contextlib
import os
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
from peers import Server, answers, pair                     # noqa: E402

REFUSED = 14
PORT = 8080
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: %s, ports: [8080]}
"""
# What most hosts have; answers that must be known; and nothing that drops.
STATES = "-m conntrack --ctstate "
FILTERS = {
    "in": [":INPUT DROP [0:0]", "-A INPUT -p ipv6-icmp -j ACCEPT",
           "-A INPUT " + STATES + "ESTABLISHED,RELATED -j ACCEPT",
           "-A INPUT " + STATES + "INVALID -j DROP",
           "-A INPUT -p %s --dport 8080 " + STATES + "NEW -j ACCEPT"],
    "out": [":OUTPUT DROP [0:0]", "-A OUTPUT -p ipv6-icmp -j ACCEPT",
            "-A OUTPUT " + STATES + "ESTABLISHED,RELATED -j ACCEPT"],
    "open": ["-A INPUT -p %s --dport 8080 " + STATES + "NEW -j ACCEPT"],
    # Requests that only may pass; their answers must be known, or untracked.
    "rated": [":INPUT DROP [0:0]", "-A INPUT -p ipv6-icmp -j ACCEPT",
              "-A INPUT -p icmp -j ACCEPT",
              "-A INPUT -p %s --dport 8080 -m limit --limit 1000/sec "
              "--limit-burst 1000 -j ACCEPT",
              ":OUTPUT DROP [0:0]", "-A OUTPUT -p ipv6-icmp -j ACCEPT",
              "-A OUTPUT -p icmp -j ACCEPT",
              "-A OUTPUT " + STATES + "NEW,ESTABLISHED,RELATED,UNTRACKED "
              "-j ACCEPT"],
}
ASKS = ("PREROUTING", "i", "dport"), ("prerouting", "iifname")
TELLS = ("OUTPUT", "o", "sport"), ("output", "oifname")
# protocol, filter, where a zone is set, in which direction; does it work today?
CASES = (
    ("tcp", "in", [ASKS], "", False),
    ("tcp", "in", [ASKS], "orig", True),
    ("tcp", "in", [TELLS], "", False),
    ("tcp", "in", [ASKS, TELLS], "", True),
    ("tcp", "out", [ASKS], "", False),
    ("tcp", "out", [TELLS], "orig", True),
    ("tcp", "out", [TELLS], "reply", False),
    ("tcp", "open", [ASKS], "", True),
    ("tcp", "open", [ASKS], "reply", False),
    ("tcp", "rated", [ASKS], "", False),
    ("tcp", "rated", [TELLS], "reply", False),
    ("udp", "in", [ASKS], "", True),
    ("udp", "out", [ASKS], "", False),
    ("udp", "out", [ASKS], "orig", True),
    ("udp", "out", [TELLS], "", False),
    ("udp", "open", [ASKS], "reply", False),
)


def echo(sock):
    while True:
        with contextlib.suppress(OSError):      # the host's own rules
            sock.sendto(*sock.recvfrom(2000))


def setUpModule():
    global CLIENT, SERVER
    lab.require_ctpolicy()
    CLIENT, SERVER = pair()
    for version in lab.VERSIONS:
        Server(SERVER, version, PORT)
        sock = SERVER.socket(lab.FAMILY[version], socket.SOCK_DGRAM)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", PORT))
        threading.Thread(target=echo, args=(sock,), daemon=True).start()


def is_served(proto, version):
    if proto == "tcp":
        return answers(CLIENT, version, PORT, .3)
    with CLIENT.socket(lab.FAMILY[version], socket.SOCK_DGRAM) as sock:
        sock.settimeout(.3)
        sock.connect((lab.address("server", version), PORT))
        with contextlib.suppress(OSError):
            sock.send(b"x")
            return sock.recv(10) == b"x"
    return False


def works(proto):
    found = {is_served(proto, version) for version in lab.VERSIONS}
    assert len(found) == 1, "IPv4 and IPv6 differ"
    return found.pop()


def zones(dialect, proto, ways, direction):
    """Of iptables; nft's translation of it leaves CT out."""
    if dialect != "native":
        option = "-j CT --zone%s 7" % (direction and "-" + direction)
        return "*raw\n%s\nCOMMIT\n" % "\n".join(
            "-A %s -%s s -p %s --%s 8080 %s" % (chain, flag, proto, port,
                                                option)
            for (chain, flag, port), _ in ways)
    word = {"": "", "orig": "original ", "reply": "reply "}[direction]
    return "table inet zones {\n%s}\n" % "".join(
        " chain c%s {\n  type filter hook %s priority raw;\n"
        "  %s \"s\" %s %s 8080 ct %szone set 7\n }\n" % (
            hook, hook, device, proto, port, word)
        for (_, _, port), (hook, device) in ways)


def untracked(dialect):
    """Requests alone, so that an answer belongs to no entry."""
    if dialect != "native":
        return "*raw\n-A PREROUTING -p tcp --dport 8080 -j NOTRACK\nCOMMIT\n"
    return ("table inet half {\n chain pre {\n  type filter hook prerouting "
            "priority raw;\n  tcp dport 8080 notrack\n }\n}\n")


def load(dialect, proto, name, more):
    lines = [line % proto if "%" in line else line for line in FILTERS[name]]

    def text_of(version):
        icmp = [line for line in lines if version == 6 or
                "ipv6-icmp" not in line]
        text = "*filter\n:INPUT ACCEPT [0:0]\n%s\nCOMMIT\n" % "\n".join(icmp)
        return text if dialect == "native" else more + text

    dialects.load(SERVER, dialect, text_of)
    if dialect == "native":
        SERVER.nft(more)
    SERVER.flush_entries()


class OneWay(unittest.TestCase):
    def tearDown(self):
        SERVER.clear()

    def check(self, dialect, case):
        proto, name, ways, direction, today = case
        backend = dialects.backend_of(dialect)
        load(dialect, proto, name, zones(dialect, proto, ways, direction))
        self.assertEqual(works(proto), today)
        policy = POLICY % proto
        if name == "rated":
            policy = policy.replace("[8080]", "[8080], accept: none")
        code, out = SERVER.ctpolicy("apply", policy, "--backend", backend)
        if code == 0:
            self.assertEqual(works(proto), today, out)
            SERVER.remove(backend)
            return
        self.assertEqual(code, REFUSED, out)
        if dialect == "legacy":
            self.assertFalse(today, out)
        if not today and "CT595" not in out:
            # else nft's zone undoes NOTRACK as well
            self.assertIn("different conntrack zones", out)
            self.assertIn("zone", out.split("conntrack zones, by")[-1])
            if name != "open":
                self.assertIn("are dropped today", out)

    def test_requests_without_tracking(self):
        """The answers are sure to fail today, the requests may pass."""
        policy = POLICY.replace("[8080]", "[8080], accept: none") % "tcp"
        for dialect in dialects.here():
            with self.subTest(dialect=dialect):
                load(dialect, "tcp", "rated", untracked(dialect))
                self.assertFalse(works("tcp"))
                code, out = SERVER.ctpolicy(
                    "apply", policy, "--backend",
                    dialects.backend_of(dialect))
                self.assertEqual(code, REFUSED, out)
                self.assertIn("answers", out)
                self.assertIn("are dropped today", out)
                self.assertFalse(works("tcp"))
                SERVER.clear()

    def test_a_zone_in_one_direction(self):
        every = int(os.environ.get("CTPOLICY_EVERY", "1"))
        for n, dialect in enumerate(dialects.here()):
            for case in CASES[n % every::every]:
                with self.subTest(dialect=dialect, case=case):
                    self.check(dialect, case)


if __name__ == "__main__":
    unittest.main()
