/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/cmd_report.c: one page about this host, or a saved ruleset. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/output/json_text.h"
#include "cli/output/output_file.h"
#include "cli/output/output_overlap.h"
#include "cli/output/report.h"
#include "cli/report/page.h"
#include "core/fault.h"
#include "core/mem.h"
#include "host/privilege.h"
#include "state/json_memory.h"

static bool is_stdio(const char *name)
{
	return name && !strcmp(name, "-");
}

/* The page would take the place of what it was made of. */
static const char *output_misuse(const struct options *o)
{
	if (output_is_option(o->output))
		return "-o takes a file, and this looks like an option: write ./ before such a name";
	if (o->file && output_overlaps(o->output, o->file))
		return "the output is the ruleset that --file reads: name another file";
	if (o->n_args && output_overlaps(o->output, o->args[0]))
		return "the output is the policy, or a part of it: name another file";
	if (output_overlaps_default(o->output))
		return "the output is the default policy, or a part of it: name another file";
	return NULL;
}

static const char *misuse(const struct options *o)
{
	if (!o->output || !*o->output)
		return "a file to write is missing: -o FILE";
	if (o->json && output_to_stdout(o->output))
		return "--json has its own output: give -o a file";
	/* With a policy the file is read twice. */
	if (is_stdio(o->file) && o->n_args)
		return "with a POLICY, --file takes a file that can be read twice, not '-'";
	return output_misuse(o);
}

/* Not with root's power to write everywhere. */
static int write_page(const struct options *o, const struct strbuf *text,
		      struct diags *d)
{
	if (privilege_drop(PRIVILEGE_RULES))
		return diag_add(d, DIAG_ERROR, -EPERM, ID_CAPS_KEPT, NOPOS,
				"capabilities that are not needed cannot be given up");
	return output_write_kept(text, o->output, d);
}

static int make_page(const struct options *o, struct page *p)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	(o->svg ? page_print_svg : page_print)(p, &text);
	return write_page(o, &text, &p->diags);
}

/* Of a page that was not made: what stood in its way, from whoever said it. */
static const struct diags *blame(const struct page *p)
{
	return p->diags.errors ? &p->diags :
	       p->status.diags.errors ? &p->status.diags :
	       p->plan.diags.errors ? &p->plan.diags : &p->advice.diags;
}

static int print_json(const struct options *o, const struct diags *said,
		      int err)
{
	json_t *list = json_array(), *all;
	int lost;

	json_memory_watch();
	json_add_diags(list, said);
	all = json_pack("{s:i, s:s, s:s, s:o, s:o}", "schema", 1, "command",
			"report", "result",
			err ? report_failure_result(err) : "written", "output",
			json_of_text(o->output), "diagnostics", list);
	lost = !all || json_print(all);
	json_decref(all);
	return lost || json_memory_lost() ? -ENOMEM : 0;
}

static int tell(const struct options *o, const struct page *p, int err)
{
	const struct diags none = { 0 }, *said = err ? blame(p) : &none;
	const struct diag_source policy = { p->plan.file, p->plan.text,
					    p->plan.len };

	if (o->json)
		return print_json(o, said, err);
	diags_print(said, &policy, p->plan.text ? 1 : 0, 20, false, stderr);
	if (err && !said->errors)
		fprintf(stderr, "ctpolicy report: %s\n", fault_text(err));
	else if (!err)
		report_talk("wrote %s", output_to_stdout(o->output) ?
			    "the page to standard output" : o->output);
	return 0;
}

static int refuse(const char *why)
{
	fprintf(stderr, "ctpolicy report: %s; see 'ctpolicy report --help'\n",
		why);
	return EXIT_USAGE;
}

static int run(const struct options *o)
{
	_cleanup_(page_release) struct page p = { 0 };
	const char *wrong = misuse(o);
	int err;

	if (wrong)
		return refuse(wrong);
	err = page_gather(o, &p);
	/* Which one was applied is known only now. */
	if (!err && p.policy == PAGE_APPLIED &&
	    output_overlaps(o->output, p.plan.file))
		return refuse("the output is the policy that was applied last: name another file");
	if (!err)
		err = make_page(o, &p);
	if (tell(o, &p, err) && !err)
		err = -ENOMEM;
	return err ? exit_code_of(err) : EXIT_DONE;
}

const struct command cmd_report = {
	.name = "report",
	.summary = "write one HTML page about this host, or a saved ruleset",
	.min_args = 0,
	.max_args = 1,
	.args = ARGS_POLICY,
	.takes = OPT_REPORT | OPT_FILE,
	.run = run,
	.help =
"Example:  ctpolicy report -o report.html\n"
"          ctpolicy report -o report.html policy.yaml --file rules.nft\n"
"          ctpolicy report --svg -o path.svg policy.yaml --file rules.nft\n"
"\n"
"Usage: ctpolicy report -o FILE [OPTION...] [POLICY]\n"
"\n"
"Writes a page that needs nothing beside it: where packets go, what to do next,\n"
"each service and whether it is untracked, what fills the connection table, what\n"
"keeps tracking on, and what differs from POLICY, or from the policy that was\n"
"applied last. What was not asked is said to be unknown. For this host it needs\n"
"CAP_NET_ADMIN, lists the table once, loads no kernel module and changes\n"
"nothing; for a saved ruleset (--file) it needs no privilege.\n",
	.exits =
"Exit code: 0 written, whatever it says; 78 policy invalid, 65 not a ruleset, 66\n"
"no such file, 69 the kernel or this build cannot do it, 74 FILE cannot be\n"
"written, 77 no permission, 64 bad command line.\n",
};
