/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft.h: what the pure files of the nftables backend share.
 *
 * Shape:  NOTRACK lies in our own table `inet ctpolicy`, with one base chain a
 *         hook, and chains of one protocol that it leads to (nft_split.h).
 *         Accepts lie in the tables that filter: chains and sets named
 *         `ctpolicy-...`, and one jump at the head of each filtering chain.
 *         In an image rule of this backend ports, addresses and plain
 *         interface names are always lookups; inline are protocol, family, one
 *         wild interface or "lo", one ICMP range, and the kinds of dst (never
 *         DST_LOCAL_OR_GROUP, a lookup too), ct and socket. In a table `ip` or
 *         `ip6` each rule's family is the table's. Tables of iptables-nft are
 *         the exception to all this: see nft_compat.h.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_H
#define CTPOLICY_BACKENDS_NFT_NFT_H

#include "backends/backend.h"
#include "backends/lower/fuse.h"
#include "backends/lower/timers.h"
#include "rules/own_names.h"
/* after netinet/in.h, which it clashes with otherwise */
#include <linux/netfilter.h>

#define NFT_OWN_TABLE OWN_TABLE
#define NFT_NAME_LEN 255		/* NFT_NAME_MAXLEN less NUL */
#define NFT_OWN_PREFIX OWN_PREFIX
#define NFT_JUMP_COMMENT "ctpolicy"
/* `priority raw`: after defragmentation, before connection tracking. */
#define NFT_OWN_PRIORITY (-300)
/* `priority mangle`: behind connection tracking, ahead of translation. */
#define NFT_TRACKED_PRIORITY (-150)
/* Behind the host's own: what gets there has been let through. */
#define NFT_NOTING_PRIORITY 300

int nft_add_words(const struct image_table *t, const char *words,
		  struct foreign *f);
int nft_lower(const struct ruleset *rs, const struct survey *host,
	      const struct stands *stands,
	      struct image **ret, struct diags *d);
int nft_render(const struct image *img, FILE *out);
void nft_print_step(const struct step *s, struct strbuf *out);
void nft_print_inner(const struct step *s, struct strbuf *out);
int nft_parse(const char *file, const char *text, size_t len,
	      struct image **ret, struct diags *d);

/* nft_names.c */
bool nft_family_matters(uint8_t family);	/* ip, ip6, inet */
bool nft_table_is_own(uint8_t family, const char *name);
bool nft_name_is_own(const char *name);		/* "ctpolicy-..." */
/* Of a base chain of ctpolicy's, one of those three. */
int nft_chain_priority(const struct image_chain *c);
/* Of a base chain: iptables-nft's tables are those with its built-in ones. */
bool nft_chain_is_iptables(uint8_t family, const char *table,
			   const char *chain);
bool nft_word_is_among(const char *const *v, size_t n, const char *word);
/* AF_INET or AF_INET6 where all rules of such a table are of it. */
uint8_t nft_table_af(uint8_t table_family);
/* What the names of a group's sets begin with; unique to its shape. */
void nft_name_shape(const struct fuse_group *g, struct strbuf *out);
/* The same where groups of a class share them (backends/lower/share.h). */
void nft_name_class(const struct fuse *f, size_t first, struct strbuf *out);
/* Append what tells the class apart from any other: the shapes of its legs. */
void nft_name_legs(const struct fuse *f, size_t first, struct strbuf *out);
/* A set's name, short and of plain characters, and unique still. */
const char *nft_name_finish(const char *prefix, const struct strbuf *raw,
			    const char *suffix);

/* nft_types.c: sets' fields and nft's data types */
struct nft_field_type {
	const char *name;	/* "inet_service" */
	uint8_t id;		/* nft's number, 6 bits */
	uint8_t width;		/* bytes */
	bool host_order;
};
const struct nft_field_type *nft_field(enum field_type t);
/* -EINVAL: a type that our sets never have. */
int nft_field_by_id(unsigned int id, enum field_type *ret);
int nft_field_by_name(const char *name, enum field_type *ret);
/* The family of the addresses among the fields, AF_UNSPEC without any. */
uint8_t nft_fields_family(const struct elems *e);

/*
 * nft_set_msg.c: a set that rules fill, and that forgets what was not noted
 * again for a while; what is in it belongs to no image.
 */
#define NFT_TIMED_SIZE UINT32_C(262144)	/* as many as conntrack's default */
#define NFT_TIMED_SECONDS UINT64_C(180)
bool nft_set_is_timed(const struct image_set *s);
void nft_set_mark_timed(struct image_set *s);

/*
 * nft_timers.c: timers that rules give to entries of new flows, in ctpolicy's
 * own table. They are called after what they are, "ctpolicy-udp4-3-1a2b3c4d":
 * protocol, family, the mask of what was asked for, and a digest; nft cannot
 * change what rules refer to, so other timers are another set.
 *
 * nft_need_timers(): the set of these words, *ret is its name. -FAULT_LACKING,
 * without a diagnostic: nft(8) has words for those of TCP and UDP alone.
 * nft_take_timers(): what a kernel or a text has under the set's name; what is
 * not called like this, or not known (NULL), is marked as unknown.
 */
int nft_need_timers(struct image_table *t, const char *words, uint8_t family,
		    const char **ret);
int nft_take_timers(struct image_set *s, uint8_t family, struct timers *t);
void nft_print_timers(const struct image_set *s, const char *indent,
		      const char *eol, struct strbuf *out);

/* nft_text.c and nft_text_rule.c */
void nft_print_rule(uint8_t table_family, const struct image_rule *r,
		    struct strbuf *out);
void nft_print_set_head(const struct image_set *s, const char *indent,
			const char *eol, struct strbuf *out);
void nft_print_chain_head(const struct image_chain *c, struct strbuf *out);
/* The name that nft lists for a single ICMP type, NULL: the number. */
const char *nft_icmp_name(uint8_t proto, uint8_t type);

#endif
