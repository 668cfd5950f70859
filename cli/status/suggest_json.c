/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/suggest_json.c: the advice as one JSON object. */
#include <errno.h>
#include <jansson.h>

#include "cli/output/json_stream.h"
#include "cli/output/json_text.h"
#include "cli/status/suggest_report.h"
#include "core/inet.h"
#include "core/mem.h"
#include "state/json_memory.h"

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *protocol(const struct group *g)
{
	_cleanup_(strbuf_release) struct strbuf name = { 0 };

	protocol_print(g->proto, &name);
	return strbuf_status(&name) ? NULL : json_of_text(strbuf_str(&name));
}

static json_t *ports(const struct group *g)
{
	json_t *a = json_array();

	if (protocol_has_ports(g->proto))
		json_array_append_new(a, json_integer(g->port));
	return a;
}

static json_t *roles(const struct group *g)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < GROUPS_ROLE_MAX_; i++)
		if (g->role[i])
			json_array_append_new(a, json_string(
				suggest_role_name(i)));
	return a;
}

static json_t *conflicts(const struct suggestion *s)
{
	json_t *a = json_array();

	if (s->nat)
		json_array_append_new(a, json_pack(
			"{s:s, s:o}", "kind", "nat", "entries",
			count(s->group.translated)));
	if (s->helper)
		json_array_append_new(a, json_pack(
			"{s:s, s:o}", "kind", "helper", "entries",
			count(s->group.helped)));
	return a;
}

/* Of what is allowed: what would stay in the table all the same. */
static json_t *left_out(const struct suggestion *s)
{
	json_t *a = json_array();

	for (unsigned int k = 0; s->why == ADVICE_ALLOWED && k < LEFT_MAX_;
	     k++) {
		uint32_t n = suggest_left_out(s, (enum left)k);

		if (n)
			json_array_append_new(a, json_pack(
				"{s:s, s:o}", "kind",
				suggest_left_word((enum left)k), "entries",
				count(n)));
	}
	return a;
}

static json_t *shape(enum advice_shape s)
{
	switch (s) {
	case ADVICE_ASYMMETRIC:
		return json_string("asymmetric");
	case ADVICE_ONE_WAY:
		return json_string("one_way");
	case ADVICE_PLAIN:
	default:
		return json_null();
	}
}

static json_t *suggestion(const struct advice *a, size_t i)
{
	const struct suggestion *s = &a->v[i];
	const struct group *g = &s->group;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}",
			 "rank", count(i + 1), "protocol", protocol(g),
			 "ports", ports(g), "roles", roles(g), "entries",
			 count(g->entries), "share",
			 json_real(advice_share(a, g->entries)), "one_way",
			 count(g->one_way), "one_way_share",
			 json_real((double)g->one_way / (double)g->entries),
			 "sources", count(g->sources), "would_save",
			 count(s->would_save), "shape", shape(s->shape),
			 "conflicts", conflicts(s), "left_out", left_out(s),
			 "allowed",
			 s->why == ADVICE_ALLOWED, "policy",
			 json_of_text(s->policy ? s->policy : ""));
}

int suggest_print_json(const struct advice *a, bool failed)
{
	json_t *diags = json_array();
	struct json_stream j;

	json_memory_watch();
	json_stream_begin(&j);
	json_stream_member(&j, "schema", json_integer(1));
	json_stream_member(&j, "command", json_string("suggest"));
	json_stream_member(&j, "result",
			   json_string(failed ? "failed" : "ok"));
	if (!failed) {
		json_stream_member(&j, "entries", count(a->entries));
		json_stream_member(&j, "complete", json_boolean(a->complete));
		json_stream_member(&j, "sources_exact",
				   json_boolean(a->sources_exact));
		json_stream_list(&j, "suggestions");
		for (size_t i = 0; i < a->n; i++)
			json_stream_item(&j, suggestion(a, i));
		json_stream_list_end(&j);
		json_stream_member(&j, "policy", json_of_text(
			a->policy ? a->policy : ""));
	}
	json_add_diags(diags, &a->diags);
	json_stream_member(&j, "diagnostics", diags);
	json_stream_end(&j);
	return j.lost || json_memory_lost() ? -ENOMEM : 0;
}
