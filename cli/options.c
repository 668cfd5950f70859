/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/options.c: one table of options for all commands. */
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/cli.h"
#include "core/diag.h"
#include "core/mem.h"
#include "core/suggest.h"
#include "rules/packet_spec.h"
#include "state/state.h"

#define CONFIRM_MAX 86400	/* seconds that a change may wait */

/* What a long option without a letter is called inside. */
enum { KEY_FLAG = 256, KEY_BACKEND, KEY_FAMILY, KEY_STATE_DIR, KEY_CONFIRM,
       KEY_AGAINST, KEY_COLOR, KEY_TEXT, KEY_STATE, KEY_WATCH };

#define FLAG(name) offsetof(struct options, name)

static const struct {
	const char *name;
	int has_arg;
	unsigned int bit;		/* 0: every command takes it */
	int key;
	size_t flag;			/* of those that are kept as they are */
} table[] = {
	{ "backend", required_argument, 0, KEY_BACKEND, 0 },
	{ "state-dir", required_argument, 0, KEY_STATE_DIR, 0 },
	{ "json", no_argument, 0, KEY_FLAG, FLAG(json) },
	{ "trace", no_argument, 0, KEY_FLAG, FLAG(trace) },
	{ "color", required_argument, 0, KEY_COLOR, 0 },
	{ "quiet", no_argument, 0, 'q', FLAG(quiet) },
	{ "verbose", no_argument, 0, 'v', FLAG(verbose) },
	{ "help", no_argument, 0, 'h', FLAG(help) },
	{ "family", required_argument, OPT_FAMILY, KEY_FAMILY, 0 },
	{ "confirm", required_argument, OPT_CONFIRM, KEY_CONFIRM, 0 },
	{ "rewrite", no_argument, OPT_REWRITE, KEY_FLAG, FLAG(rewrite) },
	{ "check", no_argument, OPT_STATUS, KEY_FLAG, FLAG(check) },
	{ "top", required_argument, OPT_STATUS, KEY_TEXT, FLAG(top) },
	{ "by", required_argument, OPT_STATUS, KEY_TEXT, FLAG(by) },
	{ "watch", optional_argument, OPT_STATUS, KEY_WATCH, 0 },
	{ "prometheus", required_argument, OPT_METRICS, KEY_TEXT,
	  FLAG(prometheus) },
	{ "yaml", no_argument, OPT_YAML, KEY_FLAG, FLAG(yaml) },
	{ "memory", required_argument, OPT_MEMORY, KEY_TEXT, FLAG(memory) },
	{ "fallback", no_argument, OPT_FALLBACK, KEY_FLAG,
	  FLAG(request.falls_back) },
	{ "once", no_argument, OPT_ONCE, KEY_FLAG, FLAG(once) },
	{ "force", no_argument, OPT_FORCE, KEY_FLAG, FLAG(request.force) },
	{ "wait", no_argument, OPT_WAIT, KEY_FLAG, FLAG(wait) },
	{ "redo", no_argument, OPT_REDO, KEY_FLAG, FLAG(redo) },
	{ "against", required_argument, OPT_AGAINST, KEY_AGAINST, 0 },
	{ "dry-run", no_argument, OPT_DRY_RUN, KEY_FLAG, FLAG(dry_run) },
	{ "detailed-exitcode", no_argument, OPT_DETAILED, KEY_FLAG,
	  FLAG(detailed) },
	{ "kernel", no_argument, OPT_KERNEL, KEY_FLAG,
	  FLAG(request.private_kernel) },
	{ "file", required_argument, OPT_PACKET, KEY_TEXT, FLAG(file) },
	{ "in", required_argument, OPT_PACKET, KEY_TEXT, FLAG(in) },
	{ "out", required_argument, OPT_PACKET, KEY_TEXT, FLAG(out) },
	{ "local", required_argument, OPT_PACKET, KEY_TEXT, FLAG(local) },
	{ "policy", required_argument, OPT_PACKET, KEY_TEXT, FLAG(policy) },
	{ "state", required_argument, OPT_PACKET, KEY_STATE, 0 },
	{ "minimal", no_argument, OPT_PACKET, KEY_FLAG, FLAG(minimal) },
};

const char options_help[] =
"  --backend NAME       nftables, iptables or auto\n"
"  --state-dir DIR      where undo data is kept (/var/lib/ctpolicy)\n"
"  --json               one JSON object on standard output\n"
"  --trace              every kernel call on standard error\n"
"  --color=WHEN         auto, always or never\n"
"  -q, -v, --help       errors only; show each change; this text\n";

static int usage_error(const struct command *c, const char *what,
		       const char *value)
{
	fprintf(stderr, "ctpolicy %s: %s%s", c->name, what, value ? ": " : "");
	if (value)
		diag_puts(value, stderr);
	fprintf(stderr, "; see 'ctpolicy %s --help'\n", c->name);
	return EXIT_USAGE;
}

static bool takes(const struct command *c, size_t i)
{
	return !table[i].bit || (c->takes & table[i].bit);
}

/* An option that is another command's, a misspelt one, or none at all. */
static int unknown_option(const struct command *c, const char *word)
{
	const char *names[ARRAY_SIZE(table)], *bare = word, *near;
	size_t n = 0, len;

	while (*bare == '-')
		bare++;
	len = strcspn(bare, "=");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (takes(c, i))
			names[n++] = table[i].name;
		else if (strlen(table[i].name) == len &&
			 !strncmp(table[i].name, bare, len))
			return usage_error(c, "this command has no such option",
					   word);
	}
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

static int set_option(const struct command *c, size_t i, struct options *o)
{
	switch (table[i].key) {
	case KEY_BACKEND:
		o->request.backend = optarg;
		return EXIT_DONE;
	case KEY_FAMILY:
		return set_family(c, optarg, o);
	case KEY_AGAINST:
		o->against = optarg;
		return EXIT_DONE;
	case KEY_CONFIRM:
		return set_confirm(c, optarg, o);
	case KEY_STATE_DIR:
		o->request.state_dir = optarg;
		return EXIT_DONE;
	case KEY_COLOR:
		return set_color(c, optarg, o);
	case KEY_STATE:
		return set_state(c, optarg, o);
	case KEY_WATCH:
		/* "--watch=" says a time, and none that there is. */
		o->watch = !optarg ? "" : *optarg ? optarg : "none";
		return EXIT_DONE;
	case KEY_TEXT:
		*(const char **)((char *)o + table[i].flag) = optarg;
		return EXIT_DONE;
	default:
		*(bool *)((char *)o + table[i].flag) = true;
		return EXIT_DONE;
	}
}

/* The row of what getopt_long() found: a letter has no index. */
static size_t row_of(int key, int index, const size_t *rows)
{
	size_t i = 0;

	if (index >= 0)
		return rows[index];
	while (table[i].key != key)
		i++;
	return i;
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
	struct option longs[ARRAY_SIZE(table) + 1] = { { 0 } };
	size_t rows[ARRAY_SIZE(table)], n = 0;
	int key, index = -1, err = EXIT_DONE;
	char letter[3];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (!takes(c, i))
			continue;
		rows[n] = i;
		longs[n++] = (struct option){ table[i].name, table[i].has_arg,
					      NULL, table[i].key };
	}
	optind = 0;	/* from the start, whatever was read before */
	opterr = 0;
	while (err == EXIT_DONE &&
	       (key = getopt_long(argc, argv, ":qvh", longs, &index)) != -1) {
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
	o.request.keeps_steps = o.json || o.verbose;
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
