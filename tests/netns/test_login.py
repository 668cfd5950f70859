#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""apply over a real ssh login finds the connection it must not cut off,
whatever stands between sshd and the command: sudo, su, tmux, a daemon; and
says so where it cannot. So does watch, which nobody is logged in to.

With each way: a policy that would cut the login off is refused (14) and
nothing is written; one that leaves it alone is applied.
"""
import os
import re
import shlex
import socket

import lab
import sshlab
import tally
from tally import check

lab.require_ctpolicy()
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: %s, role: server, protocol: tcp, accept: none, ports: [%d],
     why: "test"%s}
"""


def policy(name, port, more=""):
    path = os.path.join(lab.WORK, name + ".yaml")
    with open(path, "w") as out:
        out.write(POLICY % (name, port, more))
    return path


def command(path, *more):
    words = [os.path.abspath(lab.CTPOLICY), "apply", "--backend", "nftables",
             "--state-dir", os.path.join(lab.WORK, "state")]
    return shlex.join(words + list(more) + [path])


def in_tmux(login, line):
    """In a server that outlives the login and knows nothing of it."""
    out = os.path.join(lab.WORK, "tmux.out")
    if os.path.exists(out):
        os.unlink(out)
    inner = "(%s) >%s.new 2>&1; echo exit=$? >>%s.new; mv %s.new %s" % (
        line, out, out, out, out)
    code, said = login.run(
        "env -u SSH_CONNECTION tmux -S %s/tmux -f /dev/null new-session -d %s" %
        (lab.WORK, shlex.quote(inner)))
    check(not code, "tmux starts", said)
    sshlab.wait_for(lambda: os.path.exists(out), "tmux")
    with open(out) as text:
        said, code = text.read().rsplit("exit=", 1)
    return int(code), said


def detached(login, line):
    """As cron's and at's: no login is among its parents."""
    said, code = login.site.host.run(
        ["env", "-u", "SSH_CONNECTION", "sh", "-c", "(%s); echo exit=$?" %
         line]).rsplit("exit=", 1)
    return int(code), said


def over(prefix):
    return lambda login, line: login.run(prefix % shlex.quote(line))


WAYS = {
    "plain": (over("sh -c %s"), "would"),
    "no environment": (over("env -i PATH=$PATH sh -c %s"), "would"),
    "stale environment": (
        over("SSH_CONNECTION='198.51.100.1 9 198.51.100.2 9' sh -c %s"),
        "would"),
    "garbled environment": (over("SSH_CONNECTION=x sh -c %s"), "would"),
    "sudo": (over("sudo sh -c %s"), "would"),
    "su": (over("su -c %s"), "would"),
    "su -": (over("su - root -c %s"), "would"),
    "sudo su sudo": (over("sudo su - root -c 'sudo sh -c \"$0\"' %s"),
                     "would"),
    "another session": (over("setsid -w sh -c %s"), "would"),
    "tmux": (in_tmux, "may"),
    "detached": (detached, "may"),
}


def refused(site, login, way, version):
    run, word = WAYS[way]
    code, said = run(login, command(policy("ssh", 22)))
    what = "IPv%d, %s" % (version, way)
    check(code == 14 and "CT570" in said, what + ": is refused", (code, said))
    check("this %s lock you out" % word in said and
          "(%s -> port 22)" % sshlab.THERE[version] in said,
          what + ": says what and whom", said)
    check("CT571" not in said and "CT572" not in said,
          what + ": knows all it needs", said)
    check("ctpolicy" not in site.host.run("nft list tables"),
          what + ": nothing is written")
    check(login.run("true")[0] == 0, what + ": the login lives")
    code, said = run(login, command(policy("web", 8080)))
    check(code == 0 and "CT57" not in said, what + ": another port", said)
    site.host.remove("nftables")


def forced(site, login):
    code, said = login.run("sudo " + command(policy("ssh", 22), "--force",
                                             "--dry-run"))
    check(code == 0 and "warning" in said and "CT570" in said,
          "a warning with --force", said)


def hidden(site, login):
    """Root, but without the power to look into another's process."""
    less = "setpriv --bounding-set=-sys_ptrace sh -c %s"
    code, said = over(less)(login, command(policy("ssh", 22)))
    check(code == 14 and "from SSH_CONNECTION" in said,
          "hidden: by the environment", said)
    # in earnest this would cut off the login that has to tell of it
    code, said = over("env -u SSH_CONNECTION " + less)(
        login, command(policy("ssh", 22), "--dry-run", "--force"))
    check(code == 0 and "CT572" in said, "hidden: says that it can't", said)
    code, said = over("SSH_CONNECTION=x unshare -pf --mount-proc sh -c %s")(
        login, command(policy("web", 8080)))
    check(code == 0 and "CT571" in said, "cannot parse it", said)
    site.host.remove("nftables")
    code, said = over("env -u SSH_CONNECTION unshare -pf --mount-proc sh -c "
                      "%s")(login, command(policy("web", 8080)))
    check(code == 0 and "CT57" not in said,
          "a container that sees no sshd: nothing is said", said)
    site.host.remove("nftables")


def asked(site, login):
    """The sockets are asked themselves; where they cannot be, or somebody
    else listens for the server, the table says the same."""
    calls = os.path.join(lab.WORK, "calls")
    strace = "env -u SSH_CONNECTION ASAN_OPTIONS=detect_leaks=0 strace -f " \
        "-qq -o %s -e trace=openat,pidfd_getfd,socket %s" % (calls, "%s")
    deny = "-e inject=pidfd_getfd:error=EPERM "
    for way, run in ("login", login.run), ("detached", lambda line: detached(
            login, line)):
        for more, tables in ("", False), (deny, True):
            code, said = run(strace % (more + command(policy("ssh", 22))))
            what = "%s, %s" % (way, more or "asked")
            check(code == 14 and "CT570" in said and
                  "(%s -> port 22)" % sshlab.THERE[4] in said,
                  what + ": is refused", (code, said))
            with open(calls) as f:
                made = f.read()
            check("pidfd_getfd" in made, what + ": tried")
            check(("self/net/tcp" in made) == tables,
                  what + ": the table is read where there is no other way",
                  made[-2000:])


def elsewhere(site, login):
    """A login of one namespace, a change in another."""
    other = lab.Namespace()
    other.nft(sshlab.FILTER)
    code, said = login.run("env -u SSH_CONNECTION nsenter --net=%s %s" % (
        other.path, command(policy("ssh", 22), "--dry-run")))
    check(code == 0 and "CT57" not in said,
          "no connection of this namespace", (code, said))


def forwarded(site, login):
    """Connections that a login forwards are no logins."""
    target = site.client.socket(socket.AF_INET, socket.SOCK_STREAM)
    target.bind(("127.0.0.1", 0))
    target.listen()
    login.forward("8080:127.0.0.1:%d" % target.getsockname()[1])
    keep = site.host.socket(socket.AF_INET, socket.SOCK_STREAM)
    keep.connect(("127.0.0.1", 8080))
    target.accept()
    for way in ("sudo", "detached"):
        code, said = WAYS[way][0](login, command(policy("web", 8080),
                                                 "--dry-run"))
        check(code == 0 and "CT57" not in said, "forwarded, " + way, said)
    keep.close()


def confirmed(site, login):
    """Only a new login shows that one can still log in."""
    def trial(run=login.run):
        code, said = run(command(policy("web", 8080), "--confirm", "1h"))
        check(code == 0, "on trial", said)

    def confirm(run, *more):
        words = command("x").replace("apply --backend nftables", "confirm")
        return run(words.rsplit(" ", 1)[0] + " " + " ".join(more))

    def tmux(line):
        return in_tmux(login, line)

    def console(line):
        return detached(login, line)

    trial()
    for way, run in (("itself", login.run), ("tmux", tmux),
                     ("sudo", lambda line: login.run("sudo " + line))):
        code, said = confirm(run)
        check(code == 14 and "CT573" in said, "the same login, " + way, said)
    code, said = confirm(login.run, "--force")
    check(code == 0 and "CT573" in said, "the same login, forced", said)
    site.host.remove("nftables")
    trial()
    other = site.login(6)
    code, said = confirm(other.run)
    check(code == 0 and "CT573" not in said, "a new login", said)
    site.host.remove("nftables")
    other.close()
    trial(tmux)
    code, said = confirm(tmux)
    check(code == 14 and "CT573" in said, "tmux, no new login", said)
    other = site.login()
    code, said = confirm(tmux)
    check(code == 0 and "CT573" not in said, "tmux, a new login", said)
    site.host.remove("nftables")
    other.close()
    trial(console)
    code, said = confirm(login.run)
    check(code == 0 and "CT573" not in said, "applied on a console", said)
    site.host.remove("nftables")


def powers():
    """The watcher's, by its unit."""
    unit = os.path.join(os.environ.get("srcdir", "."), "contrib/systemd",
                        "ctpolicy-watch.service.in")
    with open(unit) as text:
        said = re.search("^CapabilityBoundingSet=(.*)", text.read(), re.M)[1]
    return ",".join("+" + word[len("CAP_"):].lower()
                    for word in said.split())


def watched(site, login):
    """What a watcher would put back after a reload that cuts the login off;
    clients that are not logged in may be, by the policy."""
    plain = sshlab.FILTER.replace("dport 22 ct state new", "dport 22")
    site.host.nft("flush ruleset\n" + plain)
    code, said = login.run(command(policy("ssh", 22, ", override: [drops]")))
    check(code == 0, "where untracked packets are let in", said)
    site.host.nft("flush ruleset\n" + sshlab.FILTER)
    watch = shlex.join([os.path.abspath(lab.CTPOLICY), "watch", "--once",
                        "--state-dir", os.path.join(lab.WORK, "state")])
    for line in watch, "setpriv --bounding-set=-all,%s %s" % (powers(), watch):
        code, said = detached(login, line)
        check(code == 14 and "this may lock you out" in said and
              "CT570" in said,
              "a repair that would cut a login off is not made",
              (code, said))
    check("ctpolicy" not in site.host.run("nft list tables"),
          "and nothing is written")
    check(login.run("true")[0] == 0, "the login lives")
    site.host.nft("flush ruleset\n" + plain)
    code, said = detached(login, watch)
    check(code == 0 and "put back" in said, "and one that would not, is",
          (code, said))
    site.host.remove("nftables")
    site.host.nft("flush ruleset\n" + sshlab.FILTER)


site = sshlab.Site()
site.host.nft(sshlab.FILTER)
for ip in lab.VERSIONS:
    person = site.login(ip)
    for name in WAYS:
        refused(site, person, name, ip)
    person.close()
person = site.login()
forced(site, person)
hidden(site, person)
asked(site, person)
elsewhere(site, person)
forwarded(site, person)
confirmed(site, person)
watched(site, person)
person.close()
site.stop()
tally.end()
