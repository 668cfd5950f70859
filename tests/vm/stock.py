# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's stock kernel with nothing loaded: what looks loads no connection
tracking, and each backend works."""
POLICY = """version: 1
state_matching: %s
untracked:
  - {name: web, role: [server, client], protocol: tcp, ports: [80],
     accept: none}
"""
TRACKED = """version: 1
state_matching: allowed
tracked:
  - {name: dns, role: router, protocol: [tcp, udp], ports: [53],
     timeouts: {unreplied: 2s, established: 10m}}
"""
# A modprobe that the kernel calls for what it lacks, and that tells.
WRAPPER = """#!/bin/dash
echo "$@" >>/tmp/asked
exec /bin/modprobe "$@"
"""


def prepare(vm):
    vm.put("/bin/asked", WRAPPER)
    vm.run("echo /bin/asked >/proc/sys/kernel/modprobe; >/tmp/asked")
    vm.put("/tmp/off.yaml", POLICY.replace(
        "untracked:", "conntrack: {modules: unload}\nuntracked:") %
        "forbidden")
    vm.put("/tmp/tracked.yaml", TRACKED)
    for words in ("allowed", "forbidden"):
        vm.put("/tmp/%s.yaml" % words, POLICY % words)


def absent(vm):
    return vm.run("test ! -e /sys/module/nf_conntrack", code=None)[0] == 0


def looking(vm, _how):
    """Commands that only look, as one who has nothing loaded runs them."""
    for command, code in (
            ("check /tmp/allowed.yaml", 0), ("audit", 0),
            ("status", 0), ("status --check --json", 0),
            ("suggest", 0), ("suggest --json", 0), ("suggest --yaml", 1),
            ("render /tmp/allowed.yaml", 0),
            ("diff /tmp/forbidden.yaml --backend nftables", 1),
            ("diff /tmp/allowed.yaml --backend nftables", 1),
            ("check --kernel /tmp/allowed.yaml", 69),
            ("check --kernel /tmp/off.yaml", 0),
            ("diff /tmp/forbidden.yaml --backend iptables", 1),
            ("explain 'tcp 192.0.2.1:5 > 192.0.2.2:80'", 0),
            ("apply --dry-run /tmp/allowed.yaml --backend nftables", 0),
            ("apply /tmp/off.yaml --backend nftables", 0),
            ("apply /tmp/off.yaml --backend nftables", 0),
            ("diff /tmp/off.yaml --backend nftables", 0),
            ("status --check", 0),
            ("rollback", None), ("recover", 0), ("remove", 0)):
        vm.run("ctpolicy " + command, code=code)
        assert absent(vm), "%s loaded nf_conntrack: %s" % (
            command, vm.run("cat /tmp/asked"))


def sampling(vm, _how):
    """Entries are not listed where that would load the module for it."""
    netlink = "/sys/module/nf_conntrack_netlink"
    vm.run("modprobe nf_conntrack && test ! -e " + netlink)
    said = vm.run("ctpolicy status --json")
    assert '"sample": null' in said and '"module": "loaded"' in said, said
    said = vm.run("ctpolicy suggest --json", code=69)
    assert "nf_conntrack_netlink" in said and "modprobe" in said, said
    vm.run("test ! -e " + netlink)
    vm.run("ctpolicy status --top 1 && test -e " + netlink)


def applying(vm, _how):
    vm.run("ctpolicy apply --backend nftables /tmp/allowed.yaml")
    assert vm.run("nft list ruleset").count("notrack") > 0
    vm.run("ctpolicy remove")


def legacy(vm, _how):
    """ip_tables is not there, and no program loads it."""
    vm.run("ctpolicy apply --backend iptables /tmp/allowed.yaml")
    for six in ("", "6"):
        rules = vm.run("ip%stables-legacy-save" % six)
        assert "CTPOLICY-" in rules, rules
    vm.run("ctpolicy remove")
    vm.run("ctpolicy apply --dry-run --backend iptables /tmp/allowed.yaml")


def timeouts(vm, _how):
    """Of tracked services: with the modules, and where they are missing."""
    for backend in ("iptables", "nftables"):
        command = "ctpolicy %%s /tmp/tracked.yaml --backend %s" % backend
        vm.run(command % "diff", code=1)
        if backend == "iptables":
            assert absent(vm), "diff loaded nf_conntrack"
        vm.run(command % "apply")
        assert "nothing to do" in vm.run(command % "apply" + " 2>&1")
        vm.run("ctpolicy remove")
    assert "timeout" not in vm.run("iptables-legacy-save; nft list ruleset")
    vm.run("rmmod nfnetlink_cttimeout nft_ct")
    for backend, module in (("iptables", "nfnetlink_cttimeout"),
                            ("nftables", "nft_ct")):
        vm.run("rm /lib/modules/*/kernel/net/netfilter/%s.ko" % module)
        said = vm.run("ctpolicy apply /tmp/tracked.yaml --backend %s 2>&1" %
                      backend, code=69)
        assert "the kernel refuses" in said, said
        said = vm.run("iptables-legacy-save; nft list ruleset")
        assert "ctpolicy" not in said.lower(), said


CASES = ((looking, sampling, applying), (legacy,), (timeouts,))
