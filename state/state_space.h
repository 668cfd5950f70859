/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/state_space.h: which network namespace this is, in which boot.
 *
 * Shape:  `id` is the same for as long as the namespace lives, and never
 *         again; `folder` is where its state lies. The machine's own
 *         namespace (that of process 1) has the folder "main" in every boot.
 * Errors: -errno of what could not be asked; the outputs are then untouched.
 */
#ifndef CTPOLICY_STATE_STATE_SPACE_H
#define CTPOLICY_STATE_STATE_SPACE_H

#include "state/record.h"

struct space {
	char id[SPACE_MAX], folder[SPACE_MAX];
};

int space_read(struct space *ret);
/* Is it the machine's own? */
bool space_is_main(const struct space *s);
/* Is this the folder of a namespace that went with an earlier boot? */
bool space_is_past(const struct space *now, const char *folder);

#endif
