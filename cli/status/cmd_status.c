/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/cmd_status.c: how does this host stand? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output/output_file.h"
#include "cli/output/output_overlap.h"
#include "cli/output/report.h"
#include "cli/status/status_report.h"
#include "core/clock.h"
#include "core/mem.h"

/* Of the table, from where on it wants attention. */
#define FILL_HIGH 0.9
/* How long a single look sees the counters grow, at least; and --check. */
#define LOOK_MS 300
#define WATCH_MS 1000
#define MS_NS UINT64_C(1000000)
#define NS 1e9
#define TOP_DIGITS 9
/* Of --watch, in seconds. */
#define INTERVAL 2
#define INTERVAL_MIN 0.1
#define INTERVAL_MAX 86400

static const struct {
	const char *word, *words;
} concern_names[] = {
#define X(id, w, ws) [CONCERN_##id] = { .word = (w), .words = (ws) },
	CONCERNS(X)
#undef X
};

const char *concern_word(enum concern c)
{
	return concern_names[c].word;
}

const char *concern_words(enum concern c)
{
	return concern_names[c].words;
}

double status_fill(const struct ct_table *t)
{
	return t->max ? (double)t->count / (double)t->max : 0;
}

/* The table once more, when there was time for its counters to grow. */
static int look_again(struct status_report *r, struct status *s,
		      struct ct_table *first, bool checks)
{
	uint64_t wait = (checks ? WATCH_MS : LOOK_MS) * MS_NS;
	uint64_t gone = clock_boot_ns() - s->table_read;
	int err;

	if (!s->has_table || (r->quiet && !checks))
		return 0;
	if (gone < wait)
		clock_pause_ms((unsigned int)((wait - gone) / MS_NS) + 1);
	*first = s->table;
	gone = s->table_read;
	err = status_read_table(s);
	if (err)
		return err;
	r->before = first;
	r->seconds = (double)(s->table_read - gone) / NS;
	return 0;
}

static bool is_dropping(const struct status_report *r)
{
	return r->before && (status_grown(r, CT_DROP) ||
			     status_grown(r, CT_CHAIN_TOO_LONG));
}

uint32_t status_concerns(const struct status_report *r, bool watch)
{
	const struct status *s = r->s;
	uint32_t c = 0;

	if (s->drift == DRIFT_DIFFERS || s->drift == DRIFT_PAST ||
	    s->drift == DRIFT_UNKNOWN)
		c |= 1u << CONCERN_DRIFT;
	if (s->has_table && status_fill(&s->table) >= FILL_HIGH)
		c |= 1u << CONCERN_FILL;
	if (watch && is_dropping(r))
		c |= 1u << CONCERN_DROPS;
	if (s->unfinished.command || (s->waiting.there && s->waiting.expired))
		c |= 1u << CONCERN_UNFINISHED;
	return c;
}

/* "10"; 0: no such number. */
static size_t number(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n && n <= TOP_DIGITS && !text[n] ? strtoul(text, NULL, 10) : 0;
}

/* "2", "0.5"; 0: no such time. */
static double seconds(const char *text)
{
	size_t n = strspn(text, "0123456789.");
	double s = n && n <= TOP_DIGITS && !text[n] ? strtod(text, NULL) : 0;

	return s >= INTERVAL_MIN && s <= INTERVAL_MAX ? s : 0;
}

/* What --watch says, in one word or two; 0: no such time, or no --watch. */
static double interval(const struct options *o)
{
	if (!o->watch || (o->n_args && *o->watch))
		return 0;
	if (o->n_args)
		return seconds(o->args[0]);
	return *o->watch ? seconds(o->watch) : INTERVAL;
}

static const char *misuse(const struct options *o, struct status_report *r)
{
	r->rows = o->top ? number(o->top) : 0;
	if (o->by && !o->top)
		return "--by goes with --top N";
	if (o->top && !r->rows)
		return "--top takes a number from 1 on";
	if (o->by && top_by_find(o->by, &r->by))
		return "--by is src, dst, dport, proto, state or service";
	if (o->n_args && !o->watch)
		return "too many arguments; see 'ctpolicy status --help'";
	if (o->watch && !interval(o))
		return "--watch takes seconds, from 0.1 to 86400";
	if (o->watch && o->check)
		return "--check is for a single look, without --watch";
	if (o->prometheus && (o->top || o->json))
		return "--prometheus goes with neither --top nor --json";
	if (o->prometheus && output_is_option(o->prometheus))
		return "--prometheus takes a file, and this looks like an option: write ./ before such a name";
	if (o->watch && o->prometheus && output_to_stdout(o->prometheus))
		return "--prometheus - is for a single look, without --watch";
	return NULL;
}

static int print(const struct options *o, const struct status_report *r,
		 struct status *s)
{
	if (o->prometheus)
		return status_write_metrics(&o->request, s, r->failed,
					    o->prometheus);
	return o->json ? status_print_json(r) : status_print_text(r);
}

static int show(struct status_report *r, struct ct_table *now, void *arg)
{
	_cleanup_(status_release) struct status s = { 0 };
	_cleanup_(top_release) struct top top = { 0 };
	const struct options *o = arg;
	struct ct_table first;
	int err, shown;

	r->s = &s;
	r->top = &top;
	err = status_read(&o->request, &s);
	if (!err && !o->prometheus)
		err = status_top(r, &o->request, &s, &top);
	if (!err && !o->watch && !o->prometheus)
		err = look_again(r, &s, &first, o->check);
	r->failed = err;
	if (!err)
		r->attention = status_concerns(r, o->check);
	shown = print(o, r, &s);
	if (!err)
		err = shown;
	if (o->prometheus && (!o->quiet || s.diags.errors))
		diags_print(&s.diags, &(struct diag_source){ 0 }, 0, 20, false,
			    stderr);
	if (err && !s.diags.errors && !o->json)
		fprintf(stderr, "ctpolicy status: %s\n", fault_text(err));
	if (err)
		return exit_code_of(err);
	*now = s.table;
	return o->check && r->attention ? EXIT_DIFFERS : EXIT_DONE;
}

static int run(const struct options *o)
{
	struct status_report r = {
		.rq = &o->request,
		.quiet = o->quiet, .watching = o->watch,
		.clears = o->watch && isatty(STDOUT_FILENO),
	};
	const char *wrong = misuse(o, &r);
	struct options how = *o;
	struct ct_table now;

	if (wrong) {
		fprintf(stderr, "ctpolicy status: %s\n", wrong);
		return EXIT_USAGE;
	}
	return o->watch ? status_watch(&r, interval(o), show, &how) :
			  show(&r, &now, &how);
}

const struct command cmd_status = {
	.name = "status",
	.summary = "show how full the table is, what is out of it, and any drift",
	.min_args = 0,
	.max_args = 1,
	.takes = OPT_STATUS,
	.run = run,
	.help =
"Example:  ctpolicy status\n"
"          ctpolicy status --top 10 --by dport\n"
"          ctpolicy status --check --quiet || echo look at this host\n"
"          ctpolicy status --prometheus ctpolicy.prom\n"
"\n"
"Usage: ctpolicy status [OPTION...]\n"
"\n"
"Shows whether connections are tracked and which rule keeps tracking on, how\n"
"full the connection table is and what the kernel dropped, which services are\n"
"untracked, whether ctpolicy's rules are in force as they were applied, and\n"
"what is on trial, unfinished or was done lately. At most 100,000 entries are\n"
"looked at, nothing is written and no kernel module is loaded; it takes\n"
"CAP_NET_ADMIN.\n",
	.exits =
"Exit code: 0 done; 1 with --check: drift, a table that is 90 % full, packets\n"
"being dropped for want of room, or an unfinished change; 69 the kernel or this\n"
"build cannot do it, 74 the metrics cannot be written, 77 no permission, 64 bad\n"
"command line.\n",
};
