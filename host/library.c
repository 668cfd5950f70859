/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "host/trace.h"

static int look(void *library, const struct library_function *f, void **ret)
{
	*ret = dlsym(library, f->name);
	if (!*ret)
		host_trace("dlsym(%s): %s", f->name, dlerror());
	return *ret ? 0 : -ELIBACC;
}

int library_open(const char *name, const struct library_function *v, size_t n)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL), *f;
	int err = library ? 0 : -ELIBACC;

	host_trace("dlopen(%s)%s%s", name, library ? "" : ": ",
		   library ? "" : dlerror());
	for (size_t i = 0; !err && i < n; i++)
		err = look(library, &v[i], &f);
	if (err && library)
		dlclose(library);
	for (size_t i = 0; !err && i < n; i++) {
		err = look(library, &v[i], &f);
		/* POSIX's own way around C, which has no such conversion */
		memcpy(v[i].to, &f, sizeof(f));
	}
	return err;
}
