/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/off.c: states, their difference, and the text of a record. */
#include "engine/off.h"

#include <errno.h>
#include <string.h>

#include "core/intern.h"
#include "core/lines.h"
#include "core/mem.h"
#include "core/words.h"
#include "engine/off_state.h"
#include "host/own_files.h"

static const char *const kinds[] = {
	[OFF_MODULE] = "module",
	[OFF_SYSCTL] = "sysctl",
	[OFF_FILE] = "file",
};
_Static_assert(ARRAY_SIZE(kinds) == OFF_KIND_MAX_, "a kind has no name");

const char *off_kind_name(enum off_kind k)
{
	return kinds[k];
}

const char *off_action(const struct off_step *s)
{
	switch (s->item.kind) {
	case OFF_SYSCTL:
		return "set";
	case OFF_FILE:
		return *s->item.value ? "write" : "remove";
	case OFF_MODULE:
	case OFF_KIND_MAX_:
		break;
	}
	return s->add ? "load" : "unload";
}

void off_print_step(const struct off_step *s, struct strbuf *out)
{
	strbuf_printf(out, "%s %s %s", off_action(s), kinds[s->item.kind],
		      s->item.key);
	if (s->item.kind == OFF_SYSCTL)
		strbuf_printf(out, " = %s", s->item.value);
}

int off_add(struct off_items *to, enum off_kind kind, const char *key,
	    const char *value)
{
	struct off_item i = { kind, intern(key), intern(value) };

	if (!i.key || !i.value || mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	to->v[to->n++] = i;
	return 0;
}

int off_copy(const struct off_items *from, struct off_items *ret)
{
	struct off_items to = { 0 };

	if (mem_grow(&to.v, &to.cap, from->n + 1))
		return -ENOMEM;
	for (; to.n < from->n; to.n++)
		to.v[to.n] = from->v[to.n];
	*ret = to;
	return 0;
}

static struct off_item *find(const struct off_items *items,
			     enum off_kind kind, const char *key)
{
	for (size_t i = 0; i < items->n; i++)
		if (items->v[i].kind == kind && !strcmp(items->v[i].key, key))
			return &items->v[i];
	return NULL;
}

const char *off_value(const struct off_items *items, enum off_kind kind,
		      const char *key)
{
	const struct off_item *i = find(items, kind, key);

	return i ? i->value : NULL;
}

int off_put(struct off_items *to, enum off_kind kind, const char *key,
	    const char *value)
{
	struct off_item *i = find(to, kind, key);

	if (!i)
		return off_add(to, kind, key, value);
	i->value = intern(value);
	return i->value ? 0 : -ENOMEM;
}

/* A module's options are only how it is loaded. */
static bool holds(const struct off_items *live, const struct off_item *wanted)
{
	const struct off_item *i = find(live, wanted->kind, wanted->key);

	return i && (wanted->kind == OFF_MODULE ||
		     !strcmp(i->value, wanted->value));
}

static int add_step(struct off_steps *s, bool add, const struct off_item *i)
{
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return -ENOMEM;
	s->v[s->n++] = (struct off_step){ add, *i };
	return 0;
}

static int steps_out(const struct off_items *live, struct off_steps *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < live->n; i++)
		if (live->v[i].kind == OFF_MODULE)
			err = add_step(s, false, &live->v[i]);
	return err;
}

/* What others use is loaded first: the order of unloading, from its end. */
static int steps_back(const struct off_items *live,
		      const struct off_items *want, struct off_steps *s)
{
	int err = 0;

	for (size_t i = want->n; !err && i--;)
		if (want->v[i].kind == OFF_MODULE && !holds(live, &want->v[i]))
			err = add_step(s, true, &want->v[i]);
	for (size_t i = 0; !err && i < want->n; i++)
		if (want->v[i].kind == OFF_SYSCTL && !holds(live, &want->v[i]))
			err = add_step(s, true, &want->v[i]);
	return err;
}

static int diff(const struct off_items *live, const struct off_items *want,
		struct off_steps *ret)
{
	struct off_steps s = { 0 };
	int err = want->n ? steps_back(live, want, &s) : steps_out(live, &s);

	if (err) {
		free(s.v);
		return err;
	}
	free(ret->v);
	*ret = s;
	return 0;
}

int off_holds(const struct off_items *live, const struct off_items *want,
	      bool *ret)
{
	struct off_steps s = { 0 };
	int err = diff(live, want, &s);

	if (!err)
		*ret = !s.n;
	free(s.v);
	return err;
}

int off_compare(struct off *o)
{
	struct off_items live = { 0 };
	enum modules_state state;
	int err = off_state_read(&state, &live);

	if (err)
		return err;
	off_items_release(&o->live);
	o->live = live;
	o->state = state;
	return diff(&o->live, &o->want, &o->steps);
}

void off_remember(struct off *o, bool keeps_steps)
{
	if (!o->there)
		return;
	off_items_release(&o->before);
	o->before = o->live;
	o->live = (struct off_items){ 0 };
	o->begun = true;
	if (!keeps_steps)
		return;
	free(o->made.v);
	o->made = o->steps;
	o->steps = (struct off_steps){ 0 };
}

void off_print(const struct off_items *items, struct strbuf *out)
{
	for (size_t i = 0; i < items->n; i++) {
		const struct off_item *x = &items->v[i];

		strbuf_printf(out, "%s %s ", kinds[x->kind], x->key);
		if (x->kind == OFF_FILE)
			words_put(x->value, out);
		else
			strbuf_puts(out, x->value);
		strbuf_puts(out, "\n");
	}
}

/* Neither a module nor a sysctl has a path, and only our own files are kept. */
static bool is_key(enum off_kind k, const char *key)
{
	return k == OFF_FILE ? own_file_is_path(key) :
			       *key && !strpbrk(key, "/");
}

static int add_parsed(struct off_items *to, enum off_kind k, const char *key,
		      char *value)
{
	const char *text = k == OFF_FILE ? words_get(&value) : value;

	return text ? off_add(to, k, key, text) : -EINVAL;
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
	for (unsigned int k = 0; k < OFF_KIND_MAX_; k++)
		if (!strcmp(line, kinds[k]) && is_key((enum off_kind)k, key))
			return add_parsed(to, (enum off_kind)k, key, value);
	return -EINVAL;
}

int off_parse(const char *text, size_t len, struct off_items *ret)
{
	_cleanup_(off_items_release) struct off_items items = { 0 };
	int err = lines_each(text, len, parse_line, &items);

	if (err)
		return err;
	off_items_release(ret);
	*ret = items;
	items = (struct off_items){ 0 };
	return 0;
}

void off_items_release(struct off_items *i)
{
	free(i->v);
	*i = (struct off_items){ 0 };
}

void off_release(struct off *o)
{
	off_items_release(&o->live);
	off_items_release(&o->want);
	off_items_release(&o->after);
	off_items_release(&o->before);
	free(o->steps.v);
	free(o->made.v);
	free(o->note_before);
	*o = (struct off){ 0 };
}
