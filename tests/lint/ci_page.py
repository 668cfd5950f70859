# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command of docs/ci.md runs as it stands there, and what it writes is what
its reader takes; the table has the formats that the program has."""
import os
import re
import subprocess
import sys

import source

sys.path.insert(0, os.path.join(source.TOP, "tests", "golden"))
import ci_readers                                           # noqa: E402

CTPOLICY = os.environ["CTPOLICY"]
TMP = os.environ["TMPDIR"]
PAGE = "docs/ci.md"
COMMAND = re.compile(r"^[ -]*(?:run: )?((?:cat [\w.]+ \| )?ctpolicy .*)$")
RULES = """table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t}
}
"""


def commands(text):
    for m in re.finditer(r"^```(?:yaml|sh)\n(.*?)^```", text, re.M | re.S):
        for k, line in enumerate(m[1].splitlines()):
            found = COMMAND.match(line)
            if found:
                yield text.count("\n", 0, m.start()) + 2 + k, found[1]


def run(command):
    env = dict(os.environ, GITHUB_STEP_SUMMARY="summary.md",
               PATH=os.path.dirname(os.path.abspath(CTPOLICY)) + ":" +
               os.environ["PATH"])
    return subprocess.run(["sh", "-c", command], env=env, cwd=TMP, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def document(command, said):
    """What a command wrote, and the reader of it; None: no document."""
    fmt = re.search(r"--format (\w+)", command)
    if not fmt:
        return None, None
    into = re.search(r">(?:>\"\$GITHUB_STEP_SUMMARY\"|([\w.-]+))", command)
    if into:
        with open(os.path.join(TMP, into[1] or "summary.md")) as f:
            said = f.read()
    return said, getattr(ci_readers, fmt[1])


def check_formats(rep, text):
    screen = subprocess.run([CTPOLICY, "check", "--help"], check=True,
                            text=True, stdout=subprocess.PIPE).stdout
    has = re.search(r"--format FORMAT +(.*?): the result", screen, re.S)[1]
    has = set(re.findall(r"[a-z]+", re.sub(r"\(.*?\)|\bor\b", "", has)))
    told = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    if has - {"text"} != told:
        rep.fault(PAGE, 1, "formats: %s, and the program has %s" % (
            sorted(told), sorted(has)))


def main():
    if "nftables" not in os.environ["CTPOLICY_BACKENDS"].split():
        sys.exit(77)
    rep = source.Report()
    text = source.text(PAGE)
    check_formats(rep, text)
    example = source.text("policies/examples/minimal.yaml")
    for name, content in (("policy.yaml", example), ("rules.nft", RULES)):
        with open(os.path.join(TMP, name), "w") as f:
            f.write(content)
    for line, command in commands(text):
        rep.looked += 1
        p = run(command)
        if p.returncode:
            rep.fault(PAGE, line, "exit %d\n%s" % (p.returncode, p.stdout))
            continue
        said, reader = document(command, p.stdout)
        try:
            if reader:
                reader(said)
        except (ValueError, KeyError, SyntaxError) as e:
            rep.fault(PAGE, line, "%r in\n%s" % (e, said))
    if rep.looked < 8:
        rep.fault(PAGE, 1, "only %d commands" % rep.looked)
    rep.exit()


main()
