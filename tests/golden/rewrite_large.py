# SPDX-License-Identifier: GPL-2.0-or-later
"""audit --rewrite of long rulesets stays within 64 MB.

Rules about states behind a list of accepted sources: what is left for each rule
is found anew, in many pieces, none of which may stay until the end.
"""
import os
import subprocess
import sys
import tempfile

BIN = os.path.abspath(os.environ["CTPOLICY"])
BACKENDS = os.environ["CTPOLICY_BACKENDS"].split()
MEMORY_KB = 64 * 1024
# instrumented code keeps freed memory for a while, and needs more
SANITIZED_KB = 256 * 1024
QUARANTINE = "quarantine_size_mb=8"
SOURCES = ["203.0.%d.7" % i for i in range(60)]
TARGETS = ["192.168.%d.%d" % (i >> 8, i & 255) for i in range(300)]
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


def is_sanitized():
    with open(BIN, "rb") as f:
        return b"__asan_init" in f.read()


def peak(folder, name, text):
    """(exit code, peak memory in KB)"""
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    asan = os.environ.get("ASAN_OPTIONS")
    p = subprocess.Popen(
        [BIN, "audit", "--rewrite", path], stdout=subprocess.DEVNULL,
        env=dict(os.environ, ASAN_OPTIONS="%s:%s" % (asan, QUARANTINE)
                 if asan else QUARANTINE))
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return p.returncode, usage.ru_maxrss


def main():
    most = SANITIZED_KB if is_sanitized() else MEMORY_KB
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for backend, name, text in (("iptables", "f.save", SAVE),
                                    ("nftables", "f.nft", NFT)):
            if backend not in BACKENDS:
                continue
            code, kb = peak(folder, name, text)
            wrong = code != 0 or kb > most
            print("%s - %s: exit %d, %d KB" % ("not ok" if wrong else "ok",
                                               name, code, kb))
            failed += wrong
    sys.exit(bool(failed))


main()
