/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/cmd_explain.c: what do the host's own rules make of a packet? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/explain.h"
#include "audit/own.h"
#include "cli/audit/explain_prove.h"
#include "cli/output/report.h"
#include "cli/saved_rules.h"
#include "core/fault.h"
#include "core/mem.h"
#include "engine/as_applied.h"
#include "engine/live_rules.h"
#include "host/conntrack/local_addresses.h"

/* What one run holds, for as long as it is shown. */
struct work {
	struct foreign *f;
	struct walker *walker;
	struct walk walk, reply, bare, bare_reply;
	struct as_applied policy;
	struct prefix_set local;
	struct prove proof;
	struct diags d;
};

static void work_release(struct work *w)
{
	walker_free(&w->walker);
	walk_release(&w->walk);
	walk_release(&w->reply);
	walk_release(&w->bare);
	walk_release(&w->bare_reply);
	as_applied_release(&w->policy);
	foreign_free(&w->f);
	prefix_set_release(&w->local);
	prove_release(&w->proof);
	diags_release(&w->d);
}

/* "192.0.2.1,2001:db8::1" */
static int read_local(const char *list, struct prefix_set *ret,
		      struct diags *d)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");
		_cleanup_free_ char *one = strndup(list, n);
		struct prefix p;

		if (!one)
			return -ENOMEM;
		if (prefix_parse(one, &p))
			return diag_add(d, DIAG_ERROR, -FAULT_USAGE,
					ID_BAD_PACKET, NOPOS,
					"--local: no address: %s", one);
		if (prefix_set_add(ret, &p))
			return -ENOMEM;
		list += n + (list[n] == ',');
	}
	prefix_set_normalize(ret);
	return 0;
}

/* Of a file, only the user knows the host's addresses. */
static int read_host(const struct options *o, struct explain_host *host,
		     struct work *w)
{
	/* a policy is written to one backend, and all are in its way */
	const char *only = o->policy ? NULL : o->request.backend;
	int err = o->file ? saved_rules_read(o, o->file, w->f, &w->d) :
			    live_rules_read(only, o->request.state_dir,
					    o->prove, w->f, &w->d);

	if (err)
		return err;
	host->knows_local = !o->file || o->local;
	return o->file || o->local ? read_local(o->local, &w->local, &w->d) :
				     local_addresses(&w->local);
}

/* A packet and its answer through the rules as they are in the model. */
static int walk_both(const struct packet_spec *spec,
		     struct explain_host *host, struct work *w,
		     struct explain_report *r, struct walk *there,
		     struct walk *back, const struct walk **ret_back)
{
	int err;

	host->tracking = explain_tracking(w->f, spec->family);
	err = explain_packet(spec, host, &r->at, &r->assumed, &w->d);
	if (!err)
		err = walker_new(w->f, &w->walker);
	if (!err)
		err = walk_run(w->walker, &r->at, there);
	/* the answer to a translated packet comes from elsewhere */
	if (err || there->outcome == WALK_DROPPED ||
	    there->translated != TRUTH_NO ||
	    !explain_reply(spec, host, r->at.path, there, &r->reply_at))
		return err;
	err = walk_run(w->walker, &r->reply_at, back);
	if (!err)
		*ret_back = back;
	return err;
}

/* First without the policy, then with its rules among the host's. */
static int apply_policy(const struct options *o, const struct packet_spec *spec,
			struct explain_host *host, struct work *w,
			struct explain_report *r)
{
	int err;

	own_take_out(w->f);
	err = walk_both(spec, host, w, r, &w->bare, &w->bare_reply,
			&r->bare_reply);
	walker_free(&w->walker);
	if (err)
		return err;
	r->bare = &w->bare;
	return as_applied_put(&w->policy, o->file, w->f);
}

/* The packet's own words, as refusals print them, or an option. */
static int read_interface(const char *option, const char *value,
			  const char *said, const char **ret, struct diags *d)
{
	if (*said && value && strcmp(said, value) != 0)
		return diag_add(d, DIAG_ERROR, -FAULT_USAGE, ID_BAD_PACKET,
				NOPOS, "%s %s, and the packet says %s", option,
				value, said);
	*ret = *said ? said : value;
	return 0;
}

static int read_packet(const struct options *o, struct work *w,
		       struct packet_spec *spec, struct explain_host *host)
{
	int err = packet_spec_parse(o->args[0], spec, &w->d);

	if (!err)
		err = read_interface("--in", o->in, spec->in, &host->in,
				     &w->d);
	return err ? err : read_interface("--out", o->out, spec->out,
					  &host->out, &w->d);
}

static int explain(const struct options *o, struct work *w,
		   struct explain_report *r)
{
	struct explain_host host = { .local = &w->local,
				     .states = o->ct_state };
	struct packet_spec spec;
	int err = read_packet(o, w, &spec, &host);

	if (!err && o->policy)
		err = as_applied_load(&w->policy, &o->request, o->policy);
	if (!err)
		err = read_host(o, &host, w);
	r->text = w->f->text;
	r->len = w->f->len;
	if (!err && o->policy)
		err = apply_policy(o, &spec, &host, w, r);
	if (!err)
		err = walk_both(&spec, &host, w, r, &w->walk, &w->reply,
				&r->reply);
	if (err)
		return err;
	r->walker = w->walker;
	r->walk = &w->walk;
	r->f = w->f;
	if (!o->prove)
		return 0;
	err = explain_prove(o, &spec, host.local, r, &w->proof, &w->d);
	if (!err)
		r->proof = &w->proof;
	return err;
}

static int run(const struct options *asked)
{
	struct options with_powers = *asked;
	const struct options *o = &with_powers;
	_cleanup_(work_release) struct work w = {
		.f = calloc(1, sizeof(*w.f)),
	};
	struct explain_report r = { .diags = &w.d, .quiet = o->quiet,
				    .minimal = o->minimal,
				    .source = o->file,
				    .policy = o->policy ? &w.policy : NULL };
	int err = -ENOMEM;

	with_powers.request.private_kernel = o->prove;
	if (!o->n_args) {
		fputs("ctpolicy explain: a packet is missing; see 'ctpolicy explain --help'\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (o->file && o->policy && !strcmp(o->file, "-") &&
	    !strcmp(o->policy, "-")) {
		fputs("ctpolicy explain: only one of --file and --policy can be '-'\n",
		      stderr);
		return EXIT_USAGE;
	}
	r.packet = o->args[0];
	if (w.f) {
		w.f->wants_terms = true;
		err = explain(o, &w, &r);
		diags_append(&w.d, &w.policy.plan.diags);
	}
	if ((o->json ? explain_print_json : explain_print_text)(&r) && !err)
		err = -ENOMEM;
	if (err && !w.d.errors && !o->json)
		fprintf(stderr, "ctpolicy explain: %s\n", fault_text(err));
	if (err)
		return exit_code_of(err);
	return diags_has(&w.d, ID_PROOF_DIFFERS) ? EXIT_DIFFERS : EXIT_DONE;
}

const struct command cmd_explain = {
	.name = "explain",
	.summary = "show which rules decide about a packet",
	.min_args = 0,
	.max_args = 1,
	.args = ARGS_PACKET,
	.takes = OPT_PACKET,
	.run = run,
	.help =
"Example:  ctpolicy explain --in eth0 'tcp 192.0.2.66:40000 > 198.51.100.2:80 syn'\n"
"\n"
"Usage: ctpolicy explain [OPTION...] PACKET\n"
"\n"
"Follows a packet through the host's own rules and says which of them decide\n"
"whether it is tracked and accepted. PACKET is one word: a protocol, source and\n"
"destination, then flags, an ICMP type, or a state. What it leaves out counts\n"
"as unknown; 'any' stands for an address. What a refusal has in parentheses,\n"
"with \", in by eth0\" included, is a packet too. --prove also makes the connection\n"
"that it begins, with real packets, in a private copy of this host.\n",
	.exits =
"Exit code: 0 explained, 1 real packets fared otherwise, 14 apply would refuse\n"
"the policy, 64 bad packet or command line, 65 not a ruleset, 66 no such file,\n"
"69 nothing can be proved here, 78 policy invalid.\n",
};
