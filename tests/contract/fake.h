/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/contract/fake.h: backends whose kernels are pieces of memory, each its
 * own.
 *
 * Shape:  takes every step as a kernel would: a rule needs its chain and its
 *         sets, a set in use can't go, a table must be empty. It works on a
 *         copy and swaps on success.
 */
#ifndef CTPOLICY_TESTS_FAKE_H
#define CTPOLICY_TESTS_FAKE_H

#include "backends/backend.h"

extern const struct backend backend_fake, backend_fake_other;

/* Fail the n-th step of commits from now on with -errno; 0: none. */
void fake_fail_at(size_t n, int err);
/* Drop all state, of both. */
void fake_reset(void);
/* Somebody else writes: the stamps move. */
void fake_disturb(void);

#endif
