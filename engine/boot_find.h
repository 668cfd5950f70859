/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/boot_find.h: which lines of the host's files would load connection
 * tracking again, and what they should be instead.
 *
 * Shape:  `edits` are those that can be made; what they are for is `edited`.
 *         A file that cannot be read or understood is found as well.
 * Owner:  texts are interned; boot_finds_release().
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_BOOT_FIND_H
#define CTPOLICY_ENGINE_BOOT_FIND_H

#include "engine/boot.h"
#include "host/boot_files.h"

struct boot_find {
	const char *path;
	uint32_t line;
	const char *what;	/* as a sentence about the line */
	bool is_rules;
	bool edited;
};

struct boot_finds {
	struct boot_find *v;
	size_t n, cap;
	struct boot_edits edits;
};

int boot_find(struct boot_finds *ret);
/*
 * One file that holds a ruleset. `more` gets those that it includes; NULL: it
 * is itself included.
 */
int boot_find_rules(const struct boot_file *file, const char *text,
		    size_t len, struct boot_files *more, struct boot_finds *to);
int boot_add_find(struct boot_finds *to, const struct boot_find *f);

enum boot_saying {
	BOOT_AUDITS,	/* there is no policy */
	BOOT_REPORTS,	/* it does not want files edited */
	BOOT_EDITS,	/* what is edited needs no words */
};

/* A warning each, with its place and the cure. */
void boot_say(const struct boot_finds *f, enum boot_saying how,
	      struct diags *d);
void boot_finds_release(struct boot_finds *f);

#endif
