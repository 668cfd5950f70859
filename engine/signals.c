/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/signals.h"

#include "core/mem.h"

void signals_endure(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigemptyset(&ignore.sa_mask);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
}

void signals_hold(sigset_t *ret_before)
{
	static const int waits[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
				     SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		sigaddset(&set, waits[i]);
	sigprocmask(SIG_BLOCK, &set, ret_before);
}

void signals_release(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}
