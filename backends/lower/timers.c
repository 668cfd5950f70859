/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/lower/timers.h"

#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"

struct image_set *timers_set(struct image_table *t, const char *name)
{
	struct image_set *s = image_find_set(t, name);

	return s ? s : image_add_set(t, name);
}

int timers_take(struct image_set *s, uint8_t family, struct timers *t,
		uint32_t mask)
{
	_cleanup_(strbuf_release) struct strbuf words = { 0 };

	timers_keep(t, mask);
	timers_print(t, &words);
	if (strbuf_status(&words))
		return -ENOMEM;
	s->family = family;
	s->timers = intern(strbuf_str(&words));
	return s->timers ? 0 : -ENOMEM;
}
