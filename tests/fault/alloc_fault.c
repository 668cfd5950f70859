/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fault/alloc_fault.c: preloaded into the program: allocation number
 * CTPOLICY_FAIL_ALLOC fails, counted from main() on, and how many there were
 * goes into the file CTPOLICY_COUNT_ALLOC. With number -1 none fails, but all
 * of them leave ENOMEM in errno, as malloc() does that first asked elsewhere
 * (POSIX: a function that succeeds may set errno). The program begins with
 * setlocale(), and so do we.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long seen, fails;
static int counts;

/*
 * Before main() the sanitizer may not be ready, and dlsym() itself allocates:
 * what is wanted there is ours, with its size before it, and never freed.
 */
static char early[4 << 20] __attribute__((aligned(16)));
static size_t used;

static void *from_early(size_t n)
{
	char *p = early + used;

	used += 16 + ((n + 15) & ~(size_t)15);
	if (used > sizeof(early))
		return NULL;
	memcpy(p, &n, sizeof(n));
	return p + 16;
}

static int is_early(const void *p)
{
	return (const char *)p >= early &&
	       (const char *)p < early + sizeof(early);
}

/* Those that main() gets; NULL before it. */
static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	char *(*setlocale)(int, const char *);
} real;

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static int is_failing(void)
{
	if (!counts || __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED) != fails)
		return 0;
	errno = ENOMEM;
	return 1;
}

static void *with_errno(void *p)
{
	if (fails == ULONG_MAX)
		errno = ENOMEM;
	return p;
}

void *malloc(size_t n)
{
	if (is_failing())
		return NULL;
	return with_errno(counts ? real.malloc(n) : from_early(n));
}

void *calloc(size_t n, size_t size)
{
	if (is_failing())
		return NULL;
	return with_errno(counts ? real.calloc(n, size) :
				   from_early(n * size));
}

void *realloc(void *p, size_t n)
{
	size_t old = 0;
	void *q;

	if (is_failing())
		return NULL;
	if (counts && !is_early(p))
		return with_errno(real.realloc(p, n));
	if (is_early(p))
		memcpy(&old, (char *)p - 16, sizeof(old));
	q = from_early(n);
	if (old && q)
		memcpy(q, p, old < n ? old : n);
	return q;
}

void free(void *p)
{
	if (counts && p && !is_early(p))
		real.free(p);
}

char *strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = malloc(len + 1);

	if (p) {
		memcpy(p, s, len);
		p[len] = '\0';
	}
	return p;
}

char *strdup(const char *s)
{
	return strndup(s, strlen(s));
}

char *setlocale(int category, const char *locale)
{
	const char *n = getenv("CTPOLICY_FAIL_ALLOC");

	fails = n ? strtoul(n, NULL, 10) : 0;
	real.malloc = next("malloc");
	real.calloc = next("calloc");
	real.realloc = next("realloc");
	real.free = next("free");
	real.setlocale = next("setlocale");
	counts = 1;
	return real.setlocale(category, locale);
}

static void __attribute__((destructor)) tell(void)
{
	const char *path = getenv("CTPOLICY_COUNT_ALLOC");
	FILE *f;

	counts = 0;
	f = path ? fopen(path, "w") : NULL;
	if (f) {
		fprintf(f, "%lu\n", seen);
		fclose(f);
	}
}
