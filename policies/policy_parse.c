/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_parse.c: the policy as a whole. */
#include <string.h>

#include "core/mem.h"
#include "policies/policy_load.h"

enum root_key {
	RK_VERSION, RK_STATE, RK_EXISTING, RK_BACKEND, RK_FAMILIES, RK_LISTS,
	RK_MANAGEMENT, RK_UNTRACKED, RK_TRACKED, RK_CONNTRACK, RK_TESTS,
	RK_INCLUDE, RK_VARS, RK_WHEN, RK_MAX_
};

static const struct key root_keys[] = {
	[RK_VERSION] = { "version", WANT_WORD, true, false },
	[RK_STATE] = { "state_matching", WANT_WORD, true, false },
	[RK_EXISTING] = { "existing_rules", WANT_WORD, false, false },
	[RK_BACKEND] = { "backend", WANT_WORD, false, false },
	[RK_FAMILIES] = { "families", WANT_LIST, false, false },
	[RK_MANAGEMENT] = { "management", WANT_LIST, false, false },
	[RK_UNTRACKED] = { "untracked", WANT_LIST, false, false },
	[RK_TRACKED] = { "tracked", WANT_LIST, false, false },
	[RK_CONNTRACK] = { "conntrack", WANT_MAP, false, false },
	[RK_TESTS] = { "tests", WANT_LIST, false, false },
	[RK_INCLUDE] = { "include", WANT_WORD, false, true },
	[RK_VARS] = { "vars", WANT_WORD, false, true },
	[RK_WHEN] = { "when", WANT_WORD, false, true },
	[RK_LISTS] = { "lists", WANT_MAP, false, false },
};

_Static_assert(ARRAY_SIZE(root_keys) == RK_MAX_, "a key of the policy");

static int load_version(struct loader *l, uint32_t node)
{
	uint64_t version;

	return load_number(l, node, "version", 1, 1, &version);
}

static int load_state(struct loader *l, uint32_t node)
{
	static const struct word words[] = {
		{ "allowed", false, false }, { "forbidden", true, false },
	};
	int forbid = false, err;

	err = load_word(l, node, "state_matching", words, ARRAY_SIZE(words),
			&forbid);
	if (err)
		return err;
	l->p->forbid_state = forbid;
	l->p->forbid_at = ydoc_pos(l->doc, node);
	return 0;
}

static int load_existing(struct loader *l, uint32_t node)
{
	static const struct word words[] = {
		{ "report", false, false }, { "replace", true, true },
	};
	int replace = false, err;

	err = load_word(l, node, "existing_rules", words, ARRAY_SIZE(words),
			&replace);
	if (err)
		return err;
	l->p->replace_existing = replace;
	l->p->existing_at = ydoc_pos(l->doc, node);
	return 0;
}

static int load_backend(struct loader *l, uint32_t node)
{
	static const struct word words[] = {
		{ "auto", 0, false },
		{ "nftables", 1, false },
		{ "iptables", 2, false },
	};
	int i = 0, err;

	err = load_word(l, node, "backend", words, ARRAY_SIZE(words), &i);
	if (!err)
		l->p->backend = i ? words[i].name : NULL;
	return err;
}

static int load_family(struct loader *l, uint32_t node, void *arg)
{
	static const struct word words[] = {
		{ "ipv4", 4, false }, { "ipv6", 6, false },
	};
	struct policy *p = arg;
	int family = 0, err;
	bool *seen;

	err = load_word(l, node, "families", words, ARRAY_SIZE(words), &family);
	if (err)
		return err;
	seen = family == 4 ? &p->ipv4 : &p->ipv6;
	if (*seen)
		load_warning(l, ydoc_pos(l->doc, node), ID_LISTED_TWICE,
			     "remove one of them", "a family is listed twice");
	*seen = true;
	return 0;
}

static int load_families(struct loader *l, uint32_t node)
{
	int err;

	l->p->ipv4 = l->p->ipv6 = false;
	err = load_each(l, node, "families", "write ipv4 or ipv6", load_family,
			l->p);
	l->families_known = !err;
	return err;
}

static int load_section(struct loader *l, enum root_key k, uint32_t node)
{
	switch (k) {
	case RK_VERSION:
		return load_version(l, node);
	case RK_STATE:
		return load_state(l, node);
	case RK_EXISTING:
		return load_existing(l, node);
	case RK_BACKEND:
		return load_backend(l, node);
	case RK_FAMILIES:
		return load_families(l, node);
	case RK_MANAGEMENT:
		return load_services(l, node, SECTION_MANAGEMENT);
	case RK_UNTRACKED:
		return load_services(l, node, SECTION_UNTRACKED);
	case RK_TRACKED:
		return load_services(l, node, SECTION_TRACKED);
	case RK_CONNTRACK:
		return load_conntrack(l, node);
	case RK_TESTS:
		return load_tests(l, node);
	case RK_LISTS:
		return load_lists(l, node);
	case RK_INCLUDE:
	case RK_VARS:
	case RK_WHEN:
	case RK_MAX_:
		break;
	}
	return 0;
}

/*
 * -EINVAL if the policy is of another version: none of what this one would
 * say about it can be trusted.
 */
static int check_version(struct loader *l)
{
	uint32_t node = load_find(l, YNODE_ROOT, "version");
	const char *s;

	if (node == NO_NODE || ydoc_kind(l->doc, node) != YNODE_SCALAR)
		return 0;
	s = ydoc_text(l->doc, node);
	if (!s)
		return -ENOMEM;
	if (*s < '2' || *s > '9' || s[strspn(s, "0123456789")])
		return 0;
	load_error(l, node, ID_VERSION,
		   "version %s of the policy language is not known",
		   load_shown(l, s));
	diag_help(l->d, "this ctpolicy reads `version: 1`");
	return -EINVAL;
}

static int load_root(struct loader *l)
{
	struct srcpos at = ydoc_pos(l->doc, YNODE_ROOT);
	uint32_t node[RK_MAX_];
	bool given[RK_MAX_];
	int err;

	if (ydoc_kind(l->doc, YNODE_ROOT) == YNODE_BAD)
		return -EINVAL;
	if (ydoc_kind(l->doc, YNODE_ROOT) != YNODE_MAP) {
		load_error(l, YNODE_ROOT, ID_WRONG_KIND,
			   "a policy is a mapping of keys to values");
		diag_help(l->d, "begin with `version: 1`; see "
			  "ctpolicy.yaml(5)");
		return -EINVAL;
	}
	err = check_version(l);
	if (!err)
		err = load_map(l, YNODE_ROOT, "the policy", at, root_keys,
			       RK_MAX_, node, given);
	if (err)
		return err;
	l->families_known = !given[RK_FAMILIES];
	l->lists_unread = given[RK_LISTS] && node[RK_LISTS] == NO_NODE;
	for (int k = 0; k < RK_MAX_ && err != -ENOMEM && !load_full(l); k++)
		if (node[k] != NO_NODE)
			err = load_section(l, (enum root_key)k, node[k]);
	if (err == -ENOMEM)
		return err;
	if (!given[RK_UNTRACKED] && !given[RK_MANAGEMENT] &&
	    !given[RK_CONNTRACK] && !given[RK_TRACKED] &&
	    !l->p->forbid_state) {
		diag_add(l->d, DIAG_ERROR, 0, ID_NO_SERVICES, at,
			 "the policy names no service");
		diag_help(l->d, "list services under `untracked`");
	}
	check_policy(l);
	return 0;
}

static bool later(const struct diag *a, const struct diag *b)
{
	return a->at.line > b->at.line ||
	       (a->at.line == b->at.line && a->at.col > b->at.col);
}

/* Into the order of the file; those of one place stay as they were found. */
static void sort_diags(struct diags *d, size_t from)
{
	for (size_t i = from + 1; i < d->n; i++) {
		struct diag moved = d->v[i];
		size_t k = i;

		for (; k > from && later(&d->v[k - 1], &moved); k--)
			d->v[k] = d->v[k - 1];
		d->v[k] = moved;
	}
}

static int finish(struct loader *l)
{
	sort_diags(l->d, l->before);
	if (load_full(l))
		diag_add(l->d, DIAG_NOTE, 0, ID_TOO_MANY_ERRORS,
			 (struct srcpos){ .file = l->p->file },
			 "too many errors: the rest of the file was not "
			 "checked");
	if (l->d->lost)
		return -ENOMEM;
	return l->d->errors > l->errors_before ? -EINVAL : 0;
}

static void loader_release(struct loader *l)
{
	ydoc_free(&l->doc);
	lists_release(l);
	policy_free(&l->p);
	port_names_release(&l->names);
}

int policy_parse(const char *file, const char *text, size_t len,
		 struct policy **ret, struct diags *d)
{
	_cleanup_(loader_release) struct loader l = {
		.d = d, .before = d->n, .errors_before = d->errors,
	};
	int err;

	err = ydoc_parse(file, text, len, &l.doc, d);
	if (err)
		return err;
	l.p = calloc(1, sizeof(*l.p));
	if (!l.p)
		return -ENOMEM;
	l.p->file = file;
	l.p->ipv4 = l.p->ipv6 = true;
	l.p->flush_services = true;
	err = load_root(&l);
	if (err != -ENOMEM)
		err = finish(&l);
	if (err)
		return err;
	*ret = TAKE_PTR(l.p);
	return 0;
}
