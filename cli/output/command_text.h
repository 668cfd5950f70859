/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/command_text.h: a command to be copied into a shell.
 *
 * It asks as it was asked here, and its words are those of a shell, whatever
 * a file is called. Where the input was standard input there is no command
 * that would read the same: print none.
 */
#ifndef CTPOLICY_CLI_OUTPUT_COMMAND_TEXT_H
#define CTPOLICY_CLI_OUTPUT_COMMAND_TEXT_H

#include "core/strbuf.h"
#include "engine/request.h"

/* "ctpolicy apply --confirm 60s --backend nftables --state-dir /srv/state" */
void command_begin(const char *verb, const struct request *rq,
		   struct strbuf *out);
/* Behind a space; no command takes its name for an option. */
void command_put_file(const char *name, struct strbuf *out);

#endif
