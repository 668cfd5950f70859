/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_parse.c: text to image: what render() writes, or a dump
 * of iptables-save and ip6tables-save (one after the other, too) that holds our
 * chains among others. `ipset save` lines may stand in it, with or without
 * "#ipset ".
 */
#include <string.h>

#include "backends/iptables/ipt.h"
#include "backends/iptables/ipt_args.h"
#include "backends/iptables/ipt_positions.h"
#include "backends/iptables/ipt_sets.h"
#include "core/intern.h"
#include "core/mem.h"

#define FAMILIES 2
static const uint8_t family_of[FAMILIES] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/* How many rules a chain of the present table has had so far. */
struct tally {
	size_t n[FAMILIES];
};

struct parser {
	const char *file;
	uint32_t line;
	struct image *img;
	struct diags *d;
	bool in[FAMILIES];		/* families that lines speak to */
	char table[IPT_WORD_MAX];	/* "": outside of a table */
	struct tally *tally;
	size_t n_tally, cap_tally;
	struct name_index tally_at;	/* by the chain's name */
};

static struct srcpos place(const struct parser *p, const char *line,
			   size_t col, size_t len)
{
	uint32_t chars = 1;

	for (size_t i = 0; i + 1 < col; i++)
		chars += ((unsigned char)line[i] & 0xc0) != 0x80;
	return (struct srcpos){ p->file, p->line, chars, (uint32_t)len };
}

static int bad_word(struct parser *p, const char *line,
		    const struct ipt_args *a, size_t i, const char *what)
{
	size_t col = i < a->n ? a->col[i] : 1;

	return diag_add(p->d, DIAG_ERROR, -EINVAL, ID_SAVED_IPTABLES,
			place(p, line, col, i < a->n ? strlen(a->v[i]) : 1),
			"%s", what);
}

static struct image_table *table_in(struct parser *p, uint8_t family,
				    const char *name)
{
	struct image_table *t = image_find_table(p->img, family, name);

	return t ? t : image_add_table(p->img, family, name);
}

static struct image_chain *chain_in(struct image_table *t, const char *name)
{
	struct image_chain *c = t ? image_find_chain(t, name) : NULL;

	if (c || !t)
		return c;
	c = image_add_chain(t, name, ipt_chain_is_ours(name) ?
					     HOOK_MAX_ :
					     ipt_builtin_hook(name));
	if (c)
		c->foreign = !ipt_chain_is_ours(name);
	return c;
}

static struct tally *tally_of(struct parser *p, const char *chain)
{
	size_t at = name_index_find(&p->tally_at, chain, 0);
	const char *name;

	if (at < p->n_tally)
		return &p->tally[at];
	name = intern(chain);
	if (!name || mem_grow(&p->tally, &p->cap_tally, p->n_tally + 1) ||
	    name_index_add(&p->tally_at, name, 0))
		return NULL;
	p->tally[p->n_tally] = (struct tally){ 0 };
	return &p->tally[p->n_tally++];
}

static void tally_clear(struct parser *p)
{
	name_index_release(&p->tally_at);
	p->n_tally = 0;
}

/* Tables that we have no business in are read over. */
static bool table_matters(const struct parser *p)
{
	return !strcmp(p->table, "raw") || !strcmp(p->table, "filter");
}

static bool jumps_to_us(const struct ipt_args *a)
{
	for (size_t i = 0; i + 1 < a->n; i++)
		if ((!strcmp(a->v[i], "-j") || !strcmp(a->v[i], "--jump") ||
		     !strcmp(a->v[i], "-g") || !strcmp(a->v[i], "--goto")) &&
		    ipt_chain_is_ours(a->v[i + 1]))
			return true;
	return false;
}

/* pos: 0 appends, else counts from 1. */
static int take_rule(struct parser *p, size_t f, const char *chain, size_t pos,
		     const struct ipt_args *rest)
{
	const struct image_table *sets =
		image_find_table(p->img, NFPROTO_UNSPEC, IPT_SET_TABLE);
	bool ours = ipt_chain_is_ours(chain);
	struct tally *t = tally_of(p, chain);
	struct image_chain *c;
	struct image_rule *r;
	size_t nth;
	int err;

	if (!t)
		return -ENOMEM;
	nth = pos ? pos : t->n[f] + 1;
	t->n[f]++;
	if (!ours && !jumps_to_us(rest))
		return 0;
	c = chain_in(table_in(p, family_of[f], p->table), chain);
	r = c ? image_add_rule(c) : NULL;
	if (!r)
		return -ENOMEM;
	err = ipt_args_decode(rest, family_of[f], sets, p->img, r);
	if (err)
		return err;
	r->handle = !ours || (pos && pos < c->n_rules) ? nth : c->n_rules;
	r->at_head = !ours && nth == 1;
	return 0;
}

struct command {
	bool in[FAMILIES];
	char op;		/* 'A', 'I', 'N', 'P' */
	const char *chain;
	size_t pos;		/* of -I, from 1; 0: at the end */
	struct ipt_args rest;	/* borrowed */
};

/* The letter of a command that a saved ruleset may have, 0: it is none. */
static char command_letter(const char *word)
{
	static const char *const names[][2] = {
		{ "-A", "--append" }, { "-I", "--insert" },
		{ "-N", "--new-chain" }, { "-P", "--policy" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i][0], word) || !strcmp(names[i][1], word))
			return names[i][0][1];
	return 0;
}

/* [counters] [-4|-6] COMMAND CHAIN [POSITION] ARGUMENTS... */
static int read_command(struct parser *p, const char *line,
			const struct ipt_args *a, struct command *c)
{
	struct port_range n;
	size_t i = a->v[0][0] == '[';

	memcpy(c->in, p->in, sizeof(c->in));
	for (; i < a->n && (!strcmp(a->v[i], "-4") || !strcmp(a->v[i], "-6"));
	     i++)
		c->in[a->v[i][1] == '4'] = false;
	c->op = i < a->n ? command_letter(a->v[i]) : 0;
	if (!c->op)
		return bad_word(p, line, a, i, "not a line of iptables-save");
	if (++i >= a->n)
		return bad_word(p, line, a, i - 1, "a chain must follow");
	if (strlen(a->v[i]) >= IPT_WORD_MAX)
		return bad_word(p, line, a, i, "no chain has so long a name");
	c->chain = a->v[i++];
	c->pos = c->op == 'I';
	if (c->pos && i < a->n && !port_range_parse(a->v[i], &n) &&
	    n.first == n.last && n.first) {
		c->pos = n.first;
		i++;
	}
	c->rest.v = a->v + i;
	c->rest.n = a->n - i;
	return 0;
}

static int make_chain(struct parser *p, size_t f, const char *chain)
{
	if (!ipt_chain_is_ours(chain))
		return 0;
	return chain_in(table_in(p, family_of[f], p->table), chain) ? 0 :
								      -ENOMEM;
}

static int parse_command(struct parser *p, const char *line,
			 const struct ipt_args *a)
{
	struct command c = { 0 };
	int err = read_command(p, line, a, &c);

	if (err || !table_matters(p))
		return err;
	for (size_t f = 0; !err && f < FAMILIES; f++) {
		if (!c.in[f])
			continue;
		if (c.op == 'N')
			err = make_chain(p, f, c.chain);
		else if (c.op != 'P')
			err = take_rule(p, f, c.chain, c.pos, &c.rest);
	}
	return err;
}

/* ":CHAIN POLICY [0:0]" */
static int parse_chain(struct parser *p, const char *line,
		       const struct ipt_args *a)
{
	int err = 0;

	if (a->n < 2 || !a->v[0][1] || strlen(a->v[0]) > IPT_WORD_MAX)
		return bad_word(p, line, a, 0, "a chain and its policy expected");
	for (size_t f = 0; !err && f < FAMILIES && table_matters(p); f++)
		if (p->in[f])
			err = make_chain(p, f, a->v[0] + 1);
	return err;
}

static int parse_set(struct parser *p, const char *line,
		     const struct ipt_args *a)
{
	struct image_table *t = table_in(p, NFPROTO_UNSPEC, IPT_SET_TABLE);
	size_t bad = 0;
	int err = t ? ipt_set_take_line(a, p->img, t, &bad) : -ENOMEM;

	return err == -EINVAL ?
		       bad_word(p, line, a, bad, "not a line of ipset save") :
		       err;
}

static void parse_comment(struct parser *p, const char *line, size_t len)
{
	static const char *const marks[FAMILIES] = {
		"# Generated by iptables", "# Generated by ip6tables"
	};

	for (size_t f = 0; f < FAMILIES; f++)
		if (len >= strlen(marks[f]) &&
		    !memcmp(line, marks[f], strlen(marks[f])))
			p->in[f] = true, p->in[!f] = false;
}

static int parse_table(struct parser *p, const char *line,
		       const struct ipt_args *a)
{
	/* "*raw", and "* raw" of a careless hand */
	const char *name = a->n == 2 && !a->v[0][1] ? a->v[1] : a->v[0] + 1;

	if (a->n > 2 || (a->n == 2 && a->v[0][1]) || !*name ||
	    strlen(name) >= IPT_WORD_MAX) {
		/* In some table we are: its lines need no errors, too. */
		snprintf(p->table, sizeof(p->table), "?");
		return bad_word(p, line, a, 0, "a table's name expected");
	}
	snprintf(p->table, sizeof(p->table), "%s", name);
	tally_clear(p);
	return 0;
}

static int parse_words(struct parser *p, const char *line,
		       const struct ipt_args *a)
{
	const char *word = a->v[0];

	if (*word == '*')
		return parse_table(p, line, a);
	if (!*p->table) {
		if (!strcmp(word, "create") || !strcmp(word, "add"))
			return parse_set(p, line, a);
		return bad_word(p, line, a, 0, "a line \"*TABLE\" must come "
				"before this");
	}
	if (!strcmp(word, "COMMIT")) {
		*p->table = '\0';
		return 0;
	}
	if (*word == ':')
		return parse_chain(p, line, a);
	return parse_command(p, line, a);
}

static int parse_line(struct parser *p, const char *line, size_t len)
{
	static const char set_mark[] = "#ipset ";
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	bool set = len >= strlen(set_mark) &&
		   !memcmp(line, set_mark, strlen(set_mark));
	size_t skip = set ? strlen(set_mark) : 0;
	int err;

	if (memchr(line, '\0', len))
		return diag_add(p->d, DIAG_ERROR, -EINVAL, ID_SAVED_NUL,
				place(p, line, 1, 1), "a NUL byte");
	if (len && *line == '#' && !set) {
		parse_comment(p, line, len);
		return 0;
	}
	err = ipt_args_split(line + skip, len - skip, &a);
	if (err == -EINVAL)
		return diag_add(p->d, DIAG_ERROR, err, ID_SAVED_QUOTE,
				place(p, line, 1, len),
				"a quote in this line has no end");
	if (err || !a.n)
		return err;
	for (size_t i = 0; i < a.n; i++)
		a.col[i] += skip;
	return set ? parse_set(p, line, &a) : parse_words(p, line, &a);
}

static int parse_text(struct parser *p, const char *text, size_t len)
{
	int first = 0;

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;
		int err;

		p->line++;
		err = parse_line(p, text, n);
		if (err && err != -EINVAL)
			return err;
		first = first ? first : err;
		n += end ? 1 : 0;
		text += n;
		len -= n;
	}
	if (!first && *p->table)
		first = diag_add(p->d, DIAG_ERROR, -EINVAL, ID_SAVED_NO_COMMIT,
				 (struct srcpos){ p->file, p->line, 1, 1 },
				 "table \"%s\" has no COMMIT", p->table);
	return first;
}

/* Where -I put them. */
static int settle(struct image *img)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; !err && k < img->tables[i].n_chains; k++)
			if (!img->tables[i].chains[k].foreign)
				err = ipt_positions_settle(
					&img->tables[i].chains[k]);
	return err;
}

int ipt_parse(const char *file, const char *text, size_t len,
	      struct image **ret, struct diags *d)
{
	_cleanup_(image_free) struct image *img = image_new();
	struct parser p = {
		.file = file, .img = img, .d = d, .in = { true, true },
	};
	int err;

	if (!img)
		return -ENOMEM;
	err = parse_text(&p, text, len);
	tally_clear(&p);
	free(p.tally);
	if (!err)
		err = settle(img);
	if (!err)
		err = image_normalize(img);
	if (err)
		return err;
	*ret = TAKE_PTR(img);
	return 0;
}
