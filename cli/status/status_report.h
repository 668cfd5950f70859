/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/status/status_report.h: how a host stands, for people and for scripts.
 *
 * Shape:  `before` is the table as the screen before this one had it, of a
 *         single look as it was when that began; NULL: there is none.
 *         `attention` says what is wrong, 1 << enum concern. `rows` is how many
 *         of `top` were asked for; 0: none were, and `top` is a sample of the
 *         table, by protocol.
 * Units:  `seconds` from `before` to now.
 * Owner:  borrows everything.
 * Errors: -ENOMEM when a part could not be shown.
 */
#ifndef CTPOLICY_CLI_STATUS_REPORT_H
#define CTPOLICY_CLI_STATUS_REPORT_H

#include "engine/status.h"
#include "engine/top.h"

/* ID, word in JSON, words for people */
#define CONCERNS(X)							\
	X(DRIFT, "drift", "ctpolicy's rules or settings are not in force, or not known to be") \
	X(FILL, "fill", "the connection table is nearly full")		\
	X(DROPS, "drops", "the kernel is dropping packets for want of room in the connection table") \
	X(UNFINISHED, "unfinished", "a change is unfinished")

enum concern {
#define X(id, word, words) CONCERN_##id,
	CONCERNS(X)
#undef X
	CONCERN_MAX_
};

struct status_report {
	const struct status *s;
	const struct request *rq;
	uint32_t attention;
	size_t rows;
	enum top_by by;
	const struct top *top;
	bool failed;		/* the rules could not be read */
	bool quiet;
	bool watching;		/* screen after screen */
	bool clears;		/* ... each in the place of the last */
	const struct ct_table *before;
	double seconds;
};

/* Counters that tell that a table is too small. */
extern const enum ct_counter status_losses[];
extern const size_t status_n_losses;
/* Of one, since the screen before. A module loaded again counts anew. */
uint64_t status_grown(const struct status_report *r, enum ct_counter c);

/* What is wrong, 1 << enum concern; dropping packets, if that was watched. */
uint32_t status_concerns(const struct status_report *r, bool watch);
const char *concern_word(enum concern c);
const char *concern_words(enum concern c);
/* Of `max`; 0 where there is no limit. */
double status_fill(const struct ct_table *t);
/* What fills the table, as it was asked for, or a sample. */
int status_top(const struct status_report *r, const struct request *rq,
	       struct status *s, struct top *ret);
/* What could go to make room: neither side would miss it. */
uint32_t status_reclaimable(const struct ranking_row *row);
/* Of all entries that were counted. */
double status_share(const struct top *t, uint64_t n);
/* What a line of the screen is about, "": the same as the one above. */
void status_heading(const char *word);
void status_print_services(const struct status *s);
int status_print_top(const struct status_report *r);
int status_print_text(const struct status_report *r);
int status_print_json(const struct status_report *r);
/* For the textfile collector of node_exporter; the reason in s->diags. */
int status_write_metrics(const struct request *rq, struct status *s,
			 bool failed, const char *path);
/*
 * One reading after another, until a signal ends it or show() does with
 * another code than EXIT_DONE.
 */
int status_watch(struct status_report *r, double interval,
		 int (*show)(struct status_report *r, struct ct_table *now,
			     void *arg),
		 void *arg);

#endif
