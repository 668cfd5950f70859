# SPDX-License-Identifier: GPL-2.0-or-later
"""What commands cost in processor time, and limits that a busy machine cannot
break: other work adds to a look, never to all of them, and what grows too fast
is too dear in each."""
import os
import resource

LOOKS = 5


def is_sanitized(program=None):
    """Instrumented code is several times slower, and keeps freed memory."""
    with open(program or os.environ["CTPOLICY"], "rb") as f:
        return b"__asan_init" in f.read()


def seconds(call, *args, kernel=True):
    """Of a processor, that the children which end meanwhile took. Without the
    kernel's part it is a rough figure: how a short time is shared out among the
    two is a guess of the kernel's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call(*args)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + kernel * (
        after.ru_stime - before.ru_stime)


def least(look, most):
    """The smallest of some looks, or the first that is not above `most`."""
    best = look()
    for _ in range(LOOKS - 1):
        if best <= most:
            break
        best = min(best, look())
    return best
