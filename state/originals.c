/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/originals.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/json_memory.h"
#include "state/sealed.h"
#include "state/state_file.h"
#include "state/state_io.h"

#define SCHEMA 1
#define KEYS 2
#define RULE_KEYS 5

static void release_one(struct saved_original *x)
{
	mem_free_const(x->target);
	mem_free_const(x->table);
	mem_free_const(x->stand_in);
	mem_free_const(x->text);
}

void saved_originals_release(struct saved_originals *s)
{
	for (size_t i = 0; i < s->n; i++)
		release_one(&s->v[i]);
	free(s->v);
	*s = (struct saved_originals){ 0 };
}

int saved_originals_add(struct saved_originals *s,
			const struct saved_original *x)
{
	struct saved_original to = {
		.target = strdup(x->target), .family = x->family,
		.table = strdup(x->table), .stand_in = strdup(x->stand_in),
		.text = strdup(x->text),
	};

	if (!to.target || !to.table || !to.stand_in || !to.text ||
	    mem_grow(&s->v, &s->cap, s->n + 1)) {
		release_one(&to);
		return -ENOMEM;
	}
	s->v[s->n++] = to;
	return 0;
}

static json_t *encode_one(const struct saved_original *x)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:s}", "target", x->target,
			 "family", x->family, "table", x->table, "stand_in",
			 x->stand_in, "rule", x->text);
}

int saved_originals_encode(const struct saved_originals *s, struct strbuf *out)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	json_t *rules;

	json_memory_watch();
	rules = json_array();
	for (size_t i = 0; i < s->n; i++)
		if (json_array_append_new(rules, encode_one(&s->v[i]))) {
			json_decref(rules);
			return -ENOMEM;
		}
	j = json_pack("{s:i, s:o}", "schema", SCHEMA, "rules", rules);
	return sealed_put_only(j, out);
}

static int decode_one(json_t *j, struct saved_originals *ret)
{
	const char *target, *table, *stand_in, *text;
	int family;

	if (json_object_size(j) > RULE_KEYS)
		return -EPROTO;
	if (json_unpack(j, "{s:s, s:i, s:s, s:s, s:s !}", "target", &target,
			"family", &family, "table", &table, "stand_in",
			&stand_in, "rule", &text) ||
	    family < 0 || family > UINT8_MAX)
		return -EBADMSG;
	return saved_originals_add(ret, &(struct saved_original){
		.target = target, .family = (uint8_t)family,
		.table = table, .stand_in = stand_in,
		.text = text,
	});
}

int saved_originals_decode(const char *text, size_t len,
			   struct saved_originals *ret)
{
	_cleanup_(saved_originals_release) struct saved_originals s = { 0 };
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	json_t *rules;
	int schema, err = sealed_get_only(text, len, &j);

	if (!err)
		err = sealed_check_schema(j, SCHEMA, KEYS);
	if (err)
		return err;
	if (json_unpack(j, "{s:i, s:o !}", "schema", &schema, "rules",
			&rules) || !json_is_array(rules))
		return -EBADMSG;
	for (size_t i = 0; !err && i < json_array_size(rules); i++)
		err = decode_one(json_array_get(rules, i), &s);
	if (err)
		return err;
	*ret = s;
	s = (struct saved_originals){ 0 };
	return 0;
}

static bool same(const struct saved_originals *a,
		 const struct saved_originals *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = a->v[i].family == b->v[i].family &&
		       !strcmp(a->v[i].target, b->v[i].target) &&
		       !strcmp(a->v[i].table, b->v[i].table) &&
		       !strcmp(a->v[i].stand_in, b->v[i].stand_in) &&
		       !strcmp(a->v[i].text, b->v[i].text);
	return same;
}

/* Before the kernel forgets them: what is on disk is what they are. */
int saved_originals_write(struct state *st, const struct saved_originals *s,
			  struct diags *d)
{
	_cleanup_(saved_originals_release) struct saved_originals again = { 0 };
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	int err = saved_originals_encode(s, &text);

	if (!err)
		err = saved_originals_decode(strbuf_str(&text), text.n,
					     &again);
	if (!err && !same(s, &again))
		err = -EBADMSG;
	if (err)
		return err == -ENOMEM ? err :
		       state_cannot(st, "write", STATE_ORIGINALS, err, d);
	err = state_write(st, STATE_ORIGINALS, &text, d);
	if (err)
		return err;
	err = state_file_sync(st->dir);
	return err ? state_cannot(st, "write", STATE_ORIGINALS, err, d) : 0;
}

int saved_originals_read(struct state *st, struct saved_originals *ret,
			 struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = state_read(st, STATE_ORIGINALS, &text, &len, d);

	if (!err)
		err = saved_originals_decode(text, len, ret);
	if (err == -EPROTO)
		return state_say_version(st->path, STATE_ORIGINALS,
					 "run 'ctpolicy remove' with that version, which can put back the rules that were replaced; or move the file away and reload those rules from the host's own files", d);
	if (err != -EBADMSG)
		return err;
	return diag_add(d, DIAG_WARNING, -EIO, ID_ORIGINALS_DAMAGED, NOPOS,
			"%s/" STATE_ORIGINALS " is damaged: rules of the host's that were replaced cannot be put back",
			st->path);
}

int saved_originals_set_aside(struct state *st, struct diags *d)
{
	int err = state_file_rename(st->dir, STATE_ORIGINALS,
				    STATE_ORIGINALS_ASIDE);

	if (err)
		return state_cannot(st, "set aside", STATE_ORIGINALS, err, d);
	diag_add(d, DIAG_NOTE, 0, ID_RECORD_PASSED_OVER, NOPOS,
		 "%s/" STATE_ORIGINALS " is now " STATE_ORIGINALS_ASIDE,
		 st->path);
	return 0;
}
