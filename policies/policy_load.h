/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_load.h: the inside of the policy loader.
 *
 * Shape:  a loader function takes one value and fills in one part of the
 *         policy; a map is described by a table of keys.
 * Units:  nodes as in yaml_node.h; NO_NODE: not given.
 * Errors: 0; -EINVAL when the value was reported and must not be used (go on
 *         with the next one); -ENOMEM: stop. The number of errors is bounded:
 *         a loop over what the user wrote ends when load_full().
 */
#ifndef CTPOLICY_POLICIES_POLICY_LOAD_H
#define CTPOLICY_POLICIES_POLICY_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "core/diag_ids.h"
#include "core/port_names.h"
#include "policies/policy.h"
#include "policies/policy_files.h"
#include "policies/yaml_node.h"

#define NO_NODE UINT32_MAX

/* One of `lists`. */
struct address_list {
	char *name;
	struct srcpos at;
	struct prefix_set set;
	bool bad, used;		/* bad: reported, and used in silence */
};

/* A value that only one file need give. */
struct said {
	const char *key;
	char *value;
	struct srcpos at;
};

struct loader {
	struct ydoc *doc;		/* the one that is read now */
	struct ydoc **docs;		/* one for each file */
	size_t n_docs;
	struct policy_files files;
	struct said *said;
	size_t n_said, cap_said;
	struct policy *p;
	struct diags *d;
	size_t before, errors_before;	/* d->n and d->errors at the start */
	char shown[64];			/* see load_shown() */
	struct port_names names;	/* read when first needed */
	bool names_read;
	bool families_known;		/* `families` is absent or valid */
	bool families_listed;		/* some file has it */
	struct address_list *lists;
	size_t n_lists, cap_lists;
	size_t listed;			/* addresses that services took */
	bool lists_unread;		/* `lists` is no mapping: reported */
	bool fewer_is_safe;		/* of a service's addresses */
};

/* What messages call a value of each kind. */
enum kind_wanted {
	WANT_WORD,
	WANT_LIST,
	WANT_MAP,
	WANT_WORD_OR_LIST,
	WANT_WORD_OR_MAP,
};

struct key {
	const char *name;
	enum kind_wanted kind;
	bool required, reserved;
};

/* A word and what it stands for; `hidden` ones are not proposed. */
struct word {
	const char *name;
	int value;
	bool hidden;
};

/* policy_load.c: maps, lists and words */
bool load_full(const struct loader *l);
int load_error(struct loader *l, uint32_t node, enum diag_id id,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void load_warning(struct loader *l, struct srcpos at, enum diag_id id,
		  const char *help, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Warnings and notes are dropped past a bound. */
bool load_may_warn(const struct loader *l);
/* A user's text for a message, cut when long; valid until the next call. */
const char *load_shown(struct loader *l, const char *s);
/*
 * Sort the values of a map by the table's keys into ret[nkeys]. Values of the
 * wrong kind are reported and appear as NO_NODE, with ret_given still set
 * (NULL: not wanted). Names the map `what` in messages, at `at`.
 */
int load_map(struct loader *l, uint32_t map, const char *what,
	     struct srcpos at, const struct key *keys, size_t nkeys,
	     uint32_t *ret, bool *ret_given);
/* A required key that is nowhere, in what is named `what`, at `at`. */
void load_missing(struct loader *l, const char *what, struct srcpos at,
		  const char *key);
/* The value of a key in a map, or NO_NODE. */
uint32_t load_find(struct loader *l, uint32_t map, const char *name);
/* policy_kind.c */
/* `what` must be a value of that kind and not empty. */
int load_kind(struct loader *l, uint32_t node, const char *what,
	      enum kind_wanted kind);
const char *load_kind_name(enum ynode_kind kind);
/* NULL for what is no scalar, which was or will be reported itself. */
const char *load_text(struct loader *l, uint32_t node);
/* A list of a single text, where the text alone was wanted; or NULL. */
const char *load_only_item(struct loader *l, uint32_t node);
/* `key:` with nothing after it */
bool load_is_nothing(struct loader *l, uint32_t node);

/* policy_word.c */
#define NAMES_MAX 64
/* What was meant (NULL: nobody knows), or all that may be. */
void load_help_names(struct loader *l, const char *nearest,
		     const char *const *names, size_t n);
int load_word(struct loader *l, uint32_t node, const char *what,
	      const struct word *words, size_t nwords, int *ret);
/*
 * The same for an item of a list, of words that are one bit each: it is added
 * to *seen, with a warning, `twice`, where it is there already.
 */
int load_listed(struct loader *l, uint32_t node, const char *what,
		const struct word *words, size_t nwords, const char *twice,
		unsigned int *seen);
/* true or false */
int load_flag(struct loader *l, uint32_t node, const char *what, bool *ret);

/* policy_load.c */

typedef int (*load_item_fn)(struct loader *l, uint32_t node, void *arg);
/* Call fn for each scalar of a list, or for the scalar itself. */
int load_each(struct loader *l, uint32_t node, const char *what,
	      const char *example, load_item_fn fn, void *arg);

/* policy_value.c: numbers, durations, sizes */
int load_number(struct loader *l, uint32_t node, const char *what,
		uint64_t min, uint64_t max, uint64_t *ret);
int load_duration(struct loader *l, uint32_t node, uint32_t *ret_seconds);
int load_memory(struct loader *l, uint32_t node, struct amount *ret);
/*
 * Explain why a text is not a decimal number, as the help of the diagnostic
 * added last; false: there is nothing to explain.
 */
bool explain_number(struct diags *d, const char *s);

/* policy_port.c, policy_addr.c, policy_proto.c */
int load_ports(struct loader *l, uint32_t node, const uint8_t *protocols,
	       size_t n, struct port_set *ret);
int load_prefixes(struct loader *l, uint32_t node, const char *what,
		  struct prefix_set *ret);
/* The same without lists among them. */
int load_plain_prefixes(struct loader *l, uint32_t node, const char *what,
			struct prefix_set *ret);
int load_interfaces(struct loader *l, uint32_t node, struct iface_set *ret);
int load_protocols(struct loader *l, uint32_t node, uint8_t **ret,
		   size_t *ret_n);
/* A protocol's number by name or number, for the item and for a packet. */
int load_protocol_text(struct loader *l, struct srcpos at, const char *s,
		       uint8_t *ret);

/*
 * policy_merge.c: a value that several files may give, if they give the same.
 * *ret_new: it is the first; a different one was reported.
 */
int load_once(struct loader *l, const char *key, uint32_t node, bool *ret_new);
/* Which file a place is in, and which of two places is read first. */
size_t load_rank(const struct loader *l, struct srcpos at);
bool load_before(const struct loader *l, struct srcpos a, struct srcpos b);
void merge_release(struct loader *l);

/* policy_lists.c */
int load_lists(struct loader *l, uint32_t map);
/* Add what the list holds; its text, behind the `@`, may be the document's. */
int load_list_named(struct loader *l, uint32_t node, const char *name,
		    struct prefix_set *to);
/* What the list holds so far; NULL: there is none of that name. */
const struct prefix_set *load_list_held(struct loader *l, const char *name);
void check_lists(struct loader *l);
void lists_release(struct loader *l);

/* policy_service.c: what names services, and lists */
bool is_item_name(const char *s);
void bad_item_name(struct loader *l, uint32_t node, const char *s,
		   const char *what);

/* The sections */
enum section { SECTION_UNTRACKED, SECTION_MANAGEMENT, SECTION_TRACKED };
/* What to do about a key that services of this section lack; NULL: others. */
const char *service_key_help(const char *name);
int load_services(struct loader *l, uint32_t list, enum section in);
int load_conntrack(struct loader *l, uint32_t map);
int load_tests(struct loader *l, uint32_t list);

/* The values of a service, in the order of its table of keys. */
enum service_key {
	SK_NAME, SK_ROLE, SK_PROTOCOL, SK_PORTS, SK_CLIENTS, SK_SERVERS,
	SK_INTERFACES, SK_ACCEPT, SK_REPLY_GUARD, SK_WHY, SK_WHEN, SK_OVERRIDE,
	SK_TIMEOUTS, SK_MAX_
};

/*
 * What single values cannot show. given[k]: the key is there; node[k] is
 * NO_NODE where it is not, or was found wrong.
 */
void check_service(struct loader *l, const struct service *s,
		   const bool *given, const uint32_t *node);
void check_policy(struct loader *l);

/*
 * policy_tracked.c: the timeouts of a tracked service, whose protocols are
 * loaded; and what such services have to do with the rest of the policy.
 */
int load_timers(struct loader *l, uint32_t map, struct service *s);
void check_timers(struct loader *l, const struct service *s,
		  const uint32_t *node);
void check_tracked(struct loader *l);

/* policy_suggest.c: another tool's name for one of our keys, or NULL */
const char *suggest_synonym(const char *word);

#endif
