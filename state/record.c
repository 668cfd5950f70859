/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "core/mem.h"
#include "state/json_memory.h"

#define SCHEMA 1
#define CHECKSUM_LEN 17		/* 16 digits and a newline */

/* FNV-1a, 64 bits: finds what was cut or changed by accident. */
static uint64_t checksum(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3;
	return h;
}

static void json_freep(json_t **j)
{
	json_decref(*j);
}

static int put_json(json_t *j, struct strbuf *out)
{
	_cleanup_free_ char *line = NULL;

	if (!j)
		return -ENOMEM;
	line = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	if (!line || json_memory_lost())
		return -ENOMEM;
	strbuf_puts(out, line);
	strbuf_puts(out, "\n");
	return strbuf_status(out);
}

static int put_checksum(struct strbuf *out)
{
	strbuf_printf(out, "%016" PRIx64 "\n",
		      checksum(strbuf_str(out), out->n));
	return strbuf_status(out);
}

int record_encode(const struct record *r, struct strbuf *out)
{
	/* A file name that is no UTF-8 cannot be said, nor be missed much. */
	_cleanup_(json_freep) json_t *j = NULL;
	int err;

	json_memory_watch();
	j = json_pack(
		"{s:i, s:I, s:I, s:I, s:s, s:s, s:o*, s:s, s:I, s:I}",
		"schema", SCHEMA, "id", (json_int_t)r->id,
		"of", (json_int_t)r->of, "time", (json_int_t)r->time,
		"command", r->command, "backend", r->backend,
		"policy", r->policy ? json_string(r->policy) : NULL,
		"space", r->space, "before", (json_int_t)r->before.len,
		"after", (json_int_t)r->after.len);
	err = put_json(j, out);

	if (err)
		return err;
	strbuf_add(out, r->before.s, r->before.len);
	strbuf_add(out, r->after.s, r->after.len);
	return put_checksum(out);
}

/* The text without its last line, when that line is right. */
static int check_sum(const char *text, size_t *len)
{
	char sum[CHECKSUM_LEN + 1];

	if (*len < CHECKSUM_LEN)
		return -EBADMSG;
	*len -= CHECKSUM_LEN;
	snprintf(sum, sizeof(sum), "%016" PRIx64 "\n", checksum(text, *len));
	return memcmp(sum, text + *len, CHECKSUM_LEN) ? -EBADMSG : 0;
}

static int get_line(const char *text, size_t len, json_t **ret,
		    size_t *ret_len)
{
	const char *end = memchr(text, '\n', len);
	json_error_t e;

	if (!end)
		return -EBADMSG;
	json_memory_watch();
	*ret = json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES,
			  &e);
	if (json_memory_lost())
		return -ENOMEM;
	if (!*ret)
		return -EBADMSG;
	*ret_len = (size_t)(end - text) + 1;
	return 0;
}

/* Whole numbers of ours fit the field that they go into. */
static int get_u32(json_int_t v, uint32_t *ret)
{
	if (v < 0 || v > UINT32_MAX)
		return -EBADMSG;
	*ret = (uint32_t)v;
	return 0;
}

static int get_space(const char *s, char *ret)
{
	if (strlen(s) >= SPACE_MAX)
		return -EBADMSG;
	memcpy(ret, s, strlen(s) + 1);
	return 0;
}

static int take_text(const char *text, size_t len, struct rules_text *ret)
{
	ret->s = malloc(len + 1);
	if (!ret->s)
		return -ENOMEM;
	memcpy(ret->s, text, len);
	ret->s[len] = '\0';
	ret->len = len;
	return 0;
}

struct header {
	int schema;
	json_int_t id, of, time, before, after;
	const char *command, *backend, *policy, *space;
};

static int read_header(json_t *j, struct header *h)
{
	*h = (struct header){ 0 };
	if (json_unpack(j, "{s:i, s:I, s:I, s:I, s:s, s:s, s?s, s:s, s:I, s:I !}",
			"schema", &h->schema, "id", &h->id, "of", &h->of,
			"time", &h->time, "command", &h->command,
			"backend", &h->backend, "policy", &h->policy,
			"space", &h->space, "before", &h->before,
			"after", &h->after))
		return -EBADMSG;
	return h->schema == SCHEMA ? 0 : -EBADMSG;
}

static int take_header(const struct header *h, struct record *r)
{
	int err = get_u32(h->id, &r->id);

	if (!err)
		err = get_u32(h->of, &r->of);
	if (!err)
		err = get_space(h->space, r->space);
	if (err)
		return err;
	r->time = h->time;
	r->command = strdup(h->command);
	r->backend = strdup(h->backend);
	r->policy = h->policy ? strdup(h->policy) : NULL;
	return r->command && r->backend && (r->policy || !h->policy) ?
		0 : -ENOMEM;
}

int record_decode(const char *text, size_t len, struct record *ret)
{
	_cleanup_(record_release) struct record r = { 0 };
	_cleanup_(json_freep) json_t *j = NULL;
	struct header h;
	size_t at;
	int err = check_sum(text, &len);

	if (!err)
		err = get_line(text, len, &j, &at);
	if (!err)
		err = read_header(j, &h);
	if (err)
		return err;
	if (h.before < 0 || h.after < 0 ||
	    (uint64_t)h.before > len - at ||
	    (uint64_t)h.after != len - at - (uint64_t)h.before)
		return -EBADMSG;
	err = take_header(&h, &r);
	if (!err)
		err = take_text(text + at, (size_t)h.before, &r.before);
	if (!err)
		err = take_text(text + at + h.before, (size_t)h.after,
				&r.after);
	if (err)
		return err;
	*ret = r;
	r = (struct record){ 0 };
	return 0;
}

void record_release(struct record *r)
{
	mem_free_const(r->command);
	mem_free_const(r->backend);
	mem_free_const(r->policy);
	free(r->before.s);
	free(r->after.s);
	*r = (struct record){ 0 };
}

int pending_encode(const struct pending *p, struct strbuf *out)
{
	_cleanup_(json_freep) json_t *j = NULL;
	int err;

	json_memory_watch();
	j = json_pack(
		"{s:i, s:I, s:I, s:s}", "schema", SCHEMA,
		"id", (json_int_t)p->id,
		"deadline", (json_int_t)p->deadline, "space", p->space);
	err = put_json(j, out);

	return err ? err : put_checksum(out);
}

int pending_decode(const char *text, size_t len, struct pending *ret)
{
	_cleanup_(json_freep) json_t *j = NULL;
	json_int_t id, deadline;
	struct pending p = { 0 };
	const char *space;
	int schema, err = check_sum(text, &len);
	size_t at;

	if (!err)
		err = get_line(text, len, &j, &at);
	if (err)
		return err;
	if (at != len ||
	    json_unpack(j, "{s:i, s:I, s:I, s:s !}", "schema", &schema,
			"id", &id, "deadline", &deadline, "space", &space) ||
	    schema != SCHEMA || deadline < 0)
		return -EBADMSG;
	err = get_u32(id, &p.id);
	if (!err)
		err = get_space(space, p.space);
	if (err)
		return err;
	p.deadline = (uint64_t)deadline;
	*ret = p;
	return 0;
}

static const char *const endings[] = {
	[ENDING_CONFIRMED] = "confirmed",
	[ENDING_ROLLED_BACK] = "rolled_back",
	[ENDING_FAILED] = "failed",
};
_Static_assert(ARRAY_SIZE(endings) == ENDING_MAX_, "an ending has no name");

const char *ending_name(enum ending e)
{
	return endings[e];
}

int ending_encode(const struct ending_note *e, struct strbuf *out)
{
	_cleanup_(json_freep) json_t *j = NULL;
	int err;

	json_memory_watch();
	j = json_pack(
		"{s:i, s:I, s:s, s:I}", "schema", SCHEMA,
		"id", (json_int_t)e->id, "ending", endings[e->ending],
		"time", (json_int_t)e->time);
	err = put_json(j, out);

	return err ? err : put_checksum(out);
}

static int find_ending(const char *name, enum ending *ret)
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
	_cleanup_(json_freep) json_t *j = NULL;
	struct ending_note e = { 0 };
	json_int_t id, when;
	const char *name;
	int schema, err = check_sum(text, &len);
	size_t at;

	if (!err)
		err = get_line(text, len, &j, &at);
	if (err)
		return err;
	if (at != len ||
	    json_unpack(j, "{s:i, s:I, s:s, s:I !}", "schema", &schema,
			"id", &id, "ending", &name, "time", &when) ||
	    schema != SCHEMA)
		return -EBADMSG;
	err = get_u32(id, &e.id);
	if (!err)
		err = find_ending(name, &e.ending);
	if (err)
		return err;
	e.time = when;
	*ret = e;
	return 0;
}
