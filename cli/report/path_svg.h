/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/report/path_svg.h: the picture of the path that packets take: from the
 * network through raw, past conntrack or through it, to the filter and on.
 *
 * Shape:  two layouts of one picture, for wide and for narrow screens. Lines
 *         are equally broad: how many packets take which is not known. A line
 *         that no packet takes is dashed.
 * Units:  pixels, at the picture's own size.
 * Owner:  texts are borrowed.
 */
#ifndef CTPOLICY_CLI_REPORT_PATH_SVG_H
#define CTPOLICY_CLI_REPORT_PATH_SVG_H

#include <stdbool.h>

#include "core/strbuf.h"

enum path_box {
	PATH_NETWORK,
	PATH_RAW,
	PATH_CONNTRACK,
	PATH_FILTER,
	PATH_HOST,
	PATH_BOX_MAX_
};

#define PATH_LINES 2	/* of a box, below its title */

struct path_picture {
	struct strbuf lines[PATH_BOX_MAX_][PATH_LINES];
	/* What takes which way: in full, and short, for narrow screens. */
	struct strbuf untracked, untracked_short, tracked, tracked_short;
	struct strbuf summary;		/* of it all, in a sentence or two */
	bool no_untracked, no_tracked;	/* nothing goes there */
};

void path_picture_release(struct path_picture *p);
/* `alone`: a file of SVG, with this style. Else both layouts, for a page. */
void path_svg_print(const struct path_picture *p, const char *alone,
		    struct strbuf *out);

#endif
