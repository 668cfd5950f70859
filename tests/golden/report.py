# SPDX-License-Identifier: GPL-2.0-or-later
"""The page that report makes of the rulesets of tests/golden/report, byte for
byte, and what every page must be; hostile names; files it will not write to.

After a change that was meant, write the pages with UPDATE=1, look at them (see
HACKING.md, "Looking at the report") and read the difference before committing.
"""
import html
import json
import os
import re
import shlex
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


def run(*words, cwd=HERE, code=0, text=None, stdin=None, **more):
    env = dict(os.environ, **dict(WHEN, **more))
    given = {"stdin": stdin} if stdin else {"input": text}
    p = subprocess.run([BIN, "report", *words], cwd=cwd, env=env, **given,
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


def never_its_own(room, name):
    """What the page is made of, by whatever name, and forgotten names."""
    rules = "r" + os.path.splitext(name)[1]
    shutil.copy(os.path.join(HERE, name), os.path.join(room, rules))
    policies = os.path.join(room, "policies")
    os.mkdir(policies)
    shutil.copy(os.path.join(HERE, "policy.yaml"), room)
    shutil.copy(os.path.join(HERE, "policy.yaml"), policies)
    os.link(os.path.join(room, "policy.yaml"), os.path.join(room, "linked"))
    os.symlink("../linked", os.path.join(policies, "z.yaml"))
    os.unlink(os.path.join(policies, "policy.yaml"))
    with open(os.path.join(policies, "notes.html"), "w") as f:
        f.write("old\n")

    def state():
        found = {}
        for at, _, files in os.walk(room):
            for one in files:
                with open(os.path.join(at, one), "rb") as f:
                    found[os.path.join(at, one)] = f.read()
        return found

    before = state()
    for out, words in (
            ("policy.yaml", ["policy.yaml"]), ("./policy.yaml",
                                               ["policy.yaml"]),
            ("linked", ["policy.yaml"]), ("linked", ["policies"]),
            ("policies/new.yaml", ["policies"]),
            ("policies/z.yaml", ["policies/"]), (rules, []),
            ("policies/../" + rules, ["policy.yaml"]), ("--svg", []),
            ("-x.html", ["policy.yaml"])):
        said = run("-o", out, *words, "--file", rules, cwd=room, code=64)
        if said[0] or not said[1].startswith("ctpolicy report: "):
            golden.fault("-o %s %s: %s" % (out, words, said))
    with open(os.path.join(room, rules)) as f:
        run("-o", rules, "--file", "-", cwd=room, code=64, stdin=f)
    with open(os.path.join(room, "policy.yaml")) as f:
        run("-o", "linked", "-", "--file", rules, cwd=room, code=64, stdin=f)
    if state() != before:
        golden.fault("an input was overwritten, or something is left")
    for out in ("policies/notes.html", "./-x.html", "new.yaml"):
        run("-o", out, "policies", "--file", rules, cwd=room)


def typed(room, name):
    """The command of a page does what it says, whatever the files are called;
    of standard input there is none."""
    suffix = os.path.splitext(name)[1]
    rules, policy = "it's a rule" + suffix, "my pol$(touch X);touch Y.yaml"
    shutil.copy(os.path.join(HERE, name), os.path.join(room, rules))
    shutil.copy(os.path.join(HERE, "policy.yaml"), os.path.join(room, policy))
    os.symlink(BIN, os.path.join(room, "ctpolicy"))
    before = sorted(os.listdir(room))
    wide = ["--state-dir", "/tmp/no such $(touch Z)"]
    for more in ([], wide):
        text = page(policy, "--file", rules, *more, cwd=room)
        found = re.findall("<code>(ctpolicy diff --?[a-z].*?)</code>", text)
        if len(found) != 1:
            golden.fault("commands: %s" % found)
            continue
        line = html.unescape(found[0])
        words = shlex.split(line)
        if words != ["ctpolicy", "diff", *more, "--against", rules, policy]:
            golden.fault("the command is %s" % words)
        p = subprocess.run(["sh", "-c", line], cwd=room, env=dict(
            os.environ, PATH=room + ":" + os.environ["PATH"]),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if p.returncode not in (0, 1) or not p.stdout:
            golden.fault("%s: exit %d: %s" % (line, p.returncode, p.stdout))
    if sorted(os.listdir(room)) != before:
        golden.fault("a name was run: %s" % os.listdir(room))
    with open(os.path.join(room, policy), "rb") as f:
        text = page("-", "--file", rules, cwd=room, text=f.read())
    if "ctpolicy diff -" in text or "is not applied" not in text:
        golden.fault("a command that reads standard input again")


ONE_FAMILY = """table ip filter {
	chain input {
		type filter hook input priority filter; policy drop;
		%sct state established,related accept
	}
	chain late {
		type filter hook input priority filter; policy accept;
		udp dport 161 notrack
	}
	chain early {
		type filter hook prerouting priority raw; policy accept;
		%s
		accept
		udp dport 163 notrack
	}
	chain nowhere {
		udp dport 162 notrack
	}
}
"""
OTHER_FAMILY = """table ip6 filter {
	chain input {
		type filter hook input priority filter; policy drop;
		%stcp dport 22 accept
	}
}
"""


def pictured(room):
    """Of each family what is known, and NOTRACK rules by what they do."""
    works = "udp dport 53 notrack"
    one, both = ONE_FAMILY % ("", ""), ONE_FAMILY % ("", works)
    other, state = OTHER_FAMILY % "", OTHER_FAMILY % "ct state new "
    idle = "that has an effect"
    for text, caption, box in (
            (one, "untracked: nothing; tracked: every packet of IPv4.", idle),
            (one + other, "untracked: every packet of IPv6; tracked: every "
             "packet of IPv4.", idle),
            (one + state, "untracked: nothing; tracked: every packet.", idle),
            (both, "untracked: what the NOTRACK rules match; tracked: "
             "everything else of IPv4.", "1 rule of the host"),
            (both + other, "untracked: what the NOTRACK rules match and all "
             "IPv6; tracked: everything else of IPv4.", "1 rule of the host"),
            (both + state, "untracked: what the NOTRACK rules match; tracked:"
             " everything else.", "1 rule of the host")):
        with open(os.path.join(room, "one.nft"), "w") as f:
            f.write(text)
        found = page("--svg", "--file", "one.nft", cwd=room, is_page=False)
        if caption not in found or box not in found:
            golden.fault("the picture of\n%s\nis %s" % (text, found))


def bounded(room):
    """Hundreds of faults: the page shows 200, how many more, and where."""
    n = 900
    rules = "%d faults.nft" % n
    with open(os.path.join(room, rules), "w") as f:
        f.write("table ip late {\n\tchain input {\n\t\ttype filter hook input"
                " priority filter; policy accept;\n" + "".join(
                    "\t\tudp dport %d notrack\n\t\tudp dport %d ct state new "
                    "accept\n" % (1000 + i, 1000 + i) for i in range(n)) +
                "\t}\n}\n")
    text = page("--file", rules, cwd=room)
    found = re.search("<b>And ([0-9,]+) more, which are not on this page.</b>",
                      text)
    items = len(re.findall('<li class="(?:note|warning|error)">', text))
    if not found or items != 201 or \
            int(found[1].replace(",", "")) < n - 200:
        golden.fault("%d items, and %s" % (items, found and found[0]))
    words = "<code>ctpolicy audit '%s'</code>" % rules
    if html.unescape(text).count(words) != 2:
        golden.fault("the command that lists all")
    if len(text) > 200000:
        golden.fault("a page of %d bytes" % len(text))


def whose(path):
    st = os.stat(path)
    return stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid


def kept(room, name):
    """A new page is as the umask says; another keeps owner and rights."""
    path = os.path.join(HERE, name)
    page_at = os.path.join(room, "mine.html")
    words = ("-o", page_at, "--file", path)
    for mask in (0o077, 0o022, 0o002):
        if os.path.exists(page_at):
            os.unlink(page_at)
        before = os.umask(mask)
        run(*words, cwd=room)
        os.umask(before)
        if whose(page_at)[0] != 0o666 & ~mask:
            golden.fault("umask %o: mode %o" % (mask, whose(page_at)[0]))
    for mode in (0o600, 0o640, 0o444):
        os.chmod(page_at, mode)
        run(*words, cwd=room)
        if whose(page_at)[0] != mode:
            golden.fault("mode %o: %o" % (mode, whose(page_at)[0]))
    if os.geteuid():
        return
    os.chmod(page_at, 0o600)
    try:
        os.chown(page_at, 65534, 65534)
    except OSError:         # root of a user's namespace, who has nobody else
        return
    before = whose(page_at), open(page_at).read()
    for more in ([], [os.path.join(HERE, "policy.yaml")]):
        said = run(*words, *more, cwd=room, code=74)[1]
        if "CT833" not in said or "its owner" not in said:
            golden.fault("another user's page: " + said)
    if (whose(page_at), open(page_at).read()) != before:
        golden.fault("another user's page was changed")
    if [x for x in os.listdir(room) if x.startswith("mine.html.")]:
        golden.fault("something is left")


def written(room, name):
    """A file in the place of the one that was there; what is said of it."""
    path, out = os.path.join(HERE, name), "page.html"
    said = run("-o", out, "--file", path, cwd=room)
    if said != ("", "ctpolicy: wrote page.html\n"):
        golden.fault("what is said: %s" % (said,))
    said = json.loads(run("--output", out, "--json", "--file", path,
                          cwd=room)[0])
    if said != {"schema": 1, "command": "report", "result": "written",
                "output": out, "diagnostics": []}:
        golden.fault("JSON: %s" % said)
    raw = run("-o", "é.html", "--json", "--file", path, cwd=room)[0]
    if not raw.isascii() or json.loads(raw)["output"] != "é.html":
        golden.fault("JSON: %s" % raw)
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
        with tempfile.TemporaryDirectory() as room:
            never_its_own(room, name)
            kept(room, name)
        with tempfile.TemporaryDirectory() as room:
            typed(room, name)
    if "nftables" in os.environ["CTPOLICY_BACKENDS"].split():
        with tempfile.TemporaryDirectory() as room:
            pictured(room)
        with tempfile.TemporaryDirectory() as room:
            bounded(room)
    print("%d rulesets, %d pages, %d faults" % (len(names), made,
                                                golden.failed))
    sys.exit(bool(golden.failed or len(names) < golden.backends()))


main()
