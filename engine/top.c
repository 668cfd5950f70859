/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/top.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <string.h>
#include <sys/random.h>

#include "core/intern.h"
#include "core/mem.h"
#include "host/conntrack/entries.h"
#include "host/conntrack/hash_size.h"
#include "host/conntrack/local_addresses.h"
#include "rules/flow.h"

#define PROGRESS_EVERY 65536u
/* Where in a key the state is, behind the number of the service. */
#define KEY_STATE sizeof(size_t)

struct counting {
	const struct top_request *rq;
	struct top *top;
	struct prefix_set local;
};

static void key_port(const struct ct_entry *e, struct ranking_key *k)
{
	k->proto = e->proto;
	k->bytes[0] = (uint8_t)(e->dport >> 8);
	k->bytes[1] = (uint8_t)e->dport;
}

/* Of TCP the state; of others whether an answer was seen. */
static void key_state(const struct ct_entry *e, struct ranking_key *k)
{
	k->proto = e->proto;
	k->bytes[KEY_STATE] = e->proto == IPPROTO_TCP ? e->tcp_state :
			      !(e->status & IPS_SEEN_REPLY);
}

static struct flow flow_of(const struct counting *c, const struct ct_entry *e)
{
	struct flow f = { .family = e->family, .proto = e->proto };

	memcpy(f.saddr, e->src, sizeof(f.saddr));
	memcpy(f.daddr, e->dst, sizeof(f.daddr));
	if (protocol_has_ports(e->proto)) {
		f.sport = e->sport;
		f.dport = e->dport;
	}
	/* see host/conntrack/entries.h */
	if (protocol_is_icmp(e->proto)) {
		f.has_icmp = true;
		f.icmp_type = (uint8_t)e->dport;
	}
	f.to_local = prefix_set_contains(&c->local, f.family, f.daddr);
	f.loopback = f.to_local &&
		     prefix_set_contains(&c->local, f.family, f.saddr);
	return f;
}

/*
 * A rule of the service's whose packets these are: it leaves no entry, but for
 * old ones, or gives them its timeouts.
 */
static const struct rule *rule_of(const struct counting *c,
				  const struct ct_entry *e)
{
	static const struct {
		enum hook hook;
		enum action action;
	} tries[] = {
		{ HOOK_PREROUTING, ACTION_NOTRACK },
		{ HOOK_OUTPUT, ACTION_NOTRACK },
		{ HOOK_PREROUTING, ACTION_TIMERS },
		{ HOOK_OUTPUT, ACTION_TIMERS },
	};
	struct flow f = flow_of(c, e);
	const struct rule *r = NULL;

	for (size_t i = 0; !r && i < ARRAY_SIZE(tries); i++)
		r = flow_find(&f, c->rq->rules, tries[i].hook,
			      tries[i].action, NULL);
	return r;
}

/* 0: of none. */
static int service_of(struct counting *c, const struct ct_entry *e,
		      uint8_t *ret)
{
	struct top *t = c->top;
	const struct rule *r = rule_of(c, e);
	const char *name;
	size_t i = 0;

	if (!r || !r->origin->service)
		return 0;
	name = intern(r->origin->service);
	while (name && i < t->n_services && t->services[i] != name)
		i++;
	if (!name || mem_grow(&t->services, &t->cap_services, i + 1))
		return -ENOMEM;
	if (i == t->n_services)
		t->services[t->n_services++] = name;
	i++;
	memcpy(ret, &i, sizeof(i));
	return 0;
}

static int key_of(struct counting *c, const struct ct_entry *e,
		  struct ranking_key *k)
{
	*k = (struct ranking_key){ 0 };
	switch (c->rq->by) {
	case TOP_SRC:
	case TOP_DST:
		k->family = e->family;
		memcpy(k->bytes, c->rq->by == TOP_SRC ? e->src : e->dst,
		       sizeof(k->bytes));
		break;
	case TOP_DPORT:
		key_port(e, k);
		break;
	case TOP_PROTO:
		k->proto = e->proto;
		break;
	case TOP_STATE:
		key_state(e, k);
		break;
	case TOP_SERVICE:
		return c->rq->rules ? service_of(c, e, k->bytes) : 0;
	case TOP_KINDS:
		key_state(e, k);
		return c->rq->rules ? service_of(c, e, k->bytes) : 0;
	}
	return 0;
}

static int take(const struct ct_entry *e, void *arg)
{
	struct counting *c = arg;
	struct ranking *r = &c->top->ranking;
	struct ranking_key key;
	int err = key_of(c, e, &key);

	if (!err)
		err = ranking_add(r, &key, e->status & IPS_ASSURED,
				  !(e->status & IPS_SEEN_REPLY));
	if (!err && c->rq->progress && !(r->entries % PROGRESS_EVERY))
		c->rq->progress(r->entries);
	return err;
}

static int list(struct counting *c)
{
	bool by_service = c->rq->by == TOP_SERVICE || c->rq->by == TOP_KINDS;
	int err = by_service && c->rq->rules ? local_addresses(&c->local) : 0;

	if (!err)
		err = ct_entries_read(c->rq->limit, take, c,
				      &c->top->complete);
	prefix_set_release(&c->local);
	return err;
}

static int read_once(const struct top_request *rq, struct top *ret)
{
	struct top t = { .by = rq->by };
	struct counting c = { .rq = rq, .top = &t };
	uint64_t seed = 0;
	int err;

	/* Early in the boot there is none: the listing is random enough. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = 0;
	err = ranking_init(&t.ranking, seed);
	if (!err)
		err = list(&c);
	if (!err)
		err = ranking_finish(&t.ranking, rq->rows);
	if (err) {
		top_release(&t);
		return err;
	}
	*ret = t;
	return 0;
}

int entries_say_unread(int err, struct diags *d)
{
	if (err && err != -ENOMEM)
		diag_add(d, DIAG_ERROR, 0, ID_ENTRIES_UNREAD, NOPOS,
			 "the connection table's entries cannot be listed: %s",
			 hash_size_reason(err));
	return err;
}

int top_read(const struct top_request *rq, struct top *ret, struct diags *d)
{
	int err = -EAGAIN;

	for (unsigned int i = 0; err == -EAGAIN && i < HASH_SIZE_TRIES; i++)
		err = read_once(rq, ret);
	return entries_say_unread(err, d);
}

void top_print_state(const struct ranking_key *k, struct strbuf *out)
{
	static const char *const states[] = {
		[TCP_CONNTRACK_NONE] = "NONE",
		[TCP_CONNTRACK_SYN_SENT] = "SYN_SENT",
		[TCP_CONNTRACK_SYN_RECV] = "SYN_RECV",
		[TCP_CONNTRACK_ESTABLISHED] = "ESTABLISHED",
		[TCP_CONNTRACK_FIN_WAIT] = "FIN_WAIT",
		[TCP_CONNTRACK_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCP_CONNTRACK_LAST_ACK] = "LAST_ACK",
		[TCP_CONNTRACK_TIME_WAIT] = "TIME_WAIT",
		[TCP_CONNTRACK_CLOSE] = "CLOSE",
		[TCP_CONNTRACK_SYN_SENT2] = "SYN_SENT2",
	};
	uint8_t n = k->bytes[KEY_STATE];

	if (k->proto != IPPROTO_TCP)
		strbuf_puts(out, n ? "unreplied" : "replied");
	else if (n < ARRAY_SIZE(states) && states[n])
		strbuf_puts(out, states[n]);
	else
		strbuf_printf(out, "%u", n);
}

const char *top_service(const struct top *t, const struct ranking_key *k)
{
	size_t i;

	memcpy(&i, k->bytes, sizeof(i));
	return i && i <= t->n_services ? t->services[i - 1] : NULL;
}

void top_print_key(const struct top *t, const struct ranking_key *key,
		   struct strbuf *out)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (t->by == TOP_SRC || t->by == TOP_DST) {
		inet_ntop(key->family, key->bytes, text, sizeof(text));
		strbuf_puts(out, text);
		return;
	}
	if (t->by == TOP_SERVICE) {
		const char *name = top_service(t, key);

		strbuf_puts(out, name ? name : "-");
		return;
	}
	protocol_print(key->proto, out);
	if (t->by == TOP_DPORT)
		strbuf_printf(out, "/%u", key->bytes[0] << 8 | key->bytes[1]);
	if (t->by == TOP_STATE) {
		strbuf_puts(out, "/");
		top_print_state(key, out);
	}
}

static const char *const words[] = {
#define X(id, word) [TOP_##id] = (word),
	TOP_BYS(X)
#undef X
};

const char *top_by_name(enum top_by by)
{
	return words[by];
}

int top_by_find(const char *word, enum top_by *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i])) {
			*ret = (enum top_by)i;
			return 0;
		}
	return -EINVAL;
}

void top_release(struct top *t)
{
	ranking_release(&t->ranking);
	mem_free_const(t->services);
	*t = (struct top){ 0 };
}
