#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of known make-up, of 100,000 entries (CTPOLICY_ENTRIES: of more): what
`status --top`, `suggest` and `apply` read of them is true, also while somebody
resizes the hash, which moves the entries under a listing that goes on. Two
million by hand, with the time and memory that they take:

    CTPOLICY_ENTRIES=2000000 make check TESTS=tests/serial/test_listing.py
"""
import collections
import contextlib
import json
import os
import re
import resource
import signal
import socket
import struct
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "netns"))
import entries                                              # noqa: E402
import lab                                                  # noqa: E402
from packets import TCP, UDP                                # noqa: E402
from machine import Machine                                 # noqa: E402

N = int(os.environ.get("CTPOLICY_ENTRIES", "100000"))
SERVER = "198.51.100.1"
REPLIED = entries.SEEN_REPLY | entries.ASSURED
# of ten in a row: (how many, protocol, port, status, TCP's state, sources)
KINDS = ((4, UDP, 514, 0, 0, 1 << 24), (3, TCP, 80, REPLIED, 3, 200),
         (2, UDP, 53, entries.SEEN_REPLY, 0, 50), (1, TCP, 443, 0, 1, 64))
# Where src and sport are in a message of IPv4, of either direction.
PLACES = ((32, 36), (92, 96), (60, 62), (120, 122))
BARE_READ = 32768
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: syslog, role: server, protocol: udp, ports: [514], accept: none}
"""


def setUpModule():
    global MACHINE, SPACE
    lab.require_ctpolicy()
    MACHINE = Machine()
    if N > int(MACHINE.before["max"]) // 2:
        MACHINE.write("max", 2 * N)
    if N > 4 * int(MACHINE.before["buckets"]):  # else chains refuse entries
        MACHINE.write("buckets", N // 4)
    SPACE = lab.Namespace()
    SPACE.run("ip address add %s/32 dev lo && ip link set lo up" % SERVER)
    fill()


def tearDownModule():
    SPACE.flush_entries()
    MACHINE.restore()


def kind_of(i):
    at = i % 10
    for kind in KINDS:
        if at < kind[0]:
            return kind
        at -= kind[0]
    raise AssertionError(i)


def source_of(i, kind):
    """Those of a kind in turn, with each port once; of one kind all differ."""
    if kind[5] > N:
        return (10 << 24 | 0x800000) + i
    return (10 << 24 | kind[2] << 16 & 0xff0000) + (
        i // 10 + i // 64000) % kind[5]


def fill():
    """A message of each kind, of which address and port are written over."""
    forms = {kind: bytearray(entries.message(
        kind[1], "192.0.2.1", SERVER, 1, kind[2], kind[3], kind[4], 0))
             for kind in KINDS}
    kinds = [kind_of(i) for i in range(10)]
    with SPACE.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                      lab.NETLINK_NETFILTER) as sock:
        for start in range(0, N, entries.BATCH):
            batch = []
            for i in range(start, min(start + entries.BATCH, N)):
                form = forms[kinds[i % 10]]
                src = struct.pack("!I", source_of(i, kinds[i % 10]))
                port = struct.pack("!H", 1024 + i % 64000)
                for (a, b), what in zip(PLACES, (src, src, port, port)):
                    form[a:b] = what
                batch.append(bytes(form))
            sock.send(b"".join(batch))
    have = int(SPACE.run("conntrack -C"))
    if have != N:
        raise AssertionError("%d of %d entries were made" % (have, N))


def key_of(i, kind, by):
    name = {UDP: "udp", TCP: "tcp"}[kind[1]]
    if by == "src":
        return socket.inet_ntoa(struct.pack("!I", source_of(i, kind)))
    if by == "dport":
        return "%s/%d" % (name, kind[2])
    return {"udp": "udp/" + ("replied" if kind[3] else "unreplied"),
            "tcp": "tcp/" + ("ESTABLISHED" if kind[4] == 3 else
                             "SYN_SENT")}[name]


def expected(by):
    kinds = [kind_of(i) for i in range(10)]
    return collections.Counter(key_of(i, kinds[i % 10], by)
                               for i in range(N))


def run(*words):
    """(what it says, seconds of a processor, peak of memory in MB)"""
    peak, out = 0, os.path.join(lab.WORK, "said")
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(out, "w+") as said:
        p = SPACE.popen([lab.CTPOLICY, *words], stdout=said)
        while p.poll() is None:
            with contextlib.suppress(OSError), \
                    open("/proc/%d/status" % p.pid) as status:
                peak = max([peak] + [int(k) for k in re.findall(
                    r"VmHWM:\s+(\d+)", status.read())])
            time.sleep(.005)
        took = seconds(resource.getrusage(resource.RUSAGE_CHILDREN)) - \
            seconds(began)
        said.seek(0)
        if p.returncode:
            raise AssertionError((words, p.returncode))
        return said.read(), took, peak / 1024


def seconds(usage):
    return usage.ru_utime + usage.ru_stime


def tracer_of(pid):
    with open("/proc/%d/status" % pid) as status:
        return int(re.search(r"TracerPid:\s+(\d+)", status.read())[1])


def bare_dump():
    """What nobody can do without: the kernel's part."""
    began = time.thread_time()
    with SPACE.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                      lab.NETLINK_NETFILTER) as sock:
        sock.send(struct.pack("=IHHIIBBH", 20, 0x101, 0x301, 1, 0, 0, 0, 0))
        buf = bytearray(BARE_READ)
        while True:
            sock.recv_into(buf)
            if struct.unpack_from("=H", buf, 4)[0] == 3:
                return time.thread_time() - began


class Listing(unittest.TestCase):
    def top(self, said, by):
        top = json.loads(said)["top"]
        true, error = expected(by), top["error_max"]
        self.assertEqual((top["entries"], top["complete"]), (N, True))
        if by != "src" or len(true) <= 1 << 19:
            self.assertEqual(error, 0)
        self.assertLessEqual(error, N // 500)
        rows = {r["key"]: r["entries"] for r in top["rows"]}
        for key, n in true.most_common(60):
            if n > error:
                self.assertIn(key, rows)
        for key, n in rows.items():
            self.assertTrue(true[key] - error <= n <= true[key],
                            (key, n, true[key], error))

    def suggested(self, said):
        said = json.loads(said)
        self.assertEqual((said["entries"], said["complete"]), (N, True))
        self.assertEqual(
            {(s["protocol"], s["ports"][0]): (s["entries"], s["one_way"])
             for s in said["suggestions"]},
            {({UDP: "udp", TCP: "tcp"}[k[1]], k[2]):
             (N * k[0] // 10, 0 if k[3] else N * k[0] // 10) for k in KINDS})

    def test_truth(self):
        for by in "src", "dport", "state":
            self.top(run("status", "--json", "--top", "500", "--by", by)[0],
                     by)
        self.suggested(run("suggest", "--json")[0])

    def test_pipeline(self):
        """What people script says the same."""
        piped = SPACE.run(
            "conntrack -L 2>/dev/null | awk '{ for (i = 4; $i !~ /^dport=/; "
            "i++); print $1 \"/\" substr($i, 7) }' | sort | uniq -c")
        rows = json.loads(run("status", "--json", "--top", "500", "--by",
                              "dport")[0])["top"]["rows"]
        self.assertEqual({r["key"]: str(r["entries"]) for r in rows},
                         {line.split()[1]: line.split()[0]
                          for line in piped.splitlines()})

    def test_cost(self):
        """In turns with the least that it can take; how much more that is
        the bench says, on a machine that does nothing else."""
        ranked = [("status", "--json", "--top", "10", "--by", by) for by in (
            "src", "dport", "proto", "state", "service")]
        for words in (("status",), *ranked, ("suggest", "--json")):
            bare, (_, took, peak) = bare_dump(), run(*words)
            print("%d entries, %s: %.2f s of a processor, %.2f bare dumps, "
                  "%.1f MB" % (N, " ".join(words), took, took / bare, peak),
                  flush=True)
            self.assertLess(peak, 64)

    def resized(self, *words):
        """The hash gets another size when a tenth was listed. The tracer, which
        slows that down, goes then: it would make each answer dear."""
        log = os.path.join(lab.WORK, "calls")
        size = int(MACHINE.read("buckets"))
        with open(log, "w"):
            pass
        # the search for leaks does not work in a traced program
        p = SPACE.popen(["env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-D",
                         "-qq", "-e", "trace=recvmsg", "-e",
                         "inject=recvmsg:delay_exit=2000:when=1..800", "-o",
                         log, lab.CTPOLICY, *words], text=True, stdout=-1,
                        stderr=-2)
        try:
            full = 0
            while full < 70 and p.poll() is None:
                time.sleep(.01)
                with open(log) as calls:
                    full = len(re.findall(r"= 3\d{4}\b", calls.read()))
            self.assertGreaterEqual(full, 70, p.poll())
            MACHINE.write("buckets", size // 2)
            os.kill(tracer_of(p.pid), signal.SIGTERM)
            said = p.communicate()[0]
        finally:
            p.kill()
            MACHINE.write("buckets", size)
        self.assertEqual(p.returncode, 0, said)
        return said

    def test_resized_under_status(self):
        self.top(self.resized("status", "--json", "--top", "500", "--by",
                              "dport"), "dport")

    def test_resized_under_suggest(self):
        self.suggested(self.resized("suggest", "--json"))

    def test_zz_resized_under_apply(self):
        """Of what the policy takes out no old entry is left."""
        path = os.path.join(lab.WORK, "listing.yaml")
        with open(path, "w") as f:
            f.write(POLICY)
        self.resized("apply", "--backend", lab.BACKENDS[0], path)
        self.assertEqual(int(SPACE.run("conntrack -C")), N - N * 4 // 10)
        SPACE.run([lab.CTPOLICY, "remove", "-q"])


if __name__ == "__main__":
    unittest.main()
