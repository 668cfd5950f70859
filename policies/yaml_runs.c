/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/yaml_runs.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* Shorter lists are left to the parser. */
#define ITEMS_MIN 16
#define WORD_MAX 64

/* What a word may end with, and what stands inside alone. */
enum { ENDS = 1, INNER };

static const uint8_t kinds[256] = {
	['0' ... '9'] = ENDS, ['a' ... 'z'] = ENDS, ['A' ... 'Z'] = ENDS,
	['.'] = INNER, ['/'] = INNER, [':'] = INNER, ['-'] = INNER,
	['_'] = INNER,
};

static bool is_alnum(char c)
{
	return kinds[(uint8_t)c] == ENDS;
}

static bool is_inner(char c)
{
	return kinds[(uint8_t)c];
}

/*
 * The end of a word that is plain text for YAML anywhere: letters or digits at
 * both ends, and nothing in between that could be syntax. 0: not a word.
 */
static size_t word_end(const char *text, size_t pos, size_t len)
{
	size_t end = pos;

	if (pos >= len || !is_alnum(text[pos]))
		return 0;
	while (end < len && is_inner(text[end]))
		end++;
	return is_alnum(text[end - 1]) && end - pos <= WORD_MAX ? end : 0;
}

/* "   - word\n": *ret_end is the word's end; returns where the next line is. */
static size_t item_line(const char *text, size_t pos, size_t len,
			size_t *ret_indent, size_t *ret_end)
{
	size_t p = pos, end;

	while (p < len && text[p] == ' ')
		p++;
	if (len - p < 2 || text[p] != '-' || text[p + 1] != ' ')
		return 0;
	end = word_end(text, p + 2, len);
	if (!end)
		return 0;
	*ret_indent = p - pos;
	*ret_end = end;
	if (end < len && text[end] == '\r')
		end++;
	return end < len && text[end] == '\n' ? end + 1 : 0;
}

static int add_run(struct yruns *runs, size_t anchor, size_t start, size_t end)
{
	if (mem_grow(&runs->v, &runs->cap, runs->n + 1))
		return -ENOMEM;
	runs->v[runs->n++] = (struct yrun){
		(uint32_t)anchor, (uint32_t)start, (uint32_t)end
	};
	return 0;
}

/* Lines of one indentation, from the one at *pos; *pos moves over them. */
static int find_lines(const char *text, size_t len, size_t *pos,
		      struct yruns *runs)
{
	size_t indent, anchor, start, next, line, items = 1, more, end;

	start = next = item_line(text, *pos, len, &indent, &anchor);
	if (!start)
		return 0;
	line = *pos;
	for (;;) {
		size_t after = item_line(text, next, len, &more, &end);

		if (!after || more != indent)
			break;
		line = next;
		next = after;
		items++;
	}
	*pos = next;
	return items < ITEMS_MIN ? 0 : add_run(runs, anchor, start, line);
}

/* Words between commas, from *pos on; *pos moves over them. */
static int find_words(const char *text, size_t len, size_t *pos,
		      struct yruns *runs)
{
	size_t anchor = word_end(text, *pos, len), next = *pos, last = *pos;
	size_t items = 0, end;

	while ((end = word_end(text, next, len)) && end < len &&
	       text[end] == ',') {
		last = next;
		next = end + 1;
		while (next < len && (text[next] == ' ' ||
				      text[next] == '\r' || text[next] == '\n'))
			next++;
		items++;
	}
	if (items < ITEMS_MIN) {
		if (items)
			*pos = next;
		while (!items && *pos < len && is_inner(text[*pos]))
			++*pos;
		return 0;
	}
	*pos = last;
	while (text[*pos] != ',')
		++*pos;
	return add_run(runs, anchor, anchor + 1, last);
}

/* The rest of a line, and of a run of words that leads into other lines. */
static int find_in_line(const char *text, size_t len, size_t *pos,
			struct yruns *runs)
{
	int err = 0;

	while (!err && *pos < len && text[*pos] != '\n') {
		if (is_alnum(text[*pos]))
			err = find_words(text, len, pos, runs);
		else
			++*pos;
	}
	*pos += *pos < len;
	return err;
}

static bool is_worth_it(const struct yruns *runs, size_t len)
{
	size_t sum = 0;

	for (size_t i = 0; i < runs->n; i++)
		sum += runs->v[i].end - runs->v[i].start;
	return sum > len / 2;
}

int yruns_find(const char *text, size_t len, struct yruns *ret)
{
	_cleanup_(yruns_release) struct yruns runs = { 0 };
	size_t pos = 0, before;
	int err = 0;

	while (!err && pos < len) {
		before = pos;
		err = find_lines(text, len, &pos, &runs);
		if (!err && pos == before)
			err = find_in_line(text, len, &pos, &runs);
	}
	if (err || !is_worth_it(&runs, len))
		return err;
	*ret = runs;
	runs = (struct yruns){ 0 };
	return 0;
}

bool yruns_next_word(const char *text, size_t end, struct yplace *at,
		     struct yplace *ret_word)
{
	size_t start;

	for (; at->off < end && !is_alnum(text[at->off]); at->off++) {
		at->col++;
		if (text[at->off] == '\n') {
			at->line++;
			at->col = 1;
		}
	}
	*ret_word = *at;
	start = at->off;
	while (at->off < end && is_inner(text[at->off]))
		at->off++;
	at->col += (uint32_t)(at->off - start);
	return at->off > start;
}

void yruns_release(struct yruns *runs)
{
	free(runs->v);
	*runs = (struct yruns){ 0 };
}
