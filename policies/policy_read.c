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
#include "core/intern.h"
#include "core/mem.h"
#include "policies/policy.h"
#include "policies/policy_files.h"
#include "policies/policy_read.h"
#include "policies/yaml_node.h"

const char policy_default[] = POLICY_FOLDER "/policy.yaml";
const char policy_default_folder[] = POLICY_FOLDER "/policy.d";

/* How long the first bytes of a pipe may take. */
#define WRITER_WAIT_MS 10000

int read_refuse(struct diags *d, const char *path, int err, enum diag_id id,
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
	err = read_refuse(d, path, -FAULT_INPUT, ID_NOT_A_FILE,
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
		return read_refuse(d, path, -FAULT_INPUT, ID_NOT_A_FILE,
			      "nobody writes to this pipe");
	flags = n < 0 ? -1 : fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK))
		return read_refuse(d, path, -errno, ID_UNREADABLE,
				   strerror(errno));
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd > STDIN_FILENO)
		close(*fd);
}

static int open_path(const char *path, int *ret, struct diags *d)
{
	*ret = !strcmp(path, "-") ? STDIN_FILENO :
	       open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return *ret < 0 ? read_refuse(d, path, -errno, ID_UNREADABLE,
				      strerror(errno)) : 0;
}

static int read_kind(int fd, const char *path, const struct kind *k,
		     char **ret_text, size_t *ret_len, struct diags *d)
{
	bool stdin_ = fd == STDIN_FILENO;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return read_refuse(d, path, -errno, ID_UNREADABLE,
				   strerror(errno));
	err = check_kind(&st, stdin_, path, k, d);
	if (!err && !stdin_ && S_ISFIFO(st.st_mode))
		err = await_writer(fd, path, d);
	if (err)
		return err;
	err = fd_read(fd, k->max, ret_text, ret_len);
	if (err == -EFBIG)
		return too_large(d, path, k);
	if (err && err != -ENOMEM)
		return read_refuse(d, path, err, ID_UNREADABLE, strerror(-err));
	return err;
}

int read_regular(int fd, const char *path, size_t max, char **ret_text,
		 size_t *ret_len, struct diags *d)
{
	struct stat st;
	int err = fstat(fd, &st) ? -errno : 0;

	if (err)
		return read_refuse(d, path, err, ID_UNREADABLE,
				   strerror(-err));
	if (!S_ISREG(st.st_mode))
		return read_refuse(d, path, -FAULT_INPUT, ID_NOT_A_FILE,
				   S_ISDIR(st.st_mode) ?
					   "this is a directory" :
					   "this is not a file");
	if ((size_t)st.st_size > max)
		err = -EFBIG;
	if (!err)
		err = fd_read(fd, max, ret_text, ret_len);
	if (err == -EFBIG)
		return too_large(d, path, &a_policy);
	if (err && err != -ENOMEM)
		return read_refuse(d, path, err, ID_UNREADABLE,
				   strerror(-err));
	return err;
}

static int take_text(struct strbuf *b, char **ret_text, size_t *ret_len)
{
	size_t n = b->n;
	char *text = strbuf_take(b);

	if (!text)
		return -ENOMEM;
	*ret_text = text;
	*ret_len = n;
	return 0;
}

static bool is_folder(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISDIR(st.st_mode);
}

static int no_files(const char *path, struct diags *d)
{
	int err = read_refuse(d, path, -FAULT_INPUT, ID_NO_FILES,
			      "no policy is in this folder");

	diag_help(d, "a policy's files have names that end with .yaml");
	return err;
}

static int read_folder(int fd, const char *path, char **ret_text,
		       size_t *ret_len, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	size_t files = 0;
	int err = folder_read(fd, path, false, &b, &files, d);

	if (!err && !files)
		err = no_files(path, d);
	return err ? err : take_text(&b, ret_text, ret_len);
}

/* Whoever named it may know that; a folder hides which files it has. */
static void warn_of_others(int fd, const char *path, struct diags *d)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !(st.st_mode & S_IWOTH))
		return;
	diag_add(d, DIAG_WARNING, 0, ID_OTHERS_WRITE,
		 (struct srcpos){ .file = path }, "anybody may write here");
	diag_help(d, "chmod o-w %s", path);
}

static int read_path(int fd, const char *path, char **ret_text,
		     size_t *ret_len, struct diags *d)
{
	int err = read_kind(fd, path, &a_policy, ret_text, ret_len, d);

	/* One file, whatever it says. */
	if (err || !policy_files_many(*ret_text, *ret_len))
		return err;
	err = ytext_check(path, *ret_text, *ret_len, d);
	free(*ret_text);
	*ret_text = NULL;
	return err ? err : -EINVAL;
}

/* The folder, and both parts in it, any of which may be missing. */
static int open_part(int folder, const char *path, int *ret, struct diags *d)
{
	bool whole = folder == AT_FDCWD;
	const char *name = whole ? path : strrchr(path, '/') + 1;

	*ret = openat(folder, name, (whole ? O_PATH : O_RDONLY) | O_CLOEXEC |
		      O_NONBLOCK | O_NOCTTY);
	return *ret < 0 && errno != ENOENT && errno != ENOTDIR ?
		       read_refuse(d, path, -errno, ID_UNREADABLE,
				   strerror(errno)) : 0;
}

/* Who may write in it decides which file has the name. */
static int open_parts(int *ret_main, int *ret_folder, struct diags *d)
{
	_cleanup_(close_fd) int at = -1;
	int err = open_part(AT_FDCWD, POLICY_FOLDER, &at, d);

	if (err || at < 0)
		return err;
	err = folder_trusts(at, POLICY_FOLDER, true, d);
	if (!err)
		err = open_part(at, policy_default, ret_main, d);
	return err ? err : open_part(at, policy_default_folder, ret_folder, d);
}

static int no_default(struct diags *d)
{
	int err = read_refuse(d, policy_default, -ENOENT, ID_UNREADABLE,
			      strerror(ENOENT));

	diag_help(d, "name a policy: a file, or a folder of *.yaml files; "
		  "without a name it is %s with %s/*.yaml", policy_default,
		  policy_default_folder);
	return err;
}

static int put_main(int fd, struct strbuf *to, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int err = folder_trusts(fd, policy_default, true, d);

	if (!err)
		err = read_regular(fd, policy_default, YAML_FILE_MAX, &text,
				   &len, d);
	if (!err)
		policy_files_put(policy_default, text, len, to);
	return err;
}

static int read_default(char **ret_text, size_t *ret_len, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(close_fd) int main_fd = -1, folder = -1;
	size_t files = 0;
	int err = open_parts(&main_fd, &folder, d);

	if (!err && main_fd >= 0)
		err = put_main(main_fd, &b, d);
	if (!err && folder >= 0)
		err = folder_read(folder, policy_default_folder, true, &b,
				  &files, d);
	if (!err && main_fd < 0 && !files)
		err = no_default(d);
	return err ? err : take_text(&b, ret_text, ret_len);
}

int policy_read(const char *path, char **ret_text, size_t *ret_len,
		struct diags *d)
{
	_cleanup_(close_fd) int fd = -1;
	int err;

	if (!path)
		return read_default(ret_text, ret_len, d);
	err = open_path(path, &fd, d);
	if (err)
		return err;
	if (fd != STDIN_FILENO && is_folder(fd))
		return read_folder(fd, path, ret_text, ret_len, d);
	if (fd != STDIN_FILENO)
		warn_of_others(fd, path, d);
	return read_path(fd, path, ret_text, ret_len, d);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static const char *folder_of(const char *path)
{
	const char *end = strrchr(path, '/');

	return !end ? "." : end == path ? "/" :
	       intern_n(path, (size_t)(end - path));
}

int policy_check_place(const char *path, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	const char *folder = folder_of(path);
	size_t len;

	if (!folder)
		return -ENOMEM;
	return is_same_file(path, policy_default) ||
	       is_same_file(path, policy_default_folder) ||
	       is_same_file(folder, policy_default_folder) ?
		       read_default(&text, &len, d) : 0;
}

int policy_read_saved(const char *path, char **ret_text, size_t *ret_len,
		      struct diags *d)
{
	_cleanup_(close_fd) int fd = -1;
	int err = open_path(path, &fd, d);

	return err ? err : read_kind(fd, path, &saved_rules, ret_text, ret_len,
				     d);
}
