# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of `persist: true`: the files, and policies that want them. They lie
below a layer over /etc that goes with the test's mount namespace.
"""
import glob
import os
import shutil
import subprocess
import tempfile
import unittest

import boot_files

CTPOLICY = os.environ["CTPOLICY"]
OPTIONS = "/etc/modprobe.d/ctpolicy.conf"
SYSCTLS = "/etc/sysctl.d/90-ctpolicy.conf"
RULE = "/etc/udev/rules.d/90-ctpolicy.rules"
FILES = (OPTIONS, SYSCTLS, RULE)
MARK = "# Written by ctpolicy; 'ctpolicy remove' removes it.\n"
OVER = "# ctpolicy ends here: it leaves what is added below as it is."
KEY = "net.netfilter.nf_conntrack_udp_timeout"
KNOB = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout"
TOOL = "/usr/lib/systemd/systemd-sysctl"
TMP = tempfile.mkdtemp()
STATE = os.path.join(TMP, "state")


def set_up():
    for folder in ("/etc", "/usr/lib"):
        boot_files.layer(folder)
    for path in ("/etc/sysctl.conf", "/etc/sysctl.d", "/usr/lib/sysctl.d",
                 "/etc/udev", "/etc/modprobe.d"):
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
    put(TOOL, "#!/bin/sh\n", 0o755)
    os.umask(0o077)


def put(path, text, mode=0o644):
    boot_files.write(path, text, mode)


def policy(words="persist: true, timeouts: {udp: 20s}", services=""):
    path = os.path.join(TMP, "policy.yaml")
    with open(path, "w") as f:
        f.write("version: 1\nstate_matching: allowed\n%sconntrack: {%s}\n" %
                (services, words))
    return path


def texts():
    return [boot_files.read(p) if os.path.exists(p) else None for p in FILES]


def mark():
    """This namespace is not that of process 1, and says which it is."""
    return MARK + "# Network namespace: %s\n" % os.listdir(STATE)[0]


def end(*wrote):
    return " ".join((OVER, "It wrote:", *wrote)) + "\n"


def sysctls(seconds, head=None):
    return "%s%s = %s\n" % (mark() if head is None else head, KEY, seconds) + \
        end("%s=%s" % (KEY, seconds))


def written(seconds, more=""):
    return [None, sysctls(seconds) + more,
            mark() + 'ACTION=="add", SUBSYSTEM=="module", '
            'KERNEL=="nf_conntrack", RUN+="%s --prefix=/net/netfilter"\n' %
            TOOL + end('RUN="' + TOOL)]


NOTHING = [None] * 3
LOG = os.path.join(TMP, "log")
TRACE = ["strace", "-qq", "-o", LOG, "-e", "trace=renameat"]
SERVICE = """untracked:
  - {name: web, role: server, protocol: tcp, ports: [80]}
"""


class Persisted(unittest.TestCase):
    def setUp(self):
        with open(KNOB) as f:
            self.before = f.read()

    def tearDown(self):
        self.ctpolicy(0, "remove")
        self.assertEqual((texts(), self.left()), (NOTHING, []))
        with open(KNOB) as f:
            self.assertEqual(f.read(), self.before)

    def left(self):
        return [p for f in FILES
                for p in glob.glob(os.path.dirname(f) + "/.*ctpolicy*")]

    def ctpolicy(self, code, verb, *words, prefix=()):
        p = subprocess.run(
            [*prefix, CTPOLICY, verb, "--state-dir", STATE, *words],
            capture_output=True, text=True)
        self.assertEqual(p.returncode, code, (p.args, p.stdout, p.stderr))
        return p
