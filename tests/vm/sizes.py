# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes and timeouts on Debian's stock kernel, where the module comes and
goes: what a reload loses comes back, what is not loaded stays so, and what
was there before ctpolicy comes back at the end."""
import json
import re

import machine  # noqa: F401  first: it finds the others

POLICY = """version: 1
state_matching: allowed
conntrack: {%s}
"""
SERVICE = """untracked:
  - {name: web, role: server, protocol: tcp, ports: [80], accept: none}
"""
OFF = """version: 1
state_matching: forbidden
conntrack: {modules: unload}
"""
SIZES = "max: 20000, buckets: 10000, timeouts: {tcp_established: 999s}"
WANT = ("20000", "10240", "999")
KNOBS = "/proc/sys/net/netfilter/nf_conntrack_"
OPTIONS = "/etc/modprobe.d/ctpolicy.conf"
SYSCTLS = "/etc/sysctl.d/90-ctpolicy.conf"
RULE = "/etc/udev/rules.d/90-ctpolicy.rules"
UNLOAD = """for m in nf_conntrack_netlink nft_ct nf_conntrack; do
    rmmod $m 2>/dev/null
done
test ! -e /sys/module/nf_conntrack"""
FILES = " ".join((OPTIONS, SYSCTLS, RULE))


def prepare(vm):
    vm.run("ln -s /busybox/busybox /sbin/sysctl")
    vm.put("/tmp/off.yaml", OFF)
    vm.put("/tmp/sizes.yaml", POLICY % SIZES)
    vm.put("/tmp/persist.yaml", POLICY % (SIZES + ", persist: true"))
    vm.put("/tmp/buckets.yaml", POLICY % "buckets: 10000, persist: true")
    vm.put("/tmp/service.yaml", POLICY % SIZES + SERVICE)
    vm.put("/tmp/large.yaml", POLICY % "max: 1000000" + SERVICE)


def values(vm):
    return tuple(vm.run("cd /; cat %smax %sbuckets %stcp_timeout_established" %
                        (KNOBS, KNOBS, KNOBS)).split())


def absent(vm):
    return vm.run("test ! -e /sys/module/nf_conntrack", code=None)[0] == 0


def load(vm):
    vm.run("modprobe nf_conntrack")
    return values(vm)


def reload(vm):
    """What is left by it, and what the rule's own words then do."""
    vm.run(UNLOAD)
    vm.run("modprobe nf_conntrack")
    bare = values(vm)
    vm.run(re.search(r'RUN\+="(.*)"', vm.run("cat " + RULE))[1])
    return bare, values(vm)


def no_files(vm):
    return "No such file" in vm.run("ls %s 2>&1" % FILES, code=None)[1] and \
        not vm.run("ls %s 2>/dev/null" % FILES, code=None)[1]


def apply(vm, name, *more, code=0):
    return vm.run("ctpolicy apply --backend nftables %s /tmp/%s.yaml" %
                  (" ".join(more), name), code=code)


def back_and_forth(vm, _how):
    before = load(vm)
    apply(vm, "sizes")
    assert values(vm) == WANT, values(vm)
    vm.run("ctpolicy diff --backend nftables /tmp/sizes.yaml")
    vm.run("ctpolicy rollback")
    assert values(vm) == before, (values(vm), before)
    apply(vm, "sizes", "--confirm 1s")
    vm.run("sleep 3")
    assert values(vm) == before, (values(vm), before)
    apply(vm, "sizes")
    vm.run("ctpolicy remove")
    assert values(vm) == before, (values(vm), before)


def outlives_a_reload(vm, _how):
    before = load(vm)
    apply(vm, "persist")
    bare, then = reload(vm)
    # the option alone makes eight entries a bucket
    assert bare == ("81920", "10240", before[2]), bare
    assert then == WANT, then
    vm.run("ctpolicy diff --backend nftables /tmp/persist.yaml")
    vm.run("ctpolicy remove")
    assert no_files(vm) and values(vm) == before, (values(vm), before)
    vm.run("rmmod nf_conntrack; modprobe nf_conntrack")
    assert values(vm) == before, (values(vm), before)


def udev_sets_them(vm, _how):
    """By the rule, whenever the module was loaded; not after `remove`."""
    before = load(vm)
    vm.run("mkdir -p /run/udev && systemd-udevd --daemon")
    apply(vm, "persist")
    vm.run("sleep 4")               # udev looks at its rules every 3 s
    for _ in range(2):
        vm.run(UNLOAD + "\nmodprobe nf_conntrack\nudevadm settle")
        assert values(vm) == WANT, values(vm)
    vm.run("ctpolicy remove; sleep 4")
    vm.run(UNLOAD + "\nmodprobe nf_conntrack\nudevadm settle")
    assert values(vm) == before, (values(vm), before)
    vm.run("udevadm control --exit")


def buckets_alone(vm, _how):
    """The option must not change max behind the policy's back."""
    before = load(vm)
    apply(vm, "buckets")
    assert values(vm) == (before[0], "10240", before[2]), values(vm)
    bare, then = reload(vm)
    assert bare[0] == "81920" and then[0] == before[0], (bare, then)
    vm.run("ctpolicy remove")
    assert values(vm) == before and no_files(vm), values(vm)


def nothing_is_loaded(vm, _how):
    """Nothing is set, and nothing is loaded for it."""
    vm.run("rmmod nf_conntrack_netlink nf_conntrack 2>/dev/null; true")
    assert absent(vm)
    for name in ("sizes", "persist"):
        vm.run("ctpolicy diff --backend nftables /tmp/%s.yaml" % name,
               code=None)
        said = apply(vm, name)
        assert absent(vm) and "CT518" in said, said
        again = json.loads(apply(vm, name, "--json"))
        assert again["result"] == "unchanged" and absent(vm), again
    bare = load(vm)
    assert bare[1] == "10240", bare
    vm.run("ctpolicy status --json; ctpolicy remove")
    assert no_files(vm)
    vm.run("rmmod nf_conntrack")


def rules_load_it(vm, _how):
    """Then the values are set behind the rules, in the same change."""
    assert absent(vm)
    # by what the kernel begins with
    assert "CT517" in apply(vm, "large", code=14) and absent(vm)
    said = apply(vm, "service")
    assert values(vm) == WANT, (values(vm), said)
    vm.run("ctpolicy diff --backend nftables /tmp/service.yaml")
    vm.run("ctpolicy rollback")
    before = values(vm)
    assert "20000" not in before and "999" not in before, before
    apply(vm, "service")
    assert values(vm) == WANT
    vm.run("ctpolicy remove")
    assert values(vm) == before, values(vm)


def a_key_is_missing(vm, _how):
    """Which shows when the rules have loaded the module: all is undone."""
    vm.run(UNLOAD)
    before = json.loads(vm.run("ctpolicy status --json"))["history"]
    said = vm.run("strace -f -qq -o /dev/null -P %stcp_timeout_established "
                  "-e trace=openat,open -e inject=openat,open:error=ENOENT "
                  "ctpolicy apply --backend nftables /tmp/service.yaml" %
                  KNOBS, code=69)
    assert "CT530" in said, said
    assert "ctpolicy" not in vm.run("nft list tables")
    after = json.loads(vm.run("ctpolicy status --json"))["history"]
    assert after == before, (before, after)
    assert "20000" not in values(vm), values(vm)


def with_the_modules(vm, _how):
    """Sizes that go with the modules: back with rollback, and as they were
    before ctpolicy with remove."""
    before = load(vm)
    apply(vm, "persist")
    apply(vm, "off")
    assert absent(vm) and no_files(vm)
    vm.run("ctpolicy rollback")
    assert values(vm) == WANT and not no_files(vm), values(vm)
    apply(vm, "off")
    vm.run("ctpolicy remove")
    assert values(vm) == before and no_files(vm), (values(vm), before)


def unload_fails(vm, _how):
    before = load(vm)
    vm.run("modprobe nft_ct")
    apply(vm, "sizes")
    vm.run("strace -f -qq -o /dev/null -e trace=delete_module -e "
           "inject=delete_module:error=EPERM:when=2 ctpolicy apply "
           "--backend nftables /tmp/off.yaml", code=10)
    assert values(vm) == WANT, values(vm)
    vm.run("ctpolicy remove")
    assert values(vm) == before, (values(vm), before)


def cut_at_each_write(vm, how):
    """Of three sysctls: old values or new ones after `recover`."""
    before = load(vm)
    for knob in ("max", "buckets", "tcp_timeout_established"):
        for way in ("signal=KILL", "error=ENOMEM", "error=EINVAL"):
            code, _ = vm.run(
                "strace -f -qq -o /dev/null -P %s%s -e trace=write -e "
                "inject=write:%s:when=1 ctpolicy apply --backend nftables "
                "/tmp/sizes.yaml" % (KNOBS, knob, way), code=None)
            if "error" in way:
                assert code in (10, 74) and values(vm) == before, (
                    knob, way, code, values(vm))
            vm.run("ctpolicy recover")
            assert values(vm) in (before, WANT), (knob, way, values(vm))
            vm.run("ctpolicy remove")
            assert values(vm) == before, (knob, way, values(vm))
        if not how.all and knob == "buckets":
            break


def too_many_buckets(vm, _how):
    """The kernel has no memory for them, when max was written already."""
    before = load(vm)
    for words, service in (("", ""), (", persist: true", SERVICE)):
        vm.put("/tmp/huge.yaml", POLICY % (
            "max: 90000000, buckets: 90000000, "
            "timeouts: {tcp_established: 999s}" + words) + service)
        said = apply(vm, "huge", code=10)
        assert "net.netfilter.nf_conntrack_buckets" in said, said
        assert values(vm) == before, (values(vm), before, said)
        assert no_files(vm) and "notrack" not in vm.run("nft list ruleset")
        assert "no unfinished" in vm.run("ctpolicy recover 2>&1")


def not_writable(vm, how):
    """One of three sysctls, for root, too: nothing is done, or, at boot, all
    but that; and a way back goes on."""
    before = load(vm)
    parameter = "/sys/module/nf_conntrack/parameters/hashsize"
    lock = "mount --bind %s %s && mount -o remount,bind,ro %s"
    for knob in (KNOBS + "buckets", KNOBS + "max")[:1 + how.all]:
        locked = (knob, parameter) if "buckets" in knob else (knob,)
        for path in locked:
            vm.run(lock % (path, path, path))
        said = apply(vm, "service", code=77)
        assert "Read-only" in said and values(vm) == before, said
        said = apply(vm, "service", "--fallback")
        assert "cannot be set to" in said, said
        now = values(vm)
        assert now[2] == "999" and before[1 if "buckets" in knob else 0] in \
            now, (now, said)
        assert "notrack" in vm.run("nft list ruleset")
        for path in locked:
            vm.run("umount " + path)
        apply(vm, "service")
        assert values(vm) == WANT
        for path in locked:
            vm.run(lock % (path, path, path))
        said = vm.run("ctpolicy remove")
        assert "CT515" in said and "notrack" not in vm.run(
            "nft list ruleset"), said
        for path in locked:
            vm.run("umount " + path)
        vm.run("ctpolicy remove")
        assert values(vm) == before, (values(vm), before)


def reloaded_meanwhile(vm, how):
    """What a reload made of them is neither ctpolicy's nor taken for it."""
    before = load(vm)
    for back in ("rollback", "remove") if how.all else ("remove",):
        apply(vm, "sizes")
        vm.run(UNLOAD + "\nmodprobe nf_conntrack hashsize=4096")
        bare = values(vm)
        assert bare[1] == "4096", bare
        vm.run("ctpolicy diff --backend nftables /tmp/sizes.yaml", code=1)
        apply(vm, "sizes")
        assert values(vm) == WANT, values(vm)
        vm.run(UNLOAD + "\nmodprobe nf_conntrack hashsize=4096")
        said = vm.run("ctpolicy " + back)
        assert values(vm) == bare, (values(vm), bare)
        assert ("CT515" in said) == (back == "remove"), said
        vm.run("ctpolicy remove; " + UNLOAD + "\nmodprobe nf_conntrack")
        assert values(vm) == before, values(vm)


CASES = (
    (nothing_is_loaded, rules_load_it, a_key_is_missing),
    (back_and_forth, outlives_a_reload, buckets_alone),
    (udev_sets_them,),
    (with_the_modules, unload_fails, cut_at_each_write),
    (too_many_buckets, not_writable, reloaded_meanwhile),
)
