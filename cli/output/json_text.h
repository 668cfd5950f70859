/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/json_text.h: what all JSON output has in common.
 *
 * Shape:  bytes that are not UTF-8 never reach JSON: they become '?'.
 * Owner:  the caller owns what is returned.
 * Errors: NULL: out of memory.
 */
#ifndef CTPOLICY_CLI_JSON_TEXT_H
#define CTPOLICY_CLI_JSON_TEXT_H

#include <jansson.h>

#include "core/diag.h"
#include "policies/policy_fix.h"

/* Values that are NULL, or find no room, make json_memory_lost() true. */
void json_put(json_t *o, const char *key, json_t *v);
void json_append(json_t *array, json_t *v);
/* All of a document on stdout, or, without memory (-ENOMEM), nothing of it. */
int json_print(const json_t *o);
json_t *json_of_text(const char *s);	/* NULL: null */
json_t *json_of_number(uint32_t n);	/* of a place; 0: null */
json_t *json_of_place(const struct srcpos *at);
json_t *json_of_lines(const char *text);
/* Lists of words; bits are 1 << enum stateless_admits, _loses. */
json_t *json_of_admits(uint32_t admits);
json_t *json_of_loses(uint32_t loses);
/* In the order found; json_memory_lost() tells whether one is missing. */
void json_add_diags(json_t *array, const struct diags *d);
/* The same, each with what would mend it (NULL: nothing would). */
void json_add_diags_fixed(json_t *array, const struct diags *d,
			  const struct policy_fixes *fixes);

#endif
