/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/journal.c: the files of a state folder, and when each is there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/state_file.h"
#include "state/state_io.h"

#define JOURNAL STATE_JOURNAL
#define UNDONE "undone."
#define NAME_MAX_ 24		/* of a record: a word and digits */

/* Which records: of changes, or of rollbacks that can be undone. */
typedef bool is_name(const char *name, uint32_t *ret);

static int say_damaged(const struct state *st, const char *name,
		       struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_STATE_FILE_DAMAGED, NOPOS,
		 "%s/%s is damaged", st->path, name);
	diag_help(d, "move it away to go on without it; then 'ctpolicy apply POLICY' or 'ctpolicy remove' sets the rules right");
	return -EIO;
}

/* Records are passed over by some commands, as those that cannot be read. */
static int say_other_version(const struct state *st, const char *name,
			     struct diags *d)
{
	(void)state_say_version(st->path, name,
				"roll back with that version, or move the file away; then 'ctpolicy apply POLICY' or 'ctpolicy remove' sets the rules right", d);
	return -EIO;
}

static int unlink_file(struct state *st, const char *name, struct diags *d)
{
	int err = state_file_unlink(st->dir, name);

	return err ? state_cannot(st, "remove", name, err, d) : 0;
}

static int read_record(struct state *st, const char *name, struct record *ret,
		       struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = state_read(st, name, &text, &len, d);

	if (!err)
		err = record_decode(text, len, ret);
	if (err == -EPROTO)
		return say_other_version(st, name, d);
	return err == -EBADMSG ? say_damaged(st, name, d) : err;
}

bool state_is_record(const char *name, uint32_t *ret)
{
	uint64_t n = 0;

	if (*name < '1' || *name > '9' || strlen(name) > 10)
		return false;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return false;
		n = n * 10 + (uint64_t)(*name - '0');
	}
	*ret = (uint32_t)n;
	return n <= UINT32_MAX;
}

bool state_is_undone(const char *name, uint32_t *ret)
{
	return !strncmp(name, UNDONE, strlen(UNDONE)) &&
	       state_is_record(name + strlen(UNDONE), ret);
}

static bool is_either(const char *name, uint32_t *ret)
{
	return state_is_record(name, ret) || state_is_undone(name, ret);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Its trial was rolled back, but the disk refused to delete its record. */
static bool is_over(const struct state *st, uint32_t id)
{
	return st->claim.over.id == id &&
	       ending_is_undone(st->claim.over.ending);
}

static int read_ids(const struct state *st, DIR *dir, is_name *is,
		    uint32_t **ret, size_t *ret_n)
{
	_cleanup_free_ uint32_t *v = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;
	uint32_t id;

	while (errno = 0, (e = readdir(dir))) {
		if (!is(e->d_name, &id) || is_over(st, id))
			continue;
		if (mem_grow(&v, &cap, n + 1))
			return -ENOMEM;
		v[n++] = id;
	}
	if (errno)
		return -errno;
	if (n)
		qsort(v, n, sizeof(*v), compare_ids);
	*ret = TAKE_PTR(v);
	*ret_n = n;
	return 0;
}

/* All of them: more than STATE_KEPT while old ones wait to be cleared away. */
static int list_all(struct state *st, is_name *is, uint32_t **ret,
		    size_t *ret_n, struct diags *d)
{
	int fd = openat(st->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int err = dir ? read_ids(st, dir, is, ret, ret_n) : -errno;

	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	if (!err || err == -ENOMEM)
		return err;
	return state_cannot(st, "list", "", err, d);
}

int state_list(struct state *st, uint32_t *ret, size_t *ret_n,
	       struct diags *d)
{
	_cleanup_free_ uint32_t *v = NULL;
	size_t n, first;
	int err = list_all(st, state_is_record, &v, &n, d);

	if (err)
		return err;
	first = n > STATE_KEPT ? n - STATE_KEPT : 0;
	for (size_t i = first; i < n; i++)
		ret[i - first] = v[i];
	*ret_n = n - first;
	return 0;
}

static void name_of(uint32_t id, char *ret)
{
	snprintf(ret, NAME_MAX_, "%u", id);
}

static void name_of_undone(uint32_t id, char *ret)
{
	snprintf(ret, NAME_MAX_, UNDONE "%u", id);
}

int state_record(struct state *st, uint32_t id, struct record *ret,
		 struct diags *d)
{
	char name[NAME_MAX_];

	name_of(id, name);
	return read_record(st, name, ret, d);
}

int state_newest(struct state *st, struct record *ret, struct diags *d)
{
	uint32_t v[STATE_KEPT];
	size_t n;
	int err = state_list(st, v, &n, d);

	if (err)
		return err;
	return n ? state_record(st, v[n - 1], ret, d) : -ENOENT;
}

int state_newest_undone(struct state *st, struct record *ret, struct diags *d)
{
	_cleanup_free_ uint32_t *v = NULL;
	char name[NAME_MAX_];
	size_t n;
	int err = list_all(st, state_is_undone, &v, &n, d);

	if (err)
		return err;
	if (!n)
		return -ENOENT;
	name_of_undone(v[n - 1], name);
	return read_record(st, name, ret, d);
}

/* An undone rollback's journal is called "redo". */
static bool is_redo(const struct record *r)
{
	return !strcmp(r->command, "redo");
}

int journal_read_undone(struct state *st, const struct record *journal,
			struct record *ret, struct diags *d)
{
	char name[NAME_MAX_];

	if (is_redo(journal))
		name_of_undone(journal->of, name);
	else
		name_of(journal->of, name);
	return read_record(st, name, ret, d);
}

/*
 * A number is never given twice, though its change was undone and its record
 * is gone: the lock file keeps the last one. On a disk that cannot take it the
 * records alone must do.
 */
static void note_number(struct state *st, uint32_t id)
{
	char text[NAME_MAX_];
	int n = snprintf(text, sizeof(text), "%u\n", id);

	(void)!pwrite(st->lock, text, (size_t)n, 0);
	st->last = id;
}

/* All but the newest `keep`. What cannot be deleted now goes next time. */
static void prune(struct state *st, is_name *is, size_t keep)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	_cleanup_free_ uint32_t *v = NULL;
	char name[NAME_MAX_];
	size_t n;

	if (list_all(st, is, &v, &n, &said))
		return;
	for (size_t i = 0; i + keep < n; i++) {
		if (is == state_is_undone)
			name_of_undone(v[i], name);
		else
			name_of(v[i], name);
		(void)state_file_unlink(st->dir, name);
	}
}

int state_renew_record(struct state *st, const struct record *r,
		       struct diags *d)
{
	_cleanup_(record_text_release) struct record_text text = { 0 };
	char name[NAME_MAX_];
	int err = record_encode(r, &text);

	name_of(r->id, name);
	return err ? err : state_write_pieces(st, name, text.v, text.n, d);
}

/* After a rollback that left no record, earlier ones cannot be undone. */
void state_forget_record(struct state *st, uint32_t id)
{
	char name[NAME_MAX_];

	name_of(id, name);
	(void)state_file_unlink(st->dir, name);
	prune(st, state_is_undone, 0);
}

static void note_journal(struct state *st, const struct record *r)
{
	st->id = r->id;
	st->of = r->of;
	st->redo = is_redo(r);
	st->empty = !r->n_parts;
}

int journal_begin(struct state *st, struct record *rec, struct diags *d)
{
	_cleanup_(record_text_release) struct record_text text = { 0 };
	_cleanup_free_ uint32_t *v = NULL;
	size_t n;
	int err = list_all(st, is_either, &v, &n, d);

	if (err)
		return err;
	rec->id = (n && v[n - 1] > st->last ? v[n - 1] : st->last) + 1;
	rec->time = (int64_t)time(NULL);
	memcpy(rec->space, st->space.id, sizeof(rec->space));
	err = record_encode(rec, &text);
	if (err && err != -ENOMEM)
		return state_cannot(st, "write", JOURNAL, err, d);
	if (!err)
		err = state_claim(st);
	if (!err)
		err = state_write_pieces(st, JOURNAL, text.v, text.n, d);
	if (err)
		return err;
	err = state_file_sync(st->dir);
	if (err)
		return state_cannot(st, "write", JOURNAL, err, d);
	note_number(st, rec->id);
	note_journal(st, rec);
	return 0;
}

int journal_read(struct state *st, struct record *ret, struct diags *d)
{
	int err = read_record(st, JOURNAL, ret, d);

	if (!err)
		note_journal(st, ret);
	return err;
}

/*
 * Nothing is flushed here: should the power be cut before this is on disk, the
 * journal is back, and the rules it is about are gone or, if restored since,
 * complete.
 */
static int keep_journal(struct state *st, const char *name, struct diags *d)
{
	int err = state_file_rename(st->dir, JOURNAL, name);

	return err ? state_cannot(st, "rename", JOURNAL, err, d) : 0;
}

/* After a new change no earlier rollback can be undone. */
static int keep_change(struct state *st, struct diags *d)
{
	char name[NAME_MAX_];
	int err;

	name_of(st->id, name);
	err = keep_journal(st, name, d);
	if (err)
		return err;
	ending_forget(st);
	prune(st, state_is_record, STATE_KEPT);
	if (!st->of)
		prune(st, state_is_undone, 0);
	return 0;
}

static int keep_rollback(struct state *st, struct diags *d)
{
	char name[NAME_MAX_];
	int err;

	name_of_undone(st->id, name);
	err = keep_journal(st, name, d);
	if (!err)
		prune(st, state_is_undone, STATE_KEPT);
	return err;
}

int journal_finish(struct state *st, struct diags *d)
{
	char name[NAME_MAX_];
	int err;

	if (!st->of)
		return keep_change(st, d);
	/* In this order: a journal is true for as long as it exists. */
	if (st->redo)
		name_of_undone(st->of, name);
	else
		name_of(st->of, name);
	err = unlink_file(st, name, d);
	if (err)
		return err;
	/* Nothing was written, so there is nothing to undo. */
	if (st->empty) {
		prune(st, state_is_undone, 0);
		return journal_drop(st, d);
	}
	return st->redo ? keep_change(st, d) : keep_rollback(st, d);
}

int journal_drop(struct state *st, struct diags *d)
{
	return unlink_file(st, JOURNAL, d);
}

int journal_set_aside(struct state *st)
{
	return state_file_rename(st->dir, JOURNAL, STATE_JOURNAL_ASIDE);
}
