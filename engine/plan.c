/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/plan.h"
#include "engine/worlds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/mem.h"
#include "host/host.h"
#include "host/privilege.h"

static const char *policy_backend_name(const struct plan *p)
{
	static const char *const names[] = {
		[BACKEND_AUTO] = "auto",
		[BACKEND_NFTABLES] = "nftables",
		[BACKEND_IPTABLES] = "iptables",
	};

	if (p->rq->backend)
		return p->rq->backend;
	return p->policy ? names[p->policy->backend] : "auto";
}

static void narrow_families(struct plan *p)
{
	if (!p->rq->family)
		return;
	p->policy->ipv4 &= p->rq->family == AF_INET;
	p->policy->ipv6 &= p->rq->family == AF_INET6;
}

static int generate_rules(struct plan *p)
{
	struct host_facts facts = host_facts_default;

	/* Where the host does not say, the kernel's defaults stand. */
	(void)host_ephemeral_ports(&facts.ephemeral);
	(void)host_memory(&facts.memory);
	return generate(p->policy, &facts, &p->rules, &p->diags);
}

int plan_load(struct plan *p, const struct request *rq, const char *file)
{
	int r;

	*p = (struct plan){ .rq = rq, .file = file };
	r = policy_read(file, &p->text, &p->len, &p->diags);
	if (r)
		return r;
	/* `check --kernel` makes namespaces; all others parse unprivileged. */
	if (!rq->private_kernel && privilege_drop())
		return diag_add(&p->diags, DIAG_ERROR, -EPERM, ID_CAPS_KEPT,
				NOPOS,
				"capabilities that are not needed cannot be given up");
	r = policy_parse(file, p->text, p->len, &p->policy, &p->diags);
	if (r)
		return r;
	narrow_families(p);
	return generate_rules(p);
}

int plan_unknown_backend(struct plan *p, const char *name)
{
	_cleanup_(strbuf_release) struct strbuf names = { 0 };

	for (size_t i = 0; backends[i]; i++)
		strbuf_printf(&names, ", %s", backends[i]->name);
	diag_add(&p->diags, DIAG_ERROR, 0, ID_NO_SUCH_BACKEND, NOPOS,
		 "no backend '%s' in this build", name);
	diag_help(&p->diags, "built in: auto%s", strbuf_str(&names));
	return -ENOEXEC;
}

static int find_named(struct plan *p, const char *name)
{
	p->backend = backend_find(name);
	return p->backend ? 0 : plan_unknown_backend(p, name);
}

int plan_choose_offline(struct plan *p)
{
	const char *name = policy_backend_name(p);

	if (strcmp(name, "auto"))
		return find_named(p, name);
	p->backend = backends[0];
	return p->backend ? 0 : plan_unknown_backend(p, name);
}

int plan_choose_live(struct plan *p)
{
	int r = worlds_choose(p, policy_backend_name(p));

	return r ? r : worlds_check(p);
}

static const struct ruleset no_rules;

/* What was said the first time is not said again, unless it now fails. */
int plan_lower(struct plan *p, const struct survey *host)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	bool again = p->lowered;
	int r;

	image_free(&p->want);
	if (p->target.s)
		return p->backend->parse(p->rq->command, p->target.s,
					 p->target.len, &p->want, &p->diags);
	p->lowered = true;
	r = p->backend->lower(p->rules ? p->rules : &no_rules, host, &p->want,
			      again ? &said : &p->diags);
	if (r && again)
		diags_append(&p->diags, &said);
	if (!r && !again && host && p->ctx)
		worlds_warn_tracking(p);
	return r;
}

int plan_compare(struct plan *p)
{
	bool fresh = p->live.image && !p->changes;
	int r = 0;

	changeset_free(&p->changes);
	if (!fresh) {
		snapshot_release(&p->live);
		r = p->backend->snapshot(p->ctx, &p->live, &p->diags);
	}
	if (!r)
		r = plan_lower(p, &p->live.survey);
	return r ? r : changeset_diff(p->want, p->live.image, &p->changes);
}

void plan_release(struct plan *p)
{
	changeset_free(&p->changes);
	image_free(&p->want);
	snapshot_release(&p->live);
	survey_release(&p->elsewhere);
	if (p->ctx)
		p->backend->close(&p->ctx);
	ruleset_free(&p->rules);
	policy_free(&p->policy);
	free(p->text);
	diags_release(&p->diags);
}
