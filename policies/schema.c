/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/schema.h"

/* The lines of the schema as literals: make writes them. */
const char policy_schema[] =
#include "policies/schema_lines.h"
	;
