/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/proof/test_report.h: how the packets of a test fared, shown.
 *
 * Shape:  `err` is why nothing was tried, or 0. Text: a line for each packet of
 *         the policy's tests and one for each backend; the rest are
 *         diagnostics. Of JSON the keys are stable ("schema": 1).
 * Errors: -ENOMEM: not all is shown.
 */
#ifndef CTPOLICY_CLI_TEST_REPORT_H
#define CTPOLICY_CLI_TEST_REPORT_H

#include "cli/format/findings.h"
#include "prove/prove.h"

void test_print_text(const struct prove *x);
int test_print_json(const struct prove *x, int err);
/* Findings for CI; what they borrow is the test's. */
void test_findings(const struct prove *x, int err, struct findings *f);
const char *test_word(const struct prove *x, int err);
/* Of a packet's expectation, and what became of it. */
void test_packet_words(const struct packet_test *t, struct strbuf *out);

#endif
