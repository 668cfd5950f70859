/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_notes.h: timed sets, and which datagrams they are told.
 *
 * Only one that may begin something is noted: the rules let it begin in that
 * hook, and its answer would not be let in as something new all the same. So
 * whoever floods a service of this host, with any addresses, fills no set.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_REPLACE_NOTES_H
#define CTPOLICY_AUDIT_REPLACE_NOTES_H

#include "audit/replace_parts.h"

/* For the edits of the family at hand, while its views are known. */
int notes_of_family(struct replacing *x);
/* Of all families, the sets that edits ask which are not left. */
int notes_find_sets(struct replacing *x);

#endif
