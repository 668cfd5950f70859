/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/explain_json.c: the walk of a packet as one JSON object. */
#include <errno.h>
#include <jansson.h>

#include "cli/audit/explain_prove.h"
#include "cli/output/json_text.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "state/json_memory.h"

/* A packet or its answer, and its walks. */
struct side {
	const struct explain_report *r;
	const struct packet *p;
	const struct walk *w;		/* NULL: none */
	const struct walk *bare;
};

const char *explain_word(uint8_t outcome)
{
	static const char *const words[] = {
		"unknown", "accepted", "dropped", "unknown",
	};

	return words[outcome & WALK_UNKNOWN];
}

static json_t *of_truth(enum truth t)
{
	return t == TRUTH_MAYBE ? json_null() : json_boolean(t == TRUTH_YES);
}

static const char *yes_or_maybe(enum truth t)
{
	return t == TRUTH_YES ? "yes" : "maybe";
}

static const char *verdict_word(const struct walk_step *s)
{
	static const char *const words[] = {
		[FOREIGN_NONE] = "continue", [FOREIGN_ACCEPT] = "accept",
		[FOREIGN_DROP] = "drop", [FOREIGN_REJECT] = "reject",
		[FOREIGN_RETURN] = "return", [FOREIGN_JUMP] = "jump",
		[FOREIGN_GOTO] = "goto", [FOREIGN_TARGET] = "target",
	};

	return words[s->verdict];
}

/* What is in doubt, by its name. */
static const char *doubt(const struct foreign *f, const struct walk_step *s)
{
	const struct term *t = s->term == FOREIGN_NOWHERE ?
				       NULL : &f->terms[s->term];

	if (!t)
		return NULL;
	if (t->kind == TERM_OPAQUE)
		return t->name ? t->name : "match";
	if (!f->sets[t->set].known && f->sets[t->set].name)
		return f->sets[t->set].name;
	return packet_field_name((enum packet_field)t->field[0]);
}

static json_t *rule_text(const struct foreign *f, const struct walk_step *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct foreign_rule *r;

	if (s->rule == FOREIGN_NOWHERE)
		return json_null();
	r = &f->rules[s->rule];
	strbuf_add(&b, r->raw.s, r->raw.n);
	return strbuf_status(&b) ? NULL : json_of_text(strbuf_str(&b));
}

const struct origin *explain_origin(const struct explain_report *r,
				    const struct walk_step *s)
{
	return r->policy && s->rule != FOREIGN_NOWHERE ?
		       as_applied_origin(r->policy, s->rule) : NULL;
}

bool explain_decides_bare(const struct walk *bare, const struct walk_step *s)
{
	for (size_t i = 0; bare && i < bare->n_phases; i++) {
		const struct walk_step *d = walk_decider(bare,
							 &bare->phases[i]);

		if (d && d->rule == s->rule && d->chain == s->chain)
			return true;
	}
	return false;
}

/* Of --policy: whose rule it is, and whether it is the policy that matters. */
static json_t *with_policy(json_t *o, const struct explain_report *r,
			   const struct walk *bare, const struct walk_step *s)
{
	const struct origin *from = explain_origin(r, s);

	if (!r->policy)
		return o;
	json_object_set_new(o, "service",
			    json_of_text(from ? from->service : NULL));
	json_object_set_new(o, "policy", !from || !from->at.line ? json_null() :
		json_pack("{s:o, s:o, s:o}",
			  "file", json_of_text(from->at.file),
			  "line", json_of_number(from->at.line),
			  "column", json_of_number(from->at.col)));
	json_object_set_new(o, "decides_without_policy",
			    json_boolean(explain_decides_bare(bare, s)));
	return o;
}

static json_t *step(const struct foreign *f, const struct walk_step *s)
{
	uint32_t line = s->rule == FOREIGN_NOWHERE ? 0 :
						     f->rules[s->rule].line;

	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:o}",
			 "chain", json_of_text(f->chains[s->chain].name),
			 "position", json_of_number(s->position),
			 "line", json_of_number(line),
			 "rule", rule_text(f, s),
			 "matches", yes_or_maybe(s->matched),
			 "reached", yes_or_maybe(s->reached),
			 "verdict", verdict_word(s),
			 "target", json_of_text(s->target),
			 "doubt", json_of_text(doubt(f, s)));
}

static json_t *steps(const struct side *x, const struct walk *w, size_t first,
		     size_t n, bool *lost)
{
	json_t *a = json_array();

	for (size_t i = first; i < first + n; i++) {
		json_t *o = step(x->r->f, &w->steps[i]);

		*lost |= !o;
		o = with_policy(o, x->r, x->bare, &w->steps[i]);
		*lost |= json_array_append_new(a, o) != 0;
	}
	return a;
}

static json_t *never_reached(const struct side *x, size_t at, bool *lost)
{
	_cleanup_(walk_release) struct walk rest = { 0 };

	*lost |= walk_never_reached(x->r->walker, x->p, x->w, at, &rest) != 0;
	return steps(x, &rest, 0, rest.n_steps, lost);
}

static json_t *phase(const struct side *y, size_t at, bool *lost)
{
	const struct walk_phase *x = &y->w->phases[at];
	const struct foreign *f = y->r->f;
	const struct host_chain *c = &f->chains[x->chain];
	const struct foreign_table *t = &f->tables[c->table];

	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:i, s:s, s:s, s:o, s:o}",
			 "world", t->world == WORLD_NFT ? "nft" : "legacy",
			 "family", foreign_family_name(t->family),
			 "table", json_of_text(t->name),
			 "chain", json_of_text(c->name),
			 "hook", walk_hook_name(x->hook),
			 "priority", x->priority,
			 "verdict", explain_word(x->outcome),
			 "reached", yes_or_maybe(x->reached),
			 "steps", steps(y, y->w, x->first, x->n, lost),
			 "never_reached", never_reached(y, at, lost));
}

static json_t *phases(const struct side *x, bool *lost)
{
	json_t *a = json_array();

	for (size_t i = 0; i < x->w->n_phases; i++)
		if (x->w->phases[i].chain != FOREIGN_NOWHERE)
			*lost |= json_array_append_new(a, phase(x, i,
								lost)) != 0;
	return a;
}

static void set_outcome(json_t *o, const struct walk *w, const struct packet *p)
{
	json_object_set_new(o, "result", json_string(explain_word(w->outcome)));
	json_object_set_new(o, "path", json_string(packet_path_name(p->path)));
	json_object_set_new(o, "tracked", of_truth(w->tracked));
	json_object_set_new(o, "translated", of_truth(w->translated));
}

static void set_walk(json_t *o, const struct side *x, bool *lost)
{
	set_outcome(o, x->w, x->p);
	json_object_set_new(o, "order_matters",
			    json_boolean(x->w->order_matters));
	json_object_set_new(o, "phases", phases(x, lost));
	if (x->bare) {
		json_t *bare = json_object();

		set_outcome(bare, x->bare, x->p);
		json_object_set_new(o, "without_policy", bare);
	}
}

static json_t *of_side(const struct side *x, bool *lost)
{
	json_t *o = x->w ? json_object() : json_null();

	if (x->w)
		set_walk(o, x, lost);
	return o;
}

static json_t *proved_end(const struct explain_report *r,
			  const struct prove_run *run, bool reply)
{
	struct prove_end e = prove_end_of(run, reply);
	bool tells = e.seen && explain_proof_tells(r, run);

	return json_pack("{s:b, s:o, s:o, s:o}", "seen", e.seen,
			 "tracked", tells ? json_boolean(e.tracked) :
					    json_null(),
			 "result", e.seen ? json_string(explain_word(
				 e.accepted ? WALK_ACCEPTED : WALK_DROPPED)) :
					    json_null(),
			 "rule", json_of_text(e.by));
}

static json_t *proved_packet(const struct prove_run *run)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	prove_packet_words(&run->cases.v[0].call, false, &b);
	return strbuf_status(&b) ? NULL : json_of_text(strbuf_str(&b));
}

static json_t *proofs(const struct explain_report *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->proof->n_runs; i++) {
		const struct prove_run *run = &r->proof->runs[i];

		json_array_append_new(a, json_pack(
			"{s:o, s:o, s:b, s:o, s:o}",
			"backend", json_of_text(run->backend),
			"packet", proved_packet(run),
			"host_rules", r->proof->whole,
			"request", proved_end(r, run, false),
			"reply", proved_end(r, run, true)));
	}
	return a;
}

static json_t *report(const struct explain_report *r, bool *lost)
{
	const struct side there = { r, &r->at, r->walk, r->bare };
	const struct side back = { r, &r->reply_at, r->reply, r->bare_reply };
	json_t *o = json_pack("{s:i, s:s, s:o, s:o, s:s}", "schema", 1,
			      "command", "explain",
			      "source", json_of_text(r->source ?
						     r->source : "live"),
			      "packet", json_of_text(r->packet),
			      "result", "failed"), *a = json_array();

	if (o && r->f) {
		set_walk(o, &there, lost);
		json_object_set_new(o, "reply", of_side(&back, lost));
		if (r->proof)
			json_object_set_new(o, "proofs", proofs(r));
	}
	json_add_diags(a, r->diags);
	json_object_set_new(o, "diagnostics", a);
	*lost |= !o;
	return o;
}

int explain_print_json(const struct explain_report *r)
{
	bool lost = false;
	json_t *o;

	json_memory_watch();
	o = report(r, &lost);
	lost |= json_memory_lost() || json_print(o);
	/* the word needs no memory */
	if (lost)
		printf("{\"schema\": 1, \"command\": \"explain\", \"result\": \"%s\", \"phases\": [], \"diagnostics\": []}\n",
		       r->f ? explain_word(r->walk->outcome) : "failed");
	json_decref(o);
	return lost ? -ENOMEM : 0;
}
