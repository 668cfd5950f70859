/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_text.c: an image, and the steps to it, in nft's syntax.
 *
 * What render prints is what `nft -f` loads: tables with their sets and
 * chains, then the jumps that go to the head of the host's chains.
 */
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_native.h"
#include "core/inet.h"
#include "core/mem.h"

static void print_elem(const struct elems *e, size_t i, struct strbuf *out)
{
	const uint8_t *a = elems_first(e, i), *b = elems_last(e, i);
	char comment[COMMENT_MAX + 1];

	for (unsigned int k = 0; k < e->n_fields; k++) {
		strbuf_puts(out, k ? " . " : "");
		elems_print_field(e->field[k], a, b, out);
		a += field_width(e->field[k]);
		b += field_width(e->field[k]);
	}
	if (!elems_origin(e, i))
		return;
	origin_comment(elems_origin(e, i), comment, COMMENT_MAX);
	strbuf_printf(out, " comment \"%s\"", comment);
}

void nft_print_set_head(const struct image_set *s, const char *indent,
			const char *eol, struct strbuf *out)
{
	strbuf_printf(out, "%stype ", indent);
	for (unsigned int i = 0; i < s->elems.n_fields; i++)
		strbuf_printf(out, "%s%s", i ? " . " : "",
			      nft_field(s->elems.field[i])->name);
	strbuf_puts(out, eol);
	if (s->size)
		strbuf_printf(out, "%ssize %u%s", indent, s->size, eol);
	if (s->interval)
		strbuf_printf(out, "%sflags interval%s", indent, eol);
	if (s->hashed)
		strbuf_printf(out, "%sflags timeout%s", indent, eol);
	if (nft_set_is_timed(s))
		strbuf_printf(out, "%sflags dynamic,timeout%s%stimeout 3m%s",
			      indent, eol, indent, eol);
}

void nft_print_chain_head(const struct image_chain *c, struct strbuf *out)
{
	int priority = nft_chain_priority(c);

	strbuf_printf(out, "type filter hook %s priority %s; policy accept;",
		      hook_name(c->hook),
		      priority == NFT_NOTING_PRIORITY ? "300" :
		      priority == NFT_TRACKED_PRIORITY ? "mangle" : "raw");
}

/* Written out whenever it is long, so that a large set is never text at once */
static void drain(struct strbuf *b, FILE *out)
{
	if (b->n < 4096 || strbuf_status(b))
		return;
	fwrite(b->s, 1, b->n, out);
	strbuf_clear(b);
}

static void render_set(const struct image_set *s, struct strbuf *b, FILE *out)
{
	if (s->timers) {
		strbuf_printf(b, "\tct timeout %s {\n", s->name);
		nft_print_timers(s, "\t\t", "\n", b);
		strbuf_puts(b, "\t}\n");
		return;
	}
	strbuf_printf(b, "\tset %s {\n", s->name);
	nft_print_set_head(s, "\t\t", "\n", b);
	for (size_t i = 0; i < s->elems.n; i++) {
		strbuf_puts(b, i ? ",\n\t\t\t     " : "\t\telements = { ");
		print_elem(&s->elems, i, b);
		drain(b, out);
	}
	strbuf_puts(b, s->elems.n ? " }\n\t}\n" : "\t}\n");
}

static void print_rule(const struct image_table *t, const struct image_rule *r,
		       struct strbuf *out)
{
	if (t->iptables)
		nft_compat_print(t->family, r, out);
	else
		nft_print_rule(t->family, r, out);
}

static void render_chain(const struct image_table *t,
			 const struct image_chain *c, struct strbuf *b,
			 FILE *out)
{
	strbuf_printf(b, "\tchain %s {\n", c->name);
	if (c->base) {
		strbuf_puts(b, "\t\t");
		nft_print_chain_head(c, b);
		strbuf_puts(b, "\n");
	}
	for (size_t i = 0; i < c->n_rules; i++) {
		strbuf_puts(b, "\t\t");
		print_rule(t, &c->rules[i], b);
		strbuf_puts(b, "\n");
		drain(b, out);
	}
	strbuf_puts(b, "\t}\n");
}

static void render_table(const struct image_table *t, struct strbuf *b,
			 FILE *out)
{
	bool first = true;

	strbuf_printf(b, "table %s %s {\n", nfproto_name(t->family), t->name);
	for (size_t i = 0; i < t->n_sets; i++) {
		strbuf_puts(b, first ? "" : "\n");
		render_set(&t->sets[i], b, out);
		first = false;
	}
	for (size_t i = 0; i < t->n_chains; i++) {
		if (t->chains[i].foreign)
			continue;
		strbuf_puts(b, first ? "" : "\n");
		render_chain(t, &t->chains[i], b, out);
		first = false;
	}
	strbuf_puts(b, "}\n");
}

/* In a chain of the host's: at its head, or behind the rule at that index. */
static void print_insert(const struct image_table *t,
			 const struct image_chain *c,
			 const struct image_rule *r, struct strbuf *out)
{
	strbuf_printf(out, "%s rule %s %s %s ", r->place ? "add" : "insert",
		      nfproto_name(t->family), t->name, c->name);
	if (r->place)
		strbuf_printf(out, "index %u ", r->place - 1);
	print_rule(t, r, out);
}

static void render_jumps(const struct image_table *t, struct strbuf *b)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		const struct image_chain *c = &t->chains[i];

		for (size_t k = 0; c->foreign && k < c->n_rules; k++) {
			print_insert(t, c, &c->rules[k], b);
			strbuf_puts(b, "\n");
		}
	}
}

int nft_render(const struct image *img, FILE *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	for (size_t i = 0; i < img->n_tables; i++) {
		render_table(&img->tables[i], &b, out);
		render_jumps(&img->tables[i], &b);
		drain(&b, out);
	}
	if (strbuf_status(&b))
		return -ENOMEM;
	fwrite(strbuf_str(&b), 1, b.n, out);
	return ferror(out) ? -EIO : 0;
}

/* What stands in for a rule of the host's, as people read it. */
static void say_rule(const struct image_table *t, const struct image_rule *r,
		     struct strbuf *out)
{
	if (r->verdict != VERDICT_WORDS || !nft_words_are_raw(r->unknown) ||
	    nft_raw_say(t->family, t->name,
			r->unknown + strlen(NFT_RAW_WORD), out))
		nft_print_rule(t->family, r, out);
}

static void step_rule(const struct step *s, struct strbuf *out)
{
	const struct image_table *t = s->table;

	if (!s->add) {
		strbuf_printf(out, "delete rule %s %s %s handle %llu # ",
			      nfproto_name(t->family), t->name, s->chain->name,
			      (unsigned long long)s->rule->handle);
		say_rule(t, s->rule, out);
		return;
	}
	if (s->chain->foreign) {
		print_insert(t, s->chain, s->rule, out);
		return;
	}
	strbuf_printf(out, "%s rule %s %s %s ", s->before ? "insert" : "add",
		      nfproto_name(t->family), t->name, s->chain->name);
	if (s->before)
		strbuf_printf(out, "handle %llu ",
			      (unsigned long long)s->before->handle);
	say_rule(t, s->rule, out);
}

static void step_head(const struct step *s, const char *what, const char *name,
		      struct strbuf *out)
{
	strbuf_printf(out, "%s %s %s %s%s%s", s->add ? "add" : "delete", what,
		      nfproto_name(s->table->family), s->table->name,
		      *name ? " " : "", name);
}

static void step_set(const struct step *s, struct strbuf *out)
{
	step_head(s, s->set->timers ? "ct timeout" : "set", s->set->name, out);
	if (!s->add)
		return;
	strbuf_puts(out, " { ");
	if (s->set->timers)
		nft_print_timers(s->set, "", "; ", out);
	else
		nft_print_set_head(s->set, "", "; ", out);
	strbuf_puts(out, "}");
}

void nft_print_inner(const struct step *s, struct strbuf *out)
{
	if (s->kind == STEP_CHAIN && s->add && s->chain->base)
		nft_print_chain_head(s->chain, out);
	if (s->kind != STEP_RULE)
		return;
	if (s->table->iptables && nft_compat_print_inner(s, out))
		return;
	say_rule(s->table, s->rule, out);
}

void nft_print_step(const struct step *s, struct strbuf *out)
{
	if (s->table->iptables && nft_compat_print_step(s, out))
		return;
	switch (s->kind) {
	case STEP_TABLE:
		step_head(s, "table", "", out);
		break;
	case STEP_CHAIN:
		step_head(s, "chain", s->chain->name, out);
		if (!s->add || !s->chain->base)
			break;
		strbuf_puts(out, " { ");
		nft_print_chain_head(s->chain, out);
		strbuf_puts(out, " }");
		break;
	case STEP_SET:
		step_set(s, out);
		break;
	case STEP_ELEMENT:
		step_head(s, "element", s->set->name, out);
		strbuf_puts(out, " { ");
		print_elem(&s->set->elems, s->elem, out);
		strbuf_puts(out, " }");
		break;
	case STEP_RULE:
		step_rule(s, out);
		break;
	case STEP_KIND_MAX_:
		break;
	}
}
