#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What explain says of a packet is what explain --prove sees of a real one: of
rules of every dialect, with a policy and without, and of a saved file; the host
stays as it was, and what no connection begins with is refused by name."""
import json
import os
import subprocess

import lab
import tally
from peers import pair
from tally import check
from test_explain_policy import (NFT, POLICY, listing, of_file, packets, prepare,
                                 save)

NOT_FIRST = 64
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
REFUSED = (
    ("tcp 192.0.2.9 > 198.51.100.2:80 ack", "first packet"),
    ("tcp 192.0.2.9 > 198.51.100.2:80 established", "first packet"),
    ("udp 192.0.2.9 > 198.51.100.2", "port it goes to"),
    ("udp any > 198.51.100.2:53", "an address"),
    ("icmp 192.0.2.9 > 198.51.100.2 echo-reply", "echo request"),
    ("89 192.0.2.9 > 198.51.100.2", "protocol"),
    ("tcp 192.0.2.9 > 198.51.100.2:80 fragment", "fragment"),
    ("udp 192.0.2.9 > 224.0.0.251:5353", "single host"),
    ("udp [2001:db8:1::9] > [ff02::fb]:5353", "single host"),
    ("udp 192.0.2.9 > 198.51.100.255:137", "single host"),
    ("tcp 0.0.0.0 > 198.51.100.2:80", "single host"),
)
# accepted, and then not: only the first packet is what explain tells of
LATER = """*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --tcp-flags SYN,ACK ACK -j DROP
COMMIT
"""


def prove(space, packet, *options, prefix=(), text=None):
    run = space.popen([*prefix, lab.CTPOLICY, "explain", "--prove", *options,
                       *packet[1:], packet[0]], text=True,
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out = run.communicate(text, timeout=120)[0]
    return run.returncode, out


def ask(space, packet, *options, **more):
    status, out = prove(space, packet, "--json", *options, **more)
    said = json.loads(out)
    said["status"] = status
    return said


def begins(packet):
    return not packet[0].endswith("ack") and ":53 > " not in packet[0]


def agrees(side, seen, what):
    """A walk in doubt agrees with everything."""
    if not side or not seen["seen"]:
        return
    check(side["result"] in ("unknown", seen["result"]), what,
          "said %s, was %s" % (side["result"], seen))
    check(side["tracked"] in (None, seen["tracked"]) or
          seen["tracked"] is None, what,
          "said %s, was %s" % (side["tracked"], seen))


def compare(space, packet, what, *options):
    said = ask(space, packet, *options)
    what = "%s: %s" % (what, packet[0])
    check(said["status"] == 0 and said.get("proofs"), what, said)
    for proof in said.get("proofs", ()):
        check(proof["request"]["seen"], what + ": was sent", proof)
        agrees(said, proof["request"], what)
        agrees(said.get("reply"), proof["reply"], what + ": reply")
    return said


def of_dialect(space, dialect):
    backend = "iptables" if dialect == "legacy" else "nftables"
    prepare(space, backend)
    path = os.path.join(lab.WORK, "then.yaml")
    with open(path, "w") as out:
        out.write(POLICY)
    rules = listing(space)
    untracked = 0
    for packet in filter(begins, packets()):
        compare(space, packet, dialect)
        with_it = compare(space, packet, dialect + ", policy",
                          "--policy", path, "--backend", backend)
        proof = with_it["proofs"][0]
        check(proof["backend"] == backend, dialect, proof)
        untracked += proof["request"]["tracked"] is False
    check(untracked >= 8, dialect + ": some are untracked", untracked)
    check(listing(space) == rules, dialect + ": nothing was changed")


def of_saved(space):
    prepare(space, "iptables")
    save(space, "iptables")
    for packet in filter(begins, packets()):
        if packet[0].startswith("tcp"):
            said = compare(space, packet, "saved", *of_file(packet))
            check(said["source"] != "live", "saved", said)
    packet = next(iter(packets()))
    # root of a user namespace of one's own can be nobody else
    nobody = not subprocess.run([*NOBODY, "true"], check=False).returncode
    with open(of_file(packet)[1]) as saved:
        said = ask(space, packet, "--file", "-", text=saved.read(),
                   prefix=NOBODY if nobody else ())
    check(said["status"] == 0 and said["proofs"][0]["request"]["seen"],
          "saved, no root", said)


def later_packets(space):
    space.clear()
    space.legacy(4, LATER)
    packet = ("tcp 192.0.2.9 > 198.51.100.2:80 syn", "--in", "s")
    said = ask(space, packet)
    end = said.get("proofs", [{}])[0].get("request", {})
    check(said["status"] == 0 and said["result"] == "accepted" and
          end["result"] == "dropped", "later packets", said)
    check(end.get("rule") and "DROP" in end["rule"], "later: the rule", end)
    text = prove(space, packet)[1]
    check("accepted at first, later dropped in chain INPUT" in text,
          "later: words", text)


NAT = """
table ip nat {
chain pre { type nat hook prerouting priority -100
tcp dport 9090 dnat to 10.0.0.5:80
}
}
"""
# what has no ports has no port of its own to begin from
OTHERS = ("gre", "esp")


def translated(space):
    space.clear()
    space.nft(NFT + NAT)
    packet = ("tcp 192.0.2.9:40000 > 198.51.100.2:%d syn", "--in", "s")
    said = ask(space, (packet[0] % 9090, *packet[1:]))
    check(said["status"] == NOT_FIRST and "proofs" not in said and
          "translated" in said["diagnostics"][0]["message"], "dnat", said)
    compare(space, (packet[0] % 80, *packet[1:]), "beside dnat")


def others(space):
    space.clear()
    space.nft(NFT)
    for version, here in ((4, "192.0.2.9"), (6, "2001:db8:1::9")):
        for word in OTHERS:
            packet = "%s %s > %s" % (word, here, lab.address("server", version))
            said = compare(space, (packet, "--in", "s"), "no ports")
            check(said["proofs"][0]["request"]["result"] == "dropped",
                  packet, said)
    port = ("tcp 192.0.2.9:32768 > 198.51.100.2:8002 syn", "--in", "s")
    end = compare(space, port, "first port")["proofs"][0]
    check(end["packet"] == "192.0.2.9:32768 > 198.51.100.2:8002" and
          "banned" in (end["request"]["rule"] or ""), "first port", end)


def refused(space):
    for text, why in REFUSED:
        said = ask(space, (text,))
        words = " ".join(d["message"] for d in said["diagnostics"])
        check(said["status"] == NOT_FIRST and why in words and
              "proofs" not in said, "refused: " + text, said)


def main():
    _, server = pair()
    if "nftables" in lab.BACKENDS:
        of_dialect(server, "native")
    if "iptables" in lab.BACKENDS:
        of_dialect(server, "legacy")
        of_saved(server)
        later_packets(server)
    if "nftables" in lab.BACKENDS:
        translated(server)
        others(server)
    refused(server)
    tally.end()


if __name__ == "__main__":
    lab.require_ctpolicy()
    main()
