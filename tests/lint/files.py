# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file: licence line, length, nothing left behind, no stray places; every
test is in a list."""
import re

import source

LONGEST = 500
CARRIES = re.compile(r"\.(c|h|py|sh|am|ac|scd|md|map)$|^\.(clang|editor)")
# Test data is what it is; its first line may be the point of the test.
DATA = re.compile(r"^tests/(?!.*\.(c|h|py|sh)$)|^COPYING$")
# The words are spelt in pieces so that this file passes its own test.
LEFT = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
UNFINISHED = re.compile(r"\b(not implemented|unimpl" r"emented|st" r"ub)\b")
# Paths of one machine, and numbers that only a tracker can explain.
PLACES = re.compile(r"(?<![\w.$}])/(wo" r"rk|fa" r"rm|home|Users)/|"
                    r"\biss" r"ue #?[0-9]+")
HOSTS = {
    "docs.kernel.org", "git.kernel.org", "www.kernel.org", "github.com",
    "www.debian.org", "www.w3.org",
    "www.netfilter.org", "netfilter.org", "www.rfc-editor.org", "www.gnu.org",
    "gnu.org", "json-schema.org", "yaml.org", "no-color.org",
    "editorconfig.org", "fsf.org", "developercertificate.org",
    "json.schemastore.org",
}
URL = re.compile(r"\bhttps?://([\w.-]+)")


def check_lines(rep, path, text):
    product = path.split("/")[0] in source.PRODUCT
    for n, line in enumerate(text.splitlines(), 1):
        for m in LEFT.finditer(line):
            rep.fault(path, n, "left behind: %s" % m[0])
        if product and path.endswith((".c", ".h")):
            for m in UNFINISHED.finditer(line):
                rep.fault(path, n, "unfinished? %s" % m[0])
        for m in PLACES.finditer(line):
            rep.fault(path, n, "says nothing to a stranger: %s" % m[0])
        for m in URL.finditer(line):
            host = m[1].rstrip(".")
            if host not in HOSTS and not re.search(
                    r"(^|\.)example(\.(com|net|org))?$", host):
                rep.fault(path, n, "a link to %s" % host)


def check_listed(rep):
    """A test that a merge took out of its list would never run again."""
    listed = set(source.text("Makefile.am").split())
    for path in source.tracked():
        m = re.match(r"(tests/\w+/test_\w+)\.(py|c)$", path)
        if m and (path if m[2] == "py" else m[1]) not in listed:
            rep.fault(path, 1, "in no list of Makefile.am")


def main():
    rep = source.Report()
    for path in source.tracked():
        if DATA.search(path):
            continue
        rep.looked += 1
        text = source.text(path)
        head = "\n".join(text.splitlines()[:4])
        if (CARRIES.search(path) or source.is_code(path)) and \
                "SPDX-License-Identifier: " not in head:
            rep.fault(path, 1, "no SPDX line")
        lines = text.count("\n")
        if source.is_code(path) and lines > LONGEST:
            rep.fault(path, lines, "%d lines: split it" % lines)
        check_lines(rep, path, text)
    check_listed(rep)
    rep.exit()


main()
