/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_pending.c: the note of a trial, and of how it ended. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "state/pending.h"
#include "state/sealed.h"

static void note_comes_back(void **state)
{
	static const struct pending notes[] = {
		{ .id = 1, .space = "main" },
		{ .id = UINT32_MAX, .deadline = INT64_MAX, .space = "b-1",
		  .login = "ssh 192.0.2.1 22\ntty \"x\"\\" },
	};
	struct pending back;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };

		assert_int_equal(pending_encode(&notes[i], &text), 0);
		memset(&back, 0xff, sizeof(back));
		assert_int_equal(pending_decode(strbuf_str(&text), text.n,
						&back), 0);
		assert_int_equal(back.id, notes[i].id);
		assert_true(back.deadline == notes[i].deadline);
		assert_string_equal(back.space, notes[i].space);
		assert_string_equal(back.login, notes[i].login);
	}
}

static void longest_login(void **state)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	struct pending p = { .id = 1, .space = "main" }, back;

	(void)state;
	memset(p.login, 'x', sizeof(p.login) - 1);
	assert_int_equal(pending_encode(&p, &text), 0);
	assert_int_equal(pending_decode(strbuf_str(&text), text.n, &back), 0);
	assert_string_equal(back.login, p.login);
}

static void ending_comes_back(void **state)
{
	struct ending_note back;
	enum ending found;

	(void)state;
	for (enum ending e = 0; e < ENDING_MAX_; e++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };
		const struct ending_note note = {
			.id = 9, .ending = e, .time = 1234567890,
		};

		assert_int_equal(ending_encode(&note, &text), 0);
		assert_int_equal(ending_decode(strbuf_str(&text), text.n,
					       &back), 0);
		assert_int_equal(back.id, 9);
		assert_int_equal(back.ending, e);
		assert_int_equal(back.time, 1234567890);
		assert_int_equal(ending_find(ending_name(e), &found), 0);
		assert_int_equal(found, e);
	}
	assert_int_equal(ending_find("lost", &found), -EBADMSG);
	assert_int_equal(ending_find("", &found), -EBADMSG);
}

typedef int decode(const char *text, size_t len);

static int decode_pending(const char *text, size_t len)
{
	struct pending p, before;
	int err;

	memset(&p, 0x55, sizeof(p));
	before = p;
	err = pending_decode(text, len, &p);
	if (err)
		assert_memory_equal(&p, &before, sizeof(p));
	return err;
}

static int decode_ending(const char *text, size_t len)
{
	struct ending_note e;

	return ending_decode(text, len, &e);
}

/* Cut short anywhere, or one bit of it turned. */
static void assert_notices(decode *read, const struct strbuf *text)
{
	_cleanup_free_ char *copy = malloc(text->n);

	assert_non_null(copy);
	assert_int_equal(read(strbuf_str(text), text->n), 0);
	for (size_t n = 0; n < text->n; n++) {
		assert_int_equal(read(strbuf_str(text), n), -EBADMSG);
		memcpy(copy, strbuf_str(text), text->n);
		copy[n] ^= 1;
		assert_int_equal(read(copy, text->n), -EBADMSG);
	}
}

static void damaged(void **state)
{
	_cleanup_(strbuf_release) struct strbuf one = { 0 }, two = { 0 };
	const struct pending p = { .id = 3, .deadline = 5, .space = "main" };
	const struct ending_note e = { .id = 3, .ending = ENDING_FAILED };

	(void)state;
	assert_int_equal(pending_encode(&p, &one), 0);
	assert_notices(decode_pending, &one);
	assert_int_equal(ending_encode(&e, &two), 0);
	assert_notices(decode_ending, &two);
}

/* With a checksum that is right, so that only the form can be wrong. */
static int read_sealed(decode *read, const char *body)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	strbuf_puts(&text, body);
	assert_int_equal(sealed_put_checksum(&text), 0);
	return read(strbuf_str(&text), text.n);
}

#define PENDING(schema, id, deadline, space, login)                           \
	"{\"schema\":" schema ",\"id\":" id ",\"deadline\":" deadline         \
	",\"space\":" space ",\"login\":" login "}\n"
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64

static void other_notes(void **state)
{
	static const char *const wrong[] = {
		"{}\n", "[]\n", "",
		PENDING("1", "-1", "5", "\"s\"", "\"\""),
		PENDING("1", "4294967296", "5", "\"s\"", "\"\""),
		PENDING("1", "\"1\"", "5", "\"s\"", "\"\""),
		PENDING("1", "1", "-1", "\"s\"", "\"\""),
		PENDING("1", "1", "5.5", "\"s\"", "\"\""),
		PENDING("1", "1", "5", "\"" X64 "\"", "\"\""),
		PENDING("1", "1", "5", "null", "\"\""),
		PENDING("1", "1", "5", "\"s\"", "0"),
		PENDING("1", "1", "5", "\"s\"",
			"\"" X256 X256 X256 X256 "\""),
		PENDING("1", "1", "5", "\"s\"", "\"\"") "body",
		"{\"schema\":1,\"id\":1,\"deadline\":5,\"space\":\"s\"}\n",
	};

	(void)state;
	assert_int_equal(read_sealed(decode_pending, PENDING(
		"1", "1", "5", "\"s\"", "\"\"")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(read_sealed(decode_pending, wrong[i]),
				 -EBADMSG);
}

#define ENDING(schema, id, ending, time)                                      \
	"{\"schema\":" schema ",\"id\":" id ",\"ending\":" ending             \
	",\"time\":" time "}\n"

static void other_endings(void **state)
{
	static const char *const wrong[] = {
		"{}\n", "1\n",
		ENDING("1", "-1", "\"failed\"", "0"),
		ENDING("1", "4294967296", "\"failed\"", "0"),
		ENDING("1", "1", "\"lost\"", "0"),
		ENDING("1", "1", "2", "0"),
		ENDING("1", "1", "\"failed\"", "\"now\""),
		ENDING("1", "1", "\"failed\"", "0") "body",
	};

	(void)state;
	assert_int_equal(read_sealed(decode_ending, ENDING(
		"1", "1", "\"failed\"", "0")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(read_sealed(decode_ending, wrong[i]),
				 -EBADMSG);
}

/* What it holds beside is not known, so that it is not for this one. */
static void newer_version(void **state)
{
	(void)state;
	assert_int_equal(read_sealed(decode_pending, PENDING(
		"2", "1", "5", "\"s\"", "\"\"")), -EPROTO);
	assert_int_equal(read_sealed(decode_pending, PENDING(
		"1", "1", "5", "\"s\"", "\"\",\"more\":1")), -EPROTO);
	assert_int_equal(read_sealed(decode_pending, "{\"schema\":2}\n"),
			 -EPROTO);
	assert_int_equal(read_sealed(decode_ending, ENDING(
		"2", "1", "\"failed\"", "0")), -EPROTO);
	assert_int_equal(read_sealed(decode_ending, ENDING(
		"1", "1", "\"failed\"", "0,\"more\":1")), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(note_comes_back),
		cmocka_unit_test(longest_login),
		cmocka_unit_test(ending_comes_back),
		cmocka_unit_test(damaged),
		cmocka_unit_test(other_notes),
		cmocka_unit_test(other_endings),
		cmocka_unit_test(newer_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
