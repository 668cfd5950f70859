/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/off_state.h: reading what engine/off.h speaks of.
 *
 * Shape:  settings are those that root may write; parameters that only loading
 *         can set are the module's options.
 * Errors: -errno; -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_OFF_STATE_H
#define CTPOLICY_ENGINE_OFF_STATE_H

#include "engine/off.h"

int off_state_read(enum modules_state *ret_state, struct items *ret);

#endif
