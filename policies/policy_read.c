/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_read.c: a policy's bytes, from a file or a pipe that may be
 * hostile.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/diag_ids.h"
#include "core/mem.h"
#include "policies/policy.h"
#include "policies/yaml_node.h"

static int refuse(struct diags *d, const char *path, int err, enum diag_id id,
		  const char *msg)
{
	return diag_add(d, DIAG_ERROR, err, id,
			(struct srcpos){ .file = path }, "%s", msg);
}

/* What is read, and how large it may be. */
struct kind {
	const char *name, *help;
	size_t max;
};

static const struct kind a_policy = {
	"policy", "write networks and port ranges for long lists",
	YAML_FILE_MAX,
};
static const struct kind saved_rules = {
	"saved ruleset", "save only the tables that hold ctpolicy's rules",
	SAVED_RULES_MAX,
};

static int too_large(struct diags *d, const char *path, const struct kind *k)
{
	int err = diag_add(d, DIAG_ERROR, -EFBIG, ID_FILE_TOO_LARGE,
			   (struct srcpos){ .file = path },
			   "larger than %zu MiB, the limit of a %s",
			   k->max >> 20, k->name);

	diag_help(d, "%s", k->help);
	return err;
}

static int check_kind(const struct stat *st, bool stdin_, const char *path,
		      const struct kind *k, struct diags *d)
{
	int err;

	if (S_ISREG(st->st_mode))
		return (size_t)st->st_size > k->max ? too_large(d, path, k) : 0;
	if (stdin_ && (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode)))
		return 0;
	err = refuse(d, path, -EINVAL, ID_NOT_A_FILE,
		     S_ISDIR(st->st_mode) ? "this is a directory" :
		     stdin_ ? "standard input is neither a file nor a pipe" :
		     "this is not a regular file");
	diag_help(d, "name a policy file, or `-` to read a pipe");
	return err;
}

/* Everything up to the limit; a byte more shows that there is more. */
static int read_all(int fd, const char *path, const struct kind *k, char **ret,
		    size_t *ret_len, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0, cap = 0;
	ssize_t got;

	do {
		size_t want = cap ? cap * 2 : 1 << 16;
		char *p;

		if (n + 1 >= cap) {
			p = realloc(text, want);
			if (!p)
				return -ENOMEM;
			text = p;
			cap = want;
		}
		got = read(fd, text + n, cap - n - 1);
		if (got < 0 && errno != EINTR)
			return refuse(d, path, -errno, ID_UNREADABLE,
				      strerror(errno));
		n += got > 0 ? (size_t)got : 0;
		if (n > k->max)
			return too_large(d, path, k);
	} while (got);
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	*ret_len = n;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd > STDIN_FILENO)
		close(*fd);
}

static int read_kind(const char *path, const struct kind *k, char **ret_text,
		     size_t *ret_len, struct diags *d)
{
	_cleanup_(close_fd) int fd = STDIN_FILENO;
	bool stdin_ = !strcmp(path, "-");
	struct stat st;
	int err;

	/* O_NONBLOCK: a FIFO without a writer must not hold us here. */
	if (!stdin_)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st))
		return refuse(d, path, -errno, ID_UNREADABLE, strerror(errno));
	err = check_kind(&st, stdin_, path, k, d);
	return err ? err : read_all(fd, path, k, ret_text, ret_len, d);
}

int policy_read(const char *path, char **ret_text, size_t *ret_len,
		struct diags *d)
{
	return read_kind(path, &a_policy, ret_text, ret_len, d);
}

int policy_read_saved(const char *path, char **ret_text, size_t *ret_len,
		      struct diags *d)
{
	return read_kind(path, &saved_rules, ret_text, ret_len, d);
}
