/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/xml_character.h: what XML, and so this program's HTML, may hold,
 * and how it holds the characters that it is written with.
 *
 * Source: Extensible Markup Language 1.0, production 2, Char.
 */
#ifndef CTPOLICY_CLI_OUTPUT_XML_CHARACTER_H
#define CTPOLICY_CLI_OUTPUT_XML_CHARACTER_H

#include <string.h>

#include "core/diag.h"

/*
 * Length of the character at s, which has n bytes left; 0: none that may
 * stand there as it is. What a terminal may get but U+FFFE and U+FFFF.
 */
static inline size_t xml_character(const char *s, size_t n)
{
	size_t len = diag_printable(s, n);

	return len == 3 && (!memcmp(s, "\xef\xbf\xbe", len) ||
			    !memcmp(s, "\xef\xbf\xbf", len)) ? 0 : len;
}

/* What stands for it in text and attributes; NULL: it stands for itself. */
static inline const char *xml_entity(char c)
{
	return c == '&'	 ? "&amp;" :
	       c == '<'	 ? "&lt;" :
	       c == '>'	 ? "&gt;" :
	       c == '"'	 ? "&quot;" :
	       c == '\'' ? "&#39;" : NULL;
}

#endif
