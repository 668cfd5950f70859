/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/audit_rewrite_json.c: a rewritten ruleset as one JSON object. */
#include <errno.h>
#include <jansson.h>

#include "cli/audit/audit_rewrite.h"
#include "cli/output/json_stream.h"
#include "cli/output/json_text.h"
#include "state/json_memory.h"

static json_t *hook(const struct rewritten *r, uint8_t h)
{
	const struct rewritten_hook *x = &r->hooks[h];
	json_t *o = json_pack("{s:s, s:o, s:o}", "hook", walk_hook_name(h),
			      "admits", json_of_admits(x->admits),
			      "loses", json_of_loses(x->loses));

	if (o && x->passed.met) {
		json_object_set_new(o, "rules_before", json_integer(
					(json_int_t)x->passed.before));
		json_object_set_new(o, "rules_after", json_integer(
					(json_int_t)x->passed.after));
	}
	return o;
}

static bool is_told(const struct rewritten_hook *x)
{
	return x->admits || x->loses || x->passed.met;
}

static void put_hooks(struct json_stream *s, const struct rewritten *r)
{
	json_stream_list(s, "hooks");
	for (uint8_t h = 0; h < WALK_HOOKS; h++)
		if (is_told(&r->hooks[h]))
			json_stream_item(s, hook(r, h));
	json_stream_list_end(s);
}

int audit_rewrite_print_json(const struct rewritten *r)
{
	const char *word = !r->text ? "failed" :
			   r->stay  ? "partly_rewritten" : "rewritten";
	json_t *diags = json_array();
	struct json_stream s;

	json_memory_watch();
	json_add_diags(diags, r->diags);
	json_stream_begin(&s);
	json_stream_member(&s, "schema", json_integer(1));
	json_stream_member(&s, "command", json_string("audit"));
	json_stream_member(&s, "result", json_string(word));
	json_stream_member(&s, "source", json_of_text(r->source));
	if (r->text) {
		json_stream_member(&s, "text",
				   json_of_text(strbuf_str(r->text)));
		put_hooks(&s, r);
	}
	json_stream_member(&s, "diagnostics", diags);
	json_stream_end(&s);
	return s.lost || json_memory_lost() ? -ENOMEM : 0;
}
