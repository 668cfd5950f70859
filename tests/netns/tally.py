# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test with many checks counts, and how it ends: all of them are made,
and each that does not hold is named. Threads may share it."""
import concurrent.futures
import os
import sys
import threading

_lock = threading.Lock()
_passed = _failed = _cases = 0
# Every which case of a long test is played
EVERY = int(os.environ.get("CTPOLICY_EVERY", "1"))


def check(good, what, *more):
    """Count one; what is `more` is shown if it does not hold."""
    global _failed, _passed
    with _lock:
        _passed += bool(good)
        _failed += not good
        if not good:
            print("not ok -", what, *more, flush=True)


def case(what, function, *args):
    """Count a function: it holds unless one of its assertions fails."""
    try:
        function(*args)
    except AssertionError as err:
        check(False, what + ":", err)
    else:
        check(True, what)


def some(what, function, *args):
    """A case among many: with CTPOLICY_EVERY=2 every second one is played."""
    global _cases
    with _lock:
        _cases += 1
        played = _cases % EVERY == 0
    if played:
        case(what, function, *args)


def side_by_side(function, items):
    """Call it for each item, all at once: most tests wait most of the time."""
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        for done in [pool.submit(function, item) for item in items]:
            done.result()


def end(before=""):
    """Say how many held, and leave; no check at all is a failure too."""
    print("%s%d passed, %d failed" % (before, _passed, _failed))
    sys.exit(1 if _failed or not _passed else 0)
