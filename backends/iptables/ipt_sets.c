/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_sets.h"

#include <arpa/inet.h>
#include <string.h>

#include "backends/iptables/ipt.h"
#include "core/mem.h"
#include "core/strbuf.h"

static const struct ipt_set_kind kinds[] = {
	{ "bitmap:port", 1, { true }, { false } },
	{ "hash:ip", 1, { false }, { false } },
	{ "hash:net", 1, { false }, { true } },
	{ "hash:ip,port", 2, { false, true }, { false, false } },
	{ "hash:net,port", 2, { false, true }, { true, false } },
	{ "hash:ip,port,ip", 3, { false, true, false },
	  { false, false, false } },
	{ "hash:ip,port,net", 3, { false, true, false },
	  { false, false, true } },
};

const struct ipt_set_kind *ipt_set_kind_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* (address, port[, address]) and (port, address[, address]) */
static unsigned int field_of(const struct image_set *s, unsigned int i)
{
	return ipt_set_field(s->elems.field[0] == FIELD_PORT,
			     s->elems.n_fields, i);
}

void ipt_set_setup(struct image_set *s, const struct ipt_set_kind *k,
		   uint8_t family, uint8_t proto)
{
	enum field_type f[IPT_SET_DIMS];

	bool ports = k->port[0] || k->port[1];

	for (unsigned int i = 0; i < k->n; i++)
		f[ipt_set_field(ports, k->n, i)] =
			k->port[i]	   ? FIELD_PORT :
			family == AF_INET6 ? FIELD_ADDR6 :
					     FIELD_ADDR4;
	elems_init(&s->elems, f, k->n);
	s->family = k->n == 1 && k->port[0] ? AF_UNSPEC : family;
	/* Elements of a bitmap have no protocol, those of a hash do. */
	s->proto = k->n > 1 && k->port[1] ? proto : 0;
	snprintf(s->kind, sizeof(s->kind), "%s", k->name);
}

int ipt_range_len(const uint8_t *first, const uint8_t *last, size_t bytes)
{
	size_t i = 0;
	unsigned int host;
	int len;

	while (i < bytes && first[i] == last[i])
		i++;
	if (i == bytes)
		return (int)bytes * 8;
	host = first[i] ^ last[i];
	/* Below the first bit that differs: all zero, then all one. */
	if ((host & (host + 1)) || (first[i] & host))
		return -1;
	len = (int)i * 8 + 8;
	for (; host; host >>= 1)
		len--;
	for (i++; i < bytes; i++)
		if (first[i] != 0 || last[i] != 0xff)
			return -1;
	return len;
}

static void print_addr(const uint8_t *first, const uint8_t *last, size_t bytes,
		       bool net, struct strbuf *out)
{
	char buf[INET6_ADDRSTRLEN];
	int len = ipt_range_len(first, last, bytes);

	inet_ntop(bytes == 4 ? AF_INET : AF_INET6, first, buf, sizeof(buf));
	strbuf_puts(out, buf);
	if (net && len != (int)bytes * 8)
		strbuf_printf(out, "/%d", len);
}

void ipt_set_print_elem(const struct image_set *s, size_t i,
			struct strbuf *out)
{
	const struct ipt_set_kind *k = ipt_set_kind_find(s->kind);
	const uint8_t *first = elems_first(&s->elems, i);
	const uint8_t *last = elems_last(&s->elems, i);

	for (unsigned int j = 0; j < s->elems.n_fields; j++) {
		unsigned int f = field_of(s, j);
		size_t off = elems_offset(&s->elems, f);
		size_t bytes = field_width(s->elems.field[f]);

		if (j)
			strbuf_puts(out, ",");
		if (s->elems.field[f] != FIELD_PORT) {
			print_addr(first + off, last + off, bytes,
				   k && k->net[j], out);
			continue;
		}
		if (s->proto) {
			protocol_print(s->proto, out);
			strbuf_puts(out, ":");
		}
		strbuf_printf(out, "%u", first[off] << 8 | first[off + 1]);
	}
}

/* Room to grow by half before a set must be recreated. */
uint32_t ipt_set_maxelem(const struct image_set *s)
{
	uint32_t max = 65536;

	while (max < s->elems.n + s->elems.n / 2)
		max *= 2;
	return max;
}

/* Big enough at once: growing a full hash step by step costs time. */
uint32_t ipt_set_hashsize(const struct image_set *s)
{
	uint32_t size = 1024;

	while (size < s->elems.n / 2)
		size *= 2;
	return size;
}

void ipt_set_print_type(const struct image_set *s, struct strbuf *out)
{
	if (s->family == AF_UNSPEC) {
		strbuf_printf(out, "%s range 0-65535 comment", s->kind);
		return;
	}
	strbuf_printf(out, "%s family %s hashsize %u maxelem %u comment",
		      s->kind, s->family == AF_INET ? "inet" : "inet6",
		      ipt_set_hashsize(s), ipt_set_maxelem(s));
}

/*
 * Of what "create" says after the kind, what leaves the meaning alone. Ours
 * have comments; a timeout or a netmask makes a set another thing.
 */
static bool is_made_as_ours(const struct ipt_args *a)
{
	static const char *const tuning[] = { "family", "hashsize", "maxelem",
					      "bucketsize", "initval" };
	bool comment = false;

	for (size_t i = 3; i < a->n; i++) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_SIZE(tuning); k++)
			known |= !strcmp(a->v[i], tuning[k]);
		if (!strcmp(a->v[i], "comment")) {
			comment = true;
			continue;
		}
		if (!strcmp(a->v[i], "range"))
			known = i + 1 < a->n && !strcmp(a->v[i + 1], "0-65535");
		if (!known)
			return false;
		i++;
	}
	return comment;
}

/* create NAME KIND [family inet|inet6] ... */
static int take_create(const struct ipt_args *a, struct image_table *t,
		       size_t *ret_bad)
{
	const struct ipt_set_kind *k;
	uint8_t family = AF_INET;
	struct image_set *s;

	*ret_bad = 2;
	if (a->n < 3)
		return -EINVAL;
	k = ipt_set_kind_find(a->v[2]);
	*ret_bad = 1;
	if (image_find_set(t, a->v[1]))
		return -EINVAL;
	for (size_t i = 3; i + 1 < a->n; i++)
		if (!strcmp(a->v[i], "family"))
			family = strcmp(a->v[i + 1], "inet6") ? AF_INET :
								AF_INET6;
	s = image_add_set(t, a->v[1]);
	if (!s)
		return -ENOMEM;
	/* One that we would not make has a name and nothing more. */
	if (k && is_made_as_ours(a))
		ipt_set_setup(s, k, family, 0);
	else
		image_set_mark_unknown(s);
	return 0;
}

static int take_addr(const char *text, uint8_t family, uint8_t *first,
		     uint8_t *last)
{
	size_t bytes = addr_bytes(family);
	struct prefix p;

	if (prefix_parse(text, &p) || p.family != family)
		return -EINVAL;
	memcpy(first, p.addr, bytes);
	prefix_last(&p, p.addr);
	memcpy(last, p.addr, bytes);
	return 0;
}

/* "80", "tcp:80" */
static int take_port(char *text, struct image_set *s, uint8_t *first,
		     uint8_t *last)
{
	char *colon = strchr(text, ':');
	struct port_range r;
	int proto = 0;

	if (colon) {
		*colon = '\0';
		proto = protocol_number(text);
		text = colon + 1;
		if (proto <= 0)
			return -EINVAL;
	}
	if (port_range_parse(text, &r))
		return -EINVAL;
	if (!s->elems.n)
		s->proto = (uint8_t)proto;
	else if (s->proto != proto)
		return -ENOENT;
	first[0] = (uint8_t)(r.first >> 8);
	first[1] = (uint8_t)r.first;
	last[0] = (uint8_t)(r.last >> 8);
	last[1] = (uint8_t)r.last;
	return 0;
}

static int take_elem(const struct ipt_args *a, struct image *img,
		     struct image_set *s)
{
	uint8_t first[ELEMS_MAX_FIELDS * 16], last[ELEMS_MAX_FIELDS * 16];
	const struct origin *origin = NULL;
	char text[160], *part, *rest = text;
	int err;

	if (!s->elems.n_fields)
		return -ENOENT;
	if (snprintf(text, sizeof(text), "%s", a->v[2]) >= (int)sizeof(text))
		return -EINVAL;
	for (unsigned int j = 0; j < s->elems.n_fields; j++) {
		unsigned int f = field_of(s, j);
		size_t off = elems_offset(&s->elems, f);

		part = strsep(&rest, ",");
		if (!part)
			return -EINVAL;
		err = s->elems.field[f] == FIELD_PORT ?
			      take_port(part, s, first + off, last + off) :
			      take_addr(part, s->family, first + off,
					last + off);
		if (err)
			return err;
	}
	for (size_t i = 3; i < a->n; i++) {
		/* An exception is no member. */
		if (!strcmp(a->v[i], "nomatch"))
			return -ENOENT;
		if (!strcmp(a->v[i], "comment") && i + 1 < a->n) {
			origin = image_origin(img, a->v[++i]);
			if (!origin)
				return -ENOMEM;
		}
	}
	return rest ? -EINVAL : elems_add(&s->elems, first, last, origin);
}

int ipt_set_take_line(const struct ipt_args *a, struct image *img,
		      struct image_table *t, size_t *ret_bad)
{
	struct image_set *s;
	int err;

	*ret_bad = 0;
	if (a->n < 2)
		return -EINVAL;
	if (strncmp(a->v[1], IPT_SET_PREFIX, strlen(IPT_SET_PREFIX)))
		return 0;
	if (!strcmp(a->v[0], "create"))
		return take_create(a, t, ret_bad);
	if (strcmp(a->v[0], "add"))
		return -EINVAL;
	*ret_bad = 1;
	s = image_find_set(t, a->v[1]);
	if (!s)
		return -EINVAL;
	*ret_bad = 2;
	if (a->n < 3)
		return -EINVAL;
	err = take_elem(a, img, s);
	/*
	 * Exceptions, and elements of another protocol: only somebody else can
	 * have put them there.
	 */
	if (err == -ENOENT)
		image_set_mark_unknown(s);
	return err == -ENOENT ? 0 : err;
}
