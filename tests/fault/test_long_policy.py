#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A long policy leaves memory for a file without a name while it is applied:
the record holds it all the same, lines of it are shown, and where there cannot
be such a file, or it cannot be read, nothing is lost."""
import os
import re

import history
import lab
import tally
from tally import check

lab.require_ctpolicy()
LONG = 64 << 10		# of engine/plan_text.c
HEAD = """version: 1
state_matching: allowed
untracked:
  - name: dns
    role: [%s]
    protocol: udp
    ports: [%d]
    accept: open
    clients: [%s]
"""


def write(name, port, nets, roles="server"):
    path = os.path.join(lab.WORK, name)
    text = HEAD % (roles, port, ", ".join("10.%d.%d.1" % (i >> 8, i & 255)
                                    for i in range(nets)))
    with open(path, "w") as out:
        out.write(text)
    return path, text


# that a role is listed twice is warned of
POLICY, TEXT = write("long.yaml", 53, 8000, "server, server")
OTHER, _ = write("other.yaml", 54, 8000)
SHORT, _ = write("short.yaml", 53, 10)
assert len(TEXT) > LONG


def record(host):
    """What the newest record holds."""
    paths = [os.path.join(folder, name)
             for folder, _, names in os.walk(host.state)
             for name in names if name.isdigit()]
    with open(max(paths, key=lambda p: int(os.path.basename(p)))) as f:
        return f.read()


def calls(host, path):
    """[(name, number of it from the start, words)] of an apply."""
    log = os.path.join(lab.WORK, "trace")
    host.run("apply", path, prefix=["strace", "-qq", "-o", log])
    found, count = [], {}
    with open(log) as lines:
        for line in lines:
            name = re.match(r"\w+", line)
            if name:
                count[name[0]] = count.get(name[0], 0) + 1
                found.append((name[0], count[name[0]], line))
    return found


def nameless(found):
    """The call that opens the file, and its descriptor."""
    for name, n, line in found:
        if name == "openat" and "O_TMPFILE" in line:
            return (name, n), line.rsplit(" ", 1)[1].strip()
    return None, None


def failing(host, call, error, *more, code=0):
    return host.run("apply", *more, code=code, prefix=[
        "strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call[0], "-e",
        "inject=%s:error=%s:when=%d" % (call[0], error, call[1])])


def shows_line(said):
    return "[CT" in said and re.search(r"5 \|\s+role: \[server, server\]\n", said)


def whole(backend):
    host = history.Host(backend)
    said = host.run("apply", POLICY)
    check(shows_line(said), backend + ": the line of a warning", said[:600])
    check(TEXT in record(host), "the record holds the policy")
    files = host.files()
    said = host.run("apply", POLICY)
    check("nothing to do" in said and shows_line(said), "again", said[:600])
    check(host.files() == files, "no file more", host.files())
    host.run("apply", OTHER)
    host.run("rollback")
    host.run("diff", "--backend", backend, POLICY)
    check(host.code == 0, "rollback leads back to it")
    host.run("recover")


def faults(backend):
    """Found on one host, tried on others that are like it."""
    found = calls(history.Host(backend), POLICY)
    opened, fd = nameless(found)
    check(opened, backend + ": the text is put aside")
    check(not nameless(calls(history.Host(backend), SHORT))[0],
          "a short one is not")
    at = found.index(next(f for f in found if f[:2] == opened))
    wrote = next(f[:2] for f in found[at:] if f[2].startswith("write(" + fd))
    reads = [f[:2] for f in found[at:] if f[2].startswith("pread64(" + fd)]
    for what, call, error in (("cannot be made", opened, "EOPNOTSUPP"),
                              ("cannot be written", wrote, "ENOSPC")):
        host = history.Host(backend)
        said = failing(host, call, error, POLICY)
        check(shows_line(said) and TEXT in record(host), what, said[:600])
    # for its digest, for that of the record, and to be copied there
    reads.pop()		# which only shows a line of it
    for read in reads[::len(reads) // 3]:
        host = history.Host(backend)
        before = host.listing()
        said = failing(host, read, "EIO", POLICY, code=None)
        check(host.code == 74 and "annot" in said,
              "cannot be read: %s %d" % read, said[:600])
        check(host.listing() == before, "and nothing was changed")
        check(not [n for n in host.files() if n.isdigit() or n == "journal"],
              "nor recorded", host.files())
        host.run("apply", POLICY)


def main():
    for backend in lab.BACKENDS:
        whole(backend)
        faults(backend)
    tally.end()


main()
