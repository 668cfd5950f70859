/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/xt_uses.h"

#include <errno.h>
#include <string.h>

#include "backends/xtables/ipt_option.h"
#include "core/intern.h"
#include "core/mem.h"

/* Matches that are a use of conntrack by themselves. */
static const struct {
	const char *match;
	uint64_t feature;
} matches[] = {
	{ "connmark", FEATURE_BIT(CONNMARK) },
	{ "connlimit", FEATURE_BIT(CONNLIMIT) },
	{ "connbytes", FEATURE_BIT(CONNBYTES) },
	{ "helper", FEATURE_BIT(HELPER) },
	{ "connlabel", FEATURE_BIT(CONNLABEL) },
	{ "cluster", FEATURE_BIT(CLUSTER) },
	{ "layer7", FEATURE_BIT(LAYER7) },
	{ "ipvs", FEATURE_BIT(IPVS) },
};

/* Options that are, of whatever match; no other has any of these. */
static const struct {
	const char *option;
	uint64_t feature;
} options[] = {
	{ "--ctstatus", FEATURE_BIT(CTSTATUS) },
	{ "--ctproto", FEATURE_BIT(CTPROTO) },
	{ "--ctdir", FEATURE_BIT(CTDIR) },
	{ "--ctexpire", FEATURE_BIT(CTEXPIRE) },
	{ "--ctorigsrc", FEATURE_BIT(CTADDR) },
	{ "--ctorigdst", FEATURE_BIT(CTADDR) },
	{ "--ctreplsrc", FEATURE_BIT(CTADDR) },
	{ "--ctrepldst", FEATURE_BIT(CTADDR) },
	{ "--ctorigsrcport", FEATURE_BIT(CTPORT) },
	{ "--ctorigdstport", FEATURE_BIT(CTPORT) },
	{ "--ctreplsrcport", FEATURE_BIT(CTPORT) },
	{ "--ctrepldstport", FEATURE_BIT(CTPORT) },
};

static const struct {
	const char *target;
	uint64_t feature;
	enum foreign_verdict verdict;
} targets[] = {
	{ "ACCEPT", 0, FOREIGN_ACCEPT },
	{ "DROP", 0, FOREIGN_DROP },
	{ "REJECT", 0, FOREIGN_REJECT },
	{ "RETURN", 0, FOREIGN_RETURN },
	{ "CONNMARK", FEATURE_BIT(CONNMARK), FOREIGN_TARGET },
	{ "CONNSECMARK", FEATURE_BIT(CONNSECMARK), FOREIGN_TARGET },
	{ "SYNPROXY", FEATURE_BIT(SYNPROXY), FOREIGN_TARGET },
	{ "CLUSTERIP", FEATURE_BIT(CLUSTERIP), FOREIGN_TARGET },
	{ "FLOWOFFLOAD", FEATURE_BIT(FLOWOFFLOAD), FOREIGN_TARGET },
	{ "NOTRACK", FEATURE_BIT(NOTRACK), FOREIGN_TARGET },
	{ "CT", FEATURE_BIT(CT_OTHER), FOREIGN_TARGET },
	{ "SNAT", FEATURE_BIT(NAT_VERDICT), FOREIGN_TARGET },
	{ "DNAT", FEATURE_BIT(NAT_VERDICT), FOREIGN_TARGET },
	{ "MASQUERADE", FEATURE_BIT(NAT_VERDICT), FOREIGN_TARGET },
	{ "REDIRECT", FEATURE_BIT(NAT_VERDICT), FOREIGN_TARGET },
	{ "NETMAP", FEATURE_BIT(NAT_VERDICT), FOREIGN_TARGET },
};

static uint64_t match_feature(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++)
		if (!strcmp(name, matches[i].match))
			return matches[i].feature;
	return 0;
}

static uint64_t option_feature(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(name, options[i].option))
			return options[i].feature;
	return 0;
}

/* "NEW,ESTABLISHED" */
static int take_states(struct foreign *f, const struct ipt_option *o)
{
	struct foreign_states s = {
		.kind = STATES_LISTED, .negated = o->negated,
	};
	const char *list = o->arg ? o->arg : "";

	while (*list) {
		size_t n = strcspn(list, ",");

		s.mask |= foreign_state_of(list, n);
		list += n + (list[n] == ',');
	}
	return foreign_add_states(f, s);
}

static int take_target(struct foreign_rule *r, const char *name, bool jumps)
{
	const char *kept = intern(name);

	if (!kept)
		return -ENOMEM;
	r->verdict = jumps ? FOREIGN_JUMP : FOREIGN_GOTO;
	r->target = kept;
	for (size_t i = 0; jumps && i < ARRAY_SIZE(targets); i++)
		if (!strcmp(name, targets[i].target)) {
			r->verdict = targets[i].verdict;
			r->features |= targets[i].feature;
			if (r->verdict != FOREIGN_TARGET)
				r->target = NULL;
			break;
		}
	return 0;
}

/* What takes two words to say: CT --notrack, HMARK --hmark-tuple ct. */
static void take_extra(struct foreign_rule *r, const struct ipt_option *o)
{
	if (ipt_option_is(o, "--notrack")) {
		r->features &= ~FEATURE_BIT(CT_OTHER);
		r->features |= FEATURE_BIT(NOTRACK);
	} else if (ipt_option_is(o, "--hmark-tuple") && o->arg &&
		   !strcmp(o->arg, "ct")) {
		r->features |= FEATURE_BIT(HMARK_CT);
	}
}

static struct foreign_rule *last(struct foreign *f)
{
	return &f->rules[f->n_rules - 1];
}

static int take_option(struct foreign *f, const struct ipt_option *o)
{
	struct foreign_rule *r = last(f);
	bool jumps = ipt_option_is(o, "--jump");

	r->features |= option_feature(o->name);
	take_extra(r, o);
	if (ipt_option_is(o, "--state") || ipt_option_is(o, "--ctstate")) {
		r->features |= FEATURE_BIT(STATE);
		return take_states(f, o);
	}
	if (o->arg && ipt_option_is(o, "--match"))
		r->features |= match_feature(o->arg);
	if (o->arg && (jumps || ipt_option_is(o, "--goto")))
		return take_target(r, o->arg, jumps);
	return 0;
}

int xt_uses_add(struct foreign *f, const struct ipt_args *a, size_t first)
{
	bool tracks = false;
	struct ipt_option o;
	size_t i = first;
	int err = 0;

	while (!err && ipt_option_next(a, &i, &o)) {
		err = take_option(f, &o);
		if (o.arg && ipt_option_is(&o, "--match"))
			tracks = !strcmp(o.arg, "conntrack") ||
				 !strcmp(o.arg, "state");
		/* its library is not there: what for is not known */
		if (tracks && ipt_option_is(&o, "--unknown-revision"))
			last(f)->features |= FEATURE_BIT(STATE);
	}
	return err;
}
