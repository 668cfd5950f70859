/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_fix_try.h: a text, its mistakes, and whether a fix helps.
 *
 * Shape:  the text is a policy's, of one file or of several
 *         (policies/policy_files.h); `errors` are those among `now`, by id and
 *         message. Texts are read as long as `left` lasts; `stopped`: so not
 *         every fix was tried. `cut`: more mistakes than are listed.
 * Owner:  fixing_release(), fix_tried_release(). `file` is borrowed.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_POLICIES_POLICY_FIX_TRY_H
#define CTPOLICY_POLICIES_POLICY_FIX_TRY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/diag.h"

struct fixing {
	const char *file;
	char *text;
	size_t len;
	size_t left;		/* bytes that may yet be read */
	struct diags now;	/* of the text */
	const struct diag **known;
	bool cut, stopped;
};

/* What comes of a fix; text NULL: it does not help. */
struct fix_tried {
	char *text;
	size_t len;
	struct diags then;
};

/* Look at the text that is there, and spend at most `budget` bytes on more. */
int fixing_begin(struct fixing *x, const char *file, const char *text,
		 size_t len, size_t budget);
void fixing_release(struct fixing *x);
/* Has mistake i a fix that may be tried? */
bool fixing_may(const struct fixing *x, size_t i);
/*
 * Mend mistake i. Of several ways that one which leaves nothing wrong as
 * YAML, or else the first that helps.
 */
int fixing_try(struct fixing *x, size_t i, struct fix_tried *ret);
/* Go on with what came of it. */
int fixing_take(struct fixing *x, struct fix_tried *t);
void fix_tried_release(struct fix_tried *t);

#endif
