/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/walk_target.c: what the targets and statements of extensions do. */
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

#include "core/mem.h"
#include "rules/walk_parts.h"

enum effect {
	GOES_ON,
	SETS_MARK,		/* goes on */
	SETS_TEMPLATE,		/* goes on; conntrack will find it */
	MAY_DROP,		/* or consume, or go on */
	ASKS,			/* a program decides: accept or drop */
	DROPS,
	TO_SOCKET,		/* a socket is there: accept; else drop */
	MOVES_SOURCE,		/* ends the chain */
	MOVES_DESTINATION,
	MOVES_HERE,
	MOVES_BY_HOOK,
	REWRITES,		/* addresses, without an entry; goes on */
};

static const struct {
	const char *name;
	enum effect effect;
} effects[] = {
	/* iptables-extensions(8) */
	{ "AUDIT", GOES_ON }, { "CHECKSUM", GOES_ON }, { "CLASSIFY", GOES_ON },
	{ "CLUSTERIP", MAY_DROP }, { "CONNMARK", GOES_ON },
	{ "CONNSECMARK", GOES_ON }, { "CT", SETS_TEMPLATE },
	{ "DNAT", MOVES_DESTINATION }, { "DNPT", REWRITES },
	{ "DSCP", GOES_ON }, { "ECN", GOES_ON }, { "HL", GOES_ON },
	{ "HMARK", SETS_MARK }, { "IDLETIMER", GOES_ON }, { "LED", GOES_ON },
	{ "LOG", GOES_ON }, { "MARK", SETS_MARK },
	{ "MASQUERADE", MOVES_SOURCE }, { "NETMAP", MOVES_BY_HOOK },
	{ "NFLOG", GOES_ON }, { "NFQUEUE", ASKS }, { "NOTRACK", GOES_ON },
	{ "QUEUE", ASKS }, { "RATEEST", GOES_ON }, { "REDIRECT", MOVES_HERE },
	{ "REJECT", DROPS }, { "SECMARK", GOES_ON }, { "SET", GOES_ON },
	{ "SNAT", MOVES_SOURCE }, { "SNPT", REWRITES },
	{ "SYNPROXY", MAY_DROP }, { "TCPMSS", GOES_ON },
	{ "TCPOPTSTRIP", GOES_ON }, { "TEE", GOES_ON }, { "TOS", GOES_ON },
	{ "TPROXY", TO_SOCKET }, { "TRACE", GOES_ON }, { "TTL", GOES_ON },
	{ "ULOG", GOES_ON },
	/* nft(8) */
	{ "dnat", MOVES_DESTINATION }, { "dup", GOES_ON }, { "flow", GOES_ON },
	{ "log", GOES_ON }, { "masquerade", MOVES_SOURCE },
	{ "notrack", GOES_ON }, { "queue", ASKS }, { "redirect", MOVES_HERE },
	{ "snat", MOVES_SOURCE }, { "synproxy", MAY_DROP },
	{ "tproxy", SETS_MARK }, { "vmap", GOES_ON },
};

#define SOURCE_FIELDS (1U << FIELD_SADDR | 1U << FIELD_SPORT |		\
		       1U << FIELD_SADDR_TYPE)
#define DESTINATION_FIELDS (1U << FIELD_DADDR | 1U << FIELD_DPORT |	\
			    1U << FIELD_DADDR_TYPE)

static void move_source(struct walk_state *s)
{
	s->lost |= SOURCE_FIELDS | 1U << FIELD_STATUS;
	s->moved = (uint8_t)((s->moved & ~MOVED_NOT_SOURCE) | MOVED_SOURCE);
}

static void move_destination(struct walk_state *s, bool here)
{
	s->lost |= DESTINATION_FIELDS | 1U << FIELD_STATUS;
	s->moved &= (uint8_t)~MOVED_NOT_DESTINATION;
	s->moved |= here ? MOVED_HERE : MOVED_DESTINATION;
}

static const struct term *find_term(const struct foreign *f,
				    const struct foreign_rule *r,
				    enum term_kind kind)
{
	for (uint32_t i = 0; i < r->n_terms; i++)
		if (f->terms[r->terms + i].kind == kind)
			return &f->terms[r->terms + i];
	return NULL;
}

static bool has_term(const struct foreign *f, const struct foreign_rule *r,
		     enum term_kind kind)
{
	return find_term(f, r, kind);
}

/* A template is left alone where an entry or NOTRACK is there already. */
static void set_template(const struct foreign *f, const struct foreign_rule *r,
			 struct walk_state *s)
{
	const struct term *t = find_term(f, r, TERM_CT_ZONE);
	const struct ct_zone none = ct_zone_of(0, 0, true);

	walk_put_template(NF_CT_STATE_INVALID_BIT, t ? &t->zone : &none, s);
}

static void move(enum effect effect, uint8_t hook, struct walk_state *s)
{
	bool source = hook == NF_INET_POST_ROUTING || hook == NF_INET_LOCAL_IN;

	if (effect == MOVES_SOURCE || (effect == MOVES_BY_HOOK && source))
		move_source(s);
	else
		move_destination(s, effect == MOVES_HERE);
}

static void go_on(const struct foreign *f, const struct foreign_rule *r,
		  enum effect effect, struct walk_state *s)
{
	if (effect == REWRITES)
		s->lost |= SOURCE_FIELDS | DESTINATION_FIELDS;
	else if (effect == SETS_TEMPLATE && !has_term(f, r, TERM_NOTRACK))
		set_template(f, r, s);
	else if (effect == SETS_MARK && !has_term(f, r, TERM_SET_MARK))
		s->mark = s->mark_known = 0;
}

static void take(const struct foreign *f, const struct foreign_rule *r,
		 enum effect effect, uint8_t hook, struct walk_state s,
		 struct ending *ret)
{
	switch (effect) {
	case GOES_ON:
	case SETS_MARK:
	case SETS_TEMPLATE:
	case REWRITES:
		go_on(f, r, effect, &s);
		ending_add(ret, END_ON, &s);
		break;
	case MAY_DROP:
		ending_add(ret, END_ON | END_DROP, &s);
		break;
	case DROPS:
		ending_add(ret, END_DROP, &s);
		break;
	case ASKS:
		ending_add(ret, END_ACCEPT | END_DROP, &s);
		break;
	case TO_SOCKET:
		s.mark = s.mark_known = 0;
		ending_add(ret, END_ACCEPT | END_DROP, &s);
		break;
	case MOVES_SOURCE:
	case MOVES_DESTINATION:
	case MOVES_HERE:
	case MOVES_BY_HOOK:
		move(effect, hook, &s);
		ending_add(ret, END_ACCEPT, &s);
	}
}

/* Of one that is not known, everything is possible. */
void walk_extension(const struct foreign *f, const struct foreign_rule *r,
		    const char *name, uint8_t hook, const struct walk_state *s,
		    struct ending *ret)
{
	struct walk_state any = *s;

	for (size_t i = 0; name && i < ARRAY_SIZE(effects); i++)
		if (!strcmp(name, effects[i].name)) {
			take(f, r, effects[i].effect, hook, *s, ret);
			return;
		}
	any.mark = any.mark_known = 0;
	ending_add(ret, END_ON | END_ACCEPT | END_DROP, &any);
}

bool walk_goes_on(const struct foreign *f, const struct foreign_rule *r,
		  const char *extension)
{
	const struct walk_state any = { 0 };
	struct ending e = { 0 };

	walk_extension(f, r, extension, NF_INET_NUMHOOKS, &any, &e);
	return e.how == END_ON;
}
