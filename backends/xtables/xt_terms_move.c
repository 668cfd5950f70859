/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/xt_terms_move.c: where a target translates to. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/xtables/xt_reader.h"
#include "core/mem.h"

#define WORD_MAX 128		/* two addresses, and ports */

/* `-m string` has a --to, too. */
int xt_take_move(struct xt_reader *r, const struct xt_option_row *row)
{
	(void)row;
	if (!r->target)
		return 0;
	r->to = r->o.arg ? r->o.arg : "";
	r->seen |= SEEN_MOVE;
	return 0;
}

/* "80", "80-90", "80-90/80", of which what is behind the slash says no more */
static int parse_ports(const char *word, struct term *t)
{
	unsigned long first, last;
	char *end;

	if (*word < '0' || *word > '9')
		return -EINVAL;
	first = last = strtoul(word, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		last = strtoul(end + 1, &end, 10);
	if ((*end && *end != '/') || !first || first > last ||
	    last > UINT16_MAX)
		return -EINVAL;
	t->port = (uint16_t)first;
	t->last_port = (uint16_t)last;
	return 0;
}

/* Cut off the ports, which stand behind the last colon, or the bracket. */
static char *split_ports(uint8_t family, char *word)
{
	char *colon = strrchr(word, ':');
	char *bracket = strrchr(word, ']');

	if (family == NFPROTO_IPV6 && (!bracket || (colon && colon < bracket)))
		colon = NULL;
	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/* "[a]-[b]" and "[a-b]" as "a-b" */
static void strip_brackets(char *word)
{
	char *to = word;

	for (const char *s = word; *s; s++)
		if (*s != '[' && *s != ']')
			*to++ = *s;
	*to = '\0';
}

static int parse_address(struct xt_reader *r, char *word, struct term *t,
			 struct key_range *v)
{
	int err;

	strip_brackets(word);
	err = strchr(word, '/') ? xt_parse_addr(r, word, v) :
				  xt_parse_span(r, word, v);
	if (err)
		return err;
	t->n_fields = 1;
	t->family = r->family;
	t->field[0] = FIELD_DADDR;
	return 0;
}

static int parse_move(struct xt_reader *r, struct term *t, struct key_range *v)
{
	char word[WORD_MAX], *ports;

	if (strlen(r->to) >= sizeof(word))
		return -EINVAL;
	memcpy(word, r->to, strlen(r->to) + 1);
	if (!parse_ports(word, t))
		return 0;
	ports = split_ports(r->family, word);
	if (ports && parse_ports(ports, t))
		return -EINVAL;
	return *word ? parse_address(r, word, t, v) : 0;
}

int xt_put_move(struct xt_reader *r)
{
	struct term t = { .kind = TERM_MOVE };
	struct key_range v = { 0 };

	if (parse_move(r, &t, &v))
		t = (struct term){ .kind = TERM_MOVE, .port = 1,
				   .last_port = UINT16_MAX };
	return t.n_fields ? xt_put(r, t, &v) : foreign_add_term(r->f, &t);
}
