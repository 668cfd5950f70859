/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_foreign.h"

#include <string.h>

#include "backends/iptables/ipt.h"
#include "core/mem.h"

struct reader {
	const char *file;
	uint32_t line, table_line;
	const char *s;			/* the line's first byte */
	struct foreign *f;
	struct diags *d;
	bool in_table;
	uint32_t table;
	uint8_t family;			/* as the heading says; 0: none */
	bool *says_ipv6;		/* a table's own rules do */
	bool wants_ipv6;		/* the line begins with -6 */
	size_t cap_says;
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
	if (!err)
		err = mem_grow(&r->says_ipv6, &r->cap_says, r->f->n_tables);
	if (err)
		return err;
	if (r->f->tables[r->table].line == r->line)
		r->says_ipv6[r->table] = false;
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
	};
	const char *name = a->v[i];
	bool is_ipv6;
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
	is_ipv6 = !r->family && (r->wants_ipv6 || ipt_foreign_is_ipv6(a, i));
	r->says_ipv6[r->table] |= is_ipv6;
	/* Where no heading says the family, the rule's own words must. */
	at.family = r->family ? r->family :
		    is_ipv6   ? NFPROTO_IPV6 : NFPROTO_IPV4;
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

/* [counters] [-4|-6] COMMAND...; a line for the other family does nothing. */
static int take_rule_line(struct reader *r, const struct ipt_args *a,
			  struct foreign_text raw)
{
	size_t i = a->v[0][0] == '[' && a->n > 1;

	r->wants_ipv6 = false;
	for (; i + 1 < a->n; i++) {
		bool v4 = !strcmp(a->v[i], "-4") || !strcmp(a->v[i], "--ipv4");
		bool v6 = !strcmp(a->v[i], "-6") || !strcmp(a->v[i], "--ipv6");

		if (!v4 && !v6)
			break;
		if (r->family == (v4 ? NFPROTO_IPV6 : NFPROTO_IPV4))
			return 0;
		r->wants_ipv6 |= v6;
	}
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

static int take_line(struct reader *r, const char *s, size_t n)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	size_t blank = 0;
	int err;

	r->s = s;
	if (n && s[n - 1] == '\r')
		n--;
	while (blank < n && (s[blank] == ' ' || s[blank] == '\t'))
		blank++;
	if (blank == n)
		return 0;
	if (s[blank] == '#') {
		take_comment(r, s + blank, n - blank);
		return 0;
	}
	if (memchr(s, '\0', n))
		return fail(r, 1, ID_SAVED_NUL, "the line holds a NUL byte",
			    NULL);
	err = ipt_args_split(s, n, &a);
	if (err == -EINVAL)
		return fail(r, 1, ID_SAVED_QUOTE, "a quote without end", NULL);
	if (err || !a.n)
		return err;
	return take_words(r, &a, (struct foreign_text){ s + blank,
							n - blank });
}

/* Where no heading says the family, rules of IPv6 alone do. */
static void settle_families(struct reader *r)
{
	bool any = false;

	for (size_t i = 0; i < r->f->n_tables; i++)
		any |= r->says_ipv6[i];
	for (size_t i = 0; any && !r->family && i < r->f->n_tables; i++)
		r->f->tables[i].family = NFPROTO_IPV6;
}

int ipt_read_foreign(const char *file, struct foreign *f, struct diags *d)
{
	struct reader r = { .file = file, .f = f, .d = d };
	_cleanup_free_ bool *says = NULL;
	const char *s = f->text, *end = s + f->len;
	int err = 0;

	while (!err && s < end) {
		const char *eol = memchr(s, '\n', (size_t)(end - s));
		size_t n = (size_t)((eol ? eol : end) - s);

		r.line++;
		err = take_line(&r, s, n);
		s += n + 1;
	}
	says = r.says_ipv6;
	if (err)
		return err;
	if (r.in_table) {
		r.line = r.table_line;
		return fail(&r, 1, ID_SAVED_NO_COMMIT,
			    "the table has no COMMIT; is the file complete?",
			    NULL);
	}
	settle_families(&r);
	return 0;
}
