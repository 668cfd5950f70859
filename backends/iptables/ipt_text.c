/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_text.c: image to text. One text serves both families:
 * what is said in one alone stands behind -4 or -6, which the restore program
 * of the other passes over.
 */
#include <string.h>

#include "backends/iptables/ipt.h"
#include "backends/iptables/ipt_sets.h"
#include "backends/iptables/ipt_timers.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/xtables/ipt_step.h"
#include "core/mem.h"

/* How far apart the families may be before a rule is written twice. */
#define MERGE_WINDOW 64

static const char *origin_text(const struct origin *o, char *buf)
{
	origin_comment(o, buf, COMMENT_MAX);
	return buf;
}

static void print_set_add(const struct image_set *s, size_t i,
			  struct strbuf *out)
{
	char comment[COMMENT_MAX + 1];

	strbuf_printf(out, "add %s ", s->name);
	ipt_set_print_elem(s, i, out);
	strbuf_printf(out, " comment \"%s\"",
		      origin_text(elems_origin(&s->elems, i), comment));
}

/* Text collected until it is worth a write, or all there is. */
static int flush(struct strbuf *b, FILE *out)
{
	int err = strbuf_status(b);

	if (!err && fwrite(strbuf_str(b), 1, b->n, out) != b->n)
		err = -EIO;
	strbuf_clear(b);
	return err;
}

static int render_set(const struct image_set *s, FILE *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err = 0;

	if (s->timers) {
		strbuf_puts(&b, "#nfct ");
		ipt_timers_print(s, true, &b);
		strbuf_puts(&b, "\n");
		return flush(&b, out);
	}
	strbuf_printf(&b, "#ipset create %s ", s->name);
	ipt_set_print_type(s, &b);
	strbuf_puts(&b, "\n");
	for (size_t i = 0; !err && i < s->elems.n; i++) {
		strbuf_puts(&b, "#ipset ");
		print_set_add(s, i, &b);
		strbuf_puts(&b, "\n");
		if (b.n > 1 << 16)
			err = flush(&b, out);
	}
	return err ? err : flush(&b, out);
}

/* A table in both families; either may be missing. */
struct pair {
	const struct image_table *v4, *v6;
};

static const struct image_chain *chain_in(const struct image_table *t,
					  const char *name)
{
	return t ? image_find_chain(t, name) : NULL;
}

static void render_line(const char *prefix, const char *command,
			const struct ipt_args *a, struct strbuf *out)
{
	strbuf_printf(out, "%s%s ", prefix, command);
	ipt_args_print(a, out);
	strbuf_puts(out, "\n");
}

static void args_vec_free(struct ipt_args **v, size_t n)
{
	for (size_t i = 0; *v && i < n; i++)
		ipt_args_release(&(*v)[i]);
	free(*v);
	*v = NULL;
}

static int encode_chain(const struct image_chain *c, uint8_t family,
			struct ipt_args **ret)
{
	struct ipt_args *v;
	int err = 0;

	*ret = NULL;
	if (!c || !c->n_rules)
		return 0;
	v = calloc(c->n_rules, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; !err && i < c->n_rules; i++)
		err = ipt_args_encode(&c->rules[i], family, &v[i]);
	if (err)
		args_vec_free(&v, c->n_rules);
	*ret = v;
	return err;
}

/* Is a in v[from..n), not too far away? */
static bool comes_later(const struct ipt_args *a, const struct ipt_args *v,
			size_t from, size_t n)
{
	for (size_t i = from; i < n && i - from < MERGE_WINDOW; i++)
		if (ipt_args_equal(a, &v[i]))
			return true;
	return false;
}

static void merge(const char *command, const struct ipt_args *v4, size_t n4,
		  const struct ipt_args *v6, size_t n6, struct strbuf *out)
{
	size_t i = 0, k = 0;

	while (i < n4 || k < n6) {
		if (i < n4 && k < n6 && ipt_args_equal(&v4[i], &v6[k])) {
			render_line("", command, &v4[i++], out);
			k++;
		} else if (i < n4 && !comes_later(&v4[i], v6, k, n6)) {
			render_line("-4 ", command, &v4[i++], out);
		} else if (k < n6 && !comes_later(&v6[k], v4, i, n4)) {
			render_line("-6 ", command, &v6[k++], out);
		} else if (i < n4) {
			render_line("-4 ", command, &v4[i++], out);
		} else {
			render_line("-6 ", command, &v6[k++], out);
		}
	}
}

/* Jumps of one family, or of both where they stand in the same places. */
static void render_jumps(const char *prefix, const struct image_chain *c,
			 const struct ipt_args *v, struct strbuf *out)
{
	for (size_t i = 0; c && i < c->n_rules; i++) {
		strbuf_puts(out, prefix);
		ipt_print_insert(c, &c->rules[i], out);
		ipt_args_print(&v[i], out);
		strbuf_puts(out, "\n");
	}
}

static bool same_jumps(const struct image_chain *a, const struct ipt_args *v,
		       const struct image_chain *b, const struct ipt_args *w)
{
	bool same = a && b && a->n_rules == b->n_rules;

	for (size_t i = 0; same && i < a->n_rules; i++)
		same = a->rules[i].place == b->rules[i].place &&
		       ipt_args_equal(&v[i], &w[i]);
	return same;
}

static int render_chain(const struct pair *p, const char *name,
			struct strbuf *out)
{
	const struct image_chain *c4 = chain_in(p->v4, name);
	const struct image_chain *c6 = chain_in(p->v6, name);
	size_t n4 = c4 ? c4->n_rules : 0, n6 = c6 ? c6->n_rules : 0;
	struct ipt_args *v4 = NULL, *v6 = NULL;
	char command[IPT_WORD_MAX + 8];
	int err = encode_chain(c4, NFPROTO_IPV4, &v4);

	if (!err)
		err = encode_chain(c6, NFPROTO_IPV6, &v6);
	snprintf(command, sizeof(command), "-A %s", name);
	if (!err && !(c4 ? c4 : c6)->foreign) {
		merge(command, v4, n4, v6, n6, out);
	} else if (!err && same_jumps(c4, v4, c6, v6)) {
		render_jumps("", c4, v4, out);
	} else if (!err) {
		render_jumps("-4 ", c4, v4, out);
		render_jumps("-6 ", c6, v6, out);
	}
	args_vec_free(&v4, n4);
	args_vec_free(&v6, n6);
	return err;
}

/* A line ":CHAIN" speaks to both families, so one family's chain needs -N. */
static int render_chain_name(const struct pair *p, const char *name,
			     struct strbuf *out)
{
	bool in4 = chain_in(p->v4, name), in6 = chain_in(p->v6, name);

	if (in4 && in6)
		strbuf_printf(out, ":%s - [0:0]\n", name);
	else
		strbuf_printf(out, "%s -N %s\n", in4 ? "-4" : "-6", name);
	return 0;
}

/*
 * CTPOLICY-INPUT, CTPOLICY-INPUT-2, CTPOLICY-INPUT.1, or what jumps there? In
 * front of a dot the hook's name may be short: CTPOLICY-PRE.r1a2b3c4d.
 */
static bool is_at(const struct image_chain *c, const struct ipt_place *at)
{
	const char *own = c->foreign && c->n_rules ? c->rules[0].target :
						     c->name;
	size_t n = strlen(at->own), dot = own ? strcspn(own, ".") : 0;

	if (!own)
		return false;
	if (own[dot] && dot < n)
		return !strncmp(own, at->own, dot);
	return !strncmp(own, at->own, n) &&
	       (!own[n] || own[n] == '-' || own[n] == '.');
}

typedef int render_fn(const struct pair *p, const char *name,
		      struct strbuf *out);

/* Chains of the one kind at that place in either family, each once. */
static int chains_at(const struct pair *p, const struct ipt_place *at,
		     bool foreign, render_fn *render, struct strbuf *out)
{
	const struct image_table *v[] = { p->v4, p->v6 };
	int err = 0;

	for (size_t k = 0; k < ARRAY_SIZE(v); k++)
		for (size_t i = 0; !err && v[k] && i < v[k]->n_chains; i++) {
			const struct image_chain *c = &v[k]->chains[i];

			if (c->foreign == foreign && is_at(c, at) &&
			    (!k || !chain_in(p->v4, c->name)))
				err = render(p, c->name, out);
		}
	return err;
}

static int each_chain(const struct pair *p, const char *table, bool foreign,
		      render_fn *render, struct strbuf *out)
{
	int err = 0;

	for (size_t i = 0; !err && i < IPT_PLACES; i++)
		if (!strcmp(ipt_places[i].table, table))
			err = chains_at(p, &ipt_places[i], foreign, render,
					out);
	return err;
}

static int render_table(const struct image *img, const char *name, FILE *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct pair p = {
		image_find_table(img, NFPROTO_IPV4, name),
		image_find_table(img, NFPROTO_IPV6, name),
	};
	int err;

	if (!p.v4 && !p.v6)
		return 0;
	strbuf_printf(&b, "*%s\n", name);
	err = each_chain(&p, name, false, render_chain_name, &b);
	/* Jumps first: they are what the reader looks for. */
	if (!err)
		err = each_chain(&p, name, true, render_chain, &b);
	if (!err)
		err = each_chain(&p, name, false, render_chain, &b);
	strbuf_puts(&b, "COMMIT\n");
	return err ? err : flush(&b, out);
}

static bool holds(const struct image_table *sets, bool timers)
{
	for (size_t i = 0; sets && i < sets->n_sets; i++)
		if (timers == !!sets->sets[i].timers)
			return true;
	return false;
}

int ipt_render(const struct image *img, FILE *out)
{
	const struct image_table *sets =
		image_find_table(img, NFPROTO_UNSPEC, IPT_SET_TABLE);
	int err = 0;

	fputs("# ctpolicy: for iptables-restore --noflush and "
	      "ip6tables-restore --noflush\n", out);
	if (holds(sets, true))
		fputs("# its timeouts first: sed -n 's/^#nfct /nfct /p' | sh\n",
		      out);
	if (holds(sets, false))
		fputs("# its sets first: sed -n 's/^#ipset //p' | "
		      "ipset restore\n", out);
	for (size_t i = 0; !err && sets && i < sets->n_sets; i++)
		err = render_set(&sets->sets[i], out);
	for (size_t i = IPT_TABLES; !err && i--;)
		err = render_table(img, ipt_tables[i], out);
	return err ? err : ferror(out) ? -EIO : 0;
}

static void print_element_step(const struct step *s, struct strbuf *out)
{
	if (s->add) {
		print_set_add(s->set, s->elem, out);
		return;
	}
	strbuf_printf(out, "del %s ", s->set->name);
	ipt_set_print_elem(s->set, s->elem, out);
}

void ipt_print_step(const struct step *s, struct strbuf *out)
{
	if (s->table->family != NFPROTO_UNSPEC) {
		ipt_step_print(s, out);
		return;
	}
	if (s->set->timers) {
		strbuf_puts(out, "nfct ");
		ipt_timers_print(s->set, s->add, out);
		return;
	}
	strbuf_puts(out, "ipset ");
	if (s->kind == STEP_ELEMENT) {
		print_element_step(s, out);
		return;
	}
	strbuf_printf(out, "%s %s", s->add ? "create" : "destroy",
		      s->set->name);
	if (s->add) {
		strbuf_puts(out, " ");
		ipt_set_print_type(s->set, out);
	}
}

void ipt_print_inner(const struct step *s, struct strbuf *out)
{
	if (s->kind == STEP_RULE)
		ipt_step_print_rule(s, out);
}
