/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipset_dump.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "backends/iptables/ipset_wire.h"
#include "backends/iptables/ipset_written.h"
#include "core/mem.h"
#include "host/trace.h"
#include "rules/own_names.h"

static const struct {
	int err;
	const char *words;
} answers[] = {
	{ IPSET_ERR_PROTOCOL, "the kernel does not understand the request" },
	{ IPSET_ERR_EXIST, "it is in the set already, or not in it" },
	{ IPSET_ERR_INVALID_CIDR, "the kernel does not take this prefix" },
	/* IPSET_ERR_HASH_FULL, _HASH_ELEM of ip_set_hash.h */
	{ IPSET_ERR_TYPE_SPECIFIC, "the set is full" },
	{ IPSET_ERR_TYPE_SPECIFIC + 1, "the kernel does not take an element" },
	{ ENOENT, "there is no such set" },
	{ EPERM, "not permitted" },
};

static const char *words_of(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i].err == -err)
			return answers[i].words;
	return -err < IPSET_ERR_PRIVATE ? strerror(-err) :
					  "the kernel refuses it";
}

int ipset_failed(const char *what, int err, struct diags *d)
{
	if (err == -ENOMEM)
		return err;
	if (d)
		diag_add(d, DIAG_ERROR, 0, ID_IPSET, NOPOS, "ipset: %s: %s",
			 what, words_of(err));
	if (d && err == -EPERM)
		diag_help(d, "CAP_NET_ADMIN is missing");
	return err == -EPERM ? err : -EIO;
}

struct names {
	char (*v)[IPSET_MAXNAMELEN];
	size_t n, cap;
};

static int take_name(const struct nlmsghdr *nlh, void *arg)
{
	struct names *names = arg;
	struct ipset_said said;
	int err = ipset_wire_read(nlh, &said);

	if (err)
		return err;
	if (strncmp(said.name, OWN_PREFIX, strlen(OWN_PREFIX)) != 0)
		return 0;
	if (strlen(said.name) >= IPSET_MAXNAMELEN)
		return -EBADMSG;
	if (mem_grow(&names->v, &names->cap, names->n + 1))
		return -ENOMEM;
	memcpy(names->v[names->n++], said.name, strlen(said.name) + 1);
	return 0;
}

static int list_names(struct names *ret)
{
	_cleanup_(netlink_close) struct netlink n = { 0 };
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *nlh = ipset_wire_head(buf, IPSET_CMD_LIST, NLM_F_DUMP,
					       NULL);
	int err = netlink_open(&n, NETLINK_NETFILTER);

	ipset_wire_flags(nlh, IPSET_FLAG_LIST_SETNAME);
	ret->n = 0;
	if (!err)
		err = netlink_ask(&n, nlh, take_name, ret);
	host_trace("ipset list -n = %d", err);
	return err;
}

/* Where the kernel cannot have sets, or does not say it to us. */
static bool has_none(int err)
{
	return err == -EINVAL || err == -EOPNOTSUPP ||
	       err == -EPROTONOSUPPORT || err == -EAFNOSUPPORT ||
	       err == -EPERM;
}

struct listing {
	struct ipset_taker to;
	struct image_table *t;
	struct ipset_limits *limits;
	const char *name;
	uint32_t count;			/* of elements; 0: does not say */
};

static int note_limit(struct listing *l, uint32_t max)
{
	struct ipset_limit *limit;

	if (mem_grow(&l->limits->v, &l->limits->cap, l->limits->n + 1))
		return -ENOMEM;
	limit = &l->limits->v[l->limits->n++];
	snprintf(limit->name, sizeof(limit->name), "%s", l->name);
	limit->max = max;
	return 0;
}

/* One that we would not make has a name and nothing more. */
static int take_set(struct listing *l, const struct ipset_said *said)
{
	const struct ipt_set_kind *k = ipt_set_kind_find(said->kind);
	struct image_set *s = image_add_set(l->t, l->name);
	uint32_t max = 0;

	if (!s)
		return -ENOMEM;
	l->to.set = s;
	if (!k || !said->made || !ipset_wire_is_ours(said->made, &max)) {
		image_set_mark_unknown(s);
		return 0;
	}
	ipt_set_setup(s, k, said->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET,
		      0);
	ipset_wire_init(&l->to.wire, s);
	l->count = ipset_wire_count(said->made);
	return note_limit(l, max);
}

static int take_elems(struct listing *l, const struct nlattr *elems)
{
	const struct nlattr *a;
	int err = 0;

	netlink_for_each_nested(a, elems) {
		err = ipset_wire_take(&l->to, a);
		if (err == -ENOENT)
			image_set_mark_unknown(l->to.set);
		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

/* The set's own words come with its first elements alone. */
static int take_message(const struct nlmsghdr *nlh, void *arg)
{
	struct listing *l = arg;
	struct ipset_said said;
	int err = ipset_wire_read(nlh, &said);

	if (!err && strcmp(said.name, l->name) != 0)
		err = -EBADMSG;
	if (!err && said.kind)
		err = l->to.set ? -EBADMSG : take_set(l, &said);
	if (!err && !l->to.set)
		err = -EBADMSG;
	return err || !said.elems || !l->to.wire.n ?
		       err : take_elems(l, said.elems);
}

static void header_release(struct listing *h)
{
	for (size_t i = 0; i < h->t->n_sets; i++)
		image_set_release(&h->t->sets[i]);
	name_index_release(&h->t->set_at);
	free(h->t->sets);
	ipset_limits_release(h->limits);
}

/* From a header of its own, which counts for nothing if it does not agree. */
static int take_header(struct netlink *n, struct listing *h,
		       const struct image_set *expected, bool *ret)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *nlh = ipset_wire_head(buf, IPSET_CMD_LIST, NLM_F_DUMP,
					       h->name);
	int err;

	ipset_wire_flags(nlh, IPSET_FLAG_LIST_HEADER);
	err = netlink_ask(n, nlh, take_message, h);
	host_trace("ipset list -t %s = %d", h->name, err);
	if (err || !h->to.wire.n)
		return err == -ENOMEM ? err : 0;
	return ipset_written_take(n, h->to.img, h->to.set, expected, h->count,
				  ret);
}

static int take_as_written(struct netlink *n, struct listing *l,
			   const struct image_set *expected, bool *ret)
{
	struct image_table t = { 0 };
	struct ipset_limits limits = { 0 };
	struct listing h = { .to = { .img = l->to.img }, .t = &t,
			     .limits = &limits, .name = l->name };
	int err = take_header(n, &h, expected, ret);
	struct image_set *s = !err && *ret ? image_add_set(l->t, l->name) :
					     NULL;

	if (s) {
		*s = *h.to.set;
		t.n_sets = 0;
		err = note_limit(l, limits.v[0].max);
	} else if (!err && *ret) {
		err = -ENOMEM;
	}
	header_release(&h);
	return err;
}

static int dump_set(struct netlink *n, struct listing *l, struct diags *d)
{
	_Alignas(struct nlmsghdr) char buf[256];
	int err = netlink_ask(n, ipset_wire_head(buf, IPSET_CMD_SAVE,
						 NLM_F_DUMP, l->name),
			      take_message, l);

	host_trace("ipset save %s = %d", l->name, err);
	if (err == -EBADMSG)
		return diag_add(d, DIAG_ERROR, -EIO, ID_IPSET_LISTING, NOPOS,
				"cannot understand what ipset lists of %s",
				l->name);
	return err ? ipset_failed(l->name, err, d) : 0;
}

static int read_set(struct netlink *n, struct listing *l,
		    const struct expectation *x, struct diags *d)
{
	const struct image_set *e = ipset_written_find(x, l->name);
	bool done = false;
	int err = e ? take_as_written(n, l, e, &done) : 0;

	return err || done ? err : dump_set(n, l, d);
}

int ipset_dump(struct image *img, struct image_table *t,
	       const struct expectation *x, struct ipset_limits *limits,
	       struct diags *d)
{
	_cleanup_(netlink_close) struct netlink n = { 0 };
	struct names names = { 0 };
	int err = list_names(&names);

	limits->n = 0;
	/* A call that failed by chance must not make our sets disappear. */
	if (err && err != -ENOMEM)
		err = list_names(&names);
	if (has_none(err))
		err = 0;
	if (!err && names.n)
		err = netlink_open(&n, NETLINK_NETFILTER);
	if (err)
		err = ipset_failed("list", err, d);
	for (size_t i = 0; !err && i < names.n; i++) {
		struct listing l = { .to = { .img = img }, .t = t,
				     .limits = limits, .name = names.v[i] };

		err = read_set(&n, &l, x, d);
	}
	free(names.v);
	return err;
}

uint32_t ipset_limits_find(const struct ipset_limits *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name))
			return l->v[i].max;
	return 0;
}

void ipset_limits_release(struct ipset_limits *l)
{
	free(l->v);
	*l = (struct ipset_limits){ 0 };
}
