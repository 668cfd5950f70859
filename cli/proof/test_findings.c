/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/proof/test_findings.c: the result of a test as findings and cases. */
#include <errno.h>

#include "cli/change/result_findings.h"
#include "cli/proof/test_report.h"
#include "core/fault.h"
#include "core/mem.h"

static const struct {
	enum case_end end;
	const char *why;
} fates[LEG_FATE_MAX_] = {
	[LEG_PROVEN] = { CASE_PASSED, NULL },
	[LEG_TRACKED] = { CASE_FAILED, "packets are tracked" },
	[LEG_LOST] = { CASE_FAILED, "packets do not arrive" },
	[LEG_LET_IN] = { CASE_FAILED,
			 "packets arrive, and without the policy they do not" },
	[LEG_UNTRIED] = { CASE_SKIPPED, "could not be tried" },
	[LEG_DROPPED_ANYWAY] = {
		CASE_SKIPPED,
		"packets do not arrive, with the policy or without" },
	[LEG_UNSEEN] = { CASE_SKIPPED,
			 "could not be tried: there were no packets" },
};

static void add_leg(const struct prove_run *r, const struct prove_leg *l,
		    struct findings *f)
{
	_cleanup_(strbuf_release) struct strbuf leg = { 0 }, packet = { 0 };
	struct tried_case c = {
		.suite = r->backend, .at = l->service->at,
		.end = fates[l->fate].end, .why = fates[l->fate].why,
		.ns = l->ns,
	};

	prove_leg_words(l, &leg);
	prove_packet_words(&l->call, l->reply, &packet);
	f->lost |= leg.lost || packet.lost;
	c.name = findings_say(f, "%s: %s", l->service->name,
			      strbuf_text(&leg, &f->lost));
	if (c.why)
		c.details = findings_say(f, "for example %s%s%s",
					 strbuf_text(&packet, &f->lost),
					 l->by ? "\ndropped in " : "",
					 l->by ? l->by : "");
	findings_add_case(f, &c);
}

static const char *expected(const struct packet_test *t, struct findings *f)
{
	const char *tracked = t->tracked < 0 ? "" :
			      t->tracked ? "tracked" : "untracked";
	const char *accepted = t->accept < 0 ? "" :
			       t->accept ? "accepted" : "dropped";

	return findings_say(f, "%s%s%s", tracked,
			    *tracked && *accepted ? ", " : "", accepted);
}

static void add_test(const struct prove_run *r, const struct prove_test *t,
		     struct findings *f)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct tried_case c = {
		.suite = r->backend, .at = t->test->at,
		.end = t->passed ? CASE_PASSED : CASE_FAILED,
		.ns = t->ns,
	};

	test_packet_words(t->test, &b);
	c.name = findings_say(f, "packet %s", strbuf_text(&b, &f->lost));
	if (!t->passed)
		c.why = !t->tried ? "could not be tried" :
			findings_say(f, "is %s, %s; expected: %s",
				     t->tracked ? "tracked" : "untracked",
				     t->accepted ? "accepted" : "dropped",
				     expected(t->test, f));
	if (t->by)
		c.details = findings_say(f, "dropped in %s", t->by);
	findings_add_case(f, &c);
}

static void add_run(const struct prove_run *r, struct findings *f)
{
	for (size_t i = 0; i < r->n_legs; i++)
		add_leg(r, &r->legs[i], f);
	for (size_t i = 0; i < r->n_tests; i++)
		add_test(r, &r->tests[i], f);
}

/* Nothing was tried. */
static void add_failure(const struct prove *x, int err, struct findings *f)
{
	const struct tried_case c = {
		.suite = "test", .name = "the policy can be tried",
		.at.file = x->plan.file, .end = CASE_ERROR,
		.why = fault_text(err),
		.details = findings_errors(f, &x->plan.diags,
					   x->plan.file),
	};

	f->failed = true;
	findings_add_case(f, &c);
}

void test_findings(const struct prove *x, int err, struct findings *f)
{
	f->command = "test";
	plan_findings(&x->plan, NULL, f);
	for (size_t i = 0; !err && i < x->n_runs; i++)
		add_run(&x->runs[i], f);
	if (err)
		add_failure(x, err, f);
}
