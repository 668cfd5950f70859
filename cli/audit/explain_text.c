/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/explain_text.c: the walk of a packet as text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit/explain_prove.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/policy_files.h"

#define RULE_SHOWN 200		/* bytes of a rule that a line has room for */
#define STEPS_SHOWN 40		/* of a phase; scripts get all */

struct painter {
	const struct explain_report *r;
	int err;
};

static void put(struct painter *y, const struct strbuf *b)
{
	if (strbuf_status(b))
		y->err = -ENOMEM;
	diag_puts(strbuf_str(b), stdout);
}

/* "INPUT:5", "INPUT:policy" */
static void add_place(struct strbuf *b, const struct foreign *f,
		      const struct walk_step *s)
{
	strbuf_puts(b, f->chains[s->chain].name);
	if (s->rule == FOREIGN_NOWHERE)
		strbuf_puts(b, ", policy");
	else
		strbuf_printf(b, ":%u", s->position);
}

static const char *verdict_words(const struct walk_step *s)
{
	static const char *const words[] = {
		[FOREIGN_NONE] = "goes on", [FOREIGN_ACCEPT] = "accept",
		[FOREIGN_DROP] = "drop", [FOREIGN_REJECT] = "reject",
		[FOREIGN_RETURN] = "return", [FOREIGN_JUMP] = "jump",
		[FOREIGN_GOTO] = "goto", [FOREIGN_TARGET] = "",
	};

	return words[s->verdict];
}

static void add_verdict(struct strbuf *b, const struct walk_step *s)
{
	const char *word = verdict_words(s);

	strbuf_puts(b, word);
	if (s->target)
		strbuf_printf(b, "%s%s", *word ? " " : "", s->target);
	else if (!*word)
		strbuf_puts(b, "anything");
}

/* What keeps the rule from being decided. */
static void add_doubt(struct strbuf *b, const struct foreign *f,
		      const struct walk_step *s)
{
	const struct term *t;

	if (s->term == FOREIGN_NOWHERE)
		return;
	t = &f->terms[s->term];
	strbuf_puts(b, ", if ");
	if (t->kind == TERM_OPAQUE)
		strbuf_printf(b, "`%s` matches (not known here)",
			      t->name ? t->name : "it");
	else if (!f->sets[t->set].known)
		strbuf_printf(b, "the set %s has it (not known here)",
			      f->sets[t->set].name ? f->sets[t->set].name :
						     "");
	else
		strbuf_printf(b, "it matches: the %s is not known",
			      packet_field_name(
				      (enum packet_field)t->field[0]));
}

/* Who asked for it: "policy.yaml:4 web" */
static void add_origin(struct strbuf *b, const struct origin *o)
{
	strbuf_printf(b, "  (%s", o->at.file ? o->at.file : "ctpolicy");
	if (o->at.line)
		strbuf_printf(b, ":%u", o->at.line);
	strbuf_printf(b, "%s%s)", o->service ? " " : "",
		      o->service ? o->service : "");
}

static void print_step(struct painter *y, const struct walk_step *s,
		       const char *before, const char *after)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct foreign *f = y->r->f;
	const struct origin *o = explain_origin(y->r, s);

	strbuf_puts(&b, before);
	add_place(&b, f, s);
	if (s->rule != FOREIGN_NOWHERE) {
		strbuf_puts(&b, "  ");
		foreign_text_line(&f->rules[s->rule].raw, RULE_SHOWN, &b);
	}
	strbuf_puts(&b, "  -> ");
	add_verdict(&b, s);
	if (s->matched == TRUTH_MAYBE)
		add_doubt(&b, f, s);
	if (o)
		add_origin(&b, o);
	strbuf_puts(&b, after);
	put(y, &b);
	putchar('\n');
}

/* Would it have ended otherwise? */
static bool differs(const struct walk_step *s, uint8_t outcome)
{
	return s->verdict == FOREIGN_ACCEPT ? outcome != WALK_ACCEPTED :
	       foreign_drops(s->verdict) ? outcome != WALK_DROPPED : false;
}

static void print_never_reached(struct painter *y, const struct packet *p,
				const struct walk *w, const struct walk *bare,
				size_t at)
{
	_cleanup_(walk_release) struct walk rest = { 0 };
	int err = walk_never_reached(y->r->walker, p, w, at, &rest);

	if (err)
		y->err = err;
	for (size_t i = 0; i < rest.n_steps; i++) {
		const struct walk_step *s = &rest.steps[i];
		bool decides = explain_decides_bare(bare, s);

		if (decides || differs(s, w->phases[at].outcome))
			print_step(y, s, "       never reached: ", decides ?
				   "  <- without the policy this one decides" :
				   "");
	}
}

static void add_states(struct strbuf *b, uint8_t ct)
{
	const char *between = "", *word;

	for (unsigned int bit = 1; bit <= UINT8_MAX; bit <<= 1) {
		word = ct & bit ? packet_state_name((uint8_t)bit) : NULL;
		if (!word)
			continue;
		strbuf_printf(b, "%s%s", between, word);
		between = " or ";
	}
}

static void print_phase(struct painter *y, const struct walk *w, size_t at,
			size_t number)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct walk_phase *x = &w->phases[at];
	const struct foreign *f = y->r->f;

	strbuf_printf(&b, "%2zu  ", number);
	if (x->chain == FOREIGN_NOWHERE) {
		strbuf_puts(&b, "conntrack: ");
		add_states(&b, x->after.ct);
	} else {
		const struct host_chain *c = &f->chains[x->chain];

		strbuf_printf(&b, "%s %s %s (%s %d): %s",
			      foreign_family_name(f->tables[c->table].family),
			      f->tables[c->table].name, c->name,
			      walk_hook_name(x->hook), x->priority,
			      explain_word(x->outcome));
	}
	if (x->reached == TRUTH_MAYBE)
		strbuf_puts(&b, ", if it gets here");
	put(y, &b);
	putchar('\n');
}

/* What was taken for granted, before what follows from it. */
static void print_heading(const struct packet *p, bool assumed)
{
	printf("%s%s\n", packet_path_name(p->path), assumed ?
	       " (assumed: the host's addresses are not known)" : "");
	if (p->tracking == TRUTH_NO)
		puts("conntrack is off: no rule here needs it");
}

static void print_phases(struct painter *y, const struct packet *p,
			 const struct walk *w, const struct walk *bare)
{
	for (size_t i = 0; i < w->n_phases; i++) {
		const struct walk_phase *x = &w->phases[i];

		print_phase(y, w, i, i + 1);
		for (size_t k = 0; k < x->n && k < STEPS_SHOWN; k++)
			print_step(y, &w->steps[x->first + k], "       ", "");
		if (x->n > STEPS_SHOWN)
			printf("       ... and %zu more\n",
			       x->n - STEPS_SHOWN);
		if (x->chain != FOREIGN_NOWHERE)
			print_never_reached(y, p, w, bare, i);
	}
}

const char *explain_tracked_word(enum truth t)
{
	return t == TRUTH_YES ? "tracked" :
	       t == TRUTH_NO ? "untracked" : "tracked or not";
}

/* Which rule of which chain is the end of it. */
static void add_decider(struct strbuf *b, const struct foreign *f,
			const struct walk *w)
{
	const struct walk_phase *x = w->n_phases ?
					     &w->phases[w->n_phases - 1] : NULL;
	const struct walk_step *s = x ? walk_decider(w, x) : NULL;
	const struct foreign_table *t;

	if (w->outcome != WALK_DROPPED || !s)
		return;
	t = &f->tables[f->chains[s->chain].table];
	strbuf_printf(b, " by %s %s ", foreign_family_name(t->family),
		      t->name);
	add_place(b, f, s);
	if (s->reached != TRUTH_YES)
		strbuf_puts(b, " at the latest");
}

static void print_result(struct painter *y, const char *before,
			 const struct walk *w)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	strbuf_printf(&b, "%s%s, %s", before, explain_tracked_word(w->tracked),
		      explain_word(w->outcome));
	add_decider(&b, y->r->f, w);
	if (w->translated != TRUTH_NO)
		strbuf_printf(&b, ", %s", w->translated == TRUTH_YES ?
			      "translated" : "translated or not");
	if (w->too_long)
		strbuf_puts(&b, " (the rules loop, or jump too deep)");
	else if (w->order_matters)
		strbuf_puts(&b, " (chains of one priority: their order decides)");
	put(y, &b);
	putchar('\n');
}

static void print_results(struct painter *y)
{
	const struct explain_report *r = y->r;

	print_result(y, "", r->walk);
	if (r->minimal)
		return;
	if (r->reply)
		print_result(y, "reply: ", r->reply);
	if (r->bare)
		print_result(y, "without the policy: ", r->bare);
	if (r->bare_reply)
		print_result(y, "without the policy, reply: ", r->bare_reply);
}

static void print_proof(struct painter *y, const struct prove_run *run)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct prove *x = y->r->proof;

	strbuf_puts(&b, "proved with ");
	prove_packet_words(&run->cases.v[0].call, false, &b);
	strbuf_printf(&b, " and %s%s%s: ",
		      x->file ? "the file's rules" :
		      x->whole ? "this host's rules" : "no rules of a host",
		      run->backend ? ", the policy in " : "",
		      run->backend ? run->backend : "");
	explain_proof_words(y->r, run, false, &b);
	strbuf_puts(&b, "; reply: ");
	explain_proof_words(y->r, run, true, &b);
	put(y, &b);
	putchar('\n');
}

static int print_diags(const struct explain_report *r)
{
	const struct plan *p = r->policy ? &r->policy->plan : NULL;
	_cleanup_(policy_files_release) struct policy_files files = { 0 };
	_cleanup_free_ struct diag_source *src = NULL;

	if (p && p->text && policy_files_split(p->file, p->text, p->len,
					       &files))
		return -ENOMEM;
	src = calloc(files.n + 2, sizeof(*src));
	if (!src)
		return -ENOMEM;
	src[0] = (struct diag_source){ PACKET_SPEC_FILE, r->packet,
				       strlen(r->packet) };
	src[1] = (struct diag_source){ r->source, r->text, r->len };
	for (size_t i = 0; i < files.n; i++)
		src[2 + i] = files.v[i];
	diags_print(r->diags, src, files.n + 2, 20, r->color, stderr);
	return 0;
}

int explain_print_text(const struct explain_report *r)
{
	struct painter y = { .r = r };

	if (print_diags(r))
		return -ENOMEM;
	if (!r->f)
		return 0;
	if (!r->minimal) {
		print_heading(&r->at, r->assumed);
		print_phases(&y, &r->at, r->walk, r->bare);
		if (r->walk->n_phases)
			putchar('\n');
	}
	print_results(&y);
	for (size_t i = 0; r->proof && i < r->proof->n_runs; i++)
		print_proof(&y, &r->proof->runs[i]);
	return y.err;
}
