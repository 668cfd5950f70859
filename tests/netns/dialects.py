# SPDX-License-Identifier: GPL-2.0-or-later
"""One ruleset in each dialect that a host may have it in: written as
iptables-save has it, with the filter table alone."""
import os
import re
import shutil
import subprocess
import unittest

import lab

# name -> the backend that writes there, and what loads it
_ALL = {
    "native": ("nftables", "iptables-restore-translate"),
    "iptables-nft": ("nftables", "iptables-nft-restore"),
    "legacy": ("iptables", "iptables-legacy-restore"),
}


def here():
    """Those that this machine can load, and this build can write to."""
    return [name for name, (backend, tool) in _ALL.items()
            if backend in lab.BACKENDS and shutil.which(tool)]


def each(loader, case):
    """The tests of a case, once for each: it finds its `dialect`. They stay of
    its module, whose setUpModule() they need."""
    suite = unittest.TestSuite()
    for name in here():
        suite.addTests(loader.loadTestsFromTestCase(
            type("%s_%s" % (case.__name__, name), (case,),
                 {"dialect": name, "__module__": case.__module__})))
    return suite


def backend_of(name):
    return _ALL[name][0]


def translate(version, text):
    """In tables called `host`: iptables-nft would take `filter` for its own."""
    tool, family = ("iptables", "ip") if version == 4 else ("ip6tables", "ip6")
    out = subprocess.run([tool + "-restore-translate", "-f", "/dev/stdin"],
                         input=text, text=True, check=True,
                         capture_output=True).stdout
    out = re.sub(r"\b%s filter\b" % family, family + " host", out)
    return re.sub(r"\b%s (raw|mangle|nat|security)\b" % family,
                  family + r" host_\1", out)


def load(space, name, text_of):
    """In place of all rules: text_of(version), for IPv4 and IPv6."""
    space.clear()
    load_more(space, name, text_of)


def load_more(space, name, text_of):
    """Beside what is there: other tables, and the sets that rules ask for."""
    for version in lab.VERSIONS:
        text = text_of(version)
        if name == "native":
            space.nft(translate(version, text))
        elif name == "legacy":
            space.legacy(version, text)
        else:
            space.run(["ip%stables-nft-restore" %
                       ("6" if version == 6 else "")], text)


def reload(space, name, text_of):
    """The filter table alone anew, by its own program."""
    if name == "native":
        space.nft("delete table ip host; delete table ip6 host")
        load_more(space, name, text_of)
        return
    tool = "-legacy" if name == "legacy" else "-nft"
    for version in lab.VERSIONS:
        space.run(["ip%stables%s-restore" % (
            "6" if version == 6 else "", tool)], text_of(version))


def rewritten(space, text):
    """What `audit --rewrite` makes of a saved ruleset, and what it says."""
    path = os.path.join(lab.WORK, "rules")
    with open(path, "w") as rules:
        rules.write(text)
    process = space.popen([lab.CTPOLICY, "audit", "--rewrite", path],
                          text=True, stdout=-1, stderr=-1)
    return process.communicate()
