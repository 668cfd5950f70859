/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/json_stream.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"

static int keep(const char *bytes, size_t n, void *arg)
{
	strbuf_add(arg, bytes, n);
	return 0;
}

static void next(struct json_stream *s, unsigned int indent)
{
	if (s->in_line)
		fputs(s->follows ? ", " : "", stdout);
	else
		printf("%s\n%*s", s->follows ? "," : "", (int)indent, "");
	s->follows = true;
}

/* Escaped as it is, a text has no line ends but those of the layout. */
static void put_indented(const char *text, unsigned int indent)
{
	for (const char *eol; (eol = strchr(text, '\n')); text = eol + 1) {
		fwrite(text, 1, (size_t)(eol + 1 - text), stdout);
		printf("%*s", (int)indent, "");
	}
	fputs(text, stdout);
}

static void put(struct json_stream *s, const char *key, json_t *v,
		unsigned int indent)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const size_t flags = JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
			     (s->in_line ? 0 : JSON_INDENT(1));

	if (!v || json_dump_callback(v, keep, &b, flags) ||
	    strbuf_status(&b)) {
		s->lost = true;
	} else {
		next(s, indent);
		if (key)
			printf("\"%s\": ", key);
		put_indented(strbuf_str(&b), indent);
	}
	json_decref(v);
}

void json_stream_begin(struct json_stream *s)
{
	json_stream_begin_within(s, 0);
}

void json_stream_begin_within(struct json_stream *s, unsigned int depth)
{
	*s = (struct json_stream){ .depth = depth };
	putchar('{');
}

void json_stream_begin_line(struct json_stream *s)
{
	json_stream_begin(s);
	s->in_line = true;
}

void json_stream_begin_items(struct json_stream *s)
{
	*s = (struct json_stream){ 0 };
	putchar('[');
}

void json_stream_member(struct json_stream *s, const char *key, json_t *v)
{
	put(s, key, v, s->depth + 1);
}

void json_stream_list(struct json_stream *s, const char *key)
{
	next(s, s->depth + 1);
	printf("\"%s\": [", key);
	s->follows = false;
}

void json_stream_item(struct json_stream *s, json_t *v)
{
	put(s, NULL, v, s->depth + 2);
}

static void end(struct json_stream *s, unsigned int indent, char bracket)
{
	if (s->follows && !s->in_line)
		printf("\n%*s", (int)indent, "");
	putchar(bracket);
}

void json_stream_list_end(struct json_stream *s)
{
	end(s, s->depth + 1, ']');
	s->follows = true;
}

void json_stream_end(struct json_stream *s)
{
	end(s, s->depth, '}');
	putchar('\n');
}

void json_stream_end_items(struct json_stream *s)
{
	end(s, 0, ']');
	putchar('\n');
}
