/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/help/completion_fish.c: completions for fish. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/help/completion.h"
#include "core/mem.h"

static const char *const head =
"# SPDX-License-Identifier: GPL-2.0-or-later\n"
"# fish completion for ctpolicy(8), as 'ctpolicy completion fish' prints it\n"
"\n"
"function __ctpolicy_command -d 'the command is one of these, or none yet'\n"
"	set -l words (commandline -opc)\n"
"	if test (count $argv) -eq 0\n"
"		test (count $words) -eq 1\n"
"	else\n"
"		contains -- \"$words[2]\" $argv\n"
"	end\n"
"end\n"
"\n"
"complete -c ctpolicy -f\n"
"complete -c ctpolicy -n __ctpolicy_command -l version -d 'print the version'\n";

static const char *const files = "(__fish_complete_path)";
static const char *const policies = "(__fish_complete_suffix .yaml)";

/* `condition` as the shell writes it; what follows is an option or a word. */
static void begin(const char *condition, FILE *out)
{
	fprintf(out, "complete -c ctpolicy -n %s", condition);
}

static void end(const char *text, FILE *out)
{
	fputs(" -d '", out);
	completion_print_text(text, '\'', "\\'", out);
	fputs("'\n", out);
}

static void print_row(const char *condition, const struct option_row *row,
		      FILE *out)
{
	const struct {
		const char *kind, *words;
	} kinds[] = {
		{ VALUE_FILE, files },
		{ VALUE_FOLDER, "(__fish_complete_directories)" },
		{ VALUE_POLICY, policies },
		{ VALUE_INTERFACE, "(command ls /sys/class/net)" },
	};

	begin(condition, out);
	if (option_has_letter(row))
		fprintf(out, " -s %c", row->key);
	fprintf(out, " -l %s", row->name);
	if (row->arg && *row->arg != '[')
		fputs(" -x", out);
	if (completion_has_words(row))
		fprintf(out, " -a '%s'", row->values);
	for (size_t i = 0; row->values && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(row->values, kinds[i].kind))
			fprintf(out, " -a '%s'", kinds[i].words);
	end(row->help, out);
}

static void print_name(const char *name, const char *text, FILE *out)
{
	begin("'__ctpolicy_command", out);
	fprintf(out, "; or __ctpolicy_command help' -a %s", name);
	end(text, out);
}

static void print_command(const struct command *c, FILE *out)
{
	const char *const arguments[] = {
		[ARGS_POLICY] = policies,
		[ARGS_RULESET] = files,
		[ARGS_SHELL] = "bash zsh fish",
		[ARGS_PACKET] = NULL,
	};
	char condition[64];

	snprintf(condition, sizeof(condition), "'__ctpolicy_command %s'",
		 c->name);
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (option_table[i].bit && option_is_taken(c, &option_table[i]))
			print_row(condition, &option_table[i], out);
	if (arguments[c->args])
		fprintf(out, "complete -c ctpolicy -n %s -a '%s'\n", condition,
			arguments[c->args]);
}

void completion_fish(FILE *out)
{
	fputs(head, out);
	for (size_t i = 0; commands[i]; i++)
		print_name(commands[i]->name, commands[i]->summary, out);
	for (size_t i = 0; completion_extra[i][0]; i++)
		print_name(completion_extra[i][0], completion_extra[i][1], out);
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (!option_table[i].bit)
			print_row("'not __ctpolicy_command'", &option_table[i],
				  out);
	for (size_t i = 0; commands[i]; i++)
		print_command(commands[i], out);
}
