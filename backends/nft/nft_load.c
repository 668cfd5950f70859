/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_load.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "core/diag_ids.h"
#include "core/fault.h"
#include "core/files.h"
#include "core/mem.h"
#include "rules/foreign.h"

#define SAID_MAX (64u << 10)	/* more of its errors help nobody */
#define ERRORS_MAX 10

/* ---- in a process of its own ---- */

static void say(int fd, const char *s)
{
	(void)fd_write(fd, s, strnlen(s, SAID_MAX));
}

/* From a file: of a text in memory it does not tell the lines. */
static _Noreturn void be_nft(const char *path, int answer)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	int err;

	if (!nft || nft_ctx_buffer_error(nft) || nft_ctx_buffer_output(nft))
		_exit(EXIT_FAILURE);
	err = nft_run_cmd_from_filename(nft, path);
	if (err)
		say(answer, nft_ctx_get_error_buffer(nft));
	_exit(err ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- what it said ---- */

struct saying {
	const char *file, *path;	/* as it is named here, and to nft */
	struct diags *d;
	size_t n;
	bool refused;			/* by the kernel */
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

/* What is wrong in an included file has no place in ours. */
static void say_error(struct saying *y, const char *line)
{
	struct srcpos at = { .file = y->file };
	static const char kernel[] = "Could not process rule: ";
	const char *text = line, *what = "nft cannot load";
	size_t path = 0;
	bool placed = parse_place(line, &path, &at, &text), own;

	own = placed && strlen(y->path) == path &&
	      !strncmp(line, y->path, path);
	if (!placed && !strncmp(text, "Error: ", strlen("Error: ")))
		text += strlen("Error: ");
	if (!strncmp(text, kernel, strlen(kernel))) {
		y->refused = true;
		text += strlen(kernel);
		what = "the kernel refuses";
	}
	if (placed && !own)
		diag_add(y->d, DIAG_ERROR, 0, ID_SAVED_NFT,
			 (struct srcpos){ .file = y->file },
			 "%s what is included, %.*s:%u: %s", what, (int)path,
			 line, at.line, text);
	else
		diag_add(y->d, DIAG_ERROR, 0, ID_SAVED_NFT, at, "%s this: %s",
			 what, text);
	y->n++;
}

static void say_all(struct saying *y, char *said)
{
	char *save = NULL;

	for (char *line = strtok_r(said, "\n", &save);
	     line && y->n < ERRORS_MAX; line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "Error: "))
			say_error(y, line);
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
		return y.refused ? -FAULT_LACKING : -FAULT_DATA;
	if (WIFSIGNALED(status))
		return diag_add(d, DIAG_ERROR, -FAULT_LACKING,
				ID_RULES_NOT_COPIED,
				(struct srcpos){ .file = file },
				"libnftables ended by signal %d over this text",
				WTERMSIG(status));
	return diag_add(d, DIAG_ERROR, -FAULT_LACKING, ID_RULES_NOT_COPIED,
			(struct srcpos){ .file = file },
			"libnftables cannot load this text, and does not say why");
}

/* ---- the two together ---- */

static int put_text(const struct foreign *f, int *ret)
{
	_cleanup_(fd_close) int fd = memfd_create("rules", MFD_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = fd_write(fd, f->text, f->len);
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
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(fd[0]);
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

/* Whose rules these are is not for this file alone to say. */
static void note_includes(const char *file, const struct foreign *f,
			  struct diags *d)
{
	const char *s = f->text;

	for (uint32_t line = 1; s; line++) {
		size_t blank = strspn(s, " \t");
		size_t n = strcspn(s, "\n");

		if (!strncmp(s + blank, "include", 7) &&
		    strchr(" \t\"", s[blank + 7]))
			diag_add(d, DIAG_NOTE, 0, ID_SAVED_NFT,
				 (struct srcpos){ file, line,
						  (uint32_t)blank + 1,
						  (uint32_t)(n - blank) },
				 "what is included here was read on this machine, as nft -f reads it");
		s = s[n] ? s + n + 1 : NULL;
	}
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
	note_includes(file, f, d);
	return 0;
}
