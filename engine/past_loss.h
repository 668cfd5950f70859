/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/past_loss.h: messages about what a record cannot keep, or a rollback
 * cannot restore.
 */
#ifndef CTPOLICY_ENGINE_PAST_LOSS_H
#define CTPOLICY_ENGINE_PAST_LOSS_H

#include "core/diag.h"
#include "rules/image_prune.h"

/* Left out of a record: only a person can have made it. */
void past_say_not_recorded(const struct image_losses *lost, struct diags *d);
/* A table of ours that is dormant will be restored active. */
void past_say_asleep(const struct image *live, struct diags *d);
/*
 * `gone`: chains of the host's that our jumps were in. `whole` is false when
 * something else is missing as well.
 */
void past_say_not_restored(const struct image_losses *gone, bool whole,
			   struct diags *d);

#endif
