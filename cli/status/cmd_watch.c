/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/cmd_watch.c: keep what was applied, say who removed it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/output/json_text.h"
#include "cli/output/output_file.h"
#include "cli/output/output_overlap.h"
#include "cli/output/report.h"
#include "cli/status/metrics.h"
#include "core/mem.h"
#include "engine/watch.h"
#include "state/json_memory.h"

static void print_one(const char *before, const struct rule_event *e)
{
	fputs(before, stdout);
	diag_puts(e->name, stdout);
	printf(" (process %" PRIu32 ", generation %" PRIu32 ")", e->pid,
	       e->generation);
}

/* Which of several removed the rules is not told. */
static void print_writer(const struct watch_look *look)
{
	const struct rule_event *e = look->writer, *last = look->last_writer;

	if (!e)
		return;
	print_one("; nftables rules were written by ", e);
	if (last->pid != e->pid || strcmp(last->name, e->name) != 0)
		print_one(" and then, last of all, by ", last);
}

static void print_steps(const struct watch_look *look)
{
	printf("%zu %s", look->steps, look->steps == 1 ? "change" : "changes");
}

/* Is there more to say than what the line says? */
static bool has_more(const struct watch_look *look)
{
	return look->plan.diags.errors || look->plan.change.tune.gave_up ||
	       look->done.given_up || look->first_replaced || look->left ||
	       look->blind;
}

static void print_sight(const struct watch_look *look)
{
	switch (look->sight) {
	case WATCH_NOTHING:
		fputs("nothing to watch: no policy is applied", stdout);
		break;
	case WATCH_PAST:
		printf("nothing to watch: change %" PRIu32 " was made before the machine was booted; run 'ctpolicy apply POLICY'",
		       look->change);
		break;
	case WATCH_TRIAL:
		fputs("not watching while a change is on trial or unfinished",
		      stdout);
		break;
	case WATCH_IN_FORCE:
		printf("change %" PRIu32 " is in force", look->change);
		break;
	case WATCH_REPAIRED:
		fputs("change ", stdout);
		printf("%" PRIu32 " was no longer in force", look->change);
		print_writer(look);
		fputs("; put back with ", stdout);
		print_steps(look);
		fputs(", verified", stdout);
		if (look->done.given_up)
			printf("; %zu could not be made: see above",
			       look->done.given_up);
		break;
	case WATCH_WAITS:
		printf("change %" PRIu32 " is not in force (", look->change);
		print_steps(look);
		fputs(")", stdout);
		print_writer(look);
		printf("; %s; the next attempt is in %u s",
		       look->failing ? "it could not be put back" :
				       "it was put back three times in a row",
		       look->seconds);
		break;
	case WATCH_UNKNOWN:
		printf("cannot tell whether the last change is in force: %s",
		       look->plan.diags.errors ? "see above" :
						 fault_text(look->err));
		break;
	case WATCH_FAILED:
	case WATCH_MAX_:
	default:
		printf("change %" PRIu32 " is not in force", look->change);
		print_writer(look);
		printf("; it could not be put back: %s",
		       has_more(look) ? "see above" :
					fault_text(look->err));
	}
	putchar('\n');
}

static void print_text(const struct watch_look *look, const struct options *o)
{
	const struct diags *d = &look->plan.diags;

	if (look->err || has_more(look))
		diags_print(d, NULL, 0, 0, false, stderr);
	if (!o->quiet || look->sight > WATCH_IN_FORCE)
		print_sight(look);
}

static json_t *writer_object(const struct rule_event *e)
{
	return e ? json_pack("{s:I, s:I, s:o}", "generation",
			     (json_int_t)e->generation, "pid",
			     (json_int_t)e->pid, "name",
			     json_of_text(e->name)) :
		   json_null();
}

/* A document a line, so that a reader knows where one ends. */
static void print_json(const struct watch_look *look)
{
	json_t *diags = json_array(), *o;

	json_memory_watch();
	json_add_diags(diags, &look->plan.diags);
	o = json_pack("{s:i, s:s, s:s, s:I, s:I, s:o, s:o, s:I, s:I, s:o}",
		      "schema", 1,
		      "command", "watch", "event",
		      watch_sight_name(look->sight), "change",
		      (json_int_t)look->change, "steps",
		      (json_int_t)look->steps, "writer",
		      writer_object(look->writer), "last_writer",
		      writer_object(look->last_writer), "wait_seconds",
		      (json_int_t)look->seconds, "failures",
		      (json_int_t)look->failures, "diagnostics", diags);
	if (!o || json_memory_lost() || json_dumpf(o, stdout, JSON_COMPACT))
		fputs("ctpolicy watch: out of memory\n", stderr);
	else
		putchar('\n');
	json_decref(o);
}

/* What was told so far. */
struct tally {
	const struct options *o;
	uint64_t repairs, last_repair;
};

static void put_metrics(const struct watch_look *look, const struct tally *t,
			struct strbuf *out)
{
	bool known = look->sight >= WATCH_IN_FORCE;

	if (known)
		metric_number(out, "ctpolicy_watch_in_force", "gauge",
			      look->sight <= WATCH_REPAIRED,
			      "Whether what was applied last was in force at the last look, or put back then.");
	metric_number(out, "ctpolicy_watch_repairs_total", "counter",
		      t->repairs,
		      "How often ctpolicy's rules were put back since the watcher began.");
	metric_number(out, "ctpolicy_watch_failures_total", "counter",
		      look->failures,
		      "How often they could not be put back, or not be looked at.");
	metric_number(out, "ctpolicy_watch_wait_seconds", "gauge",
		      look->sight == WATCH_WAITS ? look->seconds : 0,
		      "How long the next attempt to put them back waits, after several in a row.");
	if (t->last_repair)
		metric_number(out,
			      "ctpolicy_watch_last_repair_timestamp_seconds",
			      "gauge", t->last_repair,
			      "When ctpolicy's rules were put back last.");
}

static void count(const struct watch_look *look, struct tally *t)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	_cleanup_(diags_release) struct diags said = { 0 };

	if (look->sight == WATCH_REPAIRED) {
		t->repairs++;
		t->last_repair = (uint64_t)time(NULL);
	}
	if (!t->o->prometheus)
		return;
	put_metrics(look, t, &text);
	(void)output_write(&text, t->o->prometheus, &said);
	diags_print(&said, NULL, 0, 0, false, stderr);
}

static void say(const struct watch_look *look, void *arg)
{
	struct tally *t = arg;

	if (t->o->json)
		print_json(look);
	else
		print_text(look, t->o);
	fflush(stdout);
	count(look, t);
}

static int run(const struct options *o)
{
	struct request rq = o->request;
	struct tally t = { .o = o };
	int err;

	if (o->prometheus && (output_to_stdout(o->prometheus) ||
			      output_is_option(o->prometheus))) {
		fputs("ctpolicy watch: --prometheus takes a file: what happens is reported on standard output\n",
		      stderr);
		return EXIT_USAGE;
	}
	err = o->once ? watch_once(&rq, say, &t) : watch_run(&rq, say, &t);
	return err ? exit_code_of(err) : EXIT_DONE;
}

const struct command cmd_watch = {
	.name = "watch",
	.summary = "put rules back when somebody else's reload removed them",
	.takes = OPT_ONCE,
	.min_args = 0,
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy watch\n"
"\n"
"Usage: ctpolicy watch [OPTION...]\n"
"\n"
"Runs until it is told to end (SIGTERM), and keeps the change that was made last\n"
"in force: when another program's reload removed ctpolicy's rules, or moved what\n"
"they stand among, the same policy is applied again, checked and verified as by\n"
"apply, and a line says who wrote. Nothing is put back while a change is on\n"
"trial, after 'ctpolicy remove', or of what was applied before the machine was\n"
"booted. After three repairs in a minute, or three that failed, the next one\n"
"waits. SIGHUP: look now. ctpolicy-watch.service runs it.\n",
	.exits =
"Exit code: 0 told to end, or with --once: in force, or there is nothing to put\n"
"back; 10, 11, 13, 14 as apply; 77 no permission, 64 bad command line.\n",
};
