/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/boot_timers.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backends/xtables/ipt_args.h"
#include "core/lines.h"
#include "core/mem.h"
#include "host/boot_files.h"
#include "host/cttimeout.h"
#include "host/swap.h"
#include "rules/own_names.h"

#define APPEND "-A "

/* What a rule needs to be there: ctpolicy's, or of anybody's. */
static const struct need {
	const char *flag, *of, *option, *what;
	bool of_all;
} needs[] = {
	{ "-j", "CT", "--timeout", "timeouts", true },
	{ "-m", "set", "--match-set", "a set", false },
};

/* Behind a flag and what it is of, what the option says; NULL: nothing. */
static const char *name_in(const struct ipt_args *a, const struct need *x)
{
	const char *name = NULL;
	bool of = false;

	for (size_t i = 0; i + 1 < a->n; i++) {
		of |= !strcmp(a->v[i], x->flag) && !strcmp(a->v[i + 1], x->of);
		if (of && !name && !strcmp(a->v[i], x->option))
			name = a->v[i + 1];
	}
	return name;
}

/* What iptables-save -c writes ahead of a rule, "[3:180] ", is left out. */
static struct lines_part without_counters(struct lines_part line)
{
	const char *end = *line.s == '[' ? memchr(line.s, ']', line.n) : NULL;
	size_t n = end ? (size_t)(end - line.s) + 1 : 0;

	n += end && end[1] == ' ';
	return (struct lines_part){ line.s + n, line.n - n };
}

struct search {
	const char *name;
	bool found;
};

static int take(const char *name, uint8_t family, const struct timers *t,
		void *arg)
{
	struct search *s = arg;

	(void)family;
	(void)t;
	s->found |= !strcmp(name, s->name);
	return 0;
}

/* What cannot be asked for is taken to be there. */
static bool is_there(const char *name)
{
	struct search s = { .name = name };

	return cttimeout_list(take, &s) || s.found;
}

static void say(struct srcpos at, const struct need *x, const char *name,
		bool own, struct diags *d)
{
	diag_add(d, DIAG_WARNING, 0, ID_SAVED_TIMEOUT, at,
		 own ? "this rule names %s of ctpolicy's, %s, made after a boot has loaded this file: it would load neither this table nor what follows" :
		       "this rule names %s, %s, not there now: a boot would load neither this table nor what follows",
		 x->what, name);
	if (own)
		diag_help(d, "save the rules after 'ctpolicy remove', and apply the policy again: ctpolicy.service does so at boot");
	else
		diag_help(d, "let a service make them before the rules are loaded: nfct add timeout %s ..., or take the rule out",
			  name);
}

/* -EEXIST: it was said. */
static int look_for(const struct ipt_args *a, struct srcpos at,
		    const struct need *x, struct diags *d)
{
	const char *name = name_in(a, x);
	bool own = name && own_names_xt(a->v[1]);

	if (!name || (!own && (!x->of_all || is_there(name))))
		return 0;
	say(at, x, name, own, d);
	return -EEXIST;
}

/* Words in quotes are words; a line that cannot be split is no rule. */
static int look_at(struct lines_part line, struct srcpos at, struct diags *d)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	int err;

	if (line.n < strlen(APPEND) ||
	    memcmp(line.s, APPEND, strlen(APPEND)) != 0)
		return 0;
	line.n -= line.s[line.n - 1] == '\n';
	err = ipt_args_split(line.s, line.n, &a);
	for (size_t i = 0; !err && i < ARRAY_SIZE(needs); i++)
		err = look_for(&a, at, &needs[i], d);
	return err == -EINVAL ? 0 : err;
}

static int look_into(const char *path, const char *text, size_t len,
		     struct diags *d)
{
	struct srcpos place = { path, 0, 1, 0 };
	struct lines_part one;
	size_t at = 0;
	int err = 0;

	while (!err && (one = lines_next(text, len, &at)).n) {
		place.line++;
		err = look_at(without_counters(one), place, d);
	}
	return err == -EEXIST ? 0 : err;
}

int boot_timers_say(struct diags *d)
{
	_cleanup_(boot_files_release) struct boot_files f = { 0 };
	int err = boot_files_list(&f);

	for (size_t i = 0; !err && i < f.n; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (!f.v[i].is_rules)
			continue;
		err = swap_read(f.v[i].path, &text, &len);
		if (!err)
			err = look_into(f.v[i].path, text, len, d);
		err = err == -ENOMEM ? err : 0;
	}
	return err;
}
