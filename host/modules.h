/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/modules.h: the kernel modules that connection tracking consists of, as
 * far as they are loaded.
 *
 * Shape:  modules_read() gives all loaded modules, by name. modules_of_root()
 *         gives those that need nf_conntrack, directly or not, and itself:
 *         users before what they use, so that each may be unloaded once those
 *         before it are gone. `excess` are the references that are no other
 *         module's: rules, chains or objects hold it.
 * Owner:  names are interned; modules_release().
 * Errors: -errno of reading; -ENOMEM.
 * Source: Documentation/ABI/testing/sysfs-module: refcnt, holders, initstate.
 */
#ifndef CTPOLICY_HOST_MODULES_H
#define CTPOLICY_HOST_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODULES_ROOT "nf_conntrack"
#define MODULES_SYS "/sys/module"

enum modules_state {
	MODULES_ABSENT,		/* the root is not there */
	MODULES_LOADED,
	MODULES_BUILTIN,	/* it is a part of the kernel */
};

struct module {
	const char *name;
	const char **holders;	/* modules that use it */
	size_t n_holders, cap_holders;
	uint32_t refs;
	uint32_t excess;
};

struct modules {
	struct module *v;
	size_t n, cap;
	enum modules_state state;
};

/* `sys`: MODULES_SYS, or a folder of that form. */
int modules_read(const char *sys, struct modules *ret);
/* The root's state alone; where it cannot be seen: absent. */
enum modules_state modules_root_state(const char *sys);
const char *modules_state_name(enum modules_state s);	/* "absent" */
/* The part of `all` that hangs from the root, in the order of unloading. */
int modules_of_root(const struct modules *all, struct modules *ret);
/*
 * May a module be unloaded that lies in this folder of the kernel's,
 * "net/netfilter"? Those of packet filters may. What else needs connection
 * tracking (IPVS, Open vSwitch, traffic control) does a job of its own.
 */
bool modules_may_unload(const char *folder);
/* Does anything but a module hold one of them? */
bool modules_are_held(const struct modules *m);
const struct module *modules_find(const struct modules *m, const char *name);
void modules_release(struct modules *m);

#endif
