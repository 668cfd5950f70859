# SPDX-License-Identifier: GPL-2.0-or-later
"""Which folder may include which, and what no product code may call."""
import re

import source

# A folder sees the layers below it: core sees none, cli all.
SEES = {
    "core": ("core",),
    "rules": ("core", "rules"),
    "audit": ("core", "rules", "audit"),
    "policies": ("core", "policies"),
    "generators": ("core", "rules", "policies", "generators"),
    "host": ("core", "rules", "host"),
    "backends": ("core", "rules", "host", "backends"),
    "state": ("core", "state"),
    "engine": ("core", "rules", "audit", "policies", "generators", "host",
               "backends", "state", "engine"),
    "prove": ("core", "rules", "audit", "policies", "generators", "host",
              "backends", "engine", "prove"),
    "cli": ("core", "rules", "audit", "policies", "generators", "host",
            "backends", "state", "engine", "prove", "cli"),
}
# A file below a folder's own sight: policies see of rules/ the origin alone.
ALSO = {
    ("policies", "rules/origin.h"),
    ("state", "host/lock_holder.h"),
}
# A library's headers, and the only files that may know them.
CONFINED = (
    (r"yaml\.h$", r"policies/yaml_[^/]*\.[ch]$"),
    (r"libnftnl/", r"backends/nft/"),
    (r"libmnl/", r"(backends/(nft|iptables)|host)/"),
    (r"nftables/libnftables\.h", r"backends/nft/nft_load\.c"),
    (r"libnetfilter_conntrack/", r"host/conntrack/"),
    (r"(libiptc|libipset)/|ip6?tables\.h$", r"backends/iptables/"),
    (r"xtables\.h$", r"backends/(iptables|xtables)/"),
    (r"cap-ng\.h$", r"host/privilege\.c$"),
    (r"libkmod\.h$", r"host/kmod\.c$"),
    (r"jansson\.h$", r"(cli|state)/"),
    (r"linux/", r"(core|rules|audit|host|backends|engine)/"),
    (r"uthash\.h$|ut(list|array|string)\.h$",
     r"(core|rules|policies|backends|engine)/"),
    (r"cmocka\.h$|tests/", r"$^"),
)
# Folders of backends/ that all backends may look into.
SHARED = ("backends/lower", "backends/xtables")
CALLS = re.compile(
    r"\b(system|popen|posix_spawnp?|exec(l|lp|le|v|vp|ve|vpe)|fexecve|"
    r"getaddrinfo|gethostbyname|getservby(name|port)|getprotobyname|"
    r"getpw\w+|getgr\w+|dlopen|ato(i|l|ll|f)|"
    r"str(cpy|cat|tok)|stpcpy|v?sprintf|gets|tmpnam|mktemp|alloca|"
    r"v?[fs]?w?scanf|rand|signal)\s*\(")
MAY_CALL = {("host/library.c", "dlopen")}
STDIO = re.compile(r"\b(stdout|stderr|(?<![\w>.])printf\s*\(|puts\s*\()")


def check_includes(rep, path, code):
    folder = path.split("/")[0]
    for n, line in enumerate(code.splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        own, what = m[1] == '"', m[2]
        for header, where in CONFINED:
            if re.match(header, what) and not re.match(where, path):
                rep.fault(path, n, "%s may not include %s" % (folder, what))
        if not own or what == "config.h":
            continue
        layer = what.split("/")[0]
        if "/" not in what:
            rep.fault(path, n, "name %s from the top folder" % what)
        elif layer not in SEES[folder] and (folder, what) not in ALSO:
            rep.fault(path, n, "%s may not see %s" % (folder, what))
        elif layer == "backends" and what.count("/") > 1:
            inner = what.rsplit("/", 1)[0]
            if inner not in SHARED and not path.startswith(inner + "/"):
                rep.fault(path, n, "%s is internal to %s" % (what, inner))


# Not to print there, but to catch what a library prints.
CAPTURES = {"backends/xtables/xt_print.c", "backends/xtables/xt_guard.c"}


def check_calls(rep, path, code):
    for n, line in enumerate(code.splitlines(), 1):
        m = CALLS.search(line)
        if m and (path, m[1]) not in MAY_CALL:
            rep.fault(path, n, "%s() has no place here" % m[1])
        m = STDIO.search(line)
        if m and not path.startswith("cli/") and path not in CAPTURES:
            rep.fault(path, n, "only cli/ prints")


# What makes a message or a longer text of others
MAKES_TEXT = re.compile(r"\b(diag_(add|help|related|mend)|inspect_add|"
                        r"findings_say|strbuf_(printf|puts))\(")


def inside(code, at):
    """Between the parenthesis there and its fellow."""
    depth = 0
    for end in range(at, len(code)):
        depth += (code[end] == "(") - (code[end] == ")")
        if not depth:
            return code[at + 1:end]
    return code[at + 1:]


def check_texts(rep, path, code):
    """A buffer that lost something must not be put into one that seems whole;
    one's own text may be looked at."""
    for m in MAKES_TEXT.finditer(code):
        within = inside(code, m.end() - 1)
        own = within.split(",")[0].strip()
        for text in re.findall(r"strbuf_str\(([^()]*)\)", within):
            if text != own:
                rep.fault(path, code.count("\n", 0, m.start()) + 1,
                          "strbuf_text() or strbuf_join(), for what is lost")


# A further backend is a folder, a row of the registry and a word of the policy.
BACKEND_NAMES = re.compile(r'"(nftables|iptables)"|\bbackend_(nft|iptables)\b')
KNOWS_BACKENDS = re.compile(r"backends/|policies/policy_parse\.c$")


def check_backends(rep, path, raw):
    for n, line in enumerate(raw.splitlines(), 1):
        m = BACKEND_NAMES.search(line.split("/*")[0])
        if m and not KNOWS_BACKENDS.match(path):
            rep.fault(path, n, "%s: only backends/ tells them apart" % m[0])


def main():
    rep = source.Report()
    for path in source.product_code():
        rep.looked += 1
        raw = source.text(path)
        check_includes(rep, path, raw)
        code = source.without_comments(raw)
        check_calls(rep, path, code)
        check_texts(rep, path, code)
        check_backends(rep, path, raw)
    rep.exit()


main()
