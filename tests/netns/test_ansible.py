# SPDX-License-Identifier: GPL-2.0-or-later
"""The collection for Ansible, over a real ssh into a namespace: check mode shows
and changes nothing, a second run changes nothing, a policy that lets nobody log in
anew is rolled back by the host itself and leaves no file, and absent is absent."""
import json
import os
import shutil
import subprocess

import lab
import sshlab
import tally
from tally import check

SOURCE = os.path.abspath(os.environ["srcdir"])
FOLDER = os.path.join(SOURCE, "contrib")
COLLECTION = os.path.join(FOLDER, "ansible_collections", "ctpolicy", "ctpolicy")
HOST_RULES = """table inet host {
chain in { type filter hook input priority 0; policy drop
iif lo accept
icmpv6 type { 133-136 } accept
ct state established accept
tcp dport { 22, 80 } ct state new accept
tcp dport 22 tcp flags & syn == 0 ct state untracked accept
}
}
"""
GOOD = {"version": 1, "state_matching": "allowed", "untracked": [
    {"name": "web", "role": "server", "protocol": "tcp", "ports": [80],
     "accept": "open"}]}
# New logins need the NEW state; what is open already notices nothing.
HARMFUL = {"version": 1, "state_matching": "allowed", "untracked": [
    {"name": "ssh", "role": "server", "protocol": "tcp", "ports": [22],
     "accept": "none"}]}
# What came of each task, as a line of JSON.
CALLBACK = """
import json
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "told"
    def v2_runner_on_ok(self, result, failed=False, **more):
        print(json.dumps(dict(result._result, failed=failed)))
    def v2_runner_on_failed(self, result, **more):
        self.v2_runner_on_ok(result, True)
    v2_runner_on_unreachable = v2_runner_on_failed
"""
class Controller:
    def __init__(self, site):
        self.site = site
        self.home = os.path.join(lab.WORK, "controller")
        self.path = os.path.join(lab.WORK, "etc", "policy.yaml")
        os.makedirs(self.home)
        self.write("inventory", "host ansible_host=%s ansible_user=root "
                   "ansible_python_interpreter=/usr/bin/python3 "
                   "ansible_ssh_private_key_file=%s/key\n" % (
                       sshlab.HERE[4], lab.WORK))
        self.write("told.py", CALLBACK)
        self.env = dict(
            os.environ, HOME=self.home, ANSIBLE_COLLECTIONS_PATH=FOLDER,
            ANSIBLE_STDOUT_CALLBACK="told", ANSIBLE_TIMEOUT="3",
            ANSIBLE_CALLBACK_PLUGINS=self.home,
            ANSIBLE_HOST_KEY_CHECKING="False", ANSIBLE_NOCOLOR="1",
            ANSIBLE_REMOTE_TEMP=os.path.join(lab.WORK, "remote"),
            ANSIBLE_SSH_ARGS="-F /dev/null -o ControlMaster=auto -o "
            "ControlPersist=60s -o UserKnownHostsFile=/dev/null -o "
            "ControlPath=/run/%C")

    def write(self, name, text):
        with open(os.path.join(self.home, name), "w") as out:
            out.write(text)

    def ansible(self, program, *words):
        return self.site.client.popen(
            [program, *words], cwd=self.home, env=self.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT).communicate()[0]

    def play(self, *flags, **arguments):
        """The task's result."""
        arguments.setdefault("path", self.path)
        arguments.setdefault("backend", "nftables")
        self.write("play.yml", json.dumps([{
            "hosts": "all", "gather_facts": False,
            "environment": {"PATH": os.path.dirname(lab.CTPOLICY) +
                            ":/usr/sbin:/usr/bin:/sbin:/bin",
                            # a build with sanitizers
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS",
                                                           "")},
            "tasks": [{"ctpolicy.ctpolicy.policy": arguments}]}]))
        said = self.ansible("ansible-playbook", "-i", "inventory", "play.yml",
                            *flags)
        try:
            return json.loads(next(line for line in said.splitlines()
                                   if line.startswith("{")))
        except (ValueError, StopIteration):
            check(False, "a play", said)
            return {}

    def kept(self):
        try:
            with open(self.path) as policy:
                return policy.read()
        except FileNotFoundError:
            return None


def rules(site):
    return site.host.run("nft -s list ruleset")


def applied(c):
    before = rules(c.site)
    got = c.play("--check", "--diff", policy=GOOD)
    lines = "".join(d.get("prepared", "") for d in got.get("diff", []))
    check(got.get("changed") is True and "+ " in lines and "notrack" in lines,
          "check mode", got)
    check(rules(c.site) == before and c.kept() is None, "it changes nothing")
    got = c.play(policy=GOOD)
    check(got.get("changed") is True and not got.get("failed"), "applied", got)
    check("notrack" in rules(c.site) and c.kept(), "rules and file")
    site_status = c.site.host.run([lab.CTPOLICY, "status"])
    check("trial" not in site_status and c.path in site_status,
          "it is confirmed, by its file", site_status)
    now, kept = rules(c.site), c.kept()
    for flags in ([], ["--check", "--diff"]):
        got = c.play(*flags, policy=GOOD)
        check(got.get("changed") is False and not got.get("failed"),
              "the same again", flags, got)
    check((rules(c.site), c.kept()) == (now, kept), "nothing was written")


def refused(c):
    before, kept = rules(c.site), c.kept()
    got = c.play(policy=dict(GOOD, version=7))
    check(got.get("failed") and "version" in got.get("msg", ""),
          "a broken policy", got)
    got = c.play(policy=HARMFUL)
    check(got.get("failed") and got.get("rc") == 14, "one that locks out", got)
    check((rules(c.site), c.kept()) == (before, kept), "nothing was done")


def harmful(c):
    before, kept = rules(c.site), c.kept()
    got = c.play(policy=HARMFUL, force=True, confirm="8s")
    check(got.get("failed") and not got.get("changed"), "it fails", got)
    check("not confirmed" in got.get("msg", ""), "and says why", got.get("msg"))
    check((rules(c.site), c.kept()) == (before, kept),
          "it is rolled back, and leaves no file", rules(c.site), c.kept())
    got = c.play("--check", policy=GOOD)
    check(got.get("changed") is False, "the host can be reached", got)


def absent(c):
    got = c.play("--check", state="absent")
    check(got.get("changed") is True and "notrack" in rules(c.site) and c.kept(),
          "absent, in check mode", got)
    check(c.play(state="absent").get("changed") is True, "absent")
    check("notrack" not in rules(c.site) and not c.kept(), "all is gone")
    check(c.play(state="absent").get("changed") is False, "it stays so")


def documented(c):
    said = c.ansible("ansible-doc", "ctpolicy.ctpolicy.policy")
    check("confirm" in said and "ERROR" not in said, "ansible-doc", said)
    said = c.ansible("ansible-galaxy", "collection", "build", COLLECTION,
                     "--output-path", c.home)
    check("Created collection" in said, "ansible-galaxy", said)
    c.write("role.yml", json.dumps([{
        "hosts": "all", "roles": ["ctpolicy.ctpolicy.ctpolicy"]}]))
    said = c.ansible("ansible-playbook", "--syntax-check", "-i", "inventory",
                     "role.yml")
    check("ERROR" not in said, "the role", said)


def main():
    lab.require_ctpolicy()
    if not shutil.which("ansible-playbook"):
        lab.skip("no ansible here")
    site = sshlab.Site()
    site.host.nft(HOST_RULES)
    controller = Controller(site)
    for test in (documented, applied, refused, harmful, absent):
        test(controller)
    tally.end("ansible: ")


main()
