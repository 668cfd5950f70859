#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Services that stay tracked: what this host sends itself, and entries that
were there before the policy."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab                                                  # noqa: E402
import test_tracked as base                                 # noqa: E402
from test_tracked import (OTHER, POLICY, PORT, entries,     # noqa: E402
                          send)

setUpModule = base.setUpModule


class Own(unittest.TestCase):
    tearDown = base.Tracked.tearDown
    each = base.Tracked.each
    check_given = base.Tracked.check_given

    def test_loopback(self):
        """What this host sends itself, and nothing from the network."""
        policy = POLICY % ("loopback", PORT)
        for _, version, where in self.each(base.LAB.server, policy):
            here = lab.address("server", version)
            with where:
                for own in lab.LOOPBACK[version], here:
                    send(base.LAB.server, version, own, PORT)
                    time.sleep(0.1)
                    self.check_given(base.LAB.server, version, PORT)
                    base.LAB.server.flush_entries()
                send(base.LAB.client, version, here, PORT)
                time.sleep(0.1)
                left, = entries(base.LAB.server, version, "udp", PORT)
                self.assertGreater(left, 20)

    def test_entries_that_exist(self):
        """They keep the timeouts they have, and are not dropped: of what stays
        tracked nothing is newly excluded, whatever `flush` says."""
        for words in "", "conntrack: {flush: services}\n":
            for backend in lab.BACKENDS:
                with self.subTest(backend=backend, words=words):
                    self.tearDown()
                    here = lab.address("server", 4)
                    base.LAB.server.apply(backend, POLICY % ("server", OTHER))
                    base.LAB.server.flush_entries()
                    send(base.LAB.client, 4, here, PORT)
                    time.sleep(0.1)
                    base.LAB.server.apply(backend, POLICY % ("server", PORT) +
                                     words)
                    left, = entries(base.LAB.server, 4, "udp", PORT)
                    self.assertGreater(left, 20)


if __name__ == "__main__":
    unittest.main()
