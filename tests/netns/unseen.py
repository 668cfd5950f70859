# SPDX-License-Identifier: GPL-2.0-or-later
"""A change that no packet of a service may notice."""
import threading

import lab
from tally import check
from traffic import udp_exchange


class Talk:
    """One datagram after another, and what did not come back."""

    def __init__(self, client, port):
        self.lost, self.n, self.over = [], 0, False
        self.client, self.port = client, port
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over:
            for version in (4, 6):
                said = udp_exchange(self.client, version,
                                    lab.address("server", version),
                                    self.port)
                self.n += 1
                if said != "ok":
                    self.lost.append("IPv%d: %s" % (version, said))

    def end(self):
        self.over = True
        self.thread.join()


def changes_unseen(net, port, what, function):
    """The function's change, while the service at the port is asked."""
    heard = lab.NewEntries(net.server)
    talk = Talk(net.client, port)
    try:
        function()
    finally:
        talk.end()
    check(talk.n and not talk.lost, "%s: all are answered" % what, talk.n, talk.lost[:3])
    made = heard.take()
    heard.close()
    check(not made, "%s: none is tracked" % what, made[:3])
