/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/boot_lines.h"

#include <string.h>

#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"

#define BLANKS " \t"
#define ENDS " \t\r\n"

/* A line that is read word by word, and what stays of it. */
struct reading {
	const char *s, *end;		/* what is still to be read */
	boot_needs_fn *needs;
	void *arg;
	struct strbuf rest;		/* the line without those modules */
	const char *module;		/* the first of them */
	size_t others;			/* names that stay */
	int err;
};

static void reading_release(struct reading *r)
{
	strbuf_release(&r->rest);
}

static bool is_one_of(struct lines_part w, const char *const *words)
{
	for (; *words; words++)
		if (w.n == strlen(*words) && !strncmp(w.s, *words, w.n))
			return true;
	return false;
}

static struct lines_part next_word(const char **s, const char *end,
				   const char *ends)
{
	struct lines_part w;

	while (*s < end && strchr(ends, **s))
		++*s;
	w.s = *s;
	while (*s < end && !strchr(ends, **s))
		++*s;
	w.n = (size_t)(*s - w.s);
	return w;
}

static bool needs_tracking(struct reading *r, struct lines_part w)
{
	const char *name = w.n ? intern_n(w.s, w.n) : NULL;
	bool needs = false;

	if (!w.n || r->err)
		return false;
	r->err = name ? r->needs(r->arg, name, &needs) : -ENOMEM;
	if (!r->err && needs && !r->module)
		r->module = name;
	return !r->err && needs;
}

/* Words up to one of `ends`: those that need tracking are left out. */
static void read_list(struct reading *r, const char *ends,
		      const char *const *keywords)
{
	while (r->s < r->end && !strchr(ends, *r->s) && !r->err) {
		const char *from = r->s;
		struct lines_part w;

		while (r->s < r->end && strchr(BLANKS "\\\r\n", *r->s) &&
		       !strchr(ends, *r->s))
			r->s++;
		w.s = r->s;
		while (r->s < r->end && !strchr(BLANKS "\\\r\n", *r->s) &&
		       !strchr(ends, *r->s))
			r->s++;
		w.n = (size_t)(r->s - w.s);
		if (w.n && !is_one_of(w, keywords)) {
			if (needs_tracking(r, w))
				continue;
			/* The first of a list needs no blank before it. */
			if (!r->others++ && r->module && !*keywords)
				from = w.s;
		}
		strbuf_add(&r->rest, from, (size_t)(r->s - from));
	}
}

static int add_line(struct boot_lines *l, uint32_t line,
		    struct lines_part was, const char *is, const char *module)
{
	struct boot_line b = {
		line, module, intern_n(was.s, was.n), intern(is),
	};

	if (!b.was || !b.is || mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n++] = b;
	return 0;
}

/* All of it becomes a comment. */
static int add_comment(struct boot_lines *l, uint32_t line,
		       struct lines_part was, const char *module)
{
	_cleanup_(strbuf_release) struct strbuf is = { 0 };
	struct lines_part one;
	size_t at = 0;
	int err;

	while ((one = lines_next(was.s, was.n, &at)).n) {
		strbuf_puts(&is, BOOT_MARK);
		strbuf_add(&is, one.s, one.n);
	}
	err = strbuf_status(&is);
	return err ? err : add_line(l, line, was, strbuf_str(&is), module);
}

/* As systemd and Debian's kmod take it: the first word is the name. */
static int read_name(struct reading *r, uint32_t line, struct lines_part was,
		     struct boot_lines *l)
{
	struct lines_part w = next_word(&r->s, r->end, ENDS);

	if (!w.n || *w.s == '#' || *w.s == ';' || !needs_tracking(r, w))
		return r->err;
	return add_comment(l, line, was, r->module);
}

/* Up to the value of "KEY=", "KEY+=" or "export KEY=". */
static bool find_key(const char **s, const char *end, struct lines_part *ret)
{
	static const char *const keys[] = {
		"IPTABLES_MODULES", "IP6TABLES_MODULES", NULL
	}, *const words[] = { "export", "declare", NULL };

	*ret = next_word(s, end, ENDS "+=");
	if (is_one_of(*ret, words))
		*ret = next_word(s, end, ENDS "+=");
	if (!is_one_of(*ret, keys))
		return false;
	if (*s < end && **s == '+')
		++*s;
	if (*s == end || **s != '=')
		return false;
	++*s;
	return true;
}

/* A value in quotes, over several lines too, or a word; shell may follow. */
static int read_assigned(struct reading *r, uint32_t line,
			 struct lines_part was, struct boot_lines *l)
{
	static const char *const none[] = { NULL };
	const char *ends = ENDS ";#";
	struct lines_part key;
	int err;

	if (!find_key(&r->s, r->end, &key))
		return 0;
	/* What is appended begins with a blank, whatever its first name. */
	r->others = r->s[-2] == '+';
	if (r->s < r->end && (*r->s == '"' || *r->s == '\''))
		ends = *r->s++ == '"' ? "\"" : "'";
	strbuf_add(&r->rest, was.s, (size_t)(r->s - was.s));
	read_list(r, ends, none);
	if (r->err || !r->module)
		return r->err;
	strbuf_add(&r->rest, r->s, (size_t)(r->end - r->s));
	err = strbuf_status(&r->rest);
	if (err)
		return err;
	return add_line(l, line, was, strbuf_str(&r->rest), r->module);
}

static int read_softdep(struct reading *r, uint32_t line,
			struct lines_part was, struct boot_lines *l)
{
	static const char *const sides[] = { "pre:", "post:", NULL };
	int err;

	strbuf_add(&r->rest, was.s, (size_t)(r->s - was.s));
	read_list(r, "", sides);
	if (r->err || !r->module)
		return r->err;
	if (!r->others)
		return add_comment(l, line, was, r->module);
	if (was.s[was.n - 1] == '\n' &&
	    (!r->rest.n || r->rest.s[r->rest.n - 1] != '\n'))
		strbuf_puts(&r->rest, "\n");
	err = strbuf_status(&r->rest);
	return err ? err : add_line(l, line, was, strbuf_str(&r->rest),
				    r->module);
}

/* A command of shell: the names that its modprobe or insmod is given. */
static int read_install(struct reading *r, uint32_t line,
			struct lines_part was, struct boot_lines *l)
{
	static const char *const loaders[] = {
		"modprobe", "/sbin/modprobe", "/usr/sbin/modprobe",
		"/bin/modprobe", "/usr/bin/modprobe", "insmod",
		"/sbin/insmod", "/usr/sbin/insmod", NULL
	};
	bool loads = false;

	while (r->s < r->end && !r->err && !r->module) {
		struct lines_part w = next_word(&r->s, r->end, ENDS "\\;&|(){}");

		if (is_one_of(w, loaders))
			loads = true;
		else if (loads && w.n && *w.s != '-')
			(void)needs_tracking(r, w);
	}
	return r->err || !r->module ? r->err :
	       add_comment(l, line, was, r->module);
}

/* Whoever asks for the one name, or for one like it, gets the other module. */
static int read_alias(struct reading *r, uint32_t line,
		      struct lines_part was, struct boot_lines *l)
{
	return needs_tracking(r, next_word(&r->s, r->end, ENDS "\\")) ?
		       add_comment(l, line, was, r->module) : r->err;
}

/* What is said of a module that needs tracking itself makes no difference. */
static int read_modprobe(struct reading *r, uint32_t line,
			 struct lines_part was, struct boot_lines *l)
{
	static const struct {
		const char *word[2];
		int (*read)(struct reading *r, uint32_t line,
			    struct lines_part was, struct boot_lines *l);
	} kinds[] = {
		{ { "alias" }, read_alias },
		{ { "install" }, read_install },
		{ { "softdep" }, read_softdep },
	};
	struct lines_part what = next_word(&r->s, r->end, ENDS);
	struct lines_part of = next_word(&r->s, r->end, ENDS "\\");

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is_one_of(what, kinds[i].word))
			return needs_tracking(r, of) || r->err ?
				       r->err : kinds[i].read(r, line, was, l);
	return 0;
}

/* As systemd takes it; nothing of it can be edited here. */
static int read_command_line(struct reading *r, uint32_t line,
			     struct lines_part was, struct boot_lines *l)
{
	static const char *const keys[] = {
		"modules_load", "modules-load", "rd.modules_load",
		"rd.modules-load", NULL
	};
	struct lines_part w;

	while ((w = next_word(&r->s, r->end, ENDS)).n) {
		const char *s = w.s, *end = w.s + w.n;
		struct lines_part key = next_word(&s, end, "=");

		while (is_one_of(key, keys) && s < end)
			(void)needs_tracking(r, next_word(&s, end, "=,"));
	}
	return r->err || !r->module ? r->err :
	       add_line(l, line, was, "", r->module);
}

static int read_line(enum boot_grammar g, const struct reading *how,
		     uint32_t line, struct lines_part was,
		     struct boot_lines *l)
{
	static int (*const readers[])(struct reading *r, uint32_t line,
				      struct lines_part was,
				      struct boot_lines *l) = {
		[BOOT_NAMES] = read_name,
		[BOOT_ASSIGNED] = read_assigned,
		[BOOT_MODPROBE] = read_modprobe,
		[BOOT_COMMAND_LINE] = read_command_line,
	};
	_cleanup_(reading_release) struct reading r = {
		.s = was.s, .end = was.s + was.n, .needs = how->needs,
		.arg = how->arg,
	};

	return readers[g](&r, line, was, l);
}

static bool goes_on(struct lines_part one)
{
	size_t n = one.n;

	while (n && strchr("\r\n", one.s[n - 1]))
		n--;
	return n && one.s[n - 1] == '\\';
}

/* Of a value that begins with a quote and has no other one yet. */
static bool is_open(struct lines_part all)
{
	struct lines_part key;
	const char *s = all.s, *end = all.s + all.n;
	char quote;

	if (!find_key(&s, end, &key) || s == end || !strchr("\"'", *s))
		return false;
	quote = *s;
	return !memchr(s + 1, quote, (size_t)(end - s) - 1);
}

static bool is_cut(enum boot_grammar g, struct lines_part all,
		   struct lines_part one)
{
	return (g != BOOT_NAMES && goes_on(one)) ||
	       (g == BOOT_ASSIGNED && is_open(all));
}

int boot_lines_read(enum boot_grammar g, const char *text, size_t len,
		    boot_needs_fn *needs, void *arg, struct boot_lines *ret)
{
	_cleanup_(boot_lines_release) struct boot_lines l = { 0 };
	const struct reading how = { .needs = needs, .arg = arg };
	size_t at = 0;
	int err = 0;

	for (uint32_t line = 1; !err && at < len;) {
		struct lines_part one = lines_next(text, len, &at), all = one;
		uint32_t n = 1;

		for (; at < len && is_cut(g, all, one); n++) {
			one = lines_next(text, len, &at);
			all.n += one.n;
		}
		err = read_line(g, &how, line, all, &l);
		line += n;
	}
	if (err)
		return err;
	*ret = l;
	l = (struct boot_lines){ 0 };
	return 0;
}

void boot_lines_release(struct boot_lines *l)
{
	free(l->v);
	*l = (struct boot_lines){ 0 };
}
