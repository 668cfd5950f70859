/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/scene.h: this host, as far as packets can tell, in a private network.
 *
 * Shape:  the host's addresses and the devices that connections use, each the
 *         end of a wire (host/private_net.h). `whole`: it is this host, with
 *         its rules; otherwise a host that a policy might be for.
 * Owner:  scene_release().
 * Errors: -errno, with a diagnostic that says what is missing.
 */
#ifndef CTPOLICY_PROVE_SCENE_H
#define CTPOLICY_PROVE_SCENE_H

#include "core/diag.h"
#include "engine/ends.h"
#include "host/private_net.h"
#include "prove/call.h"

/* An address that a connection needs here, and that is not the host's. */
struct lent_address {
	char device[16];
	uint8_t family, addr[16];
};

struct scene {
	struct ends ends;
	struct port_range ephemeral;
	struct wire *wires;
	size_t n, cap;
	struct lent_address lent[2];
	size_t n_lent;
};

/*
 * Before a private network is entered: what there is on this host; of a file,
 * nobody knows.
 */
int scene_look(struct scene *s, bool of_file, struct diags *d);
/* Devices that the policy names and the host lacks are lent, like addresses. */
int scene_add_devices(struct scene *s, const struct policy *p);
/* Enter a new one, empty, and give it the host's addresses. */
int scene_enter(struct scene *s, struct diags *d);
/* One that a ruleset names, in the network that was entered. */
int scene_make_device(struct scene *s, const char *name, struct diags *d);
/*
 * A connection of this host: its own end gets its address, the others lie
 * behind their devices, which are there then. Again before each call, since the
 * same address may lie behind several.
 */
int scene_place(struct scene *s, const struct flow_space *sp,
		const struct flow_sample *sample, struct call *ret,
		struct diags *d);
void scene_leave(struct scene *s);
void scene_release(struct scene *s);

#endif
