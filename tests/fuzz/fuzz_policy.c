/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_policy.c: any bytes as a policy. What loads must lower for
 * every backend, render, and read back as the same rules.
 */
#include <string.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "generators/generate.h"
#include "policies/policy.h"
#include "tests/fuzz/fuzz.h"

static void round_trip(const struct backend *b, const struct image *want)
{
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	_cleanup_(image_free) struct image *again = NULL;
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	MUST(out);
	MUST(!b->render(want, out));
	MUST(!fclose(out));
	if (b->parse("render", text, len, &again, &d)) {
		diags_print(&d, NULL, 0, 0, false, stderr);
		MUST(!"what was rendered must parse");
	}
	MUST(!changeset_diff(want, again, &cs));
	MUST(!cs->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(policy_free) struct policy *p = NULL;
	_cleanup_(ruleset_free) struct ruleset *rs = NULL;
	_cleanup_(diags_release) struct diags d = { 0 };

	if (policy_parse("fuzz", (const char *)data, size, &p, &d)) {
		MUST(d.errors || d.lost);
		return 0;
	}
	if (generate(p, &host_facts_default, &rs, &d))
		return 0;
	for (size_t i = 0; backends[i]; i++) {
		_cleanup_(image_free) struct image *img = NULL;

		if (!backends[i]->lower(rs, NULL, NULL, &img, &d))
			round_trip(backends[i], img);
	}
	return 0;
}
