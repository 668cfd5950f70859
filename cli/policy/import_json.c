/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy/import_json.c: an imported policy as one JSON object. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "cli/audit/audit_report.h"
#include "cli/policy/import_report.h"
#include "cli/output/json_stream.h"
#include "cli/output/json_text.h"
#include "core/mem.h"
#include "policies/policy.h"
#include "state/json_memory.h"

static void append_buffer(json_t *a, const struct strbuf *b)
{
	json_array_append_new(a, strbuf_status(b) ? NULL :
				 json_of_text(strbuf_str(b)));
}

static json_t *roles(unsigned int set)
{
	json_t *a = json_array();

	for (size_t i = 0; i < ROLES; i++)
		if (set >> i & 1)
			json_array_append_new(a, json_string(role_names[i]));
	return a;
}

static json_t *families(uint8_t set)
{
	json_t *a = json_array();

	if (set & BOX_IPV4)
		json_array_append_new(a, json_string("ipv4"));
	if (set & BOX_IPV6)
		json_array_append_new(a, json_string("ipv6"));
	return a;
}

static json_t *protocols(const struct box *b)
{
	json_t *a = json_array();
	bool any = box_count_protos(b) == BOX_PROTOCOLS;

	if (any)
		json_array_append_new(a, json_string("any"));
	for (unsigned int i = 0; i < BOX_PROTOCOLS && !any; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };

		if (!box_has_proto(b, i))
			continue;
		service_protocol_print((uint8_t)i, &text);
		append_buffer(a, &text);
	}
	return a;
}

static json_t *ports(const struct port_set *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };

		port_range_print(&s->v[i], &text);
		append_buffer(a, &text);
	}
	return a;
}

static json_t *prefixes(const struct prefix_set *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };
		struct prefix p = prefix_set_at(s, i);

		prefix_print(&p, &text);
		append_buffer(a, &text);
	}
	return a;
}

static json_t *interfaces(const struct iface_set *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };

		iface_print(&s->v[i], &text);
		append_buffer(a, &text);
	}
	return a;
}

/* NULL: no memory */
static json_t *rule(const struct foreign *f, uint32_t i)
{
	const struct foreign_rule *r = &f->rules[i];
	const struct foreign_table *t = &f->tables[f->chains[r->chain].table];
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	strbuf_add(&text, r->raw.s, r->raw.n);
	if (strbuf_status(&text))
		return NULL;
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}",
			 "family", foreign_family_name(t->family),
			 "table", json_of_text(t->name),
			 "chain", json_of_text(audit_chain_name(f, r)),
			 "position", json_of_number(foreign_position(f, r)),
			 "line", json_of_number(r->line),
			 "rule", json_of_text(strbuf_str(&text)));
}

static json_t *rules(const struct foreign *f, const struct rule_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(a, rule(f, l->v[i]));
	return a;
}

static json_t *notes(unsigned int set)
{
	json_t *a = json_array();
	const char *note;

	for (size_t i = 0; (note = import_note(set, i)) != NULL; i++)
		json_array_append_new(a, json_string(note));
	return a;
}

static json_t *service(const struct import_report *r,
		       const struct import_service *s)
{
	static const struct port_set none;
	_cleanup_(strbuf_release) struct strbuf why = { 0 };

	import_print_why(r, s, &why);
	if (strbuf_status(&why))
		return NULL;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}",
			 "name", json_of_text(s->name),
			 "families", families(s->box.families),
			 "role", roles(s->roles),
			 "protocol", protocols(&s->box),
			 "ports", ports(import_has_ports(s) ?
					&s->box.dport : &none),
			 "clients", prefixes(&s->box.src),
			 "servers", prefixes(&s->box.dst),
			 "interfaces", interfaces(&s->box.iif),
			 "why", json_of_text(strbuf_str(&why)),
			 "added", (s->notes & IMPORT_ADDED) != 0,
			 "notes", notes(s->notes),
			 "rules", rules(r->f, &s->rules));
}

static json_t *left(const struct import_report *r, const struct import_left *x)
{
	_cleanup_(strbuf_release) struct strbuf why = { 0 };
	json_t *o = rule(r->f, x->rule);

	import_print_reason(x, &why);
	if (!o || strbuf_status(&why)) {
		json_decref(o);
		return NULL;
	}
	json_object_set_new(o, "why", json_of_text(strbuf_str(&why)));
	json_object_set_new(o, "other", x->other == FOREIGN_NOWHERE ?
			    json_null() : rule(r->f, x->other));
	return o;
}

static json_t *diagnostics(const struct diags *d)
{
	json_t *a = json_array();

	json_add_diags(a, d);
	return a;
}

static const char *word(const struct import_report *r)
{
	if (!r->f)
		return "failed";
	if (r->import->n_left || r->import->cut)
		return "partly_imported";
	return r->import->n ? "imported" : "nothing_found";
}

static json_t *policy(const struct import_report *r)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	if (!r->import->n)
		return json_null();
	import_print_yaml(r, &text);
	return strbuf_status(&text) ? NULL : json_of_text(strbuf_str(&text));
}

int import_print_json(const struct import_report *r)
{
	struct json_stream s;

	json_memory_watch();
	json_stream_begin(&s);
	json_stream_member(&s, "schema", json_integer(1));
	json_stream_member(&s, "command", json_string("import"));
	json_stream_member(&s, "result", json_string(word(r)));
	json_stream_member(&s, "source", json_of_text(r->source));
	if (r->f) {
		json_stream_member(&s, "policy", policy(r));
		json_stream_list(&s, "services");
		for (size_t i = 0; i < r->import->n; i++)
			json_stream_item(&s, service(r, &r->import->v[i]));
		json_stream_list_end(&s);
		json_stream_list(&s, "left");
		for (size_t i = 0; i < r->import->n_left; i++)
			json_stream_item(&s, left(r, &r->import->left[i]));
		json_stream_list_end(&s);
	}
	json_stream_member(&s, "diagnostics", diagnostics(r->diags));
	json_stream_end(&s);
	return s.lost || json_memory_lost() ? -ENOMEM : 0;
}
