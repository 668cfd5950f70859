/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/status.h: how this host stands: is it tracked, and what for; how full
 * is the table; which services are out of it; are ctpolicy's rules in force;
 * what was done, and what is not over yet.
 *
 * Nothing is written, no module is loaded, and no entry of the table is
 * listed: that is engine/top.h.
 *
 * Shape:  `services` are those of the NOTRACK rules of ctpolicy's that stand in
 *         the kernel; of all its rules where tracking is not loaded. `tracked`
 *         are those whose entries get timers. `history` newest first. `drift`
 *         is about the newest changes of each target.
 * Owner:  status_release() frees; the state folder is closed by then.
 * Errors: -errno with a diagnostic: the rules cannot be read. A state folder
 *         that cannot be read is a diagnostic alone.
 */
#ifndef CTPOLICY_ENGINE_STATUS_H
#define CTPOLICY_ENGINE_STATUS_H

#include "audit/keepers.h"
#include "engine/live_services.h"
#include "engine/recovery.h"
#include "host/conntrack/table.h"
#include "host/modules.h"

enum drift {
	DRIFT_NOTHING,		/* was applied */
	DRIFT_NONE,		/* in force as it was made */
	DRIFT_PAST,		/* made before the machine was booted */
	DRIFT_DIFFERS,
	DRIFT_UNKNOWN,		/* not in what could be read */
};

/* What became of the policy's file, or files, since it was applied. */
enum file_now {
	FILE_UNKNOWN,
	FILE_SAME,
	FILE_CHANGED,
	FILE_GONE,
};

struct status {
	struct diags diags;
	struct foreign *f;		/* NULL: could not be read */
	struct keepers keepers;
	enum modules_state module;
	bool has_table;
	struct ct_table table;
	uint64_t table_read;		/* when, clock_boot_ns() */
	struct live_services services, tracked;
	enum drift drift;
	enum file_now file;
	size_t rules, settings;		/* that differ; at least so many */
	bool counted;			/* exactly so many */
	bool blind;			/* some rules cannot be read */
	struct waiting waiting;
	struct record unfinished;	/* without a command: there is none */
	struct record history[STATE_KEPT + 1];
	size_t n_history;
};

int status_read(const struct request *rq, struct status *ret);
/* Its table alone, again. */
int status_read_table(struct status *s);
void status_release(struct status *s);

#endif
