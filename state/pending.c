/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/pending.c: what waits for a confirmation, and how the waiting ended. */
#include "state/pending.h"

#include <jansson.h>
#include <string.h>

#include "core/mem.h"
#include "state/json_memory.h"
#include "state/sealed.h"

#define SCHEMA 1
#define PENDING_KEYS 5
#define ENDING_KEYS 4

int pending_encode(const struct pending *p, struct strbuf *out)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;

	json_memory_watch();
	j = json_pack(
		"{s:i, s:I, s:I, s:s, s:s}", "schema", SCHEMA,
		"id", (json_int_t)p->id,
		"deadline", (json_int_t)p->deadline, "space", p->space,
		"login", p->login);
	return sealed_put_only(j, out);
}

int pending_decode(const char *text, size_t len, struct pending *ret)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	json_int_t id, deadline;
	struct pending p = { 0 };
	const char *space, *login;
	int schema, err = sealed_get_only(text, len, &j);

	if (!err)
		err = sealed_check_schema(j, SCHEMA, PENDING_KEYS);
	if (err)
		return err;
	if (json_unpack(j, "{s:i, s:I, s:I, s:s, s:s !}", "schema", &schema,
			"id", &id, "deadline", &deadline, "space", &space,
			"login", &login) || deadline < 0 ||
	    strlen(login) >= sizeof(p.login))
		return -EBADMSG;
	err = sealed_get_u32(id, &p.id);
	if (!err)
		err = sealed_get_space(space, p.space);
	if (err)
		return err;
	p.deadline = (uint64_t)deadline;
	strncpy(p.login, login, sizeof(p.login) - 1);
	*ret = p;
	return 0;
}

int pending_glean(const char *text, size_t len, struct pending *ret)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	struct pending p = { 0 };
	const char *space;
	json_int_t deadline;
	int err = sealed_get_only(text, len, &j);

	if (err)
		return err;
	deadline = json_integer_value(json_object_get(j, "deadline"));
	space = json_string_value(json_object_get(j, "space"));
	p.deadline = deadline > 0 ? (uint64_t)deadline : 0;
	(void)sealed_get_u32(json_integer_value(json_object_get(j, "id")),
			     &p.id);
	if (space)
		(void)sealed_get_space(space, p.space);
	*ret = p;
	return 0;
}

static const char *const endings[] = {
	[ENDING_CONFIRMED] = "confirmed",
	[ENDING_ROLLED_BACK] = "rolled_back",
	[ENDING_ROLLED_BACK_BUT] = "rolled_back_but",
	[ENDING_FAILED] = "failed",
	[ENDING_TAKEN_BACK] = "taken_back",
};
_Static_assert(ARRAY_SIZE(endings) == ENDING_MAX_, "an ending has no name");

bool ending_is_undone(enum ending e)
{
	return e == ENDING_ROLLED_BACK || e == ENDING_ROLLED_BACK_BUT ||
	       e == ENDING_TAKEN_BACK;
}

const char *ending_name(enum ending e)
{
	return endings[e];
}

int ending_encode(const struct ending_note *e, struct strbuf *out)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;

	json_memory_watch();
	j = json_pack(
		"{s:i, s:I, s:s, s:I}", "schema", SCHEMA,
		"id", (json_int_t)e->id, "ending", endings[e->ending],
		"time", (json_int_t)e->time);
	return sealed_put_only(j, out);
}

int ending_find(const char *name, enum ending *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (!strcmp(name, endings[i])) {
			*ret = (enum ending)i;
			return 0;
		}
	return -EBADMSG;
}

int ending_decode(const char *text, size_t len, struct ending_note *ret)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	struct ending_note e = { 0 };
	json_int_t id, when;
	const char *name;
	int schema, err = sealed_get_only(text, len, &j);

	if (!err)
		err = sealed_check_schema(j, SCHEMA, ENDING_KEYS);
	if (err)
		return err;
	if (json_unpack(j, "{s:i, s:I, s:s, s:I !}", "schema", &schema,
			"id", &id, "ending", &name, "time", &when))
		return -EBADMSG;
	err = sealed_get_u32(id, &e.id);
	if (!err)
		err = ending_find(name, &e.ending);
	if (err)
		return err;
	e.time = when;
	*ret = e;
	return 0;
}
