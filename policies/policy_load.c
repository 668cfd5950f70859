/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_load.c: maps, lists and words: what every section of a policy
 * is made of.
 */
#include "policies/policy_load.h"

#include <stdarg.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "core/suggest.h"

/* Table sizes are small; see the tables of keys and words. */

bool load_full(const struct loader *l)
{
	return l->d->errors - l->errors_before >= YAML_ERRORS_MAX ||
	       l->d->lost;
}

bool load_may_warn(const struct loader *l)
{
	return l->d->n - l->before < 2 * YAML_ERRORS_MAX;
}

const char *load_shown(struct loader *l, const char *s)
{
	size_t n = sizeof(l->shown) - sizeof("...");

	if (strlen(s) < sizeof(l->shown))
		return s;
	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	snprintf(l->shown, sizeof(l->shown), "%.*s...", (int)n, s);
	return l->shown;
}

int load_error(struct loader *l, uint32_t node, enum diag_id id,
	       const char *fmt, ...)
{
	_cleanup_(strbuf_release) struct strbuf msg = { 0 };
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&msg, fmt, ap);
	va_end(ap);
	return diag_add(l->d, DIAG_ERROR, -EINVAL, id, ydoc_pos(l->doc, node),
			"%s", strbuf_text(&msg, &l->d->lost));
}

void load_warning(struct loader *l, struct srcpos at, enum diag_id id,
		  const char *help, const char *fmt, ...)
{
	_cleanup_(strbuf_release) struct strbuf msg = { 0 };
	va_list ap;

	if (!load_may_warn(l))
		return;
	va_start(ap, fmt);
	strbuf_vprintf(&msg, fmt, ap);
	va_end(ap);
	diag_add(l->d, DIAG_WARNING, 0, id, at, "%s",
		 strbuf_text(&msg, &l->d->lost));
	diag_help(l->d, "%s", help);
}

static size_t key_names(const struct key *keys, size_t nkeys,
			const char *names[NAMES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < nkeys && n < NAMES_MAX; i++)
		if (!keys[i].reserved)
			names[n++] = keys[i].name;
	return n;
}

static const struct key *find_key(const struct key *keys, size_t nkeys,
				  const char *name)
{
	for (size_t i = 0; name && i < nkeys; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* The key that was meant, or NULL. */
static const struct key *guess_key(const struct key *keys, size_t nkeys,
				   const char *s)
{
	const char *names[NAMES_MAX];
	size_t n = key_names(keys, nkeys, names);
	const struct key *k = find_key(keys, nkeys, suggest_synonym(s));

	return k ? k : find_key(keys, nkeys, suggest(s, names, n));
}

static void help_unknown_key(struct loader *l, const char *s, const char *what,
			     const struct key *keys, size_t nkeys,
			     const struct key *meant)
{
	const char *names[NAMES_MAX];
	size_t n = key_names(keys, nkeys, names);

	if (!strcmp(s, "<<"))
		diag_help(l->d, "YAML merge keys are not used in policies: "
			  "write the keys out");
	else if (n > 16 && !meant)
		diag_help(l->d, "ctpolicy.yaml(5) lists the keys of %s", what);
	else
		load_help_names(l, meant ? meant->name : NULL, names, n);
	/* `sport` is like `ports`, and means the other end's */
	if (meant && (suggest_synonym(s) ||
		      (suggest_is_clear(s, meant->name, names, n) &&
		       !strcasestr(s, "sport"))))
		diag_mend(l->d, FIX_REPLACE, "%s", meant->name);
}

/*
 * An unknown key. Where it is clear which one was meant, its value is used for
 * that one, so that one typo is one error.
 */
static int unknown_key(struct loader *l, uint32_t key, const char *what,
		       const struct key *keys, size_t nkeys, uint32_t *ret,
		       bool *given)
{
	const char *s = ydoc_text(l->doc, key);
	const struct key *meant;

	if (!s)
		return -ENOMEM;
	meant = guess_key(keys, nkeys, s);
	load_error(l, key, ID_UNKNOWN_KEY, "unknown key `%s` in %s",
		   load_shown(l, s), what);
	help_unknown_key(l, s, what, keys, nkeys, meant);
	if (meant && !given[meant - keys]) {
		given[meant - keys] = true;
		ret[meant - keys] = ydoc_after(l->doc, key);
	}
	return 0;
}

static void reserved_key(struct loader *l, uint32_t at, const struct key *key,
			 const char *what)
{
	const char *help = service_key_help(key->name);

	if (help) {
		load_error(l, at, ID_KEY_OF_OTHERS, "`%s` does not belong in %s",
			   key->name, what);
		diag_help(l->d, "%s", help);
		if (!strncmp(help, "remove it", 9))
			diag_mend(l->d, FIX_DROP, "%s", "");
		return;
	}
	load_error(l, at, ID_RESERVED_KEY,
		   "`%s` is not in this version", key->name);
	diag_help(l->d, "remove it; it is reserved for a later version");
	/* the others would say when, or what, a service is */
	if (!strcmp(key->name, "vars"))
		diag_mend(l->d, FIX_COMMENT, "%s", "");
}

static void check_kinds(struct loader *l, const struct key *keys, size_t nkeys,
			uint32_t *ret, const bool *given)
{
	for (size_t i = 0; i < nkeys; i++)
		if (given[i] && ret[i] != NO_NODE &&
		    load_kind(l, ret[i], keys[i].name, keys[i].kind))
			ret[i] = NO_NODE;
}

/* What most people would write after a required key, and why. */
static const char *usual_value(const char *key)
{
	if (!strcmp(key, "state_matching"))
		return "allowed` (the usual choice: rules here may match "
		       "connection states)";
	if (!strcmp(key, "timeouts"))
		return "{unreplied: 2s}` or the like: when to forget it";
	return "...`; it is required";
}

void load_missing(struct loader *l, const char *what, struct srcpos at,
		  const char *key)
{
	diag_add(l->d, DIAG_ERROR, 0, ID_MISSING_KEY, at, "%s has no `%s`",
		 what, key);
	diag_help(l->d, "add `%s: %s", key, usual_value(key));
	/* What a policy without it would mean, in its only version. */
	if (!strcmp(key, "version"))
		diag_mend(l->d, FIX_LINE, "version: 1");
	else if (!strcmp(key, "state_matching"))
		diag_mend(l->d, FIX_LINE, "state_matching: allowed");
	else if (!strcmp(key, "memory") && at.len == strlen("{}"))
		diag_mend(l->d, FIX_REPLACE, "auto");
	else if (!strcmp(key, "name"))
		diag_mend(l->d, FIX_FIRST, "name: service-%u", at.line);
}

static void check_required(struct loader *l, const char *what,
			   struct srcpos at, const struct key *keys,
			   size_t nkeys, const bool *given)
{
	for (size_t i = 0; i < nkeys; i++)
		if (keys[i].required && !given[i])
			load_missing(l, what, at, keys[i].name);
}

uint32_t load_find(struct loader *l, uint32_t map, const char *name)
{
	uint32_t end = ydoc_after(l->doc, map), k, value;
	const char *s;

	for (k = map + 1; k < end; k = ydoc_after(l->doc, value)) {
		value = ydoc_after(l->doc, k);
		if (ydoc_kind(l->doc, k) != YNODE_SCALAR)
			continue;
		s = ydoc_text(l->doc, k);
		if (s && !strcmp(s, name))
			return value;
	}
	return NO_NODE;
}

int load_map(struct loader *l, uint32_t map, const char *what,
	     struct srcpos at, const struct key *keys, size_t nkeys,
	     uint32_t *ret, bool *ret_given)
{
	bool given[NAMES_MAX] = { false };
	uint32_t end = ydoc_after(l->doc, map), k, value;
	const struct key *key;
	const char *s;

	for (size_t i = 0; i < nkeys; i++)
		ret[i] = NO_NODE;
	/* Known keys first: a misspelt one must not take their places. */
	for (int pass = 0; pass < 2; pass++) {
		for (k = map + 1; k < end; k = ydoc_after(l->doc, value)) {
			value = ydoc_after(l->doc, k);
			if (ydoc_kind(l->doc, k) != YNODE_SCALAR)
				continue;
			s = ydoc_text(l->doc, k);
			if (!s)
				return -ENOMEM;
			key = find_key(keys, nkeys, s);
			if (!key && pass &&
			    unknown_key(l, k, what, keys, nkeys, ret, given))
				return -ENOMEM;
			if (!key || pass)
				continue;
			if (key->reserved) {
				reserved_key(l, k, key, what);
				continue;
			}
			given[key - keys] = true;
			ret[key - keys] = value;
		}
	}
	check_kinds(l, keys, nkeys, ret, given);
	check_required(l, what, at, keys, nkeys, given);
	if (ret_given)
		memcpy(ret_given, given, nkeys * sizeof(*given));
	return 0;
}

/* "80: 90", which is a range elsewhere */
static void mend_pair(struct loader *l, uint32_t node)
{
	_cleanup_free_ char *lo = NULL;
	const char *s;

	if (ydoc_after(l->doc, node) != node + 3)
		return;
	s = load_text(l, node + 1);
	lo = s ? strdup(s) : NULL;
	s = load_text(l, node + 2);
	if (lo && s)
		diag_mend(l->d, FIX_ITEM, "%.5s-%.5s", lo, s);
}

static int load_item(struct loader *l, uint32_t node, const char *what,
		     const char *example, load_item_fn fn, void *arg)
{
	enum ynode_kind kind = ydoc_kind(l->doc, node);

	if (kind == YNODE_BAD)
		return -EINVAL;
	if (kind != YNODE_SCALAR) {
		load_error(l, node, ID_WRONG_KIND,
			   "an item of `%s` must be a single value, not %s",
			   what, load_kind_name(kind));
		diag_help(l->d, "%s", example);
		if (load_only_item(l, node))
			diag_mend(l->d, FIX_REPLACE, "%s", load_only_item(l, node));
		else if (kind == YNODE_MAP && !strcmp(what, "ports"))
			mend_pair(l, node);
		else if (strstr(example, "quotes around"))
			diag_mend(l->d, FIX_QUOTE, "%s", "");
		return -EINVAL;
	}
	if (load_is_nothing(l, node)) {
		load_error(l, node, ID_NO_VALUE, "an item of `%s` is empty",
			   what);
		diag_help(l->d, "remove it, or give a value");
		diag_mend(l->d, FIX_DROP_ITEM, "%s", "");
		return -EINVAL;
	}
	return fn(l, node, arg);
}

int load_each(struct loader *l, uint32_t node, const char *what,
	      const char *example, load_item_fn fn, void *arg)
{
	uint32_t end = ydoc_after(l->doc, node), i;
	int err, ret = 0;

	if (ydoc_kind(l->doc, node) == YNODE_SCALAR)
		return load_item(l, node, what, example, fn, arg);
	for (i = node + 1; i < end && !load_full(l);
	     i = ydoc_after(l->doc, i)) {
		err = load_item(l, i, what, example, fn, arg);
		if (err == -ENOMEM)
			return err;
		if (err)
			ret = err;
	}
	return ret;
}
