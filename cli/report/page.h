/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/report/page.h: all that one page tells of a host, or of a saved ruleset,
 * and the sections that tell it.
 *
 * Nothing is written, no module is loaded. What was not asked, or could not be
 * answered, stays empty, and its section says so.
 *
 * Shape:  `file` NULL: the page is about the kernel, and `status`, `advice` and
 *         `top` are filled. Without a policy `plan` and `changes` are empty.
 * Units:  `now` in seconds since 1970.
 * Owner:  page_release(); everything the page was asked with is borrowed.
 * Errors: page_gather(): those of reading, with the reason in `diags` or in the
 *         plan's. A policy that an apply would refuse is no error.
 */
#ifndef CTPOLICY_CLI_REPORT_PAGE_H
#define CTPOLICY_CLI_REPORT_PAGE_H

#include "audit/needs.h"
#include "audit/notrack.h"
#include "audit/replace.h"
#include "cli/change/change_summary.h"
#include "cli/cli.h"
#include "cli/report/html.h"
#include "cli/status/status_report.h"
#include "engine/advice.h"

enum page_policy {
	PAGE_NO_POLICY,
	PAGE_GIVEN,		/* on the command line */
	PAGE_APPLIED,		/* the one that was applied last */
};

struct page {
	const struct options *o;
	const char *file;
	int64_t now;
	char *host;			/* its name; NULL: not known */
	struct diags diags;
	/* The rules, of all worlds, ctpolicy's among them. */
	struct foreign *f;
	struct keepers keepers;
	struct needs needs;
	struct flaws flaws;
	/* Of a file: what could replace its state rules, and who prints it. */
	const struct backend *backend;
	struct arena arena;
	struct stateless stateless;
	bool has_stateless;
	/* Of the kernel. */
	struct status status;
	uint32_t attention;		/* 1 << enum concern */
	struct advice advice;
	int unadvised;			/* why there is none; 0: there is */
	struct top top;			/* by service */
	bool has_top;
	/* Of a policy. */
	struct prefix_set local;	/* this host's addresses */
	enum page_policy policy;
	struct request asked;
	struct plan plan;
	int refused;			/* why it would not be applied; or 0 */
	struct change_summary changes;
};

int page_gather(const struct options *o, struct page *ret);
/* Of a policy: does an apply have something to do? */
bool page_differs(const struct page *p);
/* ... and was it compared with what is there? */
bool page_is_compared(const struct page *p);
/* "policy.yaml"; the words for standard input. */
const char *page_policy_name(const struct page *p);
/* Of one that was applied: what became of its file; NULL: nothing is known. */
const char *page_file_fate(const struct page *p);
/* Of a status's services; NULL: there is none of that name. */
const struct live_service *page_find_live(const struct page *p,
					  const char *name);
/* Are its rules known? Of iptables each family has a file of its own. */
bool page_has_family(const struct page *p, uint8_t family);
void page_release(struct page *p);

/* All of it, as HTML. */
void page_print(const struct page *p, struct strbuf *out);
/* The picture of the packets' path alone, as a file of SVG. */
void page_print_svg(const struct page *p, struct strbuf *out);

/* The sections, in the order of the page. */
void page_print_head(const struct page *p, struct strbuf *out);
void page_print_figures(const struct page *p, struct strbuf *out);
void page_print_path(const struct page *p, struct strbuf *out);
void page_print_next(const struct page *p, struct strbuf *out);
void page_print_services(const struct page *p, struct strbuf *out);
/* Left out where the policy has none. */
void page_print_packets(const struct page *p, struct strbuf *out);
void page_print_table(const struct page *p, struct strbuf *out);
void page_print_keepers(const struct page *p, struct strbuf *out);
void page_print_changes(const struct page *p, struct strbuf *out);
void page_print_history(const struct page *p, struct strbuf *out);

/* page_style.c: of the page, and of a picture that stands alone. */
extern const char page_style[], page_svg_style[];

/* "27 Nov 2026 15:45 UTC" */
void page_print_time(int64_t when, struct strbuf *out);
/* A paragraph about what the page does not know. */
void page_not_known(const char *words, struct strbuf *out);
/* On one line, of at most so many bytes, as code. */
void page_print_rule(const struct foreign_text *raw, struct strbuf *out);
/* "ctpolicy audit rules.nft", the command that lists all, as code. */
void page_print_audit(const struct page *p, struct strbuf *out);
/* "inet filter input, rule 3" */
void page_print_place(const struct foreign *f, const struct foreign_rule *r,
		      struct strbuf *out);

#endif
