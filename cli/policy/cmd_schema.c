/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy/cmd_schema.c: the JSON schema of policies, for editors. */
#include <stdio.h>

#include "cli/cli.h"
#include "policies/schema.h"

static int run(const struct options *o)
{
	(void)o;
	fputs(policy_schema, stdout);
	return EXIT_DONE;
}

const struct command cmd_schema = {
	.name = "schema",
	.summary = "print the JSON schema of policies, for editors",
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy schema >ctpolicy.schema.json\n"
"\n"
"Usage: ctpolicy schema [OPTION...]\n"
"\n"
"Prints the JSON schema (draft-07) of the policy language, which editors\n"
"complete and check policies by. The first line of a policy names it:\n"
"  # yaml-language-server: $schema=ctpolicy.schema.json\n"
"'ctpolicy check' finds more mistakes than a schema can.\n",
	.exits =
"Exit code: 0 done, 64 bad command line.\n",
};
