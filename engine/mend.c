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

int mend_file(const char *path, bool keeps_powers, struct diags *done)
{
	_cleanup_(diags_release) struct diags fixes = { 0 };
	_cleanup_free_ char *text = NULL, *fixed = NULL;
	size_t len, n;
	struct stat st;
	int err;

	if (stat(path, &st))
		return 0;	/* whoever checks it says so */
	if (!S_ISREG(st.st_mode))
		return refuse(done, path, S_ISDIR(st.st_mode) ? -EISDIR :
								-EINVAL);
	if (!keeps_powers && privilege_drop(PRIVILEGE_RULES))
		return diag_add(done, DIAG_ERROR, -EPERM, ID_CAPS_KEPT, NOPOS,
				"capabilities that are not needed cannot be given up");
	err = policy_read(path, &text, &len, &fixes);
	if (err)
		return err == -ENOMEM ? err : 0;
	err = policy_fix(path, text, len, &fixed, &n, &fixes);
	if (err || !fixes.n || !is_policy(text, len))
		return err;
	err = write_to(path, text, len, fixed, n, done);
	if (!err)
		diags_append(done, &fixes);
	return err;
}
