/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/status_top.c: what fills the connection table. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/output/progress.h"
#include "cli/status/status_report.h"
#include "core/mem.h"
#include "engine/drift.h"
#include "host/conntrack/entries.h"

/* So many are listed in a third of a second, and tell as much as all. */
#define SAMPLE 100000
/* And so many in no time, when they are listed again and again. */
#define SAMPLE_WATCHED 10000
#define PER_CENT 100

int status_top(const struct status_report *r, const struct request *rq,
	       struct status *s, struct top *ret)
{
	struct request asked = *rq;
	_cleanup_(plan_release) struct plan p = { 0 };
	struct top_request how = {
		.by = r->rows ? r->by : TOP_PROTO,
		.limit = r->rows ? 0 : r->watching ? SAMPLE_WATCHED : SAMPLE,
		.rows = r->rows ? r->rows : 1,
	};
	bool shows = r->rows && !r->watching && progress_begin(s->table.count);
	int err;

	/* A sample is not worth a module. */
	if (!s->has_table || (!r->rows && !ct_entries_load_nothing())) {
		ret->by = how.by;
		ret->complete = true;
		return 0;
	}
	if (r->rows && r->by == TOP_SERVICE)
		drift_load_policy(&p, &asked, s);
	how.rules = p.rules;
	if (shows)
		how.progress = progress_show;
	err = top_read(&how, ret, &s->diags);
	if (shows)
		progress_end();
	return err;
}

uint32_t status_reclaimable(const struct ranking_row *row)
{
	return row->entries - row->assured;
}

double status_share(const struct top *t, uint64_t n)
{
	uint64_t all = t->ranking.entries;

	return all ? (double)n / (double)all : 0;
}

static int print_row(const struct top *t, const struct ranking_row *row)
{
	_cleanup_(strbuf_release) struct strbuf key = { 0 };

	top_print_key(t, &row->key, &key);
	printf("%10u %5.1f %% %10u %10u %12u  ", row->entries,
	       PER_CENT * status_share(t, row->entries), row->assured,
	       row->one_way, status_reclaimable(row));
	diag_puts(strbuf_str(&key), stdout);
	putchar('\n');
	return strbuf_status(&key);
}

int status_print_top(const struct status_report *r)
{
	const struct top *t = r->top;
	int err = 0;

	printf("\n%10s %7s %10s %10s %12s  %s\n", "entries", "share",
	       "assured", "unreplied", "reclaimable", top_by_name(t->by));
	for (size_t i = 0; !err && i < t->ranking.n && i < r->rows; i++)
		err = print_row(t, &t->ranking.v[i]);
	if (t->ranking.error_max)
		printf("so many different keys that each may have up to %u entries more\n",
		       t->ranking.error_max);
	return err;
}
