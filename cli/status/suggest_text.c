/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/suggest_text.c: the advice for people; nothing of it is stable. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/status/suggest_report.h"
#include "core/inet.h"
#include "core/mem.h"

#define PER_CENT 100
#define INDENT "    "

const char *suggest_role_name(unsigned int role)
{
	static const char *const names[] = {
		[GROUPS_SERVER] = "server", [GROUPS_CLIENT] = "client",
		[GROUPS_ROUTER] = "router",
	};

	return role < ARRAY_SIZE(names) ? names[role] : NULL;
}

static const struct {
	const char *word, *words;
} lefts[] = {
#define X(id, w, ws) [LEFT_##id] = { .word = (w), .words = (ws) },
	LEFTS(X)
#undef X
};

const char *suggest_left_word(enum left l)
{
	return lefts[l].word;
}

const char *suggest_left_words(enum left l)
{
	return lefts[l].words;
}

uint32_t suggest_left_out(const struct suggestion *s, enum left l)
{
	const struct group *g = &s->group;
	uint32_t others = 0;

	for (unsigned int i = 0; i < GROUPS_ROLE_MAX_; i++)
		others += s->roles >> i & 1 ? 0 : g->loose[i];
	switch (l) {
	case LEFT_NAT:
		return g->translated;
	case LEFT_HELPER:
		return g->helped;
	case LEFT_GROUP:
		return g->to_group;
	case LEFT_ICMP:
		return g->unnamed;
	case LEFT_ROLE:
	case LEFT_MAX_:
	default:
		return others;
	}
}

static double per_cent(uint64_t n, uint64_t of)
{
	return of ? PER_CENT * (double)n / (double)of : 0;
}

static void print_table(const struct advice *a)
{
	printf("%" PRIu64 " entries", a->entries);
	if (a->table.max)
		printf(", %.0f %% of the table",
		       per_cent(a->table.count, a->table.max));
	puts("; services with a hundredth of them or more:\n");
}

static int print_group(const struct advice *a, size_t i)
{
	_cleanup_(strbuf_release) struct strbuf name = { 0 };
	const struct group *g = &a->v[i].group;
	const char *between = "  ";
	char sources[16];

	snprintf(sources, sizeof(sources), "%s%u", a->sources_exact ? "" : "~",
		 g->sources);
	protocol_print(g->proto, &name);
	if (g->port)
		strbuf_printf(&name, " %u", g->port);
	printf("%3zu %10u %4.0f %% %5.0f %% %10s  %-10s", i + 1, g->entries,
	       per_cent(g->entries, a->entries),
	       per_cent(g->one_way, g->entries), sources, strbuf_str(&name));
	for (unsigned int k = 0; k < GROUPS_ROLE_MAX_; k++)
		if (g->role[k]) {
			printf("%s%s", between, suggest_role_name(k));
			between = ", ";
		}
	putchar('\n');
	return strbuf_status(&name);
}

static void print_left_out(const struct suggestion *s)
{
	const char *between = INDENT "left out: ";

	for (unsigned int k = 0; k < LEFT_MAX_; k++) {
		uint32_t n = suggest_left_out(s, (enum left)k);

		if (!n)
			continue;
		printf("%s%u %s", between, n, suggest_left_words((enum left)k));
		between = ", ";
	}
	if (*between == ',')
		putchar('\n');
}

static void print_why(const struct suggestion *s)
{
	const struct group *g = &s->group;

	switch (s->why) {
	case ADVICE_ALLOWED:
		printf(INDENT "take it out: saves %u entries\n",
		       s->would_save);
		print_left_out(s);
		break;
	case ADVICE_TRANSLATED:
		printf(INDENT "stays tracked: this host translates %u of them (NAT)\n",
		       g->translated);
		break;
	case ADVICE_HELPED:
		printf(INDENT "stays tracked: a conntrack helper works on %u of them\n",
		       g->helped);
		break;
	case ADVICE_NO_SERVICE:
		puts(INDENT "stays tracked: no policy can name it");
		break;
	case ADVICE_TO_GROUPS:
		puts(INDENT "sent to broadcast or multicast addresses: list these in `servers` of a service");
		break;
	case ADVICE_REFUSED:
	default:
		puts(INDENT "stays tracked: this host's rules need it, see the note");
		break;
	}
}

static void print_shape(const struct suggestion *s)
{
	if (s->shape == ADVICE_ASYMMETRIC)
		puts(INDENT "of most only one direction, or half of a handshake, was seen: a path that leads\n"
		     INDENT "through here one way alone, or nobody answers. Rules that drop INVALID hurt it");
	else if (s->shape == ADVICE_ONE_WAY)
		puts(INDENT "one-way: nobody answers, as with syslog, telemetry or VXLAN");
}

static bool is_bound(const struct suggestion *s)
{
	return s->why == ADVICE_TRANSLATED || s->why == ADVICE_HELPED ||
	       s->why == ADVICE_REFUSED || s->why == ADVICE_NO_SERVICE;
}

static void print_next(const struct advice *a)
{
	bool bound = false;

	for (size_t i = 0; i < a->n; i++)
		bound |= is_bound(&a->v[i]);
	putchar('\n');
	if (a->policy)
		printf("Without these the table would hold %" PRIu64 " entries.\n"
		       "Next: ctpolicy suggest --yaml >new.yaml; ctpolicy diff new.yaml\n",
		       a->entries - a->would_save);
	if (bound)
		puts("What stays tracked fills the table less when it is forgotten sooner: list it\n"
		     "under `tracked` of a policy, for example with `timeouts: {unreplied: 2s}`.");
}

int suggest_print_text(const struct advice *a)
{
	int err = 0;

	if (!a->tracked) {
		puts("connection tracking is not loaded: there is nothing to take out");
		return 0;
	}
	if (!a->n) {
		puts(a->entries ? "no service has a hundredth of the entries" :
				  "the connection table is empty");
		return 0;
	}
	print_table(a);
	printf("%3s %10s %6s %7s %10s  %-10s  %s\n", "", "entries", "share",
	       "one-way", "sources", "service", "this host is");
	for (size_t i = 0; !err && i < a->n; i++) {
		err = print_group(a, i);
		print_why(&a->v[i]);
		print_shape(&a->v[i]);
	}
	print_next(a);
	return err;
}
