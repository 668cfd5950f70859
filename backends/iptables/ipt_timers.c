/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_timers.h"

#include <errno.h>
#include <string.h>

#include "backends/iptables/ipt.h"
#include "backends/lower/timers.h"
#include "core/digest.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "host/cttimeout.h"

/* Names that differ. */
static const struct {
	const char *own, *nfct;
} names[] = {
	{ "unack", "unacknowledged" }, { "ipv6-icmp", "icmpv6" },
};

static const char *to_nfct(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].own, word))
			return names[i].nfct;
	return word;
}

static const char *from_nfct(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].nfct, word))
			return names[i].own;
	return word;
}

/* Places among the numbers: names are kept in kernels, so none may move. */
static const struct {
	uint8_t proto;
	uint32_t first;			/* of its masks, less one */
} protocols[] = {
	{ IPPROTO_TCP, 0 }, { IPPROTO_SCTP, 2048 }, { IPPROTO_DCCP, 2304 },
	{ IPPROTO_UDP, 2432 }, { IPPROTO_UDPLITE, 2436 },
	{ IPPROTO_GRE, 2440 }, { IPPROTO_ICMP, 2444 },
	{ IPPROTO_ICMPV6, 2446 },
};

#define KINDS 2560			/* of both protocol and mask */
#define DIGITS 62
#define NUMBERS (DIGITS * DIGITS * DIGITS)
#define SERIALS (NUMBERS / (2 * KINDS))
#define NAME_LEN 4

static const char digits[] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void print_name(uint32_t number, char name[NAME_LEN + 1])
{
	name[0] = '@';
	name[1] = digits[number / (DIGITS * DIGITS)];
	name[2] = digits[number / DIGITS % DIGITS];
	name[3] = digits[number % DIGITS];
	name[4] = '\0';
}

/* What an object of that name must be; false: it is none of ctpolicy's. */
static bool read_name(const char *name, uint8_t *proto, uint8_t *family,
		      uint32_t *mask)
{
	uint32_t number = 0, kind;
	size_t i;

	if (strlen(name) != NAME_LEN || *name != '@')
		return false;
	for (i = 1; i < NAME_LEN; i++) {
		const char *digit = strchr(digits, name[i]);

		if (!digit)
			return false;
		number = number * DIGITS + (uint32_t)(digit - digits);
	}
	kind = number % KINDS;
	*family = number / KINDS % 2 ? AF_INET6 : AF_INET;
	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		*proto = protocols[i].proto;
		*mask = kind - protocols[i].first + 1;
		if (kind >= protocols[i].first &&
		    !(*mask >> timers_count(*proto)))
			return true;
	}
	return false;
}

static uint32_t kind_of(const struct timers *t)
{
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(protocols) && protocols[i].proto != t->proto)
		i++;
	return protocols[i].first + timers_mask(t) - 1;
}

/*
 * The name hangs on the timers, as far as it can: then other timers of the
 * policy's do not change it.
 */
int ipt_timers_need(struct image_table *t, const char *words, uint8_t family,
		    const char **ret)
{
	uint32_t serial = digest_fold(digest_add(DIGEST_START, words,
						 strlen(words)));
	char name[NAME_LEN + 1];
	struct timers timers;
	struct image_set *s = NULL;
	int err = timers_parse(words, &timers);

	for (uint32_t i = 0; !err && i < SERIALS; i++) {
		print_name(((serial + i) % SERIALS * 2 + (family == AF_INET6)) *
				   KINDS + kind_of(&timers), name);
		s = image_find_set(t, name);
		if (!s || !strcmp(s->timers, words))
			break;
		s = NULL;
		if (i + 1 == SERIALS)
			return -FAULT_LACKING;
	}
	if (err)
		return err;
	s = timers_set(t, name);
	if (!s)
		return -ENOMEM;
	*ret = s->name;
	return timers_take(s, family, &timers, timers_mask(&timers));
}

static int take_listed(const char *name, uint8_t family,
		       const struct timers *t, void *arg)
{
	struct timers copy = *t;
	uint8_t proto, fam;
	struct image_set *s;
	uint32_t mask;

	if (!read_name(name, &proto, &fam, &mask) || proto != t->proto ||
	    fam != family)
		return 0;
	s = timers_set(arg, name);
	return s ? timers_take(s, family, &copy, mask) : -ENOMEM;
}

int ipt_timers_list(struct image_table *t, struct diags *d)
{
	int err = cttimeout_list(take_listed, t);

	if (!err || err == -ENOMEM)
		return err;
	return diag_add(d, DIAG_ERROR, err, ID_TIMERS_UNREADABLE, NOPOS,
			"the timeouts of -j CT cannot be read: %s",
			strerror(-err));
}

static int say(const struct image_set *s, bool add, int err, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };
	bool lacks = add && err == -EOPNOTSUPP;

	ipt_timers_print(s, add, &line);
	diag_add(d, DIAG_ERROR, 0, ID_TIMERS_REFUSED, NOPOS,
		 "the kernel refuses 'nfct %s': %s",
		 strbuf_text(&line, &d->lost),
		 strerror(-err));
	if (lacks)
		diag_help(d, "this kernel has no such timeouts (module nfnetlink_cttimeout): try --backend nftables, or remove the service from `tracked`");
	else if (err == -EBUSY)
		diag_help(d, "a rule of this host's own names it in -j CT --timeout: take that rule out first");
	else if (err == -EPERM)
		diag_help(d, "CAP_NET_ADMIN is missing");
	return lacks ? -FAULT_LACKING : err;
}

int ipt_timers_add(const struct image_set *s, bool replace, struct diags *d)
{
	struct timers t = { 0 };
	int err = timers_parse(s->timers, &t);

	if (!err)
		err = cttimeout_add(s->name, s->family, &t, replace);
	return err ? say(s, true, err, d) : 0;
}

int ipt_timers_delete(const struct image_set *s, struct diags *d)
{
	int err = cttimeout_delete(s->name);

	return err && err != -ENOENT ? say(s, false, err, d) : 0;
}

void ipt_timers_print(const struct image_set *s, bool add, struct strbuf *out)
{
	struct timers t = { 0 };
	const char *key;

	strbuf_printf(out, "%s timeout %s", add ? "add" : "delete", s->name);
	if (!add || timers_parse(s->timers, &t))
		return;
	strbuf_printf(out, " %s %s", s->family == AF_INET6 ? "inet6" : "inet",
		      to_nfct(protocol_name(t.proto)));
	for (unsigned int i = 1; (key = timers_key(t.proto, i)); i++)
		if (t.v[i])
			strbuf_printf(out, " %s %u", to_nfct(key), t.v[i]);
}

/* "udp unreplied 2 replied 3", from argument i on */
static int words_of(const struct ipt_args *a, size_t i, struct strbuf *ret)
{
	for (size_t k = i; k < a->n; k++)
		strbuf_printf(ret, "%s%s", k > i ? " " : "",
			      from_nfct(a->v[k]));
	return strbuf_status(ret);
}

int ipt_timers_take_line(const struct ipt_args *a, struct image_table *t,
			 size_t *ret_bad)
{
	static const char *const head[] = { "add", "timeout" };
	_cleanup_(strbuf_release) struct strbuf words = { 0 };
	struct timers timers = { 0 };
	struct image_set *s;
	uint8_t proto, family;
	uint32_t mask;
	int err = words_of(a, 4, &words);

	if (err)
		return err;
	for (*ret_bad = 0; *ret_bad < ARRAY_SIZE(head); (*ret_bad)++)
		if (*ret_bad >= a->n || strcmp(a->v[*ret_bad], head[*ret_bad]))
			return -EINVAL;
	if (a->n < 5 || !read_name(a->v[2], &proto, &family, &mask))
		return -EINVAL;
	*ret_bad = 3;
	if (strcmp(a->v[3], family == AF_INET6 ? "inet6" : "inet"))
		return -EINVAL;
	*ret_bad = 4;
	err = timers_parse(strbuf_str(&words), &timers);
	if (!err && timers.proto != proto)
		err = -EINVAL;
	if (err)
		return err;
	s = timers_set(t, a->v[2]);
	return s ? timers_take(s, family, &timers, mask) : -ENOMEM;
}
