/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/policy/import_report.h"

#include <string.h>

#include "cli/audit/audit_report.h"
#include "core/mem.h"

#define RULE_SHOWN 200		/* bytes of a rule that a line has room for */
#define WHY_MAX 100		/* bytes of a `why` */
#define WHY_FILE_MAX 40		/* of them, of a file's name */

/* Some text of the host's, for a comment of one line: `n` of `all` bytes. */
static void print_safe(const char *s, size_t n, size_t all, struct strbuf *out)
{
	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		len = diag_printable(s + i, all - i);
		if (len)
			strbuf_add(out, s + i, len);
		else
			strbuf_puts(out, s[i] == '\n' || s[i] == '\t' ? " " :
									"?");
	}
}

void import_print_text(const char *s, struct strbuf *out)
{
	print_safe(s, strlen(s), strlen(s), out);
}

void import_print_place(const struct foreign *f, const struct foreign_rule *r,
			struct strbuf *out)
{
	const struct foreign_table *t = &f->tables[f->chains[r->chain].table];
	uint32_t position = foreign_position(f, r);

	if (r->line)
		strbuf_printf(out, "line %u, ", r->line);
	if (t->world == WORLD_LEGACY)
		strbuf_puts(out, "legacy ");
	strbuf_printf(out, "table %s %s, chain %s",
		      foreign_family_name(t->family), t->name,
		      audit_chain_name(f, r));
	if (position)
		strbuf_printf(out, ", rule %u", position);
}

void import_print_rule(const struct foreign_rule *r, struct strbuf *out)
{
	size_t n = r->raw.n > RULE_SHOWN ? RULE_SHOWN : r->raw.n;

	print_safe(r->raw.s, n, r->raw.n, out);
	if (n < r->raw.n)
		strbuf_puts(out, "...");
}

static const char *const notes[] = {
	"only one direction was out of tracking, which saves nothing where answers come back: the other is added",
	"the rules stood behind tracking, where they had no effect",
	"the rules limited the clients' ports, and a policy does not",
	"an earlier rule kept loopback tracked, and a policy includes it",
	"each direction had interfaces of its own, and a policy has one list for both",
	"the rules also took forwarded packets out: if this host routes such traffic, add `router` to the roles",
};
_Static_assert(1 << ARRAY_SIZE(notes) == IMPORT_NOTES_MAX_, "a note");

const char *import_note(unsigned int set, size_t i)
{
	for (size_t k = 0; k < ARRAY_SIZE(notes); k++)
		if (set >> k & 1 && !i--)
			return notes[k];
	return NULL;
}

/* The end of its path, where that is short and plain. */
static void print_source(const char *source, struct strbuf *out)
{
	const char *slash = strrchr(source, '/');
	const char *name = slash ? slash + 1 : source;
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return;
	if (n && n <= WHY_FILE_MAX && strcmp(source, "-"))
		strbuf_printf(out, "%s ", name);
}

static void print_lines(const struct foreign *f, const struct rule_list *l,
			struct strbuf *out)
{
	strbuf_puts(out, l->n > 1 ? "lines " : "line ");
	for (size_t i = 0; i < l->n; i++)
		strbuf_printf(out, "%s%u", i ? ", " : "",
			      f->rules[l->v[i]].line);
}

/* "ip raw PREROUTING 1, ip raw OUTPUT 1"; where there are no positions, once */
static void print_chains(const struct foreign *f, const struct rule_list *l,
			 struct strbuf *out)
{
	uint32_t last = FOREIGN_NOWHERE;

	for (size_t i = 0; i < l->n; i++) {
		const struct foreign_rule *r = &f->rules[l->v[i]];
		const struct foreign_table *t =
			&f->tables[f->chains[r->chain].table];
		uint32_t position = foreign_position(f, r);

		if (!position && r->chain == last)
			continue;
		last = r->chain;
		strbuf_printf(out, "%s%s %s %s", i ? ", " : "",
			      foreign_family_name(t->family), t->name,
			      audit_chain_name(f, r));
		if (position)
			strbuf_printf(out, " %u", position);
	}
}

void import_print_why(const struct import_report *r,
		      const struct import_service *s, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	bool live = !strcmp(r->source, "live");
	size_t end;

	strbuf_puts(&b, "imported from ");
	if (live) {
		print_chains(r->f, &s->rules, &b);
	} else {
		print_source(r->source, &b);
		print_lines(r->f, &s->rules, &b);
	}
	for (size_t i = 0, len; i < b.n; i += len) {
		len = diag_printable(b.s + i, b.n - i);
		if (!len)
			b.s[i] = '?';
		len += !len;
	}
	end = b.n;
	if (end > WHY_MAX) {
		end = WHY_MAX - strlen(", ...");
		while (end && b.s[end] != ',')
			end--;
	}
	strbuf_add(out, strbuf_str(&b), end);
	if (end < b.n)
		strbuf_puts(out, ", ...");
	out->lost |= b.lost;
}

struct teller {
	const struct import_report *r;
	const char *file;		/* NULL: live */
	struct diags *d;
};

static struct srcpos place_of(const struct teller *t, uint32_t rule)
{
	uint32_t line = t->r->f->rules[rule].line;

	return t->file && line ? (struct srcpos){ t->file, line, 1, 0 } : NOPOS;
}

/* A live rule has no line: its place and text say which it is. */
static void say(const struct teller *t, enum diag_id id, uint32_t rule,
		const char *what, const char *help)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct foreign_rule *r = &t->r->f->rules[rule];
	struct srcpos at = place_of(t, rule);

	if (!at.line) {
		import_print_place(t->r->f, r, &b);
		strbuf_puts(&b, ", `");
		import_print_rule(r, &b);
		strbuf_puts(&b, "`: ");
	}
	strbuf_puts(&b, what);
	diag_add(t->d, DIAG_WARNING, 0, id, at, "%s",
		 strbuf_text(&b, &t->d->lost));
	diag_help(t->d, "%s", help);
}

static void tell_service(const struct teller *t, const struct import_service *s)
{
	unsigned int differs = s->notes & ~(IMPORT_ADDED | IMPORT_FORWARDED);
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *note;

	if (s->notes & IMPORT_ADDED) {
		strbuf_printf(&b, "service %s: %s", s->name,
			      import_note(IMPORT_ADDED, 0));
		say(t, ID_IMPORT_ADDED, s->rules.v[0], strbuf_str(&b),
		    "check that the service is what the rule was meant for");
	}
	for (size_t i = 0; (note = import_note(differs, i)) != NULL; i++) {
		strbuf_clear(&b);
		strbuf_printf(&b, "service %s: %s", s->name, note);
		say(t, ID_IMPORT_DIFFERS, s->rules.v[0], strbuf_str(&b),
		    "check that the service may be as wide as the policy makes it");
	}
	t->d->lost |= b.lost;
}

static void tell_left(const struct teller *t, const struct import_left *x)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	strbuf_puts(&b, "not in the policy: ");
	import_print_reason(x, &b);
	say(t, ID_IMPORT_LEFT, x->rule, strbuf_str(&b),
	    "the rule is a comment at the end of the policy; keep it, or write a service for what it does");
	if (x->other != FOREIGN_NOWHERE && place_of(t, x->other).line)
		diag_related(t->d, place_of(t, x->other),
			     "the other rule is here");
	t->d->lost |= b.lost;
}

static void tell_own(const struct teller *t, size_t n)
{
	if (!n)
		return;
	if (t->file)
		diag_add(t->d, DIAG_NOTE, 0, ID_IMPORT_OWN, NOPOS,
			 "%zu of the NOTRACK rules %s ctpolicy's own; in a saved ruleset they are read like any others",
			 n, n == 1 ? "is" : "are");
	else
		diag_add(t->d, DIAG_NOTE, 0, ID_IMPORT_OWN, NOPOS,
			 "%zu NOTRACK %s of ctpolicy's own %s left out", n,
			 n == 1 ? "rule" : "rules", n == 1 ? "is" : "are");
}

void import_tell(const struct import_report *r, const char *file, bool live,
		 struct diags *d)
{
	const struct teller t = { r, live ? NULL : file, d };

	tell_own(&t, r->import->own);
	for (size_t i = 0; i < r->import->n; i++)
		tell_service(&t, &r->import->v[i]);
	for (size_t i = 0; i < r->import->n_left; i++)
		tell_left(&t, &r->import->left[i]);
	if (r->import->cut)
		diag_add(d, DIAG_WARNING, 0, ID_IMPORT_CUT, NOPOS,
			 "there are so many NOTRACK rules that not all were looked at: services are missing");
}
