/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_foreign.h: the host's own rules from the text of
 * iptables-save and ip6tables-save, or the input of iptables-restore.
 *
 * Shape:  strict about lines and tables, tolerant within a rule.
 * Errors: -EINVAL with a diagnostic; -ENOMEM.
 * Source: iptables-restore(8), iptables-extensions(8).
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_FOREIGN_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_FOREIGN_H

#include "backends/xtables/ipt_foreign_rule.h"
#include "core/diag.h"

/*
 * Of f->text; f is otherwise empty. The family is the heading's; without one
 * f->family, or IPv6 where a rule says what only IPv6 has, else IPv4.
 */
int ipt_read_foreign(const char *file, struct foreign *f, struct diags *d);

#endif
