/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_live.h: the host's own rules, from the kernel's expressions.
 *
 *   dumps --nft_live--> tables, chains, rules --nft_live_expr--> one rule
 *     +--nft_live_set--> sets                      |
 *                                          nft_live_key: registers as fields
 *                                          nft_live_term: tests as terms
 *                                          nft_live_text: in nft's own syntax
 *
 * Shape:  a rule's registers are followed byte by byte: which load filled it,
 *         what mask and flip were laid over it since. A comparison reads its
 *         bytes back as fields of the packet; where that is not possible, the
 *         term is opaque.
 * Units:  a value of a field is big-endian, whatever the register holds.
 * Errors: -ENOMEM; -EINVAL for a malformed message.
 * Source: linux/netfilter/nf_tables.h; net/netfilter/nft_*.c of Linux.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_LIVE_H
#define CTPOLICY_BACKENDS_NFT_NFT_LIVE_H

#include "backends/nft/nft_netlink.h"
#include "core/strbuf.h"
#include "rules/foreign.h"

#define LIVE_BYTES 64			/* all registers but the verdict's */

enum live_from {
	LIVE_META, LIVE_CT, LIVE_NETWORK, LIVE_TRANSPORT, LIVE_FIB,
	LIVE_SOCKET, LIVE_FRAG,
	LIVE_OTHER,			/* what no field is made of */
};

/* What a load put into its registers. */
struct live_load {
	enum live_from from;
	uint32_t key;			/* of meta...; the offset in a header */
	uint8_t len;
	const char *name;		/* interned: in nft's words */
};

/* (the load's byte & mask) ^ flip; a constant: mask 0 */
struct live_byte {
	uint8_t load;			/* in live_rule.loads, or: */
	uint8_t at, mask, flip;
};
#define LIVE_CONST 255			/* no load at all */
#define LIVE_LOST 254			/* not known what */
#define LIVE_ANSWER 253			/* byte `at` of what .map says */
#define LIVE_LOADS 32

/* How a field's values are shown. */
enum live_type {
	LIVE_NUMBER, LIVE_ADDR, LIVE_PORT, LIVE_PROTO, LIVE_IFNAME,
	LIVE_IFINDEX, LIVE_STATE, LIVE_STATUS, LIVE_HEX, LIVE_RTN,
	LIVE_FAMILY, LIVE_ETHERTYPE, LIVE_TCP_FLAGS,
};

/* From a value of the kernel's to one of the model's. */
enum live_as {
	LIVE_AS_IS, LIVE_AS_FAMILY, LIVE_AS_IFNAME, LIVE_AS_PROTO,
	LIVE_AS_FRAGMENT, LIVE_AS_FRAGMENT6,
};

/* One field that loads may hold. */
struct live_field {
	enum live_from from;
	uint32_t key;			/* of its first byte */
	uint8_t width;
	bool host;			/* the register is in host order */
	uint8_t family;			/* NFPROTO_*, 0: whichever */
	enum live_proto { LIVE_ANY_PROTO, LIVE_PORTS, LIVE_TCP, LIVE_ICMP }
		proto;
	uint8_t field;		/* enum packet_field; FIELD_MAX_: none */
	enum live_as as;
	enum live_type type;
	const char *words;		/* "saddr", behind its protocol */
};

/* A field as some bytes of the registers hold it. */
struct live_part {
	const struct live_field *field;
	uint8_t load;
	uint8_t pos[TERM_KEY_MAX];	/* in the key, +1; 0: not loaded */
	uint8_t mask[TERM_KEY_MAX], flip[TERM_KEY_MAX];
	enum { LIVE_WHOLE, LIVE_PREFIX, LIVE_MASKED } shape;
	bool ordered;			/* rises as the key does */
};

/* A run of register bytes. */
struct live_key {
	struct live_part part[TERM_FIELDS_MAX];
	uint8_t n, len;
	uint8_t n_fixed;
	struct { uint8_t pos, value; } fixed[LIVE_BYTES];
	const char *opaque;		/* why it is not understood; NULL: is */
};

/* A set as the kernel keeps it, its elements as ranges. */
struct live_set {
	const char *name;
	uint32_t table;			/* in the model */
	uint32_t flags, size;
	uint32_t count;			/* the kernel's; 0: it does not say */
	uint8_t family;
	uint16_t key_len;
	bool maps, verdicts;		/* to data, to verdicts */
	uint32_t object;		/* NFT_OBJECT_*, of such a map */
	uint8_t data_len;		/* of a map to data; else 0 */
	uint32_t data_type;		/* nft's number */
	bool unsure;			/* an element may fail by itself */
	bool rest;			/* has an element for all other keys */
	uint8_t n_parts, part_len[16];	/* of a concatenation with ranges */
	uint8_t *keys;			/* first, last; key_len bytes each */
	struct foreign_outcome *to;	/* verdicts of the same */
	struct foreign_outcome rest_to;
	struct foreign_answer *answers;	/* NULL: or it leads nowhere */
	struct foreign_answer rest_answer;
	size_t n, cap_keys, cap_to, cap_answers;
	struct live_key *as;		/* how key_set was made of it */
	uint32_t key_set;
};

struct live_sets {
	struct live_set *v;
	size_t n, cap;
	struct name_index at;		/* kind: the table */
};

/* nft_live_set.c */
int nft_live_add_set(struct live_sets *s, struct foreign *f, uint32_t table,
		     const struct nlmsghdr *nlh);
/* What a map says of one element. */
struct live_data {
	struct foreign_outcome to;
	struct foreign_answer answer;
};
/* Elements message by message, then the end. */
struct live_elems {
	struct live_set *set;
	struct nft_boundary *edge;
	struct live_data *data;		/* of the boundaries, of a map */
	size_t n_edges, cap_edges, n_data, cap_data;
};
int nft_live_add_elems(struct live_elems *e, const struct nlmsghdr *nlh);
int nft_live_end_elems(struct live_elems *e);
void nft_live_elems_release(struct live_elems *e);
struct live_set *nft_live_find_set(const struct live_sets *s, uint32_t table,
				   const char *name);
/* Those of a rule that is not in the kernel, by names that begin so. */
struct nft_raw;
int nft_live_add_own_sets(struct live_sets *s, struct foreign *f,
			  uint32_t table, const struct nft_raw *r,
			  const char *prefix);
bool nft_live_set_is_anonymous(const struct live_set *s);
/* A nest of NFTA_VERDICT_*, as the model has it. */
int nft_live_verdict(const struct nlattr *nest, struct foreign_outcome *ret);
void nft_live_sets_release(struct live_sets *s);

/* nft_live_elems.c: what is in them, as far as the model wants it. */
int nft_live_read_elems(struct backend_ctx *ctx, const struct foreign *f,
			struct live_sets *s);

/* nft_live_answer.c: maps to addresses and ports */
/* Where in its data the set has them; all 0: it maps to something else. */
struct live_layout {
	uint8_t family;			/* NFPROTO_*; 0: no address */
	uint8_t port;			/* ports: so many bytes behind it */
	bool has_port;
	uint8_t last;			/* where the last is; 0: the first */
};
struct live_layout nft_live_layout(const struct live_set *s);
bool nft_live_has_answers(const struct live_set *s);
void nft_live_answer(const struct live_set *s, const uint8_t *data,
		     struct foreign_answer *ret);
void nft_live_say_answer(const struct foreign_answer *a, struct strbuf *out);

/* The rule that is being read. */
struct live_rule {
	struct foreign *f;
	struct live_sets *sets;
	uint32_t table;
	uint8_t table_family;
	bool compat;			/* its table is iptables-nft's */
	bool has_ports;			/* whatever comes to its chain has */
	const char *comment;		/* NULL: has none */
	struct live_load loads[LIVE_LOADS];
	unsigned int n_loads;
	struct live_byte byte[LIVE_BYTES];
	uint8_t family;			/* of what gets here; 0: not known */
	uint64_t protos[4];		/* of what gets here */
	bool ended;			/* nothing behind is reached */
	/* the map to data that was looked up last, or NULL */
	struct live_set *map;
	uint32_t map_key;		/* a key_set; or FOREIGN_NOWHERE */
	size_t map_said;		/* in text, where its words begin */
	/* a `>=` that waits for its `<=` */
	struct { bool open; uint32_t reg; struct live_key key;
		 uint8_t first[TERM_KEY_MAX]; } half;
	/* the text so far, and what only a longer word behind it needs */
	struct strbuf text;
	struct strbuf family_text, proto_text;
};

/* nft_live_key.c */
/* The byte where a register begins; LIVE_BYTES: no such register. */
unsigned int nft_live_at(uint32_t reg);
/* Are so many bytes there? The kernel's numbers may be any. */
bool nft_live_fits(unsigned int at, uint32_t len);
void nft_live_load(struct live_rule *r, uint32_t reg, struct live_load l);
void nft_live_lose(struct live_rule *r, unsigned int at, unsigned int len);
void nft_live_key(const struct live_rule *r, unsigned int at, unsigned int len,
		  struct live_key *ret);
const struct live_field *nft_live_field(const struct live_rule *r,
					const struct live_load *l,
					unsigned int at);
enum live_fit { LIVE_FITS, LIVE_NEVER, LIVE_UNSURE };
/* What first..last of a key's bytes means for one part, as it was loaded. */
enum live_fit nft_live_range(const struct live_part *p, const uint8_t *first,
			     const uint8_t *last, struct key_range *ret);
/* ret becomes the model's; LIVE_UNSURE: it has no such value. */
enum live_fit nft_live_convert(const struct live_part *p,
			       struct key_range *ret);

/* nft_live_answer.c: all that the map may answer, whatever the key. */
int nft_live_any_answer(struct live_rule *r, const struct live_set *set,
			uint32_t *ret_key);

/* nft_live_nat.c: what it translates to */
int nft_live_read_nat(struct live_rule *r, const struct nlattr *const *v);
int nft_live_read_masq(struct live_rule *r, const struct nlattr *const *v);
int nft_live_read_redir(struct live_rule *r, const struct nlattr *const *v);

/* nft_live_act.c: what the rule does to every packet that gets there */
int nft_live_effect(struct live_rule *r, enum term_kind kind);

/* nft_live_term.c */
bool nft_live_has_field(const struct live_key *k, enum packet_field x);
int nft_live_opaque(struct live_rule *r, const char *name);
struct live_cmp {
	const uint8_t *first, *last;	/* of the key's bytes */
	bool negated;
};
int nft_live_compare(struct live_rule *r, const struct live_key *k,
		     const struct live_cmp *c);
int nft_live_lookup(struct live_rule *r, const struct live_key *k,
		    struct live_set *set, bool negated, bool verdicts);
/* nft_live_mark.c: meta mark set, ct mark set, of four bytes */
int nft_live_set_mark(struct live_rule *r, unsigned int at, bool of_entry);
/* Packets without an entry have none. */
int nft_live_require_ctmark(struct live_rule *r);

/* nft_live_state.c */
uint64_t nft_live_ct_feature(uint32_t key, bool sets);
uint64_t nft_live_object_feature(uint32_t type);
int nft_live_states(struct live_rule *r, const struct live_key *k,
		    const struct live_cmp *c);
int nft_live_set_states(struct live_rule *r, const struct live_key *k,
			const struct live_set *set, bool negated);

/* nft_live_text.c */
void nft_live_say(struct live_rule *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A part that was made by itself: what it lacks the rule lacks. */
void nft_live_say_text(struct live_rule *r, const struct strbuf *b);
void nft_live_say_compare(struct live_rule *r, const struct live_key *k,
			  const struct live_cmp *c);
void nft_live_say_lookup(struct live_rule *r, const struct live_key *k,
			 const struct live_set *set, const char *op);
void nft_live_say_value(enum live_type type, const uint8_t *v, size_t width,
			struct strbuf *out);
const char *nft_live_text(struct live_rule *r);

/* nft_live_expr.c: of a rule added to the model just now. */
int nft_live_read_rule(struct live_rule *r, const struct nlattr *exprs);
/* The comment in a rule's user data. */
int nft_live_comment(struct live_rule *r, const void *user, size_t n);
void nft_live_rule_release(struct live_rule *r);
/* Of one expression; v: its attributes, up to LIVE_ATTRS. */
#define LIVE_ATTRS 16
typedef int live_read_fn(struct live_rule *r, const struct nlattr *const *v);
struct live_row {
	const char *name;
	live_read_fn *read;
};
/* nft_live_load.c, nft_live_act.c, nft_live_xt.c; end with a NULL name */
extern const struct live_row nft_live_loads[], nft_live_acts[],
	nft_live_compat[];
/* What it reads must be there, or the rule ends. */
int nft_live_require(struct live_rule *r, unsigned int at, unsigned int len);
struct foreign_rule *nft_live_last(const struct live_rule *r);
int nft_live_set_verdict(struct live_rule *r, enum foreign_verdict verdict,
			 const char *target, uint64_t features);

#endif
