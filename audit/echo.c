/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/echo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* Matches of iptables that mean the same in whatever rule they stand. */
static const struct {
	const char *name;
	bool counts;
} matches[] = {
	{ "bpf", false }, { "cgroup", false }, { "dscp", false },
	{ "geoip", false }, { "hashlimit", true }, { "hl", false },
	{ "length", false }, { "limit", true }, { "mac", false },
	{ "mark", false }, { "owner", false }, { "pkttype", false },
	{ "quota", true }, { "recent", true }, { "rpfilter", false },
	{ "set", false }, { "statistic", true }, { "string", false },
	{ "time", false }, { "tos", false }, { "ttl", false },
	{ "u32", false },
};

/* Targets that let the packet go on, and leave a trace. */
static const char *const traces[] = { "AUDIT", "LOG", "NFLOG", "MARK", "SET" };

static const struct foreign_table *table_of(const struct foreign *f,
					    uint32_t rule)
{
	return &f->tables[f->chains[f->rules[rule].chain].table];
}

static bool is_iptables(const struct foreign *f, uint32_t rule)
{
	const struct foreign_table *t = table_of(f, rule);

	return t->world == WORLD_LEGACY || t->ranked;
}

static bool is_known(const char *name, bool *ret_counts)
{
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++)
		if (!strcmp(matches[i].name, name)) {
			*ret_counts = matches[i].counts;
			return true;
		}
	return false;
}

static bool is_mark(const struct term *t)
{
	return t->kind == TERM_MATCH && t->n_fields == 1 &&
	       t->field[0] == FIELD_MARK;
}

static bool is_named(const struct foreign *f, const struct term *t)
{
	return (t->kind == TERM_MATCH || t->kind == TERM_VMAP) &&
	       f->sets[t->set].name && !t->masked && !t->either &&
	       !t->reshaped;
}

/* Any interface but these, which no accept rule can say. */
static bool is_device(const struct foreign *f, const struct term *t)
{
	const struct key_set *s = &f->sets[t->set];

	return t->kind == TERM_MATCH && t->n_fields == 1 && !t->masked &&
	       !t->either && t->negated && s->known && !s->name && s->n &&
	       (t->field[0] == FIELD_IIF || t->field[0] == FIELD_OIF);
}

bool echo_can(const struct foreign *f, uint32_t rule, const struct term *t)
{
	const struct key_set *s = &f->sets[t->set];
	bool counts;

	if (t->kind == TERM_OPAQUE)
		return is_iptables(f, rule) ? is_known(t->name, &counts) :
					      !strcmp(t->name, "limit");
	if (is_mark(t))
		return s->known && !s->name && s->n == 1 &&
		       !memcmp(f->ranges[s->first].first,
			       f->ranges[s->first].last, TERM_KEY_MAX);
	if (is_device(f, t))
		return s->n == 1 || !is_iptables(f, rule);
	return is_named(f, t);
}

static bool is_opaque(const struct term *t, const char *name)
{
	return t->kind == TERM_OPAQUE && !strcmp(t->name, name);
}

static bool says(const struct foreign *f, uint32_t rule, const char *word)
{
	return foreign_text_has(&f->rules[rule].raw, word);
}

static bool asks_recent(const struct foreign *f, uint32_t rule)
{
	const struct foreign_rule *r = &f->rules[rule];

	for (uint32_t i = 0; i < r->n_terms; i++)
		if (is_opaque(&f->terms[r->terms + i], "recent"))
			return true;
	return false;
}

/* A look at a list, which nobody counts, is a ban. */
static bool recent_counts(const struct foreign *f, uint32_t rule)
{
	bool looks = says(f, rule, "--rcheck");
	bool updates = says(f, rule, "--update");

	if (says(f, rule, "--hitcount") || (!looks && !updates))
		return true;
	for (uint32_t i = 0; updates && i < f->n_rules; i++)
		if (!foreign_is_gone(&f->rules[i]) && asks_recent(f, i) &&
		    says(f, i, "--hitcount"))
			return true;
	return false;
}

bool echo_counts(const struct foreign *f, uint32_t rule)
{
	const struct foreign_rule *r = &f->rules[rule];
	bool counts = false;

	for (uint32_t i = 0; !counts && i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (is_opaque(t, "recent"))
			counts = recent_counts(f, rule);
		else if (is_opaque(t, "meter"))
			counts = true;	/* add @set { ip saddr limit ... } */
		else if (t->kind == TERM_OPAQUE)
			is_known(t->name, &counts);
	}
	return counts;
}

/* ---- the words of a rule's text ---- */

/* One word; brackets, as live rules have them, are words too. */
static struct foreign_text next_word(const char **at, const char *end)
{
	struct foreign_text w;
	const char *s = *at;

	while (s < end && *s == ' ')
		s++;
	w.s = s;
	if (s < end && (*s == '[' || *s == ']'))
		s++;
	else
		while (s < end && *s != ' ' && *s != '[' && *s != ']') {
			const char *quote = *s == '"' ?
				memchr(s + 1, '"', (size_t)(end - s - 1)) :
				NULL;

			s = quote ? quote + 1 : s + 1;
		}
	w.n = (size_t)(s - w.s);
	*at = s;
	return w;
}

static bool is_word(struct foreign_text w, const char *word)
{
	return w.n == strlen(word) && !memcmp(w.s, word, w.n);
}

static bool begins_part(struct foreign_text w)
{
	static const char *const words[] = {
		"-m", "--match", "-j", "--jump", "-g", "--goto", "]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (is_word(w, words[i]))
			return true;
	return false;
}

/* "-m limit --limit 5/min", each of them: to the next match or target. */
static size_t put_parts(struct foreign_text raw, const char *begin,
			const char *name, struct strbuf *out)
{
	const char *at = raw.s, *end = raw.s + raw.n;
	bool inside = false;
	size_t n = 0;

	while (at < end) {
		struct foreign_text w = next_word(&at, end);
		const char *ahead = at;

		if (inside && begins_part(w))
			inside = false;
		if (!inside && is_word(w, begin) &&
		    (!name || is_word(next_word(&ahead, end), name))) {
			inside = true;
			n++;
		}
		if (inside && w.n) {
			strbuf_add(out, w.s, w.n);
			strbuf_puts(out, " ");
		}
	}
	return n;
}

/* "limit rate 5/minute burst 10 packets", of nft's own. */
static bool find_limit(struct foreign_text raw, struct foreign_text *ret_rate,
		       struct foreign_text *ret_burst, bool *ret_over)
{
	const char *at = raw.s, *end = raw.s + raw.n;
	struct foreign_text w = next_word(&at, end);

	while (w.n && !is_word(w, "limit"))
		w = next_word(&at, end);
	if (!w.n || !is_word(next_word(&at, end), "rate"))
		return false;
	*ret_rate = next_word(&at, end);
	*ret_over = is_word(*ret_rate, "over");
	if (*ret_over)
		*ret_rate = next_word(&at, end);
	*ret_burst = (struct foreign_text){ "5", 1 };
	if (!is_word(next_word(&at, end), "burst"))
		return true;
	*ret_burst = next_word(&at, end);
	return is_word(next_word(&at, end), "packets");
}

static bool put_limit(const struct foreign *f, uint32_t rule,
		      struct strbuf *out)
{
	struct foreign_text rate, burst;
	bool over;

	if (!find_limit(f->rules[rule].raw, &rate, &burst, &over))
		return false;
	if (is_iptables(f, rule))
		strbuf_printf(out, "-m limit --limit %.*s --limit-burst %.*s ",
			      (int)rate.n, rate.s, (int)burst.n, burst.s);
	else
		strbuf_printf(out, "limit rate %s%.*s burst %.*s packets ",
			      over ? "over " : "", (int)rate.n, rate.s,
			      (int)burst.n, burst.s);
	return !over || !is_iptables(f, rule);
}

static void put_mark(const struct foreign *f, uint32_t rule,
		     const struct term *t, struct strbuf *out)
{
	uint32_t value, mask = UINT32_MAX;

	memcpy(&value, f->ranges[f->sets[t->set].first].first, sizeof(value));
	if (t->masked)
		memcpy(&mask, t->mask, sizeof(mask));
	value = ntohl(value);
	mask = ntohl(mask);
	if (is_iptables(f, rule))
		strbuf_printf(out, "-m mark %s--mark 0x%x/0x%x ",
			      t->negated ? "! " : "", value, mask);
	else
		strbuf_printf(out, "meta mark & 0x%x %s 0x%x ", mask,
			      t->negated ? "!=" : "==", value);
}

/* ! -i eth+; iifname != "eth*" */
static void put_device(const struct foreign *f, uint32_t rule,
		       const struct term *t, struct strbuf *out)
{
	const struct key_set *s = &f->sets[t->set];
	bool in = t->field[0] == FIELD_IIF, ipt = is_iptables(f, rule);

	for (uint32_t i = 0; i < s->n; i++) {
		const struct key_range *r = &f->ranges[s->first + i];
		bool wild = !key_range_is_single(r);

		if (ipt)
			strbuf_printf(out, "! -%c %.15s%s ", in ? 'i' : 'o',
				      (const char *)r->first, wild ? "+" : "");
		else
			strbuf_printf(out, "%s != \"%.15s%s\" ",
				      in ? "iifname" : "oifname",
				      (const char *)r->first, wild ? "*" : "");
	}
}

/* ip saddr . th dport != @some; ip saddr vmap @some */
static bool put_lookup(const struct foreign *f, const struct term *t,
		       struct strbuf *out)
{
	static const char *const words[FIELD_MAX_][2] = {
		[FIELD_SADDR] = { "ip saddr", "ip6 saddr" },
		[FIELD_DADDR] = { "ip daddr", "ip6 daddr" },
		[FIELD_SPORT] = { "th sport", "th sport" },
		[FIELD_DPORT] = { "th dport", "th dport" },
		[FIELD_IIF] = { "iifname", "iifname" },
		[FIELD_OIF] = { "oifname", "oifname" },
	};

	for (size_t i = 0; i < t->n_fields; i++) {
		const char *w = words[t->field[i]][t->family == NFPROTO_IPV6];

		if (!w)
			return false;
		strbuf_printf(out, "%s%s ", i ? ". " : "", w);
	}
	strbuf_printf(out, "%s@%s ", t->kind == TERM_VMAP ? "vmap " :
		      t->negated ? "!= " : "", f->sets[t->set].name);
	return true;
}

static bool put_term(const struct foreign *f, uint32_t rule,
		     const struct term *t, struct strbuf *out)
{
	struct foreign_text raw = f->rules[rule].raw;

	if (is_mark(t)) {
		put_mark(f, rule, t, out);
		return true;
	}
	if (is_device(f, t)) {
		put_device(f, rule, t, out);
		return true;
	}
	if (t->kind != TERM_OPAQUE && !is_iptables(f, rule))
		return put_lookup(f, t, out);
	if (is_iptables(f, rule) &&
	    put_parts(raw, "-m", t->kind == TERM_OPAQUE ? t->name : "set",
		      out))
		return true;
	return t->kind == TERM_OPAQUE && !strcmp(t->name, "limit") &&
	       put_limit(f, rule, out);
}

/* One part of the text holds all sets, all options of one match. */
static bool is_put(const struct foreign *f, uint32_t rule, uint32_t n,
		   uint64_t echoed)
{
	const struct foreign_rule *r = &f->rules[rule];
	const struct term *t = &f->terms[r->terms + n];

	if (!is_iptables(f, rule) || is_mark(t) || is_device(f, t))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const struct term *o = &f->terms[r->terms + i];

		if (echoed & UINT64_C(1) << i && o->kind == t->kind &&
		    !is_mark(o) && !is_device(f, o) &&
		    (t->kind != TERM_OPAQUE || !strcmp(o->name, t->name)))
			return true;
	}
	return false;
}

/* Without what it says of itself: comment "..." */
static bool put_reject(const struct foreign *f, uint32_t rule,
		       struct strbuf *out)
{
	struct foreign_text raw = f->rules[rule].raw;
	const char *at = raw.s, *end = raw.s + raw.n;
	struct foreign_text w = next_word(&at, end);
	uint8_t family = table_of(f, rule)->family;
	size_t n = 0;

	while (w.n && !is_word(w, "reject"))
		w = next_word(&at, end);
	for (; w.n && !is_word(w, "comment"); n++) {
		if (!is_word(w, "type"))
			strbuf_printf(out, "%.*s ", (int)w.n, w.s);
		w = next_word(&at, end);
	}
	if (n == 1)
		strbuf_printf(out, "with %s port-unreachable",
			      family == NFPROTO_IPV4 ? "icmp" :
			      family == NFPROTO_IPV6 ? "icmpv6" : "icmpx");
	return n;
}

/* The kernel wants to see that only TCP comes to a reset. */
static bool put_reject_ipt(const struct foreign *f, uint32_t rule, bool syn,
			   struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	bool said = put_parts(f->rules[rule].raw, "-j", NULL, &b);

	if (!syn && strstr(strbuf_str(&b), "tcp-reset"))
		strbuf_puts(out, "-p tcp ");
	strbuf_join(out, &b);
	return said;
}

static bool is_trace(const char *target)
{
	for (size_t i = 0; target && i < ARRAY_SIZE(traces); i++)
		if (!strcmp(traces[i], target))
			return true;
	return false;
}

/* The verdict is the map's, whatever that holds. */
static bool put_map(const struct foreign *f, uint32_t rule, struct strbuf *out)
{
	const struct foreign_rule *r = &f->rules[rule];

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_VMAP)
			return is_named(f, t) && put_lookup(f, t, out);
	}
	return false;
}

/* With all that it says: a prefix, a group. */
static bool put_trace(const struct foreign *f, uint32_t rule,
		      const char *target, struct strbuf *out)
{
	return is_iptables(f, rule) && is_trace(target) &&
	       put_parts(f->rules[rule].raw, "-j", NULL, out);
}

static bool put_verdict(const struct foreign *f, uint32_t rule, bool syn,
			const struct foreign_outcome *v, struct strbuf *out)
{
	bool ipt = is_iptables(f, rule);

	switch (v->verdict) {
	case FOREIGN_ACCEPT:
		strbuf_puts(out, ipt ? "-j ACCEPT" : "accept");
		return true;
	case FOREIGN_DROP:
		strbuf_puts(out, ipt ? "-j DROP" : "drop");
		return true;
	case FOREIGN_JUMP:
	case FOREIGN_GOTO:
		if (foreign_leads_to(f, &f->rules[rule], v) == FOREIGN_NOWHERE)
			return put_trace(f, rule, v->target, out);
		strbuf_printf(out, "%s %s", ipt ? "-j" : "jump", v->target);
		return true;
	case FOREIGN_REJECT:
		return ipt ? put_reject_ipt(f, rule, syn, out) :
			     put_reject(f, rule, out);
	case FOREIGN_NONE:
		strbuf_puts(out, "-j RETURN");
		return ipt;
	case FOREIGN_TARGET:
		return ipt ? put_trace(f, rule, v->target, out) :
			     put_map(f, rule, out);
	case FOREIGN_RETURN:
		break;
	}
	return false;
}

int echo_words(const struct foreign *f, uint32_t rule, uint64_t echoed,
	       bool syn, const struct foreign_outcome *verdict,
	       const char **ret)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct foreign_rule *r = &f->rules[rule];
	bool said = true;

	if (syn)
		strbuf_puts(&b, is_iptables(f, rule) ?
			    "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN " :
			    "tcp flags syn / fin,syn,rst,ack ");
	for (uint32_t i = 0; said && i < r->n_terms && i < 64; i++)
		if (echoed & UINT64_C(1) << i && !is_put(f, rule, i, echoed) &&
		    f->terms[r->terms + i].kind != TERM_VMAP)
			said = put_term(f, rule, &f->terms[r->terms + i], &b);
	said = said && put_verdict(f, rule, syn, verdict, &b);
	while (b.n && b.s[b.n - 1] == ' ')
		b.s[--b.n] = '\0';
	if (strbuf_status(&b))
		return -ENOMEM;
	*ret = said ? intern(strbuf_str(&b)) : NULL;
	return said && !*ret ? -ENOMEM : 0;
}
