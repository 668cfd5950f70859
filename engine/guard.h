/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/guard.h: does this policy lock its maker out?
 *
 * The connection that the command was given over (SSH_CONNECTION) and the
 * flows of `management` services are followed through the wanted rules: what
 * is taken out of tracking must be accepted by rules of ours wherever the host
 * filters, since its own rules may know it by its state only.
 *
 * Errors: -EADDRINUSE: it does, with a diagnostic that names the leg, or a
 *         warning alone with --force. Nothing was done.
 * Source: SSH_CONNECTION in ssh(1).
 */
#ifndef CTPOLICY_ENGINE_GUARD_H
#define CTPOLICY_ENGINE_GUARD_H

#include "engine/plan.h"

/* p must have been compared. */
int guard_check(struct plan *p);

#endif
