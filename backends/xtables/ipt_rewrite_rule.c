/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/ipt_rewrite_rule.c: the lines that stand for one rule. */
#include <errno.h>
#include <string.h>

#include "backends/xtables/ipt_rewrite.h"
#include "backends/xtables/ipt_option.h"
#include "core/mem.h"

#include <linux/netfilter.h>

/* What a word of a rule's text belongs to. */
enum part {
	PART_HEAD,		/* the counters, "-A" */
	PART_CHAIN,
	PART_MATCH,
	PART_STATE,
	PART_PROTO, PART_IIF, PART_OIF,
	PART_ALL,		/* "-p all": asks nothing */
	PART_TARGET,
	PART_TO,		/* its name */
};

struct parts {
	struct ipt_args a;
	enum part *of;
	size_t cap;
	size_t chain;		/* the word */
	struct ipt_own has;
	bool proto_first;	/* -p stands ahead of the state */
};

static void parts_release(struct parts *p)
{
	ipt_args_release(&p->a);
	free(p->of);
	p->of = NULL;
}

/* The word of the option that ipt_option_next() finds from i on, or its "!". */
static size_t option_start(const struct ipt_args *a, size_t i)
{
	size_t at = i;

	while (at < a->n && (a->v[at][0] != '-' || !a->v[at][1]))
		at++;
	return at > i && at < a->n && !strcmp(a->v[at - 1], "!") ? at - 1 : at;
}

static bool is_state_match(const char *name)
{
	return !strcmp(name, "state") || !strcmp(name, "conntrack");
}

static enum part part_of(const struct ipt_option *o, struct parts *p,
			 bool in_target)
{
	static const struct {
		const char *option;
		enum part part;
	} rows[] = {
		{ "--state", PART_STATE }, { "--ctstate", PART_STATE },
		{ "--in-interface", PART_IIF },
		{ "--out-interface", PART_OIF },
		{ "--jump", PART_TARGET }, { "--goto", PART_TARGET },
	};

	if (ipt_option_is(o, "--match"))
		return o->arg && is_state_match(o->arg) ? PART_STATE :
							  PART_MATCH;
	if (ipt_option_is(o, "--protocol") || ipt_option_is(o, "--proto"))
		return o->arg && (!strcasecmp(o->arg, "all") ||
				  !strcmp(o->arg, "0")) ? PART_ALL :
							  PART_PROTO;
	p->has.source |= ipt_option_is(o, "--source") ||
			 ipt_option_is(o, "--src");
	p->has.destination |= ipt_option_is(o, "--destination") ||
			      ipt_option_is(o, "--dst");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (ipt_option_is(o, rows[i].option))
			return rows[i].part;
	return in_target ? PART_TARGET : PART_MATCH;
}

/* Of letters and options that begin a rule's built-in part. */
static bool ends_target(const struct ipt_option *o)
{
	static const char *const names[] = {
		"--match", "--protocol", "--source", "--destination",
		"--in-interface", "--out-interface", "--src", "--dst",
		"--state", "--ctstate",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (ipt_option_is(o, names[i]))
			return true;
	return false;
}

static void mark(struct parts *p, size_t from, size_t to, enum part part)
{
	for (size_t i = from; i < to && i < p->a.n; i++)
		p->of[i] = part;
}

static void sort_words(struct parts *p)
{
	size_t i = p->chain + 1, at = option_start(&p->a, i), next;
	bool in_target = false, seen_state = false;
	struct ipt_option o;

	mark(p, i, at, PART_MATCH);
	while (ipt_option_next(&p->a, &i, &o)) {
		enum part part;

		if (ends_target(&o))
			in_target = false;
		part = part_of(&o, p, in_target);
		in_target |= part == PART_TARGET;
		seen_state |= part == PART_STATE;
		p->proto_first |= part == PART_PROTO && !seen_state;
		next = option_start(&p->a, i);
		mark(p, at, next, part);
		if (part == PART_TARGET && (ipt_option_is(&o, "--jump") ||
					    ipt_option_is(&o, "--goto")) &&
		    at + 1 < p->a.n && next > at + 1)
			p->of[at + 1] = PART_TO;
		at = next;
	}
}

static int read_parts(const struct foreign_rule *r, struct parts *p)
{
	size_t i = 0;
	int err = ipt_args_split(r->raw.s, r->raw.n, &p->a);

	if (!err)
		err = mem_grow(&p->of, &p->cap, p->a.n + 1);
	if (err)
		return err;
	while (i < p->a.n && p->a.v[i][0] != '-')
		i++;
	while (i < p->a.n && (!strcmp(p->a.v[i], "-4") ||
			      !strcmp(p->a.v[i], "-6") ||
			      !strcmp(p->a.v[i], "--ipv4") ||
			      !strcmp(p->a.v[i], "--ipv6")))
		i++;
	p->chain = i + 1;
	if (p->chain >= p->a.n)
		return -EINVAL;
	mark(p, 0, p->chain, PART_HEAD);
	p->of[p->chain] = PART_CHAIN;
	sort_words(p);
	return 0;
}

/* The bytes of a word, with the blanks ahead of it. */
static struct foreign_text word(const struct foreign_rule *r,
				const struct parts *p, size_t i)
{
	const char *s = r->raw.s;
	size_t end = i + 1 < p->a.n ? p->a.col[i + 1] - 1 : r->raw.n;
	size_t start = 0;

	while (end && (s[end - 1] == ' ' || s[end - 1] == '\t'))
		end--;
	if (i) {
		start = p->a.col[i] - 1;
		while (start && (s[start - 1] == ' ' || s[start - 1] == '\t'))
			start--;
	}
	return (struct foreign_text){ s + start, end - start };
}

struct printing {
	const struct ipt_line *l;
	const struct parts *p;
	const char *options;		/* NULL: those that were there */
	unsigned int dims;		/* `options` replaces them */
	const char *target;		/* NULL: the rule's own; "": none */
	bool goes;			/* there, with no way back */
	bool bare;			/* without the rule's other matches */
	bool counters;			/* those of the rule */
};

static bool is_replaced(const struct printing *x, enum part part)
{
	static const struct {
		enum part part;
		enum zone_dim dim;
	} rows[] = {
		{ PART_PROTO, ZONE_PROTO }, { PART_IIF, ZONE_IIF },
		{ PART_OIF, ZONE_OIF },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].part == part)
			return x->dims >> rows[i].dim & 1;
	return part == PART_ALL;
}

static bool is_match(enum part part)
{
	return part == PART_MATCH || part == PART_PROTO ||
	       part == PART_IIF || part == PART_OIF || part == PART_ALL;
}

static void print_chain(const struct printing *x, size_t i,
			struct strbuf *out)
{
	struct foreign_text w = word(x->l->r, x->p, i);

	if (x->l->chain)
		strbuf_printf(out, " %s", x->l->chain);
	else
		strbuf_add(out, w.s, w.n);
}

const char *ipt_rewrite_led_to(const struct ipt_line *l)
{
	const struct foreign_outcome v = { l->r->verdict, l->r->target };
	uint32_t to = foreign_leads_to(l->f, l->r, &v);

	return to == FOREIGN_NOWHERE ? NULL :
	       stateless_copy_name(l->s, to, l->hook);
}

static void print_head(const struct printing *x, size_t i, struct strbuf *out)
{
	struct foreign_text w = word(x->l->r, x->p, i);

	if (!i && w.n && w.s[0] == '[' && !x->counters)
		strbuf_puts(out, "[0:0]");
	else
		strbuf_add(out, w.s, w.n);
}

/* Once the place is reached where the new ones stand. */
static bool takes_options(const struct printing *x, enum part part,
			  bool is_done)
{
	if (!x->options || is_done || part == PART_HEAD || part == PART_CHAIN)
		return false;
	if (x->bare)
		return true;
	return part == PART_STATE && (x->p->proto_first ||
				      x->dims >> ZONE_PROTO & 1);
}

static void print_target(const struct printing *x, struct strbuf *out)
{
	if (x->goes)
		strbuf_puts(out, " -m comment --comment " IPT_JUMP_COMMENT);
	if (x->target && *x->target)
		strbuf_printf(out, " -%c %s", x->goes ? 'g' : 'j', x->target);
}

static void print_word(const struct printing *x, size_t i, bool *target_done,
		       struct strbuf *out)
{
	enum part part = x->p->of[i];
	const char *to = ipt_rewrite_led_to(x->l);
	struct foreign_text w = word(x->l->r, x->p, i);

	if (part == PART_HEAD) {
		print_head(x, i, out);
	} else if (part == PART_CHAIN) {
		print_chain(x, i, out);
	} else if (part == PART_TARGET || part == PART_TO) {
		if (!*target_done)
			print_target(x, out);
		*target_done = true;
		if (!x->target && part == PART_TO && to)
			strbuf_printf(out, " %s", to);
		else if (!x->target)
			strbuf_add(out, w.s, w.n);
	} else if (is_match(part) && !x->bare && !is_replaced(x, part)) {
		strbuf_add(out, w.s, w.n);
	}
}

static void print_line(const struct printing *x, struct strbuf *out)
{
	const struct foreign_rule *r = x->l->r;
	bool options_done = false, target_done = false;
	size_t end = r->raw.n;

	for (size_t i = 0; i < x->p->a.n; i++) {
		if (takes_options(x, x->p->of[i], options_done)) {
			strbuf_puts(out, x->options);
			options_done = true;
		}
		print_word(x, i, &target_done, out);
	}
	if (x->options && !options_done)
		strbuf_puts(out, x->options);
	if (!target_done)
		print_target(x, out);
	while (end && (r->raw.s[end - 1] == ' ' || r->raw.s[end - 1] == '\t'))
		end--;
	strbuf_add(out, r->raw.s + end, r->raw.n - end);
	strbuf_puts(out, x->l->eol);
}

static const char *target_of(const struct ipt_line *l,
			     const struct stateless_rule *r)
{
	return r->does == DO_TARGET   ? NULL :
	       r->does == DO_RETURN   ? "RETURN" :
	       r->does == DO_REMEMBER ? "" : l->s->chains[r->chain].name;
}

/* Where the rule would do what it did, it goes where it is told to. */
static void lead_off(struct printing *x)
{
	if (x->target || !x->l->leave)
		return;
	x->target = x->l->leave;
	x->goes = true;
}

/*
 * TCPMSS wants its own rule to ask for SYN, whatever led there
 * (tcpmss_tg4_check() of net/netfilter/xt_TCPMSS.c).
 */
static void ask_syn(const struct printing *x, struct strbuf *options)
{
	const char *target = x->l->r->target;

	if (x->bare && !x->target && target && !strcmp(target, "TCPMSS"))
		strbuf_puts(options, " -m tcp --tcp-flags SYN SYN");
}

int ipt_rewrite_rule(const struct ipt_line *l, const struct stateless_rule *r,
		     const struct zone *own, bool first, struct strbuf *out)
{
	_cleanup_(parts_release) struct parts p = { 0 };
	_cleanup_(alternatives_release) struct alternatives v = { 0 };
	struct zone known = *own;
	struct printing x = { .l = l, .p = &p, .bare = !r->own,
			      .target = target_of(l, r) };
	int err = read_parts(l->r, &p);

	if (err)
		return err;
	lead_off(&x);
	if (!r->own && !l->inner)
		known = zone_all(own->family);
	/* without -p, no port can be asked for */
	if (!r->own)
		known.dim[ZONE_PROTO] = (struct spans){ 0 };
	err = ipt_rewrite_match(r, &known,
				r->own ? &p.has : &(struct ipt_own){ 0 }, &v,
				&x.dims);
	for (size_t i = 0; !err && i < v.n; i++) {
		ask_syn(&x, &v.v[i]);
		err = strbuf_status(&v.v[i]);
		x.options = strbuf_str(&v.v[i]);
		x.counters = first && !i;
		print_line(&x, out);
	}
	return err;
}

int ipt_rewrite_plain(const struct ipt_line *l, struct strbuf *out)
{
	_cleanup_(parts_release) struct parts p = { 0 };
	struct printing x = { .l = l, .p = &p, .counters = !l->chain };
	size_t i;
	int err = read_parts(l->r, &p);

	if (err)
		return err;
	lead_off(&x);
	for (i = 0; i < p.a.n; i++)
		if (p.of[i] == PART_STATE || p.of[i] == PART_ALL)
			p.of[i] = PART_MATCH;
	print_line(&x, out);
	return 0;
}

int ipt_rewrite_extra(const struct ipt_line *l, const struct stateless_rule *r,
		      struct strbuf *out)
{
	_cleanup_(alternatives_release) struct alternatives v = { 0 };
	const struct zone all = zone_all(r->zone.family);
	unsigned int dims;
	int err = ipt_rewrite_match(r, &all, &(struct ipt_own){ 0 }, &v,
				    &dims);

	for (size_t i = 0; !err && i < v.n; i++)
		strbuf_printf(out, "-A %s%s%s", l->chain,
			      strbuf_text(&v.v[i], &out->lost), l->eol);
	return err;
}

enum stateless_text ipt_text_of(const struct foreign *f,
				const struct foreign_rule *r)
{
	_cleanup_(parts_release) struct parts p = { 0 };
	const char *command;
	int err = read_parts(r, &p);

	(void)f;
	if (err)
		return err == -ENOMEM ? TEXT_LOST : TEXT_OTHER;
	command = p.a.v[p.chain - 1];
	if (strcmp(command, "-I") && strcmp(command, "--insert"))
		return TEXT_APPENDS;
	return p.chain + 1 < p.a.n &&
	       strspn(p.a.v[p.chain + 1], "0123456789") &&
	       strcmp(p.a.v[p.chain + 1], "1") ? TEXT_COUNTS : TEXT_INSERTS;
}
