/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/proof/test_json.c: the result of a test as one JSON object. */
#include <errno.h>
#include <jansson.h>

#include "cli/output/json_text.h"
#include "cli/proof/test_report.h"
#include "core/mem.h"
#include "state/json_memory.h"

static json_t *text_of(const struct strbuf *b)
{
	return strbuf_status(b) ? NULL : json_of_text(strbuf_str(b));
}

static json_t *packet_of(const struct call *t, bool reply)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	prove_packet_words(t, reply, &b);
	return text_of(&b);
}

static json_t *protocol_of(uint8_t proto)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	service_protocol_print(proto, &b);
	return text_of(&b);
}

static json_t *of_leg(const struct prove_leg *l)
{
	static const char *const ways[WAY_MAX_] = {
		[WAY_IN] = "in", [WAY_OUT] = "out",
		[WAY_THROUGH] = "forwarded", [WAY_WITHIN] = "loopback",
	};

	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:o, s:s, s:I, s:o, s:o}",
			 "service", json_of_text(l->service->name),
			 "policy", json_of_place(&l->service->at),
			 "way", ways[l->way],
			 "leg", l->reply ? "reply" : "request",
			 "family", l->family == AF_INET ? "ipv4" : "ipv6",
			 "protocol", protocol_of(l->proto),
			 "result", prove_fate_name(l->fate),
			 "connections", (json_int_t)l->connections,
			 "packet", packet_of(&l->call, l->reply),
			 "rule", json_of_text(l->by));
}

static json_t *of_test(const struct prove_test *t)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	test_packet_words(t->test, &b);
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}",
			 "packet", text_of(&b),
			 "policy", json_of_place(&t->test->at),
			 "passed", t->passed,
			 "tracked", t->tried ? json_boolean(t->tracked) :
					       json_null(),
			 "verdict", t->tried ? json_string(t->accepted ?
							   "accept" : "drop") :
					       json_null(),
			 "rule", json_of_text(t->by));
}

static json_t *of_run(const struct prove_run *r)
{
	json_t *legs = json_array(), *tests = json_array();

	for (size_t i = 0; i < r->n_legs; i++)
		json_array_append_new(legs, of_leg(&r->legs[i]));
	for (size_t i = 0; i < r->n_tests; i++)
		json_array_append_new(tests, of_test(&r->tests[i]));
	return json_pack("{s:s, s:b, s:I, s:I, s:o, s:o}", "backend",
			 r->backend, "tells_tracking", r->tells_tracking,
			 "legs_proven", (json_int_t)r->proven,
			 "legs_total", (json_int_t)r->n_legs,
			 "legs", legs, "tests", tests);
}

int test_print_json(const struct prove *x, int err)
{
	json_t *runs, *diags, *o;

	json_memory_watch();
	runs = json_array();
	diags = json_array();
	for (size_t i = 0; !err && i < x->n_runs; i++)
		json_array_append_new(runs, of_run(&x->runs[i]));
	json_add_diags(diags, &x->plan.diags);
	o = json_pack("{s:i, s:s, s:o, s:s, s:b, s:o, s:o}", "schema", 1,
		      "command", "test", "source",
		      json_of_text(x->file ? x->file : "live"), "result",
		      test_word(x, err), "host_rules", x->whole, "runs", runs,
		      "diagnostics", diags);
	if (!o || json_memory_lost() || json_print(o)) {
		json_decref(o);
		/* the word needs no memory */
		printf("{\"schema\": 1, \"command\": \"test\", \"result\": \"%s\", \"runs\": [], \"diagnostics\": []}\n",
		       test_word(x, err));
		return -ENOMEM;
	}
	json_decref(o);
	return 0;
}
