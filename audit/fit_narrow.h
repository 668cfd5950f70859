/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/fit_narrow.h: the part of a match that lies in a set of values.
 *
 * Shape:  `values` are those that a term has for the field, `negated`: that it
 *         has not. The match becomes what is left, on FIT_PART alone.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_FIT_NARROW_H
#define CTPOLICY_AUDIT_FIT_NARROW_H

#include "audit/fit.h"

struct values {
	const struct key_range *v;
	size_t n;
	bool negated;
};

int narrow_ports(struct port_set *set, const struct values *values,
		 enum fit *ret);
int narrow_addresses(struct prefix_set *set, uint8_t family,
		     const struct values *values, enum fit *ret);
int narrow_ifaces(struct iface_set *set, const struct values *values,
		  enum fit *ret);
int narrow_icmp(struct match *m, const struct values *values, enum fit *ret);

#endif
