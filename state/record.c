/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>

#include "core/digest.h"
#include "core/mem.h"
#include "state/json_memory.h"
#include "state/sealed.h"

/*
 * A key of the first line that a reader does not know is passed over, as `via`
 * and `unit` are by those that came before them: one that changes what a record
 * means, or adds a text, raises the format. What leads back is not guessed at:
 * a part with a key more is another version's.
 */
#define FORMAT 2
#define PART_KEYS 5
#define PARTS_MAX 64
#define DIGEST_LEN 16

bool record_is_repair(const struct record *r)
{
	return r->command && !strcmp(r->command, "watch");
}

struct record_part *record_add_part(struct record *r, const char *target)
{
	char *name = strdup(target);

	if (!name || mem_grow(&r->parts, &r->cap_parts, r->n_parts + 1)) {
		free(name);
		return NULL;
	}
	r->parts[r->n_parts] = (struct record_part){ .target = name };
	return &r->parts[r->n_parts++];
}

static int move_text(struct strbuf *from, struct rules_text *ret,
		     uint64_t *ret_digest)
{
	size_t n = from->n;
	char *s = strbuf_status(from) ? NULL : strbuf_take(from);

	if (!s)
		return -ENOMEM;
	*ret_digest = digest_add(DIGEST_START, s, n);
	*ret = (struct rules_text){ .s = s, .len = n };
	return 0;
}

int record_add_texts(struct record *r, const char *target,
		     struct strbuf *before, struct strbuf *after)
{
	struct record_part *part = record_add_part(r, target);
	int err = part ? move_text(before, &part->before,
				   &part->digest_before) :
			 -ENOMEM;

	return err ? err : move_text(after, &part->after,
				     &part->digest_after);
}

/* As text: a number in JSON has a sign, and 53 bits with some readers. */
static json_t *digest_json(uint64_t digest)
{
	char text[DIGEST_LEN + 1];

	snprintf(text, sizeof(text), "%016" PRIx64, digest);
	return json_string(text);
}

static json_t *part_json(const struct record_part *p)
{
	return json_pack("{s:s, s:o, s:o, s:I, s:I}", "target", p->target,
			 "digest_before", digest_json(p->digest_before),
			 "digest_after", digest_json(p->digest_after),
			 "before", (json_int_t)p->before.len,
			 "after", (json_int_t)p->after.len);
}

static json_t *parts_json(const struct record *r)
{
	json_t *v = json_array();

	for (size_t i = 0; v && i < r->n_parts; i++)
		if (json_array_append_new(v, part_json(&r->parts[i]))) {
			json_decref(v);
			return NULL;
		}
	return v;
}

/* JSON cannot hold a name that is not UTF-8; it is left out. */
static json_t *text_json(const char *s)
{
	return s ? json_string(s) : NULL;
}

struct state_piece rules_text_piece(const struct rules_text *t)
{
	return (struct state_piece){ t->s, t->len, t->file };
}

bool rules_text_is_there(const struct rules_text *t)
{
	return t->s || t->file;
}

static json_t *length_json(const struct rules_text *t)
{
	return rules_text_is_there(t) ? json_integer((json_int_t)t->len) :
					NULL;
}

static int put_head(const struct record *r, struct strbuf *out)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;

	json_memory_watch();
	j = json_pack("{s:i, s:I, s:I, s:I, s:s, s:o*, s:o*, s:o*, s:o*, s:o*, s:o, s:o*, s:i, s:o*, s:b, s:s, s:o}",
		      "format", FORMAT, "id", (json_int_t)r->id,
		      "of", (json_int_t)r->of, "time", (json_int_t)r->time,
		      "command", r->command, "policy", text_json(r->policy),
		      "user", text_json(r->user), "via", text_json(r->via),
		      "tty", text_json(r->tty), "unit", text_json(r->unit),
		      "policy_digest", digest_json(r->policy_digest),
		      "policy_text", length_json(&r->policy_text),
		      "family", (int)r->family,
		      "backend", text_json(r->backend), "force", r->force,
		      "space", r->space, "parts", parts_json(r));
	return sealed_put_json(j, out);
}

static int add_piece(struct record_text *t, struct state_piece piece)
{
	if (!piece.len)
		return 0;
	if (mem_grow(&t->v, &t->cap, t->n + 1))
		return -ENOMEM;
	t->v[t->n++] = piece;
	return 0;
}

static int add_buffer(struct record_text *t, const struct strbuf *b)
{
	return add_piece(t, (struct state_piece){ .s = b->s, .len = b->n });
}

static int add_text(struct record_text *t, const struct rules_text *text)
{
	return add_piece(t, rules_text_piece(text));
}

/* The checksum of all that is before it. */
static int add_seal(struct record_text *t)
{
	uint64_t sum = DIGEST_START;
	int err = 0;

	for (size_t i = 0; !err && i < t->n; i++)
		err = state_piece_digest(&t->v[i], &sum);
	if (!err)
		err = sealed_put_sum(sum, &t->seal);
	return err ? err : add_buffer(t, &t->seal);
}

int record_encode(const struct record *r, struct record_text *ret)
{
	int err = put_head(r, &ret->head);

	if (!err)
		err = add_buffer(ret, &ret->head);
	for (size_t i = 0; !err && i < r->n_parts; i++) {
		const struct record_part *p = &r->parts[i];

		err = add_text(ret, &p->before);
		if (!err)
			err = add_text(ret, &p->after);
	}
	if (!err)
		err = add_text(ret, &r->policy_text);
	return err ? err : add_seal(ret);
}

void record_text_release(struct record_text *t)
{
	strbuf_release(&t->head);
	strbuf_release(&t->seal);
	free(t->v);
	*t = (struct record_text){ 0 };
}

static int get_digest(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (strlen(s) != DIGEST_LEN)
		return -EBADMSG;
	for (; *s; s++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, *s);

		if (!at)
			return -EBADMSG;
		v = v << 4 | (uint64_t)(at - digits);
	}
	*ret = v;
	return 0;
}

/* The rest of the texts, not read yet. */
struct body {
	const char *s;
	size_t len;
};

static int take_text(struct body *b, json_int_t len, struct rules_text *ret)
{
	if (len < 0 || (uint64_t)len > b->len)
		return -EBADMSG;
	ret->s = malloc((size_t)len + 1);
	if (!ret->s)
		return -ENOMEM;
	memcpy(ret->s, b->s, (size_t)len);
	ret->s[len] = '\0';
	ret->len = (size_t)len;
	b->s += len;
	b->len -= (size_t)len;
	return 0;
}

static int take_part(json_t *j, struct body *b, struct record *r)
{
	const char *target, *before, *after;
	json_int_t n_before, n_after;
	struct record_part *p;
	int err;

	if (json_unpack(j, "{s:s, s:s, s:s, s:I, s:I}", "target", &target,
			"digest_before", &before, "digest_after", &after,
			"before", &n_before, "after", &n_after))
		return -EBADMSG;
	if (json_object_size(j) > PART_KEYS)
		return -EPROTO;
	p = record_add_part(r, target);
	if (!p)
		return -ENOMEM;
	err = get_digest(before, &p->digest_before);
	if (!err)
		err = get_digest(after, &p->digest_after);
	if (!err)
		err = take_text(b, n_before, &p->before);
	return err ? err : take_text(b, n_after, &p->after);
}

static int take_parts(json_t *v, struct body *b, struct record *r)
{
	size_t n = json_array_size(v);
	int err = json_is_array(v) && n <= PARTS_MAX ? 0 : -EBADMSG;

	for (size_t i = 0; !err && i < n; i++)
		err = take_part(json_array_get(v, i), b, r);
	return err;
}

struct header {
	json_int_t id, of, time;
	const char *command, *policy, *policy_digest, *space;
	const char *user, *via, *tty, *unit;
	json_t *parts;		/* borrowed */
	json_int_t policy_text;	/* its length; -1: there is none */
	const char *backend;
	int family, force;
};

/* The checksum is right, so another format is that of another version. */
static int read_header(json_t *j, struct header *h)
{
	json_t *format = json_object_get(j, "format");

	*h = (struct header){ .policy_text = -1 };
	if (!json_is_object(j))
		return -EBADMSG;
	if (json_integer_value(format) != FORMAT)
		return -EPROTO;
	if (json_unpack(j, "{s:o, s:I, s:I, s:I, s:s, s?s, s?s, s?s, s?s, s?s, s:s, s?I, s?i, s?s, s?b, s:s, s:o}",
			"format", &format, "id", &h->id, "of", &h->of,
			"time", &h->time, "command", &h->command,
			"policy", &h->policy, "user", &h->user,
			"via", &h->via, "tty", &h->tty, "unit", &h->unit,
			"policy_digest", &h->policy_digest,
			"policy_text", &h->policy_text,
			"family", &h->family, "backend", &h->backend,
			"force", &h->force, "space", &h->space,
			"parts", &h->parts))
		return -EBADMSG;
	return 0;
}

static int copy_text(const char *from, const char **ret)
{
	*ret = from ? strdup(from) : NULL;
	return *ret || !from ? 0 : -ENOMEM;
}

static int take_header(const struct header *h, struct record *r)
{
	int err = sealed_get_u32(h->id, &r->id);

	r->time = h->time;
	r->force = h->force != 0;
	r->family = h->family == AF_INET || h->family == AF_INET6 ?
			    (uint8_t)h->family : 0;
	if (!err)
		err = sealed_get_u32(h->of, &r->of);
	if (!err)
		err = sealed_get_space(h->space, r->space);
	if (!err)
		err = get_digest(h->policy_digest, &r->policy_digest);
	if (!err)
		err = copy_text(h->command, &r->command);
	if (!err)
		err = copy_text(h->policy, &r->policy);
	if (!err)
		err = copy_text(h->user, &r->user);
	if (!err)
		err = copy_text(h->via, &r->via);
	if (!err)
		err = copy_text(h->unit, &r->unit);
	if (!err)
		err = copy_text(h->backend, &r->backend);
	return err ? err : copy_text(h->tty, &r->tty);
}

int record_decode(const char *text, size_t len, struct record *ret)
{
	_cleanup_(record_release) struct record r = { 0 };
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	struct header h;
	struct body b;
	size_t at;
	int err = sealed_check(text, &len);

	if (!err)
		err = sealed_get_line(text, len, &j, &at);
	if (!err)
		err = read_header(j, &h);
	if (!err)
		err = take_header(&h, &r);
	if (err)
		return err;
	b = (struct body){ text + at, len - at };
	err = take_parts(h.parts, &b, &r);
	if (!err && h.policy_text >= 0)
		err = take_text(&b, h.policy_text, &r.policy_text);
	if (!err && b.len)
		err = -EBADMSG;
	if (err)
		return err;
	*ret = r;
	r = (struct record){ 0 };
	return 0;
}

void record_release(struct record *r)
{
	for (size_t i = 0; i < r->n_parts; i++) {
		mem_free_const(r->parts[i].target);
		free(r->parts[i].before.s);
		free(r->parts[i].after.s);
	}
	free(r->parts);
	if (!r->borrows_policy)
		free(r->policy_text.s);
	mem_free_const(r->command);
	mem_free_const(r->policy);
	mem_free_const(r->user);
	mem_free_const(r->via);
	mem_free_const(r->tty);
	mem_free_const(r->unit);
	mem_free_const(r->backend);
	*r = (struct record){ 0 };
}
