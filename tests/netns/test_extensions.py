#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An extension of iptables' is not there, as after half an upgrade: what needs
it is never taken for a rule that is not there. status tells what is missing, and
all else; diff and apply go to no other backend."""
import glob
import json
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: none}
"""
FOLDERS = glob.glob("/usr/lib*/*/xtables") + glob.glob("/usr/lib*/xtables")


class Host:
    def __init__(self):
        self.space = lab.Namespace()
        self.state = os.path.join(lab.WORK, "state")
        self.path = os.path.join(lab.WORK, "p.yaml")
        with open(self.path, "w") as out:
            out.write(POLICY)
        self.space.run("iptables-legacy -A INPUT -m conntrack --ctstate "
                       "ESTABLISHED -j ACCEPT")

    def ctpolicy(self, *words, without=None):
        """(exit code, what was said, both streams)"""
        hide = ""
        if without:
            part = os.path.join(lab.WORK, "part")
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(FOLDERS[0], part, symlinks=True)
            os.unlink(os.path.join(part, "libxt_%s.so" % without))
            hide = "mount --bind %s %s && " % (part, FOLDERS[0])
        process = self.space.popen(
            ["unshare", "-m", "sh", "-c", hide + 'exec "$@"', "-",
             lab.CTPOLICY, words[0], "--state-dir", self.state, *words[1:]],
            text=True, stdin=-3, stdout=-1, stderr=-2)
        said = process.communicate()[0]
        return process.returncode, said


def own_rules(host):
    """multiport: in ctpolicy's own rules."""
    code, said = host.ctpolicy("status", without="multiport")
    check(code == 0 and "libxtables cannot load match multiport" in said and
          "CT632" in said and "iptables" in said, "what is missing", said)
    check("entries " in said and "policy " in said and
          "drift      not known" in said, "and all else", said)
    code, said = host.ctpolicy("status", "--json", without="multiport")
    said = json.loads(said)
    check(said["drift"]["rules"] is None and said["result"] == "attention" and
          [d["level"] for d in said["diagnostics"]] == ["warning"],
          "nobody knows of drift", said)
    code, _ = host.ctpolicy("status", "-q", "--check", without="multiport")
    check(code == 1, "monitoring hears of it", code)
    for verb in "diff", "apply":
        for backend in ((), ("--backend", "nftables")):
            code, said = host.ctpolicy(verb, *backend, host.path,
                                       without="multiport")
            check(code == 74 and "CT632" in said, "not to another backend",
                  (verb, backend, code, said))
    check(not host.space.run("nft list tables"), "nothing was written")


def of_the_host(host):
    """conntrack: in the host's rules alone."""
    code, said = host.ctpolicy("status", "--json", without="conntrack")
    said = json.loads(said)
    check(code == 0 and said["tracking"]["ipv4"] and
          "-m conntrack" in said["tracking"]["keepers"][0]["rule"] and
          said["drift"]["rules"] == 0, "it still keeps tracking on",
          said["tracking"])
    code, said = host.ctpolicy("audit", without="conntrack")
    check(code == 1 and re.search("rules? needs? connection tracking", said) and
          "-m conntrack" in said,
          "audit says so", said)


def main():
    lab.require_ctpolicy()
    if "iptables" not in lab.BACKENDS or not FOLDERS:
        lab.skip("no iptables, or no extensions of it")
    host = Host()
    code, said = host.ctpolicy("apply", "--backend", "iptables", host.path)
    check(code == 0, "applied", said)
    for part in (own_rules, of_the_host):
        tally.case(part.__name__, part, host)
    code, said = host.ctpolicy("status", "--json", "--check")
    check(code == 0, "all is well again", said)
    tally.end()


main()
