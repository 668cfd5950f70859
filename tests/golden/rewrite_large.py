# SPDX-License-Identifier: GPL-2.0-or-later
"""audit --rewrite of long rulesets stays within 64 MB.

Rules about states behind a list of accepted sources: what is left for each rule
is found anew, in many pieces, none of which may stay until the end. Where each of
many rules takes answers to what all of them let begin, rules without states are
as many as both numbers multiplied: of more than 100,000 none is made.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["srcdir"], "tests", "netns"))
import cost  # noqa: E402

BIN = os.path.abspath(os.environ["CTPOLICY"])
BACKENDS = os.environ["CTPOLICY_BACKENDS"].split()
MEMORY_KB = 64 * 1024
# instrumented code keeps freed memory for a while, and needs more
SANITIZED_KB = 256 * 1024
QUARANTINE = "quarantine_size_mb=8"
SOURCES = ["203.0.%d.7" % i for i in range(60)]
TARGETS = ["192.168.%d.%d" % (i >> 8, i & 255) for i in range(300)]
SERVERS = "".join("-A INPUT -s 203.%d.%d.7/32 -p tcp -m tcp --dport 22 "
                  "-j ACCEPT\n" % (i >> 8, i & 255) for i in range(256))
NFT_SERVERS = "".join("\t\tip saddr 203.%d.%d.7 tcp dport 22 accept\n" % (
    i >> 8, i & 255) for i in range(256))
BOUND = "would take more than 100000 new rules"
SAVE = "*filter\n:INPUT DROP [0:0]\n" \
    "-A INPUT -m state --state RELATED -j ACCEPT\n" + "".join(
        "-A INPUT -s %s/32 -p tcp -m tcp --dport 22 -j ACCEPT\n" % s
        for s in SOURCES) + "".join(
            "-A INPUT -d %s/32 -p tcp -m state --state NEW -j ACCEPT\n" % t
            for t in TARGETS) + "COMMIT\n"
NFT = "table ip host {\n\tchain input {\n\t\ttype filter hook input " \
    "priority 0; policy drop;\n\t\tct state related accept\n" + "".join(
        "\t\tip saddr %s tcp dport 22 accept\n" % s for s in SOURCES) + "".join(
            "\t\tip daddr %s ip protocol tcp ct state new accept\n" % t
            for t in TARGETS) + "\t}\n}\n"


def both(n):
    """n rules for addresses, each of which lets begin and answer."""
    return "*filter\n:INPUT DROP [0:0]\n" + SERVERS + "".join(
        "-A INPUT -d 192.168.%d.%d/32 -m state --state NEW,ESTABLISHED "
        "-j ACCEPT\n" % (i >> 8, i & 255) for i in range(n)) + "COMMIT\n"


def nft_both(n):
    return "table ip host {\n\tchain input {\n\t\ttype filter hook input " \
        "priority 0; policy drop;\n" + NFT_SERVERS + "".join(
            "\t\tip daddr 192.168.%d.%d ct state new,established accept\n" % (
                i >> 8, i & 255) for i in range(n)) + "\t}\n}\n"


CASES = (("iptables", "f.save", SAVE, 0), ("nftables", "f.nft", NFT, 0),
         ("iptables", "both.save", both(256), 0),
         ("nftables", "both.nft", nft_both(256), 0),
         ("iptables", "many.save", both(700), 1))


def peak(folder, name, text):
    """(exit code, whether it was too many rules, peak memory in KB)"""
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    asan = os.environ.get("ASAN_OPTIONS")
    with open(path + ".err", "w+") as said:
        p = subprocess.Popen(
            [BIN, "audit", "--rewrite", path], stdout=subprocess.DEVNULL,
            stderr=said,
            env=dict(os.environ, ASAN_OPTIONS="%s:%s" % (asan, QUARANTINE)
                     if asan else QUARANTINE))
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        return p.returncode, BOUND in said.read(), usage.ru_maxrss


def main():
    most = SANITIZED_KB if cost.is_sanitized(BIN) else MEMORY_KB
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for backend, name, text, expected in CASES:
            if backend not in BACKENDS:
                continue
            code, bound, kb = peak(folder, name, text)
            wrong = code != expected or bound != bool(code) or kb > most
            print("%s - %s: exit %d, %d KB" % ("not ok" if wrong else "ok",
                                               name, code, kb))
            failed += wrong
    sys.exit(bool(failed))


main()
