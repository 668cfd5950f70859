/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/ipt_edits.h"

#include <errno.h>
#include <string.h>

#include "backends/lower/edits.h"
#include "backends/xtables/ipt_edits_put.h"
#include "backends/xtables/ipt_rewrite.h"
#include "core/intern.h"
#include "core/mem.h"
#include "rules/walk.h"

#include <linux/netfilter.h>

/* One whose rules are of iptables, whichever kernel part holds them. */
static bool is_iptables(const struct editing *x,
			const struct foreign_table *t)
{
	return t->world == x->names->world &&
	       (t->family == NFPROTO_IPV4 || t->family == NFPROTO_IPV6) &&
	       (t->world == WORLD_LEGACY || t->ranked);
}

/* Not raw, ahead of connection tracking, nor nat, whose rules need it. */
static bool is_edited_table(const char *name)
{
	static const char *const names[] = { "filter", "mangle", "security" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* Those that the backend may write to; NULL: not this one. */
static const char *prefix_of(const struct editing *x, uint32_t chain,
			     uint8_t hook)
{
	const struct {
		uint8_t hook;
		const char *prefix;
	} rows[] = {
		{ NF_INET_LOCAL_IN, x->names->input },
		{ NF_INET_FORWARD, x->names->forward },
		{ NF_INET_LOCAL_OUT, x->names->output },
		{ NF_INET_PRE_ROUTING, x->names->prerouting },
		{ NF_INET_POST_ROUTING, x->names->postrouting },
	};
	const struct foreign_table *t = edits_table(x, chain);

	if (!is_iptables(x, t) || !is_edited_table(t->name))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].hook == hook)
			return rows[i].prefix;
	return NULL;
}

static int refuse(struct editing *x, uint32_t chain,
		  const struct foreign_rule *r, const char *why)
{
	return lower_refuse_edit(x->f, chain, r, why, x->d);
}

static int name_chain(void *arg, uint32_t chain, uint8_t hook,
		      const struct foreign_rule *r, uint32_t number,
		      const char **ret)
{
	static const struct foreign_text none = { "", 0 };
	const struct editing *x = arg;
	const char *prefix = prefix_of(x, chain, hook);

	if (!prefix)
		return 0;
	*ret = edits_name(x, prefix, 'c', chain, r ? &r->raw : &none, number);
	return *ret ? 0 : -ENOMEM;
}

static int print_edit(const struct editing *x, struct ipt_line *l,
		      const struct stateless_edit *e, struct strbuf *out)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < e->n; i++)
		err = ipt_rewrite_rule(l, &x->s->rules[e->first + i], &e->own,
				       false, out);
	return err;
}

/*
 * What stands in a rule's place, going to `leave` (NULL: anywhere) where it
 * would leave its chain; *ret: it is not the rule itself.
 */
static int print_rule(struct editing *x, uint32_t rule, uint8_t hook,
		      const char *chain, const char *leave, struct strbuf *out,
		      bool *ret)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	const struct stateless_edit *e = stateless_find(x->s, rule, hook);
	struct ipt_line l = { x->f, x->s, r, hook, "\n", chain, false,
			      leave };
	bool led = ipt_rewrite_led_to(&l) != NULL;
	int err = 0;

	if (e)
		err = print_edit(x, &l, e, out);
	if (!err && led && (!e || e->stays))
		err = ipt_rewrite_plain(&l, out);
	if (!err)
		*ret = led || (e && !e->stays);
	return err;
}

/* None of ctpolicy's chains can stand there. */
static int refuse_table(struct editing *x, uint32_t chain,
			const struct foreign_rule *r)
{
	int err = refuse(x, chain, r,
			 "of iptables' tables this version replaces rules in filter, mangle and security alone");

	diag_help(x->d,
		  "'ctpolicy audit FILE --rewrite' replaces the rule in a saved ruleset");
	return err;
}

static int check_rule(struct editing *x, const struct foreign_rule *r,
		      const char *prefix)
{
	if (!prefix)
		return refuse_table(x, r->chain, r);
	if (r->raw.n < 3 || memcmp(r->raw.s, "-A ", 3) != 0)
		return refuse(x, r->chain, r,
			      "not all that it asks could be put into the words of iptables");
	if (memchr(r->raw.s, '\n', r->raw.n))
		return refuse(x, r->chain, r, "its text has several lines");
	return 0;
}

/* What the rule does, in the chain `to`. */
static int put_end(struct editing *x, uint32_t rule, const char *to)
{
	struct foreign_rule *r = &x->f->rules[rule];
	uint8_t hook = x->s->hooks[r->chain];
	const struct ipt_line l = { x->f, x->s, r, hook, "\n", "X", false,
				    NULL };
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	const char *chain = ipt_rewrite_led_to(&l);
	int err = edits_put_chain(x, r->chain, to);

	if (r->verdict == FOREIGN_GOTO)
		strbuf_printf(&text, "-A X -g %s\n", chain ? chain : r->target);
	return err ? err : edits_put_lines(x, r->chain, to, &text);
}

struct stand_in {
	const char *prefix, *name;
	const char *leave;		/* NULL: it need not leave */
	bool goes;			/* the rule that it is for */
};

/*
 * A rule that leaves its chain, be it for another one, can't do it from within
 * a chain that is called: what asks for its packets stands in its place, and
 * goes to a chain that does the rest. The jump ahead of it tells the original,
 * and leads to what only remembers.
 */
static int put_leaving(struct editing *x, uint32_t rule,
		       const struct stand_in *to, uint32_t behind,
		       struct strbuf *text)
{
	uint32_t chain = x->f->rules[rule].chain;
	_cleanup_(strbuf_release) struct strbuf here = { 0 }, ahead = { 0 };
	size_t n = strlen(to->leave);
	const char *end, *s;
	int err = strbuf_status(text);

	for (s = strbuf_str(text); (end = strchr(s, '\n')); s = end + 1) {
		size_t len = (size_t)(end - s);
		bool leaves = len > n && !memcmp(end - n, to->leave, n);

		strbuf_add(leaves ? &here : &ahead, s, len + 1);
	}
	if (!err)
		err = edits_put_lines(x, chain, to->name, &ahead);
	if (!err)
		err = edits_put_in_place(x, chain, behind, &here);
	return err || !here.n ? err : put_end(x, rule, to->leave);
}

static int name_stand_in(const struct editing *x, uint32_t rule,
			 struct stand_in *to)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	uint32_t alike = lower_alike_ahead(x->f, rule, NULL);
	bool leaves = to->goes && foreign_leaves_chain(x->f, r);

	to->name = edits_name(x, to->prefix, to->goes ? 'r' : 's', r->chain,
			      &r->raw, alike);
	if (leaves)
		to->leave = edits_name(x, to->prefix, 'g', r->chain, &r->raw,
				       alike);
	return to->name && (to->leave || !leaves) ? 0 : -ENOMEM;
}

static int put_stand_in(struct editing *x, uint32_t rule,
			const struct stand_in *to, uint32_t *behind,
			struct strbuf *text)
{
	struct foreign_rule *r = &x->f->rules[rule];
	int err = edits_put_chain(x, r->chain, to->name);

	if (!err && !to->leave)
		err = edits_put_lines(x, r->chain, to->name, text);
	if (!err)
		err = edits_put_jump(x, r->chain, *behind, to->name,
				     to->goes ? r->original : NULL);
	if (!err && to->leave)
		err = put_leaving(x, rule, to, *behind, text);
	*behind += !to->goes;
	if (to->goes)
		r->stand_in = to->name;
	return err;
}

static int edit_rule(struct editing *x, uint32_t rule, uint32_t *behind)
{
	struct foreign_rule *r = &x->f->rules[rule];
	const struct foreign_table *t = edits_table(x, r->chain);
	uint8_t hook = x->s->hooks[r->chain];
	const struct stateless_edit *e = stateless_find(x->s, rule, hook);
	const struct ipt_line l = { x->f, x->s, r, hook, "\n", NULL, false,
				    NULL };
	struct stand_in to = { .prefix = prefix_of(x, r->chain, hook) };
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	int err;

	if (!e && !ipt_rewrite_led_to(&l)) {
		++*behind;
		return 0;
	}
	to.goes = !e || !e->stays || ipt_rewrite_led_to(&l);
	err = check_rule(x, r, to.prefix);
	if (!err)
		err = name_stand_in(x, rule, &to);
	if (!err)
		err = print_rule(x, rule, hook, "X", to.leave, &text,
				 &to.goes);
	if (err)
		return err;
	if (to.goes && !r->original)
		return refuse(x, r->chain, r, "the kernel's own form of it is not known");
	if (to.goes)
		x->edited[t->family == NFPROTO_IPV6] = t->name;
	return put_stand_in(x, rule, &to, behind, &text);
}

/* What is added to the end of a chain. */
static int edit_end(struct editing *x, const struct stateless_edit *e,
		    uint32_t behind)
{
	const struct foreign_text end = { "end", 3 };
	const char *prefix = prefix_of(x, e->chain, e->hook), *name;
	struct ipt_line l = { x->f, x->s, NULL, e->hook, "\n", "X", false, NULL };
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	int err;

	if (!prefix)
		return refuse_table(x, e->chain, NULL);
	name = edits_name(x, prefix, 's', e->chain, &end, 0);
	err = name ? ipt_rewrite_extra(&l, &x->s->rules[e->first], &text) :
		     -ENOMEM;
	if (!err)
		err = edits_put_lines(x, e->chain, name, &text);
	return err ? err : edits_put_jump(x, e->chain, behind, name, NULL);
}

/* A kernel lists rules in their order, chain by chain. */
static int edit_rules(struct editing *x)
{
	_cleanup_free_ uint32_t *behind = calloc(x->f->n_chains + 1,
						 sizeof(*behind));
	int err = behind ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < x->f->n_rules; i++) {
		const struct foreign_rule *r = &x->f->rules[i];

		if (!foreign_is_gone(r) &&
		    is_iptables(x, edits_table(x, r->chain)))
			err = edit_rule(x, i, &behind[r->chain]);
	}
	for (size_t i = 0; !err && i < x->s->n_edits; i++) {
		const struct stateless_edit *e = &x->s->edits[i];

		if (e->rule == FOREIGN_NOWHERE && !e->left &&
		    is_iptables(x, edits_table(x, e->chain)))
			err = edit_end(x, e, behind[e->chain]);
	}
	return err;
}

static int put_copy(struct editing *x, const struct stateless_copy *c)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	bool is_other;
	int err;

	if (!is_iptables(x, edits_table(x, c->chain)))
		return 0;
	err = edits_put_chain(x, c->chain, c->name);
	lower_tell_copy(x->f, c, x->d);
	for (uint32_t i = 0; !err && i < x->f->n_rules; i++) {
		const struct foreign_rule *r = &x->f->rules[i];

		if (r->chain != c->chain || foreign_is_gone(r))
			continue;
		is_other = false;
		err = check_rule(x, r, prefix_of(x, c->chain, c->hook));
		if (!err)
			err = print_rule(x, i, c->hook, c->name, NULL, &text,
					 &is_other);
		if (!err && !is_other) {
			struct ipt_line l = { x->f, x->s, r, c->hook, "\n",
					      c->name, false, NULL };

			err = ipt_rewrite_plain(&l, &text);
		}
	}
	return err ? err : edits_put_lines(x, c->chain, c->name, &text);
}

static int put_called(struct editing *x, const struct stateless_chain *c)
{
	const struct foreign_rule *r = &x->f->rules[c->rule];
	struct ipt_line l = { x->f, x->s, r, c->hook, "\n", c->name, true, NULL };
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	int err;

	if (!is_iptables(x, edits_table(x, r->chain)))
		return 0;
	err = edits_put_chain(x, r->chain, c->name);
	for (uint32_t i = 0; !err && i < c->n; i++)
		err = ipt_rewrite_rule(&l, &x->s->inner[c->first + i], &c->own,
				       false, &text);
	return err ? err : edits_put_lines(x, r->chain, c->name, &text);
}

/* Reassembly goes with tracking; one socket match keeps it, called or not. */
static int keep_reassembly(struct editing *x, uint8_t family)
{
	bool v6 = family == NFPROTO_IPV6;
	struct image_table *t;
	const char *name;

	if (!x->edited[v6] || x->has_socket[v6])
		return 0;
	t = image_find_table(x->img, family, "filter");
	if (!t)
		t = image_find_table(x->img, family, x->edited[v6]);
	name = intern_printf("%s.c-socket", x->names->input);
	return name ? edits_put_words(x, t, name, "-A X -m socket -j RETURN") :
		      -ENOMEM;
}

static int put_all(struct editing *x)
{
	int err = lower_name_chains(x->f, x->s, name_chain, x);

	if (!err)
		err = edit_rules(x);
	for (size_t i = 0; !err && i < x->s->n_copies; i++)
		err = put_copy(x, &x->s->copies[i]);
	for (size_t i = 0; !err && i < x->s->n_chains; i++)
		if (stateless_find(x->s, x->s->chains[i].rule,
				   x->s->chains[i].hook))
			err = put_called(x, &x->s->chains[i]);
	if (!err)
		err = keep_reassembly(x, NFPROTO_IPV4);
	return err ? err : keep_reassembly(x, NFPROTO_IPV6);
}

/* The chains in which jumps were put. */
static bool is_edited(const struct editing *x, const struct image_table *t,
		      const struct image_chain *c)
{
	return c->foreign && is_edited_table(t->name) &&
	       (x->names->world == WORLD_LEGACY || t->iptables);
}

int ipt_put_edits(const struct ipt_edit_names *names, struct foreign *f,
		  struct stateless *s, struct image *img, struct diags *d)
{
	struct editing x = { .names = names, .f = f, .s = s, .img = img,
			     .d = d };
	int err = put_all(&x);

	if (err)
		return err;
	for (size_t i = 0; i < img->n_tables; i++) {
		struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_chains; k++)
			if (is_edited(&x, t, &t->chains[k]))
				image_settle_chain(&t->chains[k]);
	}
	return image_normalize(img);
}
