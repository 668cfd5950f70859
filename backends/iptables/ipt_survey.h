/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_survey.h: what the host's own rules of a table drop.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_SURVEY_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_SURVEY_H

#include "backends/backend.h"
#include "backends/iptables/ipt_legacy.h"

int ipt_survey_table(const struct ipt_legacy *t, struct survey *ret);

#endif
