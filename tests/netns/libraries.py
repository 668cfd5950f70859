# SPDX-License-Identifier: GPL-2.0-or-later
"""Libraries that ctpolicy opens while it runs, taken away for a while."""
import contextlib
import ctypes
import subprocess


def path_of(name):
    """Where the dynamic loader finds it."""
    ctypes.CDLL(name)
    with open("/proc/self/maps", encoding="ascii") as maps:
        return next(line.split()[-1] for line in maps if "/" + name in line)


@contextlib.contextmanager
def without(name):
    """In this mount namespace it cannot be opened."""
    path = path_of(name)
    subprocess.run(["mount", "--bind", "/dev/null", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)
