# SPDX-License-Identifier: GPL-2.0-or-later
"""A tarball is the same to the byte whoever makes it, and when: one of a fresh
copy of the source, and one of what the first holds, with other times, in another
folder, under another umask."""
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.join(os.environ["srcdir"], "tests", "lint"))
import source                                               # noqa: E402

TMP = os.environ["TMPDIR"]
EPOCH = 1700000000


def run(words, folder, umask=0o022):
    env = dict(source.own_environment(), SOURCE_DATE_EPOCH=str(EPOCH))
    made = subprocess.run(words, cwd=folder, env=env, text=True, check=False,
                          umask=umask, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if made.returncode:
        sys.exit("%s\n%s" % (words, made.stdout[-3000:]))


def copy():
    folder = os.path.join(TMP, "first")
    for path in source.tracked():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        shutil.copy2(os.path.join(source.TOP, path), os.path.join(folder, path))
    run(["./autogen.sh"], folder)
    return folder


def made_in(folder, umask):
    build = os.path.join(folder, "build")
    os.mkdir(build)
    run(["../configure", "--quiet", "--cache-file=" + TMP + "/config.cache"],
        build, umask)
    run(["make", "-s", "release"], build, umask)
    return os.path.join(build, next(n for n in os.listdir(build)
                                    if n.endswith(".tar.xz")))


def digest(path):
    with open(path, "rb") as content:
        return hashlib.sha256(content.read()).hexdigest()


def main():
    first = made_in(copy(), 0o022)
    with tarfile.open(first) as packed:
        wrong = [m.name for m in packed if m.mtime != EPOCH or m.uid or m.gid or
                 m.mode & 0o022]
        names = packed.getnames()
        packed.extractall(os.path.join(TMP, "second"))
    folder = os.path.join(TMP, "second", names[0])
    now = 1600000000
    for path, _, files in os.walk(folder):
        for name in files:
            os.utime(os.path.join(path, name), (now, now))
    second = made_in(folder, 0o077)
    print(digest(first), digest(second), len(names), "files")
    tracked = {names[0] + "/" + path for path in source.tracked()}
    missing = sorted(tracked - set(names) - {names[0] + "/.gitignore"})
    print("not of one time, nobody's and safe:", wrong, "missing:", missing)
    sys.exit(bool(wrong or missing or digest(first) != digest(second)))


main()
