/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/file_match.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/intern.h"

struct match {
	file_match_fn *take;
	void *arg;
};

static int in_folder(const struct match *m, const char *folder,
		     const char *rest);

/* `name` may be there; what follows it in the pattern begins with '/'. */
static int follow(const struct match *m, const char *folder, const char *name,
		  const char *rest)
{
	const char *path = intern_printf("%s%s%s", folder, name,
					 *rest ? "/" : "");
	struct stat st;

	if (!path)
		return -ENOMEM;
	if (*rest)
		return in_folder(m, path, rest + 1);
	return lstat(path, &st) ? 0 : m->take(m->arg, path);
}

/* Each name there that is meant, which may hold signs of a pattern itself. */
static int each_name(const struct match *m, const char *folder,
		     const char *wanted, const char *rest)
{
	struct dirent **v = NULL;
	int n = scandir(folder, &v, NULL, alphasort), err = 0;

	if (n < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	for (int i = 0; i < n; i++) {
		if (!err && !fnmatch(wanted, v[i]->d_name, FNM_PERIOD))
			err = follow(m, folder, v[i]->d_name, rest);
		free(v[i]);
	}
	free(v);
	return err;
}

/* The folder ends with '/'; the rest is one component and what follows. */
static int in_folder(const struct match *m, const char *folder,
		     const char *rest)
{
	size_t n = strcspn(rest, "/");
	const char *part = intern_n(rest, n);

	if (!part)
		return -ENOMEM;
	return strpbrk(part, "*?[\\") ? each_name(m, folder, part, rest + n) :
					follow(m, folder, part, rest + n);
}

int file_match(const char *pattern, file_match_fn *take, void *arg)
{
	const struct match m = { take, arg };

	return in_folder(&m, "/", pattern + strspn(pattern, "/"));
}
