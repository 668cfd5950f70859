/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/format_json.c: a result as one JSON object. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output/json_text.h"
#include "cli/change/result.h"
#include "core/mem.h"
#include "state/json_memory.h"

/* A line that there was no memory for. */
static bool lost;

static const char *step_family(const struct step *s)
{
	return nfproto_name(s->table->family);
}

static const char *step_kind(const struct step *s)
{
	return s->kind == STEP_SET && s->set->timers ? "timeout" :
						       step_kind_name(s->kind);
}

static json_t *step_object(const struct backend *b, const struct step *s)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };
	const struct origin *o = step_origin(s);

	b->print_step(s, &line);
	lost |= strbuf_status(&line) != 0;
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:o, s:o}",
			 "action", s->add ? "add" : "delete", "kind",
			 step_kind(s), "family", step_family(s),
			 "table", s->table->name, "chain",
			 s->chain ? s->chain->name : NULL, "set",
			 s->set ? s->set->name : NULL, "rule",
			 json_of_text(strbuf_str(&line)),
			 "service", json_of_text(o->service), "policy",
			 o->at.line ? json_of_place(&o->at) : json_null());
}

static json_t *off_object(const struct item_step *s)
{
	bool has_key = s->item.kind != ITEM_MODULE;

	return json_pack("{s:s, s:s, s:s?, s:o}", "action", item_action(s),
			 "kind", item_kind_name(s->item.kind), "key",
			 has_key ? s->item.key : NULL, "value",
			 json_of_text(has_key ? s->item.value : s->item.key));
}

static void add_off_steps(json_t *a, const struct item_steps *s)
{
	for (size_t i = 0; s && i < s->n; i++)
		json_array_append_new(a, off_object(&s->v[i]));
}

/* A line of a file of the host's; `value` is the host's own text. */
static json_t *boot_object(const struct boot_step *s)
{
	_cleanup_free_ char *line = strndup(s->edit.was,
					    strcspn(s->edit.was, "\r\n"));

	lost |= !line;
	return json_pack("{s:s, s:s, s:o, s:i, s:o}", "action",
			 boot_action(s), "kind", "file", "key",
			 json_of_text(s->edit.path), "line",
			 (int)s->edit.line, "value", json_of_text(line));
}

static void add_boot_steps(json_t *a, const struct result_end *e)
{
	const struct boot_steps *s =
		result_boot_steps(&e->plan->change.boot, e->shown);

	for (size_t i = 0; s && i < s->n; i++)
		json_array_append_new(a, boot_object(&s->v[i]));
}

static void add_steps(json_t *a, const struct result_end *e)
{
	for (size_t i = 0; i < e->plan->change.n; i++) {
		const struct part *m = &e->plan->change.v[i];
		const struct changeset *cs = result_steps(m, e->shown);

		struct step_walk w = { 0 };

		while (cs && changeset_next(cs, &w))
			json_array_append_new(a, step_object(m->backend,
							     &w.now));
	}
	add_off_steps(a, result_item_steps(&e->plan->change.off.at, e->shown));
	add_off_steps(a, result_item_steps(&e->plan->change.tune.at, e->shown));
	add_boot_steps(a, e);
}

/* A rule of the host's that the change replaces; keys as audit has them. */
static json_t *edit_object(const struct edit_shown *e)
{
	json_t *by = json_pack("{s:s, s:o, s:o, s:o}", "kind",
			       stateless_class_name(e->kind), "rules",
			       json_of_lines(e->rules), "admits",
			       json_of_admits(e->admits), "loses",
			       json_of_loses(e->loses));

	return json_pack("{s:s, s:o, s:o, s:i, s:o, s:o}", "family",
			 nfproto_name(e->family), "table",
			 json_of_text(e->table), "chain",
			 json_of_text(e->chain), "position",
			 (int)e->position, "rule", json_of_text(e->rule),
			 "replacement", by);
}

static void add_edits(json_t *o, const struct result_end *e)
{
	json_t *a;

	if (!result_shows_edits(e) || !e->plan->edits.n)
		return;
	a = json_array();
	for (size_t i = 0; i < e->plan->edits.n; i++)
		lost |= json_array_append_new(
				a, edit_object(&e->plan->edits.v[i])) != 0;
	json_object_set_new(o, "replacements", a);
}

static json_t *accepted_packets(uint8_t packets)
{
	json_t *a = json_array();

	if (packets & ACCEPTED_FIRST)
		json_array_append_new(a, json_string("first"));
	if (packets & ACCEPTED_LATER)
		json_array_append_new(a, json_string("later"));
	return a;
}

/* A rule of the host's that accepts what is untracked; keys as above. */
static json_t *accepted_object(const struct accepted_by *a)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:i, s:o, s:o}",
			 "service", json_of_text(a->service->name), "packets",
			 accepted_packets(a->packets), "family",
			 nfproto_name(a->family), "table",
			 json_of_text(a->table), "chain",
			 json_of_text(a->chain), "position",
			 (int)a->position, "rule", json_of_text(a->rule),
			 "policy", json_of_place(&a->service->at));
}

static void add_accepted(json_t *o, const struct result_end *e)
{
	const struct accepted_bys *all = &e->plan->accepted;
	json_t *a;

	if (!result_shows_accepted(e) || !all->n)
		return;
	a = json_array();
	for (size_t i = 0; i < all->n; i++)
		lost |= json_array_append_new(
				a, accepted_object(&all->v[i])) != 0;
	json_object_set_new(o, "accepted_by", a);
}

/* Each policy of a command that takes several. */
static json_t *policy_object(const struct result_end *e)
{
	const struct plan *p = e->plan;

	return json_pack("{s:o, s:s, s:o, s:o}", "file", json_of_text(p->file),
			 "result", e->word,
			 "services", p->policy ?
			 json_integer((json_int_t)policy_services(p->policy)) :
			 json_null(),
			 "rules", p->rules ?
			 json_integer((json_int_t)p->rules->n) : json_null());
}

static void add_policies(json_t *o, const struct result *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(a, policy_object(&r->v[i]));
	json_object_set_new(o, "policies", a);
}

static void add_trial(json_t *o, const struct on_trial *t)
{
	lost |= json_object_set_new(
			o, "confirm",
			json_pack("{s:I, s:I, s:I}", "id", (json_int_t)t->id,
				  "seconds", (json_int_t)t->seconds,
				  "deadline", (json_int_t)t->deadline)) != 0;
}

static void add_text(json_t *o, const struct plan *p, const struct part *m)
{
	_cleanup_free_ char *s = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&s, &len);
	int err = f ? result_render(p, m, f) : -ENOMEM;

	if (f && fclose(f))
		err = -ENOMEM;
	lost |= err != 0;
	json_object_set_new(o, "text", err ? json_null() : json_of_text(s));
}

/* What counts most needs no memory. */
static int print_bare(const struct result *r, const char *backend)
{
	const char *q = backend ? "\"" : "";

	printf("{\"schema\": 1, \"command\": \"%s\", \"result\": \"%s\", \"changed\": %s, \"backend\": %s%s%s, \"steps\": [], \"diagnostics\": []}\n",
	       r->command, result_word(r),
	       result_changed(r) ? "true" : "false", q,
	       backend ? backend : "null", q);
	return -ENOMEM;
}

static int show(const struct result *r, const struct display *how)
{
	const struct result_end *speaker = &r->v[r->speaker];
	const struct part *m = change_first(&speaker->plan->change);
	const char *backend = m ? m->backend->name : NULL;
	json_t *steps, *diags, *o;

	(void)how;
	json_memory_watch();
	steps = json_array();
	diags = json_array();
	for (size_t i = 0; i < r->n; i++) {
		add_steps(steps, &r->v[i]);
		json_add_diags_fixed(diags, &r->v[i].plan->diags,
				     r->v[i].fixes);
	}
	o = json_pack("{s:i, s:s, s:s, s:b, s:s?, s:o, s:o}", "schema", 1,
		      "command", r->command, "result", result_word(r),
		      "changed", result_changed(r), "backend", backend,
		      "steps", steps, "diagnostics", diags);
	if (o && r->lists_policies)
		add_policies(o, r);
	if (o && r->trial)
		add_trial(o, r->trial);
	if (o)
		add_edits(o, speaker);
	if (o)
		add_accepted(o, speaker);
	if (o && m && speaker->shown == SHOW_RENDERED)
		add_text(o, speaker->plan, m);
	lost |= !o || json_memory_lost() || json_print(o);
	json_decref(o);
	return lost ? print_bare(r, backend) : 0;
}

const struct format format_json = {
	.name = "json",
	.show = show,
};
