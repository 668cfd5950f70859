/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/status_text.c: how a host stands, for people; not stable. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/audit/audit_report.h"
#include "cli/output/command_text.h"
#include "cli/status/status_report.h"
#include "core/mem.h"
#include "engine/unsettled.h"

#define BAR 20
#define RULE_SHOWN 60	/* bytes of a rule that its line has room for */
#define PER_CENT 100

void status_heading(const char *word)
{
	printf("%-11s", word);
}

static void print_keeper(const struct foreign *f, const struct foreign_rule *r)
{
	const struct foreign_table *t =
		&f->tables[f->chains[r->chain].table];

	if (t->world == WORLD_LEGACY)
		fputs("legacy ", stdout);
	printf("%s ", foreign_family_name(t->family));
	diag_puts(t->name, stdout);
	putchar(' ');
	diag_puts(audit_chain_name(f, r), stdout);
	fputs(": ", stdout);
	audit_print_rule(&r->raw, RULE_SHOWN);
}

static void print_family(const struct status *s, const char *name,
			 const struct keepers_family *k)
{
	printf("%s ", name);
	if (!k->rules) {
		puts(s->keepers.objects ? "on, kept by declared objects" :
					  "off");
		return;
	}
	fputs("on, kept by ", stdout);
	print_keeper(s->f, &s->f->rules[k->first]);
	if (k->rules > 1)
		printf(" (and %zu more)", k->rules - 1);
	putchar('\n');
}

static void print_tracking(const struct status *s)
{
	status_heading("tracking");
	if (s->module == MODULES_ABSENT) {
		puts("off, nf_conntrack is not loaded");
		return;
	}
	print_family(s, "IPv4", &s->keepers.ipv4);
	status_heading("");
	print_family(s, "IPv6", &s->keepers.ipv6);
}

static void print_bar(double fill)
{
	int full = fill >= 1 ? BAR : (int)(fill * BAR + .5);

	fputs("  [", stdout);
	for (int i = 0; i < BAR; i++)
		putchar(i < full ? '#' : '-');
	printf("] %.0f %%", fill * PER_CENT);
}

const enum ct_counter status_losses[] = {
	CT_DROP, CT_EARLY_DROP, CT_INSERT_FAILED, CT_CHAIN_TOO_LONG,
};
const size_t status_n_losses = ARRAY_SIZE(status_losses);

static void print_losses(const struct ct_table *t)
{
	printf("%" PRIu64 " for want of room, %" PRIu64
	      " entries removed early to make room, %" PRIu64 " inserts failed",
	       t->counter[CT_DROP], t->counter[CT_EARLY_DROP],
	       t->counter[CT_INSERT_FAILED]);
	if (t->known >> CT_CHAIN_TOO_LONG & 1)
		printf(", %" PRIu64 " chains too long",
		       t->counter[CT_CHAIN_TOO_LONG]);
	putchar('\n');
}

uint64_t status_grown(const struct status_report *r, enum ct_counter c)
{
	uint64_t now = r->s->table.counter[c], before = r->before->counter[c];

	return now < before ? now : now - before;
}

/* Since the screen before. */
static void print_lately(const struct status_report *r)
{
	struct ct_table t = r->s->table;

	if (!r->before || !r->s->has_table)
		return;
	for (size_t i = 0; i < status_n_losses; i++)
		t.counter[status_losses[i]] =
			status_grown(r, status_losses[i]);
	status_heading("");
	printf("in the last %.1f s: ", r->seconds);
	print_losses(&t);
}

static void print_table(const struct status *s)
{
	const struct ct_table *t = &s->table;

	if (!s->has_table)
		return;
	status_heading("entries");
	printf("%" PRIu64 " of ", t->count);
	if (t->max) {
		printf("%" PRIu64, t->max);
		print_bar(status_fill(t));
	} else {
		fputs("any number", stdout);
	}
	if (t->buckets)
		printf("  %" PRIu64 " buckets", t->buckets);
	putchar('\n');
	status_heading("drops");
	fputs("since boot: ", stdout);
	print_losses(t);
}

/* Of entries that nobody answers, and of those that are kept when it fills. */
static void print_kinds(const struct top *t)
{
	const struct ranking *r = &t->ranking;

	if (!r->entries)
		return;
	status_heading("kinds");
	printf("%.0f %% unreplied, %.0f %% assured",
	       PER_CENT * status_share(t, r->one_way),
	       PER_CENT * status_share(t, r->assured));
	if (!t->complete)
		printf(" (of %" PRIu64 " entries, a random sample)",
		       r->entries);
	putchar('\n');
}

static void print_time(int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[32];

	if (localtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		fputs(text, stdout);
}

static void print_word(const char *before, const char *word)
{
	if (!word)
		return;
	fputs(before, stdout);
	diag_puts(word, stdout);
}

/* ", by alice via sudo on pts/0", ", by root in ctpolicy.service" */
static void print_author(const struct record *r)
{
	print_word(r->user ? ", by " : "", r->user);
	print_word(" via ", r->via);
	print_word(" on ", r->tty);
	print_word(" in ", r->unit);
}

/* The policy that is in force. */
static void print_policy(const struct status *s)
{
	static const char *const what[] = {
		[FILE_UNKNOWN] = NULL,
		[FILE_SAME] = NULL,
		[FILE_CHANGED] = "was changed since; 'ctpolicy diff' shows what applying it would do",
		[FILE_GONE] = "is gone; what was applied is still on record",
	};
	const struct record *r = &s->history[0];

	if (!s->n_history || !r->policy)
		return;
	status_heading("policy");
	diag_puts(r->policy, stdout);
	fputs(", applied ", stdout);
	print_time(r->time);
	print_author(r);
	printf(" (change %u)\n", r->id);
	if (!what[s->file])
		return;
	status_heading("");
	puts(what[s->file]);
}

/* "change 4, apply of policy.yaml, 2026-11-27 02:40:17, by root" */
static void print_change(const struct record *r)
{
	printf("change %u, ", r->id);
	diag_puts(r->command, stdout);
	if (r->policy) {
		fputs(" of ", stdout);
		diag_puts(r->policy, stdout);
	}
	fputs(", ", stdout);
	print_time(r->time);
	print_author(r);
	putchar('\n');
}

/* A line of its own: it is to be copied. */
static int print_command(const char *what, const char *verb,
			 const struct request *rq, const char *file)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	command_begin(verb, rq, &b);
	if (file)
		command_put_file(file, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	status_heading("");
	fputs(what, stdout);
	diag_puts(strbuf_str(&b), stdout);
	putchar('\n');
	return 0;
}

/* Was it asked for as it is by who types the file's name alone? */
static bool is_plain(const struct record *r)
{
	return !r->force && !r->family;
}

/* The next command: of the file, or, where that is another, of the record. */
static int print_cure(const struct status_report *r)
{
	const struct record *last = &r->s->history[0];
	bool typed = r->s->file == FILE_SAME && is_plain(last);
	int err;

	if (!last->policy || (!typed && r->s->drift == DRIFT_PAST)) {
		status_heading("");
		puts("'ctpolicy diff' with the policy shows it");
		return 0;
	}
	if (!typed)
		return print_command("to repair: ", "watch --once", r->rq, NULL);
	err = print_command("to see:    ", "diff", r->rq, last->policy);
	return err ? err : print_command("to repair: ", "apply", r->rq,
					 last->policy);
}

/* Of what was applied, by a policy or not. */
static int print_drift(const struct status_report *r)
{
	const struct status *s = r->s;

	status_heading("drift");
	if (s->drift == DRIFT_NOTHING) {
		puts("nothing was applied");
		return 0;
	}
	if (s->drift == DRIFT_NONE) {
		puts("none");
		return 0;
	}
	if (s->drift == DRIFT_UNKNOWN) {
		puts("not known: some of ctpolicy's rules cannot be read");
		return 0;
	}
	if (s->drift == DRIFT_PAST)
		puts("ctpolicy's rules ended with the machine's last boot");
	else if (s->rules && s->counted)
		printf("%zu %s between ctpolicy's rules and the policy\n",
		       s->rules, s->rules == 1 ? "difference" : "differences");
	else if (s->rules)
		puts("ctpolicy's rules are not those that were applied");
	else
		puts("modules or files are not as they were left");
	return print_cure(r);
}

static void print_open_ends(const struct status *s)
{
	if (s->unfinished.command) {
		status_heading("unfinished");
		print_change(&s->unfinished);
		status_heading("");
		puts("'ctpolicy recover' completes or undoes it");
	}
	if (!s->waiting.there)
		return;
	status_heading("on trial");
	printf("change %u, ", s->waiting.pending.id);
	if (s->waiting.expired)
		puts("not confirmed in time: 'ctpolicy recover' rolls it back");
	else
		printf("%" PRIu64 " s left: 'ctpolicy confirm' or 'ctpolicy rollback'\n",
		       trial_seconds_left(&s->waiting));
}

static void print_history(const struct status *s)
{
	for (size_t i = 0; i < s->n_history; i++) {
		status_heading(i ? "" : "history");
		print_change(&s->history[i]);
	}
}

static void print_attention(uint32_t bits)
{
	for (unsigned int c = 0; c < CONCERN_MAX_; c++)
		if (bits >> c & 1) {
			status_heading("attention");
			puts(concern_words((enum concern)c));
		}
}

int status_print_text(const struct status_report *r)
{
	const struct diag_source none = { 0 };
	int err = 0;

	if (r->clears) {
		fputs("\033[H\033[2J", stdout);
		fflush(stdout);
	}
	diags_print(&r->s->diags, &none, 0, 20, false, stderr);
	if (r->failed)
		return 0;
	if (r->before && !r->clears)
		putchar('\n');
	if (!r->quiet) {
		print_tracking(r->s);
		print_table(r->s);
		print_lately(r);
		print_kinds(r->top);
		print_policy(r->s);
		status_print_services(r->s);
		err = print_drift(r);
		print_open_ends(r->s);
		print_history(r->s);
	}
	print_attention(r->attention);
	return err || !r->rows ? err : status_print_top(r);
}
