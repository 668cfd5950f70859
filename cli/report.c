/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "host/trace.h"

#define DIAGS_SHOWN 20

/* One command a process, and one way to show its results. */
static const struct options *how;

static bool wants_color(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (how->color != COLOR_AUTO)
		return how->color == COLOR_ALWAYS;
	if (no_color && *no_color)
		return false;
	return isatty(fd) && term && strcmp(term, "dumb");
}

void report_talk(const char *fmt, ...)
{
	va_list ap;

	if (how->quiet || how->json)
		return;
	va_start(ap, fmt);
	fputs("ctpolicy: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static void trace_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "trace: %s\n", line);
}

void report_begin(const struct options *o)
{
	how = o;
	if (o->trace)
		host_trace_to(trace_line, NULL);
}

/* --quiet leaves notes out; the copies borrow from p. */
static void print_diags(const struct plan *p)
{
	struct diag_source src = { p->file, p->text, p->len };
	struct diags shown = { .lost = p->diags.lost };
	_cleanup_free_ struct diag *v = malloc((p->diags.n + 1) * sizeof(*v));

	if (!v)
		return;
	shown.v = v;
	shown.errors = p->diags.errors;
	shown.warnings = p->diags.warnings;
	for (size_t i = 0; i < p->diags.n; i++)
		if (!how->quiet || p->diags.v[i].level != DIAG_NOTE)
			v[shown.n++] = p->diags.v[i];
	diags_print(&shown, &src, p->text ? 1 : 0, DIAGS_SHOWN,
		    wants_color(STDERR_FILENO), stderr);
}

static bool is_whole = true;

bool report_is_whole(void)
{
	return is_whole;
}

void report_lost(const char *result)
{
	fputs("ctpolicy: out of memory: the result is not shown whole\n",
	      stderr);
	is_whole = !strcmp(result, "changed");
}

/* False: there is no memory for the line. */
static bool print_step(const struct backend *b, const struct step *s,
		       bool color)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };
	const struct origin *o = step_origin(s);

	b->print_step(s, &line);
	if (strbuf_status(&line))
		return false;
	printf("%s%c %s", color ? s->add ? "\033[32m" : "\033[31m" : "",
	       s->add ? '+' : '-', strbuf_str(&line));
	if (o->service || o->at.line) {
		printf("  # %s", o->service ? o->service : "ctpolicy");
		if (o->at.line)
			printf(" %s:%u:%u", o->at.file, o->at.line, o->at.col);
	}
	puts(color ? "\033[0m" : "");
	return true;
}

static void print_settings(const struct plan *p, bool color)
{
	const struct ruleset *rs = p->rules;

	for (size_t i = 0; rs && i < rs->n_sysctls; i++)
		printf("%s! sysctl %s = %s%s  # not applied by this version\n",
		       color ? "\033[33m" : "", rs->sysctls[i].key,
		       rs->sysctls[i].value, color ? "\033[0m" : "");
	for (size_t i = 0; rs && i < rs->n_modules; i++)
		printf("%s! unload %s%s  # not applied by this version\n",
		       color ? "\033[33m" : "", rs->modules[i].value,
		       color ? "\033[0m" : "");
}

const struct changeset *report_steps(const struct part *m, enum shown shown)
{
	return shown == SHOW_PLANNED ? m->changes :
	       shown == SHOW_MADE ? m->made : NULL;
}

static void print_steps(const struct plan *p, const struct part *m,
			const struct changeset *cs, const char *result)
{
	bool color = wants_color(STDOUT_FILENO);
	bool whole = true;
	size_t added = 0;

	for (size_t i = 0; i < cs->n; i++) {
		added += cs->steps[i].add;
		whole &= print_step(m->backend, &cs->steps[i], color);
	}
	if (!whole)
		report_lost(result);
	print_settings(p, color);
	if (!how->quiet)
		printf("%s: %s, %zu to add, %zu to remove\n",
		       m->backend->name, cs->n ? result : "unchanged", added,
		       cs->n - added);
}

void report(const struct plan *p, const char *command, const char *result,
	    enum shown shown)
{
	if (how->json) {
		report_json(p, command, result, shown);
		return;
	}
	print_diags(p);
	for (size_t i = 0; i < p->change.n; i++) {
		const struct part *m = &p->change.v[i];
		const struct changeset *cs = report_steps(m, shown);

		if (cs)
			print_steps(p, m, cs, result);
	}
}

static const struct {
	int err;
	enum exit_code code;
	const char *result;
} failures[] = {
	{ EINVAL, EXIT_POLICY, "invalid" },
	{ ENOENT, EXIT_NO_INPUT, "failed" },
	{ ENOTDIR, EXIT_NO_INPUT, "failed" },
	{ EACCES, EXIT_NO_INPUT, "failed" },
	{ EISDIR, EXIT_NO_INPUT, "failed" },
	{ EPERM, EXIT_NO_PERMISSION, "failed" },
	{ EBUSY, EXIT_BUSY, "failed" },
	{ EAGAIN, EXIT_STALE, "refused" },
	{ EADDRINUSE, EXIT_REFUSED, "refused" },
	{ EOPNOTSUPP, EXIT_LACKING, "failed" },
	{ E2BIG, EXIT_LACKING, "refused" },
	{ ENOEXEC, EXIT_USAGE, "failed" },
	{ ENOTRECOVERABLE, EXIT_NOT_RESTORED, "failed" },
};

int exit_code_of(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (failures[i].err == -err)
			return (int)failures[i].code;
	return EXIT_IO;
}

const char *report_failure_result(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (failures[i].err == -err)
			return failures[i].result;
	return "failed";
}

int report_failure(const struct plan *p, const char *command, int err)
{
	report(p, command, report_failure_result(err), SHOW_NOTHING);
	if (!how->json && !p->diags.errors)
		fprintf(stderr, "ctpolicy: %s: %s\n", command, strerror(-err));
	return exit_code_of(err);
}

static const struct {
	const char *result;
	enum exit_code code;
} outcomes[] = {
	[OUTCOME_UNCHANGED] = { "unchanged", EXIT_DONE },
	[OUTCOME_CHANGED] = { "changed", EXIT_DONE },
	[OUTCOME_STALE] = { "refused", EXIT_STALE },
	[OUTCOME_REFUSED] = { "refused", EXIT_IO },
	[OUTCOME_NOT_RECORDED] = { "rolled_back", EXIT_IO },
	[OUTCOME_RESTORED] = { "rolled_back", EXIT_RESTORED },
	[OUTCOME_NOT_RESTORED] = { "failed", EXIT_NOT_RESTORED },
};
_Static_assert(ARRAY_SIZE(outcomes) == OUTCOME_MAX_, "an outcome has no row");

int transaction_exit_code(const struct transaction *t, bool detailed)
{
	if (t->outcome == OUTCOME_REFUSED)
		return exit_code_of(t->err);
	if (t->outcome == OUTCOME_CHANGED && detailed)
		return EXIT_CHANGED;
	return (int)outcomes[t->outcome].code;
}

const char *transaction_result(const struct transaction *t)
{
	return outcomes[t->outcome].result;
}

void report_tracking(const struct transaction *t)
{
	size_t dropped = t->tracking.evicted, added = t->tracking.adopted.n;

	if (dropped)
		report_talk("dropped %zu old conntrack %s of these services",
			    dropped, dropped == 1 ? "entry" : "entries");
	if (added)
		report_talk("added conntrack entries for %zu open %s", added,
			    added == 1 ? "connection" : "connections");
}
