/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/json_stream.h: one JSON object on stdout, written as it comes,
 * so that a list of any length takes the memory of one item.
 *
 * Shape:  what there is no memory for is left out, and the object stays well
 *         formed; looks as json_dumpf() with JSON_INDENT(1) would print it.
 * Owner:  takes the values it is given; NULL: there was no memory for one.
 * Errors: `lost` is set.
 */
#ifndef CTPOLICY_CLI_JSON_STREAM_H
#define CTPOLICY_CLI_JSON_STREAM_H

#include <jansson.h>
#include <stdbool.h>

struct json_stream {
	bool lost;
	bool follows;		/* something of the same level */
	bool in_line;		/* the whole object is a line */
	unsigned int depth;	/* spaces ahead of its last bracket */
};

void json_stream_begin(struct json_stream *s);
/* Within others, which the caller has begun and ends. */
void json_stream_begin_within(struct json_stream *s, unsigned int depth);
void json_stream_begin_line(struct json_stream *s);
void json_stream_member(struct json_stream *s, const char *key, json_t *v);
void json_stream_list(struct json_stream *s, const char *key);
void json_stream_item(struct json_stream *s, json_t *v);
void json_stream_list_end(struct json_stream *s);
void json_stream_end(struct json_stream *s);
/* A document that is a list, of items alone. */
void json_stream_begin_items(struct json_stream *s);
void json_stream_end_items(struct json_stream *s);

#endif
