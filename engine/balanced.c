/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/balanced.h"

#include <errno.h>

#include "core/diag_ids.h"
#include "core/mem.h"
#include "generators/legs.h"
#include "host/ipvs.h"

/* Packets to it are the service's; those of a mark may be. */
static bool meets(const struct policy *policy, const struct service *s,
		  const struct ipvs_service *v)
{
	if (!v->proto)
		return true;
	return service_in_family(policy, s, v->family) &&
	       service_has_protocol(s, v->proto) &&
	       (!v->port || service_has_port(s, v->port)) &&
	       (!s->servers.n ||
		prefix_set_contains(&s->servers, v->family, v->address));
}

/* Once for each service. */
static bool say(struct plan *p, const struct service *s,
		const struct ipvs_service *v)
{
	bool allowed = p->rq->force || s->overrides & OVERRIDE_NAT;

	diag_add(&p->diags, allowed ? DIAG_WARNING : DIAG_ERROR, 0,
		 ID_NEEDS_NAT, s->at,
		 "service %s %s packets of a virtual service of IPVS (%s), which needs their conntrack entries for the answers: net.ipv4.vs.conntrack is 1",
		 s->name, v->proto ? "has" : "may have", v->text);
	if (!allowed)
		diag_help(&p->diags,
			  "leave its address or port out of the service, or set net.ipv4.vs.conntrack to 0; or say `override: [nat]`; --force applies it once");
	return !allowed;
}

int balanced_check(struct plan *p)
{
	_cleanup_free_ struct ipvs_service *v = NULL;
	const struct policy *policy = p->policy;
	bool refused = false;
	size_t n = 0;
	int err = policy && p->rules ? ipvs_tracked(&v, &n) : 0;

	/* Who may not look has no way to change it either. */
	if (err)
		return err == -ENOMEM ? err : 0;
	for (size_t i = 0; n && i < policy->n_services; i++) {
		size_t k = 0;

		while (k < n && !meets(policy, &policy->services[i], &v[k]))
			k++;
		if (k < n)
			refused |= say(p, &policy->services[i], &v[k]);
	}
	return refused ? -FAULT_CONFLICT : 0;
}
