/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy/cmd_check.c: is this policy right? */
#include <string.h>

#include "cli/output/report.h"
#include "core/mem.h"
#include "engine/kernel_check.h"
#include "engine/mend.h"
#include "policies/policy_fix.h"

#define POLICIES_MAX 64

/* What came of one policy. */
struct checked {
	struct plan plan;
	struct policy_fixes fixes;
	int err, code;
};

/* What would mend its mistakes; people have --fix. */
static int propose(struct checked *c, const struct options *o)
{
	struct plan *p = &c->plan;
	int err;

	if ((!o->json && !o->format) || o->fix || !p->text || !p->diags.errors)
		return 0;
	err = policy_fix_propose(p->file, p->text, p->len, &c->fixes);
	if (c->fixes.cut)
		diag_add(&p->diags, DIAG_NOTE, 0, ID_TOO_MANY_ERRORS,
			 (struct srcpos){ .file = p->file },
			 "not every fix is proposed: there are too many errors, or the policy is too long");
	return err;
}

static const char *check_one(struct checked *c, const struct options *o,
			     const char *file)
{
	_cleanup_(diags_release) struct diags fixes = { 0 };
	struct plan *p = &c->plan;
	int unwritten = o->fix ? mend_file(file, o->request.private_kernel,
					 &fixes) : 0;
	int err = plan_load(p, &o->request, file);

	if (!err && file)
		err = plan_file_fault(policy_check_place(file, &p->diags));
	diags_append(&p->diags, &fixes);
	if (unwritten)
		err = unwritten;
	if (!err && o->request.private_kernel)
		err = kernel_check(p);
	if (!err)
		plan_note_translation(p);
	if (propose(c, o))
		p->diags.lost = true;
	c->err = err;
	c->code = err ? exit_code_of(err) : EXIT_DONE;
	return err ? report_failure_result(err) : "valid";
}

static void say(const struct checked *c, const char *file)
{
	size_t n = c->plan.policy ? policy_services(c->plan.policy) : 0;

	if (c->err)
		report_unexplained(&c->plan, file, c->err);
	else
		report_talk("%s: valid: %zu %s%s",
			    strcmp(file, "-") ? file : "standard input", n,
			    n == 1 ? "service" : "services",
			    c->plan.rq->private_kernel ? ", loaded into a private kernel namespace and verified" : "");
}

static bool names_no_files(const struct options *o)
{
	bool none = !o->n_args;

	for (size_t i = 0; i < o->n_args; i++)
		none |= !strcmp(o->args[i], "-");
	return o->fix && none;
}

static int run(const struct options *o)
{
	struct checked v[POLICIES_MAX] = { 0 };
	struct result_end ends[POLICIES_MAX];
	/* without a name, the default */
	size_t n = o->n_args ? o->n_args : 1;
	struct result all = {
		.command = "check", .v = ends, .n = n,
		.lists_policies = true,
	};
	int code;

	if (names_no_files(o)) {
		fputs("ctpolicy check: --fix needs the names of the files to fix\n",
		      stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < n; i++) {
		ends[i].word = check_one(&v[i], o, o->args[i]);
		ends[i].plan = &v[i].plan;
		ends[i].shown = SHOW_NOTHING;
		ends[i].fixes = &v[i].fixes;
		if (v[i].code > v[all.speaker].code)
			all.speaker = i;
	}
	report_result(&all);
	code = v[all.speaker].code;
	for (size_t i = 0; i < n; i++) {
		say(&v[i], v[i].plan.file);
		plan_release(&v[i].plan);
		policy_fixes_release(&v[i].fixes);
	}
	return code;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "report every mistake in a policy (root not needed)",
	.takes = OPT_FAMILY | OPT_KERNEL | OPT_FIX | OPT_FORMAT,
	.min_args = 0,
	.max_args = POLICIES_MAX,
	.args = ARGS_POLICY,
	.run = run,
	.help =
"Example:  ctpolicy check --kernel policy.yaml\n"
"\n"
"Usage: ctpolicy check [OPTION...] [POLICY...]\n"
"\n"
"Parses and checks each policy ('-': standard input) and reports every error.\n",
	.exits =
"Exit code: 0 valid, 78 invalid, 66 no such file, 74 not readable, 69 the\n"
"kernel or this version lacks a feature, 64 bad command line.\n",
};
