/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/boot_timers.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/intern.h"
#include "core/lines.h"
#include "core/mem.h"
#include "host/boot_files.h"
#include "host/cttimeout.h"
#include "host/swap.h"
#include "rules/own_names.h"

#define APPEND "-A "

/* What a rule needs to be there: ctpolicy's, or of anybody's. */
static const struct need {
	const char *option, *match, *what;
	bool of_all;
} needs[] = {
	{ " --timeout ", " -j CT ", "timeouts", true },
	{ " --match-set ", " -m set ", "a set", false },
};

/* The name that a line of a saved ruleset gives; n is 0: none. */
static struct lines_part name_in(struct lines_part line, const struct need *x)
{
	const char *end = line.s + line.n;
	const char *at = memmem(line.s, line.n, x->option, strlen(x->option));
	struct lines_part name = { NULL, 0 };

	if (!at || strncmp(line.s, APPEND, strlen(APPEND)) != 0 ||
	    !memmem(line.s, line.n, x->match, strlen(x->match)))
		return name;
	name.s = at + strlen(x->option);
	while (name.s + name.n < end && !strchr(" \t\r\n", name.s[name.n]))
		name.n++;
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
static int look_at(struct lines_part line, struct srcpos at,
		   const struct need *x, struct diags *d)
{
	struct lines_part part = name_in(line, x);
	const char *name = part.n ? intern_n(part.s, part.n) : NULL;
	bool own;

	if (!part.n)
		return 0;
	if (!name)
		return -ENOMEM;
	own = own_names_xt(line.s + strlen(APPEND));
	if (!own && (!x->of_all || is_there(name)))
		return 0;
	say(at, x, name, own, d);
	return -EEXIST;
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
		one = without_counters(one);
		for (size_t i = 0; !err && i < ARRAY_SIZE(needs); i++)
			err = look_at(one, place, &needs[i], d);
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
