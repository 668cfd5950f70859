/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/past.h: what a record keeps of one backend, and how to undo by it.
 *
 * Shape:  a small image is kept whole, of a large one only what differs; both
 *         are an image_delta as text. What is written is read back first:
 *         what does not come back the same is left out, and reported.
 * Owner:  past_free() frees. A wanted image borrows nothing.
 * Errors: -ENOMEM. past_read(): -EINVAL with a diagnostic, the text is not of
 *         the backend's syntax.
 */
#ifndef CTPOLICY_ENGINE_PAST_H
#define CTPOLICY_ENGINE_PAST_H

#include "backends/backend.h"
#include "state/record.h"

struct past;

/* Fill a part, whose target is set, before `live` becomes `want`. */
int past_write(const struct backend *b, const struct image *live,
	       const struct image *want, struct record_part *part,
	       struct diags *d);

int past_read(const struct backend *b, const struct record_part *part,
	      struct past **ret, struct diags *d);
/* Is the change complete: are its rules in the kernel? */
bool past_is_complete(const struct past *p, const struct image *live);
/*
 * The image that restores the rules as they were before the change. What cannot
 * be restored is left out, which is reported the first time.
 */
int past_aim(struct past *p, const struct snapshot *live, struct image **ret,
	     struct diags *d);
void past_free(struct past **p);

#endif
