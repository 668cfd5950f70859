/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_netlink.h: between images and netlink messages.
 *
 * Shape:  nft_expr, nft_decode, nft_set_msg and nft_elem_* are pure: messages
 *         in memory. nft_kernel, nft_snapshot and nft_commit talk to the
 *         kernel.
 * Errors: -errno. Decoders give -EINVAL for a message that isn't what the
 *         kernel would send; a rule that they do not understand is no error.
 * Source: linux/netfilter/nf_tables.h and nfnetlink.h; the encodings are those
 *         that `nft --debug=netlink` shows for the text in nft_text_rule.c.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_NETLINK_H
#define CTPOLICY_BACKENDS_NFT_NFT_NETLINK_H

#include <libmnl/libmnl.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "backends/nft/nft.h"
#include "host/netlink.h"

/* nft's type-length-value user data, at most 255 bytes a value. */
enum { NFT_UDATA_COMMENT, NFT_UDATA_ELEM_FLAGS };
enum { NFT_UDATA_SET_KEYBYTEORDER };

/*
 * Registers are numbered by 32-bit words: the first of a 16-byte register is
 * known by the register's own number, as nft and the kernel write it.
 */
static inline uint32_t nft_word_reg(unsigned int word)
{
	return word % 4 ? NFT_REG32_00 + word : NFT_REG_1 + word / 4;
}

/* nft_expr.c: the rule's expressions, table, chain and comment, no position. */
int nft_rule_encode(const struct image_table *t, const char *chain,
		    const struct image_rule *r, struct nftnl_rule **ret,
		    struct diags *d);

/*
 * nft_decode.c: a message with a rule. ret is released by the caller.
 * -ENOMEM; -EBADMSG: no kernel sends this.
 * The sets that the rule looks into must be in t already.
 */
int nft_rule_decode(struct image *img, const struct image_table *t,
		    const struct nlmsghdr *nlh, struct image_rule *ret);
/* libnftnl's words for it, in one line; NULL: out of memory. */
char *nft_rule_describe(const struct nftnl_rule *nr);
/* The comment in user data, or NULL; into buf of COMMENT_MAX + 1 or more. */
const char *nft_udata_comment(const void *data, size_t len, char *buf,
			      size_t size);

/* nft_set_msg.c */
void nft_put_set(struct nlmsghdr *nlh, const struct image_table *t,
		 const struct image_set *s, uint32_t id);
/* A set message's attributes into s (whose name is set); -EINVAL: not ours. */
int nft_set_decode(const struct nlattr *const *attr, struct image_set *s);

/* nft_timers.c: an object's message, to add or to drop it. */
void nft_put_timers(struct nlmsghdr *nlh, const struct image_table *t,
		    const struct image_set *s, bool drop);
/* As nft_set_decode(), but one that is not ours is marked as unknown. */
int nft_timers_decode(const struct nlattr *const *attr, struct image_set *s);
/* An object's message, into img if it is timers of ctpolicy's own table. */
int nft_timers_take(const struct nlmsghdr *nlh, struct image *img);

/* nft_elem_put.c: an element is at most this long on the wire. */
#define NFT_ELEM_SPACE 1024
/* The comment that was put last; all zeros: none yet. */
struct nft_comment {
	const struct origin *of;
	size_t len;			/* with its NUL */
	char text[COMMENT_MAX + 1];
};
/* `said`: NULL where only the key counts: to drop it or to ask for it. */
void nft_put_elem(struct nlmsghdr *nlh, const struct image_set *s, size_t i,
		  struct nft_comment *said);

/*
 * nft_elem_get.c: a dump's elements, message by message, into s->elems.
 * Interval sets of one field need both ends: the boundaries are put aside
 * until nft_elems_finish().
 */
struct nft_boundary {
	uint8_t key[16];
	bool end;
	uint32_t tag;			/* the reader's own */
	const struct origin *origin;
};
/*
 * Sort them and give each range from a start to the value before the next
 * boundary, or to the last of all; keys are `bytes` wide.
 */
typedef int nft_range_fn(const struct nft_boundary *start,
			 const uint8_t *last, void *arg);
int nft_boundaries_each(struct nft_boundary *v, size_t n, size_t bytes,
			nft_range_fn *give, void *arg);
/* Each element of a message of NFTA_SET_ELEM_LIST_*. */
typedef int nft_elem_fn(const struct nlattr *elem, void *arg);
int nft_elems_each(const struct nlmsghdr *nlh, nft_elem_fn *take, void *arg);
struct nft_elem_reader {
	struct image *img;		/* owns the origins */
	struct image_set *set;
	struct nft_boundary *edge;
	size_t n_edges, cap_edges;
	char comment[COMMENT_MAX + 1];	/* of `origin`, the last one seen */
	const struct origin *origin;
	bool strange;			/* holds what ctpolicy never writes */
};
int nft_elems_read(struct nft_elem_reader *r, const struct nlmsghdr *nlh);
int nft_elems_finish(struct nft_elem_reader *r);
void nft_elem_reader_release(struct nft_elem_reader *r);

/* nft_msg.c: message heads */
struct nlmsghdr *nft_msg_put(void *buf, uint16_t type, uint16_t flags,
			     uint8_t family, uint32_t seq);
uint8_t nft_msg_family(const struct nlmsghdr *nlh);
/*
 * Attributes of a message or a nest, by type; those above `max` are left out.
 * v has max + 1 places.
 */
int nft_msg_attrs(const struct nlmsghdr *nlh, const struct nlattr **v,
		  uint16_t max);
int nft_nest_attrs(const struct nlattr *nest, const struct nlattr **v,
		   uint16_t max);
/* The string of an attribute, "" when it is missing or not terminated. */
const char *nft_attr_str(const struct nlattr *a);
/* Big-endian numbers, 0 when missing or short. */
uint32_t nft_attr_u32(const struct nlattr *a);
uint64_t nft_attr_u64(const struct nlattr *a);

#endif
