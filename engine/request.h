/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/request.h: what the engine is asked to do, whoever asks.
 *
 * Shape:  options that only concern how a result is shown are not here.
 * Units:  family is AF_INET, AF_INET6, or 0 for both; confirm is in seconds,
 *         and 0 means that the change stays without being confirmed.
 * Owner:  everything is borrowed and must outlive the work.
 */
#ifndef CTPOLICY_ENGINE_REQUEST_H
#define CTPOLICY_ENGINE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/diag.h"

struct request {
	const char *command;	/* "apply", as records name it */
	const char *backend;	/* NULL: as the policy says */
	const char *state_dir;
	uint8_t family;
	uint32_t confirm;
	bool force;		/* even where it may lock its author out */
	bool falls_back;	/* from a broken file to the last one */
	bool repairs;		/* what a recorded change made; makes none */
	bool keeps_steps;	/* the change is shown after it was made */
	bool private_kernel;	/* namespaces will be made: keep the powers */
	/*
	 * Leave a process behind that undoes the change unless it is confirmed
	 * in time; -errno and a diagnostic when that fails.
	 */
	int (*detach)(const struct request *rq, bool modules, struct diags *d);
	struct waiter *waiter;	/* that detach() starts; NULL: no trial */
};

#endif
