/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/intern.h"
#include "core/mem.h"
#include "rules/image.h"

#define ATTRS 16

/* linux/netfilter/nf_tables.h: NFT_OBJECT_* */
static const char *object_word(uint32_t type)
{
	static const char *const words[] = {
		[NFT_OBJECT_COUNTER] = "counter", [NFT_OBJECT_QUOTA] = "quota",
		[NFT_OBJECT_LIMIT] = "limit",
	};

	return type < ARRAY_SIZE(words) && words[type] ? words[type] :
							 "object";
}

static void name(struct strbuf *b, const char *kind, const struct nlattr *a)
{
	const char *s = a ? nft_attr_str(a) : "";

	if (!*s || !strncmp(s, "__", 2))
		return;
	strbuf_printf(b, "%s%s %s", *strbuf_str(b) ? " or " : "", kind, s);
}

/* What the rule calls by a name, of sets, maps and objects. */
static void list_names(const struct nft_raw *r, struct strbuf *b)
{
	const struct nlattr *a, *data, *v[ATTRS + 1];

	nft_for_each_bytes(a, &r->exprs) {
		const char *expr = nft_expr_name(a, &data);

		if (!expr || !data || nft_nest_attrs(data, v, ATTRS))
			continue;
		if (!strcmp(expr, "lookup"))
			name(b, v[NFTA_LOOKUP_DREG] ? "map" : "set",
			     v[NFTA_LOOKUP_SET]);
		else if (!strcmp(expr, "dynset"))
			name(b, "set", v[NFTA_DYNSET_SET_NAME]);
		if (strcmp(expr, "objref") != 0)
			continue;
		name(b, object_word(nft_attr_u32(v[NFTA_OBJREF_IMM_TYPE])),
		     v[NFTA_OBJREF_IMM_NAME]);
		name(b, "map", v[NFTA_OBJREF_SET_NAME]);
	}
}

static void close_socket(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
}

/* The first error of the rule's own messages; 0: none, or no answer. */
static int read_answers(struct mnl_socket *nl, const struct nft_batch *b)
{
	_Alignas(struct nlmsghdr) uint8_t buf[8192];
	int found = 0;

	for (;;) {
		ssize_t n = recv(mnl_socket_get_fd(nl), buf, sizeof(buf),
				 MSG_DONTWAIT);
		const struct nlmsghdr *nlh = (const void *)buf;
		int left = (int)n;

		if (n <= 0)
			return found;
		for (; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
			const struct nft_sent *s =
				nft_batch_find(b, nlh->nlmsg_seq);

			if (nlh->nlmsg_type == NLMSG_ERROR && !found && s &&
			    s->nlh->nlmsg_type != NFNL_MSG_BATCH_BEGIN)
				found = e->error;
		}
	}
}

static int send_all(const struct nft_batch *b)
{
	_cleanup_(close_socket) struct mnl_socket *nl =
		mnl_socket_open(NETLINK_NETFILTER);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ||
	    nft_batch_send(nl, b))
		return 0;
	return read_answers(nl, b);
}

static int ask(uint8_t family, const char *table, const char *chain,
	       const struct nft_raw *r, int *ret)
{
	_cleanup_(nft_batch_release) struct nft_batch b = { .base = 1 };
	const struct image_table t = { .family = family, .name = table };
	const struct image_chain c = { .name = chain };
	const struct step s = { .table = &t, .chain = &c };
	int err = nft_batch_begin(&b, 0);

	if (!err)
		err = nft_original_send(r, &s, 0, 0, &b);
	if (!err)
		*ret = send_all(&b);
	return err;
}

/* Other errors say nothing of the rule. */
static bool is_lacking(int err)
{
	return err == -ENOENT || err == -EINVAL || err == -EOPNOTSUPP ||
	       err == -ENODATA || err == -ENXIO;
}

int nft_probe(const struct nft_named *named, const struct nft_probed *p,
	      const char **ret)
{
	const char *changed = NULL;
	_cleanup_(strbuf_release) struct strbuf names = { 0 };
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = nft_raw_parse(p->original, &r), refused = 0;

	*ret = NULL;
	if (err)
		return err == -EBADMSG ? 0 : err;
	list_names(&r, &names);
	if (strbuf_status(&names))
		return -ENOMEM;
	if (!*strbuf_str(&names))
		return 0;
	err = nft_named_changed(named, p->family, p->table, p->original,
				&changed);
	if (!err && !changed)
		err = ask(p->family, p->table, p->chain, &r, &refused);
	if (err || (!changed && !is_lacking(refused)))
		return err;
	*ret = intern_printf("%s is not there any more, or not as it was",
			     changed ? changed : strbuf_str(&names));
	return *ret ? 0 : -ENOMEM;
}
