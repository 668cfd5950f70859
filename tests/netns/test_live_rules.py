# SPDX-License-Identifier: GPL-2.0-or-later
"""Legacy tables read from the kernel count like what iptables-save says.

Each saved ruleset that loads here is loaded into a network namespace of its
own, read live, and saved; the saved text must count the same. The rulesets are
the examples of audit, and the corpus where there is one (see tests/corpus.py).
One ruleset is made here: its sets and marks must decide live packets, and
reading must not make a table.
"""
import glob
import os
import shutil
import subprocess
import sys

from live_rules import (BIN, corpora, counts, counts_of_text, differences, run,
                        some)

SETS = """\
create bad hash:ip
add bad 192.0.2.7
create pairs hash:ip,port
add pairs 192.0.2.8,tcp:80
create ports bitmap:port range 0-1023
add ports 25
create odd hash:net
add odd 192.0.2.128/25
add odd 192.0.2.129 nomatch
"""
RULES = """\
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -s 192.0.2.9/32 -j MARK --set-xmark 0x10/0xf0
COMMIT
*filter
:INPUT DROP [0:0]
:KNOCK - [0:0]
-A INPUT -m set --match-set bad src -j DROP
-A INPUT -p tcp -m set --match-set pairs src,dst -j ACCEPT
-A INPUT -p tcp -m set --match-set ports dst -j REJECT
-A INPUT -m mark --mark 0x10/0xf0 -j ACCEPT
-A INPUT -p udp -m set --match-set odd src -j ACCEPT
-A INPUT -p udp -m hashlimit --hashlimit-upto 5/sec --hashlimit-mode srcip \
--hashlimit-name h -j KNOCK
-A KNOCK -m recent --name z --set
COMMIT
"""
PACKETS = (
    ("tcp 192.0.2.7:9 > 127.0.0.1:80 syn", "dropped by ip filter INPUT:1"),
    ("tcp 192.0.2.8:9 > 127.0.0.1:80 syn", "accepted"),
    ("udp 192.0.2.8:9 > 127.0.0.1:80", "unknown"),
    ("tcp 192.0.2.1:9 > 127.0.0.1:25 syn", "dropped by ip filter INPUT:3"),
    ("tcp 192.0.2.9:9 > 127.0.0.1:9 syn", "accepted"),
    ("tcp 192.0.2.1:9 > 127.0.0.1:9 syn", "dropped by ip filter INPUT, policy"),
    # an exception in a set is more than the model can say
    ("udp 192.0.2.200:9 > 127.0.0.1:9", "unknown"),
)
failed = loaded = 0


def fault(name, what):
    global failed
    failed += 1
    print("FAIL %s: %s" % (name, what))


class Space:
    """A network namespace, for as long as the object is in use."""
    def __enter__(self):
        self.child = subprocess.Popen(
            ["unshare", "-n", "sh", "-c",
             "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.child.stdout.readline()
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()

    def run(self, *args, text=None):
        return run("nsenter", "-t", str(self.child.pid), "-n", *args,
                   text=text)

    def names(self):
        """Of the tables in use; in both families the same ones."""
        return self.run("cat", "/proc/net/ip_tables_names",
                        "/proc/net/ip6_tables_names")


def compare(space, name, save):
    want = counts_of_text(space.run(save)[1])
    for line in differences(want, counts(space.run, "--backend", "iptables")):
        fault(name, line)


def try_file(path):
    global loaded
    with open(path, errors="replace") as f:
        text = f.read()
    if "\nCOMMIT" not in text:
        return
    for tool in ("iptables-legacy", "ip6tables-legacy"):
        with Space() as space:
            if space.run(tool + "-restore", text=text)[0]:
                continue
            loaded += 1
            compare(space, path, tool + "-save")
        return


def decide(space, packet, want):
    out = space.run(BIN, "explain", "--minimal", "--backend", "iptables",
                    "--in", "eth0", packet)[1]
    if want not in out:
        fault(packet, "%r, not %r" % (out, want))


def check_own():
    with Space() as space:
        if space.run("ipset", "restore", text=SETS)[0]:
            print("no ipset here")
            return
        code, _, err = space.run("iptables-legacy-restore", text=RULES)
        if code:
            fault("own rules", err)
            return
        before = space.names()
        compare(space, "own rules", "iptables-legacy-save")
        for packet, want in PACKETS:
            decide(space, packet, want)
        if space.names() != before:
            fault("own rules", "reading made a table")


def main():
    if not shutil.which("iptables-legacy-restore"):
        print("no iptables-legacy here")
        sys.exit(77)
    with Space() as space:
        if space.names()[0]:
            print("the names of tables cannot be read here")
            sys.exit(77)
    check_own()
    for here in corpora():
        for path in some(glob.glob(os.path.join(here, "**", "*"),
                                   recursive=True)):
            if os.path.isfile(path) and not path.endswith((".nft", ".tsv")):
                try_file(path)
    print("%d rulesets loaded, %d faults" % (loaded, failed))
    sys.exit(bool(failed))


main()
