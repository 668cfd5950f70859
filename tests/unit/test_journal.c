/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_journal.c: which files a change leaves, and their numbers. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/sealed.h"

struct room {
	char top[64];
	struct state *st;
	struct diags d;
};

static int make_room(void **state)
{
	struct room *r = calloc(1, sizeof(*r));
	const char *tmp = getenv("TMPDIR");

	if (!r)
		return -1;
	snprintf(r->top, sizeof(r->top), "%s/state.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(r->top) || state_open(r->top, &r->st, &r->d))
		return -1;
	*state = r;
	return 0;
}

static void empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

static int remove_room(void **state)
{
	struct room *r = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s", r->st->path);
	state_close(&r->st);
	empty(path);
	rmdir(r->top);
	diags_release(&r->d);
	free(r);
	return 0;
}

static bool is_there(const struct room *r, const char *name)
{
	return !faccessat(r->st->dir, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

/* A change, or a rollback of `of`; `parts` of 0: nothing was to be written. */
static uint32_t begin(struct room *r, const char *command, uint32_t of,
		      size_t parts)
{
	_cleanup_(record_release) struct record rec = {
		.of = of, .command = strdup(command),
	};

	for (size_t i = 0; i < parts; i++) {
		struct record_part *p = record_add_part(&rec, "nftables");

		assert_non_null(p);
		p->before.s = strdup("before");
		p->before.len = strlen("before");
		p->after.s = strdup("");
	}
	assert_int_equal(journal_begin(r->st, &rec, &r->d), 0);
	assert_true(is_there(r, STATE_JOURNAL));
	return rec.id;
}

static uint32_t change(struct room *r, const char *command, uint32_t of)
{
	uint32_t id = begin(r, command, of, 1);

	assert_int_equal(journal_finish(r->st, &r->d), 0);
	assert_false(is_there(r, STATE_JOURNAL));
	return id;
}

static void assert_records(struct room *r, const uint32_t *want, size_t n)
{
	uint32_t v[STATE_KEPT + 1];
	size_t got;

	assert_int_equal(state_list(r->st, v, &got, &r->d), 0);
	assert_int_equal(got, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(v[i], want[i]);
}

static void reopen(struct room *r)
{
	state_close(&r->st);
	assert_int_equal(state_open(r->top, &r->st, &r->d), 0);
}

static void finished(void **state)
{
	_cleanup_(record_release) struct record rec = { 0 };
	struct room *r = *state;

	assert_int_equal(state_newest(r->st, &rec, &r->d), -ENOENT);
	assert_int_equal(journal_read(r->st, &rec, &r->d), -ENOENT);
	assert_int_equal(change(r, "apply", 0), 1);
	assert_int_equal(change(r, "apply", 0), 2);
	assert_records(r, (const uint32_t[]){ 1, 2 }, 2);
	assert_int_equal(state_newest(r->st, &rec, &r->d), 0);
	assert_int_equal(rec.id, 2);
	assert_string_equal(rec.space, state_space(r->st));
	assert_string_equal(rec.parts[0].before.s, "before");
	assert_int_equal(r->d.n, 0);
}

/* A command that died in between leaves a journal, which the next one reads. */
static void interrupted(void **state)
{
	_cleanup_(record_release) struct record rec = { 0 };
	struct room *r = *state;

	assert_int_equal(begin(r, "apply", 0, 1), 1);
	reopen(r);
	assert_int_equal(journal_read(r->st, &rec, &r->d), 0);
	assert_int_equal(rec.id, 1);
	assert_string_equal(rec.command, "apply");
	assert_int_equal(journal_finish(r->st, &r->d), 0);
	assert_records(r, (const uint32_t[]){ 1 }, 1);
}

/* A number is not given again, though no file has it any more. */
static void numbers(void **state)
{
	struct room *r = *state;

	assert_int_equal(begin(r, "apply", 0, 1), 1);
	assert_int_equal(journal_drop(r->st, &r->d), 0);
	assert_records(r, NULL, 0);
	assert_int_equal(begin(r, "apply", 0, 1), 2);
	assert_int_equal(journal_drop(r->st, &r->d), 0);
	reopen(r);
	assert_int_equal(begin(r, "apply", 0, 1), 3);
}

/* The lock file was lost; the records know better. */
static void number_of_records(void **state)
{
	struct room *r = *state;

	change(r, "apply", 0);
	change(r, "apply", 0);
	assert_int_equal(ftruncate(r->st->lock, 0), 0);
	reopen(r);
	assert_int_equal(begin(r, "apply", 0, 1), 3);
}

static void oldest_go(void **state)
{
	uint32_t want[STATE_KEPT];
	struct room *r = *state;

	for (uint32_t i = 1; i <= STATE_KEPT + 2; i++)
		assert_int_equal(change(r, "apply", 0), i);
	for (uint32_t i = 0; i < STATE_KEPT; i++)
		want[i] = i + 3;
	assert_records(r, want, STATE_KEPT);
	assert_false(is_there(r, "2"));
}

static void rolled_back(void **state)
{
	_cleanup_(record_release) struct record rec = { 0 };
	struct room *r = *state;

	change(r, "apply", 0);
	change(r, "apply", 0);
	assert_int_equal(change(r, "rollback", 2), 3);
	assert_records(r, (const uint32_t[]){ 1 }, 1);
	assert_int_equal(state_newest_undone(r->st, &rec, &r->d), 0);
	assert_int_equal(rec.id, 3);
	assert_int_equal(rec.of, 2);
}

static void redone(void **state)
{
	_cleanup_(record_release) struct record none = { 0 };
	struct room *r = *state;

	change(r, "apply", 0);
	change(r, "rollback", 1);
	assert_true(is_there(r, "undone.2"));
	assert_int_equal(change(r, "redo", 2), 3);
	assert_records(r, (const uint32_t[]){ 3 }, 1);
	assert_int_equal(state_newest_undone(r->st, &none, &r->d), -ENOENT);
}

/* What an interrupted rollback, or redo, was undoing is still to be read. */
static void undone_by_journal(void **state)
{
	struct room *r = *state;

	change(r, "apply", 0);
	for (int redo = 0; redo < 2; redo++) {
		_cleanup_(record_release) struct record j = { 0 }, of = { 0 };

		begin(r, redo ? "redo" : "rollback", (uint32_t)redo + 1, 1);
		assert_int_equal(journal_read(r->st, &j, &r->d), 0);
		assert_int_equal(journal_read_undone(r->st, &j, &of, &r->d),
				 0);
		assert_int_equal(of.id, redo + 1);
		assert_string_equal(of.command, redo ? "rollback" : "apply");
		assert_int_equal(journal_finish(r->st, &r->d), 0);
	}
}

static void new_change_ends_redo(void **state)
{
	_cleanup_(record_release) struct record none = { 0 };
	struct room *r = *state;

	change(r, "apply", 0);
	change(r, "rollback", 1);
	change(r, "apply", 0);
	assert_int_equal(state_newest_undone(r->st, &none, &r->d), -ENOENT);
	assert_false(is_there(r, "undone.2"));
}

/* Somebody else had restored the rules: no record, no way on. */
static void nothing_to_write(void **state)
{
	struct room *r = *state;

	change(r, "apply", 0);
	change(r, "apply", 0);
	change(r, "rollback", 2);
	begin(r, "rollback", 1, 0);
	assert_int_equal(journal_finish(r->st, &r->d), 0);
	assert_records(r, NULL, 0);
	assert_false(is_there(r, STATE_JOURNAL));
	assert_false(is_there(r, "undone.3"));
	assert_false(is_there(r, "undone.4"));
}

static void forgotten(void **state)
{
	struct room *r = *state;

	change(r, "apply", 0);
	change(r, "apply", 0);
	change(r, "rollback", 2);
	state_forget_record(r->st, 1);
	assert_records(r, NULL, 0);
	assert_false(is_there(r, "undone.3"));
}

static void put(struct room *r, const char *name, const char *text)
{
	int fd = openat(r->st->dir, name, O_WRONLY | O_CREAT | O_TRUNC |
			O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_refused(struct room *r, int id)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	struct record rec;

	assert_int_equal(journal_read(r->st, &rec, &d), -EIO);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].level, DIAG_ERROR);
	assert_int_equal(d.v[0].id, id);
}

static void unreadable(void **state)
{
	_cleanup_(strbuf_release) struct strbuf other = { 0 };
	struct room *r = *state;

	put(r, STATE_JOURNAL, "");
	assert_refused(r, ID_STATE_FILE_DAMAGED);
	put(r, STATE_JOURNAL, "{\"format\":2}\n");
	assert_refused(r, ID_STATE_FILE_DAMAGED);
	strbuf_puts(&other, "{\"format\":99}\n");
	assert_int_equal(sealed_put_checksum(&other), 0);
	put(r, STATE_JOURNAL, strbuf_str(&other));
	assert_refused(r, ID_RECORD_VERSION);
	assert_int_equal(unlinkat(r->st->dir, STATE_JOURNAL, 0), 0);
	assert_int_equal(symlinkat("1", r->st->dir, STATE_JOURNAL), 0);
	assert_refused(r, ID_STATE_FILE);
}

static void names(void **state)
{
	static const char *const none[] = {
		"", "0", "01", "-1", "+1", "1 ", "1a", "4294967296",
		"99999999999", "journal", "undone.1",
	};
	uint32_t id;

	(void)state;
	assert_true(state_is_record("4294967295", &id));
	assert_int_equal(id, UINT32_MAX);
	assert_true(state_is_record("1", &id));
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(state_is_record(none[i], &id));
	assert_true(state_is_undone("undone.7", &id));
	assert_int_equal(id, 7);
	assert_false(state_is_undone("7", &id));
	assert_false(state_is_undone("undone.", &id));
	assert_false(state_is_undone("undone.07", &id));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, make_room, remove_room)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(finished),
		CASE(interrupted),
		CASE(numbers),
		CASE(number_of_records),
		CASE(oldest_go),
		CASE(rolled_back),
		CASE(redone),
		CASE(undone_by_journal),
		CASE(new_change_ends_redo),
		CASE(nothing_to_write),
		CASE(forgotten),
		CASE(unreadable),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
