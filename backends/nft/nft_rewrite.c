/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "core/mem.h"

/* These bytes of the text become others. */
struct splice {
	size_t at, end;
	uint32_t number;
	struct strbuf text;
};

struct rewriting {
	const struct foreign *f;
	const struct stateless *s;
	struct nft_blocks blocks;
	struct strbuf *added;		/* of a table's block: at its head */
	struct strbuf *commands;	/* of a table: ahead of a rule */
	size_t *first;			/* of a table: that rule's statement */
	size_t *home;			/* of a table: its first block */
	struct splice *v;
	size_t n, cap;
};

/* The text from `at` to `end` goes; NULL: no memory. */
static struct strbuf *splice(struct rewriting *x, size_t at, size_t end)
{
	if (mem_grow(&x->v, &x->cap, x->n + 1))
		return NULL;
	x->v[x->n] = (struct splice){ .at = at, .end = end,
				      .number = (uint32_t)x->n };
	return &x->v[x->n++].text;
}

static size_t place_of(const struct rewriting *x, const struct foreign_rule *r)
{
	return (size_t)(r->raw.s - x->f->text);
}

static bool is_in_text(const struct rewriting *x, const struct foreign_rule *r)
{
	return !foreign_is_gone(r) && r->raw.s >= x->f->text &&
	       r->raw.s + r->raw.n <= x->f->text + x->f->len;
}

/* The chain's block that the rule stands in; SIZE_MAX: it is a command. */
static size_t block_of(const struct rewriting *x, const struct foreign_rule *r)
{
	return nft_block_at(&x->blocks, place_of(x, r));
}

static uint32_t table_of(const struct rewriting *x, uint32_t chain)
{
	return x->f->chains[chain].table;
}

static int put_memories(struct rewriting *x)
{
	int err = 0;

	for (uint32_t t = 0; !err && t < x->f->n_tables; t++) {
		bool commands = x->home[t] == SIZE_MAX;
		struct strbuf *b = commands ? &x->commands[t] :
					      &x->added[x->home[t]];

		err = nft_put_memory(x->f, x->s, t, false, commands, b);
		if (!err)
			err = nft_put_memory(x->f, x->s, t, true, commands, b);
	}
	return err;
}

/* The chains that were made for the rule, in that hook. */
static int put_chains(struct rewriting *x, uint32_t rule, uint8_t hook,
		      bool commands, struct strbuf *b)
{
	size_t n = stateless_chains(x->s, rule, hook);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		_cleanup_(nft_lines_release) struct nft_lines l = { 0 };
		const char *name = NULL;

		err = nft_rewrite_chain(x->f, x->s, rule, hook, i, &name, &l);
		if (!err && name)
			nft_put_chain(x->f,
				      table_of(x, x->f->rules[rule].chain),
				      commands, name, NULL, &l, b);
	}
	return err;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The whole line, if nothing else stands on it. */
static void take_line(const struct foreign *f, size_t *at, size_t *end)
{
	size_t from = *at, to = *end;

	while (from && is_blank(f->text[from - 1]))
		from--;
	while (to < f->len && is_blank(f->text[to]))
		to++;
	if ((from && f->text[from - 1] != '\n') || to >= f->len ||
	    f->text[to] != '\n')
		return;
	*at = from;
	*end = to + 1;
}

/* What stands between the rule's new rules: an indent, or a command again. */
static void put_between(const struct rewriting *x, const struct foreign_rule *r,
			struct strbuf *b)
{
	size_t at = place_of(x, r);
	size_t start = nft_statement_start(x->f, at), line = start;

	while (line && is_blank(x->f->text[line - 1]))
		line--;
	strbuf_puts(b, "\n");
	if (!line || x->f->text[line - 1] == '\n')
		strbuf_add(b, x->f->text + line, start - line);
	strbuf_add(b, x->f->text + start, at - start);
}

static int edit_rule(struct rewriting *x, uint32_t rule, uint8_t hook,
		     const struct nft_lines *l)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	bool commands = block_of(x, r) == SIZE_MAX;
	size_t at = place_of(x, r), end = at + r->raw.n;
	struct strbuf *b;
	int err;

	if (commands) {
		size_t start = nft_command_start(x->f, &x->blocks, at);

		b = splice(x, start, start);
		err = b ? put_chains(x, rule, hook, true, b) : -ENOMEM;
	} else {
		err = put_chains(x, rule, hook, false,
				 &x->added[x->blocks.v[block_of(x, r)].table]);
	}
	if (err)
		return err;
	if (!l->n) {
		at = commands ? nft_statement_start(x->f, at) : at;
		take_line(x->f, &at, &end);
	}
	b = splice(x, at, end);
	if (!b)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			put_between(x, r, b);
		strbuf_join(b, &l->v[i]);
	}
	return 0;
}

/* As another hook has it: replaced, or with copies' names. */
static int copied(struct rewriting *x, uint32_t rule, uint8_t hook,
		  struct nft_lines *l)
{
	bool gone = false;
	int err = nft_rewrite_rule(x->f, x->s, rule, hook, l, &gone);

	if (err || gone)
		return err;
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n] = (struct strbuf){ 0 };
	nft_rewrite_plain(x->f, x->s, rule, hook, &l->v[l->n]);
	return strbuf_status(&l->v[l->n++]);
}

/* Behind the rule, what its chain's copy has in its place. */
static int copy_command(struct rewriting *x, const struct stateless_copy *c,
			uint32_t rule)
{
	_cleanup_(nft_lines_release) struct nft_lines l = { 0 };
	const struct foreign_rule *r = &x->f->rules[rule];
	size_t end = nft_command_end(&x->blocks, place_of(x, r) + r->raw.n);
	struct strbuf *b = splice(x, end, end);
	int err = b ? copied(x, rule, c->hook, &l) : -ENOMEM;

	if (err)
		return err;
	strbuf_puts(b, "\n");
	err = put_chains(x, rule, c->hook, true, b);
	for (size_t i = 0; !err && i < l.n; i++) {
		nft_put_scope(x->f, "add rule", table_of(x, c->chain), c->name, b);
		strbuf_printf(b, " %s%s", strbuf_text(&l.v[i], &b->lost),
			      i + 1 < l.n ? "\n" : "");
	}
	return err;
}

static int copy_chain(struct rewriting *x, const struct stateless_copy *c)
{
	_cleanup_(nft_lines_release) struct nft_lines l = { 0 };
	const struct foreign *f = x->f;
	uint32_t table = table_of(x, c->chain);
	struct strbuf *b = NULL;
	bool any = false;
	int err = 0;

	for (uint32_t i = 0; !err && i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (r->chain != c->chain || !is_in_text(x, r))
			continue;
		any = true;
		if (block_of(x, r) == SIZE_MAX) {
			err = copy_command(x, c, i);
			continue;
		}
		b = &x->added[x->blocks.v[block_of(x, r)].table];
		err = put_chains(x, i, c->hook, false, b);
		if (!err)
			err = copied(x, i, c->hook, &l);
	}
	if (!err && any)
		nft_put_chain(x->f, table, !b, c->name, NULL, &l,
			  b ? b : &x->commands[table]);
	return err;
}

/* In its place, if it leads to a chain that its hook has a copy of. */
static int rename_rule(struct rewriting *x, uint32_t rule, uint8_t hook)
{
	_cleanup_(strbuf_release) struct strbuf plain = { 0 };
	const struct foreign_text *raw = &x->f->rules[rule].raw;
	size_t at = place_of(x, &x->f->rules[rule]);
	struct strbuf *b;

	nft_rewrite_plain(x->f, x->s, rule, hook, &plain);
	if (strbuf_status(&plain))
		return -ENOMEM;
	if (plain.n == raw->n && !memcmp(plain.s, raw->s, raw->n))
		return 0;
	b = splice(x, at, at + raw->n);
	if (!b)
		return -ENOMEM;
	strbuf_join(b, &plain);
	return 0;
}

static int edit_rules(struct rewriting *x)
{
	const struct foreign *f = x->f;
	int err = 0;

	for (uint32_t i = 0; !err && i < f->n_rules; i++) {
		_cleanup_(nft_lines_release) struct nft_lines l = { 0 };
		bool gone = false;
		uint8_t hook;

		if (!is_in_text(x, &f->rules[i]))
			continue;
		hook = x->s->hooks[f->rules[i].chain];
		err = nft_rewrite_rule(f, x->s, i, hook, &l, &gone);
		if (!err && gone)
			err = edit_rule(x, i, hook, &l);
		else if (!err && x->s->n_copies)
			err = rename_rule(x, i, hook);
	}
	for (size_t i = 0; !err && i < x->s->n_copies; i++)
		err = copy_chain(x, &x->s->copies[i]);
	return err;
}

/* Where a table's own things go: into its first block, or ahead of a rule. */
static int find_homes(struct rewriting *x)
{
	const struct foreign *f = x->f;

	x->added = calloc(x->blocks.n + 1, sizeof(*x->added));
	x->commands = calloc(f->n_tables + 1, sizeof(*x->commands));
	x->first = calloc(f->n_tables + 1, sizeof(*x->first));
	x->home = calloc(f->n_tables + 1, sizeof(*x->home));
	if (!x->added || !x->commands || !x->first || !x->home)
		return -ENOMEM;
	for (size_t t = 0; t < f->n_tables; t++)
		x->home[t] = x->first[t] = SIZE_MAX;
	for (size_t i = 0; i < f->n_rules; i++) {
		size_t b, start;
		uint32_t t;

		if (!is_in_text(x, &f->rules[i]))
			continue;
		t = table_of(x, f->rules[i].chain);
		b = block_of(x, &f->rules[i]);
		start = nft_command_start(f, &x->blocks,
					  place_of(x, &f->rules[i]));
		if (b == SIZE_MAX)
			x->first[t] = start < x->first[t] ? start :
							    x->first[t];
		else if (x->blocks.v[b].table < x->home[t])
			x->home[t] = x->blocks.v[b].table;
	}
	return 0;
}

static int by_place(const void *pa, const void *pb)
{
	const struct splice *a = pa, *b = pb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static int place_added(struct rewriting *x)
{
	struct strbuf *b;

	for (size_t i = 0; i < x->blocks.n; i++) {
		size_t at = x->blocks.v[i].open + 1, next = at;

		if (!x->added[i].n)
			continue;
		while (next < x->f->len && is_blank(x->f->text[next]))
			next++;
		b = splice(x, at, at);
		if (!b)
			return -ENOMEM;
		strbuf_join(b, &x->added[i]);
		strbuf_puts(b, x->f->text[next] == '\n' ? "" : "\n");
	}
	for (size_t t = 0; t < x->f->n_tables; t++) {
		if (!x->commands[t].n || x->first[t] == SIZE_MAX)
			continue;
		b = splice(x, x->first[t], x->first[t]);
		if (!b)
			return -ENOMEM;
		x->v[x->n - 1].number = 0;	/* ahead of a rule's own */
		strbuf_join(b, &x->commands[t]);
	}
	return 0;
}

static void print(struct rewriting *x, struct strbuf *out)
{
	size_t at = 0;

	if (x->n)
		qsort(x->v, x->n, sizeof(*x->v), by_place);
	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].at > at)
			strbuf_add(out, x->f->text + at, x->v[i].at - at);
		strbuf_join(out, &x->v[i].text);
		at = x->v[i].end > at ? x->v[i].end : at;
	}
	strbuf_add(out, x->f->text + at, x->f->len - at);
}

static void rewriting_release(struct rewriting *x)
{
	for (size_t i = 0; x->added && i < x->blocks.n; i++)
		strbuf_release(&x->added[i]);
	for (size_t i = 0; x->commands && i < x->f->n_tables; i++)
		strbuf_release(&x->commands[i]);
	for (size_t i = 0; i < x->n; i++)
		strbuf_release(&x->v[i].text);
	free(x->added);
	free(x->commands);
	free(x->first);
	free(x->home);
	free(x->v);
	free(x->blocks.v);
}

int nft_rewrite(const struct foreign *f, const struct stateless *s,
		struct strbuf *out)
{
	_cleanup_(rewriting_release) struct rewriting x = { .f = f, .s = s };
	int err = nft_rewrite_scan(f, &x.blocks);

	if (!err)
		err = find_homes(&x);
	if (!err)
		err = put_memories(&x);
	if (!err)
		err = edit_rules(&x);
	if (!err)
		err = place_added(&x);
	if (err)
		return err;
	for (size_t i = 0; i < x.n; i++)
		if (strbuf_status(&x.v[i].text))
			return -ENOMEM;
	print(&x, out);
	return strbuf_status(out);
}
