/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/mend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/mem.h"
#include "host/privilege.h"
#include "host/swap.h"
#include "policies/policy.h"
#include "policies/policy_files.h"
#include "policies/policy_fix.h"

static int refuse(struct diags *d, const char *path, int err)
{
	return diag_add(d, DIAG_ERROR, err, ID_FILE_NOT_EDITED,
			(struct srcpos){ .file = path },
			"not changed: %s",
			err == -EMLINK ? "it has several names" :
			err == -ESTALE ? "somebody else changed it meanwhile" :
					 strerror(-err));
}

static int can_write(const char *path, struct diags *d)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	int err = real ? swap_check(real) : -errno;

	return err ? refuse(d, path, err) : 0;
}

/* Through links: the file itself is replaced. */
static int write_to(const char *path, const char *was, size_t was_len,
		    const char *text, size_t len, struct diags *d)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	int err = real ? swap_check(real) : -errno;

	if (!err) {
		err = swap_write_over(real, was, was_len, text, len);
		swap_tidy(real);
		swap_drop_kept(real);
	}
	return err ? refuse(d, path, err) : 0;
}

/* Whatever else a file may be, nobody asked for that to be mended. */
static bool is_policy(const char *text, size_t len)
{
	static const char *const keys[] = {
		"version:", "state_matching:", "untracked:", "tracked:",
		"lists:", "conntrack:",
	};

	/* UTF-16, which is told by its first bytes */
	if (memchr(text, '\0', len))
		return true;
	for (const char *s = text; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (!strncmp(s, keys[i], strlen(keys[i])))
				return true;
	}
	return false;
}

/* A file of the policy, before and after. */
struct mended {
	const char *path;
	const struct diag_source *was, *is;
};

static int write_one(const struct mended *m, bool back, struct diags *d)
{
	const struct diag_source *from = back ? m->is : m->was;
	const struct diag_source *to = back ? m->was : m->is;

	return write_to(m->path, from->text, from->len, to->text, to->len, d);
}

/* All of them or none: together they are one policy. */
static int write_all(const struct mended *v, size_t n, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; n > 1 && !err && i < n; i++)
		err = can_write(v[i].path, d);
	for (size_t i = 0; !err && i < n; i++) {
		err = write_one(&v[i], false, d);
		while (err && i--)
			write_one(&v[i], true, d);
		if (err)
			break;
	}
	return err;
}

/* Which of them the fixes are in; none: there is one that is no policy. */
static size_t list_changed(const struct policy_files *was,
			   const struct policy_files *is, struct mended *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < was->n && was->n == is->n; i++) {
		if (policy_file_same(&was->v[i], &is->v[i]))
			continue;
		if (!is_policy(was->v[i].text, was->v[i].len))
			return 0;
		ret[n++] = (struct mended){ was->v[i].file, &was->v[i],
					    &is->v[i] };
	}
	return n;
}

static int write_changed(const char *path, const struct diag_source *was,
			 const struct diag_source *is,
			 const struct diags *fixes, struct diags *done)
{
	_cleanup_(policy_files_release) struct policy_files a = { 0 };
	_cleanup_(policy_files_release) struct policy_files b = { 0 };
	_cleanup_free_ struct mended *v = NULL;
	int err = policy_files_split(path, was->text, was->len, &a);
	size_t n;

	if (!err)
		err = policy_files_split(path, is->text, is->len, &b);
	if (err)
		return err;
	v = calloc(a.n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	n = list_changed(&a, &b, v);
	err = write_all(v, n, done);
	if (!err && n)
		diags_append(done, fixes);
	return err;
}

static int mend_text(const char *path, const char *text, size_t len,
		     struct diags *done)
{
	_cleanup_(diags_release) struct diags fixes = { 0 };
	const struct diag_source was = { path, text, len };
	_cleanup_free_ char *fixed = NULL;
	struct diag_source is = { .file = path };
	int err = policy_fix(path, text, len, &fixed, &is.len, &fixes);

	is.text = fixed;
	if (err || !fixes.n)
		return err;
	if (!policy_file_same(&was, &is))
		return write_changed(path, &was, &is, &fixes, done);
	diags_append(done, &fixes);	/* why not */
	return 0;
}

int mend_file(const char *path, bool keeps_powers, struct diags *done)
{
	_cleanup_(diags_release) struct diags unread = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	struct stat st;
	int err;

	if (stat(path, &st))
		return 0;	/* whoever checks it says so */
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return refuse(done, path, -EINVAL);
	if (!keeps_powers && privilege_drop(PRIVILEGE_RULES))
		return diag_add(done, DIAG_ERROR, -EPERM, ID_CAPS_KEPT, NOPOS,
				"capabilities that are not needed cannot be given up");
	err = policy_read(path, &text, &len, &unread);
	if (err)
		return err == -ENOMEM ? err : 0;
	return mend_text(path, text, len, done);
}
