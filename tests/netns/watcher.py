# SPDX-License-Identifier: GPL-2.0-or-later
"""`ctpolicy watch` at work."""
import json
import os
import signal
import subprocess
import time

import lab

# A machine that does other work, too, is given more than it should take.
PATIENCE = 120


class Watch:
    """The program, and the events that it has told of."""

    def __init__(self, space, *under):
        """`under`: the program that runs it."""
        self.process = space.popen(
            [*under, lab.CTPOLICY, "watch", "--json"], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = b""
        self.events = []

    def wait(self, event, seconds=PATIENCE):
        """The next event of that kind; None: there was none."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.rest += self.process.stdout.read() or b""
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == event:
                    return self.events[-1]
            time.sleep(.02)
        return None

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        self.signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def waited(self):
        """Seconds for a processor that others had."""
        with open("/proc/%d/schedstat" % self.process.pid) as text:
            return int(text.read().split()[1]) / 1e9

    def worked(self):
        """Seconds of a processor."""
        with open("/proc/%d/stat" % self.process.pid) as text:
            fields = text.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
