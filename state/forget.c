/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/forget.c: what earlier boots left in a state folder. */
#include "state/forget.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/folder_open.h"
#include "state/state_file.h"

static bool is_ours(const char *name)
{
	static const char *const names[] = {
		STATE_JOURNAL, STATE_PENDING, STATE_ASIDE, STATE_RESULT,
		STATE_WATCH, STATE_ORIGINALS, STATE_MODULES,
		STATE_SETTINGS, STATE_FILE_TEMPORARY,
	};
	uint32_t id;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return state_is_record(name, &id) || state_is_undone(name, &id);
}

/* The lock goes last, so that the next run resumes an interrupted clearing. */
static void remove_folder(int top, const char *name)
{
	int fd, err = folder_open_in(top, name, false, &fd);
	struct dirent *e;
	DIR *dir;

	if (err)
		return;
	/* What it knows of files still holds. */
	if (faccessat(fd, STATE_LOCK, F_OK, AT_SYMLINK_NOFOLLOW) ||
	    !faccessat(fd, STATE_FILES, F_OK, AT_SYMLINK_NOFOLLOW)) {
		close(fd);
		return;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (is_ours(e->d_name))
			(void)unlinkat(fd, e->d_name, 0);
	(void)unlinkat(fd, STATE_LOCK, 0);
	closedir(dir);
	(void)unlinkat(top, name, AT_REMOVEDIR);
}

void forget_the_past(int top, const struct space *now)
{
	int fd, err = folder_open_in(top, ".", false, &fd);
	struct dirent *e;
	DIR *dir = err ? NULL : fdopendir(fd);

	if (!dir) {
		if (!err)
			close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (space_is_past(now, e->d_name))
			remove_folder(top, e->d_name);
	closedir(dir);
}
