/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/output_overlap.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output/output_file.h"
#include "core/mem.h"
#include "policies/policy.h"

bool output_is_option(const char *path)
{
	return path[0] == '-' && !output_to_stdout(path);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* policies/policy_folder.c reads no other. */
static bool is_part(const char *name)
{
	static const char suffix[] = ".yaml";
	size_t n = strlen(name), len = strlen(suffix);

	return n >= len && !strcmp(name + n - len, suffix);
}

static bool is_new_part(const char *path, const struct stat *folder)
{
	_cleanup_free_ char *copy = strdup(path);
	struct stat at;

	return copy && is_part(path) && !stat(dirname(copy), &at) &&
	       is_same(&at, folder);
}

static bool holds(const char *folder, const struct stat *file)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;
	bool found = false;
	struct stat at;

	while (dir && !found && (e = readdir(dir)))
		found = is_part(e->d_name) &&
			!fstatat(dirfd(dir), e->d_name, &at, 0) &&
			is_same(&at, file);
	if (dir)
		closedir(dir);
	return found;
}

bool output_overlaps(const char *path, const char *input)
{
	struct stat in, out;
	bool there = !stat(path, &out);

	if (output_to_stdout(path))
		return false;
	if (!strcmp(input, "-") ? fstat(STDIN_FILENO, &in) : stat(input, &in))
		return false;
	if (there && is_same(&in, &out))
		return true;
	return S_ISDIR(in.st_mode) &&
	       (is_new_part(path, &in) || (there && holds(input, &out)));
}

bool output_overlaps_default(const char *path)
{
	return output_overlaps(path, policy_default) ||
	       output_overlaps(path, policy_default_folder);
}
