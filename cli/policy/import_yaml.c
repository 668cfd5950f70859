/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy/import_yaml.c: an imported policy as YAML. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cli/policy/import_report.h"
#include "core/mem.h"
#include "policies/policy.h"

#define WIDTH 78
#define RULES_SHOWN 20		/* of one service */

static bool is_plain(const char *s)
{
	static const char *const words[] = {
		"y", "n", "yes", "no", "on", "off", "true", "false", "null",
	};

	if (!isalpha((unsigned char)*s))
		return false;
	for (const char *c = s; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(s, words[i]))
			return false;
	return true;
}

/* Quoted where YAML would read it as something else than text. */
static void put_text(const char *s, struct strbuf *out)
{
	if (is_plain(s)) {
		strbuf_puts(out, s);
		return;
	}
	strbuf_puts(out, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			strbuf_puts(out, "\\");
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			strbuf_printf(out, "\\x%02x", (unsigned char)*s);
		else
			strbuf_add(out, s, 1);
	}
	strbuf_puts(out, "\"");
}

/* A list in brackets, folded where the line gets too long. */
struct list {
	struct strbuf *out;
	size_t column;
	bool follows;
};

static struct list begin_list(const char *key, struct strbuf *out)
{
	strbuf_printf(out, "    %s: [", key);
	return (struct list){ out, strlen(key) + 7, false };
}

static void put_item(struct list *l, const struct strbuf *text)
{
	size_t n = text->n + 2;

	if (l->follows)
		strbuf_puts(l->out, ",");
	if (l->follows && l->column + n > WIDTH) {
		strbuf_puts(l->out, "\n      ");
		l->column = 6;
	} else if (l->follows) {
		strbuf_puts(l->out, " ");
	}
	strbuf_join(l->out, text);
	l->column += n;
	l->follows = true;
}

static void end_list(struct list *l)
{
	strbuf_puts(l->out, "]\n");
}

static void put_roles(unsigned int roles, struct strbuf *out)
{
	bool one = !(roles & (roles - 1)), follows = false;

	strbuf_puts(out, one ? "    role: " : "    role: [");
	for (size_t i = 0; i < ROLES; i++)
		if (roles >> i & 1) {
			strbuf_printf(out, "%s%s", follows ? ", " : "",
				      role_names[i]);
			follows = true;
		}
	strbuf_puts(out, one ? "\n" : "]\n");
}

static void put_protocols(const struct box *b, struct strbuf *out)
{
	struct list l;
	bool one = box_count_protos(b) == 1;

	if (box_count_protos(b) == BOX_PROTOCOLS) {
		strbuf_puts(out, "    protocol: any\n");
		return;
	}
	if (one)
		strbuf_puts(out, "    protocol: ");
	else
		l = begin_list("protocol", out);
	for (unsigned int i = 0; i < 256; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };

		if (!box_has_proto(b, i))
			continue;
		service_protocol_print((uint8_t)i, &text);
		if (one)
			strbuf_printf(out, "%s\n",
				      strbuf_text(&text, &out->lost));
		else
			put_item(&l, &text);
	}
	if (!one)
		end_list(&l);
}

static void put_ports(const struct port_set *s, struct strbuf *out)
{
	struct list l;

	if (!s->n)
		return;
	l = begin_list("ports", out);
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };

		port_range_print(&s->v[i], &text);
		put_item(&l, &text);
	}
	end_list(&l);
}

static void put_prefixes(const char *key, const struct prefix_set *s,
			 struct strbuf *out)
{
	struct list l;

	if (!s->n)
		return;
	l = begin_list(key, out);
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };
		struct prefix p = prefix_set_at(s, i);
		bool quoted = p.family == AF_INET6;

		strbuf_puts(&text, quoted ? "\"" : "");
		prefix_print(&p, &text);
		strbuf_puts(&text, quoted ? "\"" : "");
		put_item(&l, &text);
	}
	end_list(&l);
}

static void put_ifaces(const struct iface_set *s, struct strbuf *out)
{
	struct list l;

	if (!s->n)
		return;
	l = begin_list("interfaces", out);
	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };
		_cleanup_(strbuf_release) struct strbuf quoted = { 0 };

		iface_print(&s->v[i], &text);
		put_text(strbuf_text(&text, &out->lost), &quoted);
		put_item(&l, &quoted);
	}
	end_list(&l);
}

static void put_rule(const struct import_report *r, uint32_t rule,
		     const char *indent, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct foreign_rule *x = &r->f->rules[rule];

	import_print_place(r->f, x, &b);
	strbuf_printf(out, "%s# ", indent);
	import_print_text(strbuf_text(&b, &out->lost), out);
	strbuf_printf(out, ":\n%s#   ", indent);
	strbuf_clear(&b);
	import_print_rule(x, &b);
	strbuf_printf(out, "%s\n", strbuf_text(&b, &out->lost));
}

static void put_service(const struct import_report *r,
			const struct import_service *s, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf why = { 0 };
	const char *note;

	for (size_t i = 0; i < s->rules.n && i < RULES_SHOWN; i++)
		put_rule(r, s->rules.v[i], "  ", out);
	if (s->rules.n > RULES_SHOWN)
		strbuf_printf(out, "  # and %zu more rules\n",
			      s->rules.n - RULES_SHOWN);
	for (size_t i = 0; (note = import_note(s->notes, i)) != NULL; i++)
		strbuf_printf(out, "  # Note: %s.\n", note);
	strbuf_puts(out, "  - name: ");
	put_text(s->name, out);
	strbuf_puts(out, "\n");
	put_roles(s->roles, out);
	put_protocols(&s->box, out);
	if (import_has_ports(s))
		put_ports(&s->box.dport, out);
	put_prefixes("clients", &s->box.src, out);
	put_prefixes("servers", &s->box.dst, out);
	put_ifaces(&s->box.iif, out);
	strbuf_puts(out, "    accept: none\n    why: ");
	import_print_why(r, s, &why);
	put_text(strbuf_text(&why, &out->lost), out);
	strbuf_puts(out, "\n");
}

static void put_one_left(const struct import_report *r,
			 const struct import_left *x, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	put_rule(r, x->rule, "", out);
	import_print_reason(x, &b);
	strbuf_puts(&b, ".");
	if (x->other != FOREIGN_NOWHERE) {
		strbuf_puts(&b, " That one is ");
		import_print_place(r->f, &r->f->rules[x->other], &b);
		strbuf_puts(&b, ".");
	}
	strbuf_puts(out, "#   ");
	import_print_text(strbuf_text(&b, &out->lost), out);
	strbuf_puts(out, "\n");
}

static void put_left(const struct import_report *r, struct strbuf *out)
{
	const struct import *im = r->import;

	if (!im->n_left)
		return;
	strbuf_printf(out, "\n# Not in this policy, %zu %s:\n#\n", im->n_left,
		      im->n_left == 1 ? "rule" : "rules");
	for (size_t i = 0; i < im->n_left; i++)
		put_one_left(r, &im->left[i], out);
}

static void put_source(const struct import_report *r, struct strbuf *out)
{
	if (!strcmp(r->source, "live")) {
		strbuf_puts(out, "this host's live rules");
		return;
	}
	if (!strcmp(r->source, "-")) {
		strbuf_puts(out, "standard input");
		return;
	}
	import_print_text(r->source, out);
}

static const char next_steps[] =
"#\n"
"# Next, with this text in policy.yaml:\n"
"#   ctpolicy check policy.yaml\n"
"#   ctpolicy diff policy.yaml\n"
"#   ctpolicy apply --confirm 60s policy.yaml\n"
"# then remove the NOTRACK rules it was made from. `accept: none` leaves it to\n"
"# your own rules which untracked packets pass, as they do today.\n"
"\n"
"version: 1\n"
"state_matching: allowed\n";

void import_print_yaml(const struct import_report *r, struct strbuf *out)
{
	const struct import *im = r->import;

	strbuf_puts(out, "# Made by 'ctpolicy import' from the NOTRACK rules of ");
	put_source(r, out);
	strbuf_printf(out, ".\n# %zu %s", im->n, im->n == 1 ? "service" :
							     "services");
	if (im->n_left)
		strbuf_printf(out, "; %zu %s could not be expressed, see the end",
			      im->n_left, im->n_left == 1 ? "rule" : "rules");
	strbuf_puts(out, ".\n");
	if (im->n) {
		strbuf_puts(out, next_steps);
		if (im->families != (BOX_IPV4 | BOX_IPV6))
			strbuf_puts(out, im->families == BOX_IPV4 ?
				    "families: [ipv4]  # no rule was for IPv6; without this line it is for both\n" :
				    "families: [ipv6]  # no rule was for IPv4; without this line it is for both\n");
		strbuf_puts(out, "\nuntracked:\n");
	}
	for (size_t i = 0; i < im->n; i++) {
		if (i)
			strbuf_puts(out, "\n");
		put_service(r, &im->v[i], out);
	}
	put_left(r, out);
}
