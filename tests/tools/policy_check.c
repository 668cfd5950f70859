/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_check FILE...: the policy loader alone, for tests: what it says about
 * each file, on standard error. Exit code: 0, 66 (not read), 78 (not valid),
 * of the last file that was not well. With -n notes are left out, with -a all
 * errors are shown.
 */
#include <stdbool.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy.h"

static void drop_notes(struct diags *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].level == DIAG_NOTE) {
			free(d->v[i].msg);
			free(d->v[i].help);
			free(d->v[i].related_msg);
		} else {
			d->v[n++] = d->v[i];
		}
	}
	d->n = n;
}

static int check(const char *path, bool notes, size_t max)
{
	_cleanup_(policy_free) struct policy *p = NULL;
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_free_ char *text = NULL;
	struct diag_source src = { .file = path };
	int r, code = 66;

	r = policy_read(path, &text, &src.len, &d);
	if (!r) {
		src.text = text;
		code = policy_parse(path, text, src.len, &p, &d) ? 78 : 0;
	}
	if (!notes)
		drop_notes(&d);
	diags_print(&d, &src, src.text ? 1 : 0, max, false, stderr);
	return code;
}

int main(int argc, char **argv)
{
	bool notes = true;
	size_t max = 20;
	int code = 0, r;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-n")) {
			notes = false;
			continue;
		}
		if (!strcmp(argv[i], "-a")) {
			max = 0;
			continue;
		}
		r = check(argv[i], notes, max);
		code = r ? r : code;
	}
	return code;
}
