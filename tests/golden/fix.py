# SPDX-License-Identifier: GPL-2.0-or-later
"""check --fix, over the policies of tests/golden/policies.

Most of the broken ones load afterwards, none is worse, and what is good is not
touched. A file keeps its comments, mode, links and name, or is left as it was.
"""
import glob
import json
import os
import re
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["srcdir"], "tests", "netns"))
import cost  # noqa: E402

BIN = os.path.abspath(os.environ["CTPOLICY"])
POLICIES = os.path.join(os.environ["srcdir"], "tests/golden/policies")
SHARE = .6		# of the broken ones that are mended
faults = 0


def fault(text):
    global faults
    faults += 1
    print("FAIL " + text)


def expect(ok, text, said=""):
    if not ok:
        fault("%s\n%s" % (text, said))


def run(*words, cwd=None):
    p = subprocess.run([BIN, "check", *words], cwd=cwd,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    return p.returncode, p.stdout.decode(errors="replace")


def errors(said):
    return len(re.findall(r": error: ", said))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data, mode=0o640):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def broken(folder):
    mended = total = 0
    path = os.path.join(folder, "p.yaml")
    for case in sorted(glob.glob(POLICIES + "/broken/*.yaml")):
        name = os.path.basename(case)
        total += 1
        write(path, read(case))
        code, said = run("--fix", path)
        after = read(path)
        changed = after != read(case)
        expect(("fixed: " in said) == changed, name + ": says what it did",
               said)
        mended += code == 0
        if not changed:
            continue
        again, twice = run("--fix", path)
        expect(read(path) == after and again == code and
               errors(twice) == errors(said),
               name + ": a second run changes nothing", twice)
        expect(os.listdir(folder) == ["p.yaml"], name + ": leaves nothing")
    print("%d of %d mended" % (mended, total))
    expect(mended >= SHARE * total, "too few")


def good(folder):
    path = os.path.join(folder, "p.yaml")
    for case in glob.glob(POLICIES + "/good/*.yaml"):
        write(path, read(case))
        inode = os.stat(path).st_ino
        code, said = run("--fix", path)
        expect(code == 0 and "fixed" not in said and
               os.stat(path).st_ino == inode, case + " is left alone", said)


TEXT = b"""# mine
version: 1  # the only one
state_matching: alowed
untracked:
  # the farm
  - {name: web, rol: sever, protocol: tcp, ports: [0x50], accept: opne}  # !
"""


def file_stays(folder):
    path, link = os.path.join(folder, "p.yaml"), os.path.join(folder, "l")
    write(path, TEXT, 0o604)
    os.symlink("p.yaml", link)
    code, said = run("--fix", link)
    expect(code == 0, "is mended through a link", said)
    expect(said.count("fixed: ") == 5, "five fixes", said)
    expect(read(path).decode() == TEXT.decode()
           .replace("alowed", "allowed").replace("rol:", "role:")
           .replace("sever", "server").replace("0x50", "80")
           .replace("opne", "open"), "comments stay", read(path).decode())
    expect(stat.S_IMODE(os.stat(path).st_mode) == 0o604, "so does the mode")
    expect(os.path.islink(link), "and the link")
    write(path, TEXT)
    os.unlink(link)
    os.link(path, link)
    code, said = run("--fix", path)
    expect(code not in (0, 78) and read(path) == TEXT and
           "several names" in said, "a file of two names is refused", said)
    os.unlink(link)


GUESSES = [	# whose fix would take more out of tracking, or something else
    b"protocol: icmp-echo, ports: [8]", b"protocol: icmp-echo, ports: [128]",
    b"protocol: icmpv6, ports: [128]", b"protocol: icmpv6", b"protocol: 58",
    b"protocol: tcp, ports: [8\x000]", b"protocol: tcp, ports: [8\x00]",
    b"protocol: tcp, ports: [8\x010]", b"protocol: tcp, ports: [8\xe2\x80\xa80]",
    b'protocol: tcp, ports: ["8\\00"]', b'protocol: "tc\\0p", ports: [80]',
]


def guesses(folder):
    path = os.path.join(folder, "p.yaml")
    for guess in GUESSES:
        text = (b"version: 1\nstate_matching: allowed\nuntracked:\n"
                b"  - {name: a, role: server, accept: none, %s}\n" % guess)
        write(path, text)
        code, said = run("--fix", path)
        expect(code == 78 and read(path) == text, repr(guess) + " stays", said)


def wide(folder):
    """UTF-16 is read as such, with and without a mark; half of one is not."""
    path = os.path.join(folder, "p.yaml")
    good = TEXT.decode().replace("rol:", "role:").replace("0x50", "80") \
        .replace("alowed", "allowed").replace("sever", "server") \
        .replace("opne", "open")
    for code in ("utf-16", "utf-16-le", "utf-16-be"):
        write(path, good.encode(code))
        status, said = run("--fix", path)
        expect(status == 0 and read(path) == good.encode() and
               "now UTF-8" in said, code, said)
    half = good.encode("utf-16-le")[:-40] + good.encode()[-20:]
    write(path, half)
    status, said = run("--fix", path)
    expect(status == 78 and read(path) == half, "half of it", said)


def signs_for_colons(folder):
    """No key's colon is blamed for what the line above lacks."""
    path = os.path.join(folder, "p.yaml")
    lines = (b"version%s1\nstate_matching%sallowed\nuntracked:\n  - name%sa\n"
             b"    role%sserver\n    protocol: gre\n    accept: none\n")
    for sign in (b" = ", b"=", b":"):
        write(path, lines % ((sign,) * 4))
        code, said = run("--fix", path)
        expect(code == 0 and read(path) == lines % ((b": ",) * 4),
               repr(sign), said)


def refusals(folder):
    for words in ((), ("-",)):
        code, said = run("--fix", *words)
        expect(code == 64, "what cannot be written: %r" % (words,), said)
    code, said = run("--fix", "/dev/null")
    expect(code >= 64 and "not changed" in said, "a device", said)
    code, said = run("--fix", folder)
    expect(code == 66 and "no policy is in this folder" in said,
           "an empty folder", said)
    code, said = run("--fix", os.path.join(folder, "none.yaml"))
    expect(code == 66, "a file that is not there", said)


FILES = {
    "10-all.yaml": TEXT,
    "20-dns.yaml": b"version: 1\nuntracked:  # theirs\n  - {name: dns, role: sever, "
                   b"protocol: udp, ports: [53], accept: none}\n",
    "30-good.yaml": b"version: 1\nuntracked:\n  - {name: ntp, role: server, "
                    b"protocol: udp, ports: [123], accept: none}\n",
}


def several(folder):
    paths = {n: os.path.join(folder, n) for n in FILES}
    for name, text in FILES.items():
        write(paths[name], text, 0o604)
    inode = os.stat(paths["30-good.yaml"]).st_ino
    code, said = run("--fix", folder)
    expect(code == 0 and said.count("fixed: ") == 6, "a folder", said)
    expect(b"role: server" in read(paths["20-dns.yaml"]) and
           b"# theirs" in read(paths["20-dns.yaml"]), "its second file")
    expect("20-dns.yaml:3: note: fixed" in said, "is named", said)
    expect(read(paths["10-all.yaml"]) == TEXT.replace(b"alowed", b"allowed")
           .replace(b"rol:", b"role:").replace(b"sever", b"server")
           .replace(b"0x50", b"80").replace(b"opne", b"open"), "its first")
    expect(os.stat(paths["30-good.yaml"]).st_ino == inode, "a good one stays")
    expect(sorted(os.listdir(folder)) == sorted(FILES), "nothing is left")


def all_or_none(folder):
    """Where one file cannot be written, the others are as they were."""
    for name, text in FILES.items():
        write(os.path.join(folder, name), text)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as other:
        os.link(os.path.join(folder, "20-dns.yaml"),
                os.path.join(other, "20-dns.yaml"))
        code, said = run("--fix", folder)
    expect(code not in (0, 78) and "several names" in said, "is refused", said)
    expect(all(read(os.path.join(folder, n)) == t for n, t in FILES.items()),
           "no file is changed", said)
    expect(sorted(os.listdir(folder)) == sorted(FILES), "nothing is left")


def seconds(path, text):
    write(path, text.encode())
    return cost.seconds(run, "--fix", path)


def no_product(folder):
    """Mistakes that can be mended, and those that seem so, don't multiply."""
    path = os.path.join(folder, "p.yaml")
    line = "- {name: %s, role: %s, protocol: gre, accept: none}\n"
    head = "version: 1\nstate_matching: allowed\nuntracked:\n" + "".join(
        line % (name, "server") for name in ("a", "a-2", "a-3", "a-4"))
    seeming = line % ("a", "server") * 80
    real = "".join(line % ("s%d" % i, "sever") for i in range(80))

    def look():
        apart = seconds(path, head + seeming) + seconds(path, head + real)
        return seconds(path, head + seeming + real) / apart

    times = cost.least(look, 6)
    expect("sever," not in read(path).decode(), "all are mended")
    expect(times <= 6, "together %.1f times as long as apart" % times)
    print("together %.1f times as long as apart" % times)


def many_errors(n):
    """A policy with n of them, each of which can be mended."""
    return ("version: 1\nstate_matching: allowed\nuntracked:\n" + "".join(
        "- {name: s%d, role: sever, protocol: gre, accept: none}\n" % i
        for i in range(n))).encode()


def counted(folder):
    """What is not mended, or not proposed, is said."""
    path = os.path.join(folder, "p.yaml")
    write(path, many_errors(400))
    code, left = 78, 400
    for _ in range(9):
        code, said = run("--fix", path)
        made, left = left, read(path).count(b"sever,")
        if not left:
            break
        told = re.search(r"(\d+) fixed, and .*: run it again", said)
        expect(told and int(told[1]) == made - left, "how many are", said)
    expect(code == 0 and not left, "all, in the end", said)
    write(path, many_errors(1001))
    code, said = run("--fix", path)
    expect(code == 78 and "0 fixed; there are too many errors" in said and
           read(path) == many_errors(1001), "too many to be told apart", said)
    times = cost.least(lambda: cost.seconds(run, "--fix", path) /
                       cost.seconds(run, path), 10)
    expect(times <= 10, "at once, not in %.1f times of a check" % times)
    for n in (400, 1001):
        write(path, many_errors(n))
        _, said = run("--json", path)
        expect("not every fix is proposed" in said, "%d in JSON" % n)
    write(path, TEXT + b"# " + b"x" * 99 + (b"\n#" + b" " * 98) * 11000)
    code, said = run("--fix", path)
    expect(code == 78 and "nothing is fixed" in said, "a long one", said)
    write(path, TEXT)
    _, said = run("--fix", "--json", path)
    expect("CT017" not in said, "nothing of the kind where all is mended")


def as_data(folder):
    path = os.path.join(folder, "p.yaml")
    write(path, TEXT)
    code, said = run("--fix", "--json", path)
    got = json.loads(said)
    notes = [d for d in got["diagnostics"] if d["level"] == "note"]
    expect(code == 0 and len(notes) == 5 and
           all(d["line"] and "fixed" in d["message"] for d in notes),
           "notes in JSON", said)


def offset(text, line, column):
    """In characters; a mark that begins the file is no column."""
    at = sum(len(l) for l in text.split("\n")[:line - 1]) + line - 1
    return at + column - 1 + (line == 1 and text.startswith("\ufeff"))


def mended_by(text, fix):
    begin = offset(text, fix["line"], fix["column"])
    end = offset(text, fix["end_line"], fix["end_column"])
    return text[:begin] + fix["text"] + text[end:]


def diagnostics(paths, batch=64):
    """{path: [diagnostic...]}, with the fixes that are proposed."""
    found = {p: [] for p in paths}
    for i in range(0, len(paths), batch):
        _, said = run("--json", *paths[i:i + batch])
        for d in json.loads(said)["diagnostics"]:
            found[d["file"]].append(d)
    return found


def proposals(folder):
    """Each fix that --json proposes mends its mistake, by itself."""
    cases = sorted(glob.glob(POLICIES + "/broken/*.yaml"))
    tried = {}
    for case, found in diagnostics(cases).items():
        with open(case, newline="", errors="surrogateescape") as f:
            text = f.read()
        for k, d in enumerate(x for x in found if "fixes" in x):
            fix, = d["fixes"]
            path = os.path.join(folder, "%s-%d.yaml" % (
                os.path.basename(case)[:-5], k))
            write(path, mended_by(text, fix).encode(
                "utf-8", "surrogateescape"))
            tried[path] = d
    for path, found in diagnostics(sorted(tried)).items():
        was = tried[path]
        expect(not any(d["id"] == was["id"] and d["line"] == was["line"] and
                       d["message"] == was["message"] for d in found),
               "%s: %s stays" % (path, was), found)
    print("%d fixes proposed" % len(tried))
    expect(len(tried) > 150, "too few")


def main():
    for test in (broken, good, guesses, wide, signs_for_colons, file_stays,
                 several, all_or_none, refusals, no_product, counted, as_data,
                 proposals):
        with tempfile.TemporaryDirectory() as folder:
            test(folder)
    sys.exit(bool(faults))


main()
