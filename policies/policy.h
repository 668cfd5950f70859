/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy.h: one policy file, read and checked.
 *
 * Shape:  services in file order, management first; those that stay tracked
 *         are no part of them. Every set normalized.
 *         has_clients (servers, ifaces) tells "not given" (any) from a set
 *         whose members are all of the other family. `protocols` is sorted;
 *         either all have ports and `ports` is not empty, or none has;
 *         PROTOCOL_ANY stands alone, with the roles router and loopback only.
 *         IPPROTO_ICMP stands for echoes, in both families.
 * Units:  see core/inet.h; timeouts in seconds; memory in bytes.
 * Owner:  the policy owns all of it but `file`, which the caller keeps alive;
 *         origins live as long as the policy.
 * Errors: policy_parse() reports every mistake to `d` and returns -EINVAL;
 *         or -ENOMEM. policy_read() gives -errno of reading, or -FAULT_INPUT
 *         for what is neither a file nor a pipe: the file, not its content, is
 *         at fault (exit 66 or 74). *ret is then untouched.
 */
#ifndef CTPOLICY_POLICIES_POLICY_H
#define CTPOLICY_POLICIES_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "core/inet.h"
#include "core/strbuf.h"
#include "core/timers.h"
#include "rules/origin.h"

extern const char *const role_names[ROLES];	/* of 1 << i */

enum policy_accept { ACCEPT_INHERIT, ACCEPT_OPEN, ACCEPT_NONE };

/* What of the host's own rules a service may go against. */
enum policy_override {
	OVERRIDE_DROPS = 1 << 0,	/* rules that drop its packets */
	OVERRIDE_NAT = 1 << 1,		/* address translation */
	OVERRIDE_HELPERS = 1 << 2,	/* conntrack helpers, synproxy */
	OVERRIDE_LIMITS = 1 << 3,	/* counts of connections, marks */
	OVERRIDE_INVALID = 1 << 4,	/* drops of what no connection has */
};

/* What of the host's own rules may keep connection tracking on. */
enum policy_keep {
	KEEP_NAT = 1 << 0,		/* address translation */
	KEEP_HELPERS = 1 << 1,		/* conntrack helpers, zones, timeouts */
	KEEP_LIMITS = 1 << 2,		/* counts of connections */
	KEEP_MARKS = 1 << 3,		/* marks and labels of connections */
	KEEP_SYNPROXY = 1 << 4,
};

struct service {
	char *name;
	char *why;			/* NULL: none */
	struct srcpos at;		/* of the name's value */
	struct origin origin;		/* name, why and at, for its rules */
	bool management;
	unsigned roles;			/* ROLE_*, never 0 */
	uint8_t *protocols;
	size_t n_protocols;
	struct port_set ports;
	bool has_clients, has_servers, has_ifaces;
	struct prefix_set clients, servers;
	struct iface_set ifaces;
	bool replies_unguarded;		/* reply_guard: none */
	unsigned int overrides;		/* OVERRIDE_* */
	enum policy_accept accept;
	/* Of a tracked one: of each protocol, in their order. Else NULL. */
	struct timers *timers;
	/* What this host sends to itself stays tracked: engine/within.h. */
	bool keeps_own4, keeps_own6;
};

enum amount_kind { AMOUNT_UNSET, AMOUNT_AUTO, AMOUNT_NUMBER, AMOUNT_BYTES,
		   AMOUNT_PERCENT };

struct amount {
	enum amount_kind kind;
	uint64_t value;			/* NUMBER, BYTES or PERCENT (1..100) */
	struct srcpos at;
};

struct timeout {
	const char *name;		/* nf_conntrack_<proto>_timeout_* */
	const char *sysctl;		/* "net.netfilter.nf_conntrack_..." */
	uint32_t seconds;
	struct srcpos at;
	struct origin origin;
};

/* An expectation of the `tests` section, for `ctpolicy test`. */
struct packet_test {
	uint8_t proto, family;
	uint8_t saddr[16], daddr[16];
	uint16_t sport, dport;		/* 0 where the protocol has none */
	int tracked;			/* 0, 1; -1 not given */
	int accept;			/* 0 drop, 1 accept; -1 not given */
	struct srcpos at;
};

struct policy {
	const char *file;		/* as the user named it; borrowed */
	bool forbid_state;		/* state_matching: forbidden */
	struct srcpos forbid_at;
	bool replace_existing;		/* existing_rules: replace */
	struct srcpos existing_at;
	unsigned int keeps;		/* KEEP_* */
	struct srcpos keeps_at;
	const char *backend;		/* its name; NULL: auto */
	bool counters;			/* of packets, for each service */
	struct srcpos counters_at;
	bool ipv4, ipv6;
	struct service *services;
	size_t n_services, cap_services;
	struct service *tracked;	/* forgotten sooner; in file order */
	size_t n_tracked, cap_tracked;
	bool unload_modules;		/* conntrack.modules: unload */
	struct srcpos modules_at;
	struct origin modules_origin;
	struct amount max, buckets;
	struct origin max_origin, buckets_origin;
	struct timeout *timeouts;
	size_t n_timeouts, cap_timeouts;
	bool persist;			/* settings outlive a boot */
	struct srcpos persist_at;
	bool flush_services;
	struct packet_test *tests;
	size_t n_tests, cap_tests;
};

/*
 * Read a whole file of at most 16 MiB ("-": stdin), or all *.yaml of a folder,
 * in the order of their names; NULL: policy_default and, behind it, what is in
 * policy_default_folder. Refuses what is not a regular file or a pipe on stdin
 * (-EINVAL with a diagnostic), so that a FIFO or a device never hangs it.
 * *ret_text is malloc'd and NUL-terminated; of several files it is what
 * policies/policy_files.h says, and holds at most as much as one.
 */
extern const char policy_default[], policy_default_folder[];
int policy_read(const char *path, char **ret_text, size_t *ret_len,
		struct diags *d);
/*
 * One that is named, and is the default, its folder or a file of that: would it
 * be read without its name, as at boot, where who may write it matters?
 */
int policy_check_place(const char *path, struct diags *d);
/*
 * The same for a saved ruleset, which may be larger: render prints up to
 * sixteen times as much as it reads.
 */
#define SAVED_RULES_MAX (256u << 20)
int policy_read_saved(const char *path, char **ret_text, size_t *ret_len,
		      struct diags *d);
/*
 * Parse and check. `file` is borrowed for the policy's life, `text` only for
 * the call; the caller keeps both for the caret printer. Warnings do not fail
 * it.
 */
int policy_parse(const char *file, const char *text, size_t len,
		 struct policy **ret, struct diags *d);
void policy_free(struct policy **p);
/* KEEP_* as a policy lists them: "nat, limits". */
void policy_keep_print(unsigned int keeps, struct strbuf *out);
size_t policy_services(const struct policy *p);	/* the tracked ones, too */
bool service_has_protocol(const struct service *s, uint8_t proto);
/* Without ports, it is for all of them. */
bool service_has_port(const struct service *s, uint16_t port);
bool service_is_any(const struct service *s);	/* protocol: any */
/* The one of a service's protocols in a family: echoes have two. */
uint8_t service_protocol(uint8_t proto, uint8_t family);
/* As policies name it, of either family. */
void service_protocol_print(uint8_t proto, struct strbuf *out);

#endif
