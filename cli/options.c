/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/options.c: one table of options for all commands. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cli/cli.h"
#include "core/mem.h"
#include "state/state.h"

enum { KEY_COLOR = 256 };

#define CONFIRM_MAX 86400	/* seconds that a change may wait */

static const struct {
	const char *name;
	int has_arg;
	unsigned int bit;		/* 0: every command takes it */
	int key;
} table[] = {
	{ "backend", required_argument, OPT_BACKEND, 'b' },
	{ "family", required_argument, OPT_FAMILY, 'f' },
	{ "json", no_argument, OPT_JSON, 'j' },
	{ "trace", no_argument, OPT_TRACE, 't' },
	{ "state-dir", required_argument, OPT_STATE_DIR, 's' },
	{ "confirm", required_argument, OPT_CONFIRM, 'c' },
	{ "force", no_argument, OPT_FORCE, 'F' },
	{ "wait", no_argument, OPT_WAIT, 'w' },
	{ "redo", no_argument, OPT_REDO, 'r' },
	{ "against", required_argument, OPT_AGAINST, 'a' },
	{ "dry-run", no_argument, OPT_DRY_RUN, 'n' },
	{ "detailed-exitcode", no_argument, OPT_DETAILED, 'd' },
	{ "kernel", no_argument, OPT_KERNEL, 'k' },
	{ "color", required_argument, 0, KEY_COLOR },
	{ "quiet", no_argument, 0, 'q' },
	{ "verbose", no_argument, 0, 'v' },
	{ "help", no_argument, 0, 'h' },
};

static int usage_error(const struct command *c, const char *what,
		       const char *value)
{
	fprintf(stderr, "ctpolicy %s: %s%s%s; see 'ctpolicy %s --help'\n",
		c->name, what, value ? ": " : "", value ? value : "", c->name);
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
	char *end;
	unsigned long n;

	if (*value < '0' || *value > '9' || strlen(value) > 6)
		return usage_error(c, "--confirm takes a time like 60s, 5m or 1h",
				   value);
	n = strtoul(value, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*end == units[i].unit && !end[1] && n &&
		    n * units[i].seconds <= CONFIRM_MAX) {
			o->request.confirm = (uint32_t)(n * units[i].seconds);
			return EXIT_DONE;
		}
	return usage_error(c, "--confirm takes a time from 1s to 24h", value);
}

static int set_flag(int key, struct options *o, bool *help)
{
	bool *const flag = key == 'j' ? &o->json :
			   key == 't' ? &o->trace :
			   key == 'n' ? &o->dry_run :
			   key == 'd' ? &o->detailed :
			   key == 'k' ? &o->request.private_kernel :
			   key == 'q' ? &o->quiet :
			   key == 'w' ? &o->wait :
			   key == 'r' ? &o->redo :
			   key == 'F' ? &o->request.force :
			   key == 'v' ? &o->verbose : help;

	*flag = true;
	return EXIT_DONE;
}

static int set_option(const struct command *c, int key, struct options *o,
		      bool *help)
{
	switch (key) {
	case 'b':
		o->request.backend = optarg;
		return EXIT_DONE;
	case 'f':
		return set_family(c, optarg, o);
	case 'a':
		o->against = optarg;
		return EXIT_DONE;
	case 'c':
		return set_confirm(c, optarg, o);
	case 's':
		o->request.state_dir = optarg;
		return EXIT_DONE;
	case KEY_COLOR:
		return set_color(c, optarg, o);
	default:
		return set_flag(key, o, help);
	}
}

int options_parse(const struct command *c, int argc, char **argv,
		  struct options *ret, bool *ret_help)
{
	struct option longs[ARRAY_SIZE(table) + 1] = { { 0 } };
	struct options o = {
		.request = { .command = c->name, .state_dir = STATE_DIR },
	};
	size_t n = 0;
	int key, r = EXIT_DONE;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!table[i].bit || (c->takes & table[i].bit))
			longs[n++] = (struct option){ table[i].name,
						      table[i].has_arg, NULL,
						      table[i].key };
	optind = 1;
	opterr = 0;
	while (r == EXIT_DONE &&
	       (key = getopt_long(argc, argv, ":qvh", longs, NULL)) != -1) {
		if (key == '?' || key == ':')
			return usage_error(c, key == '?' ?
					   "unknown option" :
					   "an argument is missing after",
					   argv[optind - 1]);
		r = set_option(c, key, &o, ret_help);
	}
	if (r != EXIT_DONE || *ret_help)
		return r;
	o.request.keeps_steps = o.json || o.verbose;
	o.args = argv + optind;
	o.n_args = (size_t)(argc - optind);
	if (o.n_args < c->min_args)
		return usage_error(c, "a policy file is missing", NULL);
	if (o.n_args > c->max_args)
		return usage_error(c, "too many arguments",
				   o.args[c->max_args]);
	*ret = o;
	return EXIT_DONE;
}
