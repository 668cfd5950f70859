/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/kmod.h: load and unload kernel modules.
 *
 * Shape:  names as in /sys/module. Nothing is forced, nothing waits for a
 *         module to become free, and no program is run: "install" and "remove"
 *         lines of modprobe.d are passed over.
 * Errors: -errno of init_module(2) and delete_module(2): -EPERM without
 *         CAP_SYS_MODULE, -EAGAIN or -EBUSY for a module in use. -ENOENT: there
 *         is no such module; unloading one that is gone is no error.
 *         -ELIBACC: libkmod cannot be loaded, and nothing is known.
 * Source: libkmod.
 */
#ifndef CTPOLICY_HOST_KMOD_H
#define CTPOLICY_HOST_KMOD_H

#include <stdbool.h>

struct kmod_known;

/*
 * The folder that the module's file is in, below the kernel's own:
 * "net/netfilter"; "" for one that is not of the running kernel. Interned.
 */
int kmod_folder(const char *name, const char **ret);
/*
 * Is what this name or alias means the module `other` ("nf_conntrack"), or does
 * it need that, directly or not? Loading a name that means nothing, or a part
 * of the kernel, loads nothing: no.
 */
int kmod_needs(struct kmod_known *x, const char *name, const char *other,
	       bool *ret);
/* The running kernel's modules, for any number of such questions. */
int kmod_known_open(struct kmod_known **ret);
void kmod_known_close(struct kmod_known **x);
/* And what it needs. `options`: further ones, "acct=1 tstamp=0". */
int kmod_load(const char *name, const char *options);
int kmod_unload(const char *name);

#endif
