/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/xt.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "backends/xtables/xt_guard.h"
#include "core/mem.h"

struct build {
	const struct ipt_args *a;
	bool (*is_chain)(const char *name);
	size_t i;
	struct xt_head head;
	struct xtables_rule_match *matches;
	struct xtables_match *last;	/* of the -m at hand */
	struct xtables_target *t;
	struct xt_entry_target *target;	/* owned */
};

static void build_release(struct build *b)
{
	xtables_rule_matches_free(&b->matches);
	free(b->target);
	if (b->t)
		b->t->t = NULL;
	free(b->head.p);
}

static int missing(const char *what, const char *name)
{
	xt_guard_complain("the kernel or libxtables lacks %s \"%s\"", what,
			  name);
	return -EOPNOTSUPP;
}

static int load_match(struct build *b, const char *name)
{
	struct xtables_match *m = xt_guard_match(name, &b->matches);
	size_t size;

	if (!m)
		return missing("match", name);
	size = XT_ALIGN(sizeof(struct xt_entry_match)) + m->size;
	m->m = calloc(1, size);
	if (!m->m)
		return -ENOMEM;
	m->m->u.match_size = (uint16_t)size;
	snprintf(m->m->u.user.name, sizeof(m->m->u.user.name), "%s",
		 m->real_name ? m->real_name : m->name);
	m->m->u.user.revision = m->revision;
	m->mflags = 0;
	m->option_offset = 0;
	if (m->udata_size) {
		free(m->udata);
		m->udata = calloc(1, m->udata_size);
		if (!m->udata)
			return -ENOMEM;
	}
	if (m->init)
		m->init(m->m);
	b->last = m;
	return 0;
}

static int standard_target(struct build *b, const char *name)
{
	size_t size = XT_ALIGN(sizeof(struct xt_standard_target));

	b->target = calloc(1, size);
	if (!b->target)
		return -ENOMEM;
	if (strlen(name) >= sizeof(b->target->u.user.name))
		return -EINVAL;
	b->target->u.target_size = (uint16_t)size;
	memcpy(b->target->u.user.name, name, strlen(name));
	return 0;
}

static bool is_verdict(const char *name)
{
	return !strcmp(name, "ACCEPT") || !strcmp(name, "RETURN") ||
	       !strcmp(name, "DROP");
}

static int find_target(void *name)
{
	return xt_guard_target(name) ? 0 : -ENOENT;
}

bool xt_is_target(uint8_t family, const char *name)
{
	char word[XT_EXTENSION_MAXNAMELEN];

	snprintf(word, sizeof(word), "%s", name);
	/* libxtables finds one of verdicts under no name at all */
	return *word && !is_verdict(word) &&
	       !xt_guard(family, find_target, word);
}

static int load_target(struct build *b, const char *name)
{
	struct xtables_target *t;
	size_t size;

	if (is_verdict(name) || (b->is_chain && b->is_chain(name)))
		return standard_target(b, name);
	t = xt_guard_target(name);
	if (!t && !b->is_chain)
		return standard_target(b, name);
	if (!t)
		return missing("target", name);
	size = XT_ALIGN(sizeof(struct xt_entry_target)) + t->size;
	b->target = calloc(1, size);
	if (!b->target)
		return -ENOMEM;
	b->target->u.target_size = (uint16_t)size;
	snprintf(b->target->u.user.name, sizeof(b->target->u.user.name), "%s",
		 t->real_name ? t->real_name : t->name);
	b->target->u.user.revision = t->revision;
	t->t = b->target;
	t->tflags = 0;
	t->option_offset = 0;
	if (t->udata_size) {
		free(t->udata);
		t->udata = calloc(1, t->udata_size);
		if (!t->udata)
			return -ENOMEM;
	}
	if (t->init)
		t->init(t->t);
	b->t = t;
	b->last = NULL;
	return 0;
}

/*
 * The number of option `name` (with its dashes) in either kind of table, -1:
 * none; *ret_arg: does it take an argument?
 */
static int find_option(const struct xt_option_entry *x6,
		       const struct option *old, const char *name,
		       bool *ret_arg)
{
	if (strncmp(name, "--", 2))
		return -1;
	for (; x6 && x6->name; x6++)
		if (!strcmp(x6->name, name + 2)) {
			*ret_arg = x6->type != XTTYPE_NONE;
			return (int)x6->id;
		}
	for (; !x6 && old && old->name; old++)
		if (!strcmp(old->name, name + 2)) {
			*ret_arg = old->has_arg;
			return old->val;
		}
	return -1;
}

/* Extensions of the old kind read the globals of getopt(3). */
static int take_extension_option(struct build *b, bool negated)
{
	struct xtables_match *m = b->last;
	struct xtables_target *t = m ? NULL : b->t;
	bool has_arg = false;
	int c = -1;

	if (m)
		c = find_option(m->x6_options, m->extra_opts, b->a->v[b->i],
				&has_arg);
	else if (t)
		c = find_option(t->x6_options, t->extra_opts, b->a->v[b->i],
				&has_arg);
	if (c < 0) {
		xt_guard_complain("option \"%s\" belongs to no match or target named ahead of it (-m tcp, as iptables-save writes it)",
				  b->a->v[b->i]);
		return -EOPNOTSUPP;
	}
	b->i++;
	optarg = has_arg ? b->a->v[b->i++] : NULL;
	if (has_arg && !optarg)
		return -EINVAL;
	optind = (int)b->i;
	if (m)
		xtables_option_mpcall((unsigned int)c, b->a->v, negated, m,
				      b->head.p);
	else
		xtables_option_tpcall((unsigned int)c, b->a->v, negated, t,
				      b->head.p);
	b->i = (size_t)optind;
	return 0;
}

static int take_argument(struct build *b)
{
	const char *const *v = (const char *const *)b->a->v;
	bool negated = !strcmp(v[b->i], "!");
	int err;

	b->i += negated;
	if (b->i >= b->a->n)
		return -EINVAL;
	err = xt_head_take(&b->head, b->a, &b->i, negated);
	if (err != -ENOENT)
		return err;
	if (!strcmp(v[b->i], "-m") && b->i + 1 < b->a->n) {
		b->i += 2;
		return load_match(b, v[b->i - 1]);
	}
	if (!strcmp(v[b->i], "-j") && b->i + 1 < b->a->n) {
		b->i += 2;
		return load_target(b, v[b->i - 1]);
	}
	if (!strcmp(v[b->i], "-g") && b->i + 1 < b->a->n) {
		b->i += 2;
		xt_head_go(&b->head);
		return standard_target(b, v[b->i - 1]);
	}
	return take_extension_option(b, negated);
}

static int build(void *arg)
{
	struct build *b = arg;
	int err = 0;

	while (!err && b->i < b->a->n)
		err = take_argument(b);
	if (err)
		return err;
	for (struct xtables_rule_match *m = b->matches; m; m = m->next)
		xtables_option_mfcall(m->match);
	if (b->t)
		xtables_option_tfcall(b->t);
	/* words of the host's: what has no target passes packets on */
	if (!b->target && !b->is_chain)
		return standard_target(b, "");
	return b->target ? 0 : -EINVAL;
}

static int assemble(const struct build *b, void **ret)
{
	size_t head = xt_head_size(b->head.family), at = head;
	uint8_t *e;

	for (struct xtables_rule_match *m = b->matches; m; m = m->next)
		at += m->match->m->u.match_size;
	e = calloc(1, at + b->target->u.target_size);
	if (!e)
		return -ENOMEM;
	memcpy(e, b->head.p, head);
	at = head;
	for (struct xtables_rule_match *m = b->matches; m; m = m->next) {
		memcpy(e + at, m->match->m, m->match->m->u.match_size);
		at += m->match->m->u.match_size;
	}
	memcpy(e + at, b->target, b->target->u.target_size);
	if (b->head.family == NFPROTO_IPV4) {
		struct ipt_entry *v4 = (struct ipt_entry *)(void *)e;

		v4->target_offset = (uint16_t)at;
		v4->next_offset = (uint16_t)(at + b->target->u.target_size);
	} else {
		struct ip6t_entry *v6 = (struct ip6t_entry *)(void *)e;

		v6->target_offset = (uint16_t)at;
		v6->next_offset = (uint16_t)(at + b->target->u.target_size);
	}
	*ret = e;
	return 0;
}

int xt_build(uint8_t family, const struct ipt_args *a,
	     bool (*is_chain)(const char *name), struct srcpos at, void **ret,
	     struct diags *d)
{
	struct build b = {
		.a = a, .is_chain = is_chain, .head = { .family = family },
	};
	int err;

	b.head.p = calloc(1, xt_head_size(family));
	if (!b.head.p)
		return -ENOMEM;
	err = xt_guard(family, build, &b);
	if (!err)
		err = assemble(&b, ret);
	build_release(&b);
	if (err && err != -ENOMEM)
		diag_add(d, DIAG_ERROR, 0, ID_XTABLES_ARGUMENT, at,
			 "iptables: %s",
			 *xt_guard_message() ? xt_guard_message() :
					       "an argument is missing");
	return err;
}
