/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_record.c: a record is read back whole, or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/mem.h"
#include "state/record.h"
#include "state/sealed.h"
#include "tests/unit/record_joined.h"

static void set_text(struct rules_text *t, const char *s)
{
	t->s = strdup(s);
	assert_non_null(t->s);
	t->len = strlen(s);
}

static void add_part(struct record *r, const char *target, uint64_t digest)
{
	struct record_part *p = record_add_part(r, target);

	assert_non_null(p);
	p->digest_before = digest;
	p->digest_after = ~digest;
	set_text(&p->before, "table inet ctpolicy {\n}\n");
	set_text(&p->after, digest ? "x" : "");
}

static void fill(struct record *r)
{
	*r = (struct record){
		.id = 7, .of = 6, .time = 1234567890, .policy_digest = 0xabc,
	};
	r->command = strdup("rollback");
	r->policy = strdup("policy.yaml");
	r->user = strdup("admin");
	r->via = strdup("sudo");
	r->unit = strdup("x.service");
	memcpy(r->space, "boot-1", 7);
	set_text(&r->policy_text, "version: 1\n");
	r->family = 10;
	r->backend = strdup("iptables");
	r->force = true;
	add_part(r, "nftables", 0xffffffffffffffff);
	add_part(r, "iptables", 0);
}

static void encode(struct strbuf *out)
{
	_cleanup_(record_release) struct record r;

	fill(&r);
	assert_int_equal(record_joined(&r, out), 0);
}

/* As written by pieces, and read from the file. */
static void written(const struct record *r, char **ret, size_t *ret_len)
{
	_cleanup_(record_text_release) struct record_text t = { 0 };
	char folder[] = "/tmp/ctpolicy-record.XXXXXX";
	int dir;

	assert_non_null(mkdtemp(folder));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(record_encode(r, &t), 0);
	assert_int_equal(state_file_write_pieces(dir, "1", t.v, t.n), 0);
	assert_int_equal(state_file_read(dir, "1", ret, ret_len), 0);
	assert_int_equal(state_file_unlink(dir, "1"), 0);
	close(dir);
	rmdir(folder);
}

/* A policy that is in a file gives the same record. */
static void text_in_a_file(void **state)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	_cleanup_(record_text_release) struct record_text t = { 0 };
	_cleanup_(record_release) struct record r;
	_cleanup_free_ char *copy = NULL;
	FILE *file = tmpfile();
	size_t len;

	(void)state;
	encode(&text);
	fill(&r);
	assert_non_null(file);
	assert_true(fputs(r.policy_text.s, file) >= 0 && !fflush(file));
	free(r.policy_text.s);
	r.policy_text.s = NULL;
	r.policy_text.file = file;
	written(&r, &copy, &len);
	assert_int_equal(len, text.n);
	assert_memory_equal(copy, strbuf_str(&text), len);
	r.policy_text.len++;	/* more than there is */
	assert_int_equal(record_encode(&r, &t), -EIO);
	fclose(file);
}

static void round_trip(void **state)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 }, again = { 0 };
	_cleanup_(record_release) struct record r = { 0 };

	(void)state;
	encode(&text);
	assert_int_equal(record_decode(strbuf_str(&text), text.n, &r), 0);
	assert_int_equal(r.id, 7);
	assert_int_equal(r.of, 6);
	assert_int_equal(r.time, 1234567890);
	assert_string_equal(r.command, "rollback");
	assert_string_equal(r.user, "admin");
	assert_string_equal(r.via, "sudo");
	assert_null(r.tty);
	assert_string_equal(r.unit, "x.service");
	assert_string_equal(r.space, "boot-1");
	assert_int_equal(r.n_parts, 2);
	assert_string_equal(r.parts[0].target, "nftables");
	assert_true(r.parts[0].digest_before == UINT64_MAX);
	assert_string_equal(r.parts[0].after.s, "x");
	assert_int_equal(r.parts[1].after.len, 0);
	assert_true(r.parts[1].digest_after == UINT64_MAX);
	assert_string_equal(r.policy_text.s, "version: 1\n");
	assert_int_equal(r.family, 10);
	assert_string_equal(r.backend, "iptables");
	assert_true(r.force);
	assert_int_equal(record_joined(&r, &again), 0);
	assert_string_equal(strbuf_str(&text), strbuf_str(&again));
}

/* A name that is not UTF-8 is not worth losing the way back for. */
static void odd_name(void **state)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	_cleanup_(record_release) struct record r = { 0 }, back = { 0 };

	(void)state;
	r.command = strdup("apply");
	r.policy = strdup("\xff.yaml");
	assert_int_equal(record_joined(&r, &text), 0);
	assert_int_equal(record_decode(strbuf_str(&text), text.n, &back), 0);
	assert_null(back.policy);
	assert_int_equal(back.n_parts, 0);
}

static void damaged(void **state)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	_cleanup_free_ char *copy = NULL;
	struct record r = { 0 };

	(void)state;
	encode(&text);
	copy = malloc(text.n);
	assert_non_null(copy);
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(record_decode(strbuf_str(&text), n, &r),
				 -EBADMSG);
	for (size_t n = 0; n < text.n; n++) {
		memcpy(copy, strbuf_str(&text), text.n);
		copy[n] ^= 4;
		assert_int_equal(record_decode(copy, text.n, &r), -EBADMSG);
	}
}

static int decode_sealed(const char *body)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	_cleanup_(record_release) struct record r = { 0 };

	strbuf_puts(&text, body);
	assert_int_equal(sealed_put_checksum(&text), 0);
	return record_decode(strbuf_str(&text), text.n, &r);
}

#define HEAD(format, parts)                                                   \
	"{\"format\":" format ",\"id\":1,\"of\":0,\"time\":1,"                \
	"\"command\":\"apply\",\"policy_digest\":\"0000000000000000\","       \
	"\"space\":\"s\",\"parts\":" parts "}\n"
#define MORE(format)                                                          \
	"{\"format\":" format ",\"id\":1,\"of\":0,\"time\":1,\"later\":[1],"   \
	"\"command\":\"apply\",\"policy_digest\":\"0000000000000000\","       \
	"\"space\":\"s\",\"parts\":[]}\n"
#define TEXT(length)                                                          \
	"{\"format\":2,\"id\":1,\"of\":0,\"time\":1,"                          \
	"\"command\":\"apply\",\"policy_digest\":\"0000000000000000\","       \
	"\"policy_text\":" length ",\"space\":\"s\",\"parts\":[]}\n"
#define PART(before, after)                                                   \
	"{\"target\":\"t\",\"digest_before\":\"0123456789abcdef\","           \
	"\"digest_after\":\"0000000000000000\",\"before\":" before            \
	",\"after\":" after "}"

/* Whole, as the checksum says, but not what this version writes. */
static void other_forms(void **state)
{
	(void)state;
	assert_int_equal(decode_sealed(HEAD("2", "[]")), 0);
	assert_int_equal(decode_sealed(HEAD("1", "[]")), -EPROTO);
	assert_int_equal(decode_sealed(HEAD("3", "[]")), -EPROTO);
	assert_int_equal(decode_sealed("{\"schema\":1,\"id\":1}\n"), -EPROTO);
	/* Of a later version: what is only said of a change is passed over. */
	assert_int_equal(decode_sealed(MORE("2")), 0);
	assert_int_equal(decode_sealed(MORE("3")), -EPROTO);
	assert_int_equal(decode_sealed(MORE("2") "abc"), -EBADMSG);
	assert_int_equal(decode_sealed(HEAD("2", "[" PART("2", "1,\"more\":1")
					    "]") "abc"), -EPROTO);
	assert_int_equal(decode_sealed("[]\n"), -EBADMSG);
	assert_int_equal(decode_sealed("{}"), -EBADMSG);
	assert_int_equal(decode_sealed(HEAD("2", "{}")), -EBADMSG);
	assert_int_equal(decode_sealed(HEAD("2", "[1]")), -EBADMSG);
	assert_int_equal(decode_sealed(HEAD("2", "[" PART("2", "1") "]")
				       "abc"), 0);
	assert_int_equal(decode_sealed(HEAD("2", "[" PART("2", "2") "]")
				       "abc"), -EBADMSG);
	assert_int_equal(decode_sealed(HEAD("2", "[" PART("1", "1") "]")
				       "abc"), -EBADMSG);
	assert_int_equal(decode_sealed(HEAD("2", "[" PART("-1", "4") "]")
				       "abc"), -EBADMSG);
	assert_int_equal(decode_sealed(HEAD("2", "[" PART("9e9", "1") "]")
				       "abc"), -EBADMSG);
	assert_int_equal(decode_sealed(TEXT("3") "abc"), 0);
	assert_int_equal(decode_sealed(TEXT("2") "abc"), -EBADMSG);
	assert_int_equal(decode_sealed(TEXT("4") "abc"), -EBADMSG);
	assert_int_equal(decode_sealed(TEXT("-1") "abc"), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_in_a_file),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(odd_name),
		cmocka_unit_test(damaged),
		cmocka_unit_test(other_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
