/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_lists.c: addresses that services share, by name. */
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "core/suggest.h"
#include "policies/policy_load.h"

#define SHOWN_MAX 64	/* names that a misspelt one is compared with */

void lists_release(struct loader *l)
{
	for (size_t i = 0; i < l->n_lists; i++) {
		free(l->lists[i].name);
		prefix_set_release(&l->lists[i].set);
	}
	free(l->lists);
}

static int append(const struct prefix_set *from, struct prefix_set *to)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++) {
		struct prefix p = prefix_set_at(from, i);

		err = prefix_set_add(to, &p);
	}
	return err;
}

static struct address_list *find_list(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->n_lists; i++)
		if (!strcmp(l->lists[i].name, name))
			return &l->lists[i];
	return NULL;
}

const struct prefix_set *load_list_held(struct loader *l, const char *name)
{
	const struct address_list *list = find_list(l, name);

	return list ? &list->set : NULL;
}

/* Of several files each may add to it. */
static int open_list(struct loader *l, const char *name, struct srcpos at,
		     struct address_list **ret)
{
	struct address_list *list = find_list(l, name);

	if (!list) {
		if (mem_grow(&l->lists, &l->cap_lists, l->n_lists + 1))
			return -ENOMEM;
		list = &l->lists[l->n_lists];
		*list = (struct address_list){ .name = strdup(name), .at = at };
		if (!list->name)
			return -ENOMEM;
		l->n_lists++;
	}
	*ret = list;
	return 0;
}

static int load_list(struct loader *l, uint32_t key, uint32_t value)
{
	struct address_list *list = NULL;
	struct prefix_set set = { 0 };
	const char *s = ydoc_text(l->doc, key);
	int err;

	if (!s)
		return -ENOMEM;
	err = open_list(l, s, ydoc_pos(l->doc, key), &list);
	if (err)
		return err;
	s = list->name;
	if (!is_item_name(s)) {
		bad_item_name(l, key, s, "a list");
		list->bad = list->used = true;
		return -EINVAL;
	}
	err = load_kind(l, value, s, WANT_LIST);
	if (!err)
		err = load_plain_prefixes(l, value, s, &set);
	if (!err)
		err = append(&set, &list->set);
	prefix_set_release(&set);
	list->bad |= err != 0;
	return err;
}

int load_lists(struct loader *l, uint32_t map)
{
	uint32_t end = ydoc_after(l->doc, map), k, value;
	int err = 0;

	for (k = map + 1; k < end && err != -ENOMEM && !load_full(l);
	     k = ydoc_after(l->doc, value)) {
		value = ydoc_after(l->doc, k);
		if (ydoc_kind(l->doc, k) == YNODE_SCALAR)
			err = load_list(l, k, value);
	}
	return err == -ENOMEM ? err : 0;
}

static void unknown_list(struct loader *l, uint32_t node, const char *name)
{
	const char *names[SHOWN_MAX], *near;
	size_t n = 0;

	for (; n < l->n_lists && n < SHOWN_MAX; n++)
		names[n] = l->lists[n].name;
	near = suggest(name, names, n);
	load_error(l, node, ID_UNKNOWN_LIST, "no list is named `%s`",
		   load_shown(l, name));
	if (near) {
		find_list(l, near)->used = true;
		diag_help(l->d, "did you mean `@%s`?", near);
		if (suggest_is_clear(name, near, names, n))
			diag_mend(l->d, FIX_REPLACE, "\"@%s\"", near);
	} else if (is_item_name(name)) {
		diag_help(l->d, "add it: `lists: {%s: [...]}`", name);
	} else {
		diag_help(l->d, "write the name of one of `lists` behind the "
			  "`@`");
	}
}

/* A long list that many services name must not grow without bounds. */
static int too_many(struct loader *l, uint32_t node)
{
	load_error(l, node, ID_TOO_MANY_NODES,
		   "the lists that are named so far come to more than two "
		   "million addresses");
	diag_help(l->d, "write networks for long lists");
	return -EINVAL;
}

int load_list_named(struct loader *l, uint32_t node, const char *name,
		    struct prefix_set *to)
{
	struct address_list *list = find_list(l, name);

	if (!list) {
		if (!l->lists_unread)
			unknown_list(l, node, name);
		return -EINVAL;
	}
	list->used = true;
	if (l->listed > YAML_NODES_MAX)
		return -EINVAL;
	l->listed += list->set.n;
	if (l->listed > YAML_NODES_MAX)
		return too_many(l, node);
	return list->bad ? -EINVAL : append(&list->set, to);
}

void check_lists(struct loader *l)
{
	for (size_t i = 0; i < l->n_lists; i++)
		if (!l->lists[i].used)
			load_warning(l, l->lists[i].at, ID_UNUSED_LIST,
				     "remove it, or name it in `clients` or "
				     "`servers`",
				     "no service uses the list `%s`",
				     l->lists[i].name);
}
