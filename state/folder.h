/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/folder.h: what an open state folder is, for the files of state/. */
#ifndef CTPOLICY_STATE_FOLDER_H
#define CTPOLICY_STATE_FOLDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "host/lock_holder.h"
#include "state/claim.h"
#include "state/folder_open.h"
#include "state/state.h"
#include "state/state_space.h"

struct state {
	struct folder top;
	int dir, lock;		/* open files; -1: not open */
	char *path;		/* of dir, absolute */
	uint32_t id, of;	/* of the journal, once written or read */
	bool redo, empty;	/* it undoes a rollback; it has no parts */
	uint32_t last;		/* number that was given to a change */
	struct space space;
	struct claim claim;
};

#define STATE_LOCK "lock"
#define STATE_JOURNAL "journal"
#define STATE_JOURNAL_ASIDE "journal.other"
#define STATE_PENDING "pending"
#define STATE_ASIDE "pending.other"
#define STATE_RESULT "result"
#define STATE_WATCH "watch"
#define STATE_ORIGINALS "originals"
#define STATE_ORIGINALS_ASIDE "originals.other"
#define STATE_FILES "files"
#define STATE_MODULES "modules"
#define STATE_SETTINGS "settings"

/* A record is named by its number, a rollback "undone." and its number. */
bool state_is_record(const char *name, uint32_t *ret);
bool state_is_undone(const char *name, uint32_t *ret);
/* Record on disk, too, that a trial has ended that ended in memory alone. */
void trial_tidy(struct state *st);

#endif
