/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/boot_files.h: the files by which a boot loads modules and rules, or sets
 * sysctls.
 *
 * Shape:  those that exist, each once, however many names lead to it. Of files
 *         of one name in folders of one kind the first folder's counts, as
 *         systemd and kmod have it.
 * Owner:  paths are interned; boot_files_release().
 * Errors: -ENOMEM.
 * Source: modules-load.d(5), modprobe.d(5); Debian's iptables-persistent and
 *         nftables, Fedora's iptables-services and nftables; nft(8), "include".
 */
#ifndef CTPOLICY_HOST_BOOT_FILES_H
#define CTPOLICY_HOST_BOOT_FILES_H

#include "host/boot_lines.h"

/* The kernel's command line, which systemd reads too. */
#define BOOT_COMMAND "/proc/cmdline"

struct boot_file {
	const char *path;	/* without links */
	bool is_rules;		/* a saved ruleset */
	enum boot_grammar grammar;	/* of any other */
	bool is_admins;		/* lies below /etc */
	uint8_t family;		/* of a ruleset, AF_*, by its name; or 0 */
};

struct boot_files {
	struct boot_file *v;
	size_t n, cap;
};

int boot_files_list(struct boot_files *ret);
/* Those by which a boot, or a program at work, sets sysctls. */
int boot_files_settings(struct boot_files *ret);
/* More: those that the pattern of an include in a ruleset of nft's means. */
int boot_files_include(struct boot_files *f, const char *pattern);
void boot_files_release(struct boot_files *f);

#endif
