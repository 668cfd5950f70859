/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/own_lines.h: which lines of a file of ctpolicy's (host/own_files.h) it
 * wrote, and which somebody added.
 *
 * Shape:  a text with the mark is ctpolicy's from there to OWN_LINES_END, as
 *         far as its lines are of the kinds below; what else stands there, and
 *         all behind that line, is somebody's. That line lists what ctpolicy
 *         wrote, "KEY=VALUE": of what is listed the line that is still the same
 *         is ctpolicy's, or else the first with this key, edited by hand; what
 *         is not listed is somebody's. A text without such a list, of an
 *         earlier version, is ctpolicy's by the kinds of its lines alone.
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
#define OWN_LINES_WROTE " It wrote:"

/* Begun by own_lines_begin(); borrows the text. */
struct own_lines {
	const char *text, *list;	/* list: NULL: there is none */
	size_t list_len;
	uint32_t n;			/* lines that were read */
	bool over;			/* the last of ours among them */
};

void own_lines_begin(struct own_lines *at, const char *text);
/* The next line, with or without its newline: did ctpolicy write it? */
bool own_lines_next(struct own_lines *at, const char *line, size_t len);
/*
 * Each is added to one of the two, but for OWN_LINES_END, which is no content;
 * somebody's are not where all are blank.
 */
void own_lines_split(const char *text, struct strbuf *ours,
		     struct strbuf *others);
/* What ctpolicy writes, and behind it the end with the list of it. */
void own_lines_print(const char *ours, struct strbuf *out);

#endif
