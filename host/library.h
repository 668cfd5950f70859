/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/library.h: a library that is opened where it is needed, and then kept.
 * What most commands never call costs each of them its files and relocations
 * otherwise.
 *
 * Shape:  a file that opens one lists the functions that it calls, once,
 *             #define FUNCTIONS(X) X(kmod_new) X(kmod_unref)
 *             LIBRARY_FUNCTIONS(FUNCTIONS);
 *         and gets `functions`, the table to open it with, and `lib`, whose
 *         members have their names and types: lib.kmod_new(...).
 * Owner:  nobody closes it.
 * Errors: -ELIBACC: it cannot be opened, or lacks a function; the trace says
 *         which. Nothing is written to `to`.
 * Source: dlopen(3).
 */
#ifndef CTPOLICY_HOST_LIBRARY_H
#define CTPOLICY_HOST_LIBRARY_H

#include <stddef.h>

struct library_function {
	const char *name;
	void *to;		/* where the pointer to it goes */
};

#define LIBRARY_MEMBER(f) __typeof__(f) *(f);
#define LIBRARY_ROW(f) { #f, &lib.f },

#define LIBRARY_FUNCTIONS(list) \
	static struct { list(LIBRARY_MEMBER) } lib; \
	static const struct library_function functions[] = { list(LIBRARY_ROW) }

/* `name` as the dynamic loader has it, with its version: "libkmod.so.2". */
int library_open(const char *name, const struct library_function *v, size_t n);

#endif
