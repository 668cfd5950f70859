/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/audit_json.c: an audit as one JSON object, finding by finding. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "audit/own.h"
#include "cli/audit/audit_report.h"
#include "cli/output/json_stream.h"
#include "cli/output/json_text.h"
#include "core/mem.h"
#include "state/json_memory.h"

static json_t *count(size_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *state_sets(const struct needs *n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n->n_sets; i++)
		json_put(o, n->sets[i].set, count(n->sets[i].rules));
	return o;
}

/* What has no count of its own, where there is any. */
static json_t *others(const struct needs *n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < FEATURE_MAX_; i++)
		if (n->features[i] && needs_is_other((enum foreign_feature)i))
			json_put(o, foreign_feature_name(
						(enum foreign_feature)i),
					    count(n->features[i]));
	for (size_t i = 0; i < FACT_MAX_; i++)
		if (n->facts[i])
			json_put(o, foreign_fact_name(
						(enum foreign_fact)i),
					    count(n->facts[i]));
	return o;
}

static json_t *counts(const struct needs *n)
{
	json_t *o = json_object();

	json_put(o, "rules", count(n->rules));
	for (size_t i = 0; i < FEATURE_MAX_; i++) {
		if (needs_is_other((enum foreign_feature)i))
			continue;
		json_put(o, foreign_feature_name(
					(enum foreign_feature)i),
				    count(n->features[i]));
		if (i == FEATURE_STATE)
			json_put(o, "state_sets", state_sets(n));
	}
	json_put(o, "other", others(n));
	json_put(o, "needs_ct", count(n->needs_ct));
	return o;
}

static json_t *features(const struct foreign_rule *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < FEATURE_MAX_; i++)
		if (r->features >> i & 1)
			json_append(a, json_string(foreign_feature_name(
					       (enum foreign_feature)i)));
	return a;
}

/* NULL: no memory */
static json_t *finding(const struct foreign *f, const struct foreign_rule *r)
{
	const struct host_chain *c = &f->chains[r->chain];
	const struct foreign_table *t = &f->tables[c->table];
	_cleanup_(strbuf_release) struct strbuf rule = { 0 }, states = { 0 };

	strbuf_add(&rule, r->raw.s, r->raw.n);
	needs_states_print(f, r, &states);
	if (strbuf_status(&rule) || strbuf_status(&states))
		return NULL;
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "family", foreign_family_name(t->family),
			 "table", json_of_text(t->name),
			 "chain", json_of_text(audit_chain_name(f, r)),
			 "position", json_of_number(foreign_position(f, r)),
			 "line", json_of_number(r->line),
			 "rule", json_of_text(strbuf_str(&rule)),
			 "features", features(r),
			 "states", r->n_states ?
				 json_of_text(strbuf_str(&states)) :
				 json_null());
}

/* Of the world that holds it; a file has no worlds. */
static const char *world(const struct audit_report *a,
			 const struct foreign_rule *r)
{
	if (!a->keepers)
		return NULL;
	return a->f->tables[a->f->chains[r->chain].table].world ==
		WORLD_LEGACY ? "legacy" : "nft";
}

static json_t *located(const struct audit_report *a,
		       const struct foreign_rule *r)
{
	json_t *o = finding(a->f, r);

	if (o && world(a, r))
		json_put(o, "world", json_string(world(a, r)));
	return o;
}

/* null: nothing is known of one */
static json_t *replacement(const struct audit_report *a,
			   const struct foreign_rule *r)
{
	struct audit_replacement x = { 0 };
	json_t *rules;

	if (!audit_replacement_find(a, r, &x))
		return json_null();
	if (strbuf_status(&x.rules))
		json_memory_lose();
	rules = json_of_lines(strbuf_str(&x.rules));
	strbuf_release(&x.rules);
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind",
			 stateless_class_name(x.kind), "rules", rules,
			 "admits", json_of_admits(x.admits),
			 "loses", json_of_loses(x.loses), "why",
			 x.why ? json_string(x.why) : json_null());
}

static json_t *replaceable(const struct audit_report *a,
			   const struct foreign_rule *r)
{
	json_t *o = located(a, r);

	if (o)
		json_put(o, "replacement", replacement(a, r));
	return o;
}

static json_t *family(const struct audit_report *a,
		      const struct keepers_family *k)
{
	return json_pack("{s:b, s:o, s:o}", "on",
			 k->rules || a->keepers->objects, "rules",
			 count(k->rules), "first", k->rules ?
			 located(a, &a->f->rules[k->first]) : json_null());
}

static json_t *tracking(const struct audit_report *a)
{
	return json_pack("{s:o, s:o, s:o, s:o}",
			 "ipv4", family(a, &a->keepers->ipv4),
			 "ipv6", family(a, &a->keepers->ipv6),
			 "objects", count(a->keepers->objects),
			 "entries", count(a->entries));
}

/* A finding about NOTRACK rules has an id. */
static json_t *flaw(const struct audit_report *a, const struct flaw *x)
{
	json_t *o = located(a, &a->f->rules[x->rule]);

	if (!o)
		return NULL;
	json_put(o, "id", json_string(diag_id_name(x->id)));
	json_put(o, "level", json_string(diag_level_name(x->level)));
	json_put(o, "message", json_of_text(x->msg));
	json_put(o, "help", json_of_text(x->help));
	json_put(o, "other", x->other == FOREIGN_NOWHERE ?
		 json_null() : located(a, &a->f->rules[x->other]));
	return o;
}

static void put_findings(struct json_stream *s, const struct audit_report *a)
{
	const struct foreign *f = a->f;

	json_stream_list(s, "findings");
	for (size_t i = 0; i < a->flaws->n; i++)
		json_stream_item(s, flaw(a, &a->flaws->v[i]));
	for (size_t i = 0; i < f->n_rules; i++)
		if (own_is_host(f, &f->rules[i]) &&
		    needs_conntrack(&f->rules[i]))
			json_stream_item(s, replaceable(a, &f->rules[i]));
	json_stream_list_end(s);
}

static json_t *diagnostics(const struct diags *d)
{
	json_t *a = json_array();

	json_add_diags(a, d);
	return a;
}

static const char *word(const struct audit_report *a)
{
	if (!a->f)
		return "failed";
	return a->needs->needs_ct || a->flaws->n ? "found" : "nothing_found";
}

int audit_print_json(const struct audit_report *a)
{
	struct json_stream s;

	json_memory_watch();
	json_stream_begin(&s);
	json_stream_member(&s, "schema", json_integer(1));
	json_stream_member(&s, "command", json_string("audit"));
	json_stream_member(&s, "result", json_string(word(a)));
	json_stream_member(&s, "source", json_of_text(a->source));
	if (a->f && a->keepers)
		json_stream_member(&s, "tracking", tracking(a));
	if (a->f) {
		json_stream_member(&s, "counts", counts(a->needs));
		put_findings(&s, a);
	}
	json_stream_member(&s, "diagnostics", diagnostics(a->diags));
	json_stream_end(&s);
	return s.lost || json_memory_lost() ? -ENOMEM : 0;
}
