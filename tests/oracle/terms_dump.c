/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/oracle/terms_dump.c: a ruleset's rules as terms, to read.
 *
 *	terms_dump BACKEND FILE		a saved ruleset
 *	terms_dump BACKEND		the kernel's
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>

#include "backends/backend.h"
#include "core/mem.h"

static bool is_name(enum packet_field x)
{
	return x == FIELD_IIF || x == FIELD_OIF;
}

static void print_key(const struct term *t, size_t k, const uint8_t *v)
{
	enum packet_field x = (enum packet_field)t->field[k];
	char text[INET6_ADDRSTRLEN] = "";
	uint64_t n = 0;

	if (x == FIELD_SADDR || x == FIELD_DADDR) {
		inet_ntop(t->family == NFPROTO_IPV4 ? AF_INET : AF_INET6, v,
			  text, sizeof(text));
		fputs(text, stdout);
		return;
	}
	if (is_name(x)) {
		for (size_t i = 0; i < TERM_KEY_MAX && v[i]; i++)
			printf(v[i] == 0xff ? "~" : "%c", v[i]);
		return;
	}
	for (size_t i = 0; i < packet_field_bytes(x); i++)
		n = n << 8 | v[i];
	printf(x == FIELD_TCP_FLAGS || x == FIELD_MARK || x == FIELD_CTMARK ||
			       x == FIELD_STATE || x == FIELD_STATUS ?
		       "%#lx" :
		       "%lu",
	       (unsigned long)n);
}

static void print_outcome(const struct foreign_outcome *o)
{
	static const char *const words[] = {
		"continue", "accept", "drop", "reject", "return", "jump",
		"goto", "",
	};

	printf(": %s", words[o->verdict]);
	if (o->target)
		printf(" %s", o->target);
}

static void print_set(const struct foreign *f, const struct term *t)
{
	const struct key_set *s = &f->sets[t->set];

	if (s->name)
		printf("@%s ", s->name);
	printf(s->known ? "{" : "{ ?");
	for (uint32_t i = 0; i < s->n; i++) {
		printf(i ? ", " : " ");
		for (size_t k = 0; k < s->n_fields; k++) {
			const struct key_range *v =
				&f->ranges[s->first + i * s->n_fields + k];

			printf(k ? " . " : "");
			print_key(t, k, v->first);
			if (!memcmp(v->first, v->last, sizeof(v->first)))
				continue;
			printf("-");
			print_key(t, k, v->last);
		}
		if (s->outcome != FOREIGN_NOWHERE)
			print_outcome(&f->outcomes[s->outcome + i]);
	}
	printf(" }");
}

static void print_match(const struct foreign *f, const struct term *t)
{
	for (size_t k = 0; k < t->n_fields; k++)
		printf("%s%s", k ? t->either ? " | " : " . " : "",
		       packet_field_name((enum packet_field)t->field[k]));
	if (t->masked) {
		printf(" & ");
		print_key(t, 0, t->mask);
	}
	printf(t->kind == TERM_VMAP ? " vmap " : t->negated ? " != " : " ");
	print_set(f, t);
}

static void print_mark(const struct term *t)
{
	bool entry = t->kind == TERM_SET_CTMARK || t->kind == TERM_LOSE_CTMARK;
	const char *own = entry ? "ct mark" : "mark";

	if (t->kind != TERM_SET_MARK && t->kind != TERM_SET_CTMARK) {
		printf("%s = ?", own);
		return;
	}
	printf("%s = %s & %#x ^ %#x", own, own, t->keep, t->flip);
	if (t->take)
		printf(" ^ %s & %#x", entry ? "mark" : "ct mark", t->take);
}

static void print_answer(const struct foreign_answer *a)
{
	char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];
	int family = a->family == NFPROTO_IPV4 ? AF_INET : AF_INET6;

	if (a->family) {
		inet_ntop(family, a->address.first, first, sizeof(first));
		inet_ntop(family, a->address.last, last, sizeof(last));
		printf(" %s-%s", first, last);
	}
	if (a->port)
		printf(" ports %u-%u", a->port, a->last_port);
}

static void print_answers(const struct foreign *f, const struct key_set *s)
{
	printf(" by map {");
	if (s->answer == FOREIGN_NOWHERE)
		printf(s->known && !s->n ? "" : " ?");
	for (uint32_t i = 0; s->answer != FOREIGN_NOWHERE && i < s->n; i++) {
		printf(i ? "," : "");
		print_answer(&f->answers[s->answer + i]);
	}
	printf(" }");
}

static void print_move(const struct foreign *f, const struct term *t)
{
	printf("to");
	if (t->by_map)
		print_answers(f, &f->sets[t->set]);
	if (t->n_fields)
		print_set(f, t);
	if (t->port)
		printf(" ports %u-%u", t->port, t->last_port);
}

/* Of requests, and of answers. */
static void print_zone(const struct ct_zone *z)
{
	printf("zone");
	for (unsigned int i = 0; i < 2; i++)
		if (z->known >> i & 1)
			printf(" %u", z->id[i]);
		else
			printf(" ?");
}

static void print_term(const struct foreign *f, const struct term *t)
{
	printf("\t\t");
	if (t->kind == TERM_MATCH || t->kind == TERM_VMAP)
		print_match(f, t);
	else if (t->kind == TERM_OPAQUE)
		printf("opaque: %s%s", t->negated ? "not " : "", t->name);
	else if (t->kind == TERM_NOTRACK)
		printf("notrack");
	else if (t->kind == TERM_HELPER)
		printf("helper");
	else if (t->kind == TERM_ZONE || t->kind == TERM_CT_ZONE)
		print_zone(&t->zone);
	else if (t->kind == TERM_MOVE)
		print_move(f, t);
	else
		print_mark(t);
	printf("\n");
}

static void print_rule(const struct foreign *f, const struct foreign_rule *r)
{
	static const char *const words[] = {
		"-", "accept", "drop", "reject", "return", "jump", "goto", "",
	};

	printf("\t%s", words[r->verdict]);
	if (r->target)
		printf(" %s", r->target);
	printf("\t# line %u\n", r->line);
	for (uint32_t i = 0; i < r->n_terms; i++)
		print_term(f, &f->terms[r->terms + i]);
}

/* Rules in the order of the text: where they stand is another question. */
static void print_chain(const struct foreign *f, uint32_t chain)
{
	const struct host_chain *c = &f->chains[chain];
	const struct foreign_table *t = &f->tables[c->table];

	printf("%s %s %s", foreign_family_name(t->family), t->name, c->name);
	if (c->hook)
		printf(" (%s %s %s %s)", c->type, c->hook, c->priority,
		       c->policy ? c->policy : "accept");
	printf("\n");
	for (size_t i = 0; i < f->n_rules; i++)
		if (f->rules[i].chain == chain)
			print_rule(f, &f->rules[i]);
}

static int read_text(const struct backend *b, const char *file,
		     struct foreign *f, struct diags *d)
{
	FILE *in = fopen(file, "re");
	size_t got, cap = 0;

	if (!in)
		return -errno;
	do {
		if (mem_grow(&f->text, &cap, f->len + 65536)) {
			fclose(in);
			return -ENOMEM;
		}
		got = fread(f->text + f->len, 1, 65535, in);
		f->len += got;
	} while (got);
	f->text[f->len] = '\0';
	fclose(in);
	return b->read_foreign(file, f, d);
}

static int read_kernel(const struct backend *b, struct foreign *f,
		       struct diags *d)
{
	struct backend_ctx *ctx = NULL;
	int err = b->open(&ctx, d);

	if (err)
		return err;
	err = b->read_live(ctx, f, d);
	b->close(&ctx);
	return err;
}

int main(int argc, char **argv)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	_cleanup_(diags_release) struct diags d = { 0 };
	const struct backend *b = argc > 1 ? backend_find(argv[1]) : NULL;
	int err;

	if (!f || !b) {
		fputs("usage: terms_dump BACKEND [FILE]\n", stderr);
		return 64;
	}
	f->wants_terms = true;
	err = argc > 2 ? read_text(b, argv[2], f, &d) : read_kernel(b, f, &d);
	if (err) {
		diags_print(&d, NULL, 0, 0, false, stderr);
		return 65;
	}
	for (size_t i = 0; i < f->n_chains; i++)
		print_chain(f, (uint32_t)i);
	return 0;
}
