/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/help/cmd_completion.c: which shell, and what the three have in common. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/help/completion.h"
#include "core/diag.h"
#include "core/mem.h"

const char *const completion_extra[][2] = {
	{ "help", "print the help of a command" },
	{ "version", "print the version" },
	{ NULL, NULL },
};

void completion_print_text(const char *text, char quote, const char *as,
			   FILE *out)
{
	for (; *text && *text != ';'; text++) {
		if (*text == quote)
			fputs(as, out);
		else
			fputc(*text == '\n' ? ' ' : *text, out);
	}
}

bool completion_is_first(const struct option_row *row)
{
	for (const struct option_row *r = option_table; r < row; r++)
		if (!strcmp(r->name, row->name))
			return false;
	return true;
}

bool completion_has_words(const struct option_row *row)
{
	return row->values && *row->values != '<';
}

static int run(const struct options *o)
{
	static const struct {
		const char *shell;
		void (*print)(FILE *out);
	} shells[] = {
		{ "bash", completion_bash },
		{ "zsh", completion_zsh },
		{ "fish", completion_fish },
	};

	for (size_t i = 0; o->n_args && i < ARRAY_SIZE(shells); i++)
		if (!strcmp(o->args[0], shells[i].shell)) {
			shells[i].print(stdout);
			return EXIT_DONE;
		}
	fputs("ctpolicy completion: name a shell: bash, zsh or fish", stderr);
	if (o->n_args) {
		fputs(", not ", stderr);
		diag_puts(o->args[0], stderr);
	}
	fputc('\n', stderr);
	return EXIT_USAGE;
}

const struct command cmd_completion = {
	.name = "completion",
	.summary = "print completions for a shell: bash, zsh or fish",
	.max_args = 1,
	.args = ARGS_SHELL,
	.run = run,
	.help =
"Example:  ctpolicy completion bash >ctpolicy.bash\n"
"\n"
"Usage: ctpolicy completion [OPTION...] SHELL\n"
"\n"
"Prints what completes this program's command line in SHELL, which is bash, zsh\n"
"or fish, for the shell to source. 'make install' and packages put it where the\n"
"shells look for it.\n",
	.exits =
"Exit code: 0 done, 64 no such shell or bad command line.\n",
};
