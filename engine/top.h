/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/top.h: what fills the connection table.
 *
 * Shape:  the table is listed once, as it is; `complete` is false where only
 *         its first entries were asked for, which are a random sample. Rows
 *         are exact while error_max is 0.
 * Owner:  top_release(); services are borrowed and must outlive it.
 * Errors: -ENOMEM; -errno of listing, with a diagnostic. Without connection
 *         tracking there are no rows.
 */
#ifndef CTPOLICY_ENGINE_TOP_H
#define CTPOLICY_ENGINE_TOP_H

#include "audit/ranking.h"
#include "core/diag.h"
#include "core/strbuf.h"
#include "rules/ruleset.h"

/* ID, word */
#define TOP_BYS(X)							\
	X(SRC, "src")							\
	X(DST, "dst")							\
	X(DPORT, "dport")						\
	X(PROTO, "proto")						\
	X(STATE, "state")						\
	X(SERVICE, "service")

enum top_by {
#define X(id, word) TOP_##id,
	TOP_BYS(X)
#undef X
	TOP_BY_MAX_,
	TOP_KINDS = TOP_BY_MAX_	/* protocol, state and service at once */
};

struct top {
	enum top_by by;
	struct ranking ranking;
	bool complete;
	const char **services;		/* by number, from 1; interned */
	size_t n_services, cap_services;
};

struct top_request {
	enum top_by by;
	size_t limit;			/* 0: all entries */
	size_t rows;			/* at most so many are kept */
	const struct ruleset *rules;	/* of the services; NULL: none */
	/* Called now and then with how many were read; NULL: never. */
	void (*progress)(uint64_t done);
};

/* Why a listing failed, of whatever kind; gives the error back. */
int entries_say_unread(int err, struct diags *d);
int top_read(const struct top_request *rq, struct top *ret, struct diags *d);
/* "192.0.2.1", "tcp/80", "udp/unreplied", "web" */
void top_print_key(const struct top *t, const struct ranking_key *key,
		   struct strbuf *out);
/* Of TOP_STATE, TOP_KINDS: "ESTABLISHED", "unreplied". */
void top_print_state(const struct ranking_key *key, struct strbuf *out);
/* Of TOP_SERVICE, TOP_KINDS; NULL: none. */
const char *top_service(const struct top *t, const struct ranking_key *key);
const char *top_by_name(enum top_by by);
int top_by_find(const char *word, enum top_by *ret);	/* or -EINVAL */
void top_release(struct top *t);

#endif
