/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_group.h"
#include "backends/xtables/ipt_rows.h"
#include "core/mem.h"

static bool has_addr_part(const struct ipt_group *g)
{
	for (size_t i = 0; i < g->g->n_parts; i++)
		if (g->g->part[i] == KEY_SADDR || g->g->part[i] == KEY_DADDR)
			return true;
	return false;
}

int ipt_group_rows(const struct ipt_group *g, const struct rule *r)
{
	static const enum verdict verdicts[] = {
		[ACTION_NOTRACK] = VERDICT_NOTRACK,
		[ACTION_ACCEPT] = VERDICT_ACCEPT,
		[ACTION_TIMERS] = VERDICT_TIMERS,
	};
	_Static_assert(ARRAY_SIZE(verdicts) == ACTION_MAX_, "no verdict");
	const struct ipt_rows to = {
		.model = &g->g->model.match, .family = g->family,
		.iface = g->iface, .chain = g->chain,
		.iface_in = g->iface &&
			    g->g->part[g->g->n_parts - 1] == KEY_IIFNAME,
		.verdict = verdicts[g->place->action],
		.timers = g->timers,
	};

	return ipt_rows_emit(&to, r);
}

int ipt_group_emit(const struct ipt_group *g)
{
	uint8_t proto = g->g->model.match.proto;
	uint64_t inl = 0, own = 0;
	int err = 0;

	/* Nothing varies: one speaks for all. */
	if (!ipt_group_parts(g))
		return ipt_group_rows(g, g->members[0]);
	for (size_t i = 0; i < g->n; i++) {
		inl += ipt_rows_count(g->members[i]);
		own += ipt_own_count(g->members[i]);
	}
	if (inl > IPT_INLINE_MAX && has_addr_part(g) && own > IPT_INLINE_MAX)
		return ipt_fused_emit(g);
	if (inl > IPT_INLINE_MAX && !has_addr_part(g) &&
	    ipt_fused_knows(proto, false))
		return ipt_fused_emit_ports(g);
	for (size_t i = 0; !err && i < g->n; i++)
		err = inl > IPT_INLINE_MAX && has_addr_part(g) ?
			      ipt_own_emit(g, g->members[i]) :
			      ipt_group_rows(g, g->members[i]);
	return err;
}
