/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/strbuf.h: growable text.
 *
 * Shape:  `s` is always NUL-terminated once anything was added, NULL before.
 *         A buffer that ran out of memory is `lost` and ignores what follows,
 *         so that a run of adds needs one check at its end.
 * Owner:  strbuf_release() leaves a reusable empty buffer;
 *         strbuf_take() hands the text to the caller, who frees it.
 * Errors: strbuf_status() is 0 or -ENOMEM.
 */
#ifndef CTPOLICY_CORE_STRBUF_H
#define CTPOLICY_CORE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *s;
	size_t n, cap;
	bool lost;
};

void strbuf_add(struct strbuf *b, const char *bytes, size_t n);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_printf(struct strbuf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Another's text; what that one has lost is lost to this one, too. */
void strbuf_join(struct strbuf *b, const struct strbuf *other);
void strbuf_clear(struct strbuf *b);
void strbuf_release(struct strbuf *b);
int strbuf_status(const struct strbuf *b);
/* The text, or "" for an empty buffer; borrowed until the next change. */
const char *strbuf_str(const struct strbuf *b);
/*
 * The same, for a text that is made of it: *lost (of the buffer that the text
 * goes into, or of the diagnostics) becomes true if this one lost something, so
 * that nothing cut short is taken for whole.
 */
const char *strbuf_text(const struct strbuf *b, bool *lost);
/* The text (never NULL unless out of memory), owned by the caller. */
char *strbuf_take(struct strbuf *b);

#endif
