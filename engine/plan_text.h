/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/plan_text.h: the policy's text, while nobody looks at it.
 *
 * Shape:  between reading and reporting it is looked at by the record alone,
 *         which copies it from wherever it is.
 */
#ifndef CTPOLICY_ENGINE_PLAN_TEXT_H
#define CTPOLICY_ENGINE_PLAN_TEXT_H

#include "engine/plan.h"

/*
 * A long one leaves memory for a file without a name, where the state is kept.
 * Where there cannot be one, it stays.
 */
void plan_put_text_aside(struct plan *p);
/* Without memory, or if it cannot be read, it stays away: p->text is NULL. */
void plan_bring_text_back(struct plan *p);
void plan_drop_text(struct plan *p);

#endif
