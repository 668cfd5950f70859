/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/boot_rules.c: saved rulesets that need connection tracking. */
#include <errno.h>
#include <string.h>

#include "audit/needs.h"
#include "audit/replace.h"
#include "backends/backend.h"
#include "core/intern.h"
#include "core/mem.h"
#include "engine/boot_find.h"

/* A text and what was read of it. */
struct saved {
	const char *path;
	const struct backend *b;
	bool is_included;	/* what else the ruleset holds is not known */
	uint8_t family;		/* as its name has it; 0: it says none */
	struct foreign *f;
};

static void saved_release(struct saved *s)
{
	foreign_free(&s->f);
}

/* -EINVAL: it is no ruleset that can be read. */
static int read_saved(const char *text, size_t len, struct saved *s)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };

	s->f = calloc(1, sizeof(*s->f));
	if (!s->f)
		return -ENOMEM;
	s->f->wants_terms = true;
	s->f->family = s->family;
	s->f->text = strndup(text, len);
	s->f->len = len;
	return s->f->text ? s->b->read_foreign(s->path, s->f, &unsaid) :
			    -ENOMEM;
}

static int add(struct boot_finds *to, const struct saved *s, uint32_t line,
	       const char *what)
{
	return boot_add_find(to, &(struct boot_find){
		s->path, line, what, true, false,
	});
}

/* What loads it even where no rule does. */
static int find_nat(const struct saved *s, struct boot_finds *to)
{
	const struct foreign *f = s->f;
	int err = 0;

	for (size_t i = 0; !err && i < f->n_tables; i++)
		if (f->tables[i].ranked && !strcmp(f->tables[i].name, "nat"))
			err = add(to, s, f->tables[i].line,
				  "table nat loads connection tracking, even empty");
	for (size_t i = 0; !err && i < f->n_chains; i++)
		if (!f->tables[f->chains[i].table].ranked &&
		    f->chains[i].type && !strcmp(f->chains[i].type, "nat"))
			err = add(to, s, f->chains[i].line,
				  "a chain of type nat loads connection tracking, even empty");
	if (!err && f->facts[FACT_CT_OBJECTS] + f->facts[FACT_FLOWTABLES] +
		    f->facts[FACT_SYNPROXY_OBJECTS])
		err = add(to, s, 1,
			  "objects that are declared here (helpers, timeouts, flowtables, synproxies) need connection tracking");
	return err;
}

static int find_in(const struct saved *s, struct boot_finds *to)
{
	enum foreign_feature x;
	int err = 0;

	for (size_t i = 0; !err && i < s->f->n_rules; i++) {
		const struct foreign_rule *r = &s->f->rules[i];

		if (!foreign_is_gone(r) && needs_module(r, &x))
			err = add(to, s, r->line,
				  intern_printf("this rule needs connection tracking: it %s",
						needs_why(x)));
	}
	return err ? err : find_nat(s, to);
}

/* Statements and matches that do something, or decide, beside NOTRACK. */
static bool does_more(struct foreign_text rule)
{
	static const char *const words[] = {
		"accept", "drop", "reject", "jump", "goto", "return", "queue",
		"continue", "dup", "fwd", "tproxy", "add", "update", "delete",
		"set", "meter", "limit", "quota", "log", "flow", "--set",
		"recent", "hashlimit", "statistic",
	};
	const char *s = rule.s, *end = rule.s + rule.n;
	bool found = false;

	while (!found && s < end) {
		size_t n = 0;

		while (s + n < end && !strchr(" \t{},;", s[n]))
			n++;
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			found |= n == strlen(words[i]) &&
				 !memcmp(s, words[i], n);
		s += n + 1;
	}
	return found;
}

static bool is_only_notrack(const struct foreign_rule *r)
{
	enum foreign_feature x;

	return needs_module(r, &x) && x == FEATURE_NOTRACK &&
	       !(r->features & ~FEATURE_BIT(NOTRACK)) && !does_more(r->raw);
}

/* Is the line nothing but the rule? */
static bool is_line_of(const struct foreign *f, uint32_t line,
		       struct lines_part one)
{
	for (size_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];
		size_t skip = 0, n = one.n;

		if (r->line != line || !is_only_notrack(r))
			continue;
		while (skip < n && strchr(" \t", one.s[skip]))
			skip++;
		while (n > skip && strchr(" \t\r\n;", one.s[n - 1]))
			n--;
		return n - skip == r->raw.n &&
		       !memcmp(one.s + skip, r->raw.s, r->raw.n);
	}
	return false;
}

/* Does a nat table of iptables' begin here that translates nothing? */
static bool begins_empty_nat(const struct foreign *f, uint32_t line)
{
	for (uint32_t t = 0; t < f->n_tables; t++) {
		size_t rules = 0;

		if (!f->tables[t].ranked || f->tables[t].line != line ||
		    strcmp(f->tables[t].name, "nat"))
			continue;
		for (size_t i = 0; i < f->n_chains; i++)
			if (f->chains[i].table == t)
				rules += f->chains[i].n_rules;
		return !rules;
	}
	return false;
}

static bool is_commit(struct lines_part one)
{
	static const char word[] = "COMMIT";
	size_t n = one.n;

	while (n && strchr(" \t\r\n", one.s[n - 1]))
		n--;
	return n == strlen(word) && !memcmp(one.s, word, n);
}

/* Where nothing is tracked, NOTRACK and an empty nat table do nothing. */
static int drop_idle(const struct saved *s, struct strbuf *out)
{
	bool in_nat = false;
	size_t at = 0;
	uint32_t line = 1;
	struct lines_part one;

	for (; (one = lines_next(s->f->text, s->f->len, &at)).n; line++) {
		in_nat |= begins_empty_nat(s->f, line);
		if (!in_nat && !is_line_of(s->f, line, one))
			strbuf_add(out, one.s, one.n);
		in_nat &= !is_commit(one);
	}
	return strbuf_status(out);
}

static int rewrite(const struct saved *s, struct strbuf *out)
{
	_cleanup_(arena_release) struct arena a = { 0 };
	struct stateless edits = { 0 };
	const struct replace_how how = {
		.text = s->b->text_of, .words = s->b->words,
	};
	int err = replace_find(&a, s->f, &how, &edits);

	if (!err)
		err = s->b->rewrite(s->f, &edits, out);
	stateless_release(&edits);
	return err;
}

/* The text without all that needs tracking; -ENOENT: there is no such text. */
static int stateless_text(const struct saved *s, struct strbuf *ret)
{
	_cleanup_(strbuf_release) struct strbuf first = { 0 };
	_cleanup_(boot_finds_release) struct boot_finds left = { 0 };
	_cleanup_(saved_release) struct saved then = *s, last = *s;
	int err;

	then.f = last.f = NULL;
	err = s->b->rewrite ? drop_idle(s, &first) : -ENOENT;
	if (!err)
		err = read_saved(strbuf_str(&first), first.n, &then);
	if (!err && s->is_included)
		strbuf_join(ret, &first);
	else if (!err)
		err = rewrite(&then, ret);
	if (!err)
		err = strbuf_status(ret);
	if (!err)
		err = read_saved(strbuf_str(ret), ret->n, &last);
	if (!err)
		err = find_in(&last, &left);
	return !err && left.n ? -ENOENT : err;
}

struct hunks {
	const struct saved *of;
	struct boot_edits *to;
};

/* The old lines stay, as comments. */
static int add_hunk(void *arg, uint32_t line, struct lines_part was,
		    struct lines_part is)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct hunks *h = arg;
	struct boot_edit e = {
		h->of->path, line, intern_n(was.s, was.n), NULL,
	};
	struct lines_part one = { 0 };
	size_t at = 0;

	while ((one = lines_next(was.s, was.n, &at)).n) {
		strbuf_puts(&b, BOOT_MARK);
		strbuf_add(&b, one.s, one.n);
	}
	if (is.n && was.n && was.s[was.n - 1] != '\n')
		strbuf_puts(&b, "\n");
	strbuf_add(&b, is.s, is.n);
	e.is = strbuf_status(&b) ? NULL : intern(strbuf_str(&b));
	return e.was && e.is ? boot_add(h->to, &e) : -ENOMEM;
}

/* Where a text without tracking says the same, the file may have it. */
static int add_edits(const struct saved *s, struct boot_finds *to,
		     size_t from)
{
	_cleanup_(strbuf_release) struct strbuf is = { 0 };
	struct hunks h = { s, &to->edits };
	int err = stateless_text(s, &is);

	if (err)
		return err == -ENOMEM ? err : 0;
	for (size_t i = from; i < to->n; i++)
		to->v[i].edited = true;
	return lines_diff((struct lines_part){ s->f->text, s->f->len },
			  (struct lines_part){ strbuf_str(&is), is.n },
			  add_hunk, &h);
}

/* `include "PATTERN"` where a statement may begin. */
static int follow(const char *text, size_t len, struct boot_files *more)
{
	static const char word[] = "include";
	struct lines_part one;
	size_t at = 0;
	int err = 0;

	while (!err && (one = lines_next(text, len, &at)).n) {
		const char *s = one.s, *end = one.s + one.n, *quote, *to;
		const char *pattern;

		while (s < end && strchr(" \t", *s))
			s++;
		if ((size_t)(end - s) < sizeof(word) ||
		    strncmp(s, word, strlen(word)))
			continue;
		s += strlen(word);
		while (s < end && strchr(" \t", *s))
			s++;
		quote = s;
		to = s < end && strchr("\"'", *s) ?
			     memchr(s + 1, *quote, (size_t)(end - s - 1)) :
			     NULL;
		if (!to)
			continue;
		pattern = intern_n(s + 1, (size_t)(to - s - 1));
		err = pattern ? boot_files_include(more, pattern) : -ENOMEM;
	}
	return err;
}

/* Anything but comments, definitions and other files' names? */
static bool has_statements(const char *text, size_t len)
{
	struct lines_part one;
	size_t at = 0;

	while ((one = lines_next(text, len, &at)).n) {
		const char *s = one.s, *end = one.s + one.n;

		while (s < end && strchr(" \t\r\n", *s))
			s++;
		if (s < end && *s != '#' &&
		    strncmp(s, "define ", strlen("define ")) &&
		    strncmp(s, "include ", strlen("include ")))
			return true;
	}
	return false;
}

int boot_find_rules(const struct boot_file *file, const char *text,
		    size_t len, struct boot_files *more, struct boot_finds *to)
{
	_cleanup_(saved_release) struct saved s = {
		.path = file->path, .is_included = !more,
		.b = backend_of_text(text), .family = file->family,
	};
	size_t from = to->n;
	int err = more ? follow(text, len, more) : 0;

	if (err || (!s.b && !has_statements(text, len)))
		return err;
	err = s.b ? read_saved(text, len, &s) : -EINVAL;
	if (err && err != -ENOMEM)
		return add(to, &s, 0,
			   "this saved ruleset cannot be understood: whether it loads connection tracking is not known");
	if (!err)
		err = find_in(&s, to);
	return err || to->n == from || !file->is_admins ?
		       err : add_edits(&s, to, from);
}
