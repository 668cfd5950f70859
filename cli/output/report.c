/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/report.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/change/result_findings.h"
#include "cli/output/fold.h"
#include "core/fault.h"
#include "core/mem.h"
#include "host/trace.h"

/* One command a process, and one way to show its results. */
static const struct options *how;
static bool is_whole = true, made;
static int unwritten;		/* errno of the first write that failed */

static int show_findings(const struct result *r, const struct display *d)
{
	_cleanup_(findings_release) struct findings f = { 0 };

	(void)d;
	result_findings(r, &f);
	return ci_format_print(how->format, &f);
}

static const struct format format_ci = {
	.name = "ci",
	.show = show_findings,
};

static const struct format *format(void)
{
	return how->json ? &format_json :
	       how->format ? &format_ci : &format_text;
}

static bool wants_color(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (how->color != COLOR_AUTO)
		return how->color == COLOR_ALWAYS;
	if (no_color && *no_color)
		return false;
	return isatty(fd) && term && strcmp(term, "dumb");
}

static void flush_output(void)
{
	if (fflush(stdout) && !unwritten)
		unwritten = errno;
}

void report_talk(const char *fmt, ...)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };
	va_list ap;

	if (how->quiet || !format()->talks)
		return;
	va_start(ap, fmt);
	strbuf_vprintf(&line, fmt, ap);
	va_end(ap);
	/* Where both go to one pipe, in the order in which they were said. */
	flush_output();
	fputs("ctpolicy: ", stderr);
	diag_puts(strbuf_status(&line) ? "out of memory" : strbuf_str(&line),
		  stderr);
	fputc('\n', stderr);
}

static void trace_line(void *arg, const char *line)
{
	(void)arg;
	fputs("trace: ", stderr);
	diag_puts(line, stderr);
	fputc('\n', stderr);
}

void report_begin(const struct options *o)
{
	how = o;
	if (o->trace)
		host_trace_to(trace_line, NULL);
}

void report_result(const struct result *r)
{
	const struct display display = {
		.quiet = how->quiet, .verbose = how->verbose,
		.rules = how->rules || how->verbose,
		.width = fold_width(STDOUT_FILENO),
		.against = how->against,
		.color_out = wants_color(STDOUT_FILENO),
		.color_err = wants_color(STDERR_FILENO),
	};

	made |= result_changed(r);
	if (!format()->show(r, &display))
		return;
	fputs("ctpolicy: out of memory: the result is not shown whole\n",
	      stderr);
	is_whole = false;
}

void report(const struct plan *p, const char *command, const char *word,
	    enum shown shown)
{
	const struct result_end end = {
		.plan = p, .word = word, .shown = shown,
	};
	const struct result r = { .command = command, .v = &end, .n = 1 };

	report_result(&r);
}

int report_conclude(int code)
{
	bool fails = code < EXIT_RESTORED && !made;

	flush_output();
	if (unwritten || ferror(stdout)) {
		fprintf(stderr, "ctpolicy: cannot write the output: %s%s\n",
			strerror(unwritten ? unwritten : errno),
			made ? "; what was applied is in force" : "");
		is_whole = false;
	}
	return fails && !is_whole ? EXIT_IO : code;
}

#define ROW(f) [FAULT_##f - FAULT_FIRST]

static const struct {
	enum exit_code code;
	const char *result;
} failures[] = {
	ROW(MEMORY) = { EXIT_IO, "failed" },
	ROW(INPUT) = { EXIT_NO_INPUT, "failed" },
	ROW(POLICY) = { EXIT_POLICY, "invalid" },
	ROW(DATA) = { EXIT_DATA, "failed" },
	ROW(USAGE) = { EXIT_USAGE, "failed" },
	ROW(PERMISSION) = { EXIT_NO_PERMISSION, "failed" },
	ROW(BUSY) = { EXIT_BUSY, "failed" },
	ROW(STALE) = { EXIT_STALE, "refused" },
	ROW(CONFLICT) = { EXIT_REFUSED, "refused" },
	ROW(LACKING) = { EXIT_LACKING, "failed" },
	ROW(IO) = { EXIT_IO, "failed" },
	ROW(LOST) = { EXIT_RESTORED, "rolled_back" },
	ROW(HALF) = { EXIT_NOT_RESTORED, "failed" },
};
_Static_assert(ARRAY_SIZE(failures) == FAULT_MAX_ - FAULT_FIRST,
	       "a fault has no row");

int exit_code_of(int err)
{
	return (int)failures[fault_of(err) - FAULT_FIRST].code;
}

const char *report_failure_result(int err)
{
	return failures[fault_of(err) - FAULT_FIRST].result;
}

static void say_fault(const char *what, int err)
{
	if (!format()->talks)
		return;
	fputs("ctpolicy: ", stderr);
	diag_puts(what, stderr);
	fprintf(stderr, ": %s\n", fault_text(err));
}

void report_unexplained(const struct plan *p, const char *what, int err)
{
	if (!p->diags.errors)
		say_fault(what, err);
}

int report_failure(const struct plan *p, const char *command, int err)
{
	report(p, command, report_failure_result(err), SHOW_NOTHING);
	report_unexplained(p, command, err);
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

int report_transaction(const struct plan *p, const char *command,
		       const struct transaction *t, bool detailed)
{
	/* That it was not undone is no reason of why it failed. */
	bool half = t->outcome == OUTCOME_NOT_RESTORED;

	if (t->err && !transaction_succeeded(t) && p->diags.errors <= half)
		say_fault(command, t->err);
	return transaction_exit_code(t, detailed);
}

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
	if (t->tracking.timers)
		report_talk("existing entries keep their timeouts; those of tracked services apply to new connections");
	if (added)
		report_talk("added conntrack entries for %zu open %s", added,
			    added == 1 ? "connection" : "connections");
}
