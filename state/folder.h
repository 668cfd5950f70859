/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/folder.h: what an open state folder is, for the files of state/. */
#ifndef CTPOLICY_STATE_FOLDER_H
#define CTPOLICY_STATE_FOLDER_H

#include <sys/types.h>

#include "host/lock_holder.h"
#include "state/state.h"
#include "state/state_space.h"

struct state {
	int top, dir, lock;	/* open files; -1: not open */
	char *path;		/* of dir */
	uint32_t id, of;	/* of the journal, once written or read */
	struct space space;
};

#endif
