/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_read.h: the inside of policy_read() and policy_folder().
 *
 * Errors: as policy_read() gives them, reported.
 */
#ifndef CTPOLICY_POLICIES_POLICY_READ_H
#define CTPOLICY_POLICIES_POLICY_READ_H

#include "core/diag.h"
#include "core/diag_ids.h"
#include "core/strbuf.h"

int read_refuse(struct diags *d, const char *path, int err, enum diag_id id,
		const char *msg);
/*
 * The regular file that an open descriptor stands for, of at most `max` bytes
 * that are left of a policy's.
 */
int read_regular(int fd, const char *path, size_t max, char **ret_text,
		 size_t *ret_len, struct diags *d);

/*
 * policy_folder.c: append all *.yaml of the open folder to the policy, in the
 * order of their names. `strict`: as folder_trusts() has it, for each of them.
 */
int folder_read(int fd, const char *path, bool strict, struct strbuf *to,
		size_t *files, struct diags *d);
/* Refuses what anybody may write; strict: what a group may, or another owns. */
int folder_trusts(int fd, const char *path, bool strict, struct diags *d);

#endif
