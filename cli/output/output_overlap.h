/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/output_overlap.h: an output that would take the place of what it
 * was made of.
 *
 * Compared is the file behind a name, whatever the name: another path, a hard
 * link. What cannot be looked at is no input either.
 */
#ifndef CTPOLICY_CLI_OUTPUT_OUTPUT_OVERLAP_H
#define CTPOLICY_CLI_OUTPUT_OUTPUT_OVERLAP_H

#include <stdbool.h>

/* "-o --svg": a value that was forgotten, rather than a name. */
bool output_is_option(const char *path);
/*
 * Is the output this input ("-": standard input), or, of a folder of policies,
 * one of its *.yaml files, or a new one there?
 */
bool output_overlaps(const char *path, const char *input);
/* ... or of the policy that is read where none is named? */
bool output_overlaps_default(const char *path);

#endif
