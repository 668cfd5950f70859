/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/cmd_size.c: how large should the connection table be, and why? */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/output/json_stream.h"
#include "cli/output/json_text.h"
#include "cli/output/report.h"
#include "core/bytes.h"
#include "core/mem.h"
#include "generators/table_size.h"
#include "host/conntrack/table.h"
#include "host/host.h"
#include "host/modules.h"
#include "state/json_memory.h"

struct sizes {
	uint64_t memory;
	enum modules_state module;
	bool has_table;
	struct ct_table now;
	struct table_size classic, kernel, automatic;
};

#define BITS ((unsigned int)(sizeof(void *) * CHAR_BIT))

static int read_memory(const struct options *o, uint64_t *ret)
{
	int err = o->memory ? bytes_parse(o->memory, ret) : host_memory(ret);

	if (!err)
		return EXIT_DONE;
	if (!o->memory) {
		fprintf(stderr, "ctpolicy size: the host's memory cannot be read: %s\n",
			strerror(-err));
		return EXIT_IO;
	}
	fputs("ctpolicy size: --memory takes 1KiB to 1024TiB, such as 48GiB, not: ",
	      stderr);
	diag_puts(o->memory, stderr);
	putc('\n', stderr);
	return EXIT_USAGE;
}

static void read_present(struct sizes *s)
{
	s->module = modules_root_state(MODULES_SYS);
	s->has_table = !ct_table_now(&s->now);
}

static json_t *json_of_size(const struct table_size *t)
{
	return json_pack("{s:I, s:I}", "max", (json_int_t)t->max, "buckets",
			 (json_int_t)t->buckets);
}

static json_t *present(const struct sizes *s)
{
	json_t *o = json_pack("{s:s, s:n, s:n, s:n}", "module",
			      modules_state_name(s->module), "max", "buckets", "count");

	if (!s->has_table)
		return o;
	json_object_set_new(o, "max", json_integer((json_int_t)s->now.max));
	json_object_set_new(o, "count",
			    json_integer((json_int_t)s->now.count));
	if (s->now.buckets)
		json_object_set_new(o, "buckets", json_integer(
			(json_int_t)s->now.buckets));
	return o;
}

static int print_json(const struct sizes *s)
{
	struct json_stream j;

	json_memory_watch();
	json_stream_begin(&j);
	json_stream_member(&j, "schema", json_integer(1));
	json_stream_member(&j, "command", json_string("size"));
	json_stream_member(&j, "result", json_string("ok"));
	json_stream_member(&j, "host", json_pack(
		"{s:I, s:i, s:i, s:i}", "memory_bytes", (json_int_t)s->memory,
		"bits", (int)BITS, "entry_bytes", TABLE_ENTRY_BYTES,
		"bucket_bytes", TABLE_BUCKET_BYTES));
	json_stream_member(&j, "present", present(s));
	json_stream_member(&j, "classic", json_of_size(&s->classic));
	json_stream_member(&j, "kernel", json_of_size(&s->kernel));
	json_stream_member(&j, "auto", json_of_size(&s->automatic));
	json_stream_member(&j, "diagnostics", json_array());
	json_stream_end(&j);
	return j.lost || json_memory_lost() ? -ENOMEM : 0;
}

static void print_row(const char *name, const struct table_size *t,
		      const char *why)
{
	char bytes[32];

	bytes_print(table_size_bytes(t), bytes);
	printf("%-8s %12" PRIu64 " %12" PRIu64 " %12s  %s\n", name, t->max,
	       t->buckets, bytes, why);
}

static void print_text(const struct sizes *s)
{
	struct table_size now = { s->now.max, s->now.buckets };
	char memory[32];

	bytes_print(s->memory, memory);
	printf("%s of memory; an entry takes %d bytes, a bucket %d\n\n",
	       memory, TABLE_ENTRY_BYTES, TABLE_BUCKET_BYTES);
	printf("%-8s %12s %12s %12s\n", "", "max", "buckets", "when full");
	if (s->has_table)
		print_row("now", &now, "this host");
	print_row("classic", &s->classic, "memory / 16384 / (bits / 32), 8 entries a bucket");
	print_row("kernel", &s->kernel, "what the kernel makes of it, left alone");
	print_row("auto", &s->automatic, "2 % of the memory, one entry a bucket");
	if (s->has_table)
		printf("\n%" PRIu64 " entries now\n", s->now.count);
	else
		puts("\nconnection tracking is not loaded");
}

static int run(const struct options *o)
{
	struct sizes s = { 0 };
	int code = read_memory(o, &s.memory);

	if (code != EXIT_DONE)
		return code;
	read_present(&s);
	s.classic = table_size_classic(s.memory, BITS);
	s.kernel = table_size_kernel(s.memory);
	s.automatic = table_size_auto(s.memory);
	if (o->json)
		return print_json(&s) ? exit_code_of(-ENOMEM) : EXIT_DONE;
	if (!o->quiet)
		print_text(&s);
	return EXIT_DONE;
}

const struct command cmd_size = {
	.name = "size",
	.summary = "work out how large the connection table should be",
	.min_args = 0,
	.max_args = 0,
	.takes = OPT_MEMORY,
	.run = run,
	.help =
"Example:  ctpolicy size\n"
"          ctpolicy size --memory 48GiB\n"
"\n"
"Usage: ctpolicy size [OPTION...]\n"
"\n"
"Prints the size of this host's connection table beside three others: the\n"
"classic rule of thumb, what the kernel chooses when left alone, and 2 % of the\n"
"memory at what an entry really takes. A max without as many buckets does not\n"
"hold what it says: from about 20 entries a bucket on, new ones are dropped\n"
"though the table is not full. Needs no privilege, and changes nothing.\n",
	.exits =
"Exit code: 0 done, 74 the memory cannot be read, 64 bad command line.\n",
};
