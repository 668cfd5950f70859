/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/help/completion_bash.c: completions for bash, without bash-completion. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/help/completion.h"
#include "core/mem.h"

static const char *const head =
"# SPDX-License-Identifier: GPL-2.0-or-later\n"
"# bash completion for ctpolicy(8), as 'ctpolicy completion bash' prints it\n"
"\n"
"_ctpolicy_words()\n"
"{\n"
"	mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
"}\n"
"\n"
"# _ctpolicy_files SUFFIX...: files whose names end so, and folders\n"
"_ctpolicy_files()\n"
"{\n"
"	local suffix\n"
"	compopt -o filenames 2>/dev/null\n"
"	mapfile -t COMPREPLY < <(for suffix; do\n"
"		compgen -f -X \"!*$suffix\" -- \"$cur\"\n"
"	done; compgen -d -- \"$cur\")\n"
"}\n"
"\n"
"_ctpolicy()\n"
"{\n"
"	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
"	local command='' options='' common=''\n"
"	COMPREPLY=()\n"
"	# bash parts --color=never at the sign\n"
"	[ \"$cur\" != = ] || cur=''\n"
"	[ \"$prev\" != = ] || prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
"	[ \"$COMP_CWORD\" -lt 2 ] || command=${COMP_WORDS[1]}\n"
"\n";

static const char *const tail =
"	esac\n"
"	case $cur in\n"
"	-*) _ctpolicy_words \"$options $common\" ;;\n"
"	esac\n"
"}\n"
"complete -F _ctpolicy ctpolicy\n";

static void print_values(FILE *out)
{
	static const struct {
		const char *kind, *call;
	} calls[] = {
		{ VALUE_FILE, "_ctpolicy_files ''" },
		{ VALUE_FOLDER, "_ctpolicy_files /" },
		{ VALUE_POLICY, "_ctpolicy_files .yaml .yml" },
		{ VALUE_INTERFACE,
		  "_ctpolicy_words \"$(ls /sys/class/net 2>/dev/null)\"" },
	};

	fputs("	[ -z \"$command\" ] || case $prev in\n", out);
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_table[i];

		if (!row->arg || *row->arg == '[' || !completion_is_first(row))
			continue;
		fputc('\t', out);
		if (option_has_letter(row))
			fprintf(out, "-%c|", row->key);
		fprintf(out, "--%s)\n", row->name);
		if (completion_has_words(row))
			fprintf(out, "		_ctpolicy_words '%s'\n",
				row->values);
		for (size_t j = 0; row->values && j < ARRAY_SIZE(calls); j++)
			if (!strcmp(row->values, calls[j].kind))
				fprintf(out, "		%s\n", calls[j].call);
		fputs("		return\n		;;\n", out);
	}
	fputs("	esac\n", out);
}

/* All names of one kind, of a command or, without one, of all. */
static void print_options(const struct command *c, FILE *out)
{
	const char *between = "";

	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_table[i];

		if (c ? !row->bit || !option_is_taken(c, row) : row->bit != 0)
			continue;
		fprintf(out, "%s--%s", between, row->name);
		between = " ";
	}
}

static void print_commands(FILE *out)
{
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "%s ", commands[i]->name);
	for (size_t i = 0; completion_extra[i][0]; i++)
		fprintf(out, "%s ", completion_extra[i][0]);
}

static void print_command(const struct command *c, FILE *out)
{
	static const char *const arguments[] = {
		[ARGS_POLICY] = "_ctpolicy_files .yaml .yml",
		[ARGS_RULESET] = "_ctpolicy_files ''",
		[ARGS_SHELL] = "_ctpolicy_words 'bash zsh fish'",
		[ARGS_PACKET] = NULL,
	};

	fprintf(out, "	%s)\n		options='", c->name);
	print_options(c, out);
	fputs("'\n", out);
	if (arguments[c->args])
		fprintf(out, "		%s\n", arguments[c->args]);
	fputs("		;;\n", out);
}

void completion_bash(FILE *out)
{
	fputs(head, out);
	print_values(out);
	fputs("	common='", out);
	print_options(NULL, out);
	fputs("'\n	case $command in\n	'')\n		common='--help --version'\n"
	      "		_ctpolicy_words '", out);
	print_commands(out);
	fputs("'\n		;;\n	help)\n		common=''\n"
	      "		_ctpolicy_words '", out);
	print_commands(out);
	fputs("'\n		;;\n", out);
	for (size_t i = 0; commands[i]; i++)
		print_command(commands[i], out);
	fputs("	*)\n		common=''\n		;;\n", out);
	fputs(tail, out);
}
