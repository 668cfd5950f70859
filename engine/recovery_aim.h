/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/recovery_aim.h: from a record to the parts of a change, each aimed at
 * what was before it.
 *
 * Errors: -errno, with a diagnostic unless it is -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_RECOVERY_AIM_H
#define CTPOLICY_ENGINE_RECOVERY_AIM_H

#include "engine/recovery.h"

/* A part for each target of v->record. */
int recovery_open_parts(struct recovery *v);
/* Compare the kernel with what was before a change. */
int recovery_aim(struct recovery *v, const struct record *rec);
/* Is all in force that the change wanted? It must be aimed at. */
bool recovery_is_complete(const struct recovery *v);
/* Files outlive a boot: they are all that is left of the change. */
int recovery_leave_to_files(struct recovery *v);

#endif
