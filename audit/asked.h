/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/asked.h: what accept rules need not ask again.
 *
 * Whose address it is that a packet comes to or from, and whether a socket of
 * this host waits for it, is asked before it leaves tracking. Each question is
 * a look into the routes or sockets. An accept rule for untracked packets does
 * without it where nothing takes out a packet that the rule would then accept
 * and did not before.
 *
 * Shape:  a port may tell: answers of port 53 left tracking by another rule
 *         than requests to port 53, and one packet may look like both. Then the
 *         rule stays as it is, and ahead of it stands one that asks less, of
 *         packets whose other port no rule names; it has those of most clients.
 *         A rule for packets of an open connection asks for no address at all.
 *         NOTRACK rules count by protocol and port, whatever else they ask.
 * Errors: -ENOMEM.
 * Source: nf_dup_ipv4(), ip_vs_notrack(), vrf_nf_set_untracked(), and
 *         ip_mc_output() of Linux, which hands a host its own multicast.
 */
#ifndef CTPOLICY_AUDIT_ASKED_H
#define CTPOLICY_AUDIT_ASKED_H

#include "rules/stands.h"

struct asked_host {
	struct port_range ephemeral;	/* of most clients */
	bool sends;	/* untracked packets, with addresses of others */
};

/* Does any of the host's rules take packets out of tracking? */
bool asked_untracks(const struct foreign *f);
/* The stands of `rs`, on a host where none of its own rules does. */
int asked_drop(const struct ruleset *rs, const struct asked_host *h,
	       struct stands *s);

#endif
