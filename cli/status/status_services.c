/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/status_services.c: which services are out of the table. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/status/status_report.h"
#include "core/bytes.h"
#include "core/mem.h"

#define SERVICES_SHOWN 10
#define BYTES 32	/* room for bytes_print() */

static void print_names(const struct live_services *s)
{
	for (size_t i = 0; i < s->n && i < SERVICES_SHOWN; i++) {
		if (i)
			fputs(", ", stdout);
		diag_puts(s->v[i].name, stdout);
	}
	if (s->n > SERVICES_SHOWN)
		printf(" and %zu more", s->n - SERVICES_SHOWN);
	puts(s->n ? "" : "no service");
}

static bool is_busier(const struct live_service *a,
		      const struct live_service *b)
{
	if (a->counted != b->counted)
		return a->counted;
	return a->packets > b->packets;
}

/* Of those that were not shown; NULL: all were. */
static const struct live_service *busiest(const struct live_services *s,
					  const bool *shown)
{
	const struct live_service *most = NULL;

	for (size_t i = 0; i < s->n; i++)
		if (!shown[i] && (!most || is_busier(&s->v[i], most)))
			most = &s->v[i];
	return most;
}

static void print_count(const struct live_service *s)
{
	char bytes[BYTES];

	diag_puts(s->name, stdout);
	if (!s->counted) {
		puts(", not counted by itself");
		return;
	}
	printf(", %" PRIu64 " %s, ", s->packets,
	       s->packets == 1 ? "packet" : "packets");
	bytes_print(s->bytes, bytes);
	puts(bytes);
}

/* A line for each, those with most packets first. */
static void print_counts(const struct live_services *s)
{
	_cleanup_free_ bool *shown = calloc(s->n + 1, sizeof(*shown));
	const struct live_service *next;

	for (size_t i = 0; shown && i < SERVICES_SHOWN; i++) {
		next = busiest(s, shown);
		if (!next)
			break;
		shown[next - s->v] = true;
		status_heading(i ? "" : "untracked");
		print_count(next);
	}
	if (s->n > SERVICES_SHOWN) {
		status_heading("");
		printf("and %zu more\n", s->n - SERVICES_SHOWN);
	}
}

void status_print_services(const struct status *s)
{
	if (s->services.n_counts) {
		print_counts(&s->services);
	} else {
		status_heading("untracked");
		print_names(&s->services);
	}
	if (!s->tracked.n)
		return;
	status_heading("timeouts");
	print_names(&s->tracked);
}
