# SPDX-License-Identifier: GPL-2.0-or-later
"""What the loader says about each policy, to the letter.

tests/golden/policies/broken/NAME.yaml must be refused, good/NAME.yaml taken,
and so the folders of several-broken and several-good; NAME.err is what is said
about it. After a change that was meant, look at each
difference, then: tests/golden/policies.py --update
"""
import difflib
import os
import socket
import subprocess
import sys
import tempfile

SRC = os.environ.get("srcdir", os.path.join(os.path.dirname(__file__),
                                            "..", ".."))
BUILD = os.environ.get("builddir", ".")
TOOL = os.path.abspath(os.path.join(BUILD, "tests/tools/policy_check"))
CASES = os.path.join(SRC, "tests/golden/policies")
LEAST = {"broken": 120, "good": 4, "several-broken": 10, "several-good": 3}


def read(path):
    with open(path, "rb") as f:
        return f.read().decode("utf-8", "replace").splitlines(True)


def run(folder, out):
    """{name: exit code}, with NAME.err written to out."""
    end = "" if "several" in folder else ".yaml"
    files = sorted(f for f in os.listdir(folder)
                   if f.endswith(end) and not f.endswith(".err"))
    p = subprocess.run([TOOL, "-n", "-o", out] + files, cwd=folder, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode not in (0, 78) or p.stderr:
        sys.exit("exit %d\n%s" % (p.returncode, p.stderr))
    codes = dict(line.rsplit(" ", 1) for line in p.stdout.splitlines())
    if sorted(codes) != files:
        sys.exit("not every file was looked at in " + folder)
    return {os.path.splitext(f)[0]: int(code) for f, code in codes.items()}


def compare(kind, want_code, out):
    folder = os.path.join(CASES, kind)
    codes = run(folder, out)
    bad = 0
    for name, code in sorted(codes.items()):
        want = os.path.join(folder, name + ".err")
        got = read(os.path.join(out, name + ".err"))
        if "--update" in sys.argv:
            with open(want, "w") as f:
                f.writelines(got)
        diff = list(difflib.unified_diff(read(want), got, want, "said now"))
        if code != want_code:
            diff.append("exit %d, not %d\n" % (code, want_code))
        if diff:
            bad += 1
            print("FAIL %s/%s\n%s" % (kind, name, "".join(diff)))
    if len(codes) < LEAST[kind]:
        sys.exit("only %d cases in %s" % (len(codes), folder))
    return len(codes), bad


def writes_lines():
    """A line on standard error is one write: each is a message here."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    path = os.path.join(CASES, "broken", sorted(
        f for f in os.listdir(os.path.join(CASES, "broken"))
        if f.endswith(".yaml"))[0])
    with ours, its:
        code = subprocess.run([os.path.abspath(os.environ["CTPOLICY"]), "check",
                               path], stdout=subprocess.DEVNULL,
                              stderr=its).returncode
        its.close()
        said = list(iter(lambda: ours.recv(65536), b""))
    broken = [m for m in said if m.count(b"\n") != 1 or m[-1:] != b"\n"]
    if code != 78 or len(said) < 2 or broken:
        sys.exit("check %s: exit %d, in pieces: %s" % (path, code, said))


def main():
    total = failed = 0
    writes_lines()
    for kind, code in (("broken", 78), ("good", 0), ("several-broken", 78),
                       ("several-good", 0)):
        with tempfile.TemporaryDirectory() as out:
            n, bad = compare(kind, code, out)
        total += n
        failed += bad
    print("%d policies, %d not as expected" % (total, failed))
    sys.exit(bool(failed))


main()
