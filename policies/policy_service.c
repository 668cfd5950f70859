/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_service.c: one service, of whichever section. */
#include <ctype.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/policy_load.h"

#define NAME_MAX_LEN 40
#define WHY_MAX_LEN 100

static const struct key service_keys[] = {
	[SK_NAME] = { "name", WANT_WORD, true, false },
	[SK_ROLE] = { "role", WANT_WORD_OR_LIST, true, false },
	[SK_PROTOCOL] = { "protocol", WANT_WORD_OR_LIST, true, false },
	[SK_PORTS] = { "ports", WANT_LIST, false, false },
	[SK_CLIENTS] = { "clients", WANT_LIST, false, false },
	[SK_SERVERS] = { "servers", WANT_LIST, false, false },
	[SK_INTERFACES] = { "interfaces", WANT_LIST, false, false },
	[SK_ACCEPT] = { "accept", WANT_WORD, false, false },
	[SK_REPLY_GUARD] = { "reply_guard", WANT_WORD, false, false },
	[SK_WHY] = { "why", WANT_WORD, false, false },
	[SK_WHEN] = { "when", WANT_WORD, false, true },
	[SK_OVERRIDE] = { "override", WANT_LIST, false, false },
	[SK_TIMEOUTS] = { "timeouts", WANT_MAP, false, false },
};

_Static_assert(ARRAY_SIZE(service_keys) == SK_MAX_, "a key of a service");

bool is_item_name(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > NAME_MAX_LEN || !isalnum((unsigned char)*s))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80 ||
		    (!isalnum((unsigned char)*s) && !strchr("_.-", *s)))
			return false;
	return true;
}

/* Names are labels: what they may not hold becomes a dash. */
static void mend_name(struct loader *l, uint32_t node, const char *s)
{
	char name[NAME_MAX_LEN + 1];
	size_t n = 0;

	for (; *s && n < NAME_MAX_LEN; s++) {
		unsigned char c = (unsigned char)*s;
		bool fits = c < 0x80 && (isalnum(c) || strchr("_.-", c));

		/* no dash for the rest of a character */
		if ((c & 0xc0) == 0x80 || (!n && (!fits || !isalnum(c))))
			continue;
		name[n++] = fits ? *s : '-';
	}
	name[n] = '\0';
	if (is_item_name(name))
		diag_mend(l->d, FIX_REPLACE, "%s", name);
	else
		diag_mend(l->d, FIX_REPLACE, "service-%u",
			  ydoc_pos(l->doc, node).line);
}

void bad_item_name(struct loader *l, uint32_t node, const char *s,
		   const char *what)
{
	load_error(l, node, ID_BAD_NAME, "`%s` cannot name %s",
		   load_shown(l, s), what);
	diag_help(l->d, "a name is 1 to %d letters, digits, `_`, `.` or `-`, and "
		  "begins with a letter or digit", NAME_MAX_LEN);
	mend_name(l, node, s);
}

static int load_name(struct loader *l, uint32_t node, struct service *s)
{
	const char *text = ydoc_text(l->doc, node);

	if (!text)
		return -ENOMEM;
	if (!is_item_name(text)) {
		bad_item_name(l, node, text, "a service");
		return -EINVAL;
	}
	s->name = strdup(text);
	return s->name ? 0 : -ENOMEM;
}

/* In one line, without what a terminal would act on. */
static void mend_why(struct loader *l, const char *text, size_t n)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	/* what does not fit is cut, as the kernel would cut it */
	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		len = diag_printable(text + i, n - i);
		if (b.n + (len ? len : 1) > WHY_MAX_LEN)
			break;
		if (!len && ((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (!len)
			strbuf_puts(&b, " ");
		else if (text[i] != '"' && text[i] != '\\')
			strbuf_add(&b, text + i, len);
	}
	diag_mend(l->d, FIX_REPLACE, "\"%s\"", strbuf_text(&b, &l->d->lost));
}

static int load_why(struct loader *l, uint32_t node, struct service *s)
{
	const char *text = ydoc_text(l->doc, node), *bad = NULL;
	size_t n;

	if (!text)
		return -ENOMEM;
	n = strlen(text);
	for (size_t i = 0, len; i < n && !bad; i += len) {
		len = diag_printable(text + i, n - i);
		if (!len)
			bad = "holds a line break, a control character or a mark that changes the direction of text";
	}
	if (!n)
		bad = "is empty";
	else if (n > WHY_MAX_LEN && !bad)
		bad = "is longer than 100 bytes";
	if (bad) {
		load_error(l, node, ID_BAD_WHY, "`why` %s", bad);
		diag_help(l->d, "say it in one line of at most %d bytes; it "
			  "becomes the comment of every rule", WHY_MAX_LEN);
		if (!n)
			diag_mend(l->d, FIX_DROP, "%s", "");
		else
			mend_why(l, text, n);
		return -EINVAL;
	}
	s->why = strdup(text);
	return s->why ? 0 : -ENOMEM;
}

static int load_role(struct loader *l, uint32_t node, void *arg)
{
	static const struct word roles[] = {
		{ "server", ROLE_SERVER, false },
		{ "client", ROLE_CLIENT, false },
		{ "router", ROLE_ROUTER, false },
		{ "loopback", ROLE_LOOPBACK, false },
	};

	return load_listed(l, node, "role", roles, ARRAY_SIZE(roles),
			   "a role is listed twice", arg);
}

static int load_accept(struct loader *l, uint32_t node, struct service *s)
{
	static const struct word words[] = {
		{ "inherit", ACCEPT_INHERIT, false },
		{ "open", ACCEPT_OPEN, false },
		{ "none", ACCEPT_NONE, false },
	};
	int accept = ACCEPT_INHERIT, err;

	err = load_word(l, node, "accept", words, ARRAY_SIZE(words), &accept);
	if (err)
		return err;
	s->accept = (enum policy_accept)accept;
	return 0;
}

static int load_reply_guard(struct loader *l, uint32_t node, struct service *s)
{
	static const struct word words[] = {
		{ "socket", false, false }, { "none", true, false },
	};
	int unguarded = false, err;

	err = load_word(l, node, "reply_guard", words, ARRAY_SIZE(words),
			&unguarded);
	if (err)
		return err;
	if (s->roles && !(s->roles & ROLE_CLIENT)) {
		load_error(l, node, ID_REPLY_GUARD,
			   "`reply_guard` needs the role `client`");
		diag_help(l->d, "remove it: other roles have no guard");
		diag_mend(l->d, FIX_DROP, "%s", "");
		return -EINVAL;
	}
	s->replies_unguarded = unguarded;
	return 0;
}

static int load_override(struct loader *l, uint32_t node, void *arg)
{
	static const struct word words[] = {
		{ "drops", OVERRIDE_DROPS, false },
		{ "nat", OVERRIDE_NAT, false },
		{ "helpers", OVERRIDE_HELPERS, false },
		{ "limits", OVERRIDE_LIMITS, false },
		{ "invalid", OVERRIDE_INVALID, false },
	};

	return load_listed(l, node, "override", words, ARRAY_SIZE(words),
			   "a word is listed twice", arg);
}

/* Load the value of key k; a bad one leaves NO_NODE in node[k]. */
static int load_value(struct loader *l, enum service_key k, uint32_t *node,
		      struct service *s)
{
	int err = 0;

	if (node[k] == NO_NODE)
		return 0;
	switch (k) {
	case SK_NAME:
		err = load_name(l, node[k], s);
		break;
	case SK_ROLE:
		err = load_each(l, node[k], "role", "write role names",
				load_role, &s->roles);
		break;
	case SK_PROTOCOL:
		err = load_protocols(l, node[k], &s->protocols,
				     &s->n_protocols);
		break;
	case SK_PORTS:
		err = load_ports(l, node[k], s->protocols, s->n_protocols,
				 &s->ports);
		break;
	case SK_CLIENTS:
		s->has_clients = true;
		err = load_prefixes(l, node[k], "clients", &s->clients);
		break;
	case SK_SERVERS:
		s->has_servers = true;
		err = load_prefixes(l, node[k], "servers", &s->servers);
		break;
	case SK_INTERFACES:
		s->has_ifaces = true;
		err = load_interfaces(l, node[k], &s->ifaces);
		break;
	case SK_ACCEPT:
		err = load_accept(l, node[k], s);
		break;
	case SK_WHY:
		err = load_why(l, node[k], s);
		break;
	case SK_REPLY_GUARD:
		err = load_reply_guard(l, node[k], s);
		break;
	case SK_OVERRIDE:
		err = load_each(l, node[k], "override", "write what to override",
				load_override, &s->overrides);
		break;
	case SK_TIMEOUTS:
		err = load_timers(l, node[k], s);
		break;
	case SK_WHEN:
	case SK_MAX_:
		break;
	}
	if (err)
		node[k] = NO_NODE;
	return err == -ENOMEM ? err : 0;
}

static struct service *new_service(struct policy *p, enum section in)
{
	bool tracked = in == SECTION_TRACKED;
	struct service **v = tracked ? &p->tracked : &p->services;
	size_t *n = tracked ? &p->n_tracked : &p->n_services;
	size_t *cap = tracked ? &p->cap_tracked : &p->cap_services;

	if (mem_grow(v, cap, *n + 1))
		return NULL;
	memset(&(*v)[*n], 0, sizeof(**v));
	(*v)[*n].management = in == SECTION_MANAGEMENT;
	return &(*v)[(*n)++];
}

/* Diagnostics about a service as a whole point at its name. */
static struct srcpos service_place(struct loader *l, uint32_t map)
{
	uint32_t name = load_find(l, map, "name");

	return ydoc_pos(l->doc, name == NO_NODE ? map : name);
}

/* Keys that only untracked services have, or only those that stay tracked. */
static const struct {
	enum service_key key;
	bool untracked;
	const char *help;
} kept_apart[] = {
	{ SK_ACCEPT, true,
	  "remove it: its packets meet the host's rules as before" },
	{ SK_REPLY_GUARD, true, "remove it: nothing leaves tracking" },
	{ SK_OVERRIDE, true, "remove it: a tracked service has nothing to override" },
	{ SK_TIMEOUTS, false,
	  "what is untracked has none: list the service under `tracked`" },
};

const char *service_key_help(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept_apart); i++)
		if (!strcmp(service_keys[kept_apart[i].key].name, name))
			return kept_apart[i].help;
	return NULL;
}

static void list_keys(enum section in, struct key *ret)
{
	memcpy(ret, service_keys, sizeof(service_keys));
	ret[SK_TIMEOUTS].required = in == SECTION_TRACKED;
	for (size_t i = 0; i < ARRAY_SIZE(kept_apart); i++)
		if (kept_apart[i].untracked == (in == SECTION_TRACKED))
			ret[kept_apart[i].key].reserved = true;
}

static int load_service(struct loader *l, uint32_t map, enum section in)
{
	struct service *s = new_service(l->p, in);
	struct key keys[SK_MAX_];
	uint32_t node[SK_MAX_];
	bool given[SK_MAX_];
	int err;

	if (!s)
		return -ENOMEM;
	s->at = service_place(l, map);
	list_keys(in, keys);
	l->fewer_is_safe = in != SECTION_MANAGEMENT;
	err = load_map(l, map, in == SECTION_TRACKED ? "a tracked service" :
		       "the service", s->at, keys, SK_MAX_, node, given);
	for (int k = 0; k < SK_MAX_ && !err; k++)
		err = load_value(l, (enum service_key)k, node, s);
	l->fewer_is_safe = false;
	if (err)
		return err;
	s->origin = (struct origin){ s->name, s->why, s->at };
	check_service(l, s, given, node);
	if (given[SK_TIMEOUTS])
		check_timers(l, s, node);
	return 0;
}

int load_services(struct loader *l, uint32_t list, enum section in)
{
	static const char *const what[] = {
		[SECTION_UNTRACKED] = "untracked",
		[SECTION_MANAGEMENT] = "management",
		[SECTION_TRACKED] = "tracked",
	};
	uint32_t end = ydoc_after(l->doc, list), i;
	int err = 0;

	for (i = list + 1; i < end && !err && !load_full(l);
	     i = ydoc_after(l->doc, i)) {
		if (ydoc_kind(l->doc, i) == YNODE_MAP) {
			err = load_service(l, i, in);
		} else if (ydoc_kind(l->doc, i) != YNODE_BAD) {
			load_error(l, i, ID_WRONG_KIND,
				   "an item of `%s` must be a service",
				   what[in]);
			diag_help(l->d, "write `- name: ...` and the "
				  "service's other keys below it");
		}
	}
	return err;
}
