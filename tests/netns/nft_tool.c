/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/netns/nft_tool.c: the nftables backend without policies, for tests.
 *
 *   nft_tool load FILE    make the kernel hold what nft's text in FILE says
 *   nft_tool check FILE   the same, but only asked for
 *   nft_tool diff FILE    the steps that load would take
 *   nft_tool race FILE    plan, wait for a line on stdin, then load
 *   nft_tool remove       take all of ours away
 *   nft_tool show         what the kernel holds, rendered
 *   nft_tool survey       what else was found there
 *   nft_tool reprint FILE parse and render
 *
 * load and remove read back and fail unless nothing is left to do.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "host/trace.h"

static const struct backend *const nft = &backend_nft;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int read_file(const char *name, char **ret, size_t *len)
{
	FILE *f = fopen(name, "re");
	_cleanup_free_ char *text = NULL;
	size_t n = 0, cap = 0;

	if (!f)
		return -errno;
	for (;;) {
		if (mem_grow(&text, &cap, n + 65536)) {
			fclose(f);
			return -ENOMEM;
		}
		size_t got = fread(text + n, 1, 65536, f);

		n += got;
		if (!got)
			break;
	}
	fclose(f);
	*len = n;
	*ret = TAKE_PTR(text);
	return 0;
}

static int want_of(const char *file, struct image **ret, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int err;

	if (!file) {
		*ret = image_new();
		return *ret ? 0 : -ENOMEM;
	}
	err = read_file(file, &text, &len);
	return err ? err : nft->parse(file, text, len, ret, d);
}

static int print_steps(const struct changeset *cs)
{
	struct step_walk w = { 0 };

	while (changeset_next(cs, &w)) {
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		nft->print_step(&w.now, &b);
		printf("%c %s\n", w.now.add ? '+' : '-', strbuf_str(&b));
	}
	return 0;
}

static int left_to_do(struct backend_ctx *ctx, const struct image *want,
		      struct diags *d, size_t *ret)
{
	_cleanup_(snapshot_release) struct snapshot s = { 0 };
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	int err = nft->snapshot(ctx, &s, d);

	if (!err)
		err = changeset_diff(want, s.image, &cs);
	if (err)
		return err;
	*ret = changeset_count(cs);
	return print_steps(cs);
}

/* In KiB. ru_maxrss survives exec: it would tell of the caller too. */
static long peak_memory(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			kib = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static int load(struct backend_ctx *ctx, const struct image *want,
		const char *how, struct diags *d)
{
	_cleanup_(snapshot_release) struct snapshot s = { 0 };
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	double t[4] = { now() };
	unsigned int begun = BEGUN_NOT;
	size_t left = 0;
	int err = nft->snapshot(ctx, &s, d);

	if (!err)
		err = changeset_diff(want, s.image, &cs);
	if (err)
		return err;
	if (!strcmp(how, "diff"))
		return print_steps(cs);
	if (!strcmp(how, "race"))
		(void)getchar();
	t[1] = now();
	err = nft->commit(ctx, cs, s.stamp, !strcmp(how, "check"), &begun, d);
	t[2] = now();
	if (err || !strcmp(how, "check"))
		return err;
	err = left_to_do(ctx, want, d, &left);
	t[3] = now();
	printf("steps %zu left %zu plan %.3f commit %.3f verify %.3f "
	       "memory %ld kB\n", changeset_count(cs), left, t[1] - t[0],
	       t[2] - t[1], t[3] - t[2], peak_memory());
	return err ? err : left ? -EILSEQ : 0;
}

static int show(struct backend_ctx *ctx, bool survey, struct diags *d)
{
	_cleanup_(snapshot_release) struct snapshot s = { 0 };
	int err = nft->snapshot(ctx, &s, d);

	if (err || !survey)
		return err ? err : nft->render(s.image, stdout);
	printf("in_use %d ours %d iptables_nft %d firewalld %d\n",
	       s.survey.in_use, s.survey.ours, s.survey.iptables_nft,
	       s.survey.firewalld);
	for (size_t i = 0; i < s.survey.n_filters; i++) {
		const struct foreign_chain *f = &s.survey.filters[i];

		printf("filter %s %s %s %s owner %d\n", nfproto_name(f->family),
		       f->table, f->chain, hook_name(f->hook), f->owner);
	}
	return 0;
}

static int run(const char *how, const char *file, struct diags *d)
{
	_cleanup_(image_free) struct image *want = NULL;
	struct backend_ctx *ctx = NULL;
	int err = want_of(file, &want, d);

	if (!err && !strcmp(how, "reprint"))
		return nft->render(want, stdout);
	if (!err)
		err = nft->open(&ctx, d);
	if (err)
		return err;
	if (!strcmp(how, "show") || !strcmp(how, "survey"))
		err = show(ctx, !strcmp(how, "survey"), d);
	else
		err = load(ctx, want, how, d);
	nft->close(&ctx);
	return err;
}

static void trace(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
	struct diags d = { 0 };
	int err;

	if (argc < 2)
		return 64;
	if (getenv("TRACE"))
		host_trace_to(trace, NULL);
	err = run(argv[1], argc > 2 ? argv[2] : NULL, &d);
	diags_print(&d, NULL, 0, 0, false, stderr);
	diags_release(&d);
	if (err)
		fprintf(stderr, "nft_tool: %s\n", fault_text(err));
	return err ? 1 : 0;
}
