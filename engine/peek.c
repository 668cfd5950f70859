/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/peek.h"

#include <errno.h>

#include "core/mem.h"

int peek_open(const struct plan *p, struct state **own, struct state **ret)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	int err = 0;

	if (!p->state && p->rq->state_dir)
		err = state_open_reading(p->rq->state_dir, own, &unsaid);
	if (err == -ENOMEM || err == -FAULT_LACKING)
		return err;
	*ret = p->state ? p->state : *own;
	return 0;
}
