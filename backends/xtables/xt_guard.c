/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/xt_guard.h"
#include "host/trace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "backends/xtables/xt.h"
#include "backends/xtables/xt_families.h"

/*
 * libxtables speaks through globals, and so must its one user. `escape` is
 * where exit_err() goes instead of out of the process.
 */
static struct {
	jmp_buf escape;
	bool inside;
	char message[256];
	uint8_t family;
	char held[XT_EXTENSION_MAXNAMELEN];
	uint8_t held_rev;
	FILE *loud, *quiet;	/* stderr outside, and inside */
} state;

/*
 * xtables_malloc() and its like exit() with 1, which says "differs" of a diff,
 * after words on a stderr that nobody hears.
 */
static void tell_exit(void)
{
	if (!state.loud)
		return;
	fputs("ctpolicy: libxtables: out of memory\n", state.loud);
	fflush(state.loud);
	_exit(EX_IOERR);
}

/*
 * What libxtables says on stderr is for who types a rule: that an extension "is
 * not supported", when it looks once more for a revision that is not needed.
 */
static void hush(bool yes)
{
	static const cookie_io_functions_t nowhere = { .write = NULL };

	if (yes && !state.quiet && !atexit(tell_exit))
		state.quiet = fopencookie(NULL, "w", nowhere);
	if (yes && state.quiet) {
		state.loud = stderr;
		stderr = state.quiet;
	} else if (!yes && state.loud) {
		stderr = state.loud;
		state.loud = NULL;
	}
}

static void __attribute__((noreturn, format(printf, 2, 3)))
escape(enum xtables_exittype status, const char *fmt, ...)
{
	va_list ap;

	(void)status;
	va_start(ap, fmt);
	vsnprintf(state.message, sizeof(state.message), fmt, ap);
	va_end(ap);
	state.message[strcspn(state.message, "\n")] = '\0';
	if (!state.inside)
		abort();
	longjmp(state.escape, 1);
}

/*
 * Does the kernel know this revision? libxtables has its own way to ask, but
 * that one exits on errors and runs modprobe.
 */
static int kernel_has_revision(const char *name, uint8_t rev, int opt)
{
	bool v4 = state.family == NFPROTO_IPV4;
	struct xt_get_revision r = { .revision = rev };
	socklen_t len = sizeof(r);
	int fd, ret, err;

	if (strlen(name) >= sizeof(r.name))
		return 0;
	if (rev == state.held_rev && !strcmp(name, state.held))
		return 1;
	memcpy(r.name, name, strlen(name));
	fd = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC,
		    IPPROTO_RAW);
	if (fd < 0)
		escape(OTHER_PROBLEM, "no socket to ask for %s: %s", name,
		       strerror(errno));
	ret = getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, opt, &r, &len);
	err = errno;
	close(fd);
	hush(false);
	host_trace("getsockopt(%s, revision of %s %u) = %d",
		      v4 ? "ip" : "ip6", name, rev, ret);
	hush(true);
	if (ret >= 0)
		return 1;
	/* Another revision is there, or none (xt_find_revision()). */
	if (err == EPROTONOSUPPORT || err == ENOENT)
		return 0;
	/* A kernel too old to answer has revision 0 alone. */
	if (err == ENOPROTOOPT)
		return rev == 0;
	escape(OTHER_PROBLEM, "the kernel does not say whether it has %s: %s",
	       name, strerror(err));
}

static struct xtables_globals globals = {
	.program_name = "ctpolicy",
	.program_version = XTABLES_VERSION,
	.exit_err = escape,
	.compat_rev = kernel_has_revision,
};

void xt_guard_hold(const char *name, uint8_t rev)
{
	snprintf(state.held, sizeof(state.held), "%s", name);
	state.held_rev = rev;
}

void xt_guard_complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(state.message, sizeof(state.message), fmt, ap);
	va_end(ap);
}

const char *xt_guard_message(void)
{
	return state.message;
}

struct xtables_match *xt_guard_match(const char *name,
				     struct xtables_rule_match **matches)
{
	struct xtables_match *m =
		xtables_find_match(name, XTF_TRY_LOAD, matches);

	return m ? m : xtables_find_match(name, XTF_TRY_LOAD, matches);
}

struct xtables_target *xt_guard_target(const char *name)
{
	struct xtables_target *t = xtables_find_target(name, XTF_TRY_LOAD);

	return t ? t : xtables_find_target(name, XTF_TRY_LOAD);
}

int xt_guard(uint8_t family, int (*fn)(void *), void *arg)
{
	int err;

	state.message[0] = '\0';
	if (setjmp(state.escape)) {
		state.inside = false;
		hush(false);
		return -EINVAL;
	}
	state.inside = true;
	if (family && family != state.family) {
		state.family = family;
		xt_families_set(family);
	}
	state.held[0] = '\0';
	hush(true);
	err = fn(arg);
	hush(false);
	state.inside = false;
	return err;
}

static int init(void *arg)
{
	(void)arg;
	state.family = NFPROTO_IPV4;
	/* Which code runs with our powers is not for the caller to choose. */
	unsetenv("XTABLES_LIBDIR");
	unsetenv("IPTABLES_LIB_DIR");
	if (xtables_init_all(&globals, NFPROTO_IPV4) < 0)
		return -EOPNOTSUPP;
	xt_families_set(NFPROTO_IPV4);
	return 0;
}

int xt_init(struct diags *d)
{
	static bool done;
	int err = done ? 0 : xt_guard(0, init, NULL);

	if (err)
		return diag_add(d, DIAG_ERROR, -EOPNOTSUPP, ID_XTABLES_START,
				NOPOS, "libxtables does not start%s%s",
				*state.message ? ": " : "", state.message);
	done = true;
	return 0;
}
