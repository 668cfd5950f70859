#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Elements of ctpolicy's sets, of which there may be very many, are read once by
status and by diff."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "fault"))
import history                                              # noqa: E402
import lab                                                  # noqa: E402
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: none,
     clients: [%s]}
""" % ", ".join("203.0.113.%d" % i for i in range(1, 100))
CALL = {"nftables": "send GETSETELEM", "iptables": "ipset save "}
SET = {"nftables": r"^\tset ", "iptables": r"^ctpolicy-"}


def reads(host):
    path = os.path.join(lab.WORK, "sets.yaml")
    with open(path, "w") as out:
        out.write(POLICY)
    host.run("apply", path)
    said = host.space.run(host.backend == "nftables" and
                          "nft -t list table inet ctpolicy" or "ipset list -n")
    sets = len(re.findall(SET[host.backend], said, re.M))
    for words in (["status"], ["diff", "--backend", host.backend, path]):
        made = host.run(*words, "--trace").count(CALL[host.backend])
        check(made == sets > 0, "%s, %s: reads each set once" % (
            host.backend, words[0]), (made, sets))


lab.require_ctpolicy()
for name in lab.BACKENDS:
    reads(history.Host(name))
tally.end()
