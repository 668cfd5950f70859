/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_unsaid.c: what the kernel takes and libxtables has no
 * words for.
 */
#include <string.h>

#include "backends/xtables/xt.h"
#include "core/mem.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv6/ip6t_frag.h>

/* "! --sport 0:65535" matches nothing, and is left out. */
static bool is_no_port(const __u16 v[2], bool inverted)
{
	return inverted && !v[0] && v[1] == UINT16_MAX;
}

/*
 * The search for a flag's name runs past the end of the table. "--tcp-flags
 * NONE SYN" matches nothing, and is left out, too.
 */
static bool tcp_is_unsaid(const void *data)
{
	const struct xt_tcp *m = data;

	return (m->flg_mask | m->flg_cmp) & ~0x3f ||
	       (!m->flg_mask && m->flg_cmp) ||
	       is_no_port(m->spts, m->invflags & XT_TCP_INV_SRCPT) ||
	       is_no_port(m->dpts, m->invflags & XT_TCP_INV_DSTPT);
}

static bool udp_is_unsaid(const void *data)
{
	const struct xt_udp *m = data;

	return is_no_port(m->spts, m->invflags & XT_UDP_INV_SRCPT) ||
	       is_no_port(m->dpts, m->invflags & XT_UDP_INV_DSTPT);
}

/* As with ports. */
static bool frag_is_unsaid(const void *data)
{
	const struct ip6t_frag *m = data;

	return m->invflags & IP6T_FRAG_INV_IDS && !m->ids[0] &&
	       m->ids[1] == UINT32_MAX;
}

bool xt_is_unsaid(const struct xt_entry_match *e)
{
	static const struct {
		const char *name;
		size_t size;
		bool (*fn)(const void *data);
	} v[] = {
		{ "tcp", sizeof(struct xt_tcp), tcp_is_unsaid },
		{ "udp", sizeof(struct xt_udp), udp_is_unsaid },
		{ "udplite", sizeof(struct xt_udp), udp_is_unsaid },
		{ "frag", sizeof(struct ip6t_frag), frag_is_unsaid },
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (!strcmp(v[i].name, e->u.user.name) &&
		    e->u.match_size >= sizeof(*e) + v[i].size)
			return v[i].fn(e->data);
	return false;
}
