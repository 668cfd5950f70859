/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/mend.h: a policy's file, or folder of files, with its mistakes mended
 * where that is certain (policies/policy_fix.h).
 *
 * A file is replaced as a whole; owner, mode and extended attributes stay. Of a
 * folder all files that need it are written, or none.
 * Where nothing is mended it is not written. Powers that reading and writing
 * one's own files does not take are given up first.
 *
 * Shape:  `done` has a note for each fix.
 * Errors: as policy_read() has them, and -errno of writing, with a diagnostic:
 *         the files are then as they were, or a further one says which
 *         is not.
 */
#ifndef CTPOLICY_ENGINE_MEND_H
#define CTPOLICY_ENGINE_MEND_H

#include <stdbool.h>

#include "core/diag.h"

/* keeps_powers: what comes next needs them. */
int mend_file(const char *path, bool keeps_powers, struct diags *done);

#endif
