/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/fuzz/fuzz_ipt_text.c: any bytes as a saved iptables ruleset. */
#include "tests/fuzz/fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_text(&backend_iptables, data, size);
}
