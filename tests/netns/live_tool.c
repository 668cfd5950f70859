/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/netns/live_tool.c: the kernel's nft rules as the model has them.
 *
 *   live_tool counts    what audit counts, one "name number" a line
 *   live_tool rules     each rule, its verdict, and its terms
 *   live_tool time      how long reading took, and at most how much memory
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <netinet/in.h>
#include <linux/netfilter.h>

#include "audit/needs.h"
#include "backends/backend.h"
#include "core/mem.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* In KiB. */
static long peak_memory(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			kib = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static int print_counts(const struct foreign *f)
{
	_cleanup_(needs_release) struct needs n = { 0 };
	int err = needs_count(f, &n);

	if (err)
		return err;
	printf("rules %zu\nneeds_ct %zu\n", n.rules, n.needs_ct);
	for (size_t i = 0; i < FEATURE_MAX_; i++)
		printf("%s %zu\n",
		       foreign_feature_name((enum foreign_feature)i),
		       n.features[i]);
	for (size_t i = 0; i < FACT_MAX_; i++)
		printf("%s %zu\n", foreign_fact_name((enum foreign_fact)i),
		       n.facts[i]);
	for (size_t i = 0; i < n.n_sets; i++)
		printf("states:%s %zu\n", n.sets[i].set, n.sets[i].rules);
	return 0;
}

static void print_bytes(const uint8_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", v[i]);
}

static void print_outcome(const struct foreign_outcome *o)
{
	static const char *const names[] = {
		[FOREIGN_NONE] = "none", [FOREIGN_ACCEPT] = "accept",
		[FOREIGN_DROP] = "drop", [FOREIGN_REJECT] = "reject",
		[FOREIGN_RETURN] = "return", [FOREIGN_JUMP] = "jump",
		[FOREIGN_GOTO] = "goto", [FOREIGN_TARGET] = "target",
	};

	printf("%s%s%s", names[o->verdict], o->target ? " " : "",
	       o->target ? o->target : "");
}

static void print_set(const struct foreign *f, const struct term *t)
{
	const struct key_set *s = &f->sets[t->set];

	printf(" %s%s{", s->name ? s->name : "", s->known ? "" : "?");
	for (uint32_t i = 0; i < s->n; i++) {
		for (uint8_t k = 0; k < s->n_fields; k++) {
			const struct key_range *v =
				&f->ranges[s->first + i * s->n_fields + k];
			size_t n = packet_field_bytes(
				(enum packet_field)t->field[k]);

			if (t->family == NFPROTO_IPV4 && n == 16 &&
			    t->field[k] != FIELD_IIF &&
			    t->field[k] != FIELD_OIF)
				n = 4;
			printf(" ");
			print_bytes(v->first, n);
			if (memcmp(v->first, v->last, n)) {
				printf("-");
				print_bytes(v->last, n);
			}
		}
		if (s->outcome != FOREIGN_NOWHERE) {
			printf(":");
			print_outcome(&f->outcomes[s->outcome + i]);
		}
		printf(",");
	}
	printf(" }");
}

static void print_term(const struct foreign *f, const struct term *t)
{
	switch (t->kind) {
	case TERM_OPAQUE:
		printf("    [%s]\n", t->name);
		return;
	case TERM_NOTRACK:
		printf("    notrack\n");
		return;
	case TERM_SET_MARK:
		printf("    mark & %x ^ %x\n", t->keep, t->flip);
		return;
	case TERM_LOSE_MARK:
		printf("    mark ?\n");
		return;
	case TERM_MATCH:
	case TERM_VMAP:
		break;
	}
	printf("    ");
	for (unsigned int k = 0; k < t->n_fields; k++)
		printf("%s%s", k ? " . " : "", packet_field_name(
				(enum packet_field)t->field[k]));
	if (t->masked) {
		printf(" & ");
		print_bytes(t->mask, packet_field_bytes(
				(enum packet_field)t->field[0]));
	}
	printf("%s", t->kind == TERM_VMAP ? " vmap" : t->negated ? " not" : "");
	print_set(f, t);
	printf("\n");
}

static void print_rules(const struct foreign *f)
{
	for (size_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];
		const struct host_chain *c = &f->chains[r->chain];
		const struct foreign_table *t = &f->tables[c->table];

		printf("%s %s %s: %.*s\n    -> ",
		       foreign_family_name(t->family), t->name, c->name,
		       (int)r->raw.n, r->raw.s);
		print_outcome(&(struct foreign_outcome){ r->verdict,
							 r->target });
		printf("\n");
		for (uint32_t k = 0; k < r->n_terms; k++)
			print_term(f, &f->terms[r->terms + k]);
	}
}

static int run(const char *how, struct diags *d)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	struct backend_ctx *ctx = NULL;
	double from = now();
	int err = f ? backend_nft.open(&ctx, d) : -ENOMEM;

	if (err)
		return err;
	f->wants_terms = strcmp(how, "counts") != 0;
	err = backend_nft.read_live(ctx, f, d);
	backend_nft.close(&ctx);
	if (err)
		return err;
	if (!strcmp(how, "counts"))
		return print_counts(f);
	if (!strcmp(how, "time"))
		printf("rules %zu terms %zu seconds %.3f memory %ld\n",
		       f->n_rules, f->n_terms, now() - from, peak_memory());
	else
		print_rules(f);
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	int err = argc == 2 ? run(argv[1], &d) : -EINVAL;

	if (err) {
		diags_print(&d, NULL, 0, 0, false, stderr);
		fprintf(stderr, "live_tool: %s\n", strerror(-err));
	}
	return err ? 1 : 0;
}
