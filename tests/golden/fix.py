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

BIN = os.path.abspath(os.environ["CTPOLICY"])
POLICIES = os.path.join(os.environ["srcdir"], "tests/golden/policies")
SHARE = .52		# of the broken ones that are mended
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


def refusals(folder):
    for words in ((), ("-",)):
        code, said = run("--fix", *words)
        expect(code == 64, "what cannot be written: %r" % (words,), said)
    code, said = run("--fix", folder)
    expect(code >= 64 and "not changed" in said, "a folder", said)
    code, said = run("--fix", os.path.join(folder, "none.yaml"))
    expect(code == 66, "a file that is not there", said)


def as_data(folder):
    path = os.path.join(folder, "p.yaml")
    write(path, TEXT)
    code, said = run("--fix", "--json", path)
    got = json.loads(said)
    notes = [d for d in got["diagnostics"] if d["level"] == "note"]
    expect(code == 0 and len(notes) == 5 and
           all(d["line"] and "fixed" in d["message"] for d in notes),
           "notes in JSON", said)


def main():
    for test in broken, good, file_stays, refusals, as_data:
        with tempfile.TemporaryDirectory() as folder:
            test(folder)
    sys.exit(bool(faults))


main()
