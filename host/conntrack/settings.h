/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/settings.h: one setting of the connection table, read and
 * written.
 *
 * Shape:  keys are those of sysctl(8), "net.netfilter.nf_conntrack_max". The
 *         buckets are a parameter of the module as well, which is used where
 *         the sysctl is missing or cannot be written. Nothing is loaded.
 * Units:  values as the kernel prints them; the kernel rounds buckets up to
 *         whole pages (TABLE_PAGE_BUCKETS).
 * Owner:  the caller frees a value.
 * Errors: -ENOENT: this kernel has no such key. -EXDEV: max, buckets and
 *         expect_max can be written in the first network namespace alone.
 *         -EACCES, -EROFS: it cannot be written. -EINVAL: the kernel refuses
 *         the value, or that is no such key. Else -errno.
 * Source: Documentation/networking/nf_conntrack-sysctl.rst;
 *         nf_conntrack_standalone_init_sysctl() and nf_conntrack_set_hashsize()
 *         in net/netfilter.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_SETTINGS_H
#define CTPOLICY_HOST_CONNTRACK_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#define CT_PREFIX "net.netfilter."
#define CT_MAX CT_PREFIX "nf_conntrack_max"
#define CT_BUCKETS CT_PREFIX "nf_conntrack_buckets"
#define CT_EXPECT_MAX CT_PREFIX "nf_conntrack_expect_max"

/* Where they lie: this host's own folders, or others of that form. */
struct ct_settings {
	const char *sysctls;	/* "/proc/sys/net/netfilter" */
	const char *parameters;	/* "/sys/module/nf_conntrack/parameters" */
};

extern const struct ct_settings ct_settings_host;

/* Is there a connection table at all? */
bool ct_settings_exist(const struct ct_settings *s);
/* Does it belong to the first network namespace? */
bool ct_setting_is_global(const char *key);
int ct_setting_read(const struct ct_settings *s, const char *key, char **ret);
/* Could it be written? Nothing is. */
int ct_setting_check(const struct ct_settings *s, const char *key);
int ct_setting_write(const struct ct_settings *s, const char *key,
		     const char *value);
/* The most entries that one network namespace has now, of those to be seen. */
uint64_t ct_settings_fullest(const char **ret_where);

#endif
