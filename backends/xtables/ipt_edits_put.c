/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/ipt_edits_put.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/lower/edits.h"
#include "backends/lower/reach.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/xtables/xt.h"
#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"

#include <linux/netfilter.h>

static const struct origin nobody;

const struct foreign_table *edits_table(const struct editing *x,
					    uint32_t chain)
{
	return &x->f->tables[x->f->chains[chain].table];
}

/* Of a rule's chain and words, and how many of the same stand ahead of it. */
static uint32_t number_of(const struct foreign *f, uint32_t chain,
			  const struct foreign_text *words, uint32_t nth)
{
	const struct host_chain *c = &f->chains[chain];
	const char *table = f->tables[c->table].name;
	uint64_t h = digest_add(DIGEST_START, c->name, strlen(c->name) + 1);

	h = digest_add(h, table, strlen(table) + 1);
	h = digest_add(h, words->s, words->n);
	h = digest_add(h, &nth, sizeof(nth));
	return digest_fold(h);
}

const char *edits_name(const struct editing *x, const char *prefix, char kind,
		       uint32_t chain, const struct foreign_text *words,
		       uint32_t nth)
{
	return intern_printf("%s.%c%08x", prefix, kind,
			     number_of(x->f, chain, words, nth));
}

static uint32_t number_of_rule(const struct foreign *f,
			       const struct foreign_rule *r, uint32_t nth)
{
	return number_of(f, r->chain, &r->raw, nth);
}

bool ipt_stands_for(const char *stand_in, const struct foreign *f,
		    const struct foreign_rule *r)
{
	return lower_stands_for(stand_in, f, r, number_of_rule);
}

static struct image_table *image_table_of(struct editing *x, uint32_t chain)
{
	const struct foreign_table *t = edits_table(x, chain);
	struct image_table *it = image_find_table(x->img, t->family, t->name);

	if (!it)
		it = image_add_table(x->img, t->family, t->name);
	if (it)
		it->iptables = t->world == WORLD_NFT;
	return it;
}

/* Behind "-A CHAIN ". */
static const char *words_of(const char *line)
{
	const char *s = strchr(line, ' ');

	s = s ? strchr(s + 1, ' ') : NULL;
	return s ? s + 1 : "";
}

static int say_unloadable(struct editing *x, const char *line)
{
	diag_add(x->d, DIAG_ERROR, 0, ID_NOT_EDITED, NOPOS,
		 "this kernel cannot load a rule that would stand in for one of the host's: %s",
		 words_of(line));
	return -FAULT_CONFLICT;
}

static int add_words(struct editing *x, uint8_t family, struct image_chain *c,
		     const char *line)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_free_ char *words = NULL;
	struct image_rule *r;
	int err = xt_settle(family, words_of(line), &words);

	if (err)
		return err == -EOPNOTSUPP ? say_unloadable(x, line) : err;
	x->has_socket[family == NFPROTO_IPV6] |=
		strstr(words, "-m socket") != NULL;
	err = ipt_args_split(words, strlen(words), &a);
	r = err ? NULL : image_add_rule(c);
	if (!r)
		return err ? err : -ENOMEM;
	r->origin = &nobody;
	return ipt_args_words(&a, r);
}

/* One of ctpolicy's. */
static struct image_chain *own_chain(struct image_table *t, const char *name)
{
	struct image_chain *c = image_find_chain(t, name);

	return c ? c : image_add_chain(t, name, HOOK_MAX_);
}

/* The host's chain, as one that rules of ctpolicy's stand in. */
static struct image_chain *host_chain(struct image_table *t, const char *name)
{
	struct image_chain *c = image_find_chain(t, name);

	if (!c)
		c = image_add_chain(t, name, reach_xt_hook(name));
	if (c)
		c->foreign = true;
	return c;
}

int edits_put_words(struct editing *x, struct image_table *t,
		    const char *name, const char *line)
{
	struct image_chain *c = own_chain(t, name);

	return c ? add_words(x, t->family, c, line) : -ENOMEM;
}

/* The next of the lines, without its end; NULL: no more. */
static char *next_line(char **text)
{
	char *s = *text, *end = s && *s ? strchr(s, '\n') : NULL;

	if (!end)
		return NULL;
	*end = '\0';
	*text = end + 1;
	return s;
}

int edits_put_lines(struct editing *x, uint32_t chain, const char *name,
		    struct strbuf *text)
{
	struct image_table *t = image_table_of(x, chain);
	int err = t ? strbuf_status(text) : -ENOMEM;
	char *s = text->s, *line;

	while (!err && (line = next_line(&s)))
		err = edits_put_words(x, t, name, line);
	return err;
}

int edits_put_in_place(struct editing *x, uint32_t chain, uint32_t behind,
		       struct strbuf *text)
{
	struct image_table *t = image_table_of(x, chain);
	struct image_chain *c = t ? host_chain(t, x->f->chains[chain].name) :
				    NULL;
	int err = c ? strbuf_status(text) : -ENOMEM;
	char *s = text->s, *line;

	while (!err && (line = next_line(&s))) {
		err = add_words(x, t->family, c, line);
		if (!err)
			c->rules[c->n_rules - 1].place = behind;
	}
	return err;
}

int edits_put_chain(struct editing *x, uint32_t chain, const char *name)
{
	struct image_table *t = image_table_of(x, chain);

	return t && own_chain(t, name) ? 0 : -ENOMEM;
}

int edits_put_jump(struct editing *x, uint32_t chain, uint32_t behind,
		   const char *name, const char *original)
{
	struct image_table *t = image_table_of(x, chain);
	struct image_chain *c = t ? host_chain(t, x->f->chains[chain].name) :
				    NULL;
	struct image_rule *r = c ? image_add_rule(c) : NULL;

	if (!r)
		return -ENOMEM;
	r->verdict = VERDICT_JUMP;
	r->origin = &nobody;
	r->match.family = t->family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	r->target = name;
	r->place = behind;
	r->original = original;
	r->comment = strdup(IPT_JUMP_COMMENT);
	return r->comment ? 0 : -ENOMEM;
}
