/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/diag_ids.h: the stable ids of what the policy loader may say.
 *
 * Shape:  an id is never given a second meaning and never reused. CT001-CT499
 *         are the policy's, CT500 and up those of the backends and commands.
 *         ctpolicy.yaml(5) lists them.
 */
#ifndef CTPOLICY_CORE_DIAG_IDS_H
#define CTPOLICY_CORE_DIAG_IDS_H

/* The file and its bytes */
#define ID_UNREADABLE		"CT001"	/* no such file, no permission, I/O */
#define ID_NOT_A_FILE		"CT002"	/* neither a regular file nor stdin */
#define ID_FILE_TOO_LARGE	"CT003"
#define ID_BAD_UTF8		"CT004"
#define ID_CONTROL_CHARACTER	"CT005"	/* NUL and the like */

/* YAML */
#define ID_YAML_SYNTAX		"CT006"
#define ID_TAB			"CT007"	/* a tab in the indentation */
#define ID_EMPTY		"CT008"	/* no document, or an empty one */
#define ID_TOO_DEEP		"CT009"
#define ID_TOO_MANY_NODES	"CT010"
#define ID_ALIAS		"CT011"	/* an anchor or an alias */
#define ID_TAG			"CT012"
#define ID_SECOND_DOCUMENT	"CT013"
#define ID_DUPLICATE_KEY	"CT014"
#define ID_BAD_KEY		"CT015"	/* a list, empty, or too long */
#define ID_DIRECTIVE		"CT016"	/* %YAML, %TAG */
#define ID_TOO_MANY_ERRORS	"CT017"	/* the rest was not looked at */
#define ID_TOO_MANY_KEYS	"CT018"

/* Keys and kinds of value */
#define ID_UNKNOWN_KEY		"CT020"
#define ID_RESERVED_KEY		"CT021"
#define ID_MISSING_KEY		"CT022"
#define ID_WRONG_KIND		"CT023"	/* a list for a word, and so on */
#define ID_NO_VALUE		"CT024"
#define ID_EMPTY_LIST		"CT025"
#define ID_UNKNOWN_WORD		"CT026"
#define ID_LISTED_TWICE		"CT027"	/* a warning */
#define ID_VERSION		"CT028"
#define ID_NO_SERVICES		"CT029"

/* Numbers and ports */
#define ID_BAD_NUMBER		"CT030"
#define ID_NUMBER_RANGE		"CT031"
#define ID_BAD_PORT		"CT032"
#define ID_REVERSED_RANGE	"CT033"
#define ID_UNKNOWN_PORT_NAME	"CT034"
#define ID_PORT_NAME_DIFFERS	"CT035"	/* a warning */
#define ID_PORT_NAME		"CT036"	/* a note: the number it became */
#define ID_PORT_ZERO		"CT037"	/* a warning */
#define ID_AMBIGUOUS_PORT_NAME	"CT038"

/* Addresses, interfaces, protocols */
#define ID_BAD_ADDRESS		"CT040"
#define ID_HOST_BITS		"CT041"
#define ID_HOST_NAME		"CT042"
#define ID_BAD_INTERFACE	"CT043"
#define ID_UNKNOWN_PROTOCOL	"CT044"
#define ID_REFUSED_PROTOCOL	"CT045"
#define ID_IPV4_ONLY_PROTOCOL	"CT046"

/* Services */
#define ID_PORTS_MISSING	"CT047"
#define ID_PORTS_UNWANTED	"CT048"
#define ID_MIXED_PROTOCOLS	"CT049"
#define ID_BAD_NAME		"CT050"
#define ID_DUPLICATE_SERVICE	"CT051"
#define ID_BAD_WHY		"CT052"
#define ID_NO_FAMILY		"CT053"	/* no family in which it has rules */
#define ID_ACCEPT_INHERIT	"CT054"
#define ID_EXISTING_REPLACE	"CT055"
#define ID_UNLOAD		"CT056"	/* needs state_matching: forbidden */
#define ID_ONE_INTERFACE	"CT057"	/* a warning */
#define ID_NO_EFFECT		"CT058"	/* a warning */

/* Durations, sizes, tests */
#define ID_BAD_DURATION		"CT060"
#define ID_BAD_SIZE		"CT061"
#define ID_BAD_PACKET		"CT065"
#define ID_PACKET_FAMILIES	"CT066"
#define ID_NO_EXPECTATION	"CT067"

#endif
