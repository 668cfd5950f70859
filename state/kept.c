/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/state_file.h"
#include "state/state_io.h"

static int open_file(const struct state *st, const char *name)
{
	return openat(st->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
		      O_NONBLOCK | O_NOCTTY);
}

static void replace(int *fd, int by)
{
	if (by < 0)
		return;
	if (*fd >= 0)
		close(*fd);
	*fd = by;
}

/* The change is in the journal until it is complete. */
bool kept_hold(struct kept *k, const struct state *st, uint32_t id)
{
	char name[16];
	int record, err;

	if (k->id != id)
		kept_release(k);
	k->id = id;
	replace(&k->pending, open_file(st, STATE_PENDING));
	snprintf(name, sizeof(name), "%u", id);
	record = open_file(st, name);
	err = record < 0 ? errno : 0;
	replace(&k->record, record);
	if (err != ENOENT)
		return true;
	record = open_file(st, STATE_JOURNAL);
	err = record < 0 ? errno : 0;
	if (k->record < 0)
		replace(&k->record, record);
	else if (record >= 0)
		close(record);
	return err != ENOENT || k->record < 0;
}

bool kept_is_on(const struct kept *k)
{
	struct stat s;

	return k->id && k->pending >= 0 && k->record >= 0 &&
	       !fstat(k->pending, &s) &&
	       (s.st_mode & 07777) != KEPT_OVER_MODE;
}

/* state_open() says what could not be made, and judges what was. */
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

static int copy(struct state *st, int fd, const char *name, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = state_file_read_open(fd, &text, &len);

	if (!err)
		err = state_file_write(st->dir, name, text, len);
	return err ? state_cannot(st, "write", name, err, d) : 0;
}

static bool is_there(const struct state *st, const char *name)
{
	return !faccessat(st->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) ||
	       errno != ENOENT;
}

/* The record first: a note must not speak of a change that nobody knows. */
int kept_put_back(const struct kept *k, struct state *st, struct diags *d)
{
	bool pending = is_there(st, STATE_PENDING), record;
	char name[16];
	int err = 0;

	snprintf(name, sizeof(name), "%u", k->id);
	record = is_there(st, name) || is_there(st, STATE_JOURNAL);
	if (!record)
		err = copy(st, k->record, name, d);
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
	if (k->record >= 0)
		close(k->record);
	*k = KEPT_NONE;
}
