/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/contract/fake.h: a backend whose kernel is a piece of memory.
 *
 * Shape:  takes every step as a kernel would: a rule needs its chain and its
 *         sets, a set in use can't go, a table must be empty. It works on a
 *         copy and swaps on success.
 */
#ifndef CTPOLICY_TESTS_FAKE_H
#define CTPOLICY_TESTS_FAKE_H

#include "backends/backend.h"

extern const struct backend backend_fake;

/* Fail the n-th step of commits from now on with -errno; 0: none. */
void fake_fail_at(size_t n, int err);
/* Drop all state. */
void fake_reset(void);
/* Somebody else writes: the stamp moves. */
void fake_disturb(void);

#endif
