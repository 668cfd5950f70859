/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/sealed.h: the form that all state files share.
 *
 * Shape:  a first line of JSON, perhaps a body, and a last line with a
 *         checksum of everything before it.
 * Errors: -EBADMSG: cut short, changed, or not of this form. -EPROTO: whole,
 *         but another version's. -ENOMEM.
 */
#ifndef CTPOLICY_STATE_SEALED_H
#define CTPOLICY_STATE_SEALED_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/strbuf.h"

void sealed_json_freep(json_t **j);
/* One line; j may be NULL, when jansson had no memory for it. */
int sealed_put_json(json_t *j, struct strbuf *out);
int sealed_put_checksum(struct strbuf *out);
/* The same of a text that is elsewhere; sum: its digest. */
int sealed_put_sum(uint64_t sum, struct strbuf *out);
/* Check the checksum and take it off *len. */
int sealed_check(const char *text, size_t *len);
/* Read the first line; *ret_len is its length with the newline. */
int sealed_get_line(const char *text, size_t len, json_t **ret,
		    size_t *ret_len);
/* A file that is one line of JSON; both include the checksum. */
int sealed_put_only(json_t *j, struct strbuf *out);
int sealed_get_only(const char *text, size_t len, json_t **ret);
/* Has it the key "schema" of this version's, and no key more than these? */
int sealed_check_schema(const json_t *j, int schema, size_t keys);
/* A whole number that must fit its field. */
int sealed_get_u32(json_int_t v, uint32_t *ret);
/* `ret` holds SPACE_MAX bytes. */
int sealed_get_space(const char *s, char *ret);

#endif
