# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shown to a reader is true: every policy is one that `ctpolicy check`
takes, and a console block of a page is what its command prints, and links lead somewhere.
"""
import glob
import os
import re
import subprocess
import textwrap

import source

CTPOLICY = os.environ["CTPOLICY"]


def blocks(text):
    """(line, policy) of each fenced block that is a whole policy."""
    for m in re.finditer(r"^```(?:yaml)?\n(.*?)^```", text, re.M | re.S):
        yield text.count("\n", 0, m.start()) + 2, m[1]


def indented(text):
    """(line, policy) of each run of indented lines in scdoc's literal."""
    for m in re.finditer(r"^\t*```\n(.*?)^\t*```", text, re.M | re.S):
        yield text.count("\n", 0, m.start()) + 2, textwrap.dedent(m[1])


def check(rep, name, line, policy):
    rep.looked += 1
    p = subprocess.run([CTPOLICY, "check", "-"], input=policy, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        rep.fault(name, line, "exit %d\n%s" % (p.returncode, p.stdout))


def check_console(rep, page, text):
    """Commands run beside the page's policies: `# NAME.yaml` begins one."""
    if set(os.environ["CTPOLICY_BACKENDS"].split()) != {
            "nftables", "iptables"}:
        return
    env = dict(os.environ, PATH=os.path.dirname(CTPOLICY) + ":" +
               os.environ["PATH"])
    for _, policy in blocks(text):
        name = re.match(r"# ([\w-]+\.yaml)\n", policy)
        if name:
            with open(os.path.join(os.environ["TMPDIR"], name[1]), "w") as f:
                f.write(policy)
    for m in re.finditer(r"^```console\n\$ ([^\n]*)\n(.*?)^```", text, re.M | re.S):
        rep.looked += 1
        got = subprocess.run(["sh", "-c", m[1]], env=env, text=True,
                             cwd=os.environ["TMPDIR"], stdout=subprocess.PIPE)
        if got.stdout != m[2]:
            rep.fault(page, text.count("\n", 0, m.start()) + 2,
                      "%s prints\n%s" % (m[1], got.stdout))


def anchors(text):
    """The names of a page's headings, as its readers' browsers have them."""
    return {re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-")
            for line in re.findall(r"^#+ (.*)$", text, re.M)}


def check_links(rep, page, text):
    """Of links to the project's own pages, each leads somewhere."""
    for m in re.finditer(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text):
        path = os.path.normpath(os.path.join(os.path.dirname(page), m[1])) \
            if m[1] else page
        rep.looked += 1
        if not os.path.exists(os.path.join(source.TOP, path)) or (
                m[2] and m[2] not in anchors(source.text(path))):
            rep.fault(page, text.count("\n", 0, m.start()) + 1,
                      "%s leads nowhere" % m[0])


def main():
    rep = source.Report()
    pages = ["README.md", "HACKING.md"]
    pages += [p for p in source.tracked() if
              re.match(r"(docs|contrib)/.*\.md$", p)]
    for page in pages:
        check_console(rep, page, source.text(page))
        check_links(rep, page, source.text(page))
    pages += [os.path.relpath(p, source.TOP) for p in
              sorted(glob.glob(os.path.join(source.TOP, "docs", "*.scd")))]
    for page in pages:
        text = source.text(page)
        found = indented(text) if page.endswith(".scd") else blocks(text)
        for line, policy in found:
            if re.search(r"^version: *1\b", policy, re.M):
                check(rep, page, line, policy)
    for path in sorted(glob.glob(os.path.join(
            source.TOP, "policies", "examples", "*.yaml"))):
        with open(path) as f:
            check(rep, os.path.relpath(path, source.TOP), 1, f.read())
    rep.exit()


main()
