/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/status_json.c: how a host stands, as one JSON object. */
#include <inttypes.h>
#include <jansson.h>

#include "audit/own.h"
#include "cli/audit/audit_report.h"
#include "cli/output/json_stream.h"
#include "cli/output/json_text.h"
#include "cli/status/status_report.h"
#include "core/mem.h"
#include "engine/unsettled.h"
#include "state/json_memory.h"

/* A host may have thousands of rules that need tracking. */
#define KEEPERS_SHOWN 50

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *keeper(const struct foreign *f, const struct foreign_rule *r)
{
	const struct foreign_table *t =
		&f->tables[f->chains[r->chain].table];
	_cleanup_(strbuf_release) struct strbuf rule = { 0 };

	strbuf_add(&rule, r->raw.s, r->raw.n);
	if (strbuf_status(&rule))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s}",
			 "family", foreign_family_name(t->family),
			 "world", t->world == WORLD_LEGACY ? "legacy" : "nft",
			 "owner", own_is_host(f, r) ? "host" : "ctpolicy",
			 "table", json_of_text(t->name),
			 "chain", json_of_text(audit_chain_name(f, r)),
			 "rule", json_of_text(strbuf_str(&rule)),
			 "feature", foreign_feature_name(keepers_feature(f, r)));
}

static json_t *keepers(const struct foreign *f)
{
	json_t *a = json_array();

	for (size_t i = 0; i < f->n_rules; i++)
		if (keepers_has(f, &f->rules[i]) &&
		    json_array_size(a) < KEEPERS_SHOWN)
			json_array_append_new(a, keeper(f, &f->rules[i]));
	return a;
}

static json_t *family(const struct status *s, const struct keepers_family *k)
{
	return json_boolean(k->rules || s->keepers.objects);
}

static json_t *tracking(const struct status *s)
{
	const struct keepers *k = &s->keepers;

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "module",
			 modules_state_name(s->module), "ipv4", family(s, &k->ipv4),
			 "ipv6", family(s, &k->ipv6), "ipv4_rules",
			 count(k->ipv4.rules), "ipv6_rules",
			 count(k->ipv6.rules), "objects", count(k->objects),
			 "keepers", keepers(s->f));
}

static json_t *counters(const struct ct_table *t)
{
	json_t *o = json_object();

	for (unsigned int c = 0; c < CT_COUNTER_MAX_; c++)
		json_object_set_new(o, ct_counter_name((enum ct_counter)c),
				    t->known >> c & 1 ? count(t->counter[c]) :
							json_null());
	return o;
}

static json_t *table(const struct status *s)
{
	const struct ct_table *t = &s->table;

	if (!s->has_table)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "count",
			 count(t->count), "max", count(t->max), "buckets",
			 t->buckets ? count(t->buckets) : json_null(), "fill",
			 t->max ? json_real(status_fill(t)) : json_null(),
			 "entries_per_bucket", t->buckets ?
			 json_real((double)t->count / (double)t->buckets) :
			 json_null(), "counters", counters(t));
}

static json_t *sample(const struct ranking *r, bool complete)
{
	return json_pack("{s:o, s:o, s:o, s:b}", "entries", count(r->entries),
			 "assured", count(r->assured), "one_way",
			 count(r->one_way), "complete", complete);
}

static json_t *row(const struct top *t, const struct ranking_row *x)
{
	_cleanup_(strbuf_release) struct strbuf key = { 0 };

	top_print_key(t, &x->key, &key);
	if (strbuf_status(&key))
		return NULL;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "key",
			 json_of_text(strbuf_str(&key)), "entries",
			 count(x->entries), "assured", count(x->assured),
			 "one_way", count(x->one_way), "reclaimable",
			 count(status_reclaimable(x)), "share",
			 json_real(status_share(t, x->entries)));
}

static json_t *top(const struct status_report *r)
{
	const struct ranking *k = &r->top->ranking;
	json_t *rows = json_array();

	for (size_t i = 0; i < k->n && i < r->rows; i++)
		json_array_append_new(rows, row(r->top, &k->v[i]));
	return json_pack("{s:s, s:o, s:b, s:o, s:o}", "by",
			 top_by_name(r->top->by), "entries",
			 count(k->entries), "complete", r->top->complete,
			 "error_max", count(k->error_max), "rows", rows);
}

/* Of the counters, since the document before. */
static json_t *lately(const struct status_report *r)
{
	json_t *o;

	if (!r->before || !r->s->has_table)
		return json_null();
	o = json_pack("{s:f}", "seconds", r->seconds);
	for (size_t i = 0; i < status_n_losses; i++) {
		enum ct_counter c = status_losses[i];

		json_object_set_new(o, ct_counter_name(c),
				    count(status_grown(r, c)));
	}
	return o;
}

static json_t *untracked(const struct status *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->services.n; i++) {
		const struct live_service *x = &s->services.v[i];

		json_array_append_new(a, json_pack(
			"{s:o, s:o, s:o}", "service", json_of_text(x->name),
			"packets", x->counted ? count(x->packets) : json_null(),
			"bytes", x->counted ? count(x->bytes) : json_null()));
	}
	return a;
}

static json_t *tracked(const struct status *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->tracked.n; i++)
		json_array_append_new(a, json_pack(
			"{s:o}", "service", json_of_text(s->tracked.v[i].name)));
	return a;
}

static json_t *drift(const struct status *s)
{
	if (s->drift == DRIFT_NOTHING)
		return json_null();
	return json_pack("{s:o, s:o, s:b}", "rules",
			 s->counted ? count(s->rules) : json_null(),
			 "settings", count(s->settings), "earlier_boot",
			 s->drift == DRIFT_PAST);
}

static json_t *digest(uint64_t n)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, n);
	return n ? json_string(text) : json_null();
}

/* The policy that is in force, and whether its file still says the same. */
static json_t *policy(const struct status *s)
{
	const struct record *r = &s->history[0];

	if (!s->n_history || !r->policy)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "path",
			 json_of_text(r->policy), "digest",
			 digest(r->policy_digest), "change", count(r->id),
			 "changed", s->file == FILE_UNKNOWN ? json_null() :
			 json_boolean(s->file != FILE_SAME));
}

static json_t *pending(const struct status *s)
{
	if (!s->waiting.there)
		return json_null();
	return json_pack("{s:o, s:o}", "change", count(s->waiting.pending.id),
			 "seconds_left", count(trial_seconds_left(&s->waiting)));
}

static json_t *change(const struct record *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "change", count(r->id), "time", json_integer(r->time),
			 "command", json_of_text(r->command), "policy",
			 json_of_text(r->policy), "policy_digest",
			 digest(r->policy_digest), "user",
			 json_of_text(r->user), "via", json_of_text(r->via),
			 "tty", json_of_text(r->tty), "unit",
			 json_of_text(r->unit), "undoes", r->of ?
			 count(r->of) : json_null());
}

static json_t *history(const struct status *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->n_history; i++)
		json_array_append_new(a, change(&s->history[i]));
	return a;
}

static json_t *attention(uint32_t bits)
{
	json_t *a = json_array();

	for (unsigned int c = 0; c < CONCERN_MAX_; c++)
		if (bits >> c & 1)
			json_array_append_new(a, json_string(
				concern_word((enum concern)c)));
	return a;
}

static void print_host(struct json_stream *j, const struct status *s)
{
	json_stream_member(j, "tracking", tracking(s));
	json_stream_member(j, "table", table(s));
	json_stream_member(j, "untracked", untracked(s));
	json_stream_member(j, "tracked", tracked(s));
	json_stream_member(j, "policy", policy(s));
	json_stream_member(j, "drift", drift(s));
	json_stream_member(j, "pending", pending(s));
	json_stream_member(j, "unfinished", s->unfinished.command ?
			   change(&s->unfinished) : json_null());
	json_stream_member(j, "history", history(s));
}

int status_print_json(const struct status_report *r)
{
	json_t *diags = json_array();
	struct json_stream j;

	json_memory_watch();
	if (r->watching)
		json_stream_begin_line(&j);
	else
		json_stream_begin(&j);
	json_stream_member(&j, "schema", json_integer(1));
	json_stream_member(&j, "command", json_string("status"));
	json_stream_member(&j, "result", json_string(
		r->failed ? "failed" : r->attention ? "attention" : "ok"));
	json_stream_member(&j, "attention", attention(r->attention));
	if (!r->failed)
		print_host(&j, r->s);
	if (!r->failed)
		json_stream_member(&j, "lately", lately(r));
	if (!r->failed && r->top->ranking.entries)
		json_stream_member(&j, "sample",
				   sample(&r->top->ranking, r->top->complete));
	else if (!r->failed)
		json_stream_member(&j, "sample", json_null());
	if (!r->failed && r->rows)
		json_stream_member(&j, "top", top(r));
	json_add_diags(diags, &r->s->diags);
	json_stream_member(&j, "diagnostics", diags);
	json_stream_end(&j);
	return j.lost || json_memory_lost() ? -ENOMEM : 0;
}
