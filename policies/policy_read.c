/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_read.c: a policy's bytes, from a file or a pipe that may be
 * hostile.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/diag_ids.h"
#include "core/fault.h"
#include "core/files.h"
#include "core/mem.h"
#include "policies/policy.h"
#include "policies/yaml_node.h"

/* How long the first bytes of a pipe may take. */
#define WRITER_WAIT_MS 10000

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
	if (S_ISFIFO(st->st_mode) || (stdin_ && S_ISSOCK(st->st_mode)))
		return 0;
	err = refuse(d, path, -FAULT_INPUT, ID_NOT_A_FILE,
		     S_ISDIR(st->st_mode) ? "this is a directory" :
		     stdin_ ? "standard input is neither a file nor a pipe" :
		     "this is neither a file nor a pipe");
	diag_help(d, "name a %s, or `-` for standard input", k->name);
	return err;
}

/*
 * A pipe is opened at once, writer or not; then its first bytes are waited
 * for, but not for ever.
 */
static int await_writer(int fd, const char *path, struct diags *d)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n, flags;

	do
		n = poll(&p, 1, WRITER_WAIT_MS);
	while (n < 0 && errno == EINTR);
	if (!n)
		return refuse(d, path, -FAULT_INPUT, ID_NOT_A_FILE,
			      "nobody writes to this pipe");
	flags = n < 0 ? -1 : fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK))
		return refuse(d, path, -errno, ID_UNREADABLE, strerror(errno));
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

	if (!stdin_)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st))
		return refuse(d, path, -errno, ID_UNREADABLE, strerror(errno));
	err = check_kind(&st, stdin_, path, k, d);
	if (!err && !stdin_ && S_ISFIFO(st.st_mode))
		err = await_writer(fd, path, d);
	if (err)
		return err;
	err = fd_read(fd, k->max, ret_text, ret_len);
	if (err == -EFBIG)
		return too_large(d, path, k);
	if (err && err != -ENOMEM)
		return refuse(d, path, err, ID_UNREADABLE, strerror(-err));
	return err;
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
