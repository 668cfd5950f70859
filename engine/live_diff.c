/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/live_diff.h"

#include "engine/boot_timers.h"
#include "engine/off_aim.h"
#include "engine/off_holders.h"
#include "engine/preflight.h"
#include "engine/tune_check.h"
#include "engine/unsettled.h"

int live_diff(struct plan *p)
{
	int err = unsettled_note(p->rq, &p->diags);

	if (!err)
		err = plan_choose_live(p);
	if (!err)
		err = off_aim(p);
	if (!err)
		err = plan_compare(p);
	if (!err)
		err = off_check(p);
	if (!err)
		err = tune_check(p);
	if (!err)
		err = boot_timers_say(&p->diags);
	return err ? err : preflight_check(p);
}
