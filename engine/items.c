/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/lines.h"
#include "core/mem.h"
#include "core/words.h"
#include "host/own_files.h"
#include "state/record.h"

static const char *const kinds[] = {
	[ITEM_MODULE] = "module",
	[ITEM_SYSCTL] = "sysctl",
	[ITEM_FILE] = "file",
};
_Static_assert(ARRAY_SIZE(kinds) == ITEM_KIND_MAX_, "a kind has no name");

const char *item_kind_name(enum item_kind k)
{
	return kinds[k];
}

const char *item_action(const struct item_step *s)
{
	switch (s->item.kind) {
	case ITEM_SYSCTL:
		return "set";
	case ITEM_FILE:
		return *s->item.value ? "write" : "remove";
	case ITEM_MODULE:
	case ITEM_KIND_MAX_:
		break;
	}
	return s->add ? "load" : "unload";
}

void item_print_step(const struct item_step *s, struct strbuf *out)
{
	strbuf_printf(out, "%s %s %s", item_action(s), kinds[s->item.kind],
		      s->item.key);
	if (s->item.kind == ITEM_SYSCTL)
		strbuf_printf(out, " = %s", s->item.value);
}

int items_add(struct items *to, enum item_kind kind, const char *key,
	      const char *value)
{
	struct item i = { kind, intern(key), intern(value) };

	if (!i.key || !i.value || mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	to->v[to->n++] = i;
	return 0;
}

int items_copy(const struct items *from, struct items *ret)
{
	struct items to = { 0 };

	if (mem_grow(&to.v, &to.cap, from->n + 1))
		return -ENOMEM;
	for (; to.n < from->n; to.n++)
		to.v[to.n] = from->v[to.n];
	*ret = to;
	return 0;
}

static struct item *find(const struct items *items, enum item_kind kind,
			 const char *key)
{
	for (size_t i = 0; i < items->n; i++)
		if (items->v[i].kind == kind && !strcmp(items->v[i].key, key))
			return &items->v[i];
	return NULL;
}

const char *items_value(const struct items *items, enum item_kind kind,
			const char *key)
{
	const struct item *i = find(items, kind, key);

	return i ? i->value : NULL;
}

int items_put(struct items *to, enum item_kind kind, const char *key,
	      const char *value)
{
	struct item *i = find(to, kind, key);

	if (!i)
		return items_add(to, kind, key, value);
	i->value = intern(value);
	return i->value ? 0 : -ENOMEM;
}

int item_steps_add(struct item_steps *s, bool add, const struct item *i)
{
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return -ENOMEM;
	s->v[s->n++] = (struct item_step){ add, *i };
	return 0;
}

void items_print(const struct items *items, struct strbuf *out)
{
	for (size_t i = 0; i < items->n; i++) {
		const struct item *x = &items->v[i];

		strbuf_printf(out, "%s %s ", kinds[x->kind], x->key);
		if (x->kind == ITEM_FILE)
			words_put(x->value, out);
		else
			strbuf_puts(out, x->value);
		strbuf_puts(out, "\n");
	}
}

/* Neither a module nor a sysctl has a path, and only our own files are kept. */
static bool is_key(enum item_kind k, const char *key)
{
	return k == ITEM_FILE ? own_file_is_path(key) :
			       *key && !strpbrk(key, "/");
}

static int add_parsed(struct items *to, enum item_kind k, const char *key,
		      char *value)
{
	const char *text = k == ITEM_FILE ? words_get(&value) : value;

	return text ? items_add(to, k, key, text) : -EINVAL;
}

/* "module xt_CT OPTIONS", in place. */
static int parse_line(char *line, void *to)
{
	char *key = strchr(line, ' ');
	char *value = key ? strchr(key + 1, ' ') : NULL;

	if (!value)
		return -EINVAL;
	*key++ = '\0';
	*value++ = '\0';
	for (unsigned int k = 0; k < ITEM_KIND_MAX_; k++)
		if (!strcmp(line, kinds[k]) && is_key((enum item_kind)k, key))
			return add_parsed(to, (enum item_kind)k, key, value);
	return -EINVAL;
}

int items_parse(const char *text, size_t len, struct items *ret)
{
	_cleanup_(items_release) struct items items = { 0 };
	int err = lines_each(text, len, parse_line, &items);

	if (err)
		return err;
	items_release(ret);
	*ret = items;
	items = (struct items){ 0 };
	return 0;
}

void items_release(struct items *i)
{
	free(i->v);
	*i = (struct items){ 0 };
}

void beside_remember(struct beside *b, bool keeps_steps)
{
	if (!b->there)
		return;
	items_release(&b->before);
	b->before = b->live;
	b->live = (struct items){ 0 };
	b->begun = true;
	if (!keeps_steps)
		return;
	free(b->made.v);
	b->made = b->steps;
	b->steps = (struct item_steps){ 0 };
}

int beside_write_record(const struct beside *b, const char *target,
			struct record *r)
{
	_cleanup_(strbuf_release) struct strbuf before = { 0 }, after = { 0 };

	items_print(&b->live, &before);
	items_print(&b->want, &after);
	return record_add_texts(r, target, &before, &after);
}

int beside_read_record(struct beside *b, const struct record_part *part,
		       const char *what, struct diags *d)
{
	int err = items_parse(part->before.s, part->before.len, &b->want);

	if (!err)
		err = items_parse(part->after.s, part->after.len, &b->after);
	if (err == -EINVAL)
		diag_add(d, DIAG_ERROR, 0, ID_STATE_FILE_DAMAGED, NOPOS,
			 "the record does not list %s as it should", what);
	return err;
}

void beside_release(struct beside *b)
{
	items_release(&b->live);
	items_release(&b->want);
	items_release(&b->after);
	items_release(&b->before);
	free(b->steps.v);
	free(b->made.v);
	*b = (struct beside){ 0 };
}
