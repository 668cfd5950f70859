/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_records.c: any bytes as a file of the state folder, with a
 * checksum that is right: what was read must encode to what reads the same.
 */
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "state/pending.h"
#include "state/record.h"
#include "state/sealed.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/record_joined.h"

static void record(const char *text, size_t len)
{
	_cleanup_(strbuf_release) struct strbuf once = { 0 }, twice = { 0 };
	struct record r, again;

	if (record_decode(text, len, &r))
		return;
	if (!record_joined(&r, &once)) {
		MUST(!record_decode(strbuf_str(&once), once.n, &again));
		MUST(!record_joined(&again, &twice));
		MUST(once.n == twice.n &&
		     !memcmp(strbuf_str(&once), strbuf_str(&twice), once.n));
		record_release(&again);
	}
	record_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(strbuf_release) struct strbuf sealed = { 0 };
	struct ending_note note;
	struct pending pending;

	if (!size)
		return 0;
	record((const char *)data, size);
	if (memchr(data, '\0', size))
		return 0;
	strbuf_printf(&sealed, "%.*s", (int)size, (const char *)data);
	MUST(!sealed_put_checksum(&sealed));
	record(strbuf_str(&sealed), sealed.n);
	(void)pending_decode(strbuf_str(&sealed), sealed.n, &pending);
	(void)ending_decode(strbuf_str(&sealed), sealed.n, &note);
	return 0;
}
