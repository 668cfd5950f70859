/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cmd_diff.c: what apply would change. */
#include <errno.h>
#include <string.h>

#include "cli/report.h"
#include "core/mem.h"

/* A dump of iptables-save has its table lines; nft text never begins so. */
static bool looks_like_iptables(const char *text)
{
	for (const char *s = text; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (*s == '*' || !strncmp(s, "COMMIT", 6))
			return true;
		if (!*s)
			break;
	}
	return false;
}

static int choose_for_text(struct plan *p, const char *text)
{
	bool told = p->rq->backend && strcmp(p->rq->backend, "auto");
	const struct backend *b;
	struct part *m;

	if (told || p->policy->backend != BACKEND_AUTO)
		return plan_choose_offline(p);
	b = backend_find(looks_like_iptables(text) ? "iptables" : "nftables");
	if (!b)
		return plan_choose_offline(p);
	plan_note_translation(p);
	return change_add(&p->change, b, &m);
}

/*
 * A saved ruleset says by our own chains in it which tables of others filter:
 * where our accept rules stand, accept rules are wanted.
 */
static int survey_of(const struct image *img, struct survey *ret)
{
	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_chains; k++) {
			const struct image_chain *c = &t->chains[k];
			struct foreign_chain *f;

			if (t->owned || !c->foreign)
				continue;
			f = survey_add(ret);
			if (!f)
				return -ENOMEM;
			f->family = t->family;
			f->hook = c->hook;
			f->table = t->name;
			f->chain = c->name;
		}
	}
	return 0;
}

/* The saved ruleset is at fault, and not the policy. */
static int unreadable(struct plan *p)
{
	diag_help(&p->diags,
		  "--against takes what 'ctpolicy render', 'nft list ruleset' or iptables-save prints");
	return -FAULT_DATA;
}

static int diff_against(struct plan *p, const char *file)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	struct part *m;
	int r = policy_read_saved(file, &text, &len, &p->diags);

	if (r)
		return plan_file_fault(r);
	r = choose_for_text(p, text);
	if (r)
		return r;
	m = p->change.v;
	r = m->backend->parse(file, text, len, &m->live.image, &p->diags);
	if (r == -EINVAL)
		return unreadable(p);
	if (!r)
		r = survey_of(m->live.image, &m->live.survey);
	if (!r)
		r = plan_lower(p, m, &m->live.survey);
	return r ? r : changeset_diff(m->want, m->live.image, &m->changes);
}

static int diff_live(struct plan *p)
{
	int r = plan_choose_live(p);

	if (r)
		return r;
	if (p->why)
		report_talk("using %s: %s",
			    p->change.v[0].backend->name, p->why);
	return plan_compare(p);
}

static int run(const struct options *o)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	bool same;
	int r;

	if (o->against && !strcmp(o->against, "-") && !strcmp(o->args[0], "-")) {
		fputs("ctpolicy diff: standard input can be one of both only\n",
		      stderr);
		return EXIT_USAGE;
	}
	r = plan_load(&p, &o->request, o->args[0]);
	if (!r)
		r = plan_refuse_settings(&p);
	if (!r)
		r = o->against ? diff_against(&p, o->against) : diff_live(&p);
	if (r)
		return report_failure(&p, "diff", r);
	same = change_is_empty(&p.change);
	report(&p, "diff", same ? "unchanged" : "would_change", SHOW_PLANNED);
	return same ? EXIT_DONE : EXIT_DIFFERS;
}

const struct command cmd_diff = {
	.name = "diff",
	.summary = "show what apply would change, live or against a saved file",
	.takes = OPT_FAMILY | OPT_AGAINST,
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.help =
"Example:  ctpolicy diff policy.yaml\n"
"          ctpolicy diff policy.yaml --against saved-ruleset.nft\n"
"\n"
"Usage: ctpolicy diff [OPTION...] POLICY\n"
"\n"
"Prints each change in the backend's own syntax, with the service and the\n"
"line of the policy that asks for it: '+' would be added, '-' removed.\n"
"\n"
"  --against FILE       compare with this text instead of the kernel: what\n"
"                       render printed, or a dump of nft or iptables-save\n"
"  --family FAMILY      ipv4 or ipv6 only\n",
	.exits =
"Exit code: 0 no difference, 1 differs, 10 and up failures, of them 65: FILE is\n"
"no ruleset.\n",
};
