/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_original.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

#include "backends/xtables/ipt_step.h"
#include "backends/xtables/xt.h"
#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* Where the parts of an entry lie; both families have them. */
struct layout {
	size_t head, target, end;
};

static void lay_out(uint8_t family, const void *entry, struct layout *ret)
{
	const struct ipt_entry *v4 = entry;
	const struct ip6t_entry *v6 = entry;

	if (family == NFPROTO_IPV4)
		*ret = (struct layout){ sizeof(*v4), v4->target_offset,
					v4->next_offset };
	else
		*ret = (struct layout){ sizeof(*v6), v6->target_offset,
					v6->next_offset };
}

static struct xt_entry_target *target_of(uint8_t family, void *entry)
{
	struct layout l;

	lay_out(family, entry, &l);
	return (void *)((char *)entry + l.target);
}

const char *ipt_original_write(const struct ipt_legacy *t, const void *entry)
{
	static const char digits[] = "0123456789abcdef";
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const uint8_t *v = entry;
	struct layout l;

	lay_out(t->family, entry, &l);
	for (size_t i = 0; i < l.end; i++) {
		strbuf_add(&b, &digits[v[i] >> 4], 1);
		strbuf_add(&b, &digits[v[i] & 15], 1);
	}
	strbuf_printf(&b, " %s", ipt_legacy_target(t, entry));
	return strbuf_status(&b) ? NULL : intern(strbuf_str(&b));
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_bytes(const char *text, size_t n, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* Does everything that the entry says of its length hold? */
static bool is_whole(uint8_t family, const uint8_t *v, size_t n)
{
	const struct xt_entry_target *t;
	struct layout l;
	size_t at;

	if (n < (family == NFPROTO_IPV4 ? sizeof(struct ipt_entry) :
					  sizeof(struct ip6t_entry)))
		return false;
	lay_out(family, v, &l);
	if (l.end != n || l.target < l.head || l.target + sizeof(*t) > n)
		return false;
	for (at = l.head; at < l.target;) {
		const struct xt_entry_match *m = (const void *)(v + at);

		if (l.target - at < sizeof(*m) ||
		    m->u.match_size < sizeof(*m) ||
		    m->u.match_size > l.target - at ||
		    strnlen(m->u.user.name, sizeof(m->u.user.name)) ==
			    sizeof(m->u.user.name))
			return false;
		at += m->u.match_size;
	}
	t = (const void *)(v + l.target);
	return t->u.target_size == n - l.target &&
	       strnlen(t->u.user.name, sizeof(t->u.user.name)) <
		       sizeof(t->u.user.name);
}

int ipt_original_read(uint8_t family, const char *text,
		      struct ipt_original *ret)
{
	size_t hex = strcspn(text, " "), n = hex / 2;
	_cleanup_free_ uint8_t *v = NULL;
	struct ipt_original o = { .family = family };

	if (hex % 2 || !n || text[hex] != ' ' ||
	    strlen(text + hex + 1) >= sizeof(o.target))
		return -EBADMSG;
	v = malloc(n);
	if (!v)
		return -ENOMEM;
	if (read_bytes(text, n, v) || !is_whole(family, v, n))
		return -EBADMSG;
	memcpy(o.target, text + hex + 1, strlen(text + hex + 1) + 1);
	o.entry = TAKE_PTR(v);
	*ret = o;
	return 0;
}

void ipt_original_release(struct ipt_original *o)
{
	free(o->entry);
	*o = (struct ipt_original){ 0 };
}

bool ipt_original_is(const struct ipt_original *o, const struct ipt_legacy *t,
		     const void *entry)
{
	const char *target = ipt_legacy_target(t, entry);

	return !strcmp(o->target, target) &&
	       ipt_legacy_digest_entry(t->family, entry, target) ==
		       ipt_legacy_digest_entry(o->family, o->entry, o->target);
}

const char *ipt_original_lacks(const struct ipt_original *o,
			       const struct ipt_legacy *t)
{
	static const char *const verdicts[] = {
		"", "ACCEPT", "DROP", "QUEUE", "RETURN",
	};

	if (*target_of(o->family, o->entry)->u.user.name)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++)
		if (!strcmp(o->target, verdicts[i]))
			return NULL;
	return ipt_legacy_has_chain(t, o->target) ? NULL : o->target;
}

int ipt_original_print(const struct image_table *t, const char *chain,
		       const char *text, struct strbuf *out)
{
	_cleanup_(ipt_original_release) struct ipt_original o = { 0 };
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	int err = ipt_original_read(t->family, text, &o);

	if (!err)
		err = xt_print_any(t->family, o.entry, o.target, &a);
	if (err)
		return err;
	ipt_print_adding(t, chain, &a, out);
	return strbuf_status(out);
}

/* Verdicts and chains have no name in what libiptc hands out. */
void ipt_original_name_target(struct ipt_original *o)
{
	struct xt_entry_target *t = target_of(o->family, o->entry);

	if (*t->u.user.name)
		return;
	memset(t->u.user.name, 0, sizeof(t->u.user.name));
	memcpy(t->u.user.name, o->target,
	       strnlen(o->target, sizeof(t->u.user.name) - 1));
}
