/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_ipt_kernel_table.c: a table as the kernel lays it out, and
 * the socket calls that read it, in place of the C library's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/xt_set.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "core/mem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_ipt_kernel.h"

#define CHAINS_MAX 4
#define JUMPS_MAX 64
#define RULES_MAX 8

static const struct {
	const char *name;
	unsigned int hooks;
} tables[] = {
	{ "raw", 1u << NF_INET_PRE_ROUTING | 1u << NF_INET_LOCAL_OUT },
	{ "filter", 1u << NF_INET_LOCAL_IN | 1u << NF_INET_FORWARD |
		    1u << NF_INET_LOCAL_OUT },
	{ "mangle", (1u << NF_INET_NUMHOOKS) - 1 },
	{ "nat", (1u << NF_INET_NUMHOOKS) - 1 - (1u << NF_INET_FORWARD) },
};

/* What the kernel holds. */
static struct {
	bool v4;
	struct ipt_getinfo info;
	uint8_t *at;
	size_t n, cap;
	char chain[CHAINS_MAX][30];
	unsigned int start[CHAINS_MAX], n_chains;
	struct {
		size_t verdict;		/* where it stands */
		unsigned int chain;
	} jump[JUMPS_MAX];
	size_t n_jumps;
} kernel;

static void *append(size_t n)
{
	MUST(!mem_grow(&kernel.at, &kernel.cap, kernel.n + n));
	memset(kernel.at + kernel.n, 0, n);
	kernel.n += n;
	return kernel.at + kernel.n - n;
}

static size_t head_size(void)
{
	return kernel.v4 ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);
}

/* The entry that began at `start` and whose target begins at `target` ends. */
static void end_entry(size_t start, size_t target)
{
	struct ipt_entry *v4 = (void *)(kernel.at + start);
	struct ip6t_entry *v6 = (void *)(kernel.at + start);

	kernel.info.num_entries++;
	if (kernel.v4) {
		v4->target_offset = (uint16_t)(target - start);
		v4->next_offset = (uint16_t)(kernel.n - start);
	} else {
		v6->target_offset = (uint16_t)(target - start);
		v6->next_offset = (uint16_t)(kernel.n - start);
	}
}

static void put_extension(const struct fuzz_extension *e)
{
	size_t size = XT_ALIGN(sizeof(struct xt_entry_match) + e->size);
	struct xt_entry_match *m = append(size);

	m->u.user.match_size = (uint16_t)size;
	memcpy(m->u.user.name, e->name, sizeof(m->u.user.name));
	m->u.user.revision = e->revision;
	memcpy(m->data, e->payload, e->size);
}

static size_t put_standard(int verdict)
{
	struct xt_standard_target *t = append(sizeof(*t));

	t->target.u.target_size = sizeof(*t);
	t->verdict = verdict;
	return (size_t)((uint8_t *)&t->verdict - kernel.at);
}

static void put_plain(int verdict)
{
	size_t start = kernel.n;

	append(head_size());
	put_standard(verdict);
	end_entry(start, start + head_size());
}

static void put_error(const char *name)
{
	size_t start = kernel.n;
	struct xt_error_target *t;

	append(head_size());
	t = append(XT_ALIGN(sizeof(*t)));
	t->target.u.target_size = XT_ALIGN(sizeof(*t));
	strcpy(t->target.u.user.name, XT_ERROR_TARGET);
	snprintf(t->errorname, sizeof(t->errorname), "%s", name);
	end_entry(start, start + head_size());
}

static void any_addr(struct fuzz_input *in, uint8_t *addr, uint8_t *mask,
		     size_t width)
{
	uint8_t kind = fuzz_take(in);
	unsigned int len = fuzz_take(in) % (8 * (unsigned int)width + 1);

	if (kind < 160)
		return;
	if (kind >= 240)
		fuzz_fill(in, mask, width);
	else
		for (unsigned int i = 0; i < len; i++)
			mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	fuzz_fill(in, addr, width);
	for (size_t i = 0; i < width && kind < 250; i++)
		addr[i] &= mask[i];
}

static void any_iface(struct fuzz_input *in, char *name, uint8_t *mask)
{
	static const char *const names[] = { "eth0", "lo", "wan", "a+" };
	uint8_t kind = fuzz_take(in);
	size_t n;

	if (kind < 160)
		return;
	strcpy(name, names[kind % ARRAY_SIZE(names)]);
	if (kind >= 224)
		fuzz_fill(in, name, fuzz_take(in) % 16);
	n = strnlen(name, 15);
	memset(mask, 0xff, kind % 2 ? n : n + 1);
	if (kind >= 248)
		fuzz_fill(in, mask, 16);
}

/* The built-in part; *ret_go: the target is a chain to go to. */
static void put_head(struct fuzz_input *in, uint8_t proto)
{
	uint8_t *p = append(head_size());
	uint8_t flags = fuzz_take(in), invert = fuzz_take(in);

	flags = flags < 128 ? 0 : flags & 3;
	invert = invert < 192 ? 0 : 1u << invert % 7;
	if (proto)
		invert &= (uint8_t)~XT_INV_PROTO;
	else
		proto = fuzz_take(in) < 128 ? 0 : fuzz_take(in);
	if (kernel.v4) {
		struct ipt_ip *ip = &((struct ipt_entry *)(void *)p)->ip;

		any_addr(in, (uint8_t *)&ip->src, (uint8_t *)&ip->smsk, 4);
		any_addr(in, (uint8_t *)&ip->dst, (uint8_t *)&ip->dmsk, 4);
		any_iface(in, ip->iniface, ip->iniface_mask);
		any_iface(in, ip->outiface, ip->outiface_mask);
		ip->proto = proto;
		ip->flags = flags & IPT_F_MASK;
		ip->invflags = invert & IPT_INV_MASK;
	} else {
		struct ip6t_ip6 *ip = &((struct ip6t_entry *)(void *)p)->ipv6;

		any_addr(in, (uint8_t *)&ip->src, (uint8_t *)&ip->smsk, 16);
		any_addr(in, (uint8_t *)&ip->dst, (uint8_t *)&ip->dmsk, 16);
		any_iface(in, ip->iniface, ip->iniface_mask);
		any_iface(in, ip->outiface, ip->outiface_mask);
		ip->proto = proto;
		ip->flags = proto && flags < 3 ? IP6T_F_PROTO : 0;
		ip->invflags = invert & IP6T_INV_MASK;
	}
}

static void set_goto(size_t start)
{
	struct ipt_entry *v4 = (void *)(kernel.at + start);
	struct ip6t_entry *v6 = (void *)(kernel.at + start);

	if (kernel.v4)
		v4->ip.flags |= IPT_F_GOTO;
	else
		v6->ipv6.flags |= IP6T_F_GOTO;
}

/* To a chain behind chain `from`: the kernel takes no loops. */
static void put_target(struct fuzz_input *in, size_t start, unsigned int from)
{
	static const int verdicts[] = {
		-NF_ACCEPT - 1, XT_RETURN, -NF_DROP - 1, -NF_QUEUE - 1,
	};
	unsigned int left = kernel.n_chains - from;
	uint8_t b = fuzz_take(in), which = fuzz_take(in);
	struct fuzz_extension e;

	if (b < 96) {
		put_standard(verdicts[b % ARRAY_SIZE(verdicts)]);
	} else if (b < 160 && left && kernel.n_jumps < JUMPS_MAX) {
		kernel.jump[kernel.n_jumps].chain = from + which % left;
		kernel.jump[kernel.n_jumps++].verdict = put_standard(0);
		if (which >= 240)
			set_goto(start);
	} else if (b < 168) {
		/* What follows is the next rule in any case. */
		size_t v = put_standard(0);
		int next = (int)kernel.n;

		memcpy(kernel.at + v, &next, sizeof(next));
	} else {
		fuzz_target(in, &e);
		put_extension(&e);
	}
}

static void put_rule(struct fuzz_input *in, unsigned int from)
{
	static const uint8_t protos[] = { 0, 0, 6, 17, 1, 58, 33, 132, 136 };
	uint8_t proto = protos[fuzz_take(in) % sizeof(protos)];
	struct fuzz_extension e[4];
	size_t n = fuzz_take(in) % (ARRAY_SIZE(e) + 1), start = kernel.n;
	size_t target;

	for (size_t i = 0; i < n; i++)
		fuzz_match(in, kernel.v4, &proto, &e[i]);
	put_head(in, proto);
	for (size_t i = 0; i < n; i++)
		put_extension(&e[i]);
	target = kernel.n;
	put_target(in, start, from);
	end_entry(start, target);
}

static void put_rules(struct fuzz_input *in, unsigned int from)
{
	size_t n = fuzz_take(in) % (RULES_MAX + 1);

	while (n-- && in->n)
		put_rule(in, from);
}

static void put_builtins(struct fuzz_input *in)
{
	for (unsigned int h = 0; h < NF_INET_NUMHOOKS; h++) {
		if (!(kernel.info.valid_hooks & 1u << h))
			continue;
		kernel.info.hook_entry[h] = (unsigned int)kernel.n;
		put_rules(in, 0);
		kernel.info.underflow[h] = (unsigned int)kernel.n;
		put_plain(fuzz_take(in) % 4 ? -NF_ACCEPT - 1 : -NF_DROP - 1);
	}
}

/* Any name; a digit makes it unique. */
static void name_chains(struct fuzz_input *in)
{
	kernel.n_chains = fuzz_take(in) % (CHAINS_MAX + 1);
	for (unsigned int i = 0; i < kernel.n_chains; i++) {
		char *name = kernel.chain[i];
		size_t n = 1;

		name[0] = (char)('0' + i);
		if (fuzz_take(in) % 4)
			n = (size_t)snprintf(name, sizeof(kernel.chain[i]),
					     "CTPOLICY-%u", i);
		fuzz_fill(in, name + n, fuzz_take(in) % 19);
	}
}

static void put_chains(struct fuzz_input *in)
{
	for (unsigned int i = 0; i < kernel.n_chains; i++) {
		put_error(kernel.chain[i]);
		kernel.start[i] = (unsigned int)kernel.n;
		put_rules(in, i + 1);
		put_plain(XT_RETURN);
	}
	for (size_t i = 0; i < kernel.n_jumps; i++)
		memcpy(kernel.at + kernel.jump[i].verdict,
		       &kernel.start[kernel.jump[i].chain], sizeof(int));
}

void fuzz_table(struct fuzz_input *in, uint8_t *ret_family,
		const char **ret_name)
{
	uint8_t b = fuzz_take(in);
	size_t i = b / 2 % ARRAY_SIZE(tables);

	fuzz_table_free();
	kernel.v4 = b % 2;
	snprintf(kernel.info.name, sizeof(kernel.info.name), "%s",
		 tables[i].name);
	kernel.info.valid_hooks = tables[i].hooks;
	name_chains(in);
	put_builtins(in);
	put_chains(in);
	put_error(XT_ERROR_TARGET);
	kernel.info.size = (unsigned int)kernel.n;
	*ret_family = kernel.v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	*ret_name = tables[i].name;
}

void fuzz_table_free(void)
{
	free(kernel.at);
	memset(&kernel, 0, sizeof(kernel));
}

/* Something that can be closed. */
int socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static ip_set_id_t find_set(const char *name)
{
	for (ip_set_id_t i = 0; i < FUZZ_SETS; i++)
		if (!strcmp(name, fuzz_sets[i]))
			return i;
	return IPSET_INVALID_ID;
}

static int answer_set(void *value, socklen_t len)
{
	struct ip_set_req_version *version = value;
	struct ip_set_req_get_set *set = value;
	struct ip_set_req_get_set_family *family = value;

	if (version->op == IP_SET_OP_VERSION) {
		version->version = IPSET_PROTOCOL;
	} else if (set->op == IP_SET_OP_GET_BYINDEX && len >= sizeof(*set)) {
		MUST(set->set.index < FUZZ_SETS);
		strcpy(set->set.name, fuzz_sets[set->set.index]);
	} else if (set->op == IP_SET_OP_GET_BYNAME && len >= sizeof(*set)) {
		set->set.index = find_set(set->set.name);
	} else if (set->op == IP_SET_OP_GET_FNAME && len >= sizeof(*family)) {
		family->set.index = find_set(family->set.name);
		/* Each set is of the family at hand. */
		family->family = NFPROTO_UNSPEC;
	} else {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

static int answer(int option, void *value, socklen_t len)
{
	const struct xt_get_revision *r = value;
	struct ipt_get_entries *all = value;

	switch (option) {
	case IPT_SO_GET_INFO:
		MUST(len == sizeof(kernel.info));
		memcpy(value, &kernel.info, sizeof(kernel.info));
		return 0;
	case IPT_SO_GET_ENTRIES:
		MUST(len == sizeof(*all) + kernel.n && all->size == kernel.n);
		memcpy((uint8_t *)value + sizeof(*all), kernel.at, kernel.n);
		return 0;
	case IPT_SO_GET_REVISION_MATCH:
	case IPT_SO_GET_REVISION_TARGET:
		if (fuzz_has_revision(r->name, r->revision,
				      option == IPT_SO_GET_REVISION_TARGET))
			return 0;
		errno = EPROTONOSUPPORT;
		return -1;
	default:
		errno = ENOPROTOOPT;
		return -1;
	}
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	(void)fd;
	/* The families' numbers are other than IPv4's here alone. */
	if (level == IPPROTO_IPV6 && option == IP6T_SO_GET_REVISION_MATCH)
		option = IPT_SO_GET_REVISION_MATCH;
	else if (level == IPPROTO_IPV6 && option == IP6T_SO_GET_REVISION_TARGET)
		option = IPT_SO_GET_REVISION_TARGET;
	if (option == SO_IP_SET)
		return answer_set(value, *len);
	return answer(option, value, *len);
}
