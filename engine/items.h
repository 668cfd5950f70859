/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/items.h: what two parts of a change are about that are no rules, the
 * modules of connection tracking (engine/off.h) and its settings
 * (engine/tune.h): lists of them, what leads from one list to another, and
 * their text in records and notes.
 *
 * Shape:  a list has a key once. The value of a module are the options that it
 *         is loaded with; of a file of ctpolicy's, its text, "": there is none.
 * Owner:  texts are interned; items_release(), beside_release().
 * Errors: -EINVAL of items_parse(): not such a text. -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_ITEMS_H
#define CTPOLICY_ENGINE_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/diag.h"
#include "core/strbuf.h"

struct record;
struct record_part;

enum item_kind { ITEM_MODULE, ITEM_SYSCTL, ITEM_FILE, ITEM_KIND_MAX_ };

struct item {
	enum item_kind kind;
	const char *key;	/* "xt_CT", "net.netfilter.nf_conntrack_max" */
	const char *value;	/* options to load it with; value; text */
};

struct items {
	struct item *v;
	size_t n, cap;
};

/* add: to be loaded or set; else to be unloaded. */
struct item_step {
	bool add;
	struct item item;
};

struct item_steps {
	struct item_step *v;
	size_t n, cap;
};

/* A part that is beside the rules: where it stands, and where it shall go. */
struct beside {
	bool there;			/* the change has this part */
	struct items live, want;
	struct items after;		/* of a record that this undoes */
	struct items before;		/* when the change was begun */
	bool begun;			/* `before` is filled */
	struct item_steps steps;	/* from live to want */
	struct item_steps made;		/* where the user asked to see them */
};

/* Behind all others, whatever is listed. */
int items_add(struct items *to, enum item_kind kind, const char *key,
	      const char *value);
/* In place of the value it had, or behind all others. */
int items_put(struct items *to, enum item_kind kind, const char *key,
	      const char *value);
int items_copy(const struct items *from, struct items *ret);
/* The value of a key; NULL: it is not listed. */
const char *items_value(const struct items *items, enum item_kind kind,
			const char *key);
int item_steps_add(struct item_steps *to, bool add, const struct item *i);
/* One line, "unload module xt_CT". */
void item_print_step(const struct item_step *s, struct strbuf *out);
/* "load", "unload", "set", "write", "remove" */
const char *item_action(const struct item_step *s);
const char *item_kind_name(enum item_kind k);		/* "module" */
void items_print(const struct items *items, struct strbuf *out);
int items_parse(const char *text, size_t len, struct items *ret);
void items_release(struct items *i);
/* A commit was tried: keep what was live before it. */
void beside_remember(struct beside *b, bool keeps_steps);
/* A record's part for the change from `live` to `want`. */
int beside_write_record(const struct beside *b, const char *target,
			struct record *r);
/*
 * Back from `after` to the `want` of before, which a record's part has.
 * -EINVAL with a diagnostic: it does not list `what` ("modules").
 */
int beside_read_record(struct beside *b, const struct record_part *part,
		       const char *what, struct diags *d);
void beside_release(struct beside *b);

#endif
