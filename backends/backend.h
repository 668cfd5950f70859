/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/backend.h: one way of writing rules, to a kernel or as text.
 *
 *   ruleset --lower--> want image --+
 *                                   +- changeset_diff() -> commit
 *   kernel --snapshot--> live image-+
 *
 * Shape:  name, lower, render, print_step, print_inner, parse, read_foreign
 *         and recognizes are pure: no kernel, no root. The rest is called in
 *         the order open, snapshot and read_live (as often as wanted), commit,
 *         close. `lower` with host and stands NULL is for no host: what render
 *         prints.
 * Errors: -errno, and at least one diagnostic, at the failing rule's place
 *         where there is one. commit() leaves the rules as before when it
 *         fails; a backend that takes several transactions undoes its own
 *         earlier ones, and says -FAULT_HALF when that failed too. It sets the
 *         bits of *begun, on failure too, and never clears them.
 *         -FAULT_STALE: the kernel moved on since `stamp`: snapshot, diff
 *         again. -FAULT_LOST: a writer without the lock wrote at the same
 *         moment and was overwritten; undone.
 *         -EPERM: a capability is missing (named). -EOPNOTSUPP: the kernel
 *         lacks a feature (named). -FAULT_LACKING: the backend does.
 *         -FAULT_BUSY: a lock is held. -FAULT_CONFLICT: the host's own rules
 *         stand in the way; nothing was done. Any other errno is the kernel's.
 * Source: NFNL_BATCH_GENID in linux/netfilter/nfnetlink.h.
 */
#ifndef CTPOLICY_BACKENDS_BACKEND_H
#define CTPOLICY_BACKENDS_BACKEND_H

#include "backends/copy.h"
#include "backends/lower/reach.h"
#include "core/diag.h"
#include "core/fault.h"
#include "core/strbuf.h"
#include "rules/changeset.h"
#include "rules/foreign.h"
#include "rules/image.h"
#include "rules/ruleset.h"
#include "rules/image_foreign.h"
#include "rules/originals.h"
#include "rules/stands.h"
#include "rules/stateless.h"

/* How far a commit got; BEGUN_NOT: nothing was sent to the kernel. */
enum begun {
	BEGUN_NOT = 0,
	BEGUN_TOLD = 1 << 0,	/* whether it did any of it must be looked at */
	BEGUN_UNDONE = 1 << 1,	/* some of it was in force for a while */
};

/* nft: the generation id. iptables: a digest of all tables, without counters */
struct stamp {
	uint64_t generation;
};

enum chain_owner {
	OWNER_NFT,		/* whoever writes native nft */
	OWNER_IPTABLES_NFT,
	OWNER_FIREWALLD,
	OWNER_IPTABLES_LEGACY,
	OWNER_MAX_
};

/* A base chain of the host's that drops or rejects packets. */
struct foreign_chain {
	uint8_t family;			/* NFPROTO_* of its table */
	const char *table, *chain;	/* interned */
	enum hook hook;
	enum chain_owner owner;
	uint32_t port;			/* netlink port that alone may write */
	struct reach_set drops;		/* empty: any packet */
};

/* A chain of the host's, wherever it hooks. */
struct foreign_place {
	uint8_t family;			/* NFPROTO_* of its table */
	const char *table, *chain;	/* interned */
};

/* A jump that ctpolicy made, to a chain that is not called so any more. */
struct renamed_jump {
	uint8_t family;
	const char *table, *chain, *target;	/* interned */
	bool plain;		/* of all packets: it stood in for a rule */
	const char *behind;	/* the chain of the stand-in ahead; NULL */
};

/* What a snapshot found beside ctpolicy's own things. */
struct survey {
	struct renamed_jump *renamed;
	size_t n_renamed, cap_renamed;
	struct foreign_place *places;	/* that jumps of ours may stand in */
	size_t n_places, cap_places;
	bool knows_places;	/* false: all that we jump from always exist */
	struct foreign_chain *filters;	/* that drop on input/forward/output */
	size_t n_filters, cap_filters;
	/* The host's own rules in the chains of legacy raw, IPv4 and IPv6. */
	uint32_t raw_rules[2][HOOK_MAX_];
	bool unseen;		/* there may be tables that cannot be read */
	bool in_use;		/* foreign rules or policies live here */
	bool ours;		/* something of ours is here */
	bool tracks;		/* a foreign rule needs tracking, at a glance */
	bool translates;	/* ... gives packets an address, not its own */
	bool iptables_nft;	/* nft: tables of iptables-nft exist */
	bool firewalld;		/* nft: firewalld's table exists */
};

struct snapshot {
	struct image *image;
	struct survey survey;
	struct stamp stamp;
	bool untouched;		/* nobody wrote since what is expected was */
};

/*
 * It saves reading large sets in the slowest way; snapshots still find whatever
 * is there.
 */
struct expectation {
	/* NULL: none after all. Asked where it helps, for each set again. */
	const struct image *(*find)(void *arg);
	void *arg;
	bool wrote;	/* the last commit(), of all changes, made just that */
};

struct backend_ctx;

struct backend {
	const char *name;		/* as given to --backend */
	enum foreign_world world;	/* that it reads and writes */
	/* NOTRACK rules of the ruleset, and the accept rules of its stands. */
	int (*lower)(const struct ruleset *rs, const struct survey *host,
		     const struct stands *stands, struct image **ret,
		     struct diags *d);
	/* For image_add_to_foreign(). */
	image_words_fn *add_words;
	int (*render)(const struct image *img, FILE *out);
	/* One line, without sign or newline, in the backend's own syntax. */
	void (*print_step)(const struct step *s, struct strbuf *out);
	/* Of a rule, or of how a chain is hooked, without where it is. */
	void (*print_inner)(const struct step *s, struct strbuf *out);
	/* The text of render(), or a saved ruleset that holds our things. */
	int (*parse)(const char *file, const char *text, size_t len,
		     struct image **ret, struct diags *d);
	/* The host's own rules of a saved ruleset, f->text. */
	int (*read_foreign)(const char *file, struct foreign *f,
			    struct diags *d);
	/*
	 * The text of f, with state rules replaced; NULL: this backend cannot.
	 * `text_of` tells which rules are counted by their text.
	 */
	int (*rewrite)(const struct foreign *f, const struct stateless *s,
		       struct strbuf *out);
	/* One edit alone, a line for each new rule. */
	int (*print_edit)(const struct foreign *f, const struct stateless *s,
			  const struct stateless_edit *e,
			  struct strbuf *out);
	stateless_text_of *text_of;
	enum stateless_words words;	/* that rewrite() has */
	/*
	 * Edits of the host's live rules, f, into an image for them: their
	 * stand-ins, and jumps in place of the rules, which are marked as
	 * replaced. Gives the new chains of `s` other names. NULL: this backend
	 * cannot. -FAULT_CONFLICT with a diagnostic: one of them.
	 */
	int (*put_edits)(struct foreign *f, struct stateless *s,
			 struct image *img, struct diags *d);
	/* As print_edit(), in the words in which put_edits() has it. */
	int (*print_put)(const struct foreign *f, const struct stateless *s,
			 const struct stateless_edit *e, struct strbuf *out);
	/* A glance: is this such a text? No two backends recognize the same. */
	bool (*recognizes)(const char *text);
	/*
	 * Add the host's own rules, and ctpolicy's, as this kernel holds them
	 * now; NULL: this backend cannot. Writes nothing, loads nothing.
	 */
	int (*read_live)(struct backend_ctx *ctx, struct foreign *f,
			 struct diags *d);
	int (*open)(struct backend_ctx **ret, struct diags *d);
	int (*snapshot)(struct backend_ctx *ctx, struct snapshot *ret,
			struct diags *d);
	/*
	 * What the next snapshots will most likely find. Borrowed until the
	 * next call; NULL: nothing is expected. NULL: no use to this backend.
	 */
	void (*expect)(struct backend_ctx *ctx, const struct expectation *e);
	/*
	 * A digest of which rules there are, everybody's, and of how many
	 * elements ctpolicy's sets have: a fraction of what a snapshot costs
	 * where these are large. The same digest twice: nothing was written
	 * in between but elements. Any error: it cannot be told.
	 */
	int (*glance)(struct backend_ctx *ctx, uint64_t *ret,
		      struct diags *d);
	int (*commit)(struct backend_ctx *ctx, const struct changeset *cs,
		      struct stamp stamp, bool check_only,
		      unsigned int *begun, struct diags *d);
	/*
	 * From now on, what jumps to chains that stand in for rules of the
	 * host's replaced: snapshots tell it of these, read_live() has the
	 * rules in place of the jumps. Borrowed.
	 */
	void (*know)(struct backend_ctx *ctx, const struct originals *o);
	/* The command that adds such a rule; -EBADMSG: there is none. */
	int (*print_original)(const struct image_table *t, const char *chain,
			      const char *original, struct strbuf *out);
	/*
	 * Is a rule that read_live() gave the very one that a chain of this
	 * name stands in for? NULL: this backend cannot tell.
	 */
	bool (*stands_for)(const char *stand_in, const struct foreign *f,
			   const struct foreign_rule *r);
	void (*close)(struct backend_ctx **ctx);
	const struct rules_copier *copier;	/* NULL: it copies nothing */
};

extern const struct backend *const backends[];	/* ends with NULL */
/* Do they read every place in which this kernel may have rules? */
extern const bool backends_are_complete;
extern const struct backend backend_nft, backend_iptables;

const struct backend *backend_find(const char *name);
/* Whose text a saved ruleset is; NULL: nobody recognizes it. */
const struct backend *backend_of_text(const char *text);
void snapshot_release(struct snapshot *s);

const char *chain_owner_name(enum chain_owner o);	/* "iptables-nft" */
/* Another filter to fill; NULL: out of memory. */
struct foreign_chain *survey_add(struct survey *s);
/* `behind` is told by the jumps that were read so far; -ENOMEM. */
int survey_add_renamed(struct survey *s, const struct image *img,
		       const struct renamed_jump *j);
/*
 * What a saved ruleset tells of the host: by the jumps to our chains, which
 * tables of others filter. Where our accept rules stand, they are wanted.
 */
int survey_of_image(const struct image *img, struct survey *ret);
/* Is the chain on the rule's hook, and may it drop what the rule is for? */
bool foreign_chain_meets(const struct foreign_chain *f, const struct rule *r);
/* Report that accept rules are left out, because nothing drops there. */
void survey_note_no_accepts(const char *backend, struct diags *d);
void survey_release(struct survey *s);

#endif
