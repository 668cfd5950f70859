#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""status --watch: screen after screen until a signal, on a terminal each in
the place of the last, and documents that are a line each; it grows by nothing,
and lists no more of the table than it shows."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import entries                                              # noqa: E402
import lab                                                  # noqa: E402
import metrics                                              # noqa: E402
import tally                                                # noqa: E402
from packets import TCP                                     # noqa: E402
from tally import check                                     # noqa: E402

PATIENCE = 60
CLEAR = "\033[H\033[2J"


def host(n=40):
    space = lab.Namespace()
    add(space, n)
    return space


def add(space, n, port=80):
    entries.add(space, [(TCP, "10.0.%d.%d" % (i >> 8, i & 255), "192.0.2.2",
                         1024 + i % 60000, port, 6, 3) for i in range(n)])


class Watch:
    """The program at work, and what it has printed so far."""

    def __init__(self, space, *words, terminal=False):
        if terminal:
            self.out, inner = pty.openpty()
        else:
            self.out, inner = os.pipe()
        self.process = space.popen(
            [lab.CTPOLICY, "status", "--state-dir", lab.WORK + "/none",
             *words], stdin=subprocess.DEVNULL, stdout=inner,
            stderr=subprocess.PIPE)
        os.close(inner)
        self.text = ""

    def until(self, good):
        """Read on until the text is good."""
        end = time.monotonic() + PATIENCE
        while not good(self.text):
            assert time.monotonic() < end, "too late: %r" % self.text
            if select.select([self.out], [], [], 1)[0]:
                part = os.read(self.out, 65536)
                assert part, "it ended: %r %r" % (
                    self.text, self.process.stderr.read())
                self.text += part.decode()
        return self.text

    def screens(self, n):
        return self.until(lambda text: text.count("tracking  ") >= n)

    def lines(self, n):
        text = self.until(lambda text: text.count("\n") >= n)
        return [json.loads(line) for line in text.split("\n")[:n]]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        said = self.process.communicate(timeout=PATIENCE)[1]
        check(self.process.returncode == -number and not said,
              "a signal ends it", (self.process.returncode, said))
        os.close(self.out)

    def size(self):
        """Memory in KiB, and open files."""
        pid = self.process.pid
        with open("/proc/%d/status" % pid) as f:
            rss = [line.split()[1] for line in f if line.startswith("VmRSS")]
        return int(rss[0]), len(os.listdir("/proc/%d/fd" % pid))


def on_a_pipe():
    space = host()
    watch = Watch(space, "--watch", "0.2")
    watch.screens(2)
    check("entries    40 of" in watch.text, "the first", watch.text)
    add(space, 10, 443)
    watch.until(lambda text: "entries    50 of" in text)
    check("\033" not in watch.text and "\n\ntracking" in watch.text,
          "plain text, an empty line between", watch.text)
    first, second = watch.text.split("\n\n")[:2]
    check("in the last" not in first and
          re.search(r"in the last \d+\.\d s: 0 for want", second),
          "since the screen before", (first, second))
    watch.end(signal.SIGINT)


def on_a_terminal():
    watch = Watch(host(), "--watch=0.2", "--top", "1", "--by", "dport",
                  terminal=True)
    watch.screens(3)
    parts = watch.text.split(CLEAR)
    check(parts[0] == "" and all("tcp/80" in part for part in parts[1:3]),
          "each in the place of the last", parts)
    watch.end()
    watch = Watch(host(), terminal=True)
    watch.until(lambda text: "history" in text or "drift" in text)
    check("\033" not in watch.text, "a single look clears nothing")
    watch.process.wait()
    os.close(watch.out)


def as_lines():
    space = host(20000)
    watch = Watch(space, "--watch", "0.2", "--json")
    said = watch.lines(3)
    check([s["result"] for s in said] == ["ok"] * 3, "documents", said)
    check(said[0]["lately"] is None and .1 < said[1]["lately"]["seconds"] < 5,
          "since the one before", said[1])
    check(all(s["lately"][name] == s["table"]["counters"][name] -
              was["table"]["counters"][name]
              for was, s in zip(said, said[1:])
              for name in ("drop", "early_drop", "insert_failed",
                           "chaintoolong")), "how much more", said)
    check(all(s["sample"]["entries"] == 10000 and not s["sample"]["complete"]
              for s in said), "a small sample", said[0]["sample"])
    watch.end()
    watch = Watch(space, "--watch", "--json", "--top", "2", "--by", "dport",
                  "0.2")
    said = watch.lines(2)
    check(all(s["top"]["rows"][0]["entries"] == 20000 and "sample" in s
              for s in said), "with the ranking", said)
    watch.end()
    check(json.loads(space.run("%s status --json" % lab.CTPOLICY))["lately"][
        "seconds"] >= .3, "a single look has its own")


def steady():
    # a build with sanitizers keeps what was freed for a while
    os.environ["ASAN_OPTIONS"] = ("detect_leaks=0:quarantine_size_mb=0:"
                                  "thread_local_quarantine_size_kb=0")
    watch = Watch(host(3000), "--watch", "0.1", "--json", "--top", "5")
    watch.lines(10)
    before = watch.size()
    watch.lines(60)
    after = watch.size()
    check(after[1] == before[1], "no file stays open", (before, after))
    check(after[0] - before[0] < 400, "no memory is lost", (before, after))
    watch.end()


def reader_gone():
    watch = Watch(host(), "--watch", "0.1")
    watch.screens(1)
    os.close(watch.out)
    watch.process.communicate(timeout=PATIENCE)
    check(watch.process.returncode in (-signal.SIGPIPE, 74), "it ends, too",
          watch.process.returncode)
    space = host()
    out = space.run("%s status --watch 0.1 >/dev/full 2>&1; echo $?" %
                    lab.CTPOLICY)
    check(out.split()[-1] == "74", "a full disk ends it", out)


def written():
    """The metrics, again and again."""
    path = os.path.join(lab.WORK, "again.prom")
    space = host()
    watch = Watch(space, "--watch", "0.1", "--prometheus", path)

    def total():
        try:
            with open(path) as f:
                found = metrics.parse(f.read())
        except FileNotFoundError:
            return 0
        return sum(metrics.entries(found).values())
    for want in (40, 50):
        end = time.monotonic() + PATIENCE
        while total() != want and time.monotonic() < end:
            time.sleep(.02)
        check(total() == want, "as the table has it", total())
        add(space, 10, 443)
    watch.end()
    check(watch.text == "", "nothing is printed")


def misuse():
    space = lab.Namespace()
    for words in ("--watch 0", "--watch -1", "--watch x", "--watch=", "5",
                  "--watch 1 2", "--watch=1 2", "--watch 1e3", "--watch .",
                  "--watch 86401", "--watch --check", "--watch 0.01"):
        out = space.run("timeout 5 %s status %s 2>&1; echo $?" %
                        (lab.CTPOLICY, words))
        check(out.split()[-1] == "64", words, out)
    out = space.run("setpriv --bounding-set=-all --inh-caps=-all "
                    "--ambient-caps=-all %s status --watch; echo $?" %
                    lab.CTPOLICY)
    check(out.split()[-1] == "77", "no permission", out)


def main():
    lab.require_ctpolicy()
    for part in (on_a_pipe, on_a_terminal, as_lines, steady, reader_gone,
                 written, misuse):
        tally.case(part.__name__, part)
    tally.end()


main()
