/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/xt_terms.h"

#include <errno.h>
#include <string.h>

#include "backends/xtables/xt_reader.h"
#include "core/intern.h"
#include "core/mem.h"

#define WORD_MAX 128		/* no address, name or range is as long */

/* The built-in part is looked at first, wherever its words stand. */
static int add(struct xt_reader *r, const struct term *t)
{
	struct foreign *f = r->f;
	size_t at = r->first + r->n_head;
	int err = foreign_add_term(f, t);

	if (err || !r->in_head)
		return err;
	r->n_head++;
	memmove(&f->terms[at + 1], &f->terms[at],
		(f->n_terms - 1 - at) * sizeof(*t));
	f->terms[at] = *t;
	return 0;
}

int xt_put(struct xt_reader *r, struct term t, const struct key_range *v)
{
	int err = foreign_begin_set(r->f, NULL, t.n_fields, false, &t.set);

	if (!err)
		err = foreign_add_key(r->f, v, NULL);
	return err ? err : add(r, &t);
}

int xt_put_opaque(struct xt_reader *r)
{
	bool own = !r->match || r->in_head;
	const char *name = own ? r->o.name + strspn(r->o.name, "-") : r->match;
	struct term t = { .kind = TERM_OPAQUE, .name = intern(name) };

	/* What it asked for is not in a term. */
	r->seen &= ~(unsigned int)SEEN_PORTS;
	return t.name ? add(r, &t) : -ENOMEM;
}

/* The set begun last; nothing looks it up. */
static void abandon_set(struct foreign *f)
{
	f->n_ranges = f->sets[--f->n_sets].first;
}

static int fill_list(struct xt_reader *r, const char *words, xt_parse *parse)
{
	while (true) {
		size_t n = strcspn(words, ",");
		struct key_range v = { 0 };
		char word[WORD_MAX];
		int err;

		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, words, n);
		word[n] = '\0';
		err = parse(r, word, &v);
		if (!err)
			err = foreign_add_key(r->f, &v, NULL);
		if (err || !words[n])
			return err;
		words += n + 1;
	}
}

int xt_put_list(struct xt_reader *r, struct term t, const char *words,
		xt_parse *parse)
{
	bool is_addr = t.field[0] == FIELD_SADDR || t.field[0] == FIELD_DADDR;
	int err = foreign_begin_set(r->f, NULL, 1, false, &t.set);

	if (err)
		return err;
	if (is_addr)
		t.family = r->family;
	t.n_fields += !t.n_fields;
	err = words ? fill_list(r, words, parse) : -EINVAL;
	if (!err)
		return add(r, &t);
	abandon_set(r->f);
	return err == -EINVAL ? xt_put_opaque(r) : err;
}

const char *xt_word(const struct xt_reader *r, size_t k)
{
	bool glued = r->o.arg && (r->i >= r->a->n || r->o.arg != r->a->v[r->i]);

	if (!k)
		return r->o.arg;
	k -= glued;
	return r->i + k < r->a->n ? r->a->v[r->i + k] : NULL;
}

static bool is_verdict(const char *target)
{
	return !strcmp(target, "ACCEPT") || !strcmp(target, "DROP") ||
	       !strcmp(target, "RETURN");
}

/*
 * Neither ours to know nor of a match that is opaque as a whole. What stands
 * behind a target is the target's.
 */
static int take_unknown(struct xt_reader *r)
{
	static const char *const idle[] = {
		"", "--comment", "--set-counters", "--wait", "--verbose",
		"--ipv4", "--ipv6", "--numeric",
	};

	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		if (!strcmp(r->o.name, idle[i]))
			return 0;
	if (r->target && !is_verdict(r->target)) {
		if (ipt_option_is(&r->o, "--unknown-revision"))
			r->seen |= SEEN_LOSE_MARK;
		return 0;
	}
	return r->is_opaque ? 0 : xt_put_opaque(r);
}

static int take_option(struct xt_reader *r)
{
	bool foreign = r->is_opaque || (r->target && !is_verdict(r->target));
	const struct xt_option_row *row;

	if (ipt_option_is(&r->o, "--match"))
		return r->o.arg ? xt_begin_match(r) : 0;
	if (ipt_option_is(&r->o, "--jump") || ipt_option_is(&r->o, "--goto")) {
		r->target = r->o.arg;
		return 0;
	}
	row = xt_find_option(r->o.name, !foreign);
	r->in_head = row && row->in_head;
	if (row)
		r->seen |= row->seen;
	return row ? row->take(r, row) : take_unknown(r);
}

int xt_terms_add(struct foreign *f, uint8_t family, const struct ipt_args *a,
		 size_t first, const struct xt_set_source *sets)
{
	struct xt_reader r = {
		.f = f, .family = family, .a = a, .sets = sets,
		.first = f->n_terms, .mark = FIELD_MARK,
		.nf_mask = UINT32_MAX, .ct_mask = UINT32_MAX,
	};
	int err = 0;

	r.i = first;
	while (!err && ipt_option_next(a, &r.i, &r.o))
		err = take_option(&r);
	r.in_head = false;
	if (!err)
		err = xt_end_match(&r);
	return err ? err : xt_end_target(&r);
}

static const struct {
	const char *table, *chain, *type, *hook, *priority;
} hooks[] = {
	{ "raw", "PREROUTING", "filter", "prerouting", "-300" },
	{ "raw", "OUTPUT", "filter", "output", "-300" },
	{ "mangle", "PREROUTING", "filter", "prerouting", "-150" },
	{ "mangle", "INPUT", "filter", "input", "-150" },
	{ "mangle", "FORWARD", "filter", "forward", "-150" },
	{ "mangle", "OUTPUT", "route", "output", "-150" },
	{ "mangle", "POSTROUTING", "filter", "postrouting", "-150" },
	{ "nat", "PREROUTING", "nat", "prerouting", "-100" },
	{ "nat", "INPUT", "nat", "input", "100" },
	{ "nat", "OUTPUT", "nat", "output", "-100" },
	{ "nat", "POSTROUTING", "nat", "postrouting", "100" },
	{ "filter", "INPUT", "filter", "input", "0" },
	{ "filter", "FORWARD", "filter", "forward", "0" },
	{ "filter", "OUTPUT", "filter", "output", "0" },
	{ "security", "INPUT", "filter", "input", "50" },
	{ "security", "FORWARD", "filter", "forward", "50" },
	{ "security", "OUTPUT", "filter", "output", "50" },
};

void xt_terms_chain(const char *table, struct host_chain *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(table, hooks[i].table) &&
		    !strcmp(c->name, hooks[i].chain)) {
			c->type = hooks[i].type;
			c->hook = hooks[i].hook;
			c->priority = hooks[i].priority;
		}
}
