/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/saved_rules.h"

#include <errno.h>

#include "core/fault.h"
#include "engine/plan.h"
#include "host/privilege.h"

static int choose(const struct options *o, const char *file, const char *text,
		  const struct backend **ret, struct diags *d)
{
	const char *name = o->request.backend;
	const struct backend *b = name ? backend_find(name) :
					 backend_of_text(text);

	if (name && !b)
		return diag_add(d, DIAG_ERROR, -FAULT_USAGE,
				ID_NO_SUCH_BACKEND, NOPOS,
				"no backend '%s' in this build", name);
	if (!b) {
		diag_add(d, DIAG_ERROR, 0, ID_NO_RULESET,
			 (struct srcpos){ file, 1, 1, 1 },
			 "this is neither iptables nor nftables text");
		diag_help(d, "%s takes what iptables-save, ip6tables-save or 'nft list ruleset' prints",
			  o->request.command);
		return -FAULT_DATA;
	}
	*ret = b;
	return 0;
}

int saved_rules_read(const struct options *o, const char *file,
		     struct foreign *f, struct diags *d)
{
	const struct backend *b;

	return saved_rules_read_as(o, file, f, &b, d);
}

int saved_rules_read_as(const struct options *o, const char *file,
			struct foreign *f, const struct backend **ret,
			struct diags *d)
{
	const struct backend *b = NULL;
	int err = policy_read_saved(file, &f->text, &f->len, d);

	if (err)
		return plan_file_fault(err);
	f->family = o->request.family;
	if (!o->request.private_kernel && privilege_drop(PRIVILEGE_RULES))
		return diag_add(d, DIAG_ERROR, -EPERM, ID_CAPS_KEPT, NOPOS,
				"capabilities that are not needed cannot be given up");
	err = choose(o, file, f->text, &b, d);
	if (err)
		return err;
	err = b->read_foreign(file, f, d);
	if (!err)
		*ret = b;
	return err == -EINVAL ? -FAULT_DATA : err;
}
