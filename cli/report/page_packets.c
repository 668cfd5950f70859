/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/report/page_packets.c: what becomes of the policy's test packets. */
#include <netinet/tcp.h>
#include <string.h>

#include "audit/explain.h"
#include "cli/audit/explain_report.h"
#include "cli/proof/test_report.h"
#include "cli/report/page.h"
#include "core/mem.h"

static const struct html_column columns[] = {
	{ "packet", HTML_CODE },
	{ "expected", NULL },
	{ "by these rules", NULL },
	{ "what decides", NULL },
};

static struct packet_end end_of(uint8_t family, const uint8_t *addr,
				uint16_t port, uint8_t proto)
{
	struct packet_end e = {
		.at = { .family = family, .port = port,
			.has_port = protocol_has_ports(proto) },
	};

	memcpy(e.at.addr, addr, sizeof(e.at.addr));
	return e;
}

/* The first of its connection. */
static struct packet_spec spec_of(const struct packet_test *t)
{
	return (struct packet_spec){
		.family = t->family, .proto = t->proto,
		.from = end_of(t->family, t->saddr, t->sport, t->proto),
		.to = end_of(t->family, t->daddr, t->dport, t->proto),
		.has_flags = t->proto == IPPROTO_TCP, .flags = TH_SYN,
	};
}

static int follow(const struct page *p, const struct packet_test *t,
		  struct walker *w, struct walk *ret)
{
	const struct packet_spec spec = spec_of(t);
	struct diags said = { 0 };
	struct explain_host host = {
		.local = &p->local, .knows_local = !p->file,
		.states = packet_state_of("new", strlen("new")),
		.tracking = explain_tracking(p->f, t->family),
	};
	struct packet at;
	bool assumed;
	int err = explain_packet(&spec, &host, &at, &assumed, &said);

	diags_release(&said);
	return err ? err : walk_run(w, &at, ret);
}

/* ---- the words ---- */

static void put_expected(const struct packet_test *t, struct strbuf *out)
{
	if (t->tracked >= 0)
		strbuf_puts(out, t->tracked ? "tracked" : "untracked");
	if (t->accept >= 0)
		strbuf_printf(out, "%s%s", t->tracked >= 0 ? ", " : "",
			      t->accept ? "accepted" : "dropped");
	if (t->tracked < 0 && t->accept < 0)
		strbuf_puts(out, "–");
}

/* Does it go as expected, as far as that is known? */
static enum truth meets(const struct packet_test *t, const struct walk *w)
{
	enum truth is = TRUTH_YES;

	if (t->tracked >= 0 && w->tracked == TRUTH_MAYBE)
		is = TRUTH_MAYBE;
	if (t->accept >= 0 && w->outcome == WALK_UNKNOWN)
		is = TRUTH_MAYBE;
	if (t->tracked >= 0 && w->tracked != TRUTH_MAYBE &&
	    t->tracked != (w->tracked == TRUTH_YES))
		return TRUTH_NO;
	if (t->accept >= 0 && w->outcome != WALK_UNKNOWN &&
	    t->accept != (w->outcome == WALK_ACCEPTED))
		return TRUTH_NO;
	return is;
}

static void put_found(const struct packet_test *t, const struct walk *w,
		      struct strbuf *out)
{
	static const char *const marks[] = {
		[TRUTH_YES] = "<span class=\"good\">✓ ",
		[TRUTH_NO] = "<span class=\"bad\">✗ ",
		[TRUTH_MAYBE] = "<span>? ",
	};

	strbuf_printf(out, "%s%s, %s</span>", marks[meets(t, w)],
		      explain_tracked_word(w->tracked),
		      explain_word(w->outcome));
}

static void put_decider(const struct page *p, const struct walk *w,
			struct strbuf *out)
{
	const struct walk_phase *last = w->n_phases ?
					&w->phases[w->n_phases - 1] : NULL;
	const struct walk_step *s = last ? walk_decider(w, last) : NULL;
	const struct foreign_rule *r;

	if (!s) {
		strbuf_puts(out, w->outcome == WALK_ACCEPTED ?
			    "no rule is against it" : "several rules may");
		return;
	}
	if (s->rule == FOREIGN_NOWHERE) {
		strbuf_puts(out, "the policy of chain ");
		html_text(out, p->f->chains[s->chain].name);
		return;
	}
	r = &p->f->rules[s->rule];
	page_print_place(p->f, r, out);
	strbuf_puts(out, "\n");
	page_print_rule(&r->raw, out);
}

static void put_row(struct html_table *t, const struct page *p,
		    const struct packet_test *test, struct walker *walker)
{
	_cleanup_(walk_release) struct walk w = { 0 };
	_cleanup_(strbuf_release) struct strbuf words = { 0 };
	int err = follow(p, test, walker, &w);

	html_cell(t);
	test_packet_words(test, &words);
	html_buffer(t->out, &words);
	html_cell(t);
	put_expected(test, t->out);
	html_cell(t);
	if (err)
		t->out->lost = true;
	else
		put_found(test, &w, t->out);
	html_cell(t);
	put_decider(p, &w, t->out);
}

static void print_tests(const struct page *p, struct strbuf *out)
{
	struct html_table t = { .out = out, .columns = columns,
				.n = ARRAY_SIZE(columns) };
	const struct policy *policy = p->plan.policy;
	struct walker *walker = NULL;

	if (walker_new(p->f, &walker)) {
		out->lost = true;
		return;
	}
	html_table_begin(&t, "The first packets of the policy’s section <code>tests</code>, followed through the rules as they are now");
	for (size_t i = 0; i < policy->n_tests; i++)
		put_row(&t, p, &policy->tests[i], walker);
	html_table_end(&t);
	walker_free(&walker);
	if (page_differs(p))
		page_not_known("The rules as they are now, not as the policy would leave them: 'ctpolicy test' tries that, with real packets.",
			       out);
	if (p->file)
		page_not_known("A saved ruleset does not tell the host's addresses: each packet is taken to come in for this host.",
			       out);
}

void page_print_packets(const struct page *p, struct strbuf *out)
{
	if (!p->plan.policy || !p->plan.policy->n_tests)
		return;
	html_section(out, "packets", "Test packets");
	print_tests(p, out);
	html_section_end(out);
}
