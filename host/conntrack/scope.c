/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/scope.h"

#include <string.h>

#include "core/mem.h"
#include "host/conntrack/local_addresses.h"

/* No interface can have this name. */
#define NOWHERE "/"

int scope_open(struct scope *s, const struct image *out,
	       const struct image *but)
{
	int err;

	*s = (struct scope){ 0 };
	err = image_flows_new(out, &s->out);
	if (!err && but)
		err = image_flows_new(but, &s->but);
	if (!err)
		err = local_addresses(&s->local);
	if (err)
		return err;
	s->by_interface = image_flows_by_interface(s->out) ||
			  (s->but && image_flows_by_interface(s->but));
	return s->by_interface ? routes_open(&s->routes) : 0;
}

void scope_release(struct scope *s)
{
	image_flows_free(&s->out);
	image_flows_free(&s->but);
	prefix_set_release(&s->local);
	routes_close(&s->routes);
}

int scope_status(const struct scope *s)
{
	int err = image_flows_status(s->out);

	return err || !s->but ? err : image_flows_status(s->but);
}

static bool is_group(uint8_t family, const uint8_t *addr)
{
	static const uint8_t everyone[4] = { 255, 255, 255, 255 };

	if (family == AF_INET6)
		return addr[0] == 0xff;
	return (addr[0] & 0xf0) == 0xe0 || !memcmp(addr, everyone, 4);
}

static bool is_local(const struct scope *s, uint8_t family,
		     const uint8_t *addr)
{
	return prefix_set_contains(&s->local, family, addr);
}

void scope_place(const struct scope *s, struct flow *f)
{
	f->to_local = is_local(s, f->family, f->daddr);
	f->to_group = is_group(f->family, f->daddr);
	f->loopback = f->to_local && is_local(s, f->family, f->saddr);
}

static void name_interface(struct scope *s, const struct flow *f,
			   const uint8_t *to, const uint8_t *from,
			   char ret[static 16])
{
	if (f->loopback)
		memcpy(ret, "lo", sizeof("lo"));
	else if (routes_interface(&s->routes, f->family, to, from, ret))
		memcpy(ret, NOWHERE, sizeof(NOWHERE));
}

/* Fill in the interfaces, if any rule asks for them. */
static struct flow locate(struct scope *s, const struct flow *f)
{
	bool from_here = is_local(s, f->family, f->saddr);
	struct flow x = *f;

	if (!s->by_interface)
		return x;
	if (!from_here)
		name_interface(s, f, f->saddr, f->to_local ? f->daddr : NULL,
			       x.iif);
	if (f->loopback)
		memcpy(x.iif, "lo", sizeof("lo"));
	if (!f->to_local || f->loopback)
		name_interface(s, f, f->daddr, from_here ? f->saddr : NULL,
			       x.oif);
	return x;
}

/* Which of ctpolicy's hooks such a packet meets first. */
static enum hook first_hook(const struct scope *s, const struct flow *f)
{
	return is_local(s, f->family, f->saddr) ? HOOK_OUTPUT :
						  HOOK_PREROUTING;
}

static bool takes(const struct scope *s, struct image_flows *x,
		  const struct flow *f)
{
	return x && image_untracks(x, f, first_hook(s, f));
}

/* Looking up routes is expensive: first see whether it matters. */
bool scope_has_one_way(struct scope *s, const struct flow *f)
{
	struct flow x;

	if (!takes(s, s->out, f))
		return false;
	x = locate(s, f);
	return (!s->by_interface || takes(s, s->out, &x)) &&
	       !takes(s, s->but, &x);
}

bool scope_has(struct scope *s, const struct flow *f)
{
	struct flow back = flow_reversed(f), x;

	scope_place(s, &back);
	if (!takes(s, s->out, f) || !takes(s, s->out, &back))
		return false;
	x = locate(s, f);
	back = flow_reversed(&x);
	scope_place(s, &back);
	return (!s->by_interface ||
		(takes(s, s->out, &x) && takes(s, s->out, &back))) &&
	       !(takes(s, s->but, &x) && takes(s, s->but, &back));
}
