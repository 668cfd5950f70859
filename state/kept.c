/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/sealed.h"
#include "state/state_file.h"
#include "state/state_io.h"

static int open_file(const struct state *st, const char *name)
{
	return openat(st->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		      O_NONBLOCK | O_NOCTTY);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void hold_note(struct kept *k, const struct state *st)
{
	int fd = open_file(st, STATE_PENDING);

	if (fd < 0)
		return;
	if (k->pending >= 0)
		close(k->pending);
	k->pending = fd;
}

/* -EBADMSG: it is damaged. */
static int read_whole(int fd, char **ret, size_t *ret_len)
{
	_cleanup_free_ char *text = NULL;
	size_t len, body;
	int err = state_file_read_open(fd, &text, &len);

	if (err)
		return err;
	body = len;
	err = sealed_check(text, &body);
	if (err)
		return err;
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

static int hold_open_record(struct kept *k, int fd)
{
	char *text = NULL;
	struct stat s;
	size_t len;
	int err = fstat(fd, &s) ? -errno : 0;

	if (err)
		return err;
	if (k->seen.st_ino && is_same(&s, &k->seen))
		return k->whole ? 0 : -EBADMSG;
	err = read_whole(fd, &text, &len);
	if (err && err != -EBADMSG)
		return err;
	k->seen = s;
	k->whole = !err;
	if (err)
		return err;
	free(k->record);
	k->record = text;
	k->record_len = len;
	return 0;
}

static int hold_record(struct kept *k, const struct state *st,
		       const char *name)
{
	int err, fd = open_file(st, name);

	if (fd < 0)
		return -errno;
	err = hold_open_record(k, fd);
	close(fd);
	return err;
}

/* False: what was held is missing now, or damaged. */
static bool hold_originals(struct kept *k, const struct state *st)
{
	int err = 0, fd = open_file(st, STATE_ORIGINALS);
	char *text = NULL;
	struct stat s;
	size_t len;

	if (fd < 0)
		return errno != ENOENT || !k->originals;
	if (fstat(fd, &s) ||
	    (k->originals && is_same(&s, &k->originals_seen))) {
		close(fd);
		return true;
	}
	err = read_whole(fd, &text, &len);
	close(fd);
	if (err)
		return err != -EBADMSG || !k->originals;
	free(k->originals);
	k->originals = text;
	k->originals_len = len;
	k->originals_seen = s;
	return true;
}

/* The change is in the journal until it is complete. */
bool kept_hold(struct kept *k, const struct state *st, uint32_t id)
{
	char name[16];
	bool originals;
	int err;

	if (k->id != id)
		kept_release(k);
	k->id = id;
	hold_note(k, st);
	originals = hold_originals(k, st);
	snprintf(name, sizeof(name), "%u", id);
	err = hold_record(k, st, name);
	if (err == -ENOENT)
		err = hold_record(k, st, STATE_JOURNAL);
	return originals &&
	       ((err != -ENOENT && err != -EBADMSG) || !k->record);
}

bool kept_is_on(const struct kept *k)
{
	struct stat s;

	return k->id && k->pending >= 0 && k->record &&
	       !fstat(k->pending, &s) &&
	       (s.st_mode & 07777) != KEPT_OVER_MODE;
}

/* state_open() reports what could not be made, and checks what was. */
void kept_make_way(const char *dir)
{
	_cleanup_free_ char *way = strdup(dir);
	char *slash = way && *way ? strchr(way + 1, '/') : NULL;

	for (; slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(way, 0755);
		*slash = '/';
	}
}

static int put(struct state *st, const char *name, const char *text,
	       size_t len, struct diags *d)
{
	int err = state_file_write(st->dir, name, text, len);

	return err ? state_cannot(st, "write", name, err, d) : 0;
}

static int copy(struct state *st, int fd, const char *name, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = state_file_read_open(fd, &text, &len);

	return err ? state_cannot(st, "write", name, err, d) :
		     put(st, name, text, len, d);
}

static bool is_there(const struct state *st, const char *name)
{
	return !faccessat(st->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) ||
	       errno != ENOENT;
}

static bool is_damaged(const struct state *st, const char *name)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err, fd = open_file(st, name);

	if (fd < 0)
		return false;
	err = read_whole(fd, &text, &len);
	close(fd);
	return err == -EBADMSG;
}

/* A damaged journal would be read ahead of anything else. */
static int put_record_back(const struct kept *k, struct state *st,
			   struct diags *d)
{
	char name[16];
	int err = 0;

	snprintf(name, sizeof(name), "%u", k->id);
	if (is_damaged(st, STATE_JOURNAL))
		err = put(st, STATE_JOURNAL, k->record, k->record_len, d);
	else if (is_damaged(st, name) ||
		 !(is_there(st, name) || is_there(st, STATE_JOURNAL)))
		err = put(st, name, k->record, k->record_len, d);
	return err;
}

/* The record first: a note must not name a change that has no record. */
int kept_put_back(const struct kept *k, struct state *st, struct diags *d)
{
	bool pending = is_there(st, STATE_PENDING);
	int err = put_record_back(k, st, d);

	if (!err && k->originals && (!is_there(st, STATE_ORIGINALS) ||
				     is_damaged(st, STATE_ORIGINALS)))
		err = put(st, STATE_ORIGINALS, k->originals, k->originals_len,
			  d);
	if (!err)
		err = state_claim(st);
	if (!err && !pending)
		err = copy(st, k->pending, STATE_PENDING, d);
	return err;
}

void kept_release(struct kept *k)
{
	if (k->pending >= 0)
		close(k->pending);
	free(k->record);
	free(k->originals);
	*k = KEPT_NONE;
}
