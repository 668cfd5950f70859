/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/kernel_check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "host/host.h"

#define LOCK_TEMPLATE "/tmp/ctpolicy-lock.XXXXXX"
/* Of the process, as signals are. */
static char lock[] = LOCK_TEMPLATE;

static void drop_lock(int sig)
{
	unlink(lock);
	raise(sig);
}

/* A lock file must not outlive a check that was told to stop. */
static void drop_lock_on_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGPIPE, SIGTERM };
	struct sigaction act = { .sa_handler = drop_lock,
				 .sa_flags = (int)SA_RESETHAND };
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (!sigaction(signals[i], NULL, &old) &&
		    old.sa_handler == SIG_DFL)
			sigaction(signals[i], &act, NULL);
}

/*
 * The host's xtables lock is of no concern to a private namespace, and an
 * ordinary user can't open it.
 */
static int use_own_lock(void)
{
	int fd;

	memcpy(lock, LOCK_TEMPLATE, sizeof(LOCK_TEMPLATE));
	drop_lock_on_signals();
	fd = mkstemp(lock);
	if (fd < 0)
		return -errno;
	close(fd);
	return setenv("XTABLES_LOCKFILE", lock, 1) ? -errno : 0;
}

static int enter(struct plan *p)
{
	static bool entered;
	int r = entered ? 0 : host_enter_private_netns();

	if (r) {
		diag_add(&p->diags, DIAG_ERROR, 0, ID_NO_NAMESPACE, NOPOS,
			 "cannot make a private user and network namespace: %s",
			 strerror(-r));
		diag_help(&p->diags,
			  "the kernel must allow user namespaces; without --kernel no namespace is needed");
		return -EOPNOTSUPP;
	}
	entered = true;
	return 0;
}

static int report_difference(struct plan *p)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };

	p->backend->print_step(&p->changes->steps[0], &line);
	diag_add(&p->diags, DIAG_ERROR, 0, ID_KERNEL_CHECK_DIFFERS, NOPOS,
		 "%s: the kernel gave back other rules than it was told, first: %s %s",
		 p->backend->name, p->changes->steps[0].add ? "+" : "-",
		 strbuf_str(&line));
	return -EIO;
}

static int check_backend(struct plan *p)
{
	int r = p->backend->open(&p->ctx, &p->diags);

	if (!r)
		r = plan_compare(p);
	if (!r)
		r = p->backend->commit(p->ctx, p->changes, p->live.stamp, false,
				       &p->diags);
	if (!r)
		r = plan_compare(p);
	if (!r && !changeset_is_empty(p->changes))
		r = report_difference(p);
	if (p->ctx)
		p->backend->close(&p->ctx);
	return r;
}

int kernel_check(struct plan *p)
{
	bool found = false;
	int r = use_own_lock();

	if (!r)
		r = enter(p);
	for (size_t i = 0; !r && backends[i]; i++) {
		p->backend = backends[i];
		if (p->rq->backend &&
		    strcmp(p->rq->backend, p->backend->name) &&
		    strcmp(p->rq->backend, "auto"))
			continue;
		found = true;
		r = check_backend(p);
	}
	unlink(lock);
	if (!r && !found) {
		diag_add(&p->diags, DIAG_ERROR, 0, ID_NO_SUCH_BACKEND, NOPOS,
			 "no backend '%s' in this build", p->rq->backend);
		r = -ENOEXEC;
	}
	return r;
}
