/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/tools/policy_check.c: policy_check [-afmn] [-o DIR] FILE...: the policy
 * loader alone, for tests: what it says about each file, on standard error.
 * Exit code: 0, 66 (not read), 78 (not valid), of the last file that was not
 * well.
 *
 * -f: with what can be mended mended; -n: without notes; -a: all errors,
 * however many; -m: peak memory in KB on standard output; -o: into DIR/NAME.err
 * for each FILE NAME.yaml, and "FILE CODE" on standard output.
 */
#include <stdbool.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy.h"
#include "policies/policy_files.h"
#include "policies/policy_fix.h"

struct options {
	bool notes, fixes;
	size_t max;
	const char *dir;
};

static void drop_notes(struct diags *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (d->v[i].level == DIAG_NOTE) {
			free(d->v[i].msg);
			free(d->v[i].help);
			free(d->v[i].related_msg);
			free(d->v[i].fix_text);
		} else {
			d->v[n++] = d->v[i];
		}
	}
	d->n = n;
}

static int fix(const char *path, char **text, size_t *len)
{
	_cleanup_(diags_release) struct diags done = { 0 };
	char *fixed = NULL;
	size_t n = 0;
	int err = policy_fix(path, *text, *len, &fixed, &n, &done);

	if (err)
		return err;
	free(*text);
	*text = fixed;
	*len = n;
	return 0;
}

static int check(const char *path, const struct options *o, FILE *out)
{
	_cleanup_(policy_free) struct policy *p = NULL;
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_free_ char *text = NULL;
	_cleanup_(policy_files_release) struct policy_files files = { 0 };
	size_t len;
	int err, code = 66;

	err = policy_read(path, &text, &len, &d);
	if (!err && o->fixes)
		err = fix(path, &text, &len);
	if (!err)
		err = policy_files_split(path, text, len, &files);
	if (!err)
		code = policy_parse(path, text, len, &p, &d) ? 78 : 0;
	if (!o->notes)
		drop_notes(&d);
	diags_print(&d, files.v, files.n, o->max, false, out);
	return code;
}

static int check_into(const char *path, const struct options *o)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char out_path[4096];
	FILE *out;
	int code;

	snprintf(out_path, sizeof(out_path), "%s/%.*s.err", o->dir,
		 (int)strcspn(name, "."), name);
	out = fopen(out_path, "w");
	if (!out) {
		perror(out_path);
		return 74;
	}
	code = check(path, o, out);
	printf("%s %d\n", path, code);
	return fclose(out) ? 74 : code;
}

/* The peak of this program alone; getrusage() counts the parent's in. */
static void print_peak(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			printf("%lu\n", strtoul(line + 6, NULL, 10));
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	struct options o = { .notes = true, .max = 20 };
	bool peak = false;
	int code = 0, err;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-n")) {
			o.notes = false;
		} else if (!strcmp(argv[i], "-a")) {
			o.max = 0;
		} else if (!strcmp(argv[i], "-f")) {
			o.fixes = true;
		} else if (!strcmp(argv[i], "-m")) {
			peak = true;
		} else if (!strcmp(argv[i], "-o") && i + 1 < argc) {
			o.dir = argv[++i];
		} else {
			err = o.dir ? check_into(argv[i], &o) :
				      check(argv[i], &o, stderr);
			code = err ? err : code;
		}
	}
	if (peak)
		print_peak();
	return code;
}
