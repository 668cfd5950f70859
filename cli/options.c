/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/options.c: a command line, parsed by the table of options. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/cli.h"
#include "cli/option_table.h"
#include "core/diag.h"
#include "core/mem.h"
#include "core/suggest.h"
#include "rules/packet_spec.h"
#include "state/state.h"

#define CONFIRM_MAX 86400	/* seconds that a change may wait */

static int usage_error(const struct command *c, const char *what,
		       const char *value)
{
	fprintf(stderr, "ctpolicy %s: %s%s", c->name, what, value ? ": " : "");
	if (value)
		diag_puts(value, stderr);
	fprintf(stderr, "; see 'ctpolicy %s --help'\n", c->name);
	return EXIT_USAGE;
}

static bool is_named(const struct option_row *row, const char *word, size_t len)
{
	return strlen(row->name) == len && !strncmp(row->name, word, len);
}

/* An option that is another command's, a misspelt one, or none at all. */
static int unknown_option(const struct command *c, const char *word)
{
	const char *names[OPTION_ROWS], *bare = word, *near;
	bool is_ours = false, is_known = false;
	size_t n = 0, len;

	while (*bare == '-')
		bare++;
	len = strcspn(bare, "=");
	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_table[i];

		is_known |= is_named(row, bare, len);
		if (!option_is_taken(c, row))
			continue;
		is_ours |= is_named(row, bare, len);
		names[n++] = row->name;
	}
	if (is_ours)
		return usage_error(c, "this option takes no value", word);
	if (is_known)
		return usage_error(c, "this command has no such option", word);
	near = suggest(bare, names, n);
	fprintf(stderr, "ctpolicy %s: unknown option '", c->name);
	diag_puts(word, stderr);
	if (near)
		fprintf(stderr, "'; did you mean '--%s'?\n", near);
	else
		fprintf(stderr, "'; see 'ctpolicy %s --help'\n", c->name);
	return EXIT_USAGE;
}

static int set_color(const struct command *c, const char *value,
		     struct options *o)
{
	static const char *const modes[] = { [COLOR_AUTO] = "auto",
					     [COLOR_ALWAYS] = "always",
					     [COLOR_NEVER] = "never" };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(value, modes[i])) {
			o->color = (enum color_mode)i;
			return EXIT_DONE;
		}
	return usage_error(c, "--color is auto, always or never", value);
}

static int set_family(const struct command *c, const char *value,
		      struct options *o)
{
	if (strcmp(value, "ipv4") && strcmp(value, "ipv6"))
		return usage_error(c, "--family is ipv4 or ipv6", value);
	o->request.family = strcmp(value, "ipv4") ? AF_INET6 : AF_INET;
	return EXIT_DONE;
}

/* "60s", "5m", "1h": a second to a day. */
static int set_confirm(const struct command *c, const char *value,
		       struct options *o)
{
	static const struct {
		char unit;
		unsigned long seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 } };
	char *end = NULL;
	unsigned long n;

	/* strtoul() would take signs and spaces. */
	n = *value >= '0' && *value <= '9' && strlen(value) < 7 ?
		    strtoul(value, &end, 10) : 0;
	for (size_t i = 0; n && i < ARRAY_SIZE(units); i++)
		if (*end == units[i].unit && !end[1] &&
		    n * units[i].seconds <= CONFIRM_MAX) {
			o->request.confirm = (uint32_t)(n * units[i].seconds);
			return EXIT_DONE;
		}
	return usage_error(c, end && !*end ?
			   "--confirm takes a time from 1s to 24h with its unit, s, m or h, not" :
			   "--confirm takes a time from 1s to 24h, such as 60s, 5m or 1h, not",
			   value);
}

static int set_state(const struct command *c, const char *value,
		     struct options *o)
{
	o->ct_state = packet_state_of(value, strlen(value));
	return o->ct_state ? EXIT_DONE :
			     usage_error(c, "--state is new, established, related or invalid",
					 value);
}

static bool is_listed(const char *words, const char *value)
{
	size_t len = strlen(value), n;

	for (; *words; words += n + strspn(words + n, " ")) {
		n = strcspn(words, " ");
		if (n == len && !strncmp(words, value, n))
			return true;
	}
	return false;
}

/* Of --json and --format, the last one counts. */
static int set_format(const struct command *c, const struct option_row *row,
		      const char *value, struct options *o)
{
	if (row && !is_listed(row->values, value))
		return usage_error(c, "--format is text, json, sarif, github, junit, codeclimate or markdown",
				   value);
	o->json = !strcmp(value, "json");
	o->format = o->json || !strcmp(value, "text") ? NULL : value;
	return EXIT_DONE;
}

static int set_option(const struct command *c, const struct option_row *row,
		      struct options *o)
{
	switch (row->key) {
	case KEY_FAMILY:
		return set_family(c, optarg, o);
	case KEY_CONFIRM:
		return set_confirm(c, optarg, o);
	case KEY_COLOR:
		return set_color(c, optarg, o);
	case KEY_STATE:
		return set_state(c, optarg, o);
	case KEY_JSON:
		return set_format(c, NULL, "json", o);
	case KEY_FORMAT:
		return set_format(c, row, optarg, o);
	case KEY_WATCH:
		/* "--watch=" says a time, and none that there is. */
		o->watch = !optarg ? "" : *optarg ? optarg : "none";
		return EXIT_DONE;
	case KEY_TEXT:
		*(const char **)((char *)o + row->flag) = optarg;
		return EXIT_DONE;
	default:
		if (row->arg)
			*(const char **)((char *)o + row->flag) = optarg;
		else
			*(bool *)((char *)o + row->flag) = true;
		return EXIT_DONE;
	}
}

/* The row of what getopt_long() found: a letter has no index. */
static const struct option_row *row_of(int key, int index,
				       const struct option_row *const *rows)
{
	const struct option_row *row = option_table;

	if (index >= 0)
		return rows[index];
	while (row->key != key)
		row++;
	return row;
}

static int has_arg(const struct option_row *row)
{
	if (!row->arg)
		return no_argument;
	return *row->arg == '[' ? optional_argument : required_argument;
}

/* What getopt_long() stumbled over; a letter may stand among others. */
static const char *unknown_word(char **argv, char letter[3])
{
	if (optopt <= 0 || optopt >= KEY_FLAG || strchr("qvh", optopt))
		return argv[optind - 1];
	letter[0] = '-';
	letter[1] = (char)optopt;
	letter[2] = '\0';
	return letter;
}

static int take_options(const struct command *c, int argc, char **argv,
			struct options *o)
{
	struct option longs[OPTION_ROWS + 1] = { { 0 } };
	const struct option_row *rows[OPTION_ROWS];
	size_t n = 0;
	int key, index = -1, err = EXIT_DONE;
	char letter[3], letters[OPTION_LETTERS];

	for (size_t i = 0; i < OPTION_ROWS; i++) {
		const struct option_row *row = &option_table[i];

		if (!option_is_taken(c, row))
			continue;
		rows[n] = row;
		longs[n++] = (struct option){ row->name, has_arg(row), NULL,
					      row->key };
	}
	option_letters(c, letters);
	optind = 0;	/* from the start, whatever was read before */
	opterr = 0;
	while (err == EXIT_DONE &&
	       (key = getopt_long(argc, argv, letters, longs, &index)) != -1) {
		if (key == '?')
			return unknown_option(c, unknown_word(argv, letter));
		if (key == ':')
			return usage_error(c, "an argument is missing after",
					   argv[optind - 1]);
		err = set_option(c, row_of(key, index, rows), o);
		index = -1;
	}
	return err;
}

int options_parse(const struct command *c, int argc, char **argv,
		  struct options *ret)
{
	struct options o = {
		.request = { .command = c->name, .state_dir = STATE_DIR },
	};
	int err = take_options(c, argc, argv, &o);

	if (err != EXIT_DONE)
		return err;
	o.request.keeps_steps = o.json || !o.quiet;
	o.args = argv + optind;
	o.n_args = (size_t)(argc - optind);
	if (!o.help && o.n_args < c->min_args)
		return usage_error(c, "a policy file is missing", NULL);
	if (!o.help && o.n_args > c->max_args)
		return usage_error(c, "too many arguments",
				   o.args[c->max_args]);
	*ret = o;
	return EXIT_DONE;
}
