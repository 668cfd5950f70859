/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/off.h: the part of a change that is the modules of connection
 * tracking, and what they lose by being unloaded: their settings.
 *
 * Shape:  a state lists what is loaded, in the order of unloading, then the
 *         settings. One that lists nothing means "off". Towards "off" the
 *         modules go after everything else of the change was done; towards
 *         any other state what is missing comes first, and other modules that
 *         are loaded stay. Items are those of engine/tune.h as well; a file's
 *         value is its text, "": there is none.
 * Owner:  texts are interned; off_release().
 * Errors: -FAULT_CONFLICT: something holds a module, each named. -errno of
 *         loading or unloading, with a diagnostic. -EINVAL of off_parse(): not
 *         such a text. -ENOMEM.
 * Source: Documentation/networking/nf_conntrack-sysctl.rst.
 */
#ifndef CTPOLICY_ENGINE_OFF_H
#define CTPOLICY_ENGINE_OFF_H

#include "core/diag.h"
#include "core/strbuf.h"
#include "host/modules.h"

#define OFF_TARGET "modules"	/* its name in a record */

enum off_kind { OFF_MODULE, OFF_SYSCTL, OFF_FILE, OFF_KIND_MAX_ };

struct off_item {
	enum off_kind kind;
	const char *key;	/* "xt_CT", "net.netfilter.nf_conntrack_max" */
	const char *value;	/* options to load it with; value; text */
};

struct off_items {
	struct off_item *v;
	size_t n, cap;
};

/* add: to be loaded or set; else to be unloaded. */
struct off_step {
	bool add;
	struct off_item item;
};

struct off_steps {
	struct off_step *v;
	size_t n, cap;
};

struct off {
	bool there;			/* the change has this part */
	enum modules_state state;	/* as read last */
	struct off_items live, want;
	struct off_items after;		/* of a record that this undoes */
	struct off_items before;	/* when the change was begun */
	bool begun;			/* `before` is filled */
	struct off_steps steps;		/* from live to want */
	struct off_steps made;		/* where the user asked to see them */
	bool noted;			/* the state folder has `live` for it */
	char *note_before;		/* what it had; NULL: nothing */
};

/* Read what is live; what leads from there to `want` are the steps. */
int off_compare(struct off *o);
/* Is everything that the items list loaded and set; if none: is nothing? */
int off_holds(const struct off_items *live, const struct off_items *want,
	      bool *ret);
int off_copy(const struct off_items *from, struct off_items *ret);
/* The value of a key; NULL: it is not listed. */
const char *off_value(const struct off_items *items, enum off_kind kind,
		      const char *key);
/* In place of the value it had, or behind all others. */
int off_put(struct off_items *to, enum off_kind kind, const char *key,
	    const char *value);
int off_bring_back(const struct off *o, unsigned int *begun, struct diags *d);
int off_take_out(const struct off *o, unsigned int *begun, struct diags *d);
/* A commit was tried: keep what was live before it. */
void off_remember(struct off *o, bool keeps_steps);
/* One line, "unload module xt_CT". */
void off_print_step(const struct off_step *s, struct strbuf *out);
/* "load", "unload", "set", "write", "remove" */
const char *off_action(const struct off_step *s);
const char *off_kind_name(enum off_kind k);		/* "module" */
void off_print(const struct off_items *items, struct strbuf *out);
int off_parse(const char *text, size_t len, struct off_items *ret);
void off_items_release(struct off_items *i);
void off_release(struct off *o);

#endif
