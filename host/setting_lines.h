/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/setting_lines.h: who else on this host sets a sysctl of the connection
 * table: lines of files.
 *
 * Shape:  files of sysctl(8) and modprobe(8), the first folder's of those of
 *         one name; tuned's active profiles and those in /etc; kube-proxy's
 *         options and configuration; docker's; units in /etc/systemd. A line
 *         counts that names the key, in any of its spellings, and is no
 *         comment. What ctpolicy wrote into its own files does not count.
 * Owner:  texts are interned; setting_lines_release().
 * Errors: -ENOMEM. What cannot be read is passed over.
 * Source: sysctl.d(5), modprobe.d(5), tuned-main.conf(5); kube-proxy's
 *         --conntrack-* options and KubeProxyConntrackConfiguration.
 */
#ifndef CTPOLICY_HOST_SETTING_LINES_H
#define CTPOLICY_HOST_SETTING_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct setting_line {
	const char *path;
	uint32_t line;
	const char *text;	/* without blanks around it */
};

struct setting_lines {
	struct setting_line *v;
	size_t n, cap;
};

/* Those that set `key`, "net.netfilter.nf_conntrack_max", are added. */
int setting_lines_find(const char *key, struct setting_lines *to);
/* Does the line set it? Of a line without blanks in front. */
bool setting_line_names(const char *line, const char *key);
void setting_lines_release(struct setting_lines *l);

#endif
