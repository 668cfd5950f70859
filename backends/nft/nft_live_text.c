/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_text.c: a rule of the kernel's in nft's own words. */
#include <arpa/inet.h>
#include <endian.h>
#include <net/if.h>
#include <string.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>

#include "backends/nft/nft_live.h"
#include "core/inet.h"
#include "core/mem.h"

#define ELEMS_MAX 64			/* said of a set without a name */

struct word {
	uint32_t value;
	const char *name;
};

static const struct word states[] = {
	{ 1, "invalid" }, { 2, "established" }, { 4, "related" }, { 8, "new" },
	{ 64, "untracked" }, { 0, NULL },
};
static const struct word statuses[] = {
	{ 1, "expected" }, { 2, "seen-reply" }, { 4, "assured" },
	{ 8, "confirmed" }, { 16, "snat" }, { 32, "dnat" }, { 512, "dying" },
	{ 0, NULL },
};
static const struct word flags[] = {
	{ 1, "fin" }, { 2, "syn" }, { 4, "rst" }, { 8, "psh" }, { 16, "ack" },
	{ 32, "urg" }, { 64, "ecn" }, { 128, "cwr" }, { 0, NULL },
};
static const struct word none[] = {
	{ 0, NULL },
};
static const struct word rtn[] = {
	{ RTN_UNSPEC, "unspec" }, { RTN_UNICAST, "unicast" },
	{ RTN_LOCAL, "local" }, { RTN_BROADCAST, "broadcast" },
	{ RTN_ANYCAST, "anycast" }, { RTN_MULTICAST, "multicast" },
	{ RTN_BLACKHOLE, "blackhole" }, { RTN_UNREACHABLE, "unreachable" },
	{ RTN_PROHIBIT, "prohibit" }, { 0, NULL },
};
static const struct word families[] = {
	{ NFPROTO_IPV4, "ipv4" }, { NFPROTO_IPV6, "ipv6" }, { 0, NULL },
};
static const struct word ethertypes[] = {
	{ ETH_P_IP, "ip" }, { ETH_P_IPV6, "ip6" }, { ETH_P_ARP, "arp" },
	{ ETH_P_8021Q, "vlan" }, { 0, NULL },
};
static const struct word protocols[] = {
	{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" },
	{ IPPROTO_ICMP, "icmp" }, { IPPROTO_ICMPV6, "ipv6-icmp" },
	{ IPPROTO_SCTP, "sctp" }, { IPPROTO_DCCP, "dccp" },
	{ IPPROTO_UDPLITE, "udplite" }, { IPPROTO_ESP, "esp" },
	{ IPPROTO_AH, "ah" }, { IPPROTO_GRE, "gre" }, { 0, NULL },
};

static const char *word_of(const struct word *w, uint32_t value)
{
	for (; w->name; w++)
		if (w->value == value)
			return w->name;
	return NULL;
}

static uint32_t number_of(const uint8_t *v, size_t width)
{
	uint32_t n = 0;

	for (size_t i = 0; i < width && i < sizeof(n); i++)
		n = n << 8 | v[i];
	return n;
}

static void put_word(const struct word *w, uint32_t n, const char *format,
		     struct strbuf *out)
{
	const char *name = w ? word_of(w, n) : NULL;

	if (name)
		strbuf_puts(out, name);
	else if (!strcmp(format, "x"))
		strbuf_printf(out, "0x%x", n);
	else
		strbuf_printf(out, "%u", n);
}

static void put_bits(const struct word *w, uint32_t n, const char *sign,
		     struct strbuf *out)
{
	const char *between = "";

	for (; w->name; w++)
		if (n & w->value) {
			strbuf_printf(out, "%s%s", between, w->name);
			between = sign;
			n &= ~w->value;
		}
	if (n || !*between)
		strbuf_printf(out, "%s0x%x", between, n);
}

static void put_name(const char *name, size_t n, struct strbuf *out)
{
	strbuf_puts(out, "\"");
	strbuf_add(out, name, strnlen(name, n));
	strbuf_puts(out, "\"");
}

static void put_address(const uint8_t *v, size_t width, struct strbuf *out)
{
	char s[INET6_ADDRSTRLEN] = "?";

	inet_ntop(width == 4 ? AF_INET : AF_INET6, v, s, sizeof(s));
	strbuf_puts(out, s);
}

static void put_index(uint32_t index, struct strbuf *out)
{
	char name[IF_NAMESIZE];

	if (index && if_indextoname(index, name))
		put_name(name, sizeof(name), out);
	else
		strbuf_printf(out, "%u", index);
}

void nft_live_say_value(enum live_type type, const uint8_t *v, size_t width,
			struct strbuf *out)
{
	uint32_t n = number_of(v, width);

	switch (type) {
	case LIVE_ADDR:
		put_address(v, width, out);
		return;
	case LIVE_IFNAME:
		put_name((const char *)v, width, out);
		return;
	case LIVE_IFINDEX:
		put_index(n, out);
		return;
	case LIVE_STATE:
		put_bits(states, n, " | ", out);
		return;
	case LIVE_STATUS:
		put_bits(statuses, n, " | ", out);
		return;
	case LIVE_TCP_FLAGS:
		put_bits(flags, n, " | ", out);
		return;
	case LIVE_PROTO:
		put_word(protocols, n, "", out);
		return;
	case LIVE_RTN:
		put_word(rtn, n, "", out);
		return;
	case LIVE_FAMILY:
		put_word(families, n, "", out);
		return;
	case LIVE_ETHERTYPE:
		put_word(ethertypes, n, "x", out);
		return;
	case LIVE_HEX:
		put_word(NULL, n, "x", out);
		return;
	case LIVE_PORT:
	case LIVE_NUMBER:
		break;
	}
	put_word(NULL, n, "", out);
}

static void put_range(const struct live_part *p, const struct key_range *v,
		      struct strbuf *out)
{
	size_t width = p->field->width;
	enum live_type type = p->field->type;
	int len = range_prefix(v->first, v->last, width);
	size_t n;

	if (type == LIVE_IFNAME) {
		n = strnlen((const char *)v->first, width);
		if (n < width && len > 0 && (size_t)len == n * 8) {
			strbuf_printf(out, "\"%.*s*\"", (int)n,
				      (const char *)v->first);
			return;
		}
		if (n < width && !memcmp(v->first, v->last, n + 1))
			len = (int)width * 8;
	}
	nft_live_say_value(type, v->first, width, out);
	if (len == (int)width * 8)
		return;
	if (type == LIVE_ADDR && len >= 0) {
		strbuf_printf(out, "/%d", len);
		return;
	}
	strbuf_puts(out, "-");
	nft_live_say_value(type, v->last, width, out);
}

/* What these protocols' headers are called. */
static const char *header_of(const struct live_rule *r,
			     const struct live_part *p)
{
	static const uint8_t one[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP,
				       IPPROTO_DCCP, IPPROTO_UDPLITE,
				       IPPROTO_ICMP, IPPROTO_ICMPV6 };

	for (size_t i = 0; i < sizeof(one); i++) {
		uint64_t only[4] = { 0 };

		only[one[i] / 64] = UINT64_C(1) << one[i] % 64;
		if (!memcmp(only, r->protos, sizeof(only)))
			return one[i] == IPPROTO_ICMPV6 ?
				       "icmpv6" : word_of(protocols, one[i]);
	}
	return p->field->proto == LIVE_ICMP ? "icmp" : "th";
}

static void flush(struct live_rule *r, struct strbuf *b)
{
	r->text.lost |= b->lost;
	if (!b->n)
		return;
	strbuf_puts(&r->text, r->text.n ? " " : "");
	strbuf_join(&r->text, b);
	strbuf_clear(b);
}

static void flush_all(struct live_rule *r)
{
	flush(r, &r->family_text);
	flush(r, &r->proto_text);
}

void nft_live_say(struct live_rule *r, const char *fmt, ...)
{
	va_list ap;

	flush_all(r);
	if (r->text.n)
		strbuf_puts(&r->text, " ");
	va_start(ap, fmt);
	strbuf_vprintf(&r->text, fmt, ap);
	va_end(ap);
}

void nft_live_say_text(struct live_rule *r, const struct strbuf *b)
{
	nft_live_say(r, "%s", strbuf_text(b, &r->text.lost));
}

static void put_words(const struct live_rule *r, const struct live_part *p,
		      struct strbuf *out)
{
	if (p->field->proto)
		strbuf_printf(out, "%s ", header_of(r, p));
	strbuf_puts(out, p->field->words);
}

/* What the words say by themselves need not stand ahead of them. */
static void imply(struct live_rule *r, const struct live_part *p)
{
	bool icmp = p->field->proto == LIVE_ICMP;

	if (p->field->family || icmp)
		strbuf_clear(&r->family_text);
	if (p->field->proto && strcmp(header_of(r, p), "th") != 0)
		strbuf_clear(&r->proto_text);
}

static void put_mask(const struct live_part *p, const char *sign,
		     struct strbuf *out)
{
	uint32_t mask = number_of(p->mask, p->field->width);

	put_bits(p->field->type == LIVE_STATE ? states :
		 p->field->type == LIVE_STATUS ? statuses :
		 p->field->type == LIVE_TCP_FLAGS ? flags : none, mask, sign,
		 out);
}

/* "& 255.255.255.0"; "& (new | established)" */
static void put_and(const struct live_part *p, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf mask = { 0 };

	if (p->field->type == LIVE_ADDR)
		put_address(p->mask, p->field->width, &mask);
	else if (p->field->type == LIVE_IFNAME)
		strbuf_puts(&mask, "[mask]");
	else
		put_mask(p, " | ", &mask);
	strbuf_printf(out, strchr(strbuf_text(&mask, &out->lost), '|') ?
			      " & (%s)" : " & %s",
		      strbuf_text(&mask, &out->lost));
}

static void put_masked(const struct live_part *p, const struct key_range *v,
		       bool negated, struct strbuf *out)
{
	enum live_type type = p->field->type;
	size_t width = p->field->width;

	if (type == LIVE_TCP_FLAGS) {
		strbuf_puts(out, negated ? " != " : " ");
		put_bits(flags, v->first[0], ",", out);
		strbuf_puts(out, " / ");
		put_mask(p, ",", out);
	} else if ((type == LIVE_STATE || type == LIVE_STATUS) &&
		   !number_of(v->first, width)) {
		strbuf_puts(out, negated ? " " : " ! ");
		put_mask(p, ",", out);
	} else {
		put_and(p, out);
		strbuf_puts(out, negated ? " != " : " == ");
		nft_live_say_value(type, v->first, width, out);
	}
}

/* Where a list of bits alone would say "one of these". */
static const char *equals(const struct live_part *p)
{
	return p->field->type == LIVE_STATE || p->field->type == LIVE_STATUS ||
	       p->field->type == LIVE_TCP_FLAGS ? " == " : " ";
}

/* Told when a word follows that does not say it by itself. */
static struct strbuf *waits(struct live_rule *r, const struct live_part *p,
			    const struct live_cmp *c)
{
	if (c->negated || memcmp(c->first, c->last, 1) != 0 ||
	    p->field->from != LIVE_META)
		return NULL;
	if (p->field->key == NFT_META_L4PROTO)
		return &r->proto_text;
	return p->field->key == NFT_META_NFPROTO ? &r->family_text : NULL;
}

static void say_part(struct live_rule *r, const struct live_part *p,
		     const struct live_cmp *c)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct strbuf *aside = waits(r, p, c);
	struct key_range v;
	enum live_fit fit = nft_live_range(p, c->first, c->last, &v);

	put_words(r, p, &b);
	imply(r, p);
	if (fit != LIVE_FITS) {
		nft_live_say(r, "[%s]", strbuf_text(&b, &r->text.lost));
		return;
	}
	if (p->shape == LIVE_MASKED ||
	    (p->shape == LIVE_PREFIX && p->field->type != LIVE_ADDR &&
	     p->field->type != LIVE_IFNAME)) {
		put_masked(p, &v, c->negated, &b);
	} else {
		strbuf_puts(&b, c->negated ? " != " : equals(p));
		put_range(p, &v, &b);
	}
	if (aside && !aside->n)
		strbuf_join(aside, &b);
	else
		nft_live_say_text(r, &b);
}

void nft_live_say_compare(struct live_rule *r, const struct live_key *k,
			  const struct live_cmp *c)
{
	if (k->opaque || (k->n > 1 && c->negated)) {
		nft_live_say(r, "[%s]", k->opaque ? k->opaque :
						    "concatenation");
		return;
	}
	for (unsigned int i = 0; i < k->n; i++)
		say_part(r, &k->part[i], c);
}

static bool put_element(const struct live_key *k, const uint8_t *first,
			const uint8_t *last, struct strbuf *out)
{
	for (unsigned int i = 0; i < k->n; i++) {
		struct key_range v;

		if (nft_live_range(&k->part[i], first, last, &v) != LIVE_FITS)
			return false;
		if (i)
			strbuf_puts(out, " . ");
		put_range(&k->part[i], &v, out);
	}
	return true;
}

static void put_outcome(const struct foreign_outcome *o, struct strbuf *out)
{
	static const char *const names[] = {
		[FOREIGN_NONE] = "continue", [FOREIGN_ACCEPT] = "accept",
		[FOREIGN_DROP] = "drop", [FOREIGN_RETURN] = "return",
		[FOREIGN_JUMP] = "jump", [FOREIGN_GOTO] = "goto",
		[FOREIGN_REJECT] = "reject", [FOREIGN_TARGET] = "[target]",
	};

	strbuf_printf(out, " : %s%s%s", names[o->verdict],
		      o->target ? " " : "", o->target ? o->target : "");
}

static void put_data(const struct foreign_answer *a, struct strbuf *out)
{
	strbuf_puts(out, " : ");
	if (a)
		nft_live_say_answer(a, out);
	else
		strbuf_puts(out, "[data]");
}

static void put_elements(const struct live_key *k, const struct live_set *set,
			 struct strbuf *out)
{
	const char *between = "{ ";
	size_t len = set->key_len;

	for (size_t i = 0; i < set->n; i++) {
		strbuf_puts(out, between);
		between = ", ";
		if (i == ELEMS_MAX) {
			strbuf_printf(out, "[%zu more]", set->n - i);
			break;
		}
		if (k->opaque || !put_element(k, set->keys + i * 2 * len,
				 set->keys + (i * 2 + 1) * len, out))
			strbuf_puts(out, "[element]");
		if (set->to)
			put_outcome(&set->to[i], out);
		else if (set->maps)
			put_data(set->answers ? &set->answers[i] : NULL, out);
	}
	if (set->rest) {
		strbuf_printf(out, "%s*", between);
		if (set->verdicts)
			put_outcome(&set->rest_to, out);
		else if (set->maps)
			put_data(nft_live_has_answers(set) ?
					 &set->rest_answer : NULL, out);
	}
	strbuf_puts(out, set->n || set->rest ? " }" : "{ }");
}

void nft_live_say_lookup(struct live_rule *r, const struct live_key *k,
			 const struct live_set *set, const char *op)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	bool anonymous = nft_live_set_is_anonymous(set);

	for (unsigned int i = 0; !k->opaque && i < k->n; i++) {
		if (i)
			strbuf_puts(&b, " . ");
		put_words(r, &k->part[i], &b);
		/* elements are said with it, as ranges: @set says none */
		if (k->part[i].shape == LIVE_MASKED ||
		    (k->part[i].shape == LIVE_PREFIX && !anonymous))
			put_and(&k->part[i], &b);
		imply(r, &k->part[i]);
	}
	if (k->opaque)
		strbuf_printf(&b, "[%s]", k->opaque);
	strbuf_puts(&b, op);
	if (!anonymous)
		strbuf_printf(&b, "@%s", set->name);
	else
		put_elements(k, set, &b);
	flush_all(r);
	r->map_said = r->text.n;
	if (k->opaque && (!anonymous || !set->maps || set->verdicts))
		nft_live_say(r, "[%s]%s@%s", k->opaque, op, set->name);
	else
		nft_live_say_text(r, &b);
}

const char *nft_live_text(struct live_rule *r)
{
	flush_all(r);
	return strbuf_str(&r->text);
}
