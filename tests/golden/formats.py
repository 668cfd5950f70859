# SPDX-License-Identifier: GPL-2.0-or-later
"""What check, audit and diff say to tools of CI, to the letter, and as these read
it.

tests/golden/formats/NAME.FORMAT is the document of each run. Policies and
rulesets there are hostile, and so are the names that files get here. After a
change that was meant, write them with UPDATE=1 and read the difference.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import ci_readers
import golden

BIN = os.path.abspath(os.environ["CTPOLICY"])
HERE = os.path.abspath(os.path.join(os.environ["srcdir"],
                                    "tests/golden/formats"))
FORMATS = ("sarif", "github", "codeclimate", "junit", "markdown")
# A workflow command, markup of every kind, what a terminal obeys, UTF-8.
NAMES = {
    "good.yaml": "good.yaml",
    "bad.yaml": "::error file=x,line=1::%0A \"q\" '<b>&|`@me` #1 [l](u)\n"
                "\x1b[31m caf\u00e9 ##[error].yaml",
    "many.yaml": "many.yaml",
    "long.yaml": "l" * 200 + ".yaml",
}
# name: the words of the command; {bad.yaml} is that file's hostile name
RUNS = {
    "check-good": ["check", "good.yaml"],
    "check-bad": ["check", "{bad.yaml}", "good.yaml", "none.yaml"],
    "check-many": ["check", "many.yaml", "{long.yaml}"],
    "audit-good-iptables": ["audit", "good.save"],
    "audit-bad-iptables": ["audit", "bad.save"],
    "audit-none-iptables": ["audit", "none.save"],
    "audit-bad-nftables": ["audit", "bad.nft"],
    "diff-new-iptables": ["diff", "good.yaml", "--against", "empty.save"],
    "diff-new-nftables": ["diff", "good.yaml", "--against", "empty.nft"],
    "diff-bad-nftables": ["diff", "{bad.yaml}", "--against", "empty.nft"],
}


def run(folder, words, *more):
    words = [re.sub(r"^\{(.*)\}$", lambda m: NAMES[m[1]], w) for w in words]
    return subprocess.run([BIN, *words, *more], cwd=folder,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def expect(ok, *what):
    if not ok:
        golden.fault(" ".join(map(str, what)))


def plain(text):
    """As ctpolicy writes what may hold anything."""
    return "".join(
        c if c.isprintable() and not 0xdc80 <= ord(c) <= 0xdcff else
        {"\n": "\\n", "\t": "\\t"}.get(c, "".join(
            "\\x%02x" % b for b in c.encode("utf-8", "surrogateescape")))
        for c in text)


def said_in_json(folder, words):
    p = run(folder, words, "--json")
    got = json.loads(p.stdout)
    return p.returncode, got


def compare(name, fmt, found, told, policy):
    """The findings of a format are JSON's diagnostics, those about no file at
    the policy."""
    for d in told:
        path, line = d["file"] or policy, d["line"]
        if fmt == "codeclimate":
            line = line or 1
        want = (d["level"], d["id"],
                plain(path) if fmt == "codeclimate" else path, line,
                None if fmt == "codeclimate" else d["column"] and line and
                d["column"], plain(d["message"]).replace("](", "] (")
                if fmt == "sarif" else plain(d["message"]))
        if fmt == "github":
            want = want[:2] + (re.sub(r"[^\n]+", lambda m: plain(m[0]),
                                      path),) + want[3:]
        expect(want in found, name, fmt, "lacks", want, "of", found)
    if fmt != "github":
        expect(len(found) >= len(told), name, fmt, "has too few")


def read(name, fmt, text, told, policy):
    try:
        found = getattr(ci_readers, fmt)(text)
    except (ValueError, KeyError, SyntaxError) as e:
        golden.fault("%s.%s: %s: %s" % (name, fmt, type(e).__name__, e))
        return
    if fmt in ("sarif", "github", "codeclimate"):
        if fmt == "github" and len(told) > 10:
            told = [d for d in told if d["level"] != "error"] + [
                d for d in told if d["level"] == "error"][:10]
        compare(name, fmt, found, told, policy)
    else:
        expect(found, name, fmt, "is empty")


def one(folder, name, words):
    code, data = said_in_json(folder, words)
    for fmt in FORMATS:
        p = run(folder, words, "--format", fmt)
        text = p.stdout.decode("utf-8", "surrogateescape")
        expect(p.returncode == code, name, fmt, "exit", p.returncode, code)
        expect(not p.stderr, name, fmt, "talks:", p.stderr)
        expect(not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), name, fmt,
               "has control characters")
        read(name, fmt, text, data["diagnostics"],
             NAMES.get(words[1].strip("{}"), words[1]))
        # what an id means, with an example, is the pages' and other tests'
        text = re.sub(r'"text": ".* lists all ids\."', '"text": "HELP"',
                      text.replace(VERSION, "VERSION"))
        golden.compare(os.path.join(HERE, "%s.%s" % (name, fmt)), text)


def sarif_of(folder, path):
    return run(folder, ["check", path], "--format", "sarif").stdout


def edited(text, region, new):
    lines = text.split("\n")

    def at(line, column):
        return sum(len(l) + 1 for l in lines[:line - 1]) + column - 1
    return text[:at(region["startLine"], region["startColumn"])] + new + \
        text[at(region["endLine"], region["endColumn"]):]


def fixes_hold(folder):
    """What a viewer writes for a fix, ctpolicy takes."""
    path = os.path.join(folder, NAMES["bad.yaml"])
    n = 0
    with open(path) as f:
        text = f.read()
    for where, region, new in ci_readers.sarif_fixes(
            sarif_of(folder, NAMES["bad.yaml"])):
        expect(os.path.join(folder, where) == path, "a fix of", where)
        with open(os.path.join(folder, "fixed.yaml"), "w") as f:
            f.write(edited(text, region, new))
        before = len(ci_readers.sarif(sarif_of(folder, NAMES["bad.yaml"])))
        after = len(ci_readers.sarif(sarif_of(folder, "fixed.yaml")))
        expect(after < before, "a fix is none:", region, new)
        n += 1
    expect(n >= 2, "only", n, "fixes")


def prints(folder, path):
    p = run(folder, ["check", path], "--format", "codeclimate")
    return {(i["check_name"], i["description"]): i["fingerprint"]
            for i in json.loads(p.stdout)}


def fingerprints_stay(folder):
    """... where lines are put in ahead, and where a line is indented."""
    path = os.path.join(folder, "moved.yaml")
    shutil.copy(os.path.join(HERE, "many.yaml"), path)
    before = prints(folder, "moved.yaml")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write("# one\n\n# three\n" + text.replace("\n  - {name: s3,",
                                                    "\n  -  {name: s3,"))
    expect(prints(folder, "./moved.yaml") == before, "fingerprints move",
           before)
    shutil.move(path, os.path.join(folder, "other.yaml"))
    expect(not set(prints(folder, "other.yaml").values()) &
           set(before.values()), "another file has the same fingerprints")


def refusals(folder):
    for words in (["check", "good.yaml", "--format", "xml"],
                  ["check", "good.yaml", "--format", "sari"],
                  ["check", "good.yaml", "--format="],
                  ["render", "good.yaml", "--format", "sarif"],
                  ["audit", "good.save", "--rewrite", "--format", "sarif"]):
        p = run(folder, words)
        expect(p.returncode == 64 and not p.stdout, words, p)
    text = run(folder, ["check", "{bad.yaml}"], "--format", "text")
    expect(not text.stdout and b": error: " in text.stderr, "text", text)
    a = run(folder, ["check", "{bad.yaml}"], "--json").stdout
    b = run(folder, ["check", "{bad.yaml}"], "--format", "json").stdout
    c = run(folder, ["check", "{bad.yaml}"], "--format", "sarif", "--json")
    expect(a == b == c.stdout, "--json is --format json, and the last counts")


def shell(folder, script, stdin=None):
    return subprocess.run(["bash", "-c", script], cwd=folder, input=stdin,
                          env=dict(os.environ, CTPOLICY=BIN), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def dialects():
    return [n for n in ("empty.save", "empty.nft") if n.endswith(tuple(
        golden.SUFFIX[b] for b in os.environ["CTPOLICY_BACKENDS"].split()))]


def plan(p):
    return re.search(r"^Plan:.*(?:\n  .*)?", p.stdout, re.M)[0]


def pipes(folder):
    """A policy and a ruleset may come by any way that bytes come."""
    with open(os.path.join(folder, "good.yaml")) as f:
        good = f.read()
    for empty in dialects():
        want = shell(folder, "$CTPOLICY diff good.yaml --against " + empty)
        for words in ("<(cat good.yaml) --against <(cat %s)",
                      "good.yaml --against <(cat %s)",
                      "/dev/stdin --against %s", "- --against %s",
                      "/dev/stdin --against %s <good.yaml",
                      "/proc/self/fd/0 --against %s <good.yaml"):
            p = shell(folder, "$CTPOLICY diff " + words % empty, good)
            expect(p.returncode == 1 and plan(p) == plan(want), words, p)
    for words in ("<(cat good.yaml)", "<(cat good.yaml) <(cat good.yaml)",
                  "/dev/stdin", "-", "- <good.yaml", "/dev/stdin <good.yaml"):
        for fmt in FORMATS:
            p = shell(folder, "$CTPOLICY check --format %s %s" % (fmt, words),
                      good)
            expect(p.returncode == 0 and not p.stderr, words, fmt, p)
            expect(getattr(ci_readers, fmt)(p.stdout) is not None, fmt)
    p = shell(folder, "$CTPOLICY check --format sarif -", good + "x: 1\n")
    expect(ci_readers.sarif(p.stdout)[0][2] == "-", "standard input", p)


def quiet(folder):
    """-q: the exit code, and errors on standard error."""
    for words, code in ((["check", "good.yaml"], 0),
                        (["check", "{bad.yaml}", "good.yaml"], 78),
                        *((["diff", "good.yaml", "--against", empty], 1)
                          for empty in dialects()),
                        *((["audit", empty], 0) for empty in dialects()),
                        *((["audit", empty.replace("empty", "bad")], 1)
                          for empty in dialects())):
        p = run(folder, words, "-q")
        expect(p.returncode == code and not p.stdout and
               bool(p.stderr) == (code == 78), words, "-q", p)


def elsewhere(folder):
    """A path is of the folder that the command runs in, where it is below."""
    os.mkdir(os.path.join(folder, "sub"))
    shutil.copy(os.path.join(HERE, "many.yaml"), folder)
    for word, want in (("../many.yaml", os.path.join(folder, "many.yaml")),
                       ("./x/..//../sub/../many.yaml",
                        os.path.join(folder, "many.yaml"))):
        found = ci_readers.sarif(sarif_of(os.path.join(folder, "sub"), word))
        expect({f[2] for f in found} == {want}, word, found)
    found = ci_readers.sarif(sarif_of(folder, os.path.join(
        folder, "sub/../many.yaml")))
    expect({f[2] for f in found} == {"many.yaml"}, found)


def of_a_folder(folder):
    """A mistake is named with the file that has it."""
    os.mkdir(os.path.join(folder, "fold"))
    with open(os.path.join(folder, "fold", "a.yaml"), "w") as f:
        f.write("version: 1\nstate_matching: allowed\n")
    with open(os.path.join(folder, "fold", "b.yaml"), "w") as f:
        f.write("version: 1\nuntracked:\n- {name: w, role: sever, "
                "protocol: tcp, ports: [80], accept: none}\n")
    p = run(folder, ["check", "fold"], "--format", "junit")
    expect(b">fold/b.yaml:3:19: error: " in p.stdout, "junit of a folder", p)


def says_cut(folder, words):
    p = run(folder, words)
    expect(re.search(rb"not all (rules )?were compared", p.stdout + p.stderr),
           words)


def cut(folder):
    """NOTRACK in chains too deep to be compared, or in too many rules: all
    formats say so."""
    if "iptables" not in os.environ["CTPOLICY_BACKENDS"].split():
        return
    raw = ("*raw\n:PREROUTING ACCEPT [0:0]\n%s"
           "-A %s -p udp --dport 53 -j CT --notrack\n%sCOMMIT\n")
    chains = ["c%d" % i for i in range(20)]
    with open(os.path.join(folder, "deep.save"), "w") as f:
        f.write(raw % (
            "".join(":%s - [0:0]\n" % c for c in chains), chains[-1],
            "".join("-A %s -j %s\n" % x for x in zip(
                ["PREROUTING"] + chains, chains))))
    with open(os.path.join(folder, "cut.save"), "w") as f:
        f.write(raw % (":U - [0:0]\n", "U", "".join(
            "-A PREROUTING -s 10.0.%d.%d/32 -j U\n" % divmod(i, 256)
            for i in range(4100))))
    for fmt in "text", "json", *FORMATS:
        says_cut(folder, ["audit", "deep.save", "--format", fmt])
    says_cut(folder, ["report", "--file", "deep.save", "-o", "-"])
    says_cut(folder, ["audit", "cut.save"])


def prepare(folder):
    for name in os.listdir(HERE):
        if name.endswith((".yaml", ".save", ".nft")):
            shutil.copy(os.path.join(HERE, name),
                        os.path.join(folder, NAMES.get(name, name)))


def main():
    global VERSION
    VERSION = subprocess.run([BIN, "--version"], text=True, check=True,
                             stdout=subprocess.PIPE).stdout.split()[1]
    backends = os.environ["CTPOLICY_BACKENDS"].split()
    ran = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        prepare(folder)
        for name, words in RUNS.items():
            dialect = name.rsplit("-", 1)[1]
            if dialect in ("iptables", "nftables") and dialect not in backends:
                continue
            one(folder, name, words)
            ran += 1
        for test in (fixes_hold, fingerprints_stay, refusals, pipes, quiet,
                     elsewhere, of_a_folder, cut):
            test(folder)
    print("%d runs in %d formats, %d not as expected" % (
        ran, len(FORMATS), golden.failed))
    sys.exit(bool(golden.failed))


main()
