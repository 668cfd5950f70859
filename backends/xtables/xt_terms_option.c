/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/xtables/xt_terms_option.c: options of matches as terms. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/xtables/xt_reader.h"
#include "core/intern.h"
#include "core/mem.h"

/* Shorter than this, an abbreviation stands for too much. */
#define ABBREVIATION_MIN 5

static int take_list(struct xt_reader *r, const struct xt_option_row *row)
{
	struct term t = {
		.negated = r->o.negated, .field = { (uint8_t)row->field },
	};

	return xt_put_list(r, t, r->o.arg, row->parse);
}

static int take_span(struct xt_reader *r, const struct xt_option_row *row)
{
	struct term t = {
		.negated = r->o.negated, .n_fields = 1, .family = r->family,
		.field = { (uint8_t)row->field },
	};
	struct key_range v = { 0 };

	if (!r->o.arg || row->parse(r, r->o.arg, &v))
		return xt_put_opaque(r);
	return xt_put(r, t, &v);
}

/* "--ports": of either side. */
static int take_ports(struct xt_reader *r, const struct xt_option_row *row)
{
	struct term t = {
		.negated = r->o.negated, .either = true, .n_fields = 2,
		.field = { FIELD_SPORT, FIELD_DPORT },
	};

	return xt_put_list(r, t, r->o.arg, row->parse);
}

/* A mask that is no prefix, "10.0.0.1/255.0.0.255", is a masked term. */
static int take_addr(struct xt_reader *r, const struct xt_option_row *row)
{
	struct term t = {
		.negated = r->o.negated, .masked = true, .n_fields = 1,
		.family = r->family, .field = { (uint8_t)row->field },
	};
	struct key_range v = { 0 };

	if (r->o.arg && strchr(r->o.arg, '/') &&
	    xt_parse_addr(r, r->o.arg, &v) &&
	    !xt_parse_masked_addr(r->family, r->o.arg, &v, t.mask))
		return xt_put(r, t, &v);
	return take_list(r, row);
}

/* No commas: they may be part of the name. */
static int take_iface(struct xt_reader *r, const struct xt_option_row *row)
{
	struct term t = {
		.negated = r->o.negated, .n_fields = 1,
		.field = { (uint8_t)row->field },
	};
	struct key_range v = { 0 };

	if (!r->o.arg || xt_parse_iface(r, r->o.arg, &v))
		return xt_put_opaque(r);
	return xt_put(r, t, &v);
}

/* A mask of the interface's that the words before cannot say. */
static int take_odd_iface(struct xt_reader *r, const struct xt_option_row *row)
{
	(void)row;
	if (r->n_head) {
		r->n_head--;
		memmove(&r->f->terms[r->first + r->n_head],
			&r->f->terms[r->first + r->n_head + 1],
			(r->f->n_terms - r->first - r->n_head - 1) *
				sizeof(struct term));
		r->f->n_terms--;
		r->f->rules[r->f->n_rules - 1].n_terms--;
	}
	return xt_put_opaque(r);
}

static int take_proto(struct xt_reader *r, const struct xt_option_row *row)
{
	if (r->o.arg && (!strcasecmp(r->o.arg, "all") ||
			 !strcmp(r->o.arg, "0")))
		return 0;
	return take_list(r, row);
}

static int take_fragment(struct xt_reader *r, const struct xt_option_row *row)
{
	return xt_put_number(r, row->field, !r->o.negated, !r->o.negated);
}

static int put_tcp_flags(struct xt_reader *r, uint8_t mask, uint8_t flags)
{
	struct term t = {
		.negated = r->o.negated, .masked = true, .n_fields = 1,
		.field = { FIELD_TCP_FLAGS }, .mask = { mask },
	};
	struct key_range v;

	xt_key_number(flags, flags, 1, &v);
	return xt_put(r, t, &v);
}

static int take_tcp_flags(struct xt_reader *r, const struct xt_option_row *row)
{
	const char *mask_word = xt_word(r, 0), *word = xt_word(r, 1);
	uint8_t mask, flags;

	(void)row;
	if (!mask_word || !word || xt_parse_tcp_flags(mask_word, &mask) ||
	    xt_parse_tcp_flags(word, &flags))
		return xt_put_opaque(r);
	return put_tcp_flags(r, mask, flags);
}

/* SYN of SYN, RST, ACK, FIN */
static int take_syn(struct xt_reader *r, const struct xt_option_row *row)
{
	(void)row;
	return put_tcp_flags(r, 0x17, 0x02);
}

static int take_icmp(struct xt_reader *r, const struct xt_option_row *row)
{
	struct term t = {
		.negated = r->o.negated,
		.field = { FIELD_ICMP_TYPE, FIELD_ICMP_CODE },
	};
	struct key_range v[2];

	(void)row;
	if (!r->o.arg || xt_parse_icmp(r->family, r->o.arg, v))
		return xt_put_opaque(r);
	t.n_fields = v[1].last[0] == v[1].first[0] ? 2 : 1;
	return xt_put(r, t, v);
}

static int take_mark(struct xt_reader *r, const struct xt_option_row *row)
{
	struct term t = {
		.negated = r->o.negated, .n_fields = 1,
		.field = { (uint8_t)r->mark },
	};
	struct key_range v, bits;
	uint32_t value, mask;

	(void)row;
	if (!r->o.arg || xt_parse_mark(r->o.arg, &value, &mask))
		return xt_put_opaque(r);
	xt_key_number(mask, mask, 4, &bits);
	t.masked = mask != UINT32_MAX;
	if (t.masked)
		memcpy(t.mask, bits.first, 4);
	xt_key_number(value, value, 4, &v);
	return xt_put(r, t, &v);
}

static int take_status(struct xt_reader *r, const struct xt_option_row *row)
{
	(void)row;
	r->status = (struct xt_list){ r->o.arg ? r->o.arg : "",
				      r->o.negated };
	return 0;
}

static int take_type(struct xt_reader *r, const struct xt_option_row *row)
{
	r->types[row->field == FIELD_DADDR_TYPE] =
		(struct xt_list){ r->o.arg ? r->o.arg : "", r->o.negated };
	return 0;
}

int xt_terms_unknown_set(struct foreign *f, const char *name,
			 const char *flags, struct term *t)
{
	bool src = !strncmp(flags, "src", 3);
	int err = foreign_begin_set(f, name, 1, false, &t->set);

	t->n_fields = 1;
	t->field[0] = src ? FIELD_SADDR : FIELD_DADDR;
	if (!err)
		f->sets[t->set].known = false;
	return err;
}

static int take_set(struct xt_reader *r, const struct xt_option_row *row)
{
	const char *name = xt_word(r, 0), *flags = xt_word(r, 1);
	struct term t = { .negated = r->o.negated };
	int err;

	(void)row;
	name = name ? intern(name) : NULL;
	if (!name || !flags)
		return xt_put_opaque(r);
	t.family = r->family;
	err = r->sets ? r->sets->fill(r->sets->arg, r->f, r->family, name,
				      flags, &t) :
			xt_terms_unknown_set(r->f, name, flags, &t);
	return err ? err : foreign_add_term(r->f, &t);
}

/* `seen` alone says it. */
static int take_note(struct xt_reader *r, const struct xt_option_row *row)
{
	(void)r;
	(void)row;
	return 0;
}

/* Sorted by name. */
static const struct xt_option_row rows[] = {
	{ .name = "--and-mark", .take = xt_take_target_mark },
	{ .name = "--ctdir", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctexpire", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctmask", .take = xt_take_mark_mask },
	{ .name = "--ctorigdst", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctorigdstport", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctorigsrc", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctorigsrcport", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctproto", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctrepldst", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctrepldstport", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctreplsrc", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctreplsrcport", .take = take_note, .seen = SEEN_ENTRY },
	{ .name = "--ctstate", .take = take_list, .parse = xt_parse_state,
	  .field = FIELD_STATE, .seen = SEEN_STATE },
	{ .name = "--ctstatus", .take = take_status, .seen = SEEN_STATUS },
	{ .name = "--destination", .take = take_addr, .parse = xt_parse_addr,
	  .field = FIELD_DADDR, .in_head = true },
	{ .name = "--destination-port", .take = take_list,
	  .parse = xt_parse_port, .field = FIELD_DPORT, .seen = SEEN_PORTS },
	{ .name = "--destination-ports", .take = take_list,
	  .parse = xt_parse_port, .field = FIELD_DPORT, .seen = SEEN_PORTS },
	{ .name = "--dport", .take = take_list, .parse = xt_parse_port,
	  .field = FIELD_DPORT, .seen = SEEN_PORTS },
	{ .name = "--dports", .take = take_list, .parse = xt_parse_port,
	  .field = FIELD_DPORT, .seen = SEEN_PORTS },
	{ .name = "--dst", .take = take_addr, .parse = xt_parse_addr,
	  .field = FIELD_DADDR, .in_head = true },
	{ .name = "--dst-range", .take = take_span, .parse = xt_parse_span,
	  .field = FIELD_DADDR },
	{ .name = "--dst-type", .take = take_type, .field = FIELD_DADDR_TYPE },
	{ .name = "--fragments", .take = take_fragment,
	  .field = FIELD_FRAGMENT, .in_head = true },
	{ .name = "--helper", .take = take_note, .seen = SEEN_HELPER },
	{ .name = "--icmp-type", .take = take_icmp, .seen = SEEN_PORTS },
	{ .name = "--icmpv6-type", .take = take_icmp, .seen = SEEN_PORTS },
	{ .name = "--in-interface", .take = take_iface, .field = FIELD_IIF,
	  .in_head = true },
	{ .name = "--left-shift-mark", .take = take_note,
	  .seen = SEEN_LOSE_MARK },
	{ .name = "--limit-iface-in", .take = take_note,
	  .seen = SEEN_LIMIT_IFACE },
	{ .name = "--limit-iface-out", .take = take_note,
	  .seen = SEEN_LIMIT_IFACE },
	{ .name = "--map-mark", .take = take_note, .seen = SEEN_LOSE_MARK },
	{ .name = "--mark", .take = take_mark },
	{ .name = "--mask", .take = xt_take_mark_mask },
	{ .name = "--match-set", .take = take_set },
	{ .name = "--nfmask", .take = xt_take_mark_mask },
	{ .name = "--notrack", .take = take_note, .seen = SEEN_NOTRACK },
	{ .name = "--nowildcard", .take = take_note,
	  .seen = SEEN_SOCKET | SEEN_NOWILDCARD },
	{ .name = "--odd-interface", .take = take_odd_iface, .in_head = true },
	{ .name = "--or-mark", .take = xt_take_target_mark },
	{ .name = "--out-interface", .take = take_iface, .field = FIELD_OIF,
	  .in_head = true },
	{ .name = "--ports", .take = take_ports, .parse = xt_parse_port },
	{ .name = "--protocol", .take = take_proto, .parse = xt_parse_proto,
	  .field = FIELD_L4PROTO, .in_head = true },
	{ .name = "--restore-mark", .take = take_note, .seen = SEEN_RESTORE },
	{ .name = "--restore-skmark", .take = take_note,
	  .seen = SEEN_SOCKET | SEEN_SKMARK },
	{ .name = "--right-shift-mark", .take = take_note,
	  .seen = SEEN_LOSE_MARK },
	{ .name = "--save-mark", .take = take_note, .seen = SEEN_SAVE },
	{ .name = "--set-mark", .take = xt_take_target_mark },
	{ .name = "--set-xmark", .take = xt_take_target_mark },
	{ .name = "--source", .take = take_addr, .parse = xt_parse_addr,
	  .field = FIELD_SADDR, .in_head = true },
	{ .name = "--source-port", .take = take_list, .parse = xt_parse_port,
	  .field = FIELD_SPORT, .seen = SEEN_PORTS },
	{ .name = "--source-ports", .take = take_list,
	  .parse = xt_parse_port, .field = FIELD_SPORT, .seen = SEEN_PORTS },
	{ .name = "--sport", .take = take_list, .parse = xt_parse_port,
	  .field = FIELD_SPORT, .seen = SEEN_PORTS },
	{ .name = "--sports", .take = take_list, .parse = xt_parse_port,
	  .field = FIELD_SPORT, .seen = SEEN_PORTS },
	{ .name = "--src", .take = take_addr, .parse = xt_parse_addr,
	  .field = FIELD_SADDR, .in_head = true },
	{ .name = "--src-range", .take = take_span, .parse = xt_parse_span,
	  .field = FIELD_SADDR },
	{ .name = "--src-type", .take = take_type, .field = FIELD_SADDR_TYPE },
	{ .name = "--state", .take = take_list, .parse = xt_parse_state,
	  .field = FIELD_STATE, .seen = SEEN_STATE },
	{ .name = "--syn", .take = take_syn, .seen = SEEN_PORTS },
	{ .name = "--tcp-flags", .take = take_tcp_flags, .seen = SEEN_PORTS },
	{ .name = "--to", .take = xt_take_move },
	{ .name = "--to-destination", .take = xt_take_move },
	{ .name = "--to-ports", .take = xt_take_move },
	{ .name = "--to-source", .take = xt_take_move },
	{ .name = "--tproxy-mark", .take = xt_take_target_mark },
	{ .name = "--transparent", .take = take_note,
	  .seen = SEEN_SOCKET | SEEN_TRANSPARENT },
	{ .name = "--xor-mark", .take = xt_take_target_mark },
	{ .name = "--zone", .take = xt_take_zone, .seen = SEEN_ZONE },
	{ .name = "--zone-orig", .take = xt_take_zone, .seen = SEEN_ZONE },
	{ .name = "--zone-reply", .take = xt_take_zone, .seen = SEEN_ZONE },
};

static int compare(const void *key, const void *row)
{
	return strcmp(key, ((const struct xt_option_row *)row)->name);
}

const struct xt_option_row *xt_find_option(const char *name,
					   bool may_be_short)
{
	const struct xt_option_row *found =
		bsearch(name, rows, ARRAY_SIZE(rows), sizeof(rows[0]), compare);
	size_t len = strlen(name);

	if (found || !may_be_short || len < ABBREVIATION_MIN)
		return found;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strncmp(rows[i].name, name, len))
			continue;
		/* "--dpor": of tcp's and multiport's, either will do. */
		if (found && (found->take != rows[i].take ||
			      found->field != rows[i].field ||
			      found->seen != rows[i].seen))
			return NULL;
		found = &rows[i];
	}
	return found;
}
