/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_print.c: a kernel entry as arguments, through the
 * extensions' own save callbacks.
 */
#include <errno.h>
#include <string.h>

#include "backends/xtables/xt.h"
#include "backends/xtables/xt_guard.h"
#include "core/mem.h"

struct print {
	struct xt_head head;
	const char *target;
	uint16_t target_offset;
	enum { OURS_ALONE, ANY, NONE } extensions;
	const struct xt_entry_match *match;	/* by itself */
	const struct xt_entry_target *blob;
	FILE *out;
};

/*
 * Extensions that a rule of ours can have. Any other makes the rule one that
 * we cannot read, and its library need not be loaded to find that out.
 */
static bool is_known(const char *name)
{
	static const char *const known[] = {
		"tcp", "udp", "sctp", "dccp", "udplite", "multiport", "icmp",
		"icmp6", "frag", "addrtype", "conntrack", "state", "set",
		"socket", "comment", "CT", "NOTRACK",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], name))
			return true;
	return false;
}

/* May its library be asked? */
static bool may_ask(const struct print *p, const char *name)
{
	return p->extensions == ANY ||
	       (p->extensions == OURS_ALONE && is_known(name));
}

static const void *ip_of(const struct print *p)
{
	return p->head.family == NFPROTO_IPV4 ?
		       (const void *)&p->head.v4->ip :
		       (const void *)&p->head.v6->ipv6;
}

/*
 * Not loaded for once, so what it would say of a rule of ours is not known;
 * of others there may be none.
 */
static int lacking(const struct print *p, const char *what, const char *name)
{
	if (p->extensions != OURS_ALONE)
		return 0;
	xt_guard_complain("libxtables cannot load %s %s", what, name);
	return -EIO;
}

static int print_match(struct print *p, const struct xt_entry_match *e)
{
	const char *name = e->u.user.name;
	struct xtables_match *m = NULL;
	int err = 0;

	if (xt_is_unsaid(e)) {
		fprintf(p->out, " -m %s --unknown-revision %u", name,
			e->u.user.revision);
		return 0;
	}
	xt_guard_hold(name, e->u.user.revision);
	if (may_ask(p, name)) {
		m = xt_guard_match(name, NULL);
		err = m ? 0 : lacking(p, "match", name);
	}
	if (err)
		return err;
	if (m)
		m = xtables_find_match_revision(name, XTF_TRY_LOAD, m,
						e->u.user.revision);
	fprintf(p->out, " -m %s", m && m->alias ? m->alias(e) : name);
	if (!m || e->u.match_size < XT_ALIGN(sizeof(*e)) + m->size)
		fprintf(p->out, " --unknown-revision %u", e->u.user.revision);
	else if (m->save)
		m->save(ip_of(p), e);
	return 0;
}

static int print_target(struct print *p, const struct xt_entry_target *e)
{
	const char *name = e->u.user.name;
	struct xtables_target *t = NULL;
	int err = 0;

	if (!*p->target)
		return 0;
	if (!*name || strcmp(name, p->target)) {
		fprintf(p->out, " -%c ", xt_head_goes(&p->head) ? 'g' : 'j');
		xt_print_word(p->target, strlen(p->target), p->out);
		return 0;
	}
	xt_guard_hold(name, e->u.user.revision);
	if (may_ask(p, name)) {
		t = xt_guard_target(name);
		err = t ? 0 : lacking(p, "target", name);
	}
	if (err)
		return err;
	if (t)
		t = xtables_find_target_revision(name, XTF_TRY_LOAD, t,
						 e->u.user.revision);
	fprintf(p->out, " -j %s", t && t->alias ? t->alias(e) : name);
	if (!t && xt_print_nat(p->head.family, e, p->out))
		return 0;
	if (!t || e->u.target_size < XT_ALIGN(sizeof(*e)) + t->size)
		fprintf(p->out, " --unknown-revision %u", e->u.user.revision);
	else if (t->save)
		t->save(ip_of(p), e);
	return 0;
}

static int print(void *arg)
{
	struct print *p = arg;
	uint8_t *base = p->head.p;
	size_t at = xt_head_size(p->head.family);
	int err;

	if (p->match)
		return print_match(p, p->match);
	if (p->blob)
		return print_target(p, p->blob);
	xt_head_print(&p->head, p->out);
	while (at + sizeof(struct xt_entry_match) <= p->target_offset) {
		const struct xt_entry_match *m =
			(const struct xt_entry_match *)(void *)(base + at);

		if (m->u.match_size < sizeof(*m) ||
		    at + m->u.match_size > p->target_offset)
			return -EINVAL;
		err = print_match(p, m);
		if (err)
			return err;
		at += m->u.match_size;
	}
	return print_target(p, (const struct xt_entry_target *)(void *)
				       (base + p->target_offset));
}

/*
 * Save callbacks print to stdout and to nothing else. glibc lets a program
 * put another stream in that variable, and every printf() of a library then
 * goes there; only stdio's own stream does, no descriptor is touched, so
 * nothing that was in the real stdout's buffer gets lost or mixed in.
 */
static int print_captured(struct print *p)
{
	FILE *saved = stdout;
	int err;

	stdout = p->out;
	err = xt_guard(p->head.family, print, p);
	stdout = saved;
	return err;
}

/* What does not split is one argument, which nothing takes for a rule. */
static int split(const char *text, size_t len, struct ipt_args *ret)
{
	int err = ipt_args_split(text, len, ret);

	if (err != -EINVAL)
		return err;
	ipt_args_release(ret);
	return ipt_args_add(ret, text);
}

static int print_to_args(struct print *p, struct ipt_args *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int err, cut;

	p->out = open_memstream(&text, &len);
	if (!p->out)
		return -ENOMEM;
	err = print_captured(p);
	/*
	 * printf() of a library does not look whether there was room, and
	 * glibc's fclose() does not say that it had none.
	 */
	cut = ferror(p->out);
	if (fclose(p->out) || cut || !text)
		return -ENOMEM;
	if (err)
		return err;
	return p->extensions == OURS_ALONE ? split(text, len, ret) :
					     ipt_args_split(text, len, ret);
}

static void set_entry(struct print *p, const void *entry)
{
	/* The head's accessors serve building, too, hence no const in them. */
	memcpy(&p->head.p, &entry, sizeof(entry));
	p->target_offset = p->head.family == NFPROTO_IPV4 ?
				   p->head.v4->target_offset :
				   p->head.v6->target_offset;
}

int xt_print(uint8_t family, const void *entry, const char *target,
	     struct ipt_args *ret, struct diags *d)
{
	struct print p = { .head = { .family = family }, .target = target };
	int err;

	set_entry(&p, entry);
	err = print_to_args(&p, ret);
	/* Say so: taken for somebody's handiwork, it would be replaced. */
	if (!err || err == -ENOMEM)
		return err;
	diag_add(d, DIAG_ERROR, 0, ID_XTABLES_RULE, NOPOS,
		 "iptables: cannot read one of ctpolicy's rules: %s",
		 xt_guard_message());
	diag_help(d, "install iptables again: its extensions, libxt_*.so, are read by name");
	return -EIO;
}

/* An extension that gives up is one that cannot be asked. */
static int print_any(struct print *p, struct ipt_args *ret)
{
	int err;

	p->extensions = ANY;
	err = print_to_args(p, ret);
	if (!err || err == -ENOMEM)
		return err;
	ipt_args_release(ret);
	p->extensions = NONE;
	return print_to_args(p, ret);
}

int xt_print_any(uint8_t family, const void *entry, const char *target,
		 struct ipt_args *ret)
{
	struct print p = { .head = { .family = family }, .target = target };

	set_entry(&p, entry);
	return print_any(&p, ret);
}

int xt_blob_args(uint8_t family, bool is_target, const char *name, uint8_t rev,
		 const void *blob, size_t len, struct ipt_args *ret)
{
	static const struct ip6t_entry no_head;		/* the longer one */
	struct print p = { .head = { .family = family }, .target = name };
	size_t head = XT_ALIGN(sizeof(struct xt_entry_match));
	size_t size = head + XT_ALIGN(len);
	_cleanup_free_ struct xt_entry_match *e = NULL;
	const void *entry = &no_head;

	if (len > UINT16_MAX - 2 * head ||
	    strlen(name) >= sizeof(e->u.user.name))
		return -EINVAL;
	e = calloc(1, size);
	if (!e)
		return -ENOMEM;
	/* A target has the same head as a match. */
	e->u.match_size = (uint16_t)size;
	memcpy(e->u.user.name, name, strlen(name));
	e->u.user.revision = rev;
	if (len)
		memcpy((uint8_t *)e + head, blob, len);
	memcpy(&p.head.p, &entry, sizeof(entry));
	if (is_target)
		p.blob = (const struct xt_entry_target *)(const void *)e;
	else
		p.match = e;
	return print_any(&p, ret);
}
