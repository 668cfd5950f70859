/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_echo.h: a rule that repeats what one of the host's does, in
 * nft's own words.
 *
 * Which packets come to it is said by the rules that jump here; it asks the
 * rest: TCP's first packets, a limit, a mark, any interface but one, what a set
 * of the host's holds.
 * Then comes what the host's rule does, or a verdict map of the host's says.
 *
 * Shape:  "meta mark 0x1 ip saddr @good limit rate 5/minute accept"; the words
 *         of every rule are written in one way alone.
 * Owner:  names borrow from the text, or are interned.
 * Errors: -ENOMEM; -EOPNOTSUPP: the text asks for what is not known here.
 * Source: linux/netfilter/nf_tables.h; nft(8).
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_ECHO_H
#define CTPOLICY_BACKENDS_NFT_NFT_ECHO_H

#include "backends/nft/nft.h"
#include "rules/foreign.h"

struct nft_writer;
struct nftnl_rule;

#define ECHO_LOOKUPS 2
#define ECHO_KEYS 3
#define ECHO_DEVICES 4

struct nft_echo {
	bool syn;			/* the first packets of TCP alone */
	struct {
		bool there, over;
		uint64_t rate, unit;	/* packets in so many seconds */
		uint32_t burst;
	} limit;
	struct {
		bool there, negated;
		uint32_t mask, value;
	} mark;
	struct {
		enum key_part part[ECHO_KEYS];
		uint8_t n;
		bool negated, verdicts;	/* verdicts: it is a map, and last */
		const char *set;
	} lookup[ECHO_LOOKUPS];
	uint8_t n_lookups, af;		/* af: of the addresses looked up */
	struct {
		bool out;		/* it leaves by any other than it */
		const char *name;	/* "eth*": all that begin so */
	} device[ECHO_DEVICES];
	uint8_t n_devices;
	enum foreign_verdict verdict;	/* TARGET: what the map says */
	const char *target;		/* of a jump */
	uint8_t reject_type, reject_code;
};

/* Parts of the text, each with a blank behind it but the verdict. */
void nft_echo_print_limit(const struct nft_echo *e, struct strbuf *out);
void nft_echo_print_verdict(const struct nft_echo *e, struct strbuf *out);
int nft_echo_parse(const char *text, struct nft_echo *ret);
void nft_echo_print(const struct nft_echo *e, struct strbuf *out);
void nft_echo_put(struct nft_writer *w, const struct nft_echo *e);
/* False: it is not one. */
bool nft_echo_decode(struct nftnl_rule *nr, struct nft_echo *ret);
/* Of the rule added to the model last: its terms and verdict. */
int nft_echo_terms(const struct nft_echo *e, struct foreign *f);

#endif
