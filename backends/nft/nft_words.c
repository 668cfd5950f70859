/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_words.c: the words of a rule, its defines in their place. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "backends/nft/nft_term.h"
#include "core/mem.h"

#define EXPANDED_MAX (1u << 24)	/* bytes */

static const struct {
	const char *word;
	char sign;
} spelt[] = {
	{ "and", '&' }, { "or", '|' }, { "xor", '^' }, { "not", '!' },
	{ "eq", SIGN_EQ }, { "ne", SIGN_NE }, { "lt", '<' }, { "gt", '>' },
	{ "le", SIGN_LE }, { "ge", SIGN_GE }, { "lshift", SIGN_SHL },
	{ "rshift", SIGN_SHR },
};

static const struct {
	char text[3];
	char sign;
} pairs[] = {
	{ "==", SIGN_EQ }, { "!=", SIGN_NE }, { "<=", SIGN_LE },
	{ ">=", SIGN_GE }, { "<<", SIGN_SHL }, { ">>", SIGN_SHR },
};

static bool goes_on(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("/-_.*\\", c));
}

static bool begins_name(const char *s, size_t n)
{
	return isalpha((unsigned char)*s) || *s == '_' || *s == '\\' ||
	       (*s == '.' && n > 1 && goes_on(s[1]));
}

static size_t name_length(const char *s, size_t n)
{
	size_t k = 1;

	while (k < n && goes_on(s[k]))
		k++;
	return k;
}

/* The longest address at the front of s, if there is one. */
static size_t address_length(const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN + 1];
	size_t len = 0, colons = 0, dots = 0;
	uint8_t addr[16];

	while (len < n && len < INET6_ADDRSTRLEN &&
	       (isxdigit((unsigned char)s[len]) || s[len] == ':' ||
		s[len] == '.')) {
		colons += s[len] == ':';
		dots += s[len] == '.';
		len++;
	}
	if (colons < 2 && dots < 3)
		return 0;
	memcpy(text, s, len);
	/* 192.0.2.1:80 */
	if (colons == 1)
		len = (size_t)((const char *)memchr(text, ':', len) - text);
	for (; len > 1; len--) {
		text[len] = '\0';
		if (inet_pton(colons > 1 ? AF_INET6 : AF_INET, text, addr) == 1)
			return len;
	}
	return 0;
}

static size_t number_length(const char *s, size_t n)
{
	size_t k = 1;

	if (n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
	    isxdigit((unsigned char)s[2]))
		for (k = 3; k < n && isxdigit((unsigned char)s[k]);)
			k++;
	else
		while (k < n && isdigit((unsigned char)s[k]))
			k++;
	return k;
}

static struct nft_word sign_at(const char *s, size_t n)
{
	struct nft_word t = { .kind = WORD_SIGN, .sign = *s, .n = 1, .s = s };

	for (size_t i = 0; n > 1 && i < ARRAY_SIZE(pairs); i++)
		if (!memcmp(s, pairs[i].text, 2)) {
			t.sign = pairs[i].sign;
			t.n = 2;
		}
	if (*s == '\n')
		t.sign = ';';
	return t;
}

static struct nft_word name_at(const char *s, size_t n)
{
	struct nft_word t = { .kind = WORD_NAME, .s = s };

	t.n = (uint32_t)name_length(s, n);
	for (size_t i = 0; i < ARRAY_SIZE(spelt); i++)
		if (strlen(spelt[i].word) == t.n &&
		    !memcmp(s, spelt[i].word, t.n)) {
			t.kind = WORD_SIGN;
			t.sign = spelt[i].sign;
		}
	return t;
}

static struct nft_word string_at(const char *s, size_t n)
{
	struct nft_word t = { .kind = WORD_STRING, .s = s + 1 };
	const char *end = memchr(s + 1, '"', n - 1);

	t.n = (uint32_t)(end ? end - t.s : (ptrdiff_t)(n - 1));
	return t;
}

/* What stands at s, not a blank; n is at least 1. */
static struct nft_word word_at(const char *s, size_t n)
{
	struct nft_word t = { .kind = WORD_ADDRESS, .s = s };

	if (*s == '"')
		return string_at(s, n);
	if (*s == '$' && n > 1 && begins_name(s + 1, n - 1)) {
		t.kind = WORD_OTHER;
		t.n = (uint32_t)name_length(s + 1, n - 1) + 1;
		return t;
	}
	t.n = (uint32_t)address_length(s, n);
	if (t.n)
		return t;
	if (begins_name(s, n))
		return name_at(s, n);
	if (n > 4 && !memcmp(s, "8021", 4) && (s[4] == 'q' || s[4] == 'a')) {
		t.kind = WORD_NAME;		/* an ethertype */
		t.n = (uint32_t)name_length(s, n);
		return t;
	}
	if (isdigit((unsigned char)*s)) {
		t.kind = WORD_NUMBER;
		t.n = (uint32_t)number_length(s, n);
		return t;
	}
	return sign_at(s, n);
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end) {
		if (*s == '#')
			while (s < end && *s != '\n')
				s++;
		else if (*s == ' ' || *s == '\t' || *s == '\r')
			s++;
		else if (*s == '\\' && s + 1 < end && s[1] == '\n')
			s += 2;
		else
			break;
	}
	return s;
}

/* Go on with the words of the define; false: none is known by that name. */
static bool enter(struct nft_words *w, const struct nft_word *t)
{
	const struct foreign_elems *e =
		nft_define_find(w->r, t->s + 1, t->n - 1);

	if (!e || w->depth == WORDS_DEPTH ||
	    w->r->terms->expanded + e->raw.n > EXPANDED_MAX + w->r->p.len)
		return false;
	w->r->terms->expanded += e->raw.n;
	w->text[w->depth].s = e->raw.s;
	w->text[w->depth++].end = e->raw.s + e->raw.n;
	return true;
}

static struct nft_word read_word(struct nft_words *w)
{
	struct nft_word t = { .kind = WORD_END };

	while (w->depth) {
		const char *end = w->text[w->depth - 1].end;
		const char *s = skip_blanks(w->text[w->depth - 1].s, end);

		if (s == end) {
			w->depth--;
			continue;
		}
		t = word_at(s, (size_t)(end - s));
		s = t.s + t.n + (t.kind == WORD_STRING);
		w->text[w->depth - 1].s = s < end ? s : end;
		if (t.kind != WORD_OTHER || *t.s != '$' || !enter(w, &t))
			return t;
	}
	t.kind = WORD_END;
	return t;
}

void nft_words_begin(struct nft_words *w, struct nft_reader *r, const char *s,
		     size_t n)
{
	*w = (struct nft_words){ .r = r, .depth = 1 };
	w->text[0].s = s;
	w->text[0].end = s + n;
	for (unsigned int i = 0; i < WORDS_AHEAD; i++)
		w->a[i] = read_word(w);
}

void nft_words_next(struct nft_words *w)
{
	w->last = w->a[0];
	for (unsigned int i = 0; i + 1 < WORDS_AHEAD; i++)
		w->a[i] = w->a[i + 1];
	w->a[WORDS_AHEAD - 1] = read_word(w);
}

bool nft_word_is(const struct nft_words *w, unsigned int ahead,
		 const char *word)
{
	const struct nft_word *t = &w->a[ahead];

	return t->kind == WORD_NAME && t->n == strlen(word) &&
	       !memcmp(t->s, word, t->n);
}

bool nft_sign_is(const struct nft_words *w, unsigned int ahead, char sign)
{
	return w->a[ahead].kind == WORD_SIGN && w->a[ahead].sign == sign;
}

bool nft_words_accept(struct nft_words *w, const char *word)
{
	bool is = nft_word_is(w, 0, word);

	if (is)
		nft_words_next(w);
	return is;
}

bool nft_words_accept_sign(struct nft_words *w, char sign)
{
	bool is = nft_sign_is(w, 0, sign);

	if (is)
		nft_words_next(w);
	return is;
}

bool nft_word_is_name(const struct nft_words *w, unsigned int ahead)
{
	return w->a[ahead].kind == WORD_NAME || w->a[ahead].kind == WORD_STRING;
}

void nft_words_skip_block(struct nft_words *w)
{
	size_t depth = 1;

	while (depth && w->a[0].kind != WORD_END) {
		depth += nft_sign_is(w, 0, '{');
		depth -= nft_sign_is(w, 0, '}');
		nft_words_next(w);
	}
}
