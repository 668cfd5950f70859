/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/scope.h"

#include <string.h>

#include "core/mem.h"
#include "host/conntrack/local_addresses.h"

int scope_open(struct scope *s, const struct image *out,
	       const struct image *but)
{
	int r;

	*s = (struct scope){ 0 };
	r = image_flows_new(out, &s->out);
	if (!r && but)
		r = image_flows_new(but, &s->but);
	return r ? r : local_addresses(&s->local);
}

void scope_release(struct scope *s)
{
	image_flows_free(&s->out);
	image_flows_free(&s->but);
	prefix_set_release(&s->local);
}

static bool is_group(uint8_t family, const uint8_t *addr)
{
	static const uint8_t everyone[4] = { 255, 255, 255, 255 };

	if (family == AF_INET6)
		return addr[0] == 0xff;
	return (addr[0] & 0xf0) == 0xe0 || !memcmp(addr, everyone, 4);
}

void scope_place(const struct scope *s, struct flow *f)
{
	f->to_local = prefix_set_contains(&s->local, f->family, f->daddr);
	f->to_group = is_group(f->family, f->daddr);
	f->loopback = f->to_local &&
		      prefix_set_contains(&s->local, f->family, f->saddr);
}

/* Which of our hooks such a packet meets first. */
static enum hook first_hook(const struct scope *s, const struct flow *f)
{
	return prefix_set_contains(&s->local, f->family, f->saddr) ?
		       HOOK_OUTPUT : HOOK_PREROUTING;
}

static bool takes(const struct scope *s, struct image_flows *x,
		  const struct flow *f)
{
	return x && image_untracks(x, f, first_hook(s, f));
}

bool scope_has_one_way(const struct scope *s, const struct flow *f)
{
	return takes(s, s->out, f) && !takes(s, s->but, f);
}

bool scope_has(const struct scope *s, const struct flow *f)
{
	struct flow back = flow_reversed(f);

	scope_place(s, &back);
	return takes(s, s->out, f) && takes(s, s->out, &back) &&
	       !(takes(s, s->but, f) && takes(s, s->but, &back));
}
