/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/fault.h: what went wrong, for whoever must decide what that means.
 *
 * A function that fails returns a negative number: -errno of the call that
 * failed, or -FAULT_... where it knows what the failure means. An errno stays
 * what the kernel said: that a chain is busy is not that a lock is held.
 *
 * Units:  faults are larger than any errno (MAX_ERRNO in linux/err.h).
 */
#ifndef CTPOLICY_CORE_FAULT_H
#define CTPOLICY_CORE_FAULT_H

#define FAULT_FIRST FAULT_MEMORY

enum fault {
	FAULT_NONE,
	FAULT_MEMORY = 4096,
	FAULT_INPUT,		/* what the user named is not there */
	FAULT_POLICY,		/* the policy is invalid */
	FAULT_DATA,		/* a saved ruleset is invalid */
	FAULT_USAGE,		/* the command line is wrong */
	FAULT_PERMISSION,
	FAULT_BUSY,		/* somebody else holds a lock */
	FAULT_STALE,		/* somebody else wrote since we read */
	FAULT_CONFLICT,		/* the host's own rules stand in the way */
	FAULT_LACKING,		/* kernel or build cannot do it */
	FAULT_IO,		/* any other error of a call */
	FAULT_LOST,		/* somebody else wrote and was overwritten */
	FAULT_HALF,		/* neither new nor previous rules */
	FAULT_MAX_
};

/* Of a function's result: 0, -errno or -FAULT_... */
enum fault fault_of(int err);
/* What to call it when no diagnostic does: strerror() of an errno. */
const char *fault_text(int err);

#endif
