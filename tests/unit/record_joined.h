/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/record_joined.h: what a record's file holds, as one text.
 *
 * Errors: those of record_encode().
 */
#ifndef CTPOLICY_TESTS_UNIT_RECORD_JOINED_H
#define CTPOLICY_TESTS_UNIT_RECORD_JOINED_H

#include "core/mem.h"
#include "state/record.h"

static inline int record_joined(const struct record *r, struct strbuf *out)
{
	_cleanup_(record_text_release) struct record_text t = { 0 };
	int err = record_encode(r, &t);

	for (size_t i = 0; !err && i < t.n; i++)
		strbuf_add(out, t.v[i].s, t.v[i].len);
	return err ? err : strbuf_status(out);
}

#endif
