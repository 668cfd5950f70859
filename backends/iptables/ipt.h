/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt.h: what the files of this backend share.
 *
 * Where things lie: our chains are CTPOLICY-* in the legacy tables raw and
 * filter of each family, entered by one jump at the head of the built-in chain
 * of the same hook. Our ipsets are ctpolicy-*; they stand in an image as the
 * table "ipset" of NFPROTO_UNSPEC, since the kernel keeps them apart from the
 * families.
 *
 * Shape:  places[] has a row for each chain we may own.
 * Source: iptables(8), iptables-extensions(8), ipset(8).
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_H

#include "backends/backend.h"

/* In this order: the C library has its own interface flags. */
#include <net/if.h>
#include <linux/netfilter.h>

#define IPT_CHAIN_PREFIX "CTPOLICY-"
#define IPT_SET_PREFIX "ctpolicy-"
#define IPT_WORD_MAX 64		/* no name of iptables is as long */
#define IPT_SET_TABLE "ipset"
/* What a multiport match holds; a range takes two slots. */
#define IPT_MULTIPORT_SLOTS 15

struct ipt_place {
	const char *table;	/* "raw" */
	const char *builtin;	/* "PREROUTING" */
	const char *own;	/* "CTPOLICY-PREROUTING" */
	const char *word;	/* for set names: "n-pre" */
	enum hook hook;
	enum action action;
};

#define IPT_PLACES 5
extern const struct ipt_place ipt_places[IPT_PLACES];

/* HOOK_MAX_ when `chain` is not built in. */
enum hook ipt_builtin_hook(const char *chain);
bool ipt_chain_is_ours(const char *chain);

int ipt_lower(const struct ruleset *rs, const struct survey *host,
	      struct image **ret, struct diags *d);
int ipt_render(const struct image *img, FILE *out);
void ipt_print_step(const struct step *s, struct strbuf *out);
int ipt_parse(const char *file, const char *text, size_t len,
	      struct image **ret, struct diags *d);
int ipt_open(struct backend_ctx **ret, struct diags *d);
int ipt_snapshot(struct backend_ctx *ctx, struct snapshot *ret,
		 struct diags *d);
int ipt_commit(struct backend_ctx *ctx, const struct changeset *cs,
	       struct stamp stamp, bool check_only,
	       unsigned int *begun, struct diags *d);
void ipt_close(struct backend_ctx **ctx);

extern const struct backend backend_iptables;

#endif
