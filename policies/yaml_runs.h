/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_runs.h: long lists of plain words, found without a parser.
 *
 * Shape:  a run is a stretch of list items that are single words, one a line
 *         after the same "- ", or one after another between commas. Its
 *         first and last item are not part of it, so that a YAML parser that
 *         is fed everything but the runs finds the list around each. Where
 *         what looks like a run is something else (a comment, a long text),
 *         no item of a list ends at `anchor`: then the runs are useless
 *         and the whole file must be parsed.
 * Units:  offsets in bytes.
 * Owner:  yruns_release() leaves an empty, reusable list.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_POLICIES_YAML_RUNS_H
#define CTPOLICY_POLICIES_YAML_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct yrun {
	uint32_t anchor;	/* where the item before the run ends */
	uint32_t start, end;
};

/* A byte of the file, and what the user calls it. */
struct yplace {
	size_t off;
	uint32_t line, col;
};

struct yruns {
	struct yrun *v;
	size_t n, cap;
};

/* Nothing is found unless the runs are most of the text. */
int yruns_find(const char *text, size_t len, struct yruns *ret);
/*
 * The next word at or after *at and before `end`; false: none. *at is moved
 * behind it, or to the end. Only for the inside of a run.
 */
bool yruns_next_word(const char *text, size_t end, struct yplace *at,
		     struct yplace *ret_word);
void yruns_release(struct yruns *runs);

#endif
