/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/watch_glance.c: did anything happen that would be worth a look? */
#include <errno.h>
#include <sys/stat.h>

#include "backends/backend.h"
#include "core/digest.h"
#include "core/mem.h"
#include "engine/watch.h"

/* Files that come, go or are renewed change the time of their folder. */
static int add_state(const char *dir, uint64_t *digest, struct diags *d)
{
	_cleanup_(state_close) struct state *state = NULL;
	struct stat st;
	int err = state_open_reading(dir, &state, d);

	if (err)
		return err;
	if (stat(state_path(state), &st))
		return -errno;
	*digest = digest_add(*digest, &st.st_ino, sizeof(st.st_ino));
	*digest = digest_add(*digest, &st.st_mtim, sizeof(st.st_mtim));
	return 0;
}

static int add_backend(const struct backend *b, struct watch_seen *to,
		       struct diags *d)
{
	struct backend_ctx *ctx = NULL;
	uint64_t now = 0;
	int err = b->open(&ctx, d);

	if (!err)
		err = b->glance(ctx, &now, d);
	if (ctx)
		b->close(&ctx);
	to->digest = digest_add(to->digest, &now, sizeof(now));
	to->silent |= b->world == WORLD_LEGACY && now;
	return err;
}

int watch_glance(const struct request *rq, struct watch_seen *ret)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	struct watch_seen seen = { .digest = DIGEST_START };
	int err = add_state(rq->state_dir, &seen.digest, &unsaid);

	for (size_t i = 0; !err && backends[i]; i++)
		err = add_backend(backends[i], &seen, &unsaid);
	if (!err)
		*ret = seen;
	return err;
}
