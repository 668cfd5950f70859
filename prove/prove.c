/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/prove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "engine/live_rules.h"
#include "engine/worlds.h"
#include "host/modules.h"
#include "host/send_room.h"
#include "prove/hold.h"
#include "prove/host_copy.h"

/* Without ctpolicy's rules: the host as it would be without it. */
static int take_out_own(struct prove_run *r)
{
	_cleanup_(plan_release) struct plan p = { .rq = &r->rq };
	struct progress progress = { 0 };
	int err = worlds_open(&p, NULL);

	if (!err)
		err = plan_compare(&p);
	if (!err)
		err = change_commit(&p.change, &progress, &p.diags);
	if (err)
		diags_append(&r->plan.diags, &p.diags);
	return err;
}

static int put_own(struct prove_run *r)
{
	struct progress progress = { 0 };
	int err = plan_choose_live(&r->plan);

	if (!err)
		err = plan_compare(&r->plan);
	if (!err)
		err = change_commit(&r->plan.change, &progress,
				    &r->plan.diags);
	if (!err)
		r->backend = change_target(&r->plan.change);
	return err;
}

static int find_cases(struct prove *x, struct prove_run *r)
{
	_cleanup_(foreign_free) struct foreign *f = NULL;
	int err;

	if (x->asked)
		return cases_ask(&r->cases, x->asked, &x->scene);
	f = calloc(1, sizeof(*f));
	err = f ? 0 : -ENOMEM;
	if (!err) {
		f->wants_terms = true;
		err = live_rules_read_but(NULL, f, &r->plan.diags);
	}
	return err ? err : cases_find(&r->cases, r->plan.policy, &x->scene, f,
				      !x->filters || x->file);
}

/* Under the trace alone: what is planned must not see it. */
static int watch(struct hold *h, bool with_policy)
{
	int err = hold_begin(h);

	if (err)
		return err;
	err = hold_all(h, with_policy);
	if (!err && with_policy)
		err = hold_blame(h);
	hold_end(h);
	return err;
}

static int try_all(struct prove *x, struct prove_run *r)
{
	struct hold h = { .scene = &x->scene, .cases = &r->cases,
			  .d = &r->plan.diags };
	bool as_it_is = !r->plan.policy;
	int err = as_it_is ? 0 : take_out_own(r);

	if (!err)
		err = find_cases(x, r);
	if (!err && !x->asked)
		err = watch(&h, false);
	if (!err && !as_it_is)
		err = put_own(r);
	return err ? err : watch(&h, true);
}

/* The same policy once more; what was said of it is not said again. */
static int load(struct plan *ret, const struct request *rq,
		const struct plan *of)
{
	char *text;
	int err;

	if (!of || !of->policy) {
		ret->rq = rq;
		return 0;
	}
	text = malloc(of->len + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, of->text, of->len + 1);
	err = plan_load_text(ret, rq, of->file, text, of->len);
	diags_truncate(&ret->diags, 0);
	return err;
}

/* nft looks interfaces up when it loads a text, wherever that is from. */
struct making {
	struct scene *scene;
	struct diags *d;
};

static int make_device(const char *name, void *arg)
{
	const struct making *m = arg;

	return scene_make_device(m->scene, name, m->d);
}

static int load_file(struct prove *x)
{
	struct making m = { &x->scene, &x->plan.diags };
	const struct rules_copier *c = x->dialect->copier;
	int err = c->devices ? c->devices(x->saved, make_device, &m) : 0;

	return err ? err : host_file_load(x->dialect, x->file, x->saved,
					  &x->plan.diags);
}

static int run(struct prove *x, const struct host_copy *copy,
	       const char *backend)
{
	struct prove_run *r = &x->runs[x->n_runs++];
	int err;

	r->rq = x->rq;
	if (backend)
		r->rq.backend = backend;
	err = load(&r->plan, &r->rq, &x->plan);
	if (!err)
		err = scene_enter(&x->scene, &r->plan.diags);
	if (!err && x->saved)
		err = load_file(x);
	else if (!err && copy)
		err = host_copy_put(copy, &r->plan.diags);
	r->tells_tracking = !err && !(r->plan.policy &&
				      r->plan.policy->unload_modules);
	if (!err)
		err = try_all(x, r);
	if (!err && !x->asked)
		err = prove_judge(r, x->whole);
	if (err)
		diags_append(&x->plan.diags, &r->plan.diags);
	else if (!x->asked)
		prove_say(r, &x->plan.diags);
	scene_leave(&x->scene);
	return err;
}

/* The host's own rules say which backend; without any, each is tried. */
static int run_all(struct prove *x, const struct host_copy *copy)
{
	int err = 0;

	if (plan_backend_name(&x->plan) || x->filters || !x->plan.policy)
		return run(x, copy, NULL);
	for (size_t i = 0; !err && backends[i] && i < PROVE_RUNS_MAX; i++)
		err = run(x, NULL, backends[i]->name);
	return err;
}

/* Trying rules must not load what this kernel goes without. */
static int check_loads_nothing(struct prove *x)
{
	if (modules_root_state(MODULES_SYS) != MODULES_ABSENT)
		return 0;
	diag_add(&x->plan.diags, DIAG_ERROR, 0, ID_WOULD_LOAD, NOPOS,
		 "connection tracking is not loaded here, and trying the policy in the kernel would load it; nothing was tried");
	diag_help(&x->plan.diags, "first: modprobe nf_conntrack");
	return -FAULT_LACKING;
}

static int read_host(struct prove *x, struct host_copy *copy)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	int err = host_copy_take(copy, &said);

	if (err == -EPERM) {
		host_copy_release(copy);
		diag_add(&x->plan.diags, DIAG_WARNING, 0, ID_HOST_NOT_COPIED,
			 NOPOS,
			 "the rules of this host can be read by root alone: the policy is tried without them");
		return 0;
	}
	diags_append(&x->plan.diags, &said);
	x->whole = !err;
	x->filters = copy->any;
	return err;
}

static int read_file(struct prove *x)
{
	int err = host_file_read(x->file, x->text, x->rq.family, &x->saved,
				 &x->dialect, &x->plan.diags);

	x->whole = x->filters = !err;
	if (!err && x->dialect->copier->loads_text)
		send_room_keep();
	return err;
}

static int prepare(struct prove *x, struct host_copy *copy)
{
	int err = check_loads_nothing(x);

	if (!err)
		err = x->file ? read_file(x) : read_host(x, copy);
	if (!err)
		err = scene_look(&x->scene, x->file != NULL, &x->plan.diags);
	return err || !x->plan.policy ? err :
		       scene_add_devices(&x->scene, x->plan.policy);
}

/* The policy is loaded, or could not be. */
static int prove(struct prove *x, int err)
{
	struct host_copy copy = { 0 };

	if (!err)
		err = prepare(x, &copy);
	if (!err)
		err = run_all(x, &copy);
	host_copy_release(&copy);
	return err;
}

int prove_policy(struct prove *x, const struct request *rq,
		 const char *policy, const char *file)
{
	*x = (struct prove){ .rq = *rq, .file = file };
	x->rq.private_kernel = true;
	return prove(x, plan_load(&x->plan, &x->rq, policy));
}

int prove_asked(struct prove *x, const struct request *rq,
		const struct plan *policy, const char *file,
		const struct foreign *saved, const struct asked *a)
{
	*x = (struct prove){ .rq = *rq, .file = file, .text = saved,
			     .asked = a };
	x->rq.private_kernel = true;
	return prove(x, load(&x->plan, &x->rq, policy));
}

bool prove_holds(const struct prove *x)
{
	for (size_t i = 0; i < x->n_runs; i++)
		if (x->runs[i].proven != x->runs[i].n_legs ||
		    x->runs[i].tests_passed != x->runs[i].n_tests)
			return false;
	return x->n_runs;
}

void prove_release(struct prove *x)
{
	for (size_t i = 0; i < x->n_runs; i++) {
		cases_release(&x->runs[i].cases);
		plan_release(&x->runs[i].plan);
		free(x->runs[i].legs);
		free(x->runs[i].tests);
	}
	scene_release(&x->scene);
	foreign_free(&x->saved);
	plan_release(&x->plan);
}
