/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/audit/explain_report.h: the walk of a packet, for people and for scripts.
 *
 * Shape:  without rules (`f` is NULL) there was no walk, and `diags` says why.
 * Owner:  borrows everything.
 * Errors: -ENOMEM when a part could not be shown.
 */
#ifndef CTPOLICY_CLI_EXPLAIN_REPORT_H
#define CTPOLICY_CLI_EXPLAIN_REPORT_H

#include "core/diag.h"
#include "engine/as_applied.h"
#include "prove/prove.h"
#include "rules/packet_spec.h"
#include "rules/walk.h"

struct explain_report {
	const char *source;		/* the file; NULL: the kernel */
	const char *packet;		/* as it was written */
	const char *text;		/* of the file; NULL: none was read */
	size_t len;
	const struct foreign *f;
	struct walker *walker;
	struct packet at;
	const struct walk *walk;
	struct packet reply_at;
	const struct walk *reply;	/* NULL: none is looked at */
	/*
	 * Of --policy: it, and the walks through the same model without it;
	 * NULL: the rules as they are.
	 */
	const struct as_applied *policy;
	const struct walk *bare, *bare_reply;
	const struct prove *proof;	/* NULL: nobody asked for one */
	const struct diags *diags;
	bool assumed;			/* the path is a guess */
	bool quiet, minimal, color;
};

/* Who asked for the rule; NULL: it is the host's, or there is no policy. */
const struct origin *explain_origin(const struct explain_report *r,
				    const struct walk_step *s);
/* Is it what decides in its chain where there is no policy? */
bool explain_decides_bare(const struct walk *bare, const struct walk_step *s);
int explain_print_text(const struct explain_report *r);
int explain_print_json(const struct explain_report *r);
const char *explain_word(uint8_t outcome);
/* "untracked" */
const char *explain_tracked_word(enum truth tracked);

#endif
