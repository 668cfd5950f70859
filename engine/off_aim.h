/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/off_aim.h: which modules a plan wants, and what records keep of them.
 *
 * A policy with `modules: unload` wants none. Any other plan, and a removal,
 * wants those back that an earlier change unloaded in this boot: the state
 * folder has them for as long as they are out.
 *
 * Errors: -ENOMEM; off_read_record(): -EINVAL with a diagnostic.
 */
#ifndef CTPOLICY_ENGINE_OFF_AIM_H
#define CTPOLICY_ENGINE_OFF_AIM_H

#include "engine/plan.h"

/* The files of engine/boot_keep.h as well. */
int off_aim(struct plan *p);
/* Before modules are unloaded: what they were. */
int off_note(struct plan *p);
/* The change is over; done: it was made. */
void off_settle(struct plan *p, bool done);
/* A record's part for the change from `live` to `want`. */
int off_write_record(const struct off *o, struct record *r);
/* Towards the state before the change of a record that has such a part. */
int off_read_record(struct off *o, const struct record_part *part,
		    struct diags *d);

#endif
