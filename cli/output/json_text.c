/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/json_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/lines.h"
#include "core/mem.h"
#include "rules/stateless.h"
#include "state/json_memory.h"

void json_put(json_t *o, const char *key, json_t *v)
{
	if (!v || json_object_set_new(o, key, v))
		json_memory_lose();
}

void json_append(json_t *array, json_t *v)
{
	if (!v || json_array_append_new(array, v))
		json_memory_lose();
}

/* ASCII: what a terminal acts on must not reach it. */
int json_print(const json_t *o)
{
	_cleanup_free_ char *s =
		json_dumps(o, JSON_INDENT(1) | JSON_ENSURE_ASCII);

	if (!s)
		return -ENOMEM;
	puts(s);
	return 0;
}

json_t *json_of_text(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();
	_cleanup_free_ char *copy = NULL;

	if (j)
		return j;
	copy = strdup(s);
	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return copy ? json_string(copy) : NULL;
}

json_t *json_of_number(uint32_t n)
{
	return n ? json_integer(n) : json_null();
}

json_t *json_of_place(const struct srcpos *at)
{
	return json_pack("{s:o, s:o, s:o}", "file", json_of_text(at->file),
			 "line", json_of_number(at->line),
			 "column", json_of_number(at->col));
}

static json_t *of_diag(const struct diag *d)
{
	json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
			      "id", diag_id_name(d->id),
			      "level", diag_level_name(d->level),
			      "message", json_of_text(d->msg),
			      "file", json_of_text(d->at.file),
			      "line", json_of_number(d->at.line),
			      "column", json_of_number(d->at.col),
			      "help", json_of_text(d->help));

	if (o && d->related_msg) {
		json_t *r = json_of_place(&d->related);

		json_put(r, "message", json_of_text(d->related_msg));
		json_put(o, "related", r);
	}
	return o;
}

static json_t *of_fix(const struct policy_fix *x)
{
	return json_pack("[{s:o, s:o, s:o, s:o, s:o, s:o}]",
			 "file", json_of_text(x->from.file),
			 "line", json_of_number(x->from.line),
			 "column", json_of_number(x->from.col),
			 "end_line", json_of_number(x->to.line),
			 "end_column", json_of_number(x->to.col),
			 "text", json_of_text(x->text));
}

void json_add_diags_fixed(json_t *array, const struct diags *d,
			  const struct policy_fixes *fixes)
{
	if (d->lost)
		json_memory_lose();
	for (size_t i = 0; i < d->n; i++) {
		const struct policy_fix *x =
			fixes ? policy_fixes_find(fixes, &d->v[i]) : NULL;
		json_t *o = of_diag(&d->v[i]);

		if (o && x)
			json_put(o, "fixes", of_fix(x));
		json_append(array, o);
	}
}

void json_add_diags(json_t *array, const struct diags *d)
{
	json_add_diags_fixed(array, d, NULL);
}

static int append_line(char *line, void *array)
{
	return json_array_append_new(array, json_of_text(line)) ? -ENOMEM : 0;
}

json_t *json_of_lines(const char *text)
{
	json_t *a = json_array();

	if (!lines_each(text, strlen(text), append_line, a))
		return a;
	json_decref(a);
	return NULL;
}

static const char *admits_name(size_t i)
{
	return stateless_admits_name((enum stateless_admits)i);
}

static const char *loses_text(size_t i)
{
	return stateless_loses_text((enum stateless_loses)i);
}

static json_t *words(uint32_t bits, size_t max, const char *(*word)(size_t i))
{
	json_t *a = json_array();

	for (size_t i = 0; i < max; i++)
		if (bits >> i & 1)
			json_array_append_new(a, json_string(word(i)));
	return a;
}

json_t *json_of_admits(uint32_t admits)
{
	return words(admits, ADMITS_MAX_, admits_name);
}

json_t *json_of_loses(uint32_t loses)
{
	return words(loses, LOSES_MAX_, loses_text);
}
