#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""There is always a way back: whatever people did to the host's rules or to
ctpolicy's, or whatever became of a record, no command is stuck; what can be
restored is, and what cannot is named."""
import glob
import os
import time

import history
import lab
import tally

ONE, TWO = history.PATHS
GONE = """flush ruleset
table inet %s {
chain %s { type filter hook input priority 0; policy %s
ct state established accept
tcp dport 22 accept
}
chain out { type filter hook output priority 0; policy drop
ct state established,new accept
}
}
"""
KILL = {
    "nftables": "sendmsg",
    "iptables": "setsockopt",
}
# What people put into ctpolicy's table, and the report; "": it is restored.
NFT_HANDIWORK = (
    ("add set inet ctpolicy foo { type mark; }", "set foo "),
    ("add set inet ctpolicy foo { type ether_addr; "
     "elements = { 00:11:22:33:44:55 } }", "set foo "),
    ("add set inet ctpolicy foo { type ipv4_addr; timeout 1h; "
     "elements = { 10.0.0.1 } }", "set foo "),
    ("add set inet ctpolicy foo { type ipv4_addr; flags dynamic; }",
     "set foo "),
    ("add map inet ctpolicy foo { type inet_service : verdict; "
     "elements = { 80 : accept } }", "set foo "),
    ("add chain inet ctpolicy foo { type filter hook forward priority 0; }",
     "chain foo "),
    ("add table inet ctpolicy { flags dormant; }", "dormant"),
    ('add rule inet ctpolicy prerouting log prefix "x"', "1 hand-edited rule "),
    ("add rule inet ctpolicy prerouting udp dport vmap { 7 : accept }",
     "1 hand-edited rule "),
    ("add set inet ctpolicy foo { type mark; }\n"
     "add rule inet ctpolicy prerouting meta mark @foo notrack", "set foo "),
    ("add chain inet ctpolicy foo", ""),
    ("add chain inet ctpolicy foo\n"
     "add rule inet ctpolicy prerouting jump foo", ""),
    ("add set inet ctpolicy foo { type ipv4_addr . inet_service; "
     "flags interval; elements = { 10.0.0.0/8 . 1-3 } }", ""),
    ("add set inet ctpolicy foo { type inet_service; "
     "elements = { 80 comment \"a; } drop\" } }", ""),
    ("add counter inet ctpolicy foo", ""),
    ("add quota inet ctpolicy foo { over 1 mbytes }", ""),
)
IPT_HANDIWORK = (
    ("iptables-legacy -t raw -N CTPOLICY-FOO", "chain CTPOLICY-FOO "),
    ("iptables-legacy -t raw -A PREROUTING -j CTPOLICY-PREROUTING", ""),
    ("iptables-legacy -t raw -A CTPOLICY-PREROUTING -j LOG",
     "1 hand-edited rule "),
    ("iptables-legacy -t raw -E CTPOLICY-PREROUTING CTPOLICY-XYZ",
     "chain CTPOLICY-XYZ "),
    ("ipset create ctpolicy-foo bitmap:port range 1-100",
     "set ctpolicy-foo "),
    ("iptables-legacy -t raw -F PREROUTING", ""),
)


def case(what, backend, test, *args):
    def play():
        host = history.Host(backend)
        host.run("apply", ONE)
        test(host, *args)

    tally.some("%s, %s" % (what, backend), play)


def interrupt(host):
    """Apply the second policy, and die at a write to the kernel."""
    call = KILL[host.backend]
    for n in range(1, 20):
        host.run("apply", TWO, code=None, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
            "inject=%s:signal=KILL:when=%d" % (call, n)])
        if "journal" in host.files():
            return
        host.run("apply", ONE)
    raise AssertionError("it cannot be interrupted")


def go_back(host, way):
    """By one of three ways, each after the host's rules were changed."""
    if way == "rollback":
        return host.run("rollback")
    if way == "recover":
        return host.run("recover")
    end = time.monotonic() + 20
    while "pending" in host.files() and time.monotonic() < end:
        time.sleep(.1)
    assert "pending" not in host.files(), "still on trial"
    return host.run("confirm", code=12)


def first_policy(host):
    """Are the NOTRACK rules those of the first policy?"""
    text = host.space.run("nft list ruleset")
    return "inet ctpolicy" in text and "8081" not in text and "81" in text


def host_changes(host, ruleset, way, gone):
    if way == "recover":
        interrupt(host)
    elif way == "waiter":
        host.run("apply", "--confirm", "2s", TWO)
    else:
        host.run("apply", TWO)
    host.space.nft(ruleset)
    said = go_back(host, way)
    assert first_policy(host), "not the first policy: " + said
    if way != "waiter":
        assert ("CT581" in said) == gone, said
    host.run("apply", TWO)
    host.run("remove")
    assert "ctpolicy" not in host.space.run("nft list ruleset")


def handiwork(host, command, said):
    """Nothing is stuck, and what does not come back is named before."""
    if host.backend == "nftables":
        host.space.nft(command + "\n")
    else:
        host.space.run(command)
    before = host.listing()
    told = host.run("apply", TWO)
    assert said in told, "not said: %s; but: %s" % (said, told)
    assert said or "CT580" not in told and "CT545" not in told, told
    host.run("rollback")
    if not said:
        assert host.listing() == before, "not as before"
    interrupt(host)
    host.run("recover")
    host.run("rollback")
    host.run("apply", "--confirm", "1s", TWO)
    go_back(host, "waiter")
    host.run("remove")


def journal_of(host):
    return glob.glob(os.path.join(host.state, "*", "journal"))[0]


def useless_journal(host, change):
    """`recover` says what is wrong; apply and remove go on."""
    interrupt(host)
    path = journal_of(host)
    with open(path, "rb") as source:
        whole = source.read()
    change(path, whole)
    said = host.run("recover", code=74)
    assert "CT544" in said or "CT584" in said, said
    said = host.run("apply", TWO)
    assert "CT585" in said, said
    assert "journal" not in host.files()
    assert "no unfinished change" in host.run("recover")
    assert "nothing to do" in host.run("apply", TWO)


def cut(path, whole):
    with open(path, "wb") as out:
        out.write(whole[:len(whole) // 2])


def seal(body):
    digest = 0xcbf29ce484222325
    for byte in body:
        digest = (digest ^ byte) * 0x100000001b3 % 2 ** 64
    return body + b"%016x\n" % digest


def other_format(path, whole):
    body = whole[:-17].replace(b'"format":2', b'"format":1', 1)
    with open(path, "wb") as out:
        out.write(seal(body))


def unreadable_part(path, whole):
    """Its text is of no use, though its checksum is right."""
    head, body = whole[:-17].split(b"\n", 1)
    with open(path, "wb") as out:
        out.write(seal(head + b"\n" + b"{" * len(body)))


def useless_text(host):
    interrupt(host)
    path = journal_of(host)
    with open(path, "rb") as source:
        unreadable_part(path, source.read())
    host.run("recover", code=None)
    assert host.code not in (0, 70), host.code
    assert "CT585" in host.run("apply", TWO)
    assert "nothing to do" in host.run("apply", TWO)


def many(path, extra):
    with open(path, "w") as out:
        out.write("version: 1\nstate_matching: allowed\nuntracked:\n  - {name: many, role: server, "
                  "protocol: udp, ports: [53], accept: none, clients: [")
        out.write(", ".join("10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)
                            for i in range(1, 2 * 20000, 2)))
        out.write("%s]}\n" % extra)


def small_record(host):
    """One address of 20,000 more: beside the policy the record holds that one,
    and leads back after a death, too."""
    a, b = (os.path.join(lab.WORK, "many%d.yaml" % n) for n in (1, 2))
    many(a, "")
    many(b, ", 11.0.0.1")
    host.run("apply", a)
    before = host.listing()
    host.run("apply", b)
    after = host.listing()
    newest = max(glob.glob(os.path.join(host.state, "*", "[0-9]*")),
                 key=lambda path: int(os.path.basename(path)))
    size = os.path.getsize(newest) - os.path.getsize(b)
    assert size < 8192, size
    host.run("rollback")
    assert host.listing() == before, "not as before"
    host.run("apply", b, code=None, prefix=[
        "strace", "-qq", "-o", "/dev/null", "-e", "trace=renameat", "-e",
        "inject=renameat:signal=KILL:when=2"])
    host.run("recover")
    assert host.listing() in (before, after)
    host.run("apply", b)
    if host.backend == "nftables":
        host.space.nft("flush table inet ctpolicy\n")
        assert "CT582" in host.run("rollback")
        host.run("apply", a)
        assert host.listing() == before, "not as before, applied again"


lab.require_ctpolicy()
if "nftables" in lab.BACKENDS:
    for what, ruleset, gone in (
            ("the same again", GONE % ("host", "in", "drop"), False),
            ("table renamed", GONE % ("other", "in", "drop"), True),
            ("chain renamed", GONE % ("host", "other", "drop"), True),
            ("nothing drops now", GONE % ("host", "in", "accept"), False),
            ("flushed", "flush ruleset\n", True),
            ("table deleted", "delete table inet host\n", True)):
        for way in ("rollback", "recover", "waiter"):
            case("%s, %s" % (what, way), "nftables", host_changes, ruleset,
                 way, gone)
    for command, said in NFT_HANDIWORK:
        case(command, "nftables", handiwork, command, said)
if "iptables" in lab.BACKENDS:
    for command, said in IPT_HANDIWORK:
        case(command, "iptables", handiwork, command, said)
for name in lab.BACKENDS:
    case("cut journal", name, useless_journal, cut)
    case("other format", name, useless_journal, other_format)
    case("useless text", name, useless_text)
    case("small record", name, small_record)
tally.end()
