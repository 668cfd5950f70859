/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/iptables/ipt_foreign_rule.c: what the words of a rule mean. */
#include <string.h>

#include "backends/iptables/ipt_foreign.h"
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

/* Options whose argument is free text, which may look like an option. */
static bool takes_text(const char *word)
{
	static const char *const v[] = {
		"--comment", "--log-prefix", "--ulog-prefix",
		"--nflog-prefix", "--string", "--hex-string", "--name",
		"--hashlimit-name", "--label", "--secctx", "--selctx",
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (!strcmp(word, v[i]))
			return true;
	return false;
}

static bool is_either(const char *word, const char *letter, const char *name)
{
	return !strcmp(word, letter) || !strcmp(word, name);
}

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

/* "NEW,ESTABLISHED"; the negation stands in front, or (old) in between. */
static int take_states(struct foreign *f, const struct ipt_args *a, size_t i,
		       bool negated)
{
	struct foreign_states s = { .kind = STATES_LISTED };
	const char *list;

	if (i < a->n && !strcmp(a->v[i], "!")) {
		negated = true;
		i++;
	}
	s.negated = negated;
	list = i < a->n ? a->v[i] : "";
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
static void take_extra(struct foreign_rule *r, const char *word,
		       const char *arg)
{
	if (!strcmp(word, "--notrack")) {
		r->features &= ~FEATURE_BIT(CT_OTHER);
		r->features |= FEATURE_BIT(NOTRACK);
	} else if (!strcmp(word, "--hmark-tuple") && arg &&
		   !strcmp(arg, "ct")) {
		r->features |= FEATURE_BIT(HMARK_CT);
	}
}

static struct foreign_rule *last(struct foreign *f)
{
	return &f->rules[f->n_rules - 1];
}

int ipt_foreign_rule(struct foreign *f, const struct ipt_args *a, size_t first)
{
	int err = 0;

	for (size_t i = first; !err && i < a->n; i++) {
		const char *word = a->v[i], *arg = a->v[i + 1];
		bool negated = i > first && !strcmp(a->v[i - 1], "!");

		if (*word != '-')
			continue;
		last(f)->features |= option_feature(word);
		take_extra(last(f), word, arg);
		if (arg && takes_text(word)) {
			i++;
		} else if (is_either(word, "--state", "--ctstate")) {
			last(f)->features |= FEATURE_BIT(STATE);
			err = take_states(f, a, i + 1, negated);
		} else if (arg && is_either(word, "-m", "--match")) {
			last(f)->features |= match_feature(arg);
			i++;
		} else if (arg && (is_either(word, "-j", "--jump") ||
				   is_either(word, "-g", "--goto"))) {
			err = take_target(last(f), arg,
					  is_either(word, "-j", "--jump"));
			i++;
		}
	}
	return err;
}

static bool is_address(const char *word)
{
	return is_either(word, "-s", "--source") ||
	       is_either(word, "-d", "--destination");
}

bool ipt_foreign_is_ipv6(const struct ipt_args *a, size_t first)
{
	static const char *const v[] = {
		"icmpv6", "ipv6-icmp", "icmp6", "--icmpv6-type",
		"icmp6-port-unreachable", "icmp6-adm-prohibited", "hl",
		"rt", "frag", "eui64", "ipv6header",
	};

	for (size_t i = first; i < a->n; i++) {
		if (takes_text(a->v[i])) {
			i++;
			continue;
		}
		if (is_address(a->v[i]) && a->v[i + 1] &&
		    strchr(a->v[i + 1], ':'))
			return true;
		for (size_t k = 0; k < ARRAY_SIZE(v); k++)
			if (!strcmp(a->v[i], v[k]))
				return true;
	}
	return false;
}
