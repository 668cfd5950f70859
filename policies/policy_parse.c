/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_parse.c: the policy as a whole. */
#include <string.h>

#include "core/mem.h"
#include "policies/policy_load.h"

enum root_key {
	RK_VERSION, RK_STATE, RK_EXISTING, RK_KEEP, RK_BACKEND, RK_COUNTERS,
	RK_FAMILIES, RK_LISTS, RK_MANAGEMENT, RK_UNTRACKED, RK_TRACKED,
	RK_CONNTRACK, RK_TESTS, RK_INCLUDE, RK_VARS, RK_WHEN, RK_MAX_
};

static const struct key root_keys[] = {
	[RK_VERSION] = { "version", WANT_WORD, true, false },
	/* required of all files together */
	[RK_STATE] = { "state_matching", WANT_WORD, false, false },
	[RK_EXISTING] = { "existing_rules", WANT_WORD, false, false },
	[RK_KEEP] = { "keep", WANT_LIST, false, false },
	[RK_BACKEND] = { "backend", WANT_WORD, false, false },
	[RK_COUNTERS] = { "counters", WANT_WORD, false, false },
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

static const struct word keep_words[] = {
	{ "nat", KEEP_NAT, false },
	{ "helpers", KEEP_HELPERS, false },
	{ "limits", KEEP_LIMITS, false },
	{ "marks", KEEP_MARKS, false },
	{ "synproxy", KEEP_SYNPROXY, false },
};

void policy_keep_print(unsigned int keeps, struct strbuf *out)
{
	const char *before = "";

	for (size_t i = 0; i < ARRAY_SIZE(keep_words); i++) {
		if (!(keeps & (unsigned int)keep_words[i].value))
			continue;
		strbuf_printf(out, "%s%s", before, keep_words[i].name);
		before = ", ";
	}
}

static int load_kept(struct loader *l, uint32_t node, void *arg)
{
	return load_listed(l, node, "keep", keep_words, ARRAY_SIZE(keep_words),
			   "a word is listed twice", arg);
}

/* What the files list adds up. */
static int load_keep(struct loader *l, uint32_t node)
{
	unsigned int seen = 0;
	int err = load_each(l, node, "keep", "write what may stay", load_kept,
			    &seen);

	l->p->keeps |= seen;
	l->p->keeps_at = ydoc_pos(l->doc, node);
	return err;
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

#define FAMILY_IPV4 (1 << 0)
#define FAMILY_IPV6 (1 << 1)

static int load_family(struct loader *l, uint32_t node, void *arg)
{
	static const struct word words[] = {
		{ "ipv4", FAMILY_IPV4, false }, { "ipv6", FAMILY_IPV6, false },
	};

	return load_listed(l, node, "families", words, ARRAY_SIZE(words),
			   "a family is listed twice", arg);
}

/* What the files list adds up. */
static int load_families(struct loader *l, uint32_t node)
{
	unsigned int seen = 0;
	int err = load_each(l, node, "families", "write ipv4 or ipv6",
			    load_family, &seen);

	if (!l->families_listed)
		l->p->ipv4 = l->p->ipv6 = false;
	l->families_listed = true;
	l->p->ipv4 |= (seen & FAMILY_IPV4) != 0;
	l->p->ipv6 |= (seen & FAMILY_IPV6) != 0;
	l->families_known &= !err;
	return err;
}

static int load_section(struct loader *l, enum root_key k, uint32_t node)
{
	bool first = true;
	int err = 0;

	if (k != RK_VERSION && root_keys[k].kind == WANT_WORD)
		err = load_once(l, root_keys[k].name, node, &first);
	if (err || !first)
		return err;
	switch (k) {
	case RK_VERSION:
		return load_version(l, node);
	case RK_STATE:
		return load_state(l, node);
	case RK_EXISTING:
		return load_existing(l, node);
	case RK_KEEP:
		return load_keep(l, node);
	case RK_BACKEND:
		return load_backend(l, node);
	case RK_COUNTERS:
		l->p->counters_at = ydoc_pos(l->doc, node);
		return load_flag(l, node, root_keys[k].name, &l->p->counters);
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

/* The root of one file. */
struct root {
	struct srcpos at;
	uint32_t node[RK_MAX_];
	bool given[RK_MAX_];
};

static int open_root(struct loader *l, struct root *r)
{
	int err;

	r->at = ydoc_pos(l->doc, YNODE_ROOT);
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
	return err ? err : load_map(l, YNODE_ROOT, "the policy", r->at,
				    root_keys, RK_MAX_, r->node, r->given);
}

static int open_roots(struct loader *l, struct root *v)
{
	int err = 0;

	l->families_known = true;
	for (size_t i = 0; i < l->n_docs && err != -ENOMEM; i++) {
		int one;

		l->doc = l->docs[i];
		one = open_root(l, &v[i]);
		err = one ? one : err;
		if (one)
			continue;
		l->families_known &= !v[i].given[RK_FAMILIES] ||
				     v[i].node[RK_FAMILIES] != NO_NODE;
		l->lists_unread |= v[i].given[RK_LISTS] &&
				   v[i].node[RK_LISTS] == NO_NODE;
	}
	return err;
}

static bool some_gives(const struct loader *l, const struct root *v,
		       enum root_key k)
{
	for (size_t i = 0; i < l->n_docs; i++)
		if (v[i].given[k])
			return true;
	return false;
}

/* A section of all files, then the next: what uses lists comes behind them. */
static int load_roots(struct loader *l, struct root *v)
{
	int err = 0;

	for (int k = 0; k < RK_MAX_; k++)
		for (size_t i = 0; i < l->n_docs; i++) {
			if (v[i].node[k] == NO_NODE || load_full(l))
				continue;
			l->doc = l->docs[i];
			err = load_section(l, (enum root_key)k, v[i].node[k]);
			if (err == -ENOMEM)
				return err;
		}
	return 0;
}

static int load_policy(struct loader *l)
{
	_cleanup_free_ struct root *v = calloc(l->n_docs, sizeof(*v));
	int err = v ? open_roots(l, v) : -ENOMEM;

	if (!err)
		err = load_roots(l, v);
	if (err)
		return err;
	if (!some_gives(l, v, RK_STATE))
		load_missing(l, "the policy", v->at,
			     root_keys[RK_STATE].name);
	if (!some_gives(l, v, RK_UNTRACKED) &&
	    !some_gives(l, v, RK_MANAGEMENT) &&
	    !some_gives(l, v, RK_TRACKED) &&
	    !some_gives(l, v, RK_CONNTRACK) && !l->p->forbid_state) {
		diag_add(l->d, DIAG_ERROR, 0, ID_NO_SERVICES, v->at,
			 "the policy names no service");
		diag_help(l->d, "list services under `untracked`");
	}
	check_policy(l);
	return 0;
}

/* Into the order of the files; those of one place stay as they were found. */
static void sort_diags(struct loader *l)
{
	struct diags *d = l->d;

	for (size_t i = l->before + 1; i < d->n; i++) {
		struct diag moved = d->v[i];
		size_t k = i;

		for (; k > l->before &&
		       load_before(l, moved.at, d->v[k - 1].at); k--)
			d->v[k] = d->v[k - 1];
		d->v[k] = moved;
	}
}

static int finish(struct loader *l)
{
	sort_diags(l);
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
	merge_release(l);
	lists_release(l);
	policy_free(&l->p);
	port_names_release(&l->names);
}

/* In all of them at most as many values as in one. */
static int count_nodes(struct loader *l, size_t i, size_t *total)
{
	*total += ydoc_after(l->docs[i], YNODE_ROOT);
	return *total <= YAML_NODES_MAX ? 0 :
	       diag_add(l->d, DIAG_ERROR, -EINVAL, ID_TOO_MANY_NODES,
			(struct srcpos){ .file = l->files.v[i].file },
			"the files hold more than two million values in all");
}

/* What is no YAML in one file says nothing of what the others mean. */
static int parse_files(struct loader *l)
{
	size_t total = 0;
	int err = 0;

	l->docs = calloc(l->files.n, sizeof(struct ydoc *));
	if (!l->docs)
		return -ENOMEM;
	for (l->n_docs = 0; l->n_docs < l->files.n; l->n_docs++) {
		const struct diag_source *f = &l->files.v[l->n_docs];
		int one = ydoc_parse(f->file, f->text, f->len,
				     &l->docs[l->n_docs], l->d);

		if (!one && l->files.n > 1)
			one = count_nodes(l, l->n_docs, &total);
		if (one == -ENOMEM)
			return one;
		err = one ? one : err;
	}
	return err;
}

int policy_parse(const char *file, const char *text, size_t len,
		 struct policy **ret, struct diags *d)
{
	_cleanup_(loader_release) struct loader l = {
		.d = d, .before = d->n, .errors_before = d->errors,
	};
	int err;

	err = policy_files_split(file, text, len, &l.files);
	if (!err)
		err = parse_files(&l);
	if (err)
		return err;
	l.p = calloc(1, sizeof(*l.p));
	if (!l.p)
		return -ENOMEM;
	l.p->file = file;
	l.p->ipv4 = l.p->ipv6 = true;
	l.p->flush_services = true;
	err = load_policy(&l);
	if (err != -ENOMEM)
		err = finish(&l);
	if (err)
		return err;
	*ret = TAKE_PTR(l.p);
	return 0;
}
