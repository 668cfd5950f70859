/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report_json.c: results as one JSON object; the only user of jansson. */
#include <jansson.h>
#include <string.h>

#include "cli/report.h"
#include "core/mem.h"
#include "state/json_memory.h"

/* A line that there was no memory for. */
static bool lost;

/* Bytes that are not UTF-8 never reach JSON: they become '?'. */
static json_t *text(const char *s)
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

static json_t *place(const struct srcpos *at)
{
	return json_pack("{s:o, s:i, s:i}", "file", text(at->file), "line",
			 (int)at->line, "column", (int)at->col);
}

static json_t *diag_object(const struct diag *d)
{
	json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:i, s:i, s:o}",
			      "id", diag_id_name(d->id),
			      "level", diag_level_name(d->level),
			      "message", text(d->msg),
			      "file", text(d->at.file),
			      "line", (int)d->at.line,
			      "column", (int)d->at.col,
			      "help", text(d->help));

	if (o && d->related_msg) {
		json_t *r = place(&d->related);

		json_object_set_new(r, "message", text(d->related_msg));
		json_object_set_new(o, "related", r);
	}
	return o;
}

static const char *step_family(const struct step *s)
{
	return nfproto_name(s->table->family);
}

static json_t *step_object(const struct backend *b, const struct step *s)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };
	const struct origin *o = step_origin(s);

	b->print_step(s, &line);
	lost |= strbuf_status(&line) != 0;
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:o, s:o}",
			 "action", s->add ? "add" : "delete", "kind",
			 step_kind_name(s->kind), "family", step_family(s),
			 "table", s->table->name, "chain",
			 s->chain ? s->chain->name : NULL, "set",
			 s->set ? s->set->name : NULL, "rule",
			 text(strbuf_str(&line)), "service", text(o->service),
			 "policy", o->at.line ? place(&o->at) : json_null());
}

static json_t *setting_object(const char *kind, const struct setting *s)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };

	if (!strcmp(kind, "module"))
		strbuf_printf(&line, "unload %s", s->value);
	else
		strbuf_printf(&line, "sysctl %s = %s", s->key, s->value);
	return json_pack("{s:s, s:s, s:s, s:n, s:n, s:s, s:n, s:s, s:s, s:b, s:o}",
			 "action", "set", "kind", kind, "family", "", "table",
			 "chain", "rule", strbuf_str(&line), "service", "key",
			 s->key, "value", s->value, "applied", 0, "policy",
			 place(&s->origin->at));
}

static void add_part(json_t *a, const struct part *m, enum shown shown)
{
	const struct changeset *cs = report_steps(m, shown);

	for (size_t i = 0; cs && i < cs->n; i++)
		json_array_append_new(a, step_object(m->backend,
						     &cs->steps[i]));
}

static void add_steps(json_t *a, const struct plan *p, enum shown shown)
{
	for (size_t i = 0; i < p->change.n; i++)
		add_part(a, &p->change.v[i], shown);
	for (size_t i = 0; p->rules && i < p->rules->n_sysctls; i++)
		json_array_append_new(a, setting_object("sysctl",
						&p->rules->sysctls[i]));
	for (size_t i = 0; p->rules && i < p->rules->n_modules; i++)
		json_array_append_new(a, setting_object("module",
						&p->rules->modules[i]));
}

static void add_diags(json_t *a, const struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(a, diag_object(&d->v[i]));
}

/* What counts most needs no memory. */
static void print_bare(const char *command, const char *result, bool changed,
		       const char *backend)
{
	const char *q = backend ? "\"" : "";

	printf("{\"schema\": 1, \"command\": \"%s\", \"result\": \"%s\", \"changed\": %s, \"backend\": %s%s%s, \"steps\": [], \"diagnostics\": []}\n",
	       command, result, changed ? "true" : "false", q,
	       backend ? backend : "null", q);
	report_lost(result);
}

void report_json(const struct plan *p, const char *command, const char *result,
		 enum shown shown)
{
	const struct part *m = change_first(&p->change);
	const char *backend = m ? m->backend->name : NULL;
	bool changed = !strcmp(result, "changed");
	json_t *steps, *diags, *o;

	json_memory_watch();
	steps = json_array();
	diags = json_array();
	add_steps(steps, p, shown);
	add_diags(diags, &p->diags);
	o = json_pack("{s:i, s:s, s:s, s:b, s:s?, s:o, s:o}", "schema", 1,
		      "command", command, "result", result, "changed", changed,
		      "backend", backend, "steps", steps, "diagnostics", diags);
	lost |= !o || json_memory_lost();
	if (!lost) {
		json_dumpf(o, stdout, JSON_INDENT(1));
		putchar('\n');
	} else {
		print_bare(command, result, changed, backend);
	}
	json_decref(o);
}
