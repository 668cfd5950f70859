/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_exchange.h"

#include <errno.h>

#include "backends/iptables/ipt_original.h"
#include "core/fault.h"
#include "core/mem.h"

#include <linux/netfilter.h>

static const char *family_word(const struct ipt_legacy *t)
{
	return t->family == NFPROTO_IPV4 ? "IPv4" : "IPv6";
}

static int read_original(const struct ipt_legacy *t, const struct step *s,
			 struct ipt_original *ret, struct diags *d)
{
	int err = s->rule->original ?
			  ipt_original_read(t->family, s->rule->original, ret) :
			  -EBADMSG;

	if (err != -EBADMSG)
		return err;
	diag_add(d, DIAG_ERROR, 0, ID_ORIGINAL_LOST, NOPOS,
		 "chain %s of table %s (%s): the rule for which %s stands is not on record; it cannot be put back",
		 s->chain->name, t->name, family_word(t), s->rule->target);
	diag_help(d, "the rules of chain %s show what it asked for and did: put it back by hand, and delete the jump to %s there",
		  s->rule->target, s->rule->target);
	return -FAULT_CONFLICT;
}

/*
 * The same rule behind as many of the host's as it stood when it was looked
 * at, else the nearest one: m->n where there is none.
 */
static size_t find(const struct ipt_legacy *t, const struct ipt_mirror *m,
		   const struct step *s, const struct ipt_original *o)
{
	size_t want = image_rule_behind(s->chain, s->rule);
	size_t ahead = 0, at = 0, best = m->n, off = SIZE_MAX;

	for (const void *e = ipt_legacy_first_rule(t, s->chain->name);
	     e && at < m->n; e = ipt_legacy_next_rule(t, e), at++) {
		size_t by = ahead > want ? ahead - want : want - ahead;

		if (m->v[at])
			continue;
		if (by < off && ipt_original_is(o, t, e)) {
			best = at;
			off = by;
		}
		ahead++;
	}
	return best;
}

int ipt_exchange(struct ipt_legacy *t, struct ipt_mirror *m,
		 const struct step *s, const void *entry, struct diags *d)
{
	_cleanup_(ipt_original_release) struct ipt_original o = { 0 };
	const char *chain = s->chain->name;
	int err = read_original(t, s, &o, d);
	size_t at;

	if (err)
		return err;
	at = find(t, m, s, &o);
	if (at == m->n && ipt_original_lacks(&o, t)) {
		at = ipt_mirror_behind(m, image_rule_behind(s->chain, s->rule));
		err = ipt_legacy_insert(t, chain, at, entry, d);
		return err ? err : ipt_mirror_insert(m, at, s->rule);
	}
	if (at == m->n) {
		diag_add(d, DIAG_ERROR, 0, ID_ORIGINAL_GONE, NOPOS,
			 "chain %s of table %s (%s) no longer has the rule for which %s would stand",
			 chain, t->name, family_word(t), s->rule->target);
		return -FAULT_CONFLICT;
	}
	err = ipt_legacy_insert(t, chain, at, entry, d);
	if (!err)
		err = ipt_mirror_insert(m, at, s->rule);
	if (!err)
		err = ipt_legacy_delete(t, chain, at + 1, d);
	if (!err)
		ipt_mirror_remove(m, at + 1);
	return err;
}

int ipt_put_back(struct ipt_legacy *t, struct ipt_mirror *m,
		 const struct step *s, size_t at, struct diags *d)
{
	_cleanup_(ipt_original_release) struct ipt_original o = { 0 };
	const char *chain = s->chain->name;
	int err = read_original(t, s, &o, d);

	if (err)
		return err;
	if (!ipt_original_lacks(&o, t)) {
		ipt_original_name_target(&o);
		err = ipt_legacy_insert(t, chain, at, o.entry, d);
		if (!err)
			err = ipt_mirror_insert(m, at++, NULL);
	}
	if (!err)
		err = ipt_legacy_delete(t, chain, at, d);
	if (!err)
		ipt_mirror_remove(m, at);
	return err;
}
