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
#include "cli/report.h"
#include "core/mem.h"

static const struct command *const commands[] = {
	&cmd_check, &cmd_render, &cmd_diff, &cmd_apply,
	&cmd_confirm, &cmd_rollback, &cmd_recover, &cmd_remove,
};

static void print_help(FILE *out)
{
	fputs("Example:  ctpolicy diff policy.yaml\n"
	      "          ctpolicy apply --confirm 60s policy.yaml\n"
	      "\n"
	      "Keeps services out of Linux connection tracking, as one policy file says.\n"
	      "\n"
	      "Usage: ctpolicy COMMAND [OPTION...] POLICY\n"
	      "\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name,
			commands[i]->summary);
	fputs("\n"
	      "  --version, --help; 'ctpolicy COMMAND --help' has its options\n"
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

static int run(const struct command *c, int argc, char **argv)
{
	struct options o;
	bool help = false;
	int r = options_parse(c, argc, argv, &o, &help);

	if (r != EXIT_DONE)
		return r;
	if (help) {
		fputs(c->help, stdout);
		return EXIT_DONE;
	}
	report_begin(&o);
	return c->run(&o);
}

static int no_command(const char *name)
{
	static const char *const later[] = { "audit", "status", "test" };

	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (!strcmp(name, later[i])) {
			fprintf(stderr,
				"ctpolicy: '%s' is not in this version\n",
				name);
			return EXIT_USAGE;
		}
	fprintf(stderr, "ctpolicy: no command '%s'; see 'ctpolicy --help'\n",
		name);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (reserve_standard_fds())
		return EXIT_IO;
	setlocale(LC_ALL, "C");
	if (!name) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_help(stdout);
		return report_conclude(EXIT_DONE);
	}
	if (!strcmp(name, "--version")) {
		puts(PACKAGE_STRING);
		return report_conclude(EXIT_DONE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i]->name))
			return report_conclude(run(commands[i], argc - 1,
						argv + 1));
	return no_command(name);
}
