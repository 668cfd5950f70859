/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_gather.c: what a page tells, read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/report/page.h"
#include "cli/saved_rules.h"
#include "core/fault.h"
#include "core/mem.h"
#include "engine/boot_find.h"
#include "engine/drift.h"
#include "engine/live_diff.h"
#include "engine/live_rules.h"
#include "engine/saved.h"
#include "host/conntrack/entries.h"
#include "host/conntrack/local_addresses.h"
#include "host/host.h"

/* Larger tables are sampled for the services: the first entries are random. */
#define COUNTED_MAX 200000
#define SAMPLE 100000

/* What is no refusal ends the page: it would not be true. */
static int summarize(struct page *p, int err)
{
	const struct result_end end = {
		.plan = &p->plan, .word = "would_change", .shown = SHOW_PLANNED,
	};

	if (err && fault_of(err) != FAULT_CONFLICT &&
	    fault_of(err) != FAULT_LACKING)
		return err;
	p->refused = err;
	return change_summary_make(&end, &p->changes);
}

/* ---- the kernel ---- */

static int compare_live(struct page *p)
{
	int err = 0;

	if (p->policy == PAGE_NO_POLICY) {
		err = drift_load_policy(&p->plan, &p->asked, &p->status);
		if (err == -ENOENT)
			return 0;
		p->policy = PAGE_APPLIED;
	}
	if (!err)
		err = live_diff(&p->plan);
	return summarize(p, err);
}

static int look_at_files(struct diags *d)
{
	_cleanup_(boot_finds_release) struct boot_finds found = { 0 };
	int err = boot_find(&found);

	boot_say(&found, BOOT_AUDITS, d);
	return err;
}

static int count_services(struct page *p)
{
	struct top_request how = { .by = TOP_SERVICE, .rows = SIZE_MAX,
				   .rules = p->plan.rules };

	if (!p->plan.rules || !p->status.has_table ||
	    !ct_entries_load_nothing())
		return 0;
	if (p->status.table.count > COUNTED_MAX)
		how.limit = SAMPLE;
	p->has_top = true;
	return top_read(&how, &p->top, &p->diags);
}

/* That a module would have to be loaded is no failure, but said. */
static int take_advice(struct page *p)
{
	int err = advice_read(&p->o->request, NULL, &p->advice);

	p->unadvised = err;
	return fault_of(err) == FAULT_LACKING ? 0 : err;
}

static int gather_live(struct page *p)
{
	int err = host_name(&p->host);

	if (!err)
		err = status_read(&p->o->request, &p->status);
	if (!err) {
		const struct status_report r = { .s = &p->status };

		p->attention = status_concerns(&r, false);
		err = compare_live(p);
	}
	if (!err)
		err = live_rules_read(p->o->request.backend,
				      p->o->request.state_dir, false, p->f,
				      &p->diags);
	if (!err)
		err = look_at_files(&p->diags);
	if (!err)
		err = local_addresses(&p->local);
	if (!err)
		err = take_advice(p);
	return err ? err : count_services(p);
}

/* ---- a saved ruleset ---- */

/* Each rule for itself, whatever else keeps tracking on. */
static int find_replacements(struct page *p)
{
	struct replace_how how = { .force = true };
	int err;

	if (!p->backend->print_edit)
		return 0;
	how.text = p->backend->text_of;
	how.words = p->backend->words;
	err = replace_find(&p->arena, p->f, &how, &p->stateless);
	p->has_stateless = !err;
	return err;
}

static int gather_file(struct page *p)
{
	int err = saved_rules_read_as(p->o, p->file, p->f, &p->backend,
				      &p->diags);

	if (!err)
		err = find_replacements(p);
	if (err || p->policy == PAGE_NO_POLICY)
		return err;
	return summarize(p, saved_compare(&p->plan, p->file));
}

/* ---- both ---- */

/* For builds that give the same bytes: SOURCE_DATE_EPOCH. */
static int64_t time_of_page(void)
{
	const char *given = getenv("SOURCE_DATE_EPOCH");
	char *end = NULL;
	long long t;

	if (!given || !*given)
		return (int64_t)time(NULL);
	errno = 0;
	t = strtoll(given, &end, 10);
	return errno || *end || t < 0 ? (int64_t)time(NULL) : (int64_t)t;
}

static int judge_rules(struct page *p)
{
	int err = needs_count(p->f, &p->needs);

	keepers_find(p->f, &p->keepers);
	if (err)
		return err;
	return p->file ?
		notrack_judge(p->f, false, NULL, &p->flaws, &p->diags) :
		live_rules_judge(p->f, &p->flaws, &p->diags);
}

int page_gather(const struct options *o, struct page *ret)
{
	int err = 0;

	*ret = (struct page){
		.o = o, .file = o->file, .now = time_of_page(),
		.asked = o->request, .f = calloc(1, sizeof(*ret->f)),
	};
	if (!ret->f)
		return -ENOMEM;
	ret->f->wants_terms = true;
	if (o->n_args) {
		ret->policy = PAGE_GIVEN;
		err = plan_load(&ret->plan, &o->request, o->args[0]);
	}
	if (!err)
		err = ret->file ? gather_file(ret) : gather_live(ret);
	return err ? err : judge_rules(ret);
}

void page_release(struct page *p)
{
	change_summary_release(&p->changes);
	plan_release(&p->plan);
	top_release(&p->top);
	advice_release(&p->advice);
	status_release(&p->status);
	stateless_release(&p->stateless);
	arena_release(&p->arena);
	flaws_release(&p->flaws);
	needs_release(&p->needs);
	prefix_set_release(&p->local);
	foreign_free(&p->f);
	diags_release(&p->diags);
	free(p->host);
	*p = (struct page){ 0 };
}
