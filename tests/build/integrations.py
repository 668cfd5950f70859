# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook for pre-commit, run by pre-commit on a repository with a good policy
and a broken one; and what the container image is made of, run as its user where
nothing else is."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["srcdir"], "tests", "netns"))
import cost                                                 # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

SOURCE = os.path.abspath(os.environ["srcdir"])
CTPOLICY = os.environ["CTPOLICY"]
TMP = os.environ["TMPDIR"]
GOOD = os.path.join(SOURCE, "policies", "examples", "minimal.yaml")


def run(*words, **options):
    return subprocess.run(words, check=False, text=True, **dict(
        dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT), **options))


def repository(name, files):
    folder = os.path.join(TMP, name)
    for path, text in files.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
    git = ["git", "-C", folder, "-c", "user.name=n", "-c", "user.email=e@example"]
    for words in (["init", "-q"], ["add", "-A"],
                  ["commit", "-q", "--no-gpg-sign", "-m", "all"]):
        done = run(*git, *words)
        check(done.returncode == 0, "git", words, done.stdout)
    return folder


def pre_commit():
    manifest = os.path.join(SOURCE, ".pre-commit-hooks.yaml")
    if not shutil.which("pre-commit"):
        print("not installed: pre-commit")
        sys.exit(77)
    said = run("pre-commit", "validate-manifest", manifest)
    check(said.returncode == 0, "the manifest", said.stdout)
    with open(manifest) as text:
        hooks = repository("hooks", {".pre-commit-hooks.yaml": text.read()})
    with open(GOOD) as text:
        good = text.read()
    broken = good.replace("role: server", "role: sever")
    mine = repository("mine", {
        "web.ctpolicy.yaml": good, "hosts/a/ctpolicy/policy.yaml": broken,
        "ctpolicy.yml": good, "other.yaml": "no policy"})
    env = dict(os.environ, HOME=TMP, PRE_COMMIT_HOME=TMP + "/cache",
               PATH=os.path.dirname(CTPOLICY) + ":" + os.environ["PATH"])
    said = run("pre-commit", "try-repo", hooks, "ctpolicy-check",
               "--all-files", cwd=mine, env=env)
    check(said.returncode == 1 and "hosts/a/ctpolicy/policy.yaml:" in
          said.stdout and "server" in said.stdout and
          "other.yaml" not in said.stdout, "a broken policy", said.stdout)
    with open(os.path.join(mine, "hosts/a/ctpolicy/policy.yaml"), "w") as out:
        out.write(good)
    said = run("pre-commit", "try-repo", hooks, "ctpolicy-check",
               "--all-files", "--verbose", cwd=mine, env=env)
    check(said.returncode == 0 and len(re.findall(
        r"^\S+ valid|: valid", said.stdout, re.M)) == 3, "good ones",
          said.stdout)


def container():
    if cost.is_sanitized():
        print("a build with sanitizers needs /proc: no image of it")
        return
    root = os.path.join(TMP, "image")
    said = run(os.path.join(SOURCE, "contrib", "container", "collect"),
               CTPOLICY, root)
    check(said.returncode == 0, "collect", said.stdout)
    shutil.copy(GOOD, os.path.join(root, "policies", "policy.yaml"))
    size = sum(os.lstat(os.path.join(folder, name)).st_size
               for folder, _, names in os.walk(root) for name in names)
    check(size < 16 << 20, "%d bytes are small" % size)
    with open(os.path.join(SOURCE, "contrib", "container",
                           "Containerfile")) as text:
        words = text.read()
    user = re.search(r"^USER (\d+):(\d+)$", words, re.M)
    entry = re.search(r'^ENTRYPOINT \["(\S+)"\]$', words, re.M)[1]
    # an engine gives every container a /dev; in a user's namespace nobody else
    # can be become
    os.mkdir(os.path.join(root, "dev"))
    with open(os.path.join(root, "dev", "null"), "w"):
        pass
    run("mount", "--bind", "/dev/null", root + "/dev/null")
    os.chmod(TMP, 0o755)
    become = ["-S", user[1], "-G", user[2]]
    if run("unshare", *become, "true").returncode:
        become = []
    for more, want in ((["check", "/policies/policy.yaml"], "valid"),
                       (["render", "/policies/policy.yaml"], "notrack"),
                       (["schema"], "draft-07")):
        said = run("unshare", "-R", root, *become, entry, *more)
        check(said.returncode == 0 and want in said.stdout, more[0],
              said.returncode, said.stdout)
    run("umount", root + "/dev/null")
    os.unlink(os.path.join(root, "dev", "null"))
    os.rmdir(os.path.join(root, "dev"))
    image(root, words)


def is_root_outside():
    """Is this user root in the namespace that ours was made in, too?"""
    with open("/proc/self/uid_map") as f:
        return f.read().split()[1] == "0"


def image(root, words):
    """The last stage of the Containerfile, of what was built here. Who has one
    uid alone may not enter the folders of an image."""
    if not is_root_outside():
        print("not root: makes no image")
        return
    if not shutil.which("buildah"):
        print("not installed: buildah, which would make the image")
        return
    buildah = ["buildah", "--storage-driver", "vfs", "--root", TMP + "/images",
               "--runroot", TMP + "/containers"]
    env = dict(os.environ, HOME=TMP)
    made = run(*buildah, "from", "scratch", env=env)
    if made.returncode:
        print("buildah makes no container here:", made.stdout.strip())
        return
    recipe = os.path.join(TMP, "Containerfile")
    with open(recipe, "w") as out:
        out.write(words[words.index("FROM scratch"):].replace(
            "--from=build /root-of-image", os.path.basename(root)))
    made = run(*buildah, "bud", "--isolation", "chroot", "-f", recipe, "-t",
               "ctpolicy", os.path.dirname(root), env=env)
    check(made.returncode == 0, "buildah bud", made.stdout)
    name = run(*buildah, "from", "ctpolicy", env=env).stdout.split()[-1]
    for more, want in (("check", "valid"), ("render", "notrack")):
        said = run(*buildah, "run", "--isolation", "chroot", name, "--",
                   "/usr/sbin/ctpolicy", more, "policy.yaml", env=env)
        check(said.returncode == 0 and want in said.stdout, "in the image",
              said.stdout)


pre_commit()
container()
tally.end("integrations: ")
