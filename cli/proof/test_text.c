/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/proof/test_text.c: the result of a test as text. */
#include <string.h>

#include "cli/proof/test_report.h"
#include "core/mem.h"

void test_packet_words(const struct packet_test *t, struct strbuf *out)
{
	struct call as = { .family = t->family, .proto = t->proto,
			   .cport = t->sport, .sport = t->dport };

	memcpy(as.client, t->saddr, sizeof(as.client));
	memcpy(as.server, t->daddr, sizeof(as.server));
	service_protocol_print(t->proto, out);
	strbuf_puts(out, " ");
	prove_packet_words(&as, false, out);
}

const char *test_word(const struct prove *x, int err)
{
	return err ? "failed" : prove_holds(x) ? "passed" : "not_passed";
}

/* The same packet, with each backend. */
static void print_test(const struct prove *x, size_t i)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };
	bool passed = true;

	for (size_t k = 0; k < x->n_runs; k++)
		passed &= x->runs[k].tests[i].passed;
	test_packet_words(x->runs[0].tests[i].test, &line);
	printf("%-4s %2zu  ", passed ? "ok" : "FAIL", i + 1);
	diag_puts(strbuf_status(&line) ? "(out of memory)" : strbuf_str(&line),
		  stdout);
	for (size_t k = 0; k < x->n_runs; k++) {
		const struct prove_test *t = &x->runs[k].tests[i];

		printf("  %s: %s%s", x->runs[k].backend,
		       !t->tried ? "not tried" :
		       t->tracked ? "tracked, " : "untracked, ",
		       !t->tried ? "" : t->accepted ? "accept" : "drop");
	}
	putchar('\n');
}

static size_t connections(const struct prove_run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_legs; i++)
		if (!r->legs[i].reply && r->legs[i].fate != LEG_UNTRIED)
			n += r->legs[i].connections;
	return n;
}

static void print_run(const struct prove *x, const struct prove_run *r)
{
	size_t n = r->plan.policy->n_services, held = connections(r);

	if (!r->n_legs)
		return;
	printf("legs %zu of %zu %s   (%s, %zu %s, %zu %s, %s)\n", r->proven,
	       r->n_legs, r->tells_tracking ? "without an entry" : "delivered",
	       r->backend, n, n == 1 ? "service" : "services", held,
	       held == 1 ? "connection" : "connections",
	       x->file	? "with the file's rules" :
	       x->whole ? "with this host's rules" :
			  "without the host's rules");
}

void test_print_text(const struct prove *x)
{
	for (size_t i = 0; x->n_runs && i < x->runs[0].n_tests; i++)
		print_test(x, i);
	for (size_t i = 0; i < x->n_runs; i++)
		print_run(x, &x->runs[i]);
}
