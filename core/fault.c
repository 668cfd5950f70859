/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/fault.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/mem.h"

#define ROW(f) [FAULT_##f - FAULT_FIRST]

static const char *const texts[] = {
	ROW(MEMORY) = "out of memory",
	ROW(INPUT) = "no such file or record",
	ROW(POLICY) = "invalid policy",
	ROW(DATA) = "invalid data",
	ROW(USAGE) = "invalid command line",
	ROW(PERMISSION) = "no permission",
	ROW(BUSY) = "a lock is held",
	ROW(STALE) = "the live rules changed",
	ROW(CONFLICT) = "the host's own rules stand in the way",
	ROW(LACKING) = "not supported here",
	ROW(IO) = "input/output error",
	ROW(LOST) = "somebody else's change was overwritten",
	ROW(HALF) = "the previous rules could not be restored",
};
_Static_assert(ARRAY_SIZE(texts) == FAULT_MAX_ - FAULT_FIRST,
	       "a fault has no row");

/* The few that mean the same wherever they come from. */
static const struct {
	int err;
	enum fault fault;
} meanings[] = {
	{ ENOMEM, FAULT_MEMORY },
	{ EPERM, FAULT_PERMISSION },
	{ EOPNOTSUPP, FAULT_LACKING },
	{ ELIBACC, FAULT_LACKING },
};

enum fault fault_of(int err)
{
	if (!err)
		return FAULT_NONE;
	if (-err >= FAULT_FIRST && -err < FAULT_MAX_)
		return (enum fault)-err;
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].err == -err)
			return meanings[i].fault;
	return FAULT_IO;
}

const char *fault_text(int err)
{
	if (-err >= FAULT_FIRST && -err < FAULT_MAX_)
		return texts[-err - FAULT_FIRST];
	/* libnftables too is opened late, in a process that ends with it */
	if (err == -ELIBACC)
		return "cannot load libkmod.so.2, which knows the modules";
	return strerror(-err);
}
