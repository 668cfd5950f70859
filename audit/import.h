/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/import.h: the services that a host's NOTRACK rules mean.
 *
 * A rule is one direction at one hook. Two that belong together are a service;
 * one whose other direction is missing saves nothing, and is taken for the
 * service that it was meant to be. What the policy language cannot say is left
 * over, with the reason, and never guessed.
 *
 * Shape:  services and left-over rules in the order of the chains; a service
 *         names the rules that it was made of, those that lead there too. Of
 *         its `box` dport holds the server's ports, src the clients, dst the
 *         servers, iif the interfaces. Where no address says the family,
 *         `families` does. All protocols are `protocol: any`; IPPROTO_ICMP is
 *         echoes, of both families, and dport then says nothing.
 * Units:  rules by number in the model.
 * Owner:  borrows the model; owns boxes and lists.
 * Errors: -ENOMEM. `cut`: so many rules that not all were looked at.
 */
#ifndef CTPOLICY_AUDIT_IMPORT_H
#define CTPOLICY_AUDIT_IMPORT_H

#include "audit/box.h"
#include "core/strbuf.h"
#include "rules/packet.h"

enum {
	IMPORT_SERVER = 1 << 0,
	IMPORT_CLIENT = 1 << 1,
	IMPORT_ROUTER = 1 << 2,
	IMPORT_LOOPBACK = 1 << 3,
};

/* What the reader of a service must know. */
enum {
	IMPORT_ADDED = 1 << 0,	/* one direction was missing */
	IMPORT_LATE = 1 << 1,	/* the rules stood behind tracking */
	IMPORT_CLIENT_PORTS = 1 << 2,	/* the clients' ports were limited */
	IMPORT_SPARED_LO = 1 << 3,	/* an earlier rule spared loopback */
	IMPORT_INTERFACES = 1 << 4,	/* each direction had its own */
	IMPORT_FORWARDED = 1 << 5,	/* forwarded packets were caught, too */
	IMPORT_NOTES_MAX_ = 1 << 6,
};

struct rule_list {
	uint32_t *v;
	size_t n, cap;
};

struct import_service {
	struct box box;
	char *name;
	unsigned int roles, notes;
	struct rule_list rules;		/* sorted */
};

enum import_reason {
	REASON_BOX,		/* box_unsaid tells */
	REASON_PROTOCOL,	/* names no protocol, which two roles may */
	REASON_ICMP,
	REASON_IPV6_HEADER,	/* protocol `word` cannot be matched in IPv6 */
	REASON_PORTS,		/* ports of both ends */
	REASON_PORT_ZERO,
	REASON_HOOK,		/* too late for an effect */
	REASON_FAMILY,		/* a table of another family */
	REASON_SHADOWED,	/* `other` takes all packets first */
	REASON_SPARED,		/* `other` spares some of them */
	REASON_PARTNER,		/* `other`, its other direction, is left over */
	REASON_UNREACHED,
	REASON_NOTHING,		/* no packet can match */
	REASON_MAX_
};

struct import_left {
	uint32_t rule, other;		/* FOREIGN_NOWHERE: none */
	enum import_reason reason;
	enum box_unsaid unsaid;
	const char *word;
};

struct import {
	struct import_service *v;
	size_t n, cap;
	struct import_left *left;
	size_t n_left, cap_left;
	size_t own;			/* NOTRACK rules of ctpolicy's */
	uint8_t families;		/* BOX_*: of all services together */
	bool cut;
};

struct import_request {
	enum truth forwards;		/* does the host forward packets? */
	uint8_t families;		/* BOX_*, to look at */
	bool with_own;			/* ctpolicy's rules, too */
};

/* Not of all protocols, nor of echoes. */
bool import_has_ports(const struct import_service *s);
/* f: read with wants_terms. */
int import_make(const struct foreign *f, const struct import_request *rq,
		struct import *ret);
/* Why a rule was left over: "it looks at the mark, ..." */
void import_print_reason(const struct import_left *x, struct strbuf *out);
void import_release(struct import *im);

#endif
