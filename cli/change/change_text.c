/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/change/change_text.h"

#include <errno.h>
#include <string.h>

#include "cli/output/fold.h"
#include "core/mem.h"

/* From so many services on, each has one line, and all share the details. */
#define SERVICES_IN_FULL 8
#define SERVICES_SHOWN 100	/* at all, unless all is asked for */

char sign_letter(enum change_sign s)
{
	static const char signs[] = {
		[SIGN_NONE] = ' ', [SIGN_ADD] = '+', [SIGN_CHANGE] = '~',
		[SIGN_REMOVE] = '-',
	};

	return signs[s];
}

void sign_print(char sign, const struct display *how)
{
	const char *color = sign == '+' ? "\033[32m" :
			    sign == '-' ? "\033[31m" :
			    sign == '~' ? "\033[33m" : NULL;

	if (how->color_out && color)
		printf("%s%c\033[0m ", color, sign);
	else
		printf("%c ", sign);
}

void sign_line(char sign, const char *text, const struct display *how)
{
	sign_print(sign, how);
	fold_print(text, SIGN_WIDTH, DETAIL_INDENT, how->width, stdout);
}

/* "    untrack   requests from ..." */
static void detail(const char *word, const char *text,
		   const struct display *how)
{
	printf("%*s%-9s ", DETAIL_INDENT, "", word);
	fold_print(text, DETAIL_WIDTH, DETAIL_WIDTH, how->width, stdout);
}

static int details(const char *word, const char *lines,
		   const struct display *how)
{
	for (const char *s = lines; *s; s += strcspn(s, "\n") + 1) {
		_cleanup_free_ char *line = strndup(s, strcspn(s, "\n"));

		if (!line)
			return -ENOMEM;
		detail(s == lines ? word : "", line, how);
	}
	return 0;
}

/* ---- a service that comes ---- */

/* Did pre-flight find that its packets would be dropped? */
static bool would_fail(const struct plan *p, const struct service *s)
{
	for (size_t i = 0; i < p->diags.n; i++) {
		const struct diag *d = &p->diags.v[i];

		if (d->at.line == s->at.line && d->at.file == s->at.file &&
		    (d->id == ID_WOULD_CUT_OFF || d->id == ID_LOCKED_OUT ||
		     d->id == ID_DROPPED_ELSEWHERE))
			return true;
	}
	return false;
}

/* Where no accept rule stands for it, and others have some. */
static const char *no_accept(const struct plan *p,
			     const struct service_change *x)
{
	return x->service && would_fail(p, x->service) ?
		       "no rule, though its packets may be dropped: see above\n" :
		       "no rule is needed\n";
}

static int print_accepts(const struct plan *p, const struct service_change *x,
			 const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err;

	if (x->tracked)
		return 0;
	if (x->service && x->service->accept == ACCEPT_NONE) {
		detail("accept", would_fail(p, x->service) ?
		       "nothing (accept: none), though its packets may be dropped: see above" :
		       "nothing, as the policy says (accept: none)", how);
		return 0;
	}
	err = service_print_accepts(p, x->name, false, &b);
	if (!err && !b.n && p->stands.n && x->name)
		strbuf_puts(&b, no_accept(p, x));
	if (!err)
		err = strbuf_status(&b);
	return err ? err : details("accept", strbuf_str(&b), how);
}

static int print_new(const struct plan *p, const struct service_change *x,
		     const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (x->service) {
		service_print_untrack(p->policy, x, &b);
		if (strbuf_status(&b))
			return -ENOMEM;
		detail(x->tracked ? "timeouts" : "untrack", strbuf_str(&b),
		       how);
	}
	return print_accepts(p, x, how);
}

/* ---- a service that changes ---- */

static const char *const kinds[] = {
	[PLACE_NOTRACK] = "untrack", [PLACE_TIMERS] = "timeouts",
	[PLACE_ACCEPT] = "accept",
};

static void amount(size_t n, const char *one, const char *what,
		   struct strbuf *out)
{
	if (n)
		strbuf_printf(out, "%s %zu %s%s %s",
			      strchr(strbuf_str(out), ':') ? "," : ":", n, one,
			      n == 1 ? "" : "s", what);
}

/* What comes and goes there, where the service itself changes. */
static void print_amounts(const struct place_change *p, const char *where,
			  struct strbuf *out)
{
	strbuf_puts(out, where);
	amount(p->missing, "rule", "to add", out);
	amount(p->surplus, "rule", "to remove", out);
	amount(p->elems_missing, "element", "to add", out);
	amount(p->elems_surplus, "element", "to remove", out);
}

static bool lacks_rules(const struct place_change *p)
{
	return p->missing && !p->surplus;
}

static void print_difference(const struct place_change *p, const char *where,
			     struct strbuf *out)
{
	if (lacks_rules(p) && p->missing == p->wanted)
		strbuf_printf(out, "missing in %s", where);
	else if (lacks_rules(p))
		strbuf_printf(out, "missing in %s: %zu of %zu rules", where,
			      p->missing, p->wanted);
	else if (p->missing || p->surplus || p->elems_missing ||
		 p->elems_surplus)
		print_amounts(p, where, out);
	else if (p->values)
		strbuf_printf(out, "other values in %s", where);
	else if (p->cut && p->cut == p->left)
		strbuf_printf(out, "moves in %s: other rules stand ahead of it",
			      where);
	else if (p->cut > p->left)
		strbuf_printf(out, "missing in %s: the jump to its rules",
			      where);
	else
		strbuf_printf(out, "%s: a second jump to its rules is removed",
			      where);
}

static bool is_same(const struct place_change *p)
{
	return !p->missing && !p->surplus && !p->elems_missing &&
	       !p->elems_surplus && !p->cut && !p->left && !p->values;
}

/* `harmed`: its packets are untracked already. */
static int print_place(const struct place_change *p, bool harmed,
		       const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(strbuf_release) struct strbuf where = { 0 };
	bool lacks = lacks_rules(p) || p->cut > p->left;

	if (is_same(p))
		return 0;
	strbuf_printf(&where, "%s%s%s %s", nfproto_name(p->family),
		      *nfproto_name(p->family) ? " " : "", p->table, p->chain);
	print_difference(p, strbuf_str(&where), &b);
	if (p->kind == PLACE_ACCEPT && harmed && lacks &&
	    (!p->missing || p->missing > p->shortcuts))
		strbuf_puts(&b, "; until it is back, untracked packets may be dropped there");
	if (strbuf_status(&where) || strbuf_status(&b))
		return -ENOMEM;
	detail(kinds[p->kind], strbuf_str(&b), how);
	return 0;
}

static int print_shape_part(const char *word, const struct words *w,
			    const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	shape_print(w, &b);
	if (w->n && !strbuf_status(&b))
		detail(word, strbuf_str(&b), how);
	return strbuf_status(&b);
}

/* Are the NOTRACK rules there, whatever else is missing? */
static bool is_untracked(const struct service_change *x)
{
	for (size_t i = 0; i < x->n_places; i++)
		if (x->places[i].kind == PLACE_NOTRACK &&
		    (x->places[i].missing || x->places[i].elems_missing ||
		     x->places[i].cut > x->places[i].left))
			return false;
	return true;
}

static int print_changed(struct shapes *shapes, const struct service_change *x,
			 const struct display *how)
{
	_cleanup_(shape_change_release) struct shape_change shape = { 0 };
	int err = x->name ? shape_change_find(shapes, x->name, &shape) : 0;

	if (!err)
		err = print_shape_part("now also", &shape.gained, how);
	if (!err)
		err = print_shape_part("no longer", &shape.lost, how);
	/* Where the rules are others, each of them is. */
	if (!err && (shape.gained.n || shape.lost.n))
		return print_accepts(shapes->of->plan, x, how);
	for (size_t i = 0; !err && i < x->n_places; i++)
		err = print_place(&x->places[i], x->name && is_untracked(x),
				  how);
	return err;
}

/* ---- all of them ---- */

static int print_details(struct shapes *shapes, const struct service_change *x,
			 const struct display *how)
{
	if (x->sign == SIGN_ADD)
		return print_new(shapes->of->plan, x, how);
	return x->sign == SIGN_CHANGE || x->strange ?
		       print_changed(shapes, x, how) : 0;
}

static int print_one(struct shapes *shapes, const struct service_change *x,
		     bool in_full, const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err = service_print_head(shapes, x, &b);

	if (!err)
		err = strbuf_status(&b);
	if (err)
		return err;
	sign_line(sign_letter(x->sign), strbuf_str(&b), how);
	return in_full ? print_details(shapes, x, how) : 0;
}

/* Many services: the places of all, once. */
static int print_together(const struct result_end *e,
			  const struct display *how)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err = service_print_accepts(e->plan, NULL, true, &b);

	if (!err)
		err = strbuf_status(&b);
	if (!err && b.n)
		sign_line('+', "all of these, and ICMP errors about their connections",
			  how);
	return err ? err : details("accept", strbuf_str(&b), how);
}

int change_print_services(const struct result_end *e,
			  const struct change_summary *s,
			  const struct display *how)
{
	_cleanup_(shapes_release) struct shapes shapes = { .of = e };
	bool planned = e->shown == SHOW_PLANNED;
	size_t n = s->of_sign[SIGN_ADD] + s->of_sign[SIGN_CHANGE];
	bool in_full = planned && (n <= SERVICES_IN_FULL || how->verbose);
	size_t shown = 0, max = how->verbose ? SIZE_MAX : SERVICES_SHOWN;
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++) {
		if (s->v[i].sign == SIGN_NONE || (!s->v[i].name && !in_full))
			continue;
		if (shown++ < max)
			err = print_one(&shapes, &s->v[i], in_full, how);
	}
	if (planned && !shown && !s->restored && s->added + s->removed)
		sign_line('~', "tables, chains or sets of ctpolicy's own that belong to no service",
			  how);
	if (shown > max)
		printf("  and %zu more services (-v shows all)\n", shown - max);
	if (!err && planned && !in_full && s->of_sign[SIGN_ADD])
		err = print_together(e, how);
	return err;
}
