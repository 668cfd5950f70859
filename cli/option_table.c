/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/option_table.h"

#include <string.h>

#include "cli/cli.h"
#include "core/mem.h"

#define FLAG(name) offsetof(struct options, name)
#define FAMILIES "ipv4 ipv6"
#define TEXT_COLUMN 23	/* where the help of an option begins */

const struct option_row option_table[] = {
	{ "kernel", NULL, NULL, OPT_KERNEL, KEY_FLAG,
	  FLAG(request.private_kernel),
	  "also load the rules with each backend into a private\n"
	  "network namespace, read them back and compare" },
	{ "fix", NULL, NULL, OPT_FIX, KEY_FLAG, FLAG(fix),
	  "fix in the file what can be fixed safely, and list it" },
	{ "against", "FILE", VALUE_FILE, OPT_AGAINST, KEY_TEXT, FLAG(against),
	  "compare with this text instead of the kernel: what\n"
	  "render printed, or a dump of nft or iptables-save" },
	{ "confirm", "TIME", "30s 60s 5m", OPT_CONFIRM, KEY_CONFIRM, 0,
	  "undo after TIME (60s) unless 'ctpolicy confirm' is run" },
	{ "fallback", NULL, NULL, OPT_FALLBACK, KEY_FLAG,
	  FLAG(request.falls_back),
	  "apply what was applied last if POLICY is broken (at boot)" },
	{ "rewrite", NULL, NULL, OPT_REWRITE, KEY_FLAG, FLAG(rewrite),
	  "print FILE with its state rules replaced by stateless\n"
	  "ones; says on standard error what that lets in or loses,\n"
	  "and which rules stay" },
	{ "force", NULL, NULL, OPT_FORCE_APPLY, KEY_FLAG, FLAG(request.force),
	  "apply even if it may lock you out" },
	{ "force", NULL, NULL, OPT_FORCE_DIFF, KEY_FLAG, FLAG(request.force),
	  "show what 'apply --force' would change" },
	{ "force", NULL, NULL, OPT_FORCE_CONFIRM, KEY_FLAG, FLAG(request.force),
	  "even over the same connection, or if rules were changed" },
	{ "force", NULL, NULL, OPT_REWRITE, KEY_FLAG, FLAG(request.force),
	  "replace rules even where others keep tracking on" },
	{ "wait", NULL, NULL, OPT_WAIT, KEY_FLAG, FLAG(wait),
	  "wait until the change on trial is confirmed, or undo\n"
	  "it when its time is over (for a service manager)" },
	{ "redo", NULL, NULL, OPT_REDO, KEY_FLAG, FLAG(redo),
	  "undo the newest rollback instead" },
	{ "dry-run", NULL, NULL, OPT_DRY_RUN, KEY_FLAG, FLAG(dry_run),
	  "show what would change and change nothing" },
	{ "rules", NULL, NULL, OPT_RULES, KEY_FLAG, FLAG(rules),
	  "show each rule and set, not only the services" },
	{ "detailed-exitcode", NULL, NULL, OPT_DETAILED, KEY_FLAG,
	  FLAG(detailed),
	  "exit 2 when there was something to change" },
	{ "family", "FAMILY", FAMILIES, OPT_FAMILY, KEY_FAMILY, 0,
	  "as if the policy said families: [FAMILY]" },
	{ "family", "FAMILY", FAMILIES, OPT_FAMILY_FOUND, KEY_FAMILY, 0,
	  "the rules of ipv4 or ipv6 only" },
	{ "family", "FAMILY", FAMILIES, OPT_REWRITE, KEY_FAMILY, 0,
	  "ipv4 or ipv6: what iptables rules are for where neither\n"
	  "a heading of iptables-save nor their words say so" },
	{ "output", "FILE", VALUE_FILE, OPT_REPORT, 'o', FLAG(output),
	  "write to FILE, whole or not at all; '-': standard output" },
	{ "svg", NULL, NULL, OPT_REPORT, KEY_FLAG, FLAG(svg),
	  "write only the picture of where packets go, as SVG" },
	{ "file", "FILE", VALUE_FILE, OPT_PACKET | OPT_FILE, KEY_TEXT, FLAG(file),
	  "use the rules of a saved ruleset, not the kernel's" },
	{ "policy", "POLICY", VALUE_POLICY, OPT_PACKET, KEY_TEXT, FLAG(policy),
	  "use the rules that an apply of this policy would leave" },
	{ "in", "IF", VALUE_INTERFACE, OPT_PACKET, KEY_TEXT, FLAG(in),
	  "the interface that it arrives on" },
	{ "out", "IF", VALUE_INTERFACE, OPT_PACKET, KEY_TEXT, FLAG(out),
	  "the interface that it leaves by" },
	{ "state", "STATE", "new established related invalid", OPT_PACKET,
	  KEY_STATE, 0,
	  "new, established, related or invalid, as conntrack says" },
	{ "local", "ADDRESS,...", NULL, OPT_PACKET, KEY_TEXT, FLAG(local),
	  "with --file: the addresses of the host" },
	{ "prove", NULL, NULL, OPT_PACKET, KEY_FLAG, FLAG(prove),
	  "also try it with real packets, in a private copy" },
	{ "minimal", NULL, NULL, OPT_PACKET, KEY_FLAG, FLAG(minimal),
	  "print the result only" },
	{ "top", "N", NULL, OPT_STATUS, KEY_TEXT, FLAG(top),
	  "list all entries, and print the N keys that have most" },
	{ "by", "KEY", "src dst dport proto state service", OPT_STATUS,
	  KEY_TEXT, FLAG(by),
	  "src (the default), dst, dport, proto, state or service" },
	{ "watch", "[SECONDS]", NULL, OPT_STATUS, KEY_WATCH, 0,
	  "repeat, every two seconds unless SECONDS are given;\n"
	  "with --json, print one document a line" },
	{ "prometheus", "FILE", VALUE_FILE, OPT_STATUS, KEY_TEXT,
	  FLAG(prometheus),
	  "write metrics for node_exporter's textfile collector, and\n"
	  "print nothing; FILE is replaced once whole (-: print\n"
	  "them alone)" },
	{ "prometheus", "FILE", VALUE_FILE, OPT_ONCE, KEY_TEXT,
	  FLAG(prometheus),
	  "write metrics whenever there is something to tell" },
	{ "check", NULL, NULL, OPT_STATUS, KEY_FLAG, FLAG(check),
	  "for monitoring: watch the counters for a second, and exit\n"
	  "with 1 if something needs attention" },
	{ "yaml", NULL, NULL, OPT_YAML, KEY_FLAG, FLAG(yaml),
	  "print only a policy with all that may be taken out" },
	{ "once", NULL, NULL, OPT_ONCE, KEY_FLAG, FLAG(once),
	  "look once, put back what differs, and end" },
	{ "format", "FORMAT",
	  "text json sarif github junit codeclimate markdown", OPT_FORMAT,
	  KEY_FORMAT, 0,
	  "text, json, sarif, github, junit, codeclimate (GitLab) or\n"
	  "markdown: the result for a tool of CI" },
	{ "memory", "SIZE", NULL, OPT_MEMORY, KEY_TEXT, FLAG(memory),
	  "for a host with this much memory, such as 48GiB" },
	{ "backend", "NAME", "auto nftables iptables", 0, KEY_TEXT,
	  FLAG(request.backend),
	  "nftables, iptables or auto" },
	{ "state-dir", "DIR", VALUE_FOLDER, 0, KEY_TEXT,
	  FLAG(request.state_dir),
	  "where undo data is kept (/var/lib/ctpolicy)" },
	{ "json", NULL, NULL, 0, KEY_JSON, 0,
	  "one JSON object on standard output" },
	{ "trace", NULL, NULL, 0, KEY_FLAG, FLAG(trace),
	  "every kernel call on standard error" },
	{ "color", "WHEN", "auto always never", 0, KEY_COLOR, 0,
	  "auto, always or never" },
	{ "quiet", NULL, NULL, 0, 'q', FLAG(quiet), "errors and warnings only" },
	{ "verbose", NULL, NULL, 0, 'v', FLAG(verbose), "--rules, in full" },
	{ "help", NULL, NULL, 0, 'h', FLAG(help), "this text" },
};

_Static_assert(ARRAY_SIZE(option_table) == OPTION_ROWS, "OPTION_ROWS");

bool option_is_taken(const struct command *c, const struct option_row *row)
{
	return !row->bit || (c->takes & row->bit);
}

bool option_has_letter(const struct option_row *row)
{
	return row->key < KEY_FLAG;
}

void option_letters(const struct command *c, char ret[OPTION_LETTERS])
{
	size_t n = 0;

	ret[n++] = ':';
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_table[i];

		if (!option_has_letter(row) || !option_is_taken(c, row) ||
		    n + sizeof("x:") > OPTION_LETTERS)
			continue;
		ret[n++] = (char)row->key;
		if (row->arg)
			ret[n++] = ':';
	}
	ret[n] = '\0';
}

/* The letter of an option with an argument stands beside its name. */
static void print_row(const struct option_row *row, FILE *out)
{
	const char *line = row->help, *end;
	int used = fprintf(out, "  ");

	if (option_has_letter(row))
		used += fprintf(out, "-%c, ", row->key);
	used += fprintf(out, "--%s%s%s", row->name, row->arg ? " " : "",
			row->arg ? row->arg : "");

	for (; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		fprintf(out, "%*s%.*s\n", TEXT_COLUMN - used, "",
			(int)strcspn(line, "\n"), line);
		used = 0;
	}
}

static bool is_letter(const struct option_row *row)
{
	return option_has_letter(row) && !row->arg;
}

/* One line for all that are but a letter: "  -q, -v  errors only; more". */
static void print_letters(FILE *out)
{
	const char *between = "  ";
	int used = 0;

	for (size_t i = 0; i < OPTION_ROWS; i++) {
		if (!is_letter(&option_table[i]))
			continue;
		used += fprintf(out, "%s-%c", between, option_table[i].key);
		between = ", ";
	}
	fprintf(out, "%*s", TEXT_COLUMN - used, "");
	between = "";
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		if (!is_letter(&option_table[i]))
			continue;
		fprintf(out, "%s%s", between, option_table[i].help);
		between = "; ";
	}
	fputc('\n', out);
}

void option_table_print(const struct command *c, FILE *out)
{
	for (size_t i = 0; i < OPTION_ROWS; i++)
		if (option_is_taken(c, &option_table[i]) &&
		    !is_letter(&option_table[i]))
			print_row(&option_table[i], out);
	print_letters(out);
}
