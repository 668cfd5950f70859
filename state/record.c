/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/record.h"

#include <jansson.h>
#include <string.h>

#include "core/mem.h"
#include "state/json_memory.h"
#include "state/sealed.h"

#define SCHEMA 1

int record_encode(const struct record *r, struct strbuf *out)
{
	/* A file name that is no UTF-8 cannot be said, nor be missed much. */
	_cleanup_(sealed_json_freep) json_t *j = NULL;
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
	err = sealed_put_json(j, out);

	if (err)
		return err;
	strbuf_add(out, r->before.s, r->before.len);
	strbuf_add(out, r->after.s, r->after.len);
	return sealed_put_checksum(out);
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
	int err = sealed_get_u32(h->id, &r->id);

	if (!err)
		err = sealed_get_u32(h->of, &r->of);
	if (!err)
		err = sealed_get_space(h->space, r->space);
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
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	struct header h;
	size_t at;
	int err = sealed_check(text, &len);

	if (!err)
		err = sealed_get_line(text, len, &j, &at);
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
