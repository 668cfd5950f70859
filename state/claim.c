/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/claim.c: one short file a network namespace, and its lock. */
#include "state/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "state/folder_open.h"
#include "state/json_memory.h"
#include "state/sealed.h"
#include "state/state_file.h"

#define SCHEMA 1
#define KEYS 6
#define LONGEST 8192		/* bytes of the file */

static int open_folder(bool make, int *ret)
{
	struct folder f = FOLDER_CLOSED;
	int err = folder_open(CLAIM_FOLDER, make, &f);

	if (!err) {
		*ret = f.fd;
		f.fd = -1;
	}
	folder_release(&f);
	return err;
}

int claim_open(const char *space, bool make, struct claim *ret)
{
	struct claim c = { .fd = -1, .space = space };
	int dir, err = open_folder(make, &dir);

	if (!err) {
		c.fd = openat(dir, space, (make ? O_RDWR | O_CREAT :
						  O_RDONLY) | O_CLOEXEC |
			      O_NOFOLLOW | O_NONBLOCK, 0600);
		close(dir);
	}
	if (err == -ENOMEM)
		return err;
	*ret = c;
	return 0;
}

/* The previous holder may have removed it; then a new file is in its place. */
static bool is_gone(int fd)
{
	struct stat s;

	return !fstat(fd, &s) && !s.st_nlink;
}

int claim_lock(struct claim *c, uint64_t end)
{
	int err = 0;

	while (c->fd >= 0 && !c->locked && !err) {
		err = state_file_lock(c->fd, end);
		if (err)
			break;
		c->locked = !is_gone(c->fd);
		if (c->locked)
			break;
		close(c->fd);
		c->fd = -1;
		err = claim_open(c->space, true, c);
	}
	return err ? err : claim_read(c);
}

static int take(json_t *j, struct claim *c)
{
	json_int_t id = 0, deadline = 0;
	const char *folder = NULL, *ending;
	struct claim say = { .fd = -1 };
	int schema, told = 0, err;

	if (json_unpack(j, "{s:i, s?s, s:I, s:I, s:s, s:b !}",
			"schema", &schema, "folder", &folder, "id", &id,
			"deadline", &deadline, "ending", &ending,
			"told", &told) || deadline < 0)
		return -EBADMSG;
	err = sealed_get_u32(id, &say.over.id);
	if (!err)
		err = ending_find(ending, &say.over.ending);
	if (err)
		return err;
	say.over.deadline = (uint64_t)deadline;
	say.over.told = told;
	if (folder) {
		say.folder = strdup(folder);
		if (!say.folder)
			return -ENOMEM;
	}
	free(c->folder);
	c->folder = say.folder;
	c->over = say.over;
	return 0;
}

static int decode(const char *text, size_t len, struct claim *c)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;
	int err = sealed_get_only(text, len, &j);

	if (!err)
		err = sealed_check_schema(j, SCHEMA, KEYS);
	return err ? err : take(j, c);
}

/* A torn or empty file counts as one that says nothing. */
int claim_read(struct claim *c)
{
	char text[LONGEST];
	ssize_t n = c->fd < 0 ? 0 : pread(c->fd, text, sizeof(text), 0);
	int err = n > 0 ? decode(text, (size_t)n, c) : -EBADMSG;

	if (err == -EBADMSG) {
		free(c->folder);
		c->folder = NULL;
		memset(&c->over, 0, sizeof(c->over));
	}
	return err == -ENOMEM || err == -EPROTO ? err : 0;
}

static int encode(const struct claim *c, struct strbuf *out)
{
	_cleanup_(sealed_json_freep) json_t *j = NULL;

	json_memory_watch();
	j = json_pack("{s:i, s:o*, s:I, s:I, s:s, s:b}", "schema", SCHEMA,
		      "folder", c->folder ? json_string(c->folder) : NULL,
		      "id", (json_int_t)c->over.id,
		      "deadline", (json_int_t)c->over.deadline,
		      "ending", ending_name(c->over.ending),
		      "told", c->over.told);
	return sealed_put_only(j, out);
}

static bool says_nothing(const struct claim *c)
{
	return !c->folder && !c->over.id;
}

int claim_write(const struct claim *c)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	int err;

	if (!c->locked)
		return -EROFS;
	err = says_nothing(c) ? 0 : encode(c, &text);
	if (!err && text.n > LONGEST)
		err = -E2BIG;
	if (!err && ftruncate(c->fd, 0))
		err = -errno;
	if (!err && text.n &&
	    pwrite(c->fd, text.s, text.n, 0) != (ssize_t)text.n)
		err = -EIO;
	return err;
}

bool claim_is_over(const struct claim *c, const struct pending *p)
{
	return c->over.id && c->over.id == p->id &&
	       c->over.deadline == p->deadline;
}

static void remove_file(const struct claim *c)
{
	int dir;

	if (open_folder(false, &dir))
		return;
	(void)unlinkat(dir, c->space, 0);
	close(dir);
}

void claim_release(struct claim *c)
{
	struct stat s;

	if (c->locked && !fstat(c->fd, &s) && !s.st_size)
		remove_file(c);
	if (c->fd >= 0)
		close(c->fd);
	free(c->folder);
	*c = (struct claim){ .fd = -1 };
}
