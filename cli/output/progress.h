/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/progress.h: how far a long listing is, on a terminal.
 *
 * Shape:  progress_begin() says whether to show it at all; if so, the others.
 * Units:  entries.
 */
#ifndef CTPOLICY_CLI_PROGRESS_H
#define CTPOLICY_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

bool progress_begin(uint64_t expected);
void progress_show(uint64_t done);
void progress_end(void);

#endif
