/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/boot_lines.h: lines of configuration files that load a kernel module
 * which needs connection tracking, and what they should be instead.
 *
 * Shape:  by line; one that takes up several (a backslash at its end) is one.
 *         `is` is the line without those modules: words are taken out of a
 *         list, and a line that is about nothing else becomes a comment that
 *         begins with BOOT_MARK. Comments, options and blacklists load nothing.
 * Owner:  texts are interned; boot_lines_release().
 * Errors: -ENOMEM, and what `needs` returns.
 * Source: modules-load.d(5), modprobe.d(5), modules(5) of Debian's kmod;
 *         iptables-config of Fedora's iptables-services, which is shell text.
 */
#ifndef CTPOLICY_HOST_BOOT_LINES_H
#define CTPOLICY_HOST_BOOT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/lines.h"

#define BOOT_MARK "# ctpolicy: "

enum boot_grammar {
	BOOT_NAMES,		/* a name a line */
	BOOT_ASSIGNED,		/* IPTABLES_MODULES="names" */
	BOOT_MODPROBE,		/* alias, install and softdep lines */
	BOOT_COMMAND_LINE,	/* modules_load=names, of the kernel */
};

struct boot_line {
	uint32_t line;
	const char *module;	/* the first that needs tracking */
	const char *was, *is;	/* whole lines */
};

struct boot_lines {
	struct boot_line *v;
	size_t n, cap;
};

/* Does this module, by whatever name, need connection tracking? */
typedef int boot_needs_fn(void *arg, const char *name, bool *ret);

int boot_lines_read(enum boot_grammar g, const char *text, size_t len,
		    boot_needs_fn *needs, void *arg, struct boot_lines *ret);
void boot_lines_release(struct boot_lines *l);

#endif
