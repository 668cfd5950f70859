# SPDX-License-Identifier: GPL-2.0-or-later
"""Live rules replaced: by `ctpolicy apply`, in a host of its own. What it made is
saved as iptables or nft saves it, and put back again, which must give what was there.

By itself it is `rewrite.py --live`.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "netns"), HERE]
sys.dont_write_bytecode = True

import lab                                                  # noqa: E402
from rewrite_case import Refused, Rewritten, announce       # noqa: E402

POLICY = "version: 1\nstate_matching: forbidden\nexisting_rules: replace\n"
# iptables of a dialect, and the backend that writes there
TOOLS = {"iptables-nft": ("nft", "nftables"), "legacy": ("legacy", "iptables"),
         "native": (None, "nftables")}
APPLIED, REFUSED = 0, 14
VERSIONS = {"ip": 4, "ip6": 6, "inet": 0}


def save(space, kind):
    """{version: text}; counters tell of packets, not of rules."""
    if not kind:
        return {0: re.sub(r"counter packets \d+ bytes \d+", "counter",
                          space.run("nft list ruleset"))}
    return {v: re.sub(r"\[\d+:\d+\]", "[0:0]", re.sub("^#.*\n", "", space.run(
        "ip%stables-%s-save" % ("6" if v == 6 else "", kind)), flags=re.M))
            for v in lab.VERSIONS}


def _replacements(said):
    """As `audit --json` has findings; it stands behind what was said to people."""
    return json.loads(said[said.index("{"):])["replacements"]


class Live:
    """rewriter of rewrite_case.Case.judge(), for one dialect."""

    def __init__(self, dialect):
        self.kind, self.backend = TOOLS[dialect]
        self.space = lab.Namespace()

    def _ctpolicy(self, verb, *more):
        path = os.path.join(lab.WORK, "replace.yaml")
        with open(path, "w") as policy:
            policy.write(POLICY)
        process = self.space.popen(
            [lab.CTPOLICY, verb, "--backend", self.backend, *more, path],
            text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate()
        return process.returncode, out, err

    def __call__(self, texts, hooks_of):
        self.space.clear()
        for version, text in texts.items():
            if not version:
                self.space.nft(text)
                continue
            self.space.run(["ip%stables-%s-restore" % (
                "6" if version == 6 else "", self.kind)], text)
        before = save(self.space, self.kind)
        done = Rewritten({}, codes=[])
        _, shown, _ = self._ctpolicy("diff", "--json")
        code, out, err = self._ctpolicy("apply")
        if code == REFUSED:
            if save(self.space, self.kind) != before:
                raise RuntimeError("refused, and changed something\n" + err)
            raise Refused(err)
        if code != APPLIED:
            raise RuntimeError("apply: exit %d\n%s%s" % (code, out, err))
        done.texts = save(self.space, self.kind)
        if not self.kind:
            self.reload(done.texts)
        done.codes = [0]
        for family, version in VERSIONS.items():
            announce(version, [r for r in _replacements(shown)
                               if r["family"] == family], hooks_of, done)
        self.undo(before)
        return done

    def reload(self, texts):
        """As at the next boot of a host that saved its rules meanwhile."""
        self.space.clear()
        self.space.nft(texts[0])
        again = save(self.space, self.kind)
        code, out, _ = self._ctpolicy("diff")
        if again != texts or code or "No changes: " not in out:
            raise RuntimeError("loaded again, it differs\n" + out + again[0])

    def undo(self, before):
        process = self.space.popen([lab.CTPOLICY, "remove"], text=True,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        said = process.communicate()[0]
        after = save(self.space, self.kind)
        if process.returncode or after != before:
            raise RuntimeError("remove: exit %d\n%s%s" % (
                process.returncode, said, after))


if __name__ == "__main__":
    import rewrite

    sys.exit(rewrite.main(["--live", *sys.argv[1:]]))
