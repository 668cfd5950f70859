/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/audit/explain_prove.h"

#include <errno.h>

#include "core/fault.h"
#include "core/mem.h"

bool explain_proof_tells(const struct explain_report *r,
			 const struct prove_run *run)
{
	/* in the copy the trace itself keeps conntrack at work */
	return run->tells_tracking && r->at.tracking != TRUTH_NO;
}

void explain_proof_words(const struct explain_report *r,
			 const struct prove_run *run, bool reply,
			 struct strbuf *out)
{
	struct prove_end e = prove_end_of(run, reply);

	if (!e.seen) {
		strbuf_puts(out, "there was none");
		return;
	}
	if (explain_proof_tells(r, run))
		strbuf_puts(out, e.tracked && e.untracked ? "in part tracked, " :
				 e.tracked ? "tracked, " : "untracked, ");
	strbuf_puts(out, e.accepted ? "accepted" :
			 e.arrived ? "accepted at first, later dropped" :
				     "dropped");
	if (!e.accepted && e.by)
		strbuf_printf(out, " in %s", e.by);
}

/*
 * A walk in doubt is right either way, and one of the first packet says nothing
 * of later ones.
 */
static bool contradicts(const struct explain_report *r,
			const struct prove_run *run, const struct walk *w,
			bool reply)
{
	struct prove_end e = prove_end_of(run, reply);

	if (!w || !e.seen)
		return false;
	if (explain_proof_tells(r, run) &&
	    ((w->tracked == TRUTH_YES && !e.tracked) ||
	     (w->tracked == TRUTH_NO && !e.untracked)))
		return true;
	return w->outcome == (e.arrived ? WALK_DROPPED : WALK_ACCEPTED);
}

static int compare(const struct explain_report *r, const struct prove_run *run,
		   const struct walk *w, bool reply, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!contradicts(r, run, w, reply))
		return 0;
	explain_proof_words(r, run, reply, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	diag_add(d, DIAG_ERROR, 0, ID_PROOF_DIFFERS, NOPOS,
		 "the kernel did not do as predicted: %s%s",
		 reply ? "the reply was " : "the packet was ",
		 strbuf_text(&b, &d->lost));
	diag_help(d, "trust the kernel, and report this with the rules: either ctpolicy has a bug, or the copy lacks something");
	return 0;
}

int explain_proof_compare(const struct explain_report *r,
			  const struct prove *x, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < x->n_runs; i++) {
		err = compare(r, &x->runs[i], r->walk, false, d);
		if (!err)
			err = compare(r, &x->runs[i], r->reply, true, d);
	}
	return err;
}

static bool is_translated(const struct walk *w)
{
	return w && w->translated != TRUTH_NO;
}

/* Nothing was sent that the kernel told of: no proof of anything. */
static int check_seen(const struct prove *x, struct diags *d)
{
	for (size_t i = 0; i < x->n_runs; i++)
		if (!prove_end_of(&x->runs[i], false).seen)
			return diag_add(d, DIAG_ERROR, -FAULT_LACKING,
					ID_NO_WITNESS, NOPOS,
					"nothing is proved: the kernel reported no packet");
	return 0;
}

int explain_prove(const struct options *o, const struct packet_spec *spec,
		  const struct prefix_set *local,
		  const struct explain_report *r, struct prove *x,
		  struct diags *d)
{
	struct asked a;
	int err = asked_of_spec(spec, r->at.path, local, o->ct_state, &a, d);

	if (err)
		return err;
	if (is_translated(r->walk) || is_translated(r->reply))
		return asked_refuse(d, "its addresses are translated here, or may be",
				    "what a copy translates goes to hosts that it lacks");
	a.in = o->in;
	a.out = o->out;
	err = prove_asked(x, &o->request, r->policy ? &r->policy->plan : NULL,
			  o->file, o->file ? r->f : NULL, &a);
	diags_append(d, &x->plan.diags);
	if (!err)
		err = check_seen(x, d);
	return err ? err : explain_proof_compare(r, x, d);
}
