# SPDX-License-Identifier: GPL-2.0-or-later
"""The page that report makes of the rulesets of tests/golden/report, byte for
byte, and what every page must be; hostile names; files it will not write to.

After a change that was meant, write the pages with UPDATE=1, look at them (see
HACKING.md, "Looking at the report") and read the difference before committing.
"""
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import golden
import pages

BIN = os.path.abspath(os.environ["CTPOLICY"])
HERE = os.path.abspath(os.path.join(os.environ["srcdir"],
                                    "tests/golden/report"))
WHEN = {"SOURCE_DATE_EPOCH": "1764000000"}
HOSTILE = "<script>alert(1)</script>&\"'\u202e\\"
made = 0


def run(*words, cwd=HERE, code=0, text=None, **more):
    env = dict(os.environ, **dict(WHEN, **more))
    p = subprocess.run([BIN, "report", *words], cwd=cwd, env=env, input=text,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode != code:
        golden.fault("report %s: exit %d, not %d: %s" % (
            words, p.returncode, code, p.stderr.decode()))
    return p.stdout.decode(), p.stderr.decode()


def page(*words, is_page=True, **more):
    global made
    text = run("-o", "-", *words, **more)[0]
    found = pages.faults(text, is_page)
    if found:
        golden.fault("report %s: %s" % (words, found))
    made += 1
    return re.sub(r"\bctpolicy \d+\.\d+[\w.~+-]*", "ctpolicy VERSION", text)


def as_ever(name):
    """Of a ruleset alone, and with the policy; the picture alone."""
    path = os.path.join(HERE, name)
    golden.compare(path + ".html", page("--file", name))
    golden.compare(path + ".policy.html",
                   page("policy.yaml", "--file", name))
    golden.compare(path + ".svg", page("--svg", "policy.yaml", "--file", name,
                                       is_page=False))
    again = page("policy.yaml", "--file", name)
    if again != page("policy.yaml", "--file", name):
        golden.fault(name + ": two pages of the same")


def of_now(name):
    """Without a time, or with none that there is, it is the time of today."""
    year = re.compile(r"<p>\d+ \w{3} (\d{4}) ")
    for given in ("", "soon", "-1", "99999999999999999999"):
        text = page("--file", name, SOURCE_DATE_EPOCH=given)
        if year.search(text)[1] == "2025":
            golden.fault("SOURCE_DATE_EPOCH=%s: a page of 2025" % given)


def hostile(room, name):
    """Names that whoever wrote the rules, or the policy, has chosen."""
    suffix = os.path.splitext(name)[1]
    rules = HOSTILE.replace("/", "") + suffix
    policy = HOSTILE.replace("/", "") + ".yaml"
    shutil.copy(os.path.join(HERE, name), os.path.join(room, rules))
    with open(os.path.join(room, policy), "w") as f:
        f.write("version: 1\nstate_matching: allowed\nuntracked:\n"
                "  - name: dns\n    role: server\n    protocol: udp\n"
                "    ports: [53]\n    why: %s\n" % json.dumps(
                    "</pre></style><script>alert('&\"')</script>"))
    text = page(policy, "--file", rules, cwd=room)
    for word in ("<script", "</style><", "<img", "\u202e"):
        if word in text.split("</style>\n</head>")[1]:
            golden.fault("%s in the page of %s" % (word, rules))
    if "&lt;script&gt;" not in text:
        golden.fault("the name is not on the page of " + rules)
    text = page("--svg", policy, "--file", rules, cwd=room, is_page=False)
    if "<script" in text:
        golden.fault("a script in the picture")


def never_written(room, name):
    """Links, pipes and devices keep their name; a file that was there stays."""
    path = os.path.join(HERE, name)
    kept = os.path.join(room, "kept")
    with open(kept, "w") as f:
        f.write("old\n")
    os.symlink(kept, os.path.join(room, "link"))
    os.mkfifo(os.path.join(room, "pipe"))
    os.mkdir(os.path.join(room, "folder"))
    before = sorted(os.listdir(room))
    for at in ("link", "pipe", "folder", "/dev/null", "none/page.html"):
        kind = os.lstat(os.path.join(room, at)).st_mode \
            if "none" not in at else None
        said = run("-o", at, "--file", path, cwd=room, code=74)[1]
        if "CT833" not in said or at not in said:
            golden.fault("-o %s: %s" % (at, said))
        if kind and os.lstat(os.path.join(room, at)).st_mode != kind:
            golden.fault("-o %s: it is something else now" % at)
    bad = os.path.join(room, "bad.yaml")
    for code, words in ((65, ["--file", os.path.join(HERE, "policy.yaml")]),
                        (66, ["--file", "none.nft"]),
                        (66, ["none.yaml", "--file", path]),
                        (78, ["bad.yaml", "--file", path]),
                        (64, ["-", "--file", "-"]),
                        (64, ["policy.yaml", "--file", "-"])):
        with open(bad, "w") as f:
            f.write("version: 7\n")
        said = run("-o", "kept", *words, cwd=room, code=code)[1]
        if not said:
            golden.fault("%s: nothing is said" % words)
        os.unlink(bad)
    if open(kept).read() != "old\n" or sorted(os.listdir(room)) != before:
        golden.fault("something was changed: %s" % os.listdir(room))
    for words in ([], ["-o"], ["-o", ""], ["--output="], ["-o", "x", "--pdf"],
                  ["-o", "x", "policy.yaml", "policy.yaml"]):
        run("--file", path, *words, cwd=room, code=64)
    if sorted(os.listdir(room)) != before:
        golden.fault("a wrong command line: %s" % os.listdir(room))


def written(room, name):
    """A file for all to read, in the place of the one that was there."""
    path, out = os.path.join(HERE, name), "page.html"
    said = run("-o", out, "--file", path, cwd=room)
    if said != ("", "ctpolicy: wrote page.html\n"):
        golden.fault("what is said: %s" % (said,))
    mode = stat.S_IMODE(os.stat(os.path.join(room, out)).st_mode)
    if mode != 0o644:
        golden.fault("mode %o" % mode)
    said = json.loads(run("--output", out, "--json", "--file", path,
                          cwd=room)[0])
    if said != {"schema": 1, "command": "report", "result": "written",
                "output": out, "diagnostics": []}:
        golden.fault("JSON: %s" % said)
    said = json.loads(run("-o", "folder", "--json", "--file", path, cwd=room,
                          code=74)[0])
    if said["result"] != "failed" or said["diagnostics"][0]["id"] != "CT833":
        golden.fault("JSON of a failure: %s" % said)
    with open(path, "rb") as f:
        piped = run("-q", "-o", "-", "--file", "-", text=f.read())[0]
    if pages.faults(piped) or "18 rules" in piped:
        golden.fault("of standard input")


def main():
    names = golden.rulesets(HERE)
    for name in names:
        as_ever(name)
        of_now(name)
        with tempfile.TemporaryDirectory() as room:
            hostile(room, name)
        with tempfile.TemporaryDirectory() as room:
            never_written(room, name)
            written(room, name)
    print("%d rulesets, %d pages, %d faults" % (len(names), made,
                                                golden.failed))
    sys.exit(bool(golden.failed or len(names) < golden.backends()))


main()
