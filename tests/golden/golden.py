# SPDX-License-Identifier: GPL-2.0-or-later
"""What was said before and is said now, for the tests of this folder."""
import difflib
import os


def difference(path, got, now="said now"):
    """From the file at `path` to `got`, "" when they are the same; with
    UPDATE=1 the file is written first."""
    if os.environ.get("UPDATE"):
        with open(path, "w") as f:
            f.write(got)
    with open(path) as f:
        want = f.read()
    return "".join(difflib.unified_diff(
        want.splitlines(True), got.splitlines(True), path, now))
