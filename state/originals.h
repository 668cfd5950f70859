/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/originals.h: what rules of the host's were that ctpolicy's stand in
 * for, on disk for as long as they may be put back.
 *
 * They outlive the records of changes, the boot and the policy: somebody may
 * have saved the rules as they are now, and load them again.
 *
 * Shape:  in the file `originals` of the folder; written as a whole, read back
 *         before it takes its name.
 * Units:  family: NFPROTO_*.
 * Owner:  saved_originals_release() frees the list and its texts.
 * Errors: -EIO with a diagnostic: the file cannot be used. -ENOENT, without
 *         one: there is none. -EBADMSG of decoding: cut short or changed.
 */
#ifndef CTPOLICY_STATE_ORIGINALS_H
#define CTPOLICY_STATE_ORIGINALS_H

#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "core/strbuf.h"

struct state;

struct saved_original {
	const char *target;		/* the backend: "iptables" */
	uint8_t family;
	const char *table, *stand_in;	/* its chain */
	const char *text;
};

struct saved_originals {
	struct saved_original *v;
	size_t n, cap;
};

/* A copy. */
int saved_originals_add(struct saved_originals *s,
			const struct saved_original *x);
int saved_originals_encode(const struct saved_originals *s,
			   struct strbuf *out);
int saved_originals_decode(const char *text, size_t len,
			   struct saved_originals *ret);
int saved_originals_write(struct state *st, const struct saved_originals *s,
			  struct diags *d);
int saved_originals_read(struct state *st, struct saved_originals *ret,
			 struct diags *d);
/* Another version's make way for ours, and stay under another name. */
int saved_originals_set_aside(struct state *st, struct diags *d);
void saved_originals_release(struct saved_originals *s);

#endif
