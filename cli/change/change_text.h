/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/change/change_text.h: the parts of the screen that shows a change.
 *
 * Errors: -ENOMEM: something could not be shown.
 */
#ifndef CTPOLICY_CLI_CHANGE_TEXT_H
#define CTPOLICY_CLI_CHANGE_TEXT_H

#include "cli/change/change_shape.h"
#include "cli/change/change_summary.h"
#include "core/strbuf.h"

enum { SIGN_WIDTH = 2, DETAIL_INDENT = 4, DETAIL_WIDTH = 14 };

/* '+', '-', '~' or '=', coloured where colours are wanted, and a space. */
void sign_print(char sign, const struct display *how);
/* The letter of a sign; a blank: nothing changes. */
char sign_letter(enum change_sign s);
/* A line that begins with a sign. */
void sign_line(char sign, const char *text, const struct display *how);

/* Each service: what it is, what leaves tracking, where it is accepted. */
int change_print_services(const struct result_end *e,
			  const struct change_summary *s,
			  const struct display *how);
/* "2 settings to change, 1 file edit"; "": nothing but services changes. */
void plan_print_beside(const struct result_end *e,
		       const struct change_summary *s, struct strbuf *out);
/* "Plan: ...", and what to do next. */
int change_print_plan(const struct result *r, const struct result_end *e,
		      const struct change_summary *s,
		      const struct display *how);

/* service_text.c: one service in a few words; the details as lines. */
int service_print_head(struct shapes *shapes, const struct service_change *x,
		       struct strbuf *out);
/* "server  tcp 80,443  any client", with the gap between. */
void service_print_words(const struct policy *p, const struct service *s,
			 const char *gap, struct strbuf *out);
/* "tcp 80, 443, any address" */
void shape_print(const struct words *w, struct strbuf *out);
/* What leaves tracking; "": nothing is to be said. */
void service_print_untrack(const struct policy *p,
			   const struct service_change *x, struct strbuf *out);
/*
 * Where accept rules stand among the host's own, a line for each chain: of one
 * service, of all (`all`), or, without a name, of what they share.
 */
int service_print_accepts(const struct plan *p, const char *service, bool all,
			  struct strbuf *out);

/* edits_text.c: rules of the host's that are replaced. */
int edits_print(const struct result_end *e, const struct display *how);

/* steps_text.c: every rule and set, by table and chain. */
int steps_print(const struct part *m, const struct changeset *cs,
		const struct display *how);

#endif
