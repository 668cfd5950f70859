/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/steps_text.c: each rule, set and chain that changes, by table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change/change_text.h"
#include "cli/output/fold.h"
#include "core/mem.h"

/* Steps of one table, set or chain stand together, else as they were. */
struct listed {
	const struct step *s;
	size_t at;
};

struct listing {
	const struct backend *backend;
	const struct display *how;
	struct listed *v;
	size_t n;
};

static const char *name_of(const struct step *s)
{
	return s->set ? s->set->name : s->chain ? s->chain->name : "";
}

static int cmp_heading(const struct step *a, const struct step *b)
{
	int c = strcmp(a->table->name, b->table->name);

	if (!c)
		c = (int)a->table->family - (int)b->table->family;
	if (!c)		/* the table itself, sets, chains */
		c = (a->set ? 1 : a->chain ? 2 : 0) -
		    (b->set ? 1 : b->chain ? 2 : 0);
	return c ? c : strcmp(name_of(a), name_of(b));
}

static int cmp_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int c = cmp_heading(x->s, y->s);

	return c ? c : (x->at > y->at) - (x->at < y->at);
}

static size_t run_of(const struct listing *l, size_t from)
{
	size_t n = from + 1;

	while (n < l->n && !cmp_heading(l->v[from].s, l->v[n].s))
		n++;
	return n;
}

/* Does the table, set or chain itself come (add), or go? */
static const struct step *whole(const struct listing *l, size_t from, size_t to,
				enum step_kind kind, bool add)
{
	for (size_t i = from; i < to; i++)
		if (l->v[i].s->kind == kind && l->v[i].s->add == add)
			return l->v[i].s;
	return NULL;
}

/* ---- sets ---- */

static void print_elem(const struct elems *e, size_t i, struct strbuf *out)
{
	const uint8_t *a = elems_first(e, i), *b = elems_last(e, i);

	for (unsigned int k = 0; k < e->n_fields; k++) {
		strbuf_puts(out, k ? " . " : "");
		elems_print_field(e->field[k], a, b, out);
		a += field_width(e->field[k]);
		b += field_width(e->field[k]);
	}
}

static void print_elems(const struct listing *l, size_t from, size_t to,
			bool add, struct strbuf *out)
{
	bool any = false;

	for (size_t i = from; i < to; i++) {
		const struct step *s = l->v[i].s;

		if (s->kind != STEP_ELEMENT || s->add != add)
			continue;
		for (uint32_t k = 0; k < s->n; k++) {
			strbuf_puts(out, any ? ", " : " { ");
			print_elem(&s->set->elems, s->elem + k, out);
			any = true;
		}
	}
	strbuf_puts(out, any ? " }" : "");
}

/* A set that comes or goes, or else its elements that do. */
static int print_set(const struct listing *l, size_t from, size_t to)
{
	const char *name = l->v[from].s->set->name;
	int err = 0;

	for (int add = 0; !err && add < 2; add++) {
		const struct step *s = whole(l, from, to, STEP_SET, add);
		const char *timers = s ? s->set->timers : NULL;
		_cleanup_(strbuf_release) struct strbuf b = { 0 };
		_cleanup_(strbuf_release) struct strbuf elems = { 0 };

		print_elems(l, from, to, add, &elems);
		if (!elems.n && !s)
			continue;
		strbuf_printf(&b, "%s %s", timers ? "timeouts" :
			      s ? "set" : "elements of set", name);
		if (timers)
			strbuf_printf(&b, " { %s }", timers);
		strbuf_join(&b, &elems);
		err = strbuf_status(&b);
		if (!err)
			sign_line(add ? '+' : '-', strbuf_str(&b), l->how);
	}
	return err;
}

/* ---- chains ---- */

static bool is_icmp(const struct step *s)
{
	return s->kind == STEP_RULE && s->rule->verdict == VERDICT_ACCEPT &&
	       s->rule->match.n_icmp && protocol_is_icmp(s->rule->match.proto);
}

/* One line for rules about kinds of ICMP; how many there were. */
static size_t fold_icmp(const struct listing *l, size_t from, size_t to)
{
	bool add = l->v[from].s->add;
	size_t n = 0;

	if (l->how->verbose)
		return 0;
	while (from + n < to && is_icmp(l->v[from + n].s) &&
	       l->v[from + n].s->add == add)
		n++;
	if (n < 2)
		return 0;
	sign_print(add ? '+' : '-', l->how);
	printf("  %zu accept rules for ICMP and ICMPv6 (-v spells them)\n", n);
	return n;
}

static void print_behind(const struct step *s, struct strbuf *out)
{
	uint32_t n;

	if (s->kind != STEP_RULE || !s->chain->foreign)
		return;
	n = image_rule_behind(s->chain, s->rule);
	if (n)
		strbuf_printf(out, "  # behind %u of its rules", n);
	else
		strbuf_puts(out, "  # at its head");
}

static int print_rule(const struct listing *l, const struct step *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err;

	l->backend->print_inner(s, &b);
	if (!strbuf_status(&b) && !b.n)
		return 0;
	print_behind(s, &b);
	err = strbuf_status(&b);
	if (err)
		return err;
	sign_print(s->add ? '+' : '-', l->how);
	fputs("  ", stdout);
	fold_print(strbuf_str(&b), 2 * SIGN_WIDTH, 2 * SIGN_WIDTH + 2,
		   l->how->width, stdout);
	return 0;
}

static int print_chain(const struct listing *l, size_t from, size_t to)
{
	bool comes = whole(l, from, to, STEP_CHAIN, true);
	bool goes = whole(l, from, to, STEP_CHAIN, false);
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	size_t n;
	int err;

	strbuf_printf(&b, "chain %s", l->v[from].s->chain->name);
	err = strbuf_status(&b);
	if (err)
		return err;
	sign_line(comes && goes ? '~' : comes ? '+' : goes ? '-' : ' ',
		  strbuf_str(&b), l->how);
	for (size_t i = from; !err && i < to; i += n) {
		n = fold_icmp(l, i, to);
		if (!n)
			err = print_rule(l, l->v[i].s);
		n = n ? n : 1;
	}
	return err;
}

/* ---- tables ---- */

/* ipsets belong to no table. */
static int print_table(const struct listing *l, const struct step *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *family = nfproto_name(s->table->family);
	int err;

	if (*family)
		strbuf_printf(&b, "table %s %s", family, s->table->name);
	else
		strbuf_puts(&b, "ipset");
	err = strbuf_status(&b);
	if (!err)
		sign_line(s->kind != STEP_TABLE ? ' ' : s->add ? '+' : '-',
			  strbuf_str(&b), l->how);
	return err;
}

static bool is_same_table(const struct step *a, const struct step *b)
{
	return a->table->family == b->table->family &&
	       !strcmp(a->table->name, b->table->name);
}

static int print_all(const struct listing *l)
{
	size_t to;
	int err = 0;

	for (size_t i = 0; !err && i < l->n; i = to) {
		const struct step *s = l->v[i].s;

		to = run_of(l, i);
		if (!i || !is_same_table(l->v[i - 1].s, s))
			err = print_table(l, s);
		if (!err && s->set)
			err = print_set(l, i, to);
		else if (!err && s->chain)
			err = print_chain(l, i, to);
	}
	return err;
}

int steps_print(const struct part *m, const struct changeset *cs,
		const struct display *how)
{
	_cleanup_free_ struct listed *v = calloc(cs->n + 1, sizeof(*v));
	struct listing l = { m->backend, how, v, cs->n };

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < cs->n; i++)
		v[i] = (struct listed){ &cs->steps[i], i };
	qsort(v, cs->n, sizeof(*v), cmp_listed);
	if (cs->n)
		printf("\n%s:\n", m->backend->name);
	return print_all(&l);
}
