/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/main.c: which command, and nothing else. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/help/id_help.h"
#include "cli/option_table.h"
#include "cli/output/report.h"
#include "core/diag.h"
#include "core/mem.h"
#include "core/suggest.h"

const struct command *const commands[] = {
	&cmd_check, &cmd_test, &cmd_render, &cmd_diff, &cmd_apply,
	&cmd_confirm, &cmd_rollback, &cmd_recover, &cmd_remove, &cmd_audit,
	&cmd_import, &cmd_explain, &cmd_status, &cmd_suggest, &cmd_watch,
	&cmd_report, &cmd_size, &cmd_schema, &cmd_completion, NULL,
};

#define N_COMMANDS (ARRAY_SIZE(commands) - 1)

static void print_help(FILE *out)
{
	fputs("Example:  ctpolicy diff policy.yaml\n"
	      "          ctpolicy apply --confirm 60s policy.yaml\n"
	      "\n"
	      "Keeps services out of Linux connection tracking, as one policy file says.\n"
	      "\n"
	      "Usage: ctpolicy COMMAND [OPTION...] POLICY\n"
	      "\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("\n"
	      "  help       print this text, or help on COMMAND or a message's id (also --help)\n"
	      "  version    print the version (also --version)\n"
	      "\n"
	      "Exit codes: 0 done, 1 differs, 2 changed (--detailed-exitcode), 10 and up\n"
	      "failures; see ctpolicy(8). The policy language: ctpolicy.yaml(5).\n",
	      out);
}

/*
 * Whatever is opened later must never land on a closed standard stream. What
 * stands in for one is open the wrong way round, so that using it fails.
 */
static int reserve_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_WRONLY);
		if (fd > STDIN_FILENO && fd <= STDERR_FILENO) {
			close(fd);
			fd = open("/dev/null", O_RDONLY);
		}
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

static void print_command_help(const struct command *c)
{
	fputs(c->help, stdout);
	fputc('\n', stdout);
	option_table_print(c, stdout);
	if (c->exits)
		printf("\n%s", c->exits);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct options o;
	int err = options_parse(c, argc, argv, &o);

	if (err != EXIT_DONE)
		return err;
	if (o.help) {
		print_command_help(c);
		return EXIT_DONE;
	}
	report_begin(&o);
	return c->run(&o);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(name, commands[i]->name))
			return commands[i];
	return NULL;
}

static int no_command(const char *name)
{
	static const char *const later[] = { "test" };
	const char *names[N_COMMANDS + 2] = { "help", "version" };
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (!strcmp(name, later[i])) {
			fprintf(stderr,
				"ctpolicy: '%s' is not in this version\n",
				name);
			return EXIT_USAGE;
		}
	for (size_t i = 0; i < N_COMMANDS; i++)
		names[i + 2] = commands[i]->name;
	near = suggest(name, names, ARRAY_SIZE(names));
	fputs("ctpolicy: no command '", stderr);
	diag_puts(name, stderr);
	if (near)
		fprintf(stderr, "'; did you mean '%s'?\n", near);
	else
		fputs("'; see 'ctpolicy help'\n", stderr);
	return EXIT_USAGE;
}

static int help_id(const char *id)
{
	if (id_help_print(id))
		return EXIT_DONE;
	fprintf(stderr, "ctpolicy: no message has the id %s\n", id);
	return EXIT_USAGE;
}

static int run_help(const char *name)
{
	const struct command *c = name ? find_command(name) : NULL;

	if (name && id_help_is(name))
		return help_id(name);
	if (c)
		print_command_help(c);
	else if (name)
		return no_command(name);
	else
		print_help(stdout);
	return EXIT_DONE;
}

static bool is_one_of(const char *name, const char *a, const char *b,
		      const char *c)
{
	return !strcmp(name, a) || !strcmp(name, b) || !strcmp(name, c);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct command *c;

	if (reserve_standard_fds())
		return EXIT_IO;
	setlocale(LC_ALL, "C");
	/* a line is one write: over SSH each is a packet */
	setvbuf(stderr, NULL, _IOLBF, 0);
	if (!name) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (is_one_of(name, "help", "--help", "-h"))
		return report_conclude(run_help(argc > 2 ? argv[2] : NULL));
	if (is_one_of(name, "version", "--version", "-V")) {
		puts(PACKAGE_STRING);
		return report_conclude(EXIT_DONE);
	}
	c = find_command(name);
	return c ? report_conclude(run(c, argc - 1, argv + 1)) :
		   no_command(name);
}
