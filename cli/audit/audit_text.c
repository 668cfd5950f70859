/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/audit_text.c: an audit as text. */
#include <errno.h>
#include <string.h>

#include "audit/own.h"
#include "cli/audit/audit_report.h"
#include "core/mem.h"

#define RULE_SHOWN 200		/* bytes of a rule that a line has room for */

void audit_print_rule(const struct foreign_text *raw, size_t max)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	foreign_text_line(raw, max, &b);
	diag_puts(strbuf_status(&b) ? "(out of memory)" : strbuf_str(&b),
		  stdout);
}

static bool is_jump(const struct foreign *f, const struct foreign_rule *r,
		    uint32_t table, const char *name)
{
	return r->target == name && !foreign_is_gone(r) &&
	       f->chains[r->chain].table == table;
}

/* The rule that jumps stands ahead of those in its braces. */
const char *audit_chain_name(const struct foreign *f,
			     const struct foreign_rule *r)
{
	const char *name = f->chains[r->chain].name;
	uint32_t table = f->chains[r->chain].table;

	while (!strncmp(name, "__chain", strlen("__chain"))) {
		const struct foreign_rule *from = r;

		while (from > f->rules && !is_jump(f, from, table, name))
			from--;
		if (from->target != name || from == r)
			break;
		r = from;
		name = f->chains[r->chain].name;
	}
	return name;
}

static void print_place(const struct foreign *f, const struct foreign_rule *r)
{
	const struct host_chain *c = &f->chains[r->chain];
	const struct foreign_table *t = &f->tables[c->table];
	const char *chain = audit_chain_name(f, r);
	uint32_t position = foreign_position(f, r);

	if (r->line)
		printf("line %u, ", r->line);
	if (t->world == WORLD_LEGACY)
		fputs("legacy ", stdout);
	printf("table %s ", foreign_family_name(t->family));
	diag_puts(t->name, stdout);
	fputs(", chain ", stdout);
	diag_puts(chain, stdout);
	if (position)
		printf(", rule %u", position);
}

static int print_bits(const char *what, uint32_t bits,
		      void (*print)(uint32_t bits, struct strbuf *out))
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!bits)
		return 0;
	print(bits, &b);
	printf("      %s %s\n", what, strbuf_str(&b));
	return strbuf_status(&b);
}

static int print_replacement(const struct audit_report *a,
			     const struct foreign_rule *r)
{
	struct audit_replacement x = { 0 };
	const char *s;
	int err;

	if (!(r->features & FEATURE_BIT(STATE)) ||
	    !audit_replacement_find(a, r, &x))
		return 0;
	printf("    replacement: %s", stateless_class_name(x.kind));
	if (x.why)
		printf(" (%s)", x.why);
	else if (!x.rules.n)
		fputs(", the rule is removed", stdout);
	putchar('\n');
	for (s = strbuf_str(&x.rules); *s; s += strcspn(s, "\n") + 1) {
		struct foreign_text line = { s, strcspn(s, "\n") };

		fputs("        ", stdout);
		audit_print_rule(&line, RULE_SHOWN);
		putchar('\n');
	}
	err = strbuf_status(&x.rules);
	if (!err)
		err = print_bits("admits", x.admits, stateless_print_admits);
	if (!err)
		err = print_bits("loses", x.loses, stateless_print_loses);
	strbuf_release(&x.rules);
	return err;
}

static int print_needs(const struct foreign *f, const struct foreign_rule *r)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	needs_print(f, r, "\n", &b);
	text = rest = strbuf_take(&b);
	if (!text)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n"))) {
		fputs("    ", stdout);
		diag_puts(line, stdout);
		putchar('\n');
	}
	return 0;
}

static int print_finding(const struct audit_report *a,
			 const struct foreign_rule *r)
{
	const struct foreign *f = a->f;
	int err;

	print_place(f, r);
	fputs("\n    ", stdout);
	audit_print_rule(&r->raw, RULE_SHOWN);
	putchar('\n');
	err = print_needs(f, r);
	return err ? err : print_replacement(a, r);
}

static void print_flaw(const struct foreign *f, const struct flaw *x)
{
	printf("%s: %s [%s]\n    ", diag_level_name(x->level), x->msg,
	       diag_id_name(x->id));
	print_place(f, &f->rules[x->rule]);
	fputs("\n    ", stdout);
	audit_print_rule(&f->rules[x->rule].raw, RULE_SHOWN);
	if (x->other != FOREIGN_NOWHERE) {
		fputs("\n    the other rule: ", stdout);
		print_place(f, &f->rules[x->other]);
		fputs("\n    ", stdout);
		audit_print_rule(&f->rules[x->other].raw,
				 RULE_SHOWN);
	}
	if (x->help)
		printf("\n    help: %s", x->help);
	putchar('\n');
}

static void print_flaws(const struct audit_report *a)
{
	const struct flaws *l = a->flaws;

	if (!l->n)
		return;
	putchar('\n');
	for (size_t i = 0; i < l->n; i++)
		print_flaw(a->f, &l->v[i]);
	printf("\n%zu %s and %zu %s about NOTRACK rules\n", l->errors,
	       l->errors == 1 ? "error" : "errors", l->warnings,
	       l->warnings == 1 ? "warning" : "warnings");
}

static void print_summary(const struct audit_report *a)
{
	const struct needs *n = a->needs;

	printf("%zu of %zu %s connection tracking\n", n->needs_ct, n->rules,
	       n->rules == 1 ? "rule needs" : "rules need");
	for (size_t i = 0; i < FEATURE_MAX_; i++)
		if (n->features[i] && i != FEATURE_NAT_VERDICT)
			printf("%7zu  %s\n", n->features[i],
			       needs_why((enum foreign_feature)i));
	if (n->facts[FACT_INCLUDES])
		printf("%7zu  included %s not read\n", n->facts[FACT_INCLUDES],
		       n->facts[FACT_INCLUDES] == 1 ? "file was" :
						      "files were");
}

static void print_family(const struct audit_report *a, const char *name,
			 const struct keepers_family *k)
{
	const struct foreign_rule *r;

	printf("tracking of %s: ", name);
	if (!k->rules) {
		puts(a->keepers->objects ?
			     "on, kept by declared objects" : "off");
		return;
	}
	r = &a->f->rules[k->first];
	if (k->rules == 1)
		fputs("on, kept by one rule", stdout);
	else
		printf("on, kept by %zu rules, the first", k->rules);
	fputs(" in ", stdout);
	print_place(a->f, r);
	printf(", which %s\n", needs_why(keepers_feature(a->f, r)));
}

static void print_tracking(const struct audit_report *a)
{
	const struct keepers *k = a->keepers;

	print_family(a, "IPv4", &k->ipv4);
	print_family(a, "IPv6", &k->ipv6);
	if (!k->ipv4.rules && !k->ipv6.rules && !k->objects && a->entries)
		printf("%zu %s left in the table, from a time when tracking was on or by something other than rules\n",
		       a->entries, a->entries == 1 ? "entry is" :
						     "entries are");
	putchar('\n');
}

int audit_print_text(const struct audit_report *a)
{
	const struct diag_source src = { a->source, a->text, a->len };
	int err = 0;

	diags_print(a->diags, &src, a->text ? 1 : 0, 20, false, stderr);
	if (!a->f || a->quiet)
		return 0;
	if (a->keepers)
		print_tracking(a);
	for (size_t i = 0; !err && i < a->f->n_rules; i++)
		if (own_is_host(a->f, &a->f->rules[i]) &&
		    needs_conntrack(&a->f->rules[i]))
			err = print_finding(a, &a->f->rules[i]);
	if (a->needs->needs_ct)
		putchar('\n');
	print_summary(a);
	print_flaws(a);
	return err;
}
