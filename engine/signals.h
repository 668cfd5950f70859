/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/signals.h: which signals end a command that changes rules, and when.
 *
 * Shape:  signals_endure(): a reader that went away and a file that may not
 *         grow are errors of write(2) from here on. Between signals_hold()
 *         and signals_release() a terminal that hangs up, ^C, ^Z and a plain
 *         kill wait: a change that has begun is brought to its end.
 * Source: signal(7), setrlimit(2) for SIGXFSZ.
 */
#ifndef CTPOLICY_ENGINE_SIGNALS_H
#define CTPOLICY_ENGINE_SIGNALS_H

#include <signal.h>

void signals_endure(void);
void signals_hold(sigset_t *ret_before);
void signals_release(const sigset_t *before);

#endif
