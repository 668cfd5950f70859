/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/boot_keep.h: which edits of the host's files a plan wants, and where
 * those are kept that were made: the state folder has them for as long as they
 * are in place, longer than any record of a change, and any boot.
 *
 * A policy with `modules: unload` looks for what would load them again, and
 * with `existing_rules: replace` wants it edited. Any other plan, and a
 * removal, wants the files as they were.
 *
 * Errors: as in state/note.h; boot_read_record(): -EINVAL with a diagnostic.
 */
#ifndef CTPOLICY_ENGINE_BOOT_KEEP_H
#define CTPOLICY_ENGINE_BOOT_KEEP_H

#include "engine/plan.h"

/* `state`: NULL: there is none. */
int boot_aim(struct plan *p, struct state *state);
/* A record's part for the change from `live` to `want`. */
int boot_write_record(const struct boot *b, struct record *r);
/* Towards the state before the change of a record that has such a part. */
int boot_read_record(struct plan *p, const struct record_part *part);
/* Before the files are changed: what may be in them then. */
int boot_note(struct plan *p);
/* The change is over: what is in them. Nothing else is left of it. */
void boot_settle(struct plan *p);

#endif
