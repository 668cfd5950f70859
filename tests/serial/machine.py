# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine's connection table, whose sizes have one value for all network
namespaces: changed for some seconds, as root of the first namespace only, and
put back however the test ends."""
import os
import signal
import socket
import time

import lab

KNOBS = "/proc/sys/net/netfilter/nf_conntrack_"
SIZES = ("buckets", "max")


class Machine:
    """The sizes of the first network namespace, others while in use."""

    def __init__(self):
        for pid in ancestors():
            try:
                self.space = _Held(os.open("/proc/%d/ns/net" % pid,
                                           os.O_RDONLY))
                with self.entered(), open(KNOBS + "max", "r+"):
                    pass
            except OSError as err:
                why = err
            else:
                self.wait_for_turn()
                self.before = {k: self.read(k) for k in SIZES}
                self.post_guardian()
                return
        lab.skip("cannot set nf_conntrack_max: %s" % why)

    def wait_for_turn(self):
        """One at a time on a machine: another's low limit is not what to go
        back to. The name is taken until the guardian has ended, too."""
        with self.entered():
            self.turn = socket.socket(socket.AF_UNIX)
        for _ in range(1200):
            try:
                return self.turn.bind("\0ctpolicy-table-full")
            except OSError:
                time.sleep(0.1)
        return lab.skip("another run holds nf_conntrack_max")

    def entered(self):
        return lab.Namespace.entered(self.space)

    def post_guardian(self):
        """A process that puts the limit back when this one is gone, were it
        by a signal that cannot be caught."""
        ear, self.mouth = os.pipe()
        if os.fork() == 0:
            os.close(self.mouth)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            os.read(ear, 1)
            self.restore()
            os._exit(0)
        os.close(ear)

    def read(self, knob):
        with self.entered(), open(KNOBS + knob) as f:
            return f.read().strip()

    def write(self, knob, value):
        with self.entered(), open(KNOBS + knob, "w") as f:
            f.write(str(value))

    def restore(self):
        """The buckets first: few entries in many of them do no harm."""
        for knob in SIZES:
            if self.read(knob) != self.before[knob]:
                self.write(knob, self.before[knob])


class _Held:
    def __init__(self, fd):
        self.fd = fd


def ancestors():
    """This process and those above it, one of which may still be where the
    machine's own network is."""
    pid = os.getpid()
    while pid:
        yield pid
        with open("/proc/%d/stat" % pid) as stat:
            pid = int(stat.read().rsplit(")", 1)[1].split()[1])
