# SPDX-License-Identifier: GPL-2.0-or-later
"""Known rulesets: what is rewritten rightly passes the oracle, and each thing
that is commonly done wrongly is caught by it, with the bound it breaks."""
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "netns"), HERE]
sys.dont_write_bytecode = True

import dialects                                             # noqa: E402
import lab                                                  # noqa: E402
import rewrite_known_rules as known                         # noqa: E402
from rewrite_case import Rewritten, run                     # noqa: E402
from rewrite_flows import random_flows                      # noqa: E402
from rewrite_lab import Device, pin                         # noqa: E402
from rewrite_probes import random_probes                    # noqa: E402

EST = "-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN"
NFT_EST = "tcp flags & (fin|syn|rst|ack) != syn"
# what is wrong -> (bound, [(text, in its place)]); "" stands for the line gone
HOST_WRONG = {
    "a service forgotten": (1, [("--dports 22,80,443 -j",
                                 "--dports 80,443 -j")]),
    "a port too many": (1, [("--dports 22,80,443 -j",
                             "--dports 22,80,443,9022 -j")]),
    "the ban behind the services": (1, [
        ("-A INPUT -s {ban} -j DROP\n", "")]),
    "an initial SYN for an answer": (1, [
        ("-A INPUT -p tcp %s -m socket" % EST, "-A INPUT -p tcp")]),
    "every segment for an answer": (3, [
        ("%s -m socket -j" % EST, EST + " -j")]),
    "answers to no socket": (3, [
        ("-m recent --rcheck --seconds 180 --name peers{version} --mask {mask} "
         "--rsource -m socket --nowildcard -j", "-j")]),
    "udp answers lost": (1, [
        ("-A INPUT -p udp -m multiport --sports 53,123 -m recent", "-A INPUT "
         "-p udp -m multiport --sports 5353 -m recent")]),
    "errors lost": (1, [("{errors INPUT}\n", "")]),
    "errors of the host lost": (1, [("{errors OUTPUT}\n", "")]),
    "one list for both families": (3, [("--name peers{version}",
                                        "--name peers")]),
    "redirects let in": (2, [("{routers INPUT DROP}\n", ""), (
        "{errors INPUT}", "-A INPUT -p {icmp} -j ACCEPT")]),
    "resets lost": (1, [("-A OUTPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST RST "
                         "-j ACCEPT\n", "")]),
    "echo replies lost": (1, [("-A INPUT -p {icmp} {type} {reply} -j ACCEPT\n",
                               "")]),
    "answers of the services lost": (1, [("--sports 22,80,443",
                                          "--sports 22")]),
    "a program may begin anything": (1, [
        ("--sports 22,80,443 " + EST, "--sports 22,80,443")]),
    "states left": (4, [("-A INPUT -p tcp -j REJECT", "-A INPUT -m state "
                         "--state NEW -j DROP\n-A INPUT -p tcp -j REJECT")]),
    "neighbours lost": (1, [("{nd INPUT}\n", "")]),
}
ROUTER_WRONG = {
    "fragments lost": (1, [("-A reassemble -m socket -j ACCEPT\n", "")]),
    "everything to the lan": (1, [("-A FORWARD -o lan0 -p tcp %s" % EST,
                                   "-A FORWARD -o lan0 -p tcp")]),
    "answers from the web lost": (1, [
        ("-A FORWARD -o lan0 -p tcp %s -j ACCEPT\n" % EST, "")]),
    "answers from anywhere": (2, [
        ("-A FORWARD -o lan0 -p udp -j", "-A FORWARD -p udp -j")]),
    "blanket tcp": (2, [("-A FORWARD -i lan0 -p tcp %s" % EST,
                         "-A FORWARD -p tcp " + EST)]),
    "unasked replies": (2, [
        ("-A FORWARD -o lan0 -p {icmp} {type} {reply}",
         "-A FORWARD -p {icmp} {type} {reply}")]),
    "errors lost": (1, [("{errors FORWARD}\n", "")]),
}
SILENT_WRONG = {
    "resets that no rule sends": (2, [
        ("{nd OUTPUT}\n", "{nd OUTPUT}\n-A OUTPUT -p tcp -m tcp --tcp-flags "
         "FIN,SYN,RST RST -j ACCEPT\n")]),
    "errors about nothing": (2, [("{nd INPUT}\n",
                                  "{nd INPUT}\n{errors INPUT}\n")]),
}
FIRST_WRONG = {
    "another protocol cannot begin": (1, [("-A OUTPUT -p esp -j ACCEPT\n",
                                           "")]),
    "another protocol from anywhere": (1, [("-i lan0 -p esp", "-p esp")]),
    "datagrams from anywhere": (2, [("-i lan0 -p udp", "-p udp")]),
    "segments from anywhere": (2, [
        ("-i lan0 -p tcp", "-p tcp %s -j ACCEPT\n-A INPUT -i lan0 -p tcp" %
         ("-m tcp --dport 22 " + EST))]),
}
NFT_HOST_WRONG = {
    "a service forgotten": (1, [("tcp dport { 22, 80, 443 } accept\n",
                                 "tcp dport { 80, 443 } accept\n")]),
    "a port too many": (1, [("tcp dport { 22,", "tcp dport { 22, 9022,")]),
    "listeners taken for connections": (3, [
        ("socket wildcard 1 return\n", "")]),
    "half-open sockets forgotten": (1, [
        ("socket wildcard 1 return\n\t\tsocket transparent 0 accept",
         "socket wildcard 0 accept"),
        ("tcp dport { 22, 80, 443 } accept",
         "tcp dport { 22, 80, 443 } tcp flags & (fin|syn|rst|ack) == syn "
         "accept")]),
    "answers from any port": (3, [
        ("ip saddr . udp sport . udp dport @peers4 accept",
         "udp sport 53 accept")]),
    "nobody remembered": (1, [("meta l4proto udp update @peers4 "
                               "{ ip daddr . udp dport . udp sport }", "")]),
    "the whole byte of flags": (1, [(NFT_EST, "tcp flags != syn"), (
        "tcp dport { 22, 80, 443 } accept",
        "tcp dport { 22, 80, 443 } tcp flags == syn accept")]),
    "fragments lost": (1, [("frag frag-off != 0 accept\n", "")]),
    "errors lost": (1, [("icmp type { 0, 3, 11, 12, 14, 18 }",
                         "icmp type { 0, 14, 18 }")]),
}
NFT_ROUTER_WRONG = {
    "answers of udp by port": (4, [
        ("ip saddr . udp sport . ip daddr . udp dport @flows4 accept",
         'oifname "lan0" meta l4proto udp accept')]),
    "fragments lost": (1, [("ip frag-off & 0x1fff != 0 accept\n", "")]),
    "first datagrams not noted": (1, [
        ('iifname "lan0" meta l4proto udp update @flows6 '
         '{ ip6 daddr . udp dport . ip6 saddr . udp sport }', "")]),
    "blanket tcp": (1, [('oifname "lan0" ' + NFT_EST,
                         'oifname "lan0" meta l4proto tcp')]),
    "requests lost": (1, [("icmp type { 8, 13, 17 }", "icmp type 13")]),
}
PAIRS = {
    False: ((known.HOST, known.HOST_AFTER, known.HOST_ADMITS, HOST_WRONG,
             False),
            (known.ROUTER, known.ROUTER_AFTER, known.ROUTER_ADMITS,
             ROUTER_WRONG, True),
            (known.SILENT, known.SILENT_AFTER, known.SILENT_ADMITS,
             SILENT_WRONG, False),
            (known.FIRST, known.FIRST_AFTER, known.FIRST_ADMITS, FIRST_WRONG,
             False)),
    True: ((known.NFT_HOST, known.NFT_HOST_AFTER, known.NFT_HOST_ADMITS,
            NFT_HOST_WRONG, False),
           (known.NFT_ROUTER, known.NFT_ROUTER_AFTER, known.NFT_ROUTER_ADMITS,
            NFT_ROUTER_WRONG, True)),
}
RIGHT, TRIES = 8, 60


def texts_of(text, native):
    return {0: text} if native else {v: known.ipt(text, v)
                                     for v in lab.VERSIONS}


def judge(hosts, dialect, before, after, admits, router, seed):
    native = dialect == "native"
    draw = random.Random("known %d" % seed)
    return run(*hosts, dialect, texts_of(before, native),
               Rewritten(texts_of(after, native), {
                   (0, hook): words for hook, words in admits.items()},
                         {(0, "proto")}),
               random_flows(draw, router, 40),
               random_probes(draw, router, 200)).failures


def changed(text, changes):
    for old, new in changes:
        if old not in text:
            raise ValueError("no such text: " + old)
        text = text.replace(old, new)
    return text


def caught(hosts, dialect, pair, wrong, bound):
    """What was found, within so many tries."""
    before, _, admits, _, router = pair
    kinds = set()
    for seed in range(TRIES):
        failures = judge(hosts, dialect, before, wrong, admits, router, seed)
        kinds |= {f.bound for f in failures}
        if bound in kinds:
            break
    return kinds


def play(hosts, dialect):
    failed = 0
    for host in hosts:
        host.reset()
    for pair in PAIRS[dialect == "native"]:
        before, after, admits, wrongs, router = pair
        name = "%s, a %s" % (dialect, "router" if router else "host")
        failures = []
        for seed in range(RIGHT):
            again = hosts, dialect, before, after, admits, router, seed
            # on a machine under load a segment may come twice, once
            failures += judge(*again) and judge(*again) and judge(*again)
        print("%s: %s as it should be" % ("not ok" if failures else "ok",
                                          name))
        for failure in failures[:8]:
            print("--- %s" % failure)
        failed += bool(failures)
        for title, (bound, changes) in wrongs.items():
            kinds = caught(hosts, dialect, pair, changed(after, changes),
                           bound)
            ok = bound in kinds
            failed += not ok
            sys.stdout.flush()
            print("%s: %s: %s%s" % (
                "ok" if ok else "not ok", name, title, "" if ok else
                ", not caught by bound %d but %s" % (bound, sorted(kinds))))
    return failed


def main():
    pin()
    hosts = Device(), Device()
    failed = sum(play(hosts, dialect) for dialect in dialects.here())
    print("%d failed" % failed)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
