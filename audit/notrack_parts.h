/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/notrack_parts.h: what the checks of audit/notrack.h share.
 *
 * Owner:  a judge borrows the model and the list that it fills.
 * Errors: checks and inspect_add() return -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_NOTRACK_PARTS_H
#define CTPOLICY_AUDIT_NOTRACK_PARTS_H

#include "audit/keepers.h"
#include "audit/notrack.h"
#include "audit/uses.h"
#include "core/strbuf.h"
#include "rules/walk.h"

struct inspection {
	const struct foreign *f;
	struct flaws *out;
	struct uses notrack, dnat, snat;
	struct keepers keepers;
	struct walker *walker;
	bool forwards;
	const struct prefix_set *local;	/* NULL: not known */
	bool *one_way;		/* of each use in notrack: saves nothing */
	bool lost;		/* a text found no memory */
};

enum use_side { SIDE_NONE, SIDE_REQUEST, SIDE_REPLY, SIDE_BOTH };

/* help: NULL (none), or taken over. -ENOMEM, of what it is made of too. */
int inspect_add(struct inspection *j, enum diag_level level, enum diag_id id,
	      uint32_t rule, uint32_t other, char *help, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));
/* Does the use stand at this hook, early enough to have an effect? */
bool inspect_is_at(const struct inspection *j, const struct use *x,
		 const char *hook);
bool inspect_is_late(const struct host_chain *c);
/* Does it end the way to later rules without dropping the packet? */
bool inspect_is_terminal(const struct foreign *f,
			 const struct foreign_rule *r);
/* By the ports that it names: those of the server are the destination's. */
enum use_side inspect_side(const struct uses *u, const struct use *x);
/* A packet of the use: the i-th port that it names. False: there is none. */
bool inspect_sample(const struct uses *u, const struct use *x, uint8_t family,
		  size_t i, struct sample *ret);
/* Does it go to a port that both ends of a tunnel send to? */
bool inspect_is_tunnel(const struct sample *s);
/* Its answer, as far as it is known. */
struct sample inspect_mirror(const struct sample *s);
/* Does any rule at the hook take such a packet out of tracking? */
bool inspect_covers(const struct inspection *j, const char *hook,
		  const struct sample *s);
/* "tcp port 80", "udp ports 53,123" */
void inspect_describe(const struct uses *u, const struct use *x,
		    struct strbuf *out);
/*
 * Both for inspect_add(): a help in these words; the rule that is missing, as
 * the dialect of this one has it.
 */
char *inspect_help(struct inspection *j, const char *words);
char *inspect_advise(struct inspection *j, const struct use *x,
		   const char *hook, bool mirrored, bool on_lo);

int inspect_legs(struct inspection *j);
int inspect_places(struct inspection *j);
int inspect_nat(struct inspection *j);
int inspect_accepts(struct inspection *j);

#endif
