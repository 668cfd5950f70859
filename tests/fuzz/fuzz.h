/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz.h: what every harness has in common.
 *
 * Shape:  a harness is one LLVMFuzzerTestOneInput(). Linked with libFuzzer it
 *         is a fuzzer, with replay.c it plays given files once.
 */
#ifndef CTPOLICY_TESTS_FUZZ_H
#define CTPOLICY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert() it is there in every build. */
#define MUST(holds)                                                           \
	do {                                                                  \
		if (!(holds)) {                                               \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,    \
				#holds);                                      \
			abort();                                              \
		}                                                             \
	} while (0)

#endif
