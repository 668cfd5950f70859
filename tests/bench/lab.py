# SPDX-License-Identifier: GPL-2.0-or-later
"""What both benches share: namespaces, rulesets loaded, tables printed."""
import collections
import os
import re
import subprocess
import sys

SRC = os.environ["srcdir"]
BUILD = os.environ["builddir"]
CTPOLICY = os.environ["CTPOLICY"]
BACKENDS = os.environ["CTPOLICY_BACKENDS"].split()
TMP = os.environ["TMPDIR"]


def run(*command, text=None):
    p = subprocess.run(command, input=text, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode:
        sys.exit("%s: exit %d\n%s" % (" ".join(command), p.returncode,
                                      p.stderr[-2000:]))
    return p.stdout


def inside(ns, *command, text=None):
    return run("nsenter", "--net=/run/netns/" + ns, *command, text=text)


def helper(name):
    return os.path.join(BUILD, "tests", "bench", name)


# seconds by the clock, seconds of a processor (neighbours do not count), MiB
Took = collections.namedtuple("Took", "wall cpu mib")


def measure(ns, *command, stdin=None):
    """What one command took in ns, or a stop with its words."""
    if stdin:
        command = ("sh", "-c", 'exec "$@" <"$0"', stdin) + command
    out = run(helper("measure"), "/run/netns/" + ns, *command)
    code, wall, cpu, kib = out.split("\n")[-2].split()
    if code != "0":
        sys.exit("%s: exit %s\n%s" % (" ".join(command), code, out))
    return Took(float(wall), float(cpu), int(kib) / 1024)


def stripped():
    """A copy that valgrind can read: it does not know all DWARF."""
    path = os.path.join(TMP, "ctpolicy")
    run("strip", "--strip-debug", "-o", path, CTPOLICY)
    return path


def count(command, before=()):
    """(exit code, instructions in user space or 0, last words); `before` are
    words that valgrind is to be run with."""
    p = subprocess.run(
        list(before) + ["valgrind", "--tool=cachegrind", "--cache-sim=no",
                        "--cachegrind-out-file=/dev/null"] + command,
        cwd=TMP, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    told = re.search(r"I +refs: +([0-9,]+)", p.stderr)
    return (p.returncode, int(told.group(1).replace(",", "")) if told else 0,
            p.stderr[-2000:])


def write(name, text):
    path = os.path.join(TMP, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def render(policy, backend):
    return run(CTPOLICY, "render", policy, "--backend", backend)


def split_iptables(text):
    """render's one text as the inputs of ipset and the two restores."""
    sets = "".join(m + "\n" for m in re.findall(r"^#ipset (.*)$", text, re.M))
    return sets, text


def load(ns, backend, text):
    """Load rendered text as an administrator would."""
    if backend == "nftables":
        inside(ns, "nft", "-f", "-", text=text)
        return
    sets, rules = split_iptables(text)
    if sets:
        inside(ns, "ipset", "restore", text=sets)
    inside(ns, "iptables-legacy-restore", "--noflush", text=rules)
    inside(ns, "ip6tables-legacy-restore", "--noflush", text=rules)


def table(title, head, rows):
    print("\n%s" % title)
    rows = [head] + [[c if isinstance(c, str) else "%g" % c for c in r]
                     for r in rows]
    wide = [max(len(r[i]) for r in rows) for i in range(len(head))]
    for r in rows:
        print("  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w)
                               for i, (c, w) in enumerate(zip(r, wide))))
    sys.stdout.flush()
