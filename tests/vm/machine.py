# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine with Debian's stock kernel, whose modules can go.

    with machine.frozen() as ice:
        with ice.thaw() as vm:
            vm.run("lsmod")

The machine is booted once and frozen; each case thaws a machine of its own in
about a second. One runs at a time, without KVM. Every wait has an end; a
machine dies with its `with`, and qemu with this process.
"""
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "netns"))

import initramfs  # noqa: E402

CTPOLICY = os.environ.get("CTPOLICY", "./ctpolicy")
IPVS_SERVICE = os.path.join(os.environ.get("builddir", "."),
                            "tests/vm/ipvs_service")
SKIP = 77
DISK_SIZE = 64 << 20
# This machine may be busy: nothing is known to take this long.
BOOT_S, THAW_S, RUN_S = 600, 300, 600
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
APPEND = ("console=ttyS0 panic=-1 tsc=reliable no_timer_check nokaslr "
          "mitigations=off quiet")


class Lost(Exception):
    """The machine does not answer."""


def skip_unless_possible():
    for path in (initramfs.KERNEL, initramfs.FOLDER + "/bin/busybox",
                 initramfs.UDEVADM):
        if not os.path.exists(path):
            print("SKIP: no %s: contrib/install-deps test" % path, flush=True)
            strict = os.environ.get("CTPOLICY_TESTS_NO_SKIP", "0") == "1"
            sys.exit(1 if strict else SKIP)


def _die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """One qemu; `state`: a file to thaw, else it boots."""

    def __init__(self, folder, disk, state=None):
        self.console = os.path.join(folder, "console")
        self.kept = b""
        self.port, port = socket.socketpair()
        self.monitor, monitor = socket.socketpair()
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-m", "512",
            "-machine", "pc,usb=off", "-cpu", "qemu64", "-nodefaults",
            "-no-reboot", "-display", "none", "-serial",
            "file:" + self.console, "-kernel", initramfs.KERNEL,
            "-initrd", folder + "/initramfs", "-append", APPEND,
            "-chardev", "socket,id=c,fd=%d" % port.fileno(),
            "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=c,nr=1",
            "-drive", "if=none,id=d,format=raw,file=" + disk,
            "-device", "virtio-blk-pci,drive=d",
            "-chardev", "socket,id=q,fd=%d" % monitor.fileno(),
            "-mon", "chardev=q,mode=control"]
        if state:
            command += ["-incoming", "exec:cat " + state]
        self.qemu = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            pass_fds=(port.fileno(), monitor.fileno()),
            preexec_fn=_die_with_parent)
        port.close()
        monitor.close()
        self.answers = self.monitor.makefile("r")
        self.monitor.settimeout(THAW_S)
        self.answers.readline()
        self.qmp("qmp_capabilities")
        if state:
            self._await("paused", "inmigrate", "postmigrate")
            self.qmp("cont")
        else:
            self._expect_line(b"ready", BOOT_S)

    # ---- the monitor ----

    def qmp(self, command, **arguments):
        message = {"execute": command}
        if arguments:
            message["arguments"] = arguments
        self.monitor.sendall(json.dumps(message).encode() + b"\n")
        while True:
            answer = json.loads(self.answers.readline())
            if "return" in answer:
                return answer["return"]
            assert "error" not in answer, answer

    def _await(self, wanted, *meanwhile):
        end = time.monotonic() + THAW_S
        while True:
            status = self.qmp("query-status")["status"]
            if status == wanted:
                return
            if status not in meanwhile or time.monotonic() > end:
                raise Lost("the machine is " + status)
            time.sleep(0.02)

    def freeze(self, path):
        self.qmp("stop")
        self.qmp("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.qmp("migrate", uri="exec:cat > " + path)
        end = time.monotonic() + THAW_S
        while True:
            status = self.qmp("query-migrate").get("status")
            if status == "completed":
                return
            if status == "failed" or time.monotonic() > end:
                raise Lost("freezing: %s" % status)
            time.sleep(0.02)

    # ---- the agent ----

    def _read(self, end):
        left = end - time.monotonic()
        if left <= 0 or not select.select([self.port], [], [], left)[0]:
            raise Lost("no answer in time; console:\n" + self.log())
        data = self.port.recv(1 << 16)
        if not data:
            raise Lost("the machine has ended; console:\n" + self.log())
        self.kept += data

    def _line(self, end):
        while b"\n" not in self.kept:
            self._read(end)
        line, self.kept = self.kept.split(b"\n", 1)
        return line

    def _expect_line(self, wanted, seconds):
        line = self._line(time.monotonic() + seconds)
        assert line == wanted, line

    def log(self):
        with open(self.console, encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def send(self, script, seconds=RUN_S):
        """Begin to run a script; answer() has its end."""
        data = script.encode()
        self.port.sendall(b"run %d %d\n" % (len(data), seconds) + data)

    def answer(self, seconds=RUN_S):
        end = time.monotonic() + seconds + 10
        code, length = map(int, self._line(end).split())
        while len(self.kept) < length:
            self._read(end)
        out, self.kept = self.kept[:length], self.kept[length:]
        return code, out.decode("utf-8", "replace")

    def run(self, script, code=0, seconds=RUN_S):
        """The script's output; code None: any, and (code, output) is given."""
        self.send(script, seconds)
        got, out = self.answer(seconds)
        if code is None:
            return got, out
        assert got == code, "exit %d, not %d: %s\n%s\n%s" % (
            got, code, script, out, self.log()[-1500:])
        return out

    def put(self, path, text):
        data = text.encode()
        self.port.sendall(b"put %d %s\n" % (len(data), path.encode()) + data)
        code, _ = self.answer()
        assert code == 0

    # ---- its end ----

    def cut_power(self):
        self.qemu.kill()
        self.qemu.wait(30)
        self.port.close()
        self.answers.close()
        self.monitor.close()


class Ice:
    """A booted machine, frozen."""

    def __init__(self, folder):
        self.folder = folder
        self.state = os.path.join(folder, "state")

    def disk(self, name="disk"):
        """A new empty disk."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.truncate(DISK_SIZE)
        return path

    @contextlib.contextmanager
    def thaw(self, disk=None):
        vm = Machine(self.folder, disk or self.disk(), self.state)
        try:
            yield vm
        finally:
            vm.cut_power()


@contextlib.contextmanager
def frozen():
    skip_unless_possible()
    with tempfile.TemporaryDirectory(prefix="ctpolicy-vm.") as folder:
        ice = Ice(folder)
        initramfs.build(folder + "/initramfs", {
            "ctpolicy": CTPOLICY, "ipvs_service": IPVS_SERVICE})
        vm = Machine(folder, ice.disk())
        try:
            vm.freeze(ice.state)
        finally:
            vm.cut_power()
        yield ice
