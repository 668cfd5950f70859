/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/iptables/ipt_live_sets.c: what an ipset holds, as ranges of keys. */
#include "backends/iptables/ipt_live.h"

#include <errno.h>
#include <string.h>

#include "backends/iptables/ipt_kernel.h"
#include "backends/iptables/ipt_sets.h"
#include "backends/xtables/xt_reader.h"
#include "core/mem.h"

/* One use of a set: the same name, sides and family have the same ranges. */
struct use {
	const char *name;		/* interned */
	char flags[64];
	uint8_t family;
	struct term t;
};

struct ipt_live_sets {
	struct backend_ctx *ctx;
	struct use *v;
	size_t n, cap;
};

struct ipt_live_sets *ipt_live_sets_new(struct backend_ctx *ctx)
{
	struct ipt_live_sets *s = calloc(1, sizeof(*s));

	if (s)
		s->ctx = ctx;
	return s;
}

void ipt_live_sets_free(struct ipt_live_sets **s)
{
	if (!*s)
		return;
	free((*s)->v);
	free(*s);
	*s = NULL;
}

enum dimension { DIM_ADDR, DIM_PORT, DIM_PROTO_PORT };

struct filling {
	struct xt_reader words;		/* for their parsers: the family */
	struct foreign *f;
	const char *name, *flags;
	struct term *t;
	enum dimension dim[IPT_SET_DIMS];
	size_t n_dims;
	bool begun, full;		/* full: nothing more goes in */
};

/* "src", of flag number i */
static int side(const char *flags, size_t i, bool *ret_src)
{
	for (; i; i--) {
		flags += strcspn(flags, ",");
		if (!*flags++)
			return -EINVAL;
	}
	*ret_src = !strncmp(flags, "src", 3);
	return 0;
}

/* "hash:ip,port,net" */
static int take_kind(struct filling *s, const char *kind)
{
	const char *word = strchr(kind, ':');
	bool bitmap = !strncmp(kind, "bitmap:", 7);

	if (!word || (!bitmap && strncmp(kind, "hash:", 5)))
		return -EINVAL;
	do {
		size_t n = strcspn(++word, ",");
		bool addr = (n == 2 && !strncmp(word, "ip", 2)) ||
			    (n == 3 && !strncmp(word, "net", 3));

		if (s->n_dims == ARRAY_SIZE(s->dim) ||
		    (!addr && (n != 4 || strncmp(word, "port", 4))))
			return -EINVAL;
		s->dim[s->n_dims++] = addr   ? DIM_ADDR :
				      bitmap ? DIM_PORT : DIM_PROTO_PORT;
		word += n;
	} while (*word);
	return 0;
}

static void add_field(struct term *t, enum packet_field field)
{
	t->field[t->n_fields++] = (uint8_t)field;
}

static int take_fields(struct filling *s)
{
	s->t->family = 0;
	s->t->lax = true;
	for (size_t i = 0; i < s->n_dims; i++) {
		bool src;

		if (side(s->flags, i, &src))
			return -EINVAL;
		if (s->dim[i] == DIM_ADDR) {
			add_field(s->t, src ? FIELD_SADDR : FIELD_DADDR);
			s->t->family = s->words.family;
		}
		if (s->dim[i] != DIM_ADDR)
			add_field(s->t, FIELD_L4PROTO);
		if (s->dim[i] != DIM_ADDR)
			add_field(s->t, src ? FIELD_SPORT : FIELD_DPORT);
	}
	return 0;
}

/* A set of the other family holds no packet of this one. */
static int take_create(struct filling *s, const struct ipt_args *a)
{
	static const char *const odd[] = { "netmask", "bitmask", "markmask" };
	const char *want = s->words.family == NFPROTO_IPV4 ? "inet" : "inet6";
	int err;

	if (a->n < 3 || take_kind(s, a->v[2]) || take_fields(s))
		return -EINVAL;
	for (size_t i = 3; i + 1 < a->n; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(odd); k++)
			if (!strcmp(a->v[i], odd[k]))
				return -EINVAL;
		if (!strcmp(a->v[i], "family"))
			s->full = strcmp(a->v[i + 1], want);
	}
	/* bitmap:ip is of IPv4, and says no family. */
	if (!strncmp(a->v[2], "bitmap:ip", 9))
		s->full = s->words.family != NFPROTO_IPV4;
	err = foreign_begin_set(s->f, s->name, s->t->n_fields, false,
				&s->t->set);
	s->begun = !err;
	return err;
}

/* "tcp:80": of protocols whose packets have these ports. */
static int take_port(const struct filling *s, bool has_proto, char *word,
		     struct key_range **v)
{
	static const char *const with_ports[] = {
		"tcp", "udp", "sctp", "udplite",
	};
	char *colon = has_proto ? strchr(word, ':') : NULL;
	bool known = !has_proto;

	if (colon) {
		*colon = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(with_ports); i++)
			known |= !strcmp(word, with_ports[i]);
	}
	if (!known || (colon && xt_parse_proto(&s->words, word, (*v)++)))
		return -EINVAL;
	/* a bitmap has the ports of TCP and UDP alone, and none lie between */
	if (!has_proto)
		xt_key_number(IPPROTO_TCP, IPPROTO_UDP, 1, (*v)++);
	return xt_parse_port(&s->words, colon ? colon + 1 : word, (*v)++);
}

static int take_add(struct filling *s, const struct ipt_args *a)
{
	struct key_range v[TERM_FIELDS_MAX] = { 0 }, *at = v;
	char *word, *rest;

	if (a->n < 3)
		return -EINVAL;
	for (size_t i = 3; i < a->n; i++)
		if (!strcmp(a->v[i], "nomatch"))
			return -EINVAL;
	rest = a->v[2];
	for (size_t i = 0; i < s->n_dims; i++) {
		word = strsep(&rest, ",");
		if (!word)
			return -EINVAL;
		if (s->dim[i] == DIM_ADDR ?
			    xt_parse_addr(&s->words, word, at++) :
			    take_port(s, s->dim[i] == DIM_PROTO_PORT, word,
				      &at))
			return -EINVAL;
	}
	return rest ? -EINVAL : foreign_add_key(s->f, v, NULL);
}

static int take_line(void *arg, const struct ipt_args *a)
{
	struct filling *s = arg;

	if (!strcmp(a->v[0], "create"))
		return take_create(s, a);
	if (strcmp(a->v[0], "add"))
		return 0;
	return !s->begun ? -EINVAL : s->full ? 0 : take_add(s, a);
}

/* What was filled in before it turned out not to be understood goes again. */
static int give_up(struct filling *s)
{
	if (s->begun) {
		s->f->n_ranges = s->f->sets[--s->f->n_sets].first;
		s->begun = false;
	}
	s->t->n_fields = 0;
	s->t->lax = false;
	s->t->family = s->words.family;
	return xt_terms_unknown_set(s->f, s->name, s->flags, s->t);
}

static int fill(struct ipt_live_sets *in, struct filling *s)
{
	int err = in->ctx->sets ? 0 : ipset_open(&in->ctx->sets, NULL);

	if (!err)
		err = ipset_save(in->ctx->sets, s->name, take_line, s);
	if (err == -ENOMEM)
		return err;
	return err || !s->begun ? give_up(s) : 0;
}

int ipt_live_set_fill(void *arg, struct foreign *f, uint8_t family,
		      const char *name, const char *flags, struct term *t)
{
	struct ipt_live_sets *in = arg;
	struct filling s = {
		.words = { .family = family }, .f = f, .name = name,
		.flags = flags, .t = t,
	};
	struct use *u;
	int err;

	for (size_t i = 0; i < in->n; i++)
		if (in->v[i].name == name && in->v[i].family == family &&
		    !strcmp(in->v[i].flags, flags)) {
			bool negated = t->negated;

			*t = in->v[i].t;
			t->negated = negated;
			return 0;
		}
	err = f->without_own && own_names_nft(name) ? give_up(&s) :
						      fill(in, &s);
	if (err || strlen(flags) >= sizeof(u->flags))
		return err;
	if (mem_grow(&in->v, &in->cap, in->n + 1))
		return -ENOMEM;
	u = &in->v[in->n++];
	*u = (struct use){ .name = name, .family = family, .t = *t };
	memcpy(u->flags, flags, strlen(flags) + 1);
	return 0;
}
