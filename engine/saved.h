/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/saved.h: a plan for what a saved ruleset holds, instead of the kernel.
 *
 * Errors: -FAULT_DATA: the file is no ruleset; its place and the cure are in
 *         the diagnostics. Others as plan_load() and plan_lower() have them.
 */
#ifndef CTPOLICY_ENGINE_SAVED_H
#define CTPOLICY_ENGINE_SAVED_H

#include "engine/plan.h"

/* Choose the backend whose text it is, unless one was named, and compare. */
int saved_compare(struct plan *p, const char *file);
/*
 * What an apply on its host would want: `f` was read from the file, terms and
 * all, and ctpolicy's rules were taken out. Where the text holds none, accept
 * rules go where the host's own chains drop.
 */
int saved_want(struct plan *p, const char *file, const struct foreign *f);

#endif
