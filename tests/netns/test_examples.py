#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every example that a help screen or a page shows is run, on a host that
filters, and none of them does harm: after each, a service that is out of
tracking can still be reached.
"""
import glob
import os
import re
import shutil
import subprocess

import hosts
import lab
import peers
import tally

TOP = os.environ.get("srcdir") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")
POLICY = """version: 1
state_matching: allowed
untracked:
  - {name: web, role: server, protocol: tcp, ports: [8080], accept: open}
"""
# How an example may end: diff with a difference, all others well.
ENDS = {"diff": (0, 1), "audit": (0, 1), "import": (0, 1),
        "status --check": (0, 1)}
# These want a change that was made before.
LATER = ("confirm", "rollback", "recover", "remove", "watch")
# What lists one world's rules is run where they are.
LISTS = {"iptables-save": "iptables", "nft list": "nftables"}
# What `import` makes a policy of; nothing of it stays for the next example.
BY_HAND = {
    "iptables": ("iptables-legacy -t raw -A PREROUTING -p udp --dport 99 -j "
                 "NOTRACK", "iptables-legacy -t raw -F PREROUTING"),
    "nftables": ("nft 'table ip hand { chain in { type filter hook prerouting "
                 "priority raw; udp dport 99 notrack; }; }'",
                 "nft delete table ip hand"),
}
STATE = "/var/lib/ctpolicy"


def of_help(text):
    """The commands below "Example:"; the first block of a help screen."""
    block = text.split("\n\n")[0]
    if not block.startswith("Example:"):
        raise AssertionError("no example first: %r" % block)
    return [line.strip() for line in
            block.replace("Example:", " ", 1).splitlines()]


def of_page(text):
    """Blocks of commands under EXAMPLES that call the program."""
    part = text[text.index("# EXAMPLES"):]
    for block in re.findall(r"^```\n(.*?)^```", part, re.M | re.S):
        if block.startswith("ctpolicy "):
            yield block.strip()


def of_text(text):
    """Lines of code that call the program: indented, or in a block of sh."""
    for line in re.findall(r"^    (ctpolicy .*)$", text, re.M):
        yield line.strip()
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        yield from block.strip().splitlines()


def policies_of(text):
    """{file: policy} of a page: `# NAME.yaml` begins one."""
    return dict(re.findall(r"^```yaml\n# ([\w-]+\.yaml)\n(.*?)^```", text,
                           re.M | re.S))


def commands():
    """All that the help of the program names, but for itself and its version."""
    text = subprocess.run([lab.CTPOLICY, "help"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    names = re.findall(r"^  (\w+) +\S", text, re.M)
    assert len(names) > 18 and names[-2:] == ["help", "version"], names
    return names[:-2]


def all_examples():
    screens = [[]] + [[name] for name in commands()]
    for args in screens:
        text = subprocess.run([lab.CTPOLICY] + args + ["--help"], text=True,
                              check=True, stdout=subprocess.PIPE).stdout
        for command in of_help(text):
            # which would go on until it is told to end
            if command == "ctpolicy watch":
                command += " --once"
            yield "ctpolicy %s--help" % "".join(a + " " for a in args), \
                command, {}
    with open(os.path.join(TOP, "docs", "ctpolicy.8.scd"),
              encoding="utf-8") as f:
        for block in of_page(f.read()):
            yield "ctpolicy(8)", block, {}
    for path in [os.path.join(TOP, "README.md")] + sorted(
            glob.glob(os.path.join(TOP, "docs", "*.md"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for line in of_text(text):
            yield os.path.basename(path), line, policies_of(text)


def allowed(command):
    if "\n" in command:
        return (0,)
    words = re.findall(r"\bctpolicy (\w+(?: --check)?)", command)
    return ENDS.get(words[-1], (0,))


class Bench:
    """A client and a filtering server; ctpolicy is called on the server."""

    def __init__(self):
        self.client, self.server = peers.pair()
        peers.Server(self.server, 4, 8080)
        peers.Server(self.server, 6, 8080)
        bin_folder = os.path.join(lab.WORK, "bin")
        os.makedirs(bin_folder, exist_ok=True)
        link = os.path.join(bin_folder, "ctpolicy")
        if not os.path.lexists(link):
            os.symlink(os.path.abspath(lab.CTPOLICY), link)
            os.symlink(shutil.which("iptables-legacy-save") or "/nowhere",
                       os.path.join(bin_folder, "iptables-save"))
        self.env = dict(os.environ, PATH=bin_folder + ":" +
                        os.environ["PATH"])
        self.folder = os.path.join(lab.WORK, "examples")

    def prepare(self, command, backend, policies):
        hosts.filter_host(self.server, backend, neighbours=True,
                          input=("drop", "established", "new ssh",
                                 "new service"))
        for folder in (self.folder, STATE):
            shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(self.folder)
        for name in re.findall(r"[\w-]+\.yaml", command) + ["policy.yaml"]:
            with open(os.path.join(self.folder, name), "w",
                      encoding="utf-8") as f:
                f.write(policies.get(name, POLICY))
        # so that there are entries
        self.reachable()
        for name in re.findall(r"--(?:against|file) ([\w-]+\.\w+)",
                               command):
            self.run("ctpolicy render policy.yaml --backend nftables >%s"
                     % name).wait()
        for name in re.findall(r"audit (rules\.\w+)", command):
            self.run("ctpolicy render policy.yaml --backend %s >%s" % (
                backend, name)).wait()
        if "ctpolicy import" in command:
            self.server.run(BY_HAND[backend][0])
        if re.match(r"ctpolicy (%s)\b" % "|".join(LATER), command):
            self.run("ctpolicy apply policy.yaml").communicate()

    def run(self, command):
        return self.server.popen(["sh", "-c", command], cwd=self.folder,
                                 env=self.env, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)

    def reachable(self):
        for version in lab.VERSIONS:
            sock = peers.connect(self.client, version, 8080)
            sock.sendall(b"ping")
            if peers.receive(sock, 4) != b"ping":
                return False
            sock.close()
        return True


def main():
    lab.require_ctpolicy()
    if not os.path.ismount("/var/lib"):
        lab.skip("not below tests/run: %s would be this machine's" % STATE)
    bench = Bench()
    failed = looked = 0
    for n, (where, command, policies) in enumerate(all_examples()):
        named = re.search(r"--backend (\w+)", command)
        named = named and named[1] or next(
            (LISTS[tool] for tool in LISTS if tool in command), None)
        if named and named not in lab.BACKENDS:
            continue
        # CTPOLICY_EVERY=2: each example with one backend, in turn
        for backend in (named,) if named in LISTS.values() else \
                lab.BACKENDS if tally.EVERY == 1 else (
                    lab.BACKENDS[n % len(lab.BACKENDS)],):
            looked += 1
            bench.prepare(command, backend, policies)
            p = bench.run(command)
            out = p.communicate(timeout=120)[0]
            what = "exit %d" % p.returncode
            good = p.returncode in allowed(command)
            try:
                good = bench.reachable() and good
            except OSError as err:
                good, what = False, "the service is cut off: %s" % err
            bench.run("ctpolicy remove").communicate(timeout=120)
            if "ctpolicy import" in command:
                bench.server.run(BY_HAND[backend][1])
            if not good:
                failed += 1
                print("not ok - %s, %s: %s\n  %s\n%s" % (
                    where, backend, what, command, out), flush=True)
    print("%d examples run, %d failed" % (looked, failed))
    return 1 if failed or looked < 20 else 0


raise SystemExit(main())
