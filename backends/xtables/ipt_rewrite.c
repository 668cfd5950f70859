/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/ipt_rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* A line of the text, with its end. */
struct line {
	const char *s;
	size_t n;			/* with the line's end */
	uint32_t number;
	char kind;			/* '*', ':', 'C': COMMIT; else 0 */
};

struct rewriting {
	const struct foreign *f;
	const struct stateless *s;
	struct strbuf *out;
	struct line *lines;
	size_t n, cap;
	uint32_t *rule_of;		/* of a line; FOREIGN_NOWHERE: none */
	size_t first, last;		/* lines of the table at hand */
	const char *eol;
	bool has_socket, replaced;
};

static char kind_of(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (s[i] == ' ' || s[i] == '\t'))
		i++;
	if (i < n && (s[i] == '*' || s[i] == ':'))
		return s[i];
	return n - i >= 6 && !memcmp(s + i, "COMMIT", 6) ? 'C' : 0;
}

static int read_lines(struct rewriting *x)
{
	const char *s = x->f->text, *end = s + x->f->len;

	while (s < end) {
		const char *eol = memchr(s, '\n', (size_t)(end - s));
		size_t n = (size_t)((eol ? eol + 1 : end) - s);

		if (mem_grow(&x->lines, &x->cap, x->n + 1))
			return -ENOMEM;
		x->lines[x->n] = (struct line){ s, n, (uint32_t)x->n + 1,
						kind_of(s, n) };
		x->n++;
		s += n;
	}
	x->rule_of = malloc((x->n + 1) * sizeof(*x->rule_of));
	if (!x->rule_of)
		return -ENOMEM;
	for (size_t i = 0; i <= x->n; i++)
		x->rule_of[i] = FOREIGN_NOWHERE;
	for (uint32_t i = 0; i < x->f->n_rules; i++)
		if (x->f->rules[i].line && x->f->rules[i].line <= x->n &&
		    !foreign_is_gone(&x->f->rules[i]))
			x->rule_of[x->f->rules[i].line - 1] = i;
	x->eol = x->n && x->lines[0].n > 1 &&
		 x->lines[0].s[x->lines[0].n - 2] == '\r' ? "\r\n" : "\n";
	return 0;
}

static bool is_here(const struct rewriting *x, uint32_t rule)
{
	uint32_t line = x->f->rules[rule].line;

	return line > x->first && line <= x->last + 1;
}

static int print_edit(struct rewriting *x, struct ipt_line *l,
		      const struct stateless_edit *e)
{
	size_t before = x->out->n;
	int err = 0;

	for (uint32_t i = 0; !err && i < e->n; i++)
		err = ipt_rewrite_rule(l, &x->s->rules[e->first + i], &e->own,
				       !e->stays && !i, x->out);
	x->replaced |= !e->stays;
	if (x->out->n > before && memmem(x->out->s + before,
					 x->out->n - before, "-m socket", 9))
		x->has_socket = true;
	return err;
}

/* In its place, or (chain) in a copy of its chain. */
static int print_rule(struct rewriting *x, uint32_t rule, uint8_t hook,
		      const char *chain, const struct line *line)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	const struct stateless_edit *e = stateless_find(x->s, rule, hook);
	struct ipt_line l = { x->f, x->s, r, hook, x->eol, chain, false,
			      NULL };
	int err = 0;

	if (e)
		err = print_edit(x, &l, e);
	if (err || (e && !e->stays))
		return err;
	if (chain || ipt_rewrite_led_to(&l))
		return ipt_rewrite_plain(&l, x->out);
	strbuf_add(x->out, line->s, line->n);
	return 0;
}

static int print_copy(struct rewriting *x, const struct stateless_copy *c)
{
	const struct foreign *f = x->f;
	int err = 0;

	for (uint32_t i = 0; !err && i < f->n_rules; i++)
		if (f->rules[i].chain == c->chain && is_here(x, i))
			err = print_rule(x, i, c->hook, c->name, NULL);
	return err;
}

static bool copy_is_here(const struct rewriting *x,
			 const struct stateless_copy *c)
{
	uint32_t first = x->f->chains[c->chain].first;

	return first != UINT32_MAX && is_here(x, first);
}

static bool chain_is_here(const struct rewriting *x,
			  const struct stateless_chain *c)
{
	return is_here(x, c->rule) && stateless_find(x->s, c->rule, c->hook);
}

static int print_chain(struct rewriting *x, const struct stateless_chain *c)
{
	struct ipt_line l = { x->f, x->s, &x->f->rules[c->rule], c->hook,
			      x->eol, c->name, true, NULL };
	int err = 0;

	for (uint32_t i = 0; !err && i < c->n; i++) {
		const struct stateless_rule *r = &x->s->inner[c->first + i];

		err = ipt_rewrite_rule(&l, r, &c->own, false, x->out);
		x->has_socket |= r->asks & (ASK_SOCKET | ASK_LOCAL);
	}
	return err;
}

static bool extra_is_here(const struct rewriting *x,
			  const struct stateless_edit *e)
{
	const struct host_chain *c = &x->f->chains[e->chain];

	if (e->rule != FOREIGN_NOWHERE)
		return false;
	if (c->first != UINT32_MAX)
		return is_here(x, c->first);
	return c->line > x->first && c->line <= x->last + 1;
}

static int print_extra(struct rewriting *x, const struct stateless_edit *e)
{
	struct ipt_line l = { x->f, x->s, NULL, e->hook, x->eol,
			      x->f->chains[e->chain].name, false, NULL };

	return ipt_rewrite_extra(&l, &x->s->rules[e->first], x->out);
}

/* Ahead of COMMIT: what was added. */
static int print_added(struct rewriting *x)
{
	const struct stateless *s = x->s;
	int err = 0;

	for (size_t i = 0; !err && i < s->n_edits; i++)
		if (extra_is_here(x, &s->edits[i]))
			err = print_extra(x, &s->edits[i]);
	for (size_t i = 0; !err && i < s->n_copies; i++)
		if (copy_is_here(x, &s->copies[i]))
			err = print_copy(x, &s->copies[i]);
	for (size_t i = 0; !err && i < s->n_chains; i++)
		if (chain_is_here(x, &s->chains[i]))
			err = print_chain(x, &s->chains[i]);
	/* reassembly goes with tracking; one socket match keeps it */
	if (!err && x->replaced && !x->has_socket)
		strbuf_printf(x->out, "-A ctp-reassemble -m socket -j RETURN%s",
			      x->eol);
	return err;
}

static void print_names(struct rewriting *x, size_t at)
{
	const struct stateless *s = x->s;
	_cleanup_(strbuf_release) struct strbuf names = { 0 };
	size_t room = at;

	for (size_t i = 0; i < s->n_copies; i++)
		if (copy_is_here(x, &s->copies[i]))
			strbuf_printf(&names, ":%s - [0:0]%s",
				      s->copies[i].name, x->eol);
	for (size_t i = 0; i < s->n_chains; i++)
		if (chain_is_here(x, &s->chains[i]))
			strbuf_printf(&names, ":%s - [0:0]%s",
				      s->chains[i].name, x->eol);
	if (x->replaced && !x->has_socket)
		strbuf_printf(&names, ":ctp-reassemble - [0:0]%s", x->eol);
	if (!names.n)
		return;
	strbuf_add(x->out, names.s, names.n);
	/* they belong ahead of the rules printed before */
	if (names.lost || x->out->lost)
		return;
	memmove(x->out->s + room + names.n, x->out->s + room,
		x->out->n - names.n - room);
	memcpy(x->out->s + room, names.s, names.n);
}

/* Behind the line that names the last chain, or the table. */
static size_t last_name(const struct rewriting *x)
{
	size_t at = x->first;

	for (size_t i = x->first; i <= x->last; i++)
		if (x->lines[i].kind == ':')
			at = i;
	return at;
}

static int print_table(struct rewriting *x)
{
	size_t names = last_name(x), at = x->out->n;
	int err = 0;

	x->has_socket = x->replaced = false;
	for (size_t i = x->first; !err && i <= x->last; i++) {
		const struct line *l = &x->lines[i];
		uint32_t rule = x->rule_of[i];

		if (l->kind == 'C')
			err = print_added(x);
		if (rule != FOREIGN_NOWHERE)
			err = print_rule(x, rule,
					 x->s->hooks[x->f->rules[rule].chain],
					 NULL, l);
		else
			strbuf_add(x->out, l->s, l->n);
		if (i == names)
			at = x->out->n;
	}
	if (!err)
		print_names(x, at);
	return err;
}

static void rewriting_release(struct rewriting *x)
{
	free(x->lines);
	free(x->rule_of);
}

int ipt_rewrite(const struct foreign *f, const struct stateless *s,
		struct strbuf *out)
{
	_cleanup_(rewriting_release) struct rewriting x = {
		.f = f, .s = s, .out = out,
	};
	int err = read_lines(&x);
	size_t i = 0;

	while (!err && i < x.n) {
		if (x.lines[i].kind != '*') {
			strbuf_add(out, x.lines[i].s, x.lines[i].n);
			i++;
			continue;
		}
		x.first = x.last = i;
		while (x.last + 1 < x.n && x.lines[x.last].kind != 'C')
			x.last++;
		err = print_table(&x);
		i = x.last + 1;
	}
	return err ? err : strbuf_status(out);
}

/* The chains made for the edit's rule and hook follow its rules. */
int ipt_print_edit(const struct foreign *f, const struct stateless *s,
		   const struct stateless_edit *e, struct strbuf *out)
{
	struct rewriting x = { .f = f, .s = s, .out = out, .eol = "\n" };
	struct ipt_line l = {
		f, s, &f->rules[e->rule], e->hook, x.eol,
		stateless_copy_name(s, e->chain, e->hook), false, NULL,
	};
	int err = print_edit(&x, &l, e);

	for (uint32_t i = 0; !err && i < e->n_chains; i++)
		err = print_chain(&x, &s->chains[e->first_chain + i]);
	return err ? err : strbuf_status(out);
}
