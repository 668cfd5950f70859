/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/own_lines.h: which lines of a file of ctpolicy's (host/own_files.h) it
 * wrote, and which somebody added.
 *
 * Shape:  a text with the mark is ctpolicy's from there to OWN_LINES_END, as
 *         far as its lines are of the kinds below; what else stands there, and
 *         all behind that line, is somebody's.
 * Source: sysctl.d(5), modprobe.d(5), udev(7).
 */
#ifndef CTPOLICY_HOST_OWN_LINES_H
#define CTPOLICY_HOST_OWN_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/strbuf.h"

#define OWN_LINE_OPTION "options nf_conntrack hashsize="
#define OWN_LINE_RULE \
	"ACTION==\"add\", SUBSYSTEM==\"module\", KERNEL==\"nf_conntrack\", RUN+="
#define OWN_LINES_END \
	"# ctpolicy ends here: it leaves what is added below as it is."

/* Begins as { 0 }. */
struct own_lines {
	uint32_t n;		/* lines that were read */
	bool over;		/* the last of ours among them */
};

/* The next line, with or without its newline: did ctpolicy write it? */
bool own_lines_next(struct own_lines *at, const char *line, size_t len);
/*
 * Each is added to one of the two, but for OWN_LINES_END, which is no content;
 * somebody's are not where all are blank.
 */
void own_lines_split(const char *text, struct strbuf *ours,
		     struct strbuf *others);

#endif
