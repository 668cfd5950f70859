/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_cursor.h: what the YAML parser is fed, and where a place in
 * that is in the file.
 *
 * Shape:  moves forward only, over the runs that were taken; `stray` is set
 *         when asked to go back, or past a run that nobody took, and never
 *         when there are no runs.
 * Units:  index: characters of the text without its runs, as in yaml_mark_t;
 *         places: bytes of the file; line and col as in core/diag.h.
 * Owner:  borrows text and runs.
 */
#ifndef CTPOLICY_POLICIES_YAML_CURSOR_H
#define CTPOLICY_POLICIES_YAML_CURSOR_H

#include "policies/yaml_build.h"
#include "policies/yaml_runs.h"

struct ycursor {
	const char *src;
	size_t len;
	const struct yruns *runs;
	size_t run;		/* the next one, not yet taken */
	size_t index;
	struct yplace at;
	bool stray;
};

struct yfeed {
	const char *src;
	size_t len;
	const struct yruns *runs;
	size_t off, run;	/* what comes next */
};

/* A yaml_read_handler_t: the text without its runs; data is a yfeed. */
int yfeed_read(void *data, unsigned char *buffer, size_t size,
	       size_t *ret_size);

void ycursor_init(struct ycursor *c, const char *src, size_t len,
		  const struct yruns *runs);
void ycursor_seek(struct ycursor *c, const yaml_mark_t *mark);
/* The next run, NULL: none. */
const struct yrun *ycursor_run(const struct ycursor *c);
/* Take the next run: go to its start, then behind it. */
void ycursor_enter_run(struct ycursor *c);
void ycursor_leave_run(struct ycursor *c, struct yplace behind);

#endif
