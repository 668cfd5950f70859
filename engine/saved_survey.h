/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/saved_survey.h: which chains of a saved ruleset filter, for the accept
 * rules that an apply on its host would add.
 *
 * Shape:  a base chain of input, forward or output that drops what comes to
 *         its end, or leads to a rule that drops; it counts for any packet.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_SAVED_SURVEY_H
#define CTPOLICY_ENGINE_SAVED_SURVEY_H

#include "backends/backend.h"

/* `f`: with its terms, and without ctpolicy's rules. */
int saved_survey_add(const struct foreign *f, struct survey *s);

#endif
