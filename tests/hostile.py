# SPDX-License-Identifier: GPL-2.0-or-later
"""Input made to hurt: the right error, within 64 MB and a few times what libyaml
alone takes for 16 MiB of plain lines.

And never an empty policy: a file cut short anywhere is refused unless what is
left is a whole policy by itself.
"""
import os
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "netns"))
import cost  # noqa: E402

SRC = os.environ.get("srcdir", os.path.join(os.path.dirname(__file__), ".."))
BUILD = os.environ.get("builddir", ".")
TOOL = os.path.abspath(os.path.join(BUILD, "tests/tools/policy_check"))
LIBYAML = os.path.abspath(os.path.join(BUILD, "tests/tools/yaml_events"))
MEMORY_KB = 64 * 1024
MIB = 1 << 20
HEAD = b"version: 1\nstate_matching: allowed\n"
SERVICE = (b"untracked:\n  - name: a\n    role: server\n    protocol: tcp\n"
           b"    accept: none\n    ports: ")


SANITIZED = cost.is_sanitized(TOOL)
# Times of what libyaml takes, which is not instrumented; n squared comes to
# hundreds.
MOST = 24 if SANITIZED else 3


def many(item, start=b"", end=b"", size=16 * MIB):
    return start + item * ((size - len(start) - len(end)) // len(item)) + end


def files():
    """(name, content or None for a special file, expected id, exit code)"""
    yield "empty", b"", "CT008", 78
    yield "deep-flow", b"[" * 100000, "CT009", 78
    yield "deep-flow-lines", b"[\n" * 100000, "CT009", 78
    yield "deep-map", b"{a: " * 100000, "CT009", 78
    yield "deep-block", b"- " * 100000, "CT009", 78
    yield "deep-keys", b"? " * 100000, "CT009", 78
    yield "deep-16-MiB", b"[" * (16 * MIB), "CT009", 78
    yield "too-large", b"#" * (16 * MIB + 1), "CT003", 66
    yield "all-comment", b"#" * (16 * MIB), "CT008", 78
    yield "all-blank", b"\n" * (16 * MIB), "CT008", 78
    yield "all-space", b" " * (16 * MIB), "CT008", 78
    yield "all-NUL", b"\0" * (16 * MIB), "CT005", 78
    yield "all-tab", b"\t" * (16 * MIB), "CT007", 78
    yield "all-FF", b"\xff" * (16 * MIB), "CT004", 78
    yield "one-word", b"a" * (16 * MIB), "CT023", 78
    yield "one-long-value", many(b"a", HEAD + b"backend: "), "CT026", 78
    yield "one-long-key", many(b"a", HEAD, b": 1\n"), "CT015", 78
    yield "one-open-quote", b'"' + b"a" * (16 * MIB - 1), "CT006", 78
    yield "many-times-a-list", many(
        b"  - {name: a, role: server, protocol: gre, clients: ['@a']}\n",
        HEAD + b"lists:\n  a: [" + b", ".join(
            b"10.%d.%d.%d" % (i >> 14 & 255, i >> 6 & 255, i * 4 & 255)
            for i in range(200000)) + b"]\nuntracked:\n"), "CT010", 78
    yield "many-nodes", many(b"a,", b"["), "CT010", 78
    yield "many-nodes-in-lines", many(b"- aaa\n"), "CT010", 78
    yield "many-ports", many(b"80,", HEAD + SERVICE + b"[", b"80]\n"), \
        "CT010", 78
    yield "many-bad-ports", many(b"x:y, ", HEAD + SERVICE + b"[", b"80]\n",
                                 6 * MIB), "CT032", 78
    yield "many-bad-names", many(b"xyz, ", HEAD + SERVICE + b"[", b"80]\n",
                                 6 * MIB), "CT034", 78
    yield "many-keys", b"".join(b"k%d: 1\n" % i for i in range(500000)), \
        "CT018", 78
    yield "many-twins", b"k: 1\n" * 500000, "CT014", 78
    yield "many-services", many(b"- {}\n", HEAD + b"untracked:\n",
                                size=6 * MIB), "CT022", 78
    yield "many-anchors", many(b"- &a b\n"), "CT011", 78
    yield "many-aliases", many(b"- *a\n"), "CT011", 78
    yield "many-tags", many(b"- !a b\n"), "CT012", 78
    yield "many-documents", many(b"--- a\n"), "CT013", 78
    yield "many-directives", b"".join(
        b"%%TAG !a%d! b\n" % i for i in range(500000)), "CT016", 78
    yield "alias-bomb", b"a: &a [x, x]\n" + b"".join(
        b"%c: &%c [*%c, *%c, *%c]\n" % (i, i, i - 1, i - 1, i - 1)
        for i in range(98, 123)), "CT011", 78
    yield "alias-of-itself", b"&a [*a]\n", "CT011", 78
    yield "NUL-in-the-middle", HEAD + b"backend: auto\0\n", "CT005", 78
    yield "bad-UTF-8", HEAD + b"backend: \xc3\x28\n", "CT004", 78
    yield "binary", bytes(range(256)) * 4096, "CT005", 78


def check(path, stdin=None):
    """(exit code, what was said, seconds of CPU, peak memory in KB)"""
    p = subprocess.Popen([TOOL, "-m", path], stdin=stdin,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = p.stderr.read().decode("utf-8", "replace")
    peak = int(p.stdout.read() or 0)
    # CPU time: other tests run at the same time
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    p.stdout.close()
    p.stderr.close()
    return p.returncode, said, usage.ru_utime + usage.ru_stime, peak


def libyaml():
    """Seconds of CPU that libyaml takes for lines that are good: how fast this
    machine is."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(many(b"  - {name: a, role: server, protocol: gre}\n"))
        f.flush()
        return cost.seconds(
            lambda: subprocess.run([LIBYAML, f.name], check=True))


def slowness(look, seconds):
    """In times of libyaml: looked at again, in turns, if it seems too much."""
    if seconds <= MOST * USUAL:
        return seconds / USUAL
    return cost.least(lambda: look()[2] / libyaml(), MOST)


USUAL = libyaml()
FAILED = []


def judge(name, look, want_id, want_code, most_kb=MEMORY_KB):
    """What is found wrong; `look` calls check()."""
    code, said, seconds, memory = look()
    times = slowness(look, seconds)
    wrong = []
    if code != want_code:
        wrong.append("exit %d, not %d" % (code, want_code))
    if want_id and "[%s]" % want_id not in said:
        wrong.append("no %s" % want_id)
    if times > MOST:
        wrong.append("%.2f s, %.1f times libyaml" % (seconds, times))
    if memory > most_kb and not SANITIZED:
        wrong.append("%d KB" % memory)
    if len(said) > 100000:
        wrong.append("%d bytes of talk" % len(said))
    if wrong:
        FAILED.append(name)
        print("FAIL %s: %s\n%s" % (name, ", ".join(wrong), said[:1000]))
    elif "-v" in sys.argv:
        print("ok %-22s %.2f s, %.2f times libyaml %6d KB" % (
            name, seconds, times, memory))


def special(folder):
    """Things that are not regular files."""
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    empty = os.path.join(folder, "empty")
    os.mkdir(empty)
    for path, want_id in ((fifo, "CT002"), ("/dev/zero", "CT002"),
                          ("/dev/null", "CT002"), (empty, "CT077"),
                          (os.path.join(folder, "none"), "CT001"),
                          ("", "CT001")):
        judge(path, lambda p=path: check(p), want_id, 66)
    sparse = os.path.join(folder, "sparse")
    with open(sparse, "wb") as f:
        f.truncate(1 << 30)
    judge("sparse", lambda: check(sparse), "CT003", 66)
    with open("/dev/zero", "rb") as zero:
        judge("stdin from /dev/zero", lambda: check("-", zero), "CT002", 66)
    with open(sparse, "rb") as f:
        judge("stdin from a sparse file", lambda: check("-", f), "CT003", 66)
    cat = subprocess.Popen(["cat", "/dev/zero"], stdout=subprocess.PIPE)
    judge("stdin without end", lambda: check("-", cat.stdout), "CT003", 66)
    cat.stdout.close()
    cat.kill()
    cat.wait()


def truncated(folder, example):
    """Cut at each byte; all cuts in one run of the tool."""
    with open(example, "rb") as f:
        text = f.read()
    paths = []
    for n in range(len(text)):
        paths.append(os.path.join(folder, "%d.yaml" % n))
        with open(paths[-1], "wb") as f:
            f.write(text[:n])
    p = subprocess.run([TOOL, "-n", "-o", folder] + paths, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    codes = [int(line.rsplit(" ", 1)[1]) for line in p.stdout.splitlines()]
    if len(codes) != len(text) or p.stderr:
        FAILED.append(example)
        print("FAIL %s: %s" % (example, p.stderr))
    first = text.index(b"protocol: ")
    for n, code in enumerate(codes):
        # Before the first service is whole nothing may be accepted.
        if code not in (0, 78) or (code == 0 and
                                   n < first + len("protocol: tcp")):
            FAILED.append(example)
            print("FAIL %s cut at byte %d: exit %d" % (example, n, code))
    taken = codes.count(0)
    if not taken:
        FAILED.append(example)
        print("FAIL %s: no cut at all is a policy" % example)


def large():
    """Not hostile: a hundred thousand addresses are a matter of course."""
    lines = [HEAD, SERVICE, b"[80]\n    clients:\n"]
    for i in range(100000):
        lines.append(b"      - 10.%d.%d.%d\n" % (i >> 16, i >> 8 & 255,
                                                 i & 255))
    return b"".join(lines)


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "policy.yaml")
        for name, content, want_id, want_code in files():
            with open(path, "wb") as f:
                f.write(content)
            judge(name, lambda: check(path), want_id, want_code)
        with open(path, "wb") as f:
            f.write(large())
        judge("100,000 addresses", lambda: check(path), None, 0, 16 * 1024)
        special(folder)
    for name in ("web-farm", "cdn-router"):
        with tempfile.TemporaryDirectory() as folder:
            truncated(folder, os.path.join(SRC, "policies/examples",
                                           name + ".yaml"))
    print("%d failed" % len(FAILED))
    sys.exit(bool(FAILED))


main()
