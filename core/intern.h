/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/intern.h: one copy of each name, for as long as the program runs.
 *
 * Names of tables, chains and sets are shared by images, surveys and rules,
 * have no useful limit of length, and there are few different ones. Kept once,
 * they can be passed around and compared like numbers.
 *
 * Owner:  the pool; nobody frees a name. intern_forget() ends all of them.
 * Errors: NULL: out of memory.
 */
#ifndef CTPOLICY_CORE_INTERN_H
#define CTPOLICY_CORE_INTERN_H

#include <stddef.h>

const char *intern(const char *name);
/* Of the first n bytes, which need no NUL behind them. */
const char *intern_n(const char *name, size_t n);
const char *intern_printf(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
/* For programs that go on after everything that holds a name is released. */
void intern_forget(void);

#endif
