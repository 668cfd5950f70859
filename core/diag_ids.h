/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/diag_ids.h: the registry of all diagnostics.
 *
 * Shape:  X(NAME, nnn) makes ID_NAME, whose text is "CTnnn". An id is never
 *         given a second meaning and never reused; CT001-CT499 belong to the
 *         policy, CT500 and up to the commands and backends.
 *         ctpolicy.yaml(5) and ctpolicy(8) list them; a test compares.
 */
#ifndef CTPOLICY_CORE_DIAG_IDS_H
#define CTPOLICY_CORE_DIAG_IDS_H

#define DIAG_IDS(X)							\
	/* The file and its bytes */					\
	X(UNREADABLE, 001)		/* no such file, no permission, I/O */\
	X(NOT_A_FILE, 002)		/* neither a regular file nor stdin */\
	X(FILE_TOO_LARGE, 003)						\
	X(BAD_UTF8, 004)						\
	X(CONTROL_CHARACTER, 005)	/* NUL and the like */		\
	/* YAML */							\
	X(YAML_SYNTAX, 006)						\
	X(TAB, 007)			/* a tab in the indentation */	\
	X(EMPTY, 008)			/* no document, or an empty one */\
	X(TOO_DEEP, 009)						\
	X(TOO_MANY_NODES, 010)						\
	X(ALIAS, 011)			/* an anchor or an alias */	\
	X(TAG, 012)							\
	X(SECOND_DOCUMENT, 013)						\
	X(DUPLICATE_KEY, 014)						\
	X(BAD_KEY, 015)			/* a list, empty, or too long */\
	X(DIRECTIVE, 016)		/* %YAML, %TAG */		\
	X(TOO_MANY_ERRORS, 017)		/* the rest is left */\
	X(TOO_MANY_KEYS, 018)						\
	/* Keys and kinds of value */					\
	X(UNKNOWN_KEY, 020)						\
	X(RESERVED_KEY, 021)						\
	X(MISSING_KEY, 022)						\
	X(WRONG_KIND, 023)		/* a list for a word, and so on */\
	X(NO_VALUE, 024)						\
	X(EMPTY_LIST, 025)						\
	X(UNKNOWN_WORD, 026)						\
	X(LISTED_TWICE, 027)		/* a warning */			\
	X(VERSION, 028)							\
	X(NO_SERVICES, 029)						\
	/* Numbers and ports */						\
	X(BAD_NUMBER, 030)						\
	X(NUMBER_RANGE, 031)						\
	X(BAD_PORT, 032)						\
	X(REVERSED_RANGE, 033)						\
	X(UNKNOWN_PORT_NAME, 034)					\
	X(PORT_NAME_DIFFERS, 035)	/* a warning */			\
	X(PORT_NAME, 036)		/* a note: the number it became */\
	X(PORT_ZERO, 037)						\
	X(AMBIGUOUS_PORT_NAME, 038)					\
	/* Addresses, interfaces, protocols */				\
	X(BAD_ADDRESS, 040)						\
	X(HOST_BITS, 041)						\
	X(HOST_NAME, 042)						\
	X(BAD_INTERFACE, 043)						\
	X(UNKNOWN_PROTOCOL, 044)					\
	X(REFUSED_PROTOCOL, 045)					\
	X(IPV4_ONLY_PROTOCOL, 046)					\
	/* Services */							\
	X(PORTS_MISSING, 047)						\
	X(PORTS_UNWANTED, 048)						\
	X(MIXED_PROTOCOLS, 049)						\
	X(BAD_NAME, 050)						\
	X(DUPLICATE_SERVICE, 051)					\
	X(BAD_WHY, 052)							\
	X(NO_FAMILY, 053)		/* no family in which it has rules */\
	X(EXISTING_REPLACE, 055)					\
	X(UNLOAD, 056)			/* needs state_matching: forbidden */\
	X(ONE_INTERFACE, 057)		/* a warning */			\
	X(NO_EFFECT, 058)		/* a warning */			\
	X(REPLY_GUARD, 059)		/* without the role client */	\
	/* Durations, sizes, tests */					\
	X(BAD_DURATION, 060)						\
	X(BAD_SIZE, 061)						\
	X(BAD_PACKET, 065)						\
	X(PACKET_FAMILIES, 066)						\
	X(NO_EXPECTATION, 067)						\
	/* Roles and protocols that exclude others */			\
	X(ANY_PROTOCOL, 070)						\
	X(LOOPBACK_INTERFACES, 071)					\
	/* Lists of addresses */					\
	X(UNKNOWN_LIST, 072)						\
	X(LIST_IN_LIST, 073)						\
	X(UNUSED_LIST, 074)		/* a warning */			\
	/* Several files */						\
	X(SAID_TWICE, 075)		/* and differently */		\
	X(OTHERS_WRITE, 076)						\
	X(NO_FILES, 077)						\
	X(NOT_READ, 078)		/* a warning */			\
	/* Services that stay tracked */				\
	X(KEY_OF_OTHERS, 080)		/* of another section's services */\
	X(NO_SUCH_TIMER, 081)						\
	X(NO_TIMERS, 082)		/* of the protocol's own */	\
	X(TIMERS_MISSING, 083)		/* of one of the protocols */	\
	X(TRACKED_FORBIDDEN, 084)					\
	X(TRACKED_COVERED, 085)		/* a warning */			\
	X(TRACKED_TWICE, 086)		/* with different timeouts */	\
	/* Generators */						\
	X(REPLIES_FROM_ANYWHERE, 301)	/* a warning */			\
	X(EPHEMERAL_SERVER, 302)	/* or a note */			\
	X(MASQUERADED_REPLIES, 303)	/* or a note */			\
	X(UNGUARDED_REPLIES, 304)	/* or a note, for no host */	\
	X(TRACKING_STARTS, 305)		/* a note */			\
	X(TIMEOUTS_UNUSED, 306)		/* a warning */			\
	/* Choosing a backend */					\
	X(NO_SUCH_BACKEND, 501)						\
	X(BOTH_WORLDS, 502)		/* say --backend */		\
	X(OTHER_BACKEND, 503)		/* ctpolicy's rules are in it */\
	X(DROPPED_ELSEWHERE, 504)	/* where no accept rule counts */\
	X(NO_RULESET, 506)		/* text of no known kind */	\
	X(WORLD_UNREAD, 507)		/* or a warning */		\
	/* check --kernel */						\
	X(NO_NAMESPACE, 510)		/* for --kernel */		\
	X(KERNEL_CHECK_DIFFERS, 511)					\
	X(WOULD_LOAD, 512)		/* what is not loaded */	\
	/* Settings of the connection table */				\
	X(SETTING_ELSEWHERE, 513)	/* the first namespace's */	\
	X(SETTING_REFUSED, 514)		/* cannot be written */		\
	X(SETTING_CHANGED, 515)		/* a warning */			\
	X(TABLE_TOO_SMALL, 516)		/* or a warning, with --force */\
	X(TOO_FEW_BUCKETS, 517)		/* or a warning */		\
	X(NOTHING_TO_SET, 518)		/* a warning */			\
	X(ALSO_SET, 519)		/* a warning: in a file */	\
	/* Changing the rules */					\
	X(NOT_RESTORED, 520)						\
	X(KERNEL_DIFFERS, 521)		/* from what was written */	\
	X(KEPT_CHANGING, 522)		/* the live rules */		\
	X(MODULE_HELD, 523)		/* by a rule, a chain */	\
	X(MODULE_NEEDS_TRACKING, 524)	/* does a job of its own */	\
	X(MODULES_BUILT_IN, 525)	/* a note */			\
	X(PACKETS_IN_FLIGHT, 526)					\
	X(MODULE_REFUSED, 527)		/* the kernel said no */	\
	X(LOADS_AGAIN, 528)		/* a warning */			\
	X(FILE_NOT_EDITED, 529)		/* or a warning */		\
	X(SETTING_UNSUPPORTED, 530)	/* a sysctl */		\
	X(CHAIN_COPIED, 531)		/* a warning */			\
	X(STATE_FORBIDDEN, 532)		/* to a rule of the host's */	\
	X(NOT_EDITED, 533)		/* a rule of the host's */	\
	X(ORIGINAL_LOST, 534)						\
	X(ORIGINAL_GONE, 535)						\
	X(ORIGINALS_DAMAGED, 536)	/* a warning */			\
	X(FILE_CHANGED, 537)		/* a warning */			\
	X(NOTES_DAMAGED, 538)		/* a warning */			\
	X(SERVICE_TRACKS, 539)		/* a warning */			\
	/* State, history, trials */					\
	X(STATE_FOLDER, 540)		/* unusable */			\
	X(STATE_FOLDER_UNSAFE, 541)	/* others may write */		\
	X(OTHER_AT_WORK, 542)						\
	X(STATE_FILE, 543)		/* read or write failed */	\
	X(STATE_FILE_DAMAGED, 544)					\
	X(HAND_EDITED, 545)		/* a warning */			\
	X(BACKEND_NOT_BUILT, 546)	/* an earlier change's */	\
	X(UNFINISHED_CHANGE, 547)	/* a warning */			\
	X(ON_TRIAL, 548)						\
	X(NO_EARLIER_CHANGE, 549)					\
	X(UNFINISHED_REMOVED, 550)	/* a warning */			\
	X(CONFIRM_TOO_LATE, 551)					\
	X(NO_WAITER, 552)						\
	X(OTHER_FOLDER, 553)						\
	X(TRIAL_DAMAGED, 554)		/* a warning */			\
	X(TRIAL_END_UNSAVED, 555)	/* a warning */			\
	X(UNRECORDED, 556)		/* a warning */			\
	X(TRIAL_NOT_IN_FORCE, 557)					\
	X(UNFINISHED_SEEN, 558)		/* a warning */			\
	X(FILE_TAKEN, 559)		/* it is not ctpolicy's */	\
	/* Privileges, management access */				\
	X(CAPS_UNREADABLE, 560)						\
	X(CAP_MISSING, 561)						\
	X(CAPS_KEPT, 562)		/* cannot be given up */	\
	/* Files of the next boot */					\
	X(SAVED_TIMEOUT, 563)		/* a warning */			\
	X(LOCKED_OUT, 570)		/* or a warning, with --force */\
	X(SSH_CONNECTION, 571)		/* a warning */			\
	X(LOGIN_UNKNOWN, 572)		/* a warning */			\
	X(SAME_LOGIN, 573)		/* or a warning, with --force */\
	X(MADE_BY_HAND, 580)		/* a warning */			\
	X(ACCEPTS_GONE, 581)		/* a warning */			\
	X(RESTORED_IN_PART, 582)	/* a warning */			\
	X(NOT_RECORDABLE, 583)						\
	X(RECORD_VERSION, 584)						\
	X(RECORD_PASSED_OVER, 585)	/* a warning */			\
	/* What a change does to services; warnings, where overridden */ \
	X(WOULD_CUT_OFF, 590)						\
	X(WOULD_LET_IN, 591)						\
	X(NEEDS_NAT, 592)						\
	X(NEEDS_ENTRY, 593)		/* helpers, counts, marks */	\
	X(LOSES_ERRORS, 594)		/* of ICMP */			\
	X(STAYS_TRACKED, 595)		/* a warning */			\
	X(NOT_ALL_TRIED, 596)		/* a warning */			\
	X(LOSES_ANSWERS, 597)		/* a warning */			\
	X(OWN_STAYS_TRACKED, 598)	/* a warning */			\
	X(LIMIT_OF_ITS_OWN, 599)	/* a warning */			\
	X(OPENS_WIDER, 600)		/* a warning */			\
	/* iptables */							\
	X(IPTABLES_NFT, 601)						\
	X(XTABLES_LOCK, 602)		/* cannot be taken */		\
	X(XTABLES_LOCK_HELD, 603)					\
	X(TABLE_UNREADABLE, 604)					\
	X(NO_TABLE, 605)						\
	X(TABLE_EDIT, 606)		/* libiptc said no */		\
	X(TABLE_REFUSED, 607)		/* the kernel said no */	\
	X(IPSET, 608)							\
	X(IPSET_LISTING, 609)						\
	X(IPSET_TOO_LARGE, 610)						\
	X(INTERFACE_NAME, 611)		/* no name in iptables */	\
	X(INEXPRESSIBLE, 612)		/* in iptables */		\
	X(TABLES_NOT_RESTORED, 613)					\
	X(TABLES_RESTORED, 614)		/* a note */			\
	X(OVERWROTE, 615)		/* a writer without the lock */	\
	X(UNWATCHED, 616)		/* was somebody overwritten? */	\
	X(UNCOUNTED, 617)		/* written, without counters */	\
	X(TIMERS_UNREADABLE, 618)					\
	X(TIMERS_REFUSED, 619)		/* by the kernel */		\
	/* A saved iptables ruleset */					\
	X(SAVED_IPTABLES, 620)						\
	X(SAVED_NUL, 621)						\
	X(SAVED_QUOTE, 622)						\
	X(SAVED_NO_COMMIT, 623)						\
	/* libxtables */						\
	X(XTABLES_START, 630)						\
	X(XTABLES_ARGUMENT, 631)					\
	X(XTABLES_RULE, 632)						\
	X(TIMERS_TOO_MANY, 633)		/* different ones of a protocol */\
	/* The conntrack table */					\
	X(ENTRIES_KEPT, 640)		/* a warning */			\
	X(NOT_ADOPTED, 641)		/* a warning */			\
	X(FORWARDED_CUT, 642)		/* a warning */			\
	X(SCTP_CUT, 643)		/* a warning */			\
	/* nftables */							\
	X(HOST_TABLE_TAKEN, 701)	/* iptables-nft's */		\
	X(NOTHING_DROPS, 702)		/* a note */			\
	X(ACCEPTS_NOT_SHOWN, 703)	/* a note */			\
	X(TABLE_OWNED, 704)		/* by another process */	\
	X(TIMERS_UNSAID, 705)		/* nft has no words for them */	\
	X(NO_NETLINK, 710)						\
	X(NFT_CHANGED_MEANWHILE, 711)					\
	X(NFT_WRITE_CAP, 712)						\
	X(BATCH_TOO_LARGE, 713)						\
	X(BATCH_REFUSED, 714)						\
	X(STEP_REFUSED, 715)		/* a part of the batch */	\
	X(NFT_UNSTEADY, 721)						\
	X(NFT_READ_CAP, 722)						\
	X(NFT_UNREADABLE, 723)						\
	/* A saved nftables ruleset */					\
	X(SAVED_NFT, 730)						\
	/* NOTRACK rules that a host already has */			\
	X(NOTRACK_ONE_WAY, 800)						\
	X(NOTRACK_TWICE, 801)		/* the same direction */	\
	X(NOTRACK_LOOPBACK, 802)	/* a warning */			\
	X(NOTRACK_ONE_FAMILY, 803)	/* a warning */			\
	X(SOURCE_PORT_HOLE, 804)					\
	X(BLANKET_UNTRACKED, 805)	/* a warning */			\
	X(NOTRACK_TOO_LATE, 806)					\
	X(NOTRACK_SHADOWED, 807)					\
	X(NOTRACK_DNAT, 808)						\
	X(ICMP_ERRORS_LOST, 809)	/* a warning */			\
	X(NOTRACK_FORWARDED, 810)	/* or a warning */		\
	X(NOTRACK_UNREACHED, 811)	/* a warning */			\
	/* NOTRACK rules as a policy */					\
	X(IMPORT_LEFT, 812)		/* a warning */			\
	X(IMPORT_ADDED, 813)		/* a warning */			\
	X(IMPORT_DIFFERS, 814)		/* a warning */			\
	X(IMPORT_OWN, 815)		/* a note */			\
	X(IMPORT_CUT, 816)		/* a warning */			\
	/* audit --rewrite */						\
	X(RULE_STAYS, 817)		/* a warning */			\
	X(NEWLY_ADMITTED, 818)		/* a note */			\
	X(NEWLY_LOST, 819)		/* a note */			\
	X(NO_REWRITE, 820)						\
	X(RULES_PASSED, 821)		/* a note */			\
	X(NEEDS_TRACKING, 822)		/* a note, for CI */		\
	X(NOTRACK_CUT, 823)		/* a warning */			\
	/* status */							\
	X(TABLE_UNKNOWN, 830)		/* a warning */			\
	X(ENTRIES_UNREAD, 831)						\
	X(ADVICE_UNJUDGED, 832)		/* a warning */			\
	X(OUTPUT_UNWRITTEN, 833)					\
	X(ADVICE_MERGE, 834)		/* a note */			\
	/* apply --fallback */						\
	X(FALLBACK, 840)		/* a warning */			\
	/* watch */							\
	X(UNREVIEWED, 841)		/* rules no apply has replaced */ \
	/* test */							\
	X(RULES_NOT_COPIED, 850)					\
	X(NO_WITNESS, 851)		/* packets can't be watched */	\
	X(LEG_FAILS, 852)						\
	X(TEST_FAILS, 853)						\
	X(NOT_TRIED, 854)		/* a warning */			\
	X(HOST_NOT_COPIED, 855)		/* a warning */			\
	X(DROPPED_ANYWAY, 856)		/* a note */			\
	/* explain --prove */						\
	X(NOT_PROVABLE, 857)						\
	X(PROOF_DIFFERS, 858)						\
	/* diff */							\
	X(DIFFERS, 860)			/* a warning, for CI */

/* 1##nnn, since a number that begins with 0 would be octal */
#define DIAG_ID_VALUE_(name, nnn) ID_##name = 1##nnn - 1000,
enum diag_id { DIAG_IDS(DIAG_ID_VALUE_) ID_MAX_ };
#undef DIAG_ID_VALUE_

/* Its text, as the user sees it: CT014 */
const char *diag_id_name(enum diag_id id);

#endif
