/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/tune_files.h: ctpolicy's files by which settings outlive a boot, and a
 * reload of the module.
 *
 * Shape:  a module's option is read when it is loaded, and sets the buckets and
 *         eight times as many entries; sysctls come after it, by a rule of
 *         udev's, since they are set too early at boot.
 * Errors: -errno of asking which namespace this is; -ENOMEM.
 * Source: nf_conntrack_init_start() in net/netfilter/nf_conntrack_core.c;
 *         modprobe.d(5), sysctl.d(5), systemd-sysctl.service(8), udev(7).
 */
#ifndef CTPOLICY_ENGINE_TUNE_FILES_H
#define CTPOLICY_ENGINE_TUNE_FILES_H

#include "engine/plan.h"

/* Whose files are looked at and written; once for each plan. */
int tune_know_space(struct tune *t);
/* Is the text of such a file this namespace's to overwrite or remove? */
bool tune_owns(const struct tune *t, const char *text);
/* With `persist: true` those that the policy's settings take, else none. */
int tune_want_files(struct plan *p);

#endif
