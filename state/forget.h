/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/forget.h: clear away the folders of namespaces that are gone.
 *
 * Shape:  a folder goes when it is named after a namespace of an earlier boot
 *         and holds our lock; of its files only those that ctpolicy names.
 *         What cannot be cleared away does no harm.
 */
#ifndef CTPOLICY_STATE_FORGET_H
#define CTPOLICY_STATE_FORGET_H

#include "state/state_space.h"

void forget_the_past(int top, const struct space *now);

#endif
