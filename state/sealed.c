/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/sealed.c: lines of JSON, and the checksum that ends a state file. */
#include "state/sealed.h"

#include <inttypes.h>
#include <string.h>

#include "core/digest.h"
#include "core/mem.h"
#include "state/json_memory.h"
#include "state/record.h"

#define CHECKSUM_LEN 17		/* 16 digits and a newline */

void sealed_json_freep(json_t **j)
{
	json_decref(*j);
}

int sealed_put_json(json_t *j, struct strbuf *out)
{
	_cleanup_free_ char *line = NULL;

	if (!j)
		return -ENOMEM;
	line = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	if (!line || json_memory_lost())
		return -ENOMEM;
	strbuf_puts(out, line);
	strbuf_puts(out, "\n");
	return strbuf_status(out);
}

int sealed_put_sum(uint64_t sum, struct strbuf *out)
{
	strbuf_printf(out, "%016" PRIx64 "\n", sum);
	return strbuf_status(out);
}

int sealed_put_checksum(struct strbuf *out)
{
	return sealed_put_sum(digest_add(DIGEST_START, strbuf_str(out),
					 out->n), out);
}

/* *len becomes that of the text without its last line, if that is right. */
int sealed_check(const char *text, size_t *len)
{
	char sum[CHECKSUM_LEN + 1];

	if (*len < CHECKSUM_LEN)
		return -EBADMSG;
	*len -= CHECKSUM_LEN;
	snprintf(sum, sizeof(sum), "%016" PRIx64 "\n",
		 digest_add(DIGEST_START, text, *len));
	return memcmp(sum, text + *len, CHECKSUM_LEN) ? -EBADMSG : 0;
}

int sealed_get_line(const char *text, size_t len, json_t **ret,
		    size_t *ret_len)
{
	const char *end = memchr(text, '\n', len);
	json_error_t e;

	if (!end)
		return -EBADMSG;
	json_memory_watch();
	*ret = json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES,
			  &e);
	if (json_memory_lost())
		return -ENOMEM;
	if (!*ret)
		return -EBADMSG;
	*ret_len = (size_t)(end - text) + 1;
	return 0;
}

int sealed_put_only(json_t *j, struct strbuf *out)
{
	int err = sealed_put_json(j, out);

	return err ? err : sealed_put_checksum(out);
}

int sealed_get_only(const char *text, size_t len, json_t **ret)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	size_t end = 0;
	int err = sealed_check(text, &len);

	if (!err)
		err = sealed_get_line(text, len, &j, &end);
	if (err)
		return err;
	if (end != len)
		return -EBADMSG;
	*ret = TAKE_PTR(j);
	return 0;
}

int sealed_check_schema(const json_t *j, int schema, size_t keys)
{
	const json_t *v = json_object_get(j, "schema");

	if (!json_is_integer(v))
		return -EBADMSG;
	return json_integer_value(v) != schema || json_object_size(j) > keys ?
		       -EPROTO : 0;
}

/* A number that ctpolicy wrote fits its field. */
int sealed_get_u32(json_int_t v, uint32_t *ret)
{
	if (v < 0 || v > UINT32_MAX)
		return -EBADMSG;
	*ret = (uint32_t)v;
	return 0;
}

int sealed_get_space(const char *s, char *ret)
{
	if (strlen(s) >= SPACE_MAX)
		return -EBADMSG;
	memcpy(ret, s, strlen(s) + 1);
	return 0;
}
