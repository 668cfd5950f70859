# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages are sound, and say all that the program and its errors say."""
import os
import re
import shutil
import subprocess
import sys

import source

CTPOLICY = os.environ["CTPOLICY"]


def built(page):
    """A tarball has the page beside its source, a clone in the build tree."""
    for top in (os.environ.get("builddir", "."), source.TOP):
        path = os.path.join(top, "docs", page)
        if os.path.exists(path):
            return path
    sys.exit("no docs/%s: make first" % page)


def screen(*args):
    return subprocess.run([CTPOLICY, *args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def commands():
    names = re.findall(r"^  (\w+) ", screen("help"), re.M)
    return [name for name in names if name not in ("help", "version")]


def options():
    for args in [[]] + [[c] for c in commands()]:
        for m in re.finditer(r"(?<![\w-])(--?[a-zA-Z][\w-]*)",
                             screen(*args, "--help")):
            yield m[1], " ".join(["ctpolicy"] + args + ["--help"])


def rows(text):
    """{option: its argument's name} of a help screen's rows."""
    return {m[1]: (m[2] or "").lower() for m in re.finditer(
        r"^  (?:-\w, )?(--[\w-]+)(?: (\S+))?  ", text, re.M)}


def told(text, indent):
    """The same of the page: *--name* _argument_ on lines indented so far."""
    found = {}
    for line in re.findall(r"^%s(\*-.*)$" % indent, text, re.M):
        items = re.findall(r"\*(--?[\w-]+)\*(?:(?:=| \[?)(_\S+_))?,?\]?", line)
        if "".join(re.findall(r"\*--?[\w-]+\*|_\S+_", line)) != re.sub(
                r"[=\s,.]|\[(?=_)|(?<=_)\]", "", line):
            continue        # a sentence
        for name, arg in items:
            # a letter is another name of the option behind it
            if not name.startswith("--") and len(items) > 1:
                continue
            found[name] = arg.strip("_,").replace("\\", "").replace(
                "_,...", ",...")
    return found


def compare(rep, page, text):
    """The page's lists of options are those of the program's table: under each
    command its own, under OPTIONS those of all, and in SYNOPSIS."""
    synopsis = text[text.index("# SYNOPSIS"):text.index("# DESCRIPTION")]
    part = text[text.index("# COMMANDS"):text.index("# OPTIONS")]
    common = told(text[text.index("# OPTIONS"):text.index("# EXIT STATUS")],
                  "")
    sections = dict(re.findall(r"^\*(\w+)\*[^\n]*\n(.*?)(?=^\*|\Z)", part,
                               re.M | re.S))
    for name in commands():
        has = rows(screen(name, "--help"))
        section = told(sections.get(name, ""), "\t")
        for option, arg in has.items():
            where = section if option in section else common
            if option not in where:
                rep.fault(page, 1, "%s %s is not told" % (name, option))
            elif arg.strip("[]").split(",")[0] != \
                    where[option].split(",")[0].strip("_"):
                rep.fault(page, 1, "%s %s takes %r, not %r" % (
                    name, option, arg, where[option]))
        for option in set(section) - set(has):
            rep.fault(page, 1, "%s does not take %s" % (name, option))
        lines = re.findall(r"^\*ctpolicy\* \*%s\*(.*)$" % name, synopsis, re.M)
        for option in section:
            if "*%s*" % option not in " ".join(lines):
                rep.fault(page, 1, "SYNOPSIS of %s lacks %s" % (name, option))


REGISTRY = "core/diag_ids.h"


def ids(rep):
    """Every diagnostic of the registry: its id and line; each is given
    somewhere, and none is given past the registry."""
    used = set()
    for path in source.product_code():
        text = source.text(path)
        for m in re.finditer(r'"CT[0-9]{3}"', text):
            rep.fault(path, text.count("\n", 0, m.start()) + 1,
                      "%s has a name in %s" % (m[0], REGISTRY))
        used.update(re.findall(r"\bID_(\w+)", text))
    last = 0
    for n, line in enumerate(source.text(REGISTRY).splitlines(), 1):
        m = re.match(r"\s*X\((\w+), ([0-9]{3})\)", line)
        if not m:
            continue
        if m[1] not in used:
            rep.fault(REGISTRY, n, "nothing gives %s" % m[1])
        if int(m[2]) <= last:
            rep.fault(REGISTRY, n, "CT%s is not in order" % m[2])
        last = int(m[2])
        yield "CT" + m[2], n


def check_help(rep, name, line):
    """`ctpolicy help ID` has what the page says, and an example."""
    p = subprocess.run([CTPOLICY, "help", name], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode or not re.match(name + r"  \S", p.stdout) or not \
            re.search(r"\nFor example:\n\n(    .*\n)*?    .*: .*\[%s\]\n" % name,
                      "\n" + p.stdout):
        rep.fault(REGISTRY, line, "help %s: %s" % (name, p.stdout))


EXAMPLES = "cli/help/id_help_examples.txt"
LEAST = 6       # letters in a row that are taken for a message's own
SHARE = 0.4     # of the letters: the others are names and rules


def words_of_source():
    """What messages are made of: string literals, cut at conversions."""
    found = set()
    for path in source.product_code():
        for m in re.finditer(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*',
                             source.text(path)):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', m[0]))
            text = text.replace('\\"', '"')
            found.update(w for w in re.split(
                r"%(?:[-+ #0-9.*]*[hlz]*[a-zA-Z]|$)", text)
                if len(w) >= LEAST)
    return found


def check_examples(rep):
    """Examples that no golden shows have the words of the messages."""
    words = words_of_source() | {os.strerror(n) for n in range(1, 134)}
    seen = set()
    for n, line in enumerate(source.text(EXAMPLES).splitlines(), 1):
        m = re.fullmatch(r"(?:\S+: )?(?:error|warning|note): (.*) \[(CT\d+)\]|"
                         r"  help: (.*)", line)
        if not m:
            continue
        rep.looked += 1
        said = m[1] or m[3]
        own = bytearray(len(said))
        for word in words:
            at = said.find(word)
            if at >= 0:
                own[at:at + len(word)] = b"\1" * len(word)
        if sum(own) < SHARE * len(said):
            rep.fault(EXAMPLES, n, "no such words in the source: %s" % said)
        if m[2] and m[2] in seen:
            rep.fault(EXAMPLES, n, "%s has an example" % m[2])
        seen.add(m[2])


def main():
    rep = source.Report()
    pages = [f for f in source.tracked() if re.match(r"docs/.*\.scd$", f)]
    if not shutil.which("mandoc"):
        print("no mandoc")
        sys.exit(77)
    for page in pages:
        rep.looked += 1
        p = subprocess.run(
            ["mandoc", "-T", "lint", "-W", "warning",
             built(os.path.basename(page)[:-len(".scd")])],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in p.stdout.splitlines():
            # scdoc writes one paragraph macro too many wherever it can
            if "skipping paragraph macro" not in line:
                rep.fault(page, 1, line)
    page = "docs/ctpolicy.8.scd"
    # scdoc escapes underscores and marks bold and underlined with * and _
    said = source.text(page).replace("\\", "")
    for option, where in sorted(set(options())):
        if not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(option), said):
            rep.fault(page, 1, "%s of `%s` is not told" % (option, where))
    compare(rep, page, source.text(page))
    check_examples(rep)
    # the policy's ids stand with the language, the others here
    said = "".join(source.text(p) for p in pages)
    known = set()
    for name, line in ids(rep):
        known.add(name)
        check_help(rep, name, line)
        if name not in said:
            rep.fault(REGISTRY, line, "no page tells of %s" % name)
    for name in sorted(set(re.findall(r"\bCT[0-9]{3}\b", said)) - known):
        rep.fault("docs", 1, "nothing gives %s" % name)
    rep.exit()


main()
