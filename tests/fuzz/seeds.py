# SPDX-License-Identifier: GPL-2.0-or-later
"""Seeds for the fuzzers: without arguments each harness plays its own once;
`--into FOLDER HARNESS` writes one harness's for a fuzzer to begin with."""
import glob
import os
import random
import struct
import subprocess
import sys
import tempfile

TOP = os.environ.get("srcdir") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("builddir", ".")
NESTED = 0x8000
NEWRULE, NEWSET, NEWSETELEM, NEWOBJ = 6, 9, 12, 18
INET = 1


def files(*patterns):
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(TOP, pattern))):
            with open(path, "rb") as f:
                yield f.read()


def attr(kind, body):
    """One netlink attribute, padded."""
    if isinstance(body, str):
        body = body.encode() + b"\0"
    if isinstance(body, int):
        body = struct.pack(">I", body)
    return struct.pack("=HH", 4 + len(body), kind) + body + \
        b"\0" * (-len(body) % 4)


def nest(kind, *parts):
    return attr(kind | NESTED, b"".join(parts))


def message(kind, *attrs):
    body = struct.pack("=BBH", INET, 0, 0) + b"".join(attrs)
    return struct.pack("=IHHII", 16 + len(body), 10 << 8 | kind, 0, 0, 0) + \
        body


def value(data):
    return nest(1, attr(1, data))


def expression(name, *attrs):
    return nest(1, attr(1, name), nest(2, *attrs))


def kernel_answers():
    set_ = message(NEWSET, attr(1, "ctpolicy"), attr(2, "s"), attr(3, 4),
                   attr(4, 13), attr(5, 2))
    elems = message(NEWSETELEM, attr(1, "ctpolicy"), attr(2, "s"), nest(
        3, nest(1, value(struct.pack(">H", 80))),
        nest(1, value(struct.pack(">H", 81)), attr(3, 1))))
    rule = message(NEWRULE, attr(1, "ctpolicy"), attr(2, "prerouting"), nest(
        4, expression("meta", attr(1, 1), attr(2, 16)),
        expression("cmp", attr(1, 1), attr(2, 0), nest(3, attr(1, b"\x06"))),
        expression("payload", attr(1, 1), attr(2, 2), attr(3, 2), attr(4, 2)),
        expression("cmp", attr(1, 1), attr(2, 0),
                   nest(3, attr(1, struct.pack(">H", 53)))),
        expression("notrack")))
    timers = message(NEWOBJ, attr(1, "ctpolicy"),
                     attr(2, "ctpolicy-udp4-3-6002a2d9"), attr(3, 7), nest(
                         4, attr(1, b"\0\2"), attr(2, b"\x11"),
                         nest(3, attr(1, 2), attr(2, 3))))
    yield set_ + elems
    yield timers
    yield rule
    yield set_ + elems + rule
    for cut in range(0, len(rule), 7):
        yield rule[:cut]


def state_files():
    """Without the checksum, which the harness puts in."""
    head = ('{"command":"apply","format":%d,"id":2,"of":1,"parts":[%s],'
            '"policy":"p.yaml","policy_digest":"0123456789abcdef",'
            '"space":"main","time":1,"tty":"/dev/pts/0","user":"root"}\n')
    part = ('{"after":%d,"before":%d,"digest_after":"0123456789abcdef",'
            '"digest_before":"0000000000000000","target":"nftables"}')
    text = "table inet ctpolicy {\n}\n"
    both = part % (0, len(text)) + "," + part % (len(text), 0)
    for form in 1, 2, 3:
        yield (head % (form, "")).encode()
        yield (head % (form, both) + 2 * text).encode()
    for after, before in ((len(text) + 1, 0), (-1, 0), (0, 1 << 62)):
        yield (head % (2, part % (after, before)) + text).encode()
    yield (head % (2, "")).replace('"space"', '"policy_text":%d,"space"' %
                                   len(text)).encode() + text.encode()
    yield (b'{"deadline":255,"id":1,"login":"ssh 192.0.2.1","schema":1,'
           b'"space":"main"}\n')
    for ending in b"confirmed", b"rolled_back", b"failed", b"lost":
        yield b'{"ending":"%s","id":1,"schema":1,"time":1}\n' % ending
    yield b"{}\n"
    yield b"x"


def tables():
    """Choices of the harness: any will do."""
    for n in range(48):
        yield random.Random(n).randbytes(64 << n % 5)


SEEDS = {
    "policy": lambda: files("policies/examples/*.yaml",
                            "tests/golden/render/*.yaml",
                            "tests/golden/policies/*/*.yaml"),
    "nft_text": lambda: files("tests/golden/render/*.nftables"),
    "ipt_text": lambda: files("tests/golden/render/*.iptables"),
    "nft_kernel": kernel_answers,
    "nft_rules": tables,
    "ipt_kernel": tables,
    "records": state_files,
}


def write(folder, name):
    os.makedirs(folder, exist_ok=True)
    paths = []
    for i, seed in enumerate(SEEDS[name]()):
        paths.append(os.path.join(folder, "seed-%04d" % i))
        with open(paths[-1], "wb") as f:
            f.write(seed)
    return paths


def main():
    if sys.argv[1:2] == ["--into"]:
        write(sys.argv[2], sys.argv[3])
        return
    bad = 0
    with tempfile.TemporaryDirectory() as room:
        for name in sorted(SEEDS):
            program = os.path.join(BUILD, "tests", "fuzz", "replay_" + name)
            if not os.path.exists(program):
                print("%s: not in this build" % name)
                continue
            paths = write(os.path.join(room, name), name)
            p = subprocess.run([program] + paths, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=300)
            played = p.stdout.decode("utf-8", "replace")
            print("%s: %d seeds, exit %d" % (name, len(paths), p.returncode))
            if p.returncode or not paths:
                print(played[-4000:])
                bad += 1
    sys.exit(1 if bad else 0)


main()
