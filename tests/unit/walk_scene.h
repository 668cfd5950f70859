/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/walk_scene.h: a model built by hand, and a packet that walks it.
 *
 * The packet is a first TCP segment to port 80 of this host, from eth0.
 */
#ifndef CTPOLICY_TESTS_UNIT_WALK_SCENE_H
#define CTPOLICY_TESTS_UNIT_WALK_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "core/intern.h"
#include "core/mem.h"
#include "rules/walk.h"

#define NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED NF_CT_STATE_BIT(IP_CT_RELATED)
#define INVALID NF_CT_STATE_INVALID_BIT
#define UNTRACKED NF_CT_STATE_UNTRACKED_BIT

#define SYN 0x02
#define ACK 0x10

struct scene {
	struct foreign *f;
	struct packet p;
	struct walk w;
	uint32_t table;
};

int scene_set_up(void **state);
int scene_tear_down(void **state);
void scene_table(struct scene *s, enum foreign_world world, uint8_t family,
		 const char *name);
uint32_t scene_chain(struct scene *s, const char *name);
uint32_t scene_base(struct scene *s, const char *name, const char *type,
		    const char *hook, const char *priority,
		    const char *policy);
uint32_t scene_input(struct scene *s, const char *policy);
void scene_rule(struct scene *s, uint32_t c, enum foreign_verdict verdict,
		const char *target);
struct term *scene_term(struct scene *s, struct term t);
/* A range of numbers as wide as the field. */
struct key_range scene_range(enum packet_field x, uint32_t first,
			     uint32_t last);
/* The last rule matches a field in a range. */
struct term *scene_match(struct scene *s, enum packet_field x, uint32_t first,
			 uint32_t last);
struct term *scene_match_iface(struct scene *s, enum packet_field x,
			       const char *name);
/* One of these states, as nft compares them: a range for each. */
struct term *scene_match_states(struct scene *s, uint8_t states);
void scene_opaque(struct scene *s, const char *name);
uint8_t scene_outcome(struct scene *s);

#define assert_accepted(s) assert_int_equal(scene_outcome(s), WALK_ACCEPTED)
#define assert_dropped(s) assert_int_equal(scene_outcome(s), WALK_DROPPED)
#define assert_unknown(s) assert_int_equal(scene_outcome(s), WALK_UNKNOWN)

#define SCENE_TEST(name)						\
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

#endif
