/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/audit/explain_prove.h: is it true of real packets, what a walk says?
 *
 * Shape:  the connection that a packet begins is held in a private copy; where
 *         the kernel does otherwise than a walk without doubts says, that is an
 *         error among the report's diagnostics.
 * Owner:  `x` is released with prove_release(), whatever comes back.
 * Errors: asked_of_spec()'s and prove_asked()'s, with a diagnostic in `d`.
 */
#ifndef CTPOLICY_CLI_EXPLAIN_PROVE_H
#define CTPOLICY_CLI_EXPLAIN_PROVE_H

#include "cli/audit/explain_report.h"
#include "cli/cli.h"

/*
 * The report has its walks; `local`: the host's addresses, as far as they are
 * known. From here on, this process is not on the host.
 */
int explain_prove(const struct options *o, const struct packet_spec *spec,
		  const struct prefix_set *local,
		  const struct explain_report *r, struct prove *x,
		  struct diags *d);
/* The last step of it: what differs. -ENOMEM. */
int explain_proof_compare(const struct explain_report *r,
			  const struct prove *x, struct diags *d);
/* "untracked, accepted" */
void explain_proof_words(const struct explain_report *r,
			 const struct prove_run *run, bool reply,
			 struct strbuf *out);
/* Does it tell what conntrack made of packets? */
bool explain_proof_tells(const struct explain_report *r,
			 const struct prove_run *run);

#endif
