/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt.h: a rule's arguments to the kernel's form, and back.
 *
 * libxtables does both: its extensions know each revision of a match or target
 * that this kernel speaks. It keeps its state in globals, ends the process on
 * errors, prints to stdout and would run modprobe; all that ends here.
 *
 * Units:  family is NFPROTO_IPV4 or NFPROTO_IPV6. An entry is a struct
 *         ipt_entry or ip6t_entry with its matches and target behind it.
 * Owner:  xt_build() mallocs the entry.
 * Errors: -EOPNOTSUPP: an extension is not there, or not in the kernel;
 *         -EINVAL: an extension refused an argument; -EIO: it could not read
 *         the kernel's rule. All with a diagnostic. -ENOMEM. Not for use by
 *         two threads.
 * Source: xtables.h, linux/netfilter_ipv4/ip_tables.h,
 *         linux/netfilter_ipv6/ip6_tables.h.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_XT_H
#define CTPOLICY_BACKENDS_XTABLES_XT_H

#include "backends/xtables/ipt_args.h"
#include "core/diag.h"

struct xt_entry_match;
struct xt_entry_target;

int xt_init(struct diags *d);
/*
 * A target of which is_chain() says so is a chain to jump to; NULL: what is no
 * extension is one.
 */
int xt_build(uint8_t family, const struct ipt_args *a,
	     bool (*is_chain)(const char *name), struct srcpos at, void **ret,
	     struct diags *d);
/* A match of an entry that xt_build() made; what it points to is the entry's */
struct xt_blob {
	const char *name;
	uint8_t revision;
	const void *info;
	size_t len;
};
/* The one at *at, 0 being the first; *at moves behind it. False: no more. */
bool xt_next_match(uint8_t family, const void *entry, size_t *at,
		   struct xt_blob *ret);
/* Its target; info NULL: a verdict or a chain. And what -p says, 0: nothing. */
struct xt_target {
	uint8_t proto;
	const char *name;
	uint8_t revision;
	const void *info;
	size_t len;
};
void xt_target_of(uint8_t family, void *entry, struct xt_target *ret);
/* Is it an extension, not a verdict or a chain? */
bool xt_is_target(uint8_t family, const char *name);
/*
 * A rule's words in the form that xt_print() gives them. -EOPNOTSUPP: there is
 * no such rule, or this kernel knows it not.
 */
int xt_settle(uint8_t family, const char *words, char **ret);
/* `target`: what libiptc calls it. What cannot be said comes out in parts. */
int xt_print(uint8_t family, const void *entry, const char *target,
	     struct ipt_args *ret, struct diags *d);

/*
 * Any rule: what no extension of this machine can say of a match or target
 * comes out as its name with "--unknown-revision". -ENOMEM, -EINVAL.
 */
int xt_print_any(uint8_t family, const void *entry, const char *target,
		 struct ipt_args *ret);
/* The same of one match or target that stands by itself, without its head. */
int xt_blob_args(uint8_t family, bool is_target, const char *name, uint8_t rev,
		 const void *blob, size_t len, struct ipt_args *ret);
/* xt_unsaid.c: a match that libxtables prints as another one, or dies of. */
bool xt_is_unsaid(const struct xt_entry_match *e);

/* xt_print_nat.c: one that translates; false: it is none, or not known. */
bool xt_print_nat(uint8_t family, const struct xt_entry_target *e, FILE *out);

/* xt_entry.c: the part of an entry that no extension has. */
struct xt_head {
	uint8_t family;
	union {
		struct ipt_entry *v4;
		struct ip6t_entry *v6;
		void *p;
	};
};

size_t xt_head_size(uint8_t family);
/*
 * Take the option at a->v[*i], behind "!" when `negated`; *i then stands behind
 * its argument. -ENOENT: it is some extension's.
 */
int xt_head_take(struct xt_head *h, const struct ipt_args *a, size_t *i,
		 bool negated);
/* One argument, whatever it holds. */
void xt_print_word(const char *s, size_t n, FILE *out);
/* As iptables-save has it; NULL: a number. */
const char *xt_proto_name(uint32_t proto);
void xt_head_print(const struct xt_head *h, FILE *out);
/* Is the target a chain that is gone to, with no way back? */
void xt_head_go(struct xt_head *h);
bool xt_head_goes(const struct xt_head *h);

#endif
