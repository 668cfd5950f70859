/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/host_copy.h: the host's rules, all worlds of them, in the kernel's own
 * form.
 *
 * Shape:  taken on the host, put into an empty private network as often as
 *         wanted. `any`: there are rules, or chains that drop.
 * Owner:  host_copy_release().
 * Errors: backends/copy.h's. -EPERM with a diagnostic: only root can read them.
 */
#ifndef CTPOLICY_PROVE_HOST_COPY_H
#define CTPOLICY_PROVE_HOST_COPY_H

#include <stdbool.h>

#include "backends/backend.h"

#define COPIES_MAX 4

struct host_copy {
	struct rules_copy *v[COPIES_MAX];	/* as backends[] */
	bool any;
};

int host_copy_take(struct host_copy *c, struct diags *d);
/*
 * The rules of a file instead: read, and loaded. `text`: whose text is the
 * file's, where that was read before; NULL: it was not.
 */
int host_file_read(const char *file, const struct foreign *text,
		   uint8_t family, struct foreign **ret,
		   const struct backend **ret_dialect, struct diags *d);
int host_file_load(const struct backend *b, const char *file,
		   const struct foreign *f, struct diags *d);
int host_copy_put(const struct host_copy *c, struct diags *d);
void host_copy_release(struct host_copy *c);

#endif
