/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_load.h"
#include "backends/nft/nft_load_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "core/diag_ids.h"
#include "core/fault.h"
#include "core/files.h"
#include "core/mem.h"
#include "host/library.h"
#include "host/send_room.h"
#include "rules/foreign.h"

#define SAID_MAX (64u << 10)	/* more of its errors help nobody */
#define ERRORS_MAX 10
#define SECONDS_MAX 60	/* for what takes two at most, by experience */
#define MEMORY_MAX ((rlim_t)2 << 30)
#define FDS_MAX 1024	/* few are open */

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Of the only ABI that libnftables ever had. */
#define LIBRARY "libnftables.so.1"
#define EXIT_NO_LIBRARY 127	/* as a shell says that there is no command */

#define FUNCTIONS(X) \
	X(nft_ctx_new) \
	X(nft_ctx_buffer_error) \
	X(nft_ctx_buffer_output) \
	X(nft_run_cmd_from_filename) \
	X(nft_ctx_get_error_buffer)

/*
 * Opened where text is loaded, which most commands never do: with a library of
 * long numbers that it brings along, it would take a tenth of the time of each.
 */
LIBRARY_FUNCTIONS(FUNCTIONS);

/* ---- in a process of its own ---- */

static void say(int fd, const char *s)
{
	(void)fd_write(fd, s, strnlen(s, SAID_MAX));
}

static bool is_netfilter(int fd)
{
	int v = -1;
	socklen_t len = sizeof(v);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &v, &len) || v != AF_NETLINK)
		return false;
	len = sizeof(v);
	return !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &len) &&
	       v == NETLINK_NETFILTER;
}

/* It does not say which socket is its own: ours, too, may have the room. */
static void lift_room(void)
{
	for (int fd = 0; fd < FDS_MAX; fd++)
		if (is_netfilter(fd))
			send_room_lift(fd);
}

/*
 * Texts can make it read or wait without end: `monitor`, or an included fifo.
 * A sanitizer's own memory is larger than any limit.
 */
static void bound(pid_t parent)
{
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t none;
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };

	if (!SANITIZED)
		(void)setrlimit(RLIMIT_AS, &memory);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	(void)sigaction(SIGALRM, &usual, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)alarm(SECONDS_MAX);
}

/* From a file: of a text in memory it does not tell the lines. */
static _Noreturn void be_nft(const char *path, int answer)
{
	struct nft_ctx *nft;
	int err;

	if (library_open(LIBRARY, functions, ARRAY_SIZE(functions)))
		_exit(EXIT_NO_LIBRARY);
	nft = lib.nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft || lib.nft_ctx_buffer_error(nft) ||
	    lib.nft_ctx_buffer_output(nft))
		_exit(EXIT_FAILURE);
	lift_room();
	err = lib.nft_run_cmd_from_filename(nft, path);
	if (err)
		say(answer, lib.nft_ctx_get_error_buffer(nft));
	_exit(err ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- what it said ---- */

struct saying {
	const char *file, *path;	/* as it is named here, and to nft */
	struct diags *d;
	size_t n;
	bool lacks;			/* the kernel, or this machine */
};

/* A number that ends with that character; NULL: it is none. */
static const char *number(const char *s, char end, uint32_t *ret)
{
	char *behind;
	unsigned long v;

	if (!isdigit((unsigned char)*s))
		return NULL;
	v = strtoul(s, &behind, 10);
	if (*behind != end || v > UINT16_MAX * UINT32_C(1000))
		return NULL;
	*ret = (uint32_t)v;
	return behind + 1;
}

/* "PATH:LINE:COL-COL: Error: TEXT", as nft writes it. */
static bool parse_place(const char *s, size_t *ret_path, struct srcpos *at,
			const char **ret_text)
{
	static const char error[] = " Error: ";
	const char *end = strstr(s, error), *p = end, *rest;
	uint32_t last;

	if (!end)
		return false;
	/* over the colon ahead, and back to the one that ends the path */
	for (int colons = 0; p > s && colons < 3; p--)
		colons += p[-1] == ':';
	rest = *p == ':' ? number(p + 1, ':', &at->line) : NULL;
	rest = rest ? number(rest, '-', &at->col) : NULL;
	rest = rest ? number(rest, ':', &last) : NULL;
	if (rest != end)
		return false;
	*ret_path = (size_t)(p - s);
	at->len = last >= at->col ? last - at->col + 1 : 1;
	*ret_text = end + strlen(error);
	return true;
}

/* Past the prefix, if it is there. */
static bool skip(const char **s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*s, prefix, n) != 0)
		return false;
	*s += n;
	return true;
}

static void say_too_large(struct saying *y)
{
	diag_add(y->d, DIAG_ERROR, 0, ID_RULES_NOT_COPIED,
		 (struct srcpos){ .file = y->file },
		 "this text is too large to load: the kernel takes no message of that size from this user");
	diag_help(y->d, "run it as root on the host itself, or raise net.core.wmem_max");
	y->n++;
}

/* What nft looks up where it runs, which is not where the text is from. */
static void help_lookup(struct saying *y, const char *text)
{
	static const struct {
		const char *said, *help;
	} lookups[] = {
		{ "Interface does not exist",
		  "nft looks `iif` and `oif` up on this machine, which has no such interface: write `iifname` or `oifname` in a copy of the file" },
		{ "User does not exist",
		  "nft looks users up on this machine, which has no such one: write the user's number in a copy of the file" },
		{ "Group does not exist",
		  "nft looks groups up on this machine, which has no such one: write the group's number in a copy of the file" },
		{ "cgroupv2 path fails",
		  "nft looks control groups up on this machine, which has no such one: take the rule out of a copy of the file" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lookups); i++)
		if (strstr(text, lookups[i].said)) {
			diag_help(y->d, "%s", lookups[i].help);
			y->lacks = true;
		}
}

/* What is wrong in an included file has no place in ours. */
static void say_error(struct saying *y, const char *line)
{
	struct srcpos at = { .file = y->file };
	const char *text = line, *what = "nft cannot load";
	size_t path = 0;
	bool placed = parse_place(line, &path, &at, &text), own;

	own = placed && strlen(y->path) == path &&
	      !strncmp(line, y->path, path);
	if (!placed) {
		skip(&text, "netlink: ");
		skip(&text, "Error: ");
	}
	if (skip(&text, "Could not process rule: ")) {
		y->lacks = true;
		what = "the kernel refuses";
		if (!strcmp(text, strerror(EMSGSIZE))) {
			say_too_large(y);
			return;
		}
	}
	if (placed && !own)
		diag_add(y->d, DIAG_ERROR, 0, ID_SAVED_NFT,
			 (struct srcpos){ .file = y->file },
			 "%s what is included, %.*s:%u: %s", what, (int)path,
			 line, at.line, text);
	else
		diag_add(y->d, DIAG_ERROR, 0, ID_SAVED_NFT, at, "%s this: %s",
			 what, text);
	help_lookup(y, text);
	y->n++;
}

/* Behind an error nft shows the line that it is in, whatever that says. */
static bool is_error(const char *line)
{
	struct srcpos at = { 0 };
	const char *text;
	size_t path;

	return skip(&line, "Error: ") || skip(&line, "netlink: Error: ") ||
	       parse_place(line, &path, &at, &text);
}

static void say_all(struct saying *y, char *said)
{
	char *save = NULL;

	for (char *line = strtok_r(said, "\n", &save);
	     line && y->n < ERRORS_MAX; line = strtok_r(NULL, "\n", &save))
		if (is_error(line))
			say_error(y, line);
}

/* It says nothing; nft exits with 1 for any error but want of memory. */
static int say_ended(const struct saying *y, int status)
{
	const struct srcpos at = { .file = y->file };
	const int err = -FAULT_LACKING;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
		diag_add(y->d, DIAG_ERROR, err, ID_RULES_NOT_COPIED, at,
			 "libnftables was not done with this text after %d seconds, and was ended",
			 SECONDS_MAX);
		diag_help(y->d, "take out `monitor`, and what includes a device or a pipe");
		return err;
	}
	if (WIFSIGNALED(status))
		return diag_add(y->d, DIAG_ERROR, err, ID_RULES_NOT_COPIED, at,
				"libnftables ended by signal %d over this text",
				WTERMSIG(status));
	if (WEXITSTATUS(status) == EXIT_NO_LIBRARY)
		return diag_add(y->d, DIAG_ERROR, err, ID_RULES_NOT_COPIED, at,
				"cannot load " LIBRARY ", which reads this text");
	if (WEXITSTATUS(status) != EXIT_FAILURE)
		return diag_add(y->d, DIAG_ERROR, err, ID_RULES_NOT_COPIED, at,
				"libnftables gave up on this text: it may take %u MiB of memory",
				(unsigned int)(MEMORY_MAX >> 20));
	return diag_add(y->d, DIAG_ERROR, err, ID_RULES_NOT_COPIED, at,
			"libnftables cannot load this text, and does not say why");
}

static int explain(const char *file, const char *path, const char *said,
		   int status, struct diags *d)
{
	struct saying y = { .file = file, .path = path, .d = d };
	_cleanup_free_ char *copy = strdup(said);

	if (!copy)
		return -ENOMEM;
	say_all(&y, copy);
	if (y.n)
		return y.lacks ? -FAULT_LACKING : -FAULT_DATA;
	return say_ended(&y, status);
}

/* ---- the two together ---- */

static int put_text(const struct foreign *f, int *ret)
{
	_cleanup_(fd_close) int fd = memfd_create("rules", MFD_CLOEXEC);
	_cleanup_free_ char *text = malloc(f->len + 1);
	int err;

	if (fd < 0)
		return -errno;
	if (!text)
		return -ENOMEM;
	memcpy(text, f->text, f->len);
	nft_text_disown(text, f->len);
	err = fd_write(fd, text, f->len);
	if (err)
		return err;
	*ret = fd;
	fd = -1;
	return 0;
}

static int run(const char *path, char **ret_said, int *ret_status)
{
	int fd[2], err;
	size_t n;
	pid_t parent = getpid(), pid;

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(fd[0]);
		bound(parent);
		be_nft(path, fd[1]);
	}
	err = pid < 0 ? -errno : 0;
	close(fd[1]);
	if (!err)
		err = fd_read(fd[0], SAID_MAX, ret_said, &n);
	close(fd[0]);
	while (pid > 0 && waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return err ? err : -errno;
	return err;
}

int nft_load(struct backend_ctx *ctx, const char *file,
	     const struct foreign *f, struct diags *d)
{
	_cleanup_free_ char *said = NULL;
	_cleanup_(fd_close) int fd = -1;
	char path[sizeof("/proc/self/fd/") + 11];
	int status = 0, err;

	(void)ctx;
	err = put_text(f, &fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!err)
		err = run(path, &said, &status);
	if (err)
		return diag_add(d, DIAG_ERROR, err, ID_RULES_NOT_COPIED, NOPOS,
				"libnftables cannot be run: %s",
				strerror(-err));
	if (status)
		return explain(file, path, said, status, d);
	nft_text_note_includes(file, f, d);
	return 0;
}
