/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/kernel_check.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "host/host.h"
#include "host/modules.h"

#define LOCK_TEMPLATE "/tmp/ctpolicy-lock.XXXXXX"
/* One for the process, as signals are. */
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
	int err = entered ? 0 : host_enter_private_netns();

	if (err) {
		diag_add(&p->diags, DIAG_ERROR, 0, ID_NO_NAMESPACE, NOPOS,
			 "cannot make a private user and network namespace: %s",
			 strerror(-err));
		diag_help(&p->diags,
			  "the kernel must allow user namespaces; without --kernel no namespace is needed");
		return -EOPNOTSUPP;
	}
	entered = true;
	return 0;
}

static int report_difference(struct plan *p, const struct part *m)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };

	m->backend->print_step(&m->changes->steps[0], &line);
	diag_add(&p->diags, DIAG_ERROR, 0, ID_KERNEL_CHECK_DIFFERS, NOPOS,
		 "%s: the kernel's rules differ from what was written; first difference: %s %s",
		 m->backend->name, m->changes->steps[0].add ? "+" : "-",
		 strbuf_text(&line, &p->diags.lost));
	return -EIO;
}

static int check_backend(struct plan *p, const struct backend *b)
{
	struct progress progress;
	struct part *m;
	int err = change_add(&p->change, b, &m);

	if (!err)
		err = b->open(&m->ctx, &p->diags);
	if (!err)
		err = plan_compare(p);
	if (!err)
		err = change_commit(&p->change, &progress, &p->diags);
	if (!err)
		err = plan_compare(p);
	if (!err && !change_is_empty(&p->change))
		err = report_difference(p, m);
	change_release(&p->change);
	return err;
}

/* A trial of NOTRACK rules would load what this kernel goes without. */
static int check_loads_nothing(struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->rules->n; i++)
		n += p->rules->v[i].action != ACTION_ACCEPT;
	if (!n || modules_root_state(MODULES_SYS) != MODULES_ABSENT)
		return 0;
	diag_add(&p->diags, DIAG_ERROR, 0, ID_WOULD_LOAD, NOPOS,
		 "connection tracking is not loaded here, and trying NOTRACK rules in the kernel would load it; nothing was tried");
	diag_help(&p->diags,
		  "check without --kernel, or first: modprobe nf_conntrack");
	return -FAULT_LACKING;
}

int kernel_check(struct plan *p)
{
	bool found = false;
	int err = check_loads_nothing(p);

	if (err)
		return err;
	err = use_own_lock();

	if (!err)
		err = enter(p);
	for (size_t i = 0; !err && backends[i]; i++) {
		if (p->rq->backend &&
		    strcmp(p->rq->backend, backends[i]->name) &&
		    strcmp(p->rq->backend, "auto"))
			continue;
		found = true;
		err = check_backend(p, backends[i]);
	}
	unlink(lock);
	if (!err && !found) {
		diag_add(&p->diags, DIAG_ERROR, 0, ID_NO_SUCH_BACKEND, NOPOS,
			 "no backend '%s' in this build", p->rq->backend);
		err = -FAULT_USAGE;
	}
	return err;
}
