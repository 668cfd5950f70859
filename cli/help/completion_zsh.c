/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/help/completion_zsh.c: completions for zsh. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/help/completion.h"
#include "core/mem.h"

static const char *const head =
"#compdef ctpolicy\n"
"# SPDX-License-Identifier: GPL-2.0-or-later\n"
"# zsh completion for ctpolicy(8), as 'ctpolicy completion zsh' prints it\n"
"\n"
"_ctpolicy() {\n"
"	local -a commands common own\n";

static const char *const middle =
"	if (( CURRENT == 2 )); then\n"
"		_describe -t commands command commands\n"
"		return\n"
"	fi\n"
"	case $words[2] in\n"
"	help)\n"
"		_describe -t commands command commands\n"
"		return\n"
"		;;\n";

static const char *const tail =
"	*)\n"
"		return 1\n"
"		;;\n"
"	esac\n"
"	shift words\n"
"	(( CURRENT-- ))\n"
"	_arguments \"$common[@]\" \"$own[@]\"\n"
"}\n"
"\n"
"if [ \"$funcstack[1]\" = _ctpolicy ]; then\n"
"	_ctpolicy \"$@\"\n"
"else\n"
"	compdef _ctpolicy ctpolicy\n"
"fi\n";

/* An apostrophe within quotes of the shell; brackets end a description. */
static void print_described(const char *text, FILE *out)
{
	for (; *text && *text != ';'; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (*text == '[' || *text == ']')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text == '\n' ? ' ' : *text, out);
	}
}

static void print_row(const struct option_row *row, FILE *out)
{
	static const struct {
		const char *kind, *action;
	} actions[] = {
		{ VALUE_FILE, "_files" },
		{ VALUE_FOLDER, "_files -/" },
		{ VALUE_POLICY, "_files -g \"*.(yaml|yml)\"" },
		{ VALUE_INTERFACE, "{compadd /sys/class/net/*(N\\:t)}" },
	};

	if (option_has_letter(row))
		fprintf(out, "		'(-%c --%s)'{-%c%s,--%s%s}'[", row->key,
			row->name, row->key, row->arg ? "+" : "", row->name,
			row->arg ? "=" : "");
	else
		fprintf(out, "		'--%s%s[", row->name,
			!row->arg ? "" : *row->arg == '[' ? "=-" : "=");
	print_described(row->help, out);
	fputc(']', out);
	if (row->arg)
		fprintf(out, "%s:%s:", *row->arg == '[' ? ":" : "", row->name);
	if (completion_has_words(row))
		fprintf(out, "(%s)", row->values);
	for (size_t i = 0; row->values && i < ARRAY_SIZE(actions); i++)
		if (!strcmp(row->values, actions[i].kind))
			fputs(actions[i].action, out);
	fputs("'\n", out);
}

static void print_names(FILE *out)
{
	fputs("	commands=(\n", out);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(out, "		'%s:", commands[i]->name);
		completion_print_text(commands[i]->summary, '\'', "'\\''", out);
		fputs("'\n", out);
	}
	for (size_t i = 0; completion_extra[i][0]; i++)
		fprintf(out, "		'%s:%s'\n", completion_extra[i][0],
			completion_extra[i][1]);
	fputs("	)\n", out);
}

static void print_command(const struct command *c, FILE *out)
{
	static const char *const arguments[] = {
		[ARGS_POLICY] = "'*:policy:_files -g \"*.(yaml|yml)\"'",
		[ARGS_RULESET] = "'1:ruleset:_files'",
		[ARGS_PACKET] = "'1:packet:'",
		[ARGS_SHELL] = "'1:shell:(bash zsh fish)'",
	};

	fprintf(out, "	%s)\n		own=(\n", c->name);
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (option_table[i].bit && option_is_taken(c, &option_table[i]))
			print_row(&option_table[i], out);
	if (arguments[c->args])
		fprintf(out, "		%s\n", arguments[c->args]);
	fputs("		)\n		;;\n", out);
}

void completion_zsh(FILE *out)
{
	fputs(head, out);
	print_names(out);
	fputs("	common=(\n", out);
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (!option_table[i].bit)
			print_row(&option_table[i], out);
	fputs("	)\n", out);
	fputs(middle, out);
	for (size_t i = 0; commands[i]; i++)
		print_command(commands[i], out);
	fputs(tail, out);
}
