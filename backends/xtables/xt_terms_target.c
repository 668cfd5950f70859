/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/xt_terms_target.c: what a target does to the packet. */
#include <stdlib.h>
#include <string.h>

#include "backends/xtables/xt_reader.h"
#include "core/mem.h"

/* mark = (mark & keep) ^ flip, from the option's value and mask. */
static const struct {
	const char *option;
	bool keeps_value;	/* keep = value; else ~mask, or ~(value|mask) */
	bool covers_value;
	bool keeps_all;
	bool flips;
} marks[] = {
	{ .option = "--set-xmark", .flips = true },
	{ .option = "--set-mark", .covers_value = true, .flips = true },
	{ .option = "--tproxy-mark", .flips = true },
	{ .option = "--and-mark", .keeps_value = true },
	{ .option = "--or-mark", .covers_value = true, .flips = true },
	{ .option = "--xor-mark", .keeps_all = true, .flips = true },
};

int xt_take_target_mark(struct xt_reader *r, const struct xt_option_row *row)
{
	uint32_t value, mask;
	size_t k = 0;

	while (k + 1 < ARRAY_SIZE(marks) && strcmp(marks[k].option, row->name))
		k++;
	if (!r->o.arg || xt_parse_mark(r->o.arg, &value, &mask)) {
		r->seen |= SEEN_LOSE_MARK;
		return 0;
	}
	if (!strcmp(row->name, "--or-mark"))
		mask = value;
	r->keep = marks[k].keeps_all   ? UINT32_MAX :
		  marks[k].keeps_value ? value :
					 ~(mask | (marks[k].covers_value ?
							   value : 0));
	r->flip = marks[k].flips ? value : 0;
	r->seen |= SEEN_SET_MARK;
	return 0;
}

/* Of CONNMARK, where the mark of the packet is copied to that of the entry. */
int xt_take_mark_mask(struct xt_reader *r, const struct xt_option_row *row)
{
	uint32_t value, mask;

	/* `-m recent` has a --mask too. */
	if (!r->target)
		return 0;
	if (!r->o.arg || xt_parse_mark(r->o.arg, &value, &mask)) {
		r->seen |= SEEN_LOSE_MARK;
		return 0;
	}
	if (strcmp(row->name, "--ctmask") != 0)
		r->nf_mask = value;
	if (strcmp(row->name, "--nfmask") != 0)
		r->ct_mask = value;
	return 0;
}

/* "7"; "mark": that of the packet, whatever it is then. */
int xt_take_zone(struct xt_reader *r, const struct xt_option_row *row)
{
	const char *dash = strchr(row->name + 2, '-');
	char *end = NULL;
	unsigned long id = r->o.arg ? strtoul(r->o.arg, &end, 0) : 0;

	r->zone = (uint16_t)id;
	r->zone_lost = !end || end == r->o.arg || *end || id > UINT16_MAX;
	if (dash)
		r->zone_directions |= !strcmp(dash, "-orig") ?
					      CT_ZONE_ORIGINAL : CT_ZONE_REPLY;
	return 0;
}

static int end_zone(struct xt_reader *r)
{
	uint8_t both = CT_ZONE_ORIGINAL | CT_ZONE_REPLY;
	const struct term t = {
		.kind = TERM_CT_ZONE,
		.zone = ct_zone_of(r->zone, r->zone_directions ?
						    r->zone_directions : both,
				   !r->zone_lost),
	};

	return foreign_add_term(r->f, &t);
}

/* `seen`: what must have been; 0: the target alone says it. */
static const struct {
	const char *target;
	unsigned int seen;
	enum term_kind kind;
} effects[] = {
	{ "NOTRACK", 0, TERM_NOTRACK },
	{ "CT", SEEN_NOTRACK, TERM_NOTRACK },
	{ "CT", SEEN_HELPER, TERM_HELPER },
	{ "MARK", SEEN_LOSE_MARK, TERM_LOSE_MARK },
	{ "MARK", SEEN_SET_MARK, TERM_SET_MARK },
	{ "TPROXY", SEEN_LOSE_MARK, TERM_LOSE_MARK },
	{ "TPROXY", SEEN_SET_MARK, TERM_SET_MARK },
	{ "SET", SEEN_LOSE_MARK, TERM_LOSE_MARK },
	{ "HMARK", 0, TERM_LOSE_MARK },
};

/* Both are lost unless one thing is done, and understood. */
static int end_connmark(struct xt_reader *r)
{
	const struct term lose = { .kind = TERM_LOSE_MARK };
	struct term t = { .kind = TERM_LOSE_CTMARK };
	int err = 0;

	switch (r->seen & (SEEN_LOSE_MARK | SEEN_SET_MARK | SEEN_SAVE |
			   SEEN_RESTORE)) {
	case SEEN_SET_MARK:
		t.kind = TERM_SET_CTMARK;
		t.keep = r->keep;
		t.flip = r->flip;
		break;
	case SEEN_SAVE:
		t.kind = TERM_SET_CTMARK;
		t.keep = ~r->ct_mask;
		t.take = r->nf_mask;
		break;
	case SEEN_RESTORE:
		t.kind = TERM_SET_MARK;
		t.keep = ~r->nf_mask;
		t.take = r->ct_mask;
		break;
	default:
		err = foreign_add_term(r->f, &lose);
		break;
	}
	return err ? err : foreign_add_term(r->f, &t);
}

static int end_effect(struct xt_reader *r)
{
	struct term t = { 0 };

	for (size_t i = 0; r->target && i < ARRAY_SIZE(effects); i++) {
		if (strcmp(r->target, effects[i].target) ||
		    (r->seen & effects[i].seen) != effects[i].seen)
			continue;
		t.kind = effects[i].kind;
		if (t.kind == TERM_SET_MARK) {
			t.keep = r->keep;
			t.flip = r->flip;
		}
		return foreign_add_term(r->f, &t);
	}
	return 0;
}

int xt_end_target(struct xt_reader *r)
{
	int err;

	if (r->seen & SEEN_MOVE)
		return xt_put_move(r);
	if (r->target && !strcmp(r->target, "CONNMARK"))
		return end_connmark(r);
	err = end_effect(r);
	return err || !(r->seen & SEEN_ZONE) ? err : end_zone(r);
}
