/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_foreign.h"

#include <string.h>

#include <sys/socket.h>

#include "backends/iptables/ipt.h"
#include "core/lines.h"
#include "core/mem.h"

struct reader {
	const char *file;
	uint32_t line, table_line;
	const char *s;			/* the line's first byte */
	struct foreign *f;
	struct diags *d;
	bool in_table;
	uint32_t table;
	uint8_t family;			/* 0: lines for both are in the text */
	uint8_t line_family;		/* by -4 or -6 at its beginning */
};

static int fail(struct reader *r, uint32_t col, enum diag_id id,
		const char *what, const char *word)
{
	struct srcpos at = { r->file, r->line, col,
			     word ? (uint32_t)strlen(word) : 1 };

	return word ? diag_add(r->d, DIAG_ERROR, -EINVAL, id, at, "%s: %s",
			       what, word) :
		      diag_add(r->d, DIAG_ERROR, -EINVAL, id, at, "%s", what);
}

static int fail_at(struct reader *r, const struct ipt_args *a, size_t i,
		   const char *what)
{
	return fail(r, i < a->n ? ipt_column(r->s, a->col[i]) : 1,
		    ID_SAVED_IPTABLES, what, i < a->n ? a->v[i] : NULL);
}

/* "*filter", or "* filter" */
static int take_table(struct reader *r, const struct ipt_args *a)
{
	const char *name = a->v[0][1] ? a->v[0] + 1 : a->v[1];
	int err;

	if (!name)
		return fail_at(r, a, 0, "a table's name expected");
	if (r->in_table)
		return fail_at(r, a, 0, "the previous table has no COMMIT");
	err = foreign_table(r->f, r->family ? r->family : NFPROTO_IPV4, name,
			    r->line, &r->table);
	if (err)
		return err;
	r->f->tables[r->table].ranked = true;
	r->in_table = true;
	r->table_line = r->line;
	return 0;
}

static int set_chain(struct reader *r, const char *name, const char *policy)
{
	struct host_chain *c;
	uint32_t at;
	int err = foreign_chain(r->f, r->table, name, r->line, &at);

	if (err)
		return err;
	c = &r->f->chains[at];
	xt_terms_chain(r->f->tables[r->table].name, c);
	ipt_foreign_policy(c, policy);
	return 0;
}

/* ":INPUT DROP [0:0]" */
static int take_chain(struct reader *r, const struct ipt_args *a)
{
	if (!a->v[0][1])
		return fail_at(r, a, 0, "a chain's name expected");
	if (a->n < 2)
		return fail_at(r, a, 1, "a policy or '-' expected");
	return set_chain(r, a->v[0] + 1, a->v[1]);
}

static int add_rule(struct reader *r, const struct ipt_args *a, size_t i,
		    struct foreign_text raw, bool inserts)
{
	struct ipt_foreign_place at = {
		.position = inserts, .line = r->line, .raw = raw,
		.family = r->family	 ? r->family :
			  r->line_family ? r->line_family : NFPROTO_IPV4,
	};
	const char *name = a->v[i];
	int err = set_chain(r, name, NULL);

	if (!err)
		err = foreign_chain(r->f, r->table, name, r->line,
				    &at.chain);
	if (err)
		return err;
	i++;
	if (inserts && i < a->n && strspn(a->v[i], "0123456789") &&
	    !a->v[i][strspn(a->v[i], "0123456789")]) {
		at.position = (uint32_t)strtoul(a->v[i], NULL, 10);
		if (!at.position)
			return fail_at(r, a, i, "positions count from 1");
		i++;
	}
	return ipt_foreign_add(r->f, &at, a, i, NULL);
}

static int flush(struct reader *r, const struct ipt_args *a, size_t i)
{
	uint32_t chain;
	int err;

	if (i < a->n) {
		err = foreign_chain(r->f, r->table, a->v[i], r->line, &chain);
		if (!err)
			foreign_flush_chain(r->f, chain);
		return err;
	}
	for (size_t c = 0; c < r->f->n_chains; c++)
		if (r->f->chains[c].table == r->table)
			foreign_flush_chain(r->f, (uint32_t)c);
	return 0;
}

enum command { APPEND, INSERT, NEW_CHAIN, POLICY, FLUSH, IGNORED, EDIT };

static const struct {
	const char *letter, *name;
	enum command command;
} commands[] = {
	{ "-A", "--append", APPEND }, { "-I", "--insert", INSERT },
	{ "-N", "--new-chain", NEW_CHAIN }, { "-P", "--policy", POLICY },
	{ "-F", "--flush", FLUSH }, { "-Z", "--zero", IGNORED },
	{ "-X", "--delete-chain", IGNORED },
	{ "-D", "--delete", EDIT }, { "-R", "--replace", EDIT },
	{ "-E", "--rename-chain", EDIT },
};

static int take_command(struct reader *r, const struct ipt_args *a, size_t i,
			struct foreign_text raw)
{
	size_t k = 0;

	while (k < ARRAY_SIZE(commands) &&
	       strcmp(a->v[i], commands[k].letter) &&
	       strcmp(a->v[i], commands[k].name))
		k++;
	if (k == ARRAY_SIZE(commands))
		return fail_at(r, a, i, "not a line of iptables-restore");
	if (commands[k].command == EDIT)
		return fail_at(r, a, i, "audit does not follow edits of rules; give it what iptables-save prints afterwards");
	if (commands[k].command == FLUSH)
		return flush(r, a, i + 1);
	if (commands[k].command == IGNORED)
		return 0;
	if (i + 1 >= a->n)
		return fail_at(r, a, i, "a chain's name is missing");
	if (commands[k].command == NEW_CHAIN)
		return set_chain(r, a->v[i + 1], NULL);
	if (commands[k].command == POLICY)
		return i + 2 < a->n ?
			       set_chain(r, a->v[i + 1], a->v[i + 2]) :
			       fail_at(r, a, i, "a policy is missing");
	return add_rule(r, a, i + 1, raw, commands[k].command == INSERT);
}

/* A heading holds until the next one. */
static void take_comment(struct reader *r, const char *s, size_t n)
{
	uint8_t family = ipt_heading_family(s, n);

	if (family != NFPROTO_UNSPEC)
		r->family = family;
}

/*
 * [counters] [-4|-6] COMMAND...: where the command is, and the family that the
 * line is for; 0: either.
 */
static size_t find_command(const struct ipt_args *a, uint8_t *ret)
{
	size_t i = a->v[0][0] == '[' && a->n > 1;

	*ret = NFPROTO_UNSPEC;
	for (; i + 1 < a->n; i++) {
		bool v4 = !strcmp(a->v[i], "-4") || !strcmp(a->v[i], "--ipv4");
		bool v6 = !strcmp(a->v[i], "-6") || !strcmp(a->v[i], "--ipv6");

		if (!v4 && !v6)
			break;
		*ret = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	}
	return i;
}

/* A line for the other family does nothing. */
static int take_rule_line(struct reader *r, const struct ipt_args *a,
			  struct foreign_text raw)
{
	size_t i = find_command(a, &r->line_family);

	if (r->family && r->line_family && r->line_family != r->family)
		return 0;
	return take_command(r, a, i, raw);
}

static int take_words(struct reader *r, const struct ipt_args *a,
		      struct foreign_text raw)
{
	if (a->v[0][0] == '*')
		return take_table(r, a);
	if (!r->in_table)
		return fail_at(r, a, 0, "a line '*TABLE' expected");
	if (!strcmp(a->v[0], "COMMIT")) {
		r->in_table = false;
		return 0;
	}
	if (a->v[0][0] == ':')
		return take_chain(r, a);
	return take_rule_line(r, a, raw);
}

/* Without the blanks ahead of it, and its end. */
static struct foreign_text trim(const char *s, size_t n)
{
	if (n && s[n - 1] == '\n')
		n--;
	if (n && s[n - 1] == '\r')
		n--;
	for (; n && (*s == ' ' || *s == '\t'); n--)
		s++;
	return (struct foreign_text){ s, n };
}

static int take_line(struct reader *r, const char *s, size_t n)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	struct foreign_text raw = trim(s, n);
	int err;

	r->s = s;
	if (!raw.n)
		return 0;
	if (*raw.s == '#') {
		take_comment(r, raw.s, raw.n);
		return 0;
	}
	if (memchr(s, '\0', n))
		return fail(r, 1, ID_SAVED_NUL, "the line holds a NUL byte",
			    NULL);
	err = ipt_args_split(s, (size_t)(raw.s - s) + raw.n, &a);
	if (err == -EINVAL)
		return fail(r, 1, ID_SAVED_QUOTE, "a quote without end", NULL);
	if (err || !a.n)
		return err;
	return take_words(r, &a, raw);
}

/* What lines ahead of any heading say of their family. */
struct guess {
	bool ipv4, ipv6, rules_ipv6;
};

static int guess_by(struct guess *g, struct foreign_text raw)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	uint8_t family;
	size_t i;
	int err;

	if (!raw.n || !strchr("-[", *raw.s))
		return 0;
	err = ipt_args_split(raw.s, raw.n, &a);
	if (err || !a.n)
		return err == -EINVAL ? 0 : err;
	i = find_command(&a, &family);
	g->ipv4 |= family == NFPROTO_IPV4;
	g->ipv6 |= family == NFPROTO_IPV6;
	g->rules_ipv6 |= family != NFPROTO_IPV4 && ipt_foreign_is_ipv6(&a, i);
	return 0;
}

/* Where no heading says the family, what only rules of IPv6 have does. */
static int guess_family(const struct foreign *f, uint8_t *ret)
{
	struct guess g = { 0 };
	struct lines_part one;
	size_t at = f->family ? f->len : 0;

	while ((one = lines_next(f->text, f->len, &at)).n) {
		struct foreign_text raw = trim(one.s, one.n);
		int err;

		if (ipt_heading_family(raw.s, raw.n) != NFPROTO_UNSPEC)
			break;
		err = guess_by(&g, raw);
		if (err)
			return err;
	}
	*ret = f->family == AF_INET	    ? NFPROTO_IPV4 :
	       f->family == AF_INET6	    ? NFPROTO_IPV6 :
	       g.ipv4 && g.ipv6		    ? NFPROTO_UNSPEC :
	       g.ipv6 || g.rules_ipv6	    ? NFPROTO_IPV6 : NFPROTO_IPV4;
	return 0;
}

int ipt_read_foreign(const char *file, struct foreign *f, struct diags *d)
{
	struct reader r = { .file = file, .f = f, .d = d };
	int err = guess_family(f, &r.family);
	struct lines_part one;
	size_t at = 0;

	while (!err && (one = lines_next(f->text, f->len, &at)).n) {
		r.line++;
		err = take_line(&r, one.s, one.n);
	}
	if (err)
		return err;
	if (r.in_table) {
		r.line = r.table_line;
		return fail(&r, 1, ID_SAVED_NO_COMMIT,
			    "the table has no COMMIT; is the file complete?",
			    NULL);
	}
	return 0;
}
