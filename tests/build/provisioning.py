# SPDX-License-Identifier: GPL-2.0-or-later
"""The snippets for cloud-init, Puppet and NixOS, and the collection for Ansible: the
policies in them are valid, and the tools themselves accept them, each where it is
installed."""
import json
import os
import shutil
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.join(os.environ["srcdir"], "tests", "netns"))
import tally                                                # noqa: E402
from tally import check                                     # noqa: E402

CTPOLICY = os.path.abspath(os.environ["CTPOLICY"])
CONTRIB = os.path.abspath(os.path.join(os.environ["srcdir"], "contrib"))
TMP = os.environ["TMPDIR"]
# Ansible's own folders and caches, which this machine's settings may name
ENV = dict({name: value for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "XDG_"))},
           HOME=TMP, PATH=os.path.dirname(CTPOLICY) + ":" +
           os.environ["PATH"], XDG_CACHE_HOME=os.path.join(TMP, "cache"),
           ANSIBLE_HOME=os.path.join(TMP, "ansible"),
           ANSIBLE_LOCAL_TEMP=os.path.join(TMP, "ansible", "tmp"))
# What the module takes of nixpkgs, and what it makes of a policy
NIX = """
let
  lib = {
    mkEnableOption = text: { default = false; };
    mkOption = option: option;
    mkIf = wanted: what: if wanted then what else { };
    types = { package = "package"; attrs = "attrs"; };
  };
  pkgs = {
    writeText = name: text: text;
    runCommand = name: how: script: script;
  };
  module = import %s;
  example = (module { inherit lib pkgs; config = { }; })
    .options.services.ctpolicy.settings.example;
  whole = module {
    inherit lib pkgs;
    config.services.ctpolicy = {
      enable = true; package = "PACKAGE"; settings = example;
    };
  };
in {
  policy = example;
  file = whole.config.environment.etc."ctpolicy/policy.yaml".source;
  start = whole.config.systemd.services.ctpolicy.serviceConfig.ExecStart;
  watch = whole.config.systemd.services.ctpolicy-watch.serviceConfig.ExecStart;
}
"""


def run(*words, text="", cwd=None, **more):
    """Standard input is its own: ansible takes none that does not block, which any
    process that shares it may have asked for."""
    return subprocess.run(words, input=text, text=True, check=False, cwd=cwd,
                          env=dict(ENV, **more), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def has(tool):
    if shutil.which(tool):
        return True
    print("not installed: %s; its snippet is not shown to it" % tool)
    return False


def is_policy(what, text):
    said = run(CTPOLICY, "check", "-", text=text)
    check(said.returncode == 0, what, said.stdout)


def cloud_init():
    path = os.path.join(CONTRIB, "cloud-init", "user-data.yaml")
    with open(path, encoding="utf-8") as text:
        check(text.readline() == "#cloud-config\n", "the first line")
        data = yaml.safe_load(text)
    for made in data["write_files"]:
        is_policy(made["path"], made["content"])
    for words in data["runcmd"]:
        said = run("sh", "-nc", words[2])
        check(words[:2] == ["sh", "-c"] and not said.stdout, words, said.stdout)
    if has("cloud-init"):
        said = run("cloud-init", "schema", "--config-file", path)
        check(said.returncode == 0, "cloud-init schema", said.stdout)


def puppet():
    module = os.path.join(CONTRIB, "puppet", "ctpolicy")
    with open(os.path.join(module, "metadata.json")) as text:
        json.load(text)
    if not has("puppet"):
        return
    said = run("puppet", "parser", "validate",
               os.path.join(module, "manifests", "init.pp"))
    check(said.returncode == 0, "puppet parser validate", said.stdout)
    policy = os.path.join(TMP, "policy.yaml")
    with open(os.path.join(os.environ["srcdir"], "policies", "examples",
                           "minimal.yaml")) as text:
        code = "class {'ctpolicy': manage_package => false, path => '%s', " \
            "policy => '%s'}" % (policy, text.read())
    words = ("puppet", "apply", "--detailed-exitcodes", "--modulepath",
             os.path.dirname(module), "-e", code)
    said = run(*words, "--noop")
    check(said.returncode == 0 and "Exec[ctpolicy apply]" in said.stdout and
          "(noop)" in said.stdout and "Could not evaluate" not in said.stdout and
          not os.path.exists(policy), "puppet apply --noop", said.stdout)


def nixos():
    path = os.path.join(CONTRIB, "nixos", "module.nix")
    if not has("nix-instantiate"):
        return
    rooms = {"NIX_%s_DIR" % name: os.path.join(TMP, "nix", name)
             for name in ("STATE", "STORE", "LOG")}
    said = run("nix-instantiate", "--parse", path, **rooms)
    check(said.returncode == 0, "nix-instantiate --parse", said.stdout)
    made = subprocess.run(
        ["nix-instantiate", "--eval", "--strict", "--json", "-E", NIX % path],
        env=dict(ENV, **rooms), check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check(made.returncode == 0, "the module", made.stderr)
    if made.returncode:
        return
    made = json.loads(made.stdout)
    is_policy("the option's example", json.dumps(made["policy"]))
    check("PACKAGE/bin/ctpolicy check" in made["file"] and
          json.dumps(made["policy"], separators=(",", ":"), sort_keys=True) in
          made["file"], "it is checked when built", made["file"])
    for key, verb in (("start", "apply"), ("watch", "watch")):
        check(made[key].startswith("PACKAGE/bin/ctpolicy " + verb), made[key])


def ansible():
    collection = os.path.join(CONTRIB, "ansible_collections", "ctpolicy",
                              "ctpolicy")
    if has("yamllint"):
        said = run("yamllint", "--strict", collection)
        check(said.returncode == 0, "yamllint", said.stdout)
    if has("ansible-lint"):
        # it writes beside what it reads
        copy = os.path.join(TMP, "ansible_collections", "ctpolicy", "ctpolicy")
        shutil.copytree(collection, copy)
        said = run("ansible-lint", "--nocolor", "-p", "roles", "plugins",
                   "meta", "galaxy.yml", cwd=copy)
        check(said.returncode == 0, "ansible-lint", said.stdout)


cloud_init()
ansible()
puppet()
nixos()
tally.end("provisioning: ")
