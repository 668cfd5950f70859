/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_term.h: nft's words as terms (rules/term.h), the way nft
 * compiles them and the kernel evaluates them: with the matches on family and
 * protocol that nft adds itself.
 *
 * Shape:  a rule's text is read word by word; `$name` stands for the words of
 *         its define. What is not understood becomes an opaque term, and so
 *         does a name that nothing in the text explains.
 * Owner:  struct nft_terms belongs to one reading of one text.
 * Errors: functions return -ENOMEM, or NFT_OPAQUE for what they do not
 *         understand; the caller makes it a term.
 * Source: nft(8), `nft --debug=netlink`.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_TERM_H
#define CTPOLICY_BACKENDS_NFT_NFT_TERM_H

#include "backends/nft/nft_foreign.h"
#include "core/port_names.h"

#define NFT_OPAQUE 1

enum nft_word_kind {
	WORD_END,
	WORD_NAME,
	WORD_NUMBER,
	WORD_ADDRESS,
	WORD_STRING,			/* without its quotes */
	WORD_SIGN,
	WORD_OTHER,			/* no define of that name, a MAC ... */
};

/* Signs of two characters, and words that stand for them. */
enum nft_sign {
	SIGN_EQ = 'E', SIGN_NE = 'N', SIGN_LE = 'L', SIGN_GE = 'G',
	SIGN_SHL = 'l', SIGN_SHR = 'r',
};

struct nft_word {
	enum nft_word_kind kind;
	char sign;			/* the character, or enum nft_sign */
	uint32_t n;
	const char *s;
};

#define WORDS_AHEAD 4
#define WORDS_DEPTH 16			/* of defines within defines */

struct nft_words {
	struct nft_reader *r;
	struct { const char *s, *end; } text[WORDS_DEPTH];
	unsigned int depth;
	struct nft_word a[WORDS_AHEAD];	/* a[0] is next */
	struct nft_word last;		/* the one before it */
};

/* What the values of a field are, and how they are spelt. */
enum nft_type {
	TYPE_OPAQUE,
	TYPE_ADDR4, TYPE_ADDR6, TYPE_PORT, TYPE_PROTO, TYPE_NEXTHDR,
	TYPE_NFPROTO, TYPE_ETHERTYPE, TYPE_IFNAME, TYPE_IFINDEX,
	TYPE_TCP_FLAG, TYPE_ICMP, TYPE_ICMP6, TYPE_ICMP_CODE,
	TYPE_ICMP6_CODE, TYPE_STATE, TYPE_STATUS, TYPE_MARK, TYPE_ADDRTYPE,
	TYPE_BOOL, TYPE_FRAG_OFF, TYPE_FRAG_OFF6,
	TYPE_NO_FRAGMENT,		/* 0: implied, not written */
	TYPE_MAX_
};

/* The left side of a match: one field, or several that are one key. */
struct nft_key {
	uint8_t n;
	uint8_t field[TERM_FIELDS_MAX], type[TERM_FIELDS_MAX];
	uint8_t l3[TERM_FIELDS_MAX], l4[TERM_FIELDS_MAX]; /* 0: none needed */
	uint8_t family;
	bool any_transport;		/* th: of whatever protocol */
	char name[40];			/* of the field that is not known */
};

/* Elements of a set or map, as they are read. */
struct nft_says {
	struct foreign_outcome verdict;	/* has_verdicts */
	struct foreign_answer answer;	/* has_answers */
};

struct nft_elements {
	const uint8_t *type;
	uint8_t n_types;		/* 0: keys are not understood */
	bool is_map, has_verdicts, has_answers;
	int (*add)(void *to, const struct key_range *v,
		   const struct nft_says *says);
	void *to;
	bool has_rest;			/* `*`: whatever is not listed */
	struct nft_says rest;
};

/* A term that looks up a set of the table, to be checked at the end. */
struct nft_lookup {
	uint32_t term;
	uint8_t type[TERM_FIELDS_MAX];
	bool any_transport;
};

struct nft_terms {
	struct nft_named_set *sets;
	size_t n_sets, cap_sets;
	struct name_index set_at;	/* kind: the table */
	struct nft_lookup *lookups;
	size_t n_lookups, cap_lookups;
	uint32_t *shared;		/* open hash: number of a set + 1 */
	size_t n_shared, cap_shared;
	struct port_names ports;
	bool ports_read;
	size_t expanded;		/* defines, so far */
	uint32_t n_inner;		/* anonymous chains */
	/* of the rule that is read: what its matches imply; 0: nothing */
	uint8_t nfproto, l4proto;
	bool has_ports;
};

/* nft_words.c */
void nft_words_begin(struct nft_words *w, struct nft_reader *r, const char *s,
		     size_t n);
void nft_words_next(struct nft_words *w);
bool nft_word_is(const struct nft_words *w, unsigned int ahead,
		 const char *word);
bool nft_sign_is(const struct nft_words *w, unsigned int ahead, char sign);
bool nft_words_accept(struct nft_words *w, const char *word);
bool nft_words_accept_sign(struct nft_words *w, char sign);
bool nft_word_is_name(const struct nft_words *w, unsigned int ahead);
/* From behind an opening brace to behind the one that closes it. */
void nft_words_skip_block(struct nft_words *w);

/* nft_term_type.c */
size_t nft_type_bytes(enum nft_type type);
bool nft_type_has_flags(enum nft_type type);
/* TYPE_OPAQUE: no type that is understood. */
enum nft_type nft_type_named(const struct nft_word *t);
/* One word as a value of `type`, in 16 bytes. */
int nft_type_value(struct nft_reader *r, enum nft_type type,
		   const struct nft_word *t, uint8_t *ret);

/* nft_term_value.c */
/* A value, a range, a prefix, flags joined by `|`. */
int nft_value(struct nft_words *w, enum nft_type type, struct key_range *ret);
/* Flags or numbers; `lists`: joined by commas, too. */
int nft_value_flags(struct nft_words *w, enum nft_type type, bool lists,
		    uint32_t *ret);
void nft_value_put(enum nft_type type, uint64_t number, uint8_t *ret);
/* From behind `{` to behind `}`. */
int nft_value_elements(struct nft_words *w, struct nft_elements *e);
/* `*` of sets and maps, when all else is added. */
int nft_value_rest(const struct nft_elements *e);

/* nft_term_key.c */
/* NFT_OPAQUE: key->name is not understood, l3[0] and l4[0] are. */
int nft_key_read(struct nft_words *w, struct nft_key *ret);
bool nft_key_begins(const struct nft_words *w);
/* Over the words of one that is not understood, up to its value. */
void nft_key_skip(struct nft_words *w);
/* What nft adds before a match: family and protocol, as far as not implied. */
int nft_key_imply(struct nft_reader *r, const struct nft_key *key);
int nft_imply(struct nft_reader *r, uint8_t l3, uint8_t l4);

/* nft_term_match.c */
int nft_term_match(struct nft_words *w);
/*
 * KEYS map { ... }: does not hold where the map has no answer. `answers`: it is
 * one to addresses and ports, of the last term's set.
 */
int nft_term_map(struct nft_words *w, const struct nft_key *key, bool answers);
/* Holds where the packet has these fields. */
int nft_term_present(struct nft_words *w, const struct nft_key *key);
int nft_term_opaque(struct nft_reader *r, const char *name);
/* Does a key of that name, whatever it asks, fail without an entry? */
bool nft_needs_entry(const char *name);

/* nft_term_assign.c */
/* `meta mark set`, `ct zone set`, `mark set`: words up to `set`; 0: none. */
unsigned int nft_words_to_set(const struct nft_words *w);
int nft_term_set(struct nft_words *w, unsigned int words);
/* nft_term_move.c: from behind `dnat to` */
int nft_term_move(struct nft_words *w);

/* nft_term_rule.c: the terms of the rule added last, from its text. */
int nft_terms_read(struct nft_reader *r);
void nft_terms_begin(struct nft_reader *r, struct nft_words *w);
int nft_statement_read(struct nft_words *w);
/* To where the next statement may begin. */
void nft_terms_skip(struct nft_words *w);

/* nft_term_set.c */
int nft_set_named(struct nft_reader *r, const struct nft_word *name,
		  const struct nft_key *key, uint32_t *ret);
/* One like the set added last, which goes if there was one already. */
int nft_set_share(struct nft_reader *r, uint32_t *set);
/* `raw`: the block of a declaration, or of elements. */
int nft_set_take(struct nft_reader *r, const struct foreign_elems *e,
		 bool is_declared);
/* flush, delete: `name` NULL: all of the table; FOREIGN_NOWHERE: of all. */
int nft_set_forget(struct nft_reader *r, uint32_t table, const char *name,
		   bool deletes);
/* Its elements were deleted one by one: which are left is not known. */
int nft_set_doubt(struct nft_reader *r, uint32_t table, const char *name);
/* When all is read: give the lookups their sets. */
int nft_sets_finish(struct nft_reader *r);
void nft_terms_release(struct nft_terms *t);

#endif
