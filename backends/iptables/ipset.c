/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipset.c: libipset knows each revision of a set type that
 * the kernel speaks. Values are handed over in binary, since its parsers ask
 * the resolver; listings come as the text of `ipset save`, for it hands out
 * nothing else. It keeps its cache of set names in globals, so one link at a
 * time.
 */
#include "backends/iptables/ipset.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libipset/ipset.h>

#include "backends/backend.h"
#include "backends/iptables/ipt_sets.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "core/digest.h"
#include "host/trace.h"
#include "rules/own_names.h"


struct limit {
	char name[IPSET_MAXNAMELEN];
	uint32_t max;
};

struct ipset_link {
	struct ipset_session *session;
	struct strbuf out;		/* printed and not yet taken */
	int (*take)(struct ipset_link *l, char *line, size_t len);
	void *arg;
	struct diags *d;
	int err;			/* of take() */
	struct limit *limits;
	size_t n_limits, cap_limits;
	uint32_t queued;
};

/* What libipset prints, line by line. */
static int on_print(struct ipset_session *session, void *p, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));
static int on_print(struct ipset_session *session, void *p, const char *fmt,
		    ...)
{
	struct ipset_link *l = p;
	size_t done = 0;
	va_list ap;

	(void)session;
	va_start(ap, fmt);
	/* A full buffer comes like this: most of a listing. */
	if (!strcmp(fmt, "%s"))
		strbuf_puts(&l->out, va_arg(ap, const char *));
	else
		strbuf_vprintf(&l->out, fmt, ap);
	va_end(ap);
	if (strbuf_status(&l->out)) {
		l->err = -ENOMEM;
		return 0;
	}
	while (l->take && !l->err) {
		char *line = l->out.s + done;
		char *end = memchr(line, '\n', l->out.n - done);

		if (!end)
			break;
		l->err = l->take(l, line, (size_t)(end - line));
		done += (size_t)(end - line) + 1;
	}
	if (done) {
		l->out.n -= done;
		memmove(l->out.s, l->out.s + done, l->out.n + 1);
	}
	return 0;
}

static const struct {
	const char *text;
	int err;
} known_errors[] = {
	{ "not permitted", -EPERM },
	{ "cannot be created: set with the same name", -EEXIST },
	{ "in use by a kernel component", -EADDRINUSE },
	{ "Kernel and userspace incompatible", -EOPNOTSUPP },
	{ "Kernel support protocol versions", -EOPNOTSUPP },
	{ "Cannot open session to kernel", -EOPNOTSUPP },
	{ "Invalid argument", -EOPNOTSUPP },
};

/* The session keeps no errno, only a sentence. */
static int session_failed(struct ipset_link *l, const char *what,
			  struct diags *d)
{
	const char *msg = ipset_session_report_msg(l->session);
	int err = -EIO;

	for (size_t i = 0; i < ARRAY_SIZE(known_errors); i++)
		if (strstr(msg, known_errors[i].text)) {
			err = known_errors[i].err;
			break;
		}
	if (d)
		diag_add(d, DIAG_ERROR, 0, ID_IPSET, NOPOS, "ipset: %s: %.*s",
			 what, (int)strcspn(msg, "\n"), msg);
	if (d && err == -EPERM)
		diag_help(d, "CAP_NET_ADMIN is missing");
	ipset_session_report_reset(l->session);
	return err;
}

int ipset_open(struct ipset_link **ret, struct diags *d)
{
	static bool loaded;
	struct ipset_link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	if (!loaded)
		ipset_load_types();
	loaded = true;
	l->session = ipset_session_init(on_print, l);
	if (!l->session) {
		free(l);
		return diag_add(d, DIAG_ERROR, -ENOMEM, ID_IPSET, NOPOS,
				"libipset does not start");
	}
	*ret = l;
	return 0;
}

void ipset_close(struct ipset_link **l)
{
	if (!*l)
		return;
	ipset_session_fini((*l)->session);
	strbuf_release(&(*l)->out);
	free((*l)->limits);
	free(*l);
	*l = NULL;
}

static int set(struct ipset_link *l, enum ipset_opt opt, const void *value)
{
	return ipset_session_data_set(l->session, opt, value);
}

struct names {
	char (*v)[IPSET_MAXNAMELEN];
	size_t n, cap;
};

static int take_name(struct ipset_link *l, char *line, size_t len)
{
	struct names *names = l->arg;

	if (len < strlen(OWN_PREFIX) || len >= IPSET_MAXNAMELEN ||
	    memcmp(line, OWN_PREFIX, strlen(OWN_PREFIX)))
		return 0;
	if (mem_grow(&names->v, &names->cap, names->n + 1))
		return -ENOMEM;
	memcpy(names->v[names->n], line, len);
	names->v[names->n++][len] = '\0';
	return 0;
}

static int list_names(struct ipset_link *l, struct names *ret)
{
	int err;

	l->take = take_name;
	l->arg = ret;
	ipset_session_output(l->session, IPSET_LIST_PLAIN);
	ipset_envopt_set(l->session, IPSET_ENV_LIST_SETNAME);
	err = ipset_cmd(l->session, IPSET_CMD_LIST, 0);
	ipset_envopt_unset(l->session, IPSET_ENV_LIST_SETNAME);
	l->take = NULL;
	host_trace("ipset list -n = %d", err);
	return l->err ? l->err : err ? -EIO : 0;
}

struct listing {
	struct image *img;
	struct image_table *t;
};

static int note_limit(struct ipset_link *l, const struct ipt_args *a)
{
	struct limit *lim;

	for (size_t i = 3; i + 1 < a->n; i++) {
		if (strcmp(a->v[i], "maxelem"))
			continue;
		if (mem_grow(&l->limits, &l->cap_limits, l->n_limits + 1))
			return -ENOMEM;
		lim = &l->limits[l->n_limits++];
		snprintf(lim->name, sizeof(lim->name), "%s", a->v[1]);
		lim->max = (uint32_t)strtoul(a->v[i + 1], NULL, 10);
	}
	return 0;
}

static int take_saved(struct ipset_link *l, char *line, size_t len)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	struct listing *in = l->arg;
	size_t bad;
	int err = ipt_args_split(line, len, &a);

	if (err || !a.n)
		return err;
	err = ipt_set_take_line(&a, in->img, in->t, &bad);
	if (err == -EINVAL)
		return diag_add(l->d, DIAG_ERROR, -EIO, ID_IPSET_LISTING, NOPOS,
				"cannot understand what ipset lists: %.*s",
				(int)(len < 80 ? len : 80), line);
	return err || strcmp(a.v[0], "create") ? err : note_limit(l, &a);
}

static int list_set(struct ipset_link *l, const char *name)
{
	int err;

	ipset_session_output(l->session, IPSET_LIST_SAVE);
	set(l, IPSET_SETNAME, name);
	err = ipset_cmd(l->session, IPSET_CMD_SAVE, 0);
	host_trace("ipset save %s = %d", name, err);
	if (l->err)
		return l->err;
	return err ? session_failed(l, name, l->d) : 0;
}

/* A session that knows nothing of what failed in the one before. */
static int renew(struct ipset_link *l)
{
	struct ipset_session *fresh = ipset_session_init(on_print, l);

	if (!fresh)
		return -ENOMEM;
	ipset_session_fini(l->session);
	l->session = fresh;
	strbuf_clear(&l->out);
	return 0;
}

int ipset_list_ours(struct ipset_link *l, struct image *img,
		    struct image_table *t, struct diags *d)
{
	struct listing in = { img, t };
	struct names names = { 0 };
	int err;

	l->d = d;
	l->n_limits = 0;
	l->err = 0;
	err = list_names(l, &names);
	/* A call that failed by chance must not make our sets disappear. */
	if (err == -EIO && !renew(l)) {
		names.n = 0;
		err = list_names(l, &names);
	}
	/*
	 * Nobody has sets of ours in a kernel that cannot list any; when sets
	 * are wanted, making them tells what is amiss.
	 */
	if (err == -EIO) {
		ipset_session_report_reset(l->session);
		err = 0;
	}
	l->take = take_saved;
	l->arg = &in;
	for (size_t i = 0; !err && i < names.n; i++)
		err = list_set(l, names.v[i]);
	l->take = NULL;
	strbuf_clear(&l->out);
	free(names.v);
	return err;
}

struct save {
	int (*take)(void *arg, const struct ipt_args *a);
	void *arg;
};

/* "Number of entries: 3" is a set's, as is its name; its memory is not. */
static int take_header(struct ipset_link *l, char *line, size_t len)
{
	static const char *const heads[] = { "Name:", "Type:",
					     "Number of entries:" };
	uint64_t *digest = l->arg;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (len > strlen(heads[i]) &&
		    !memcmp(line, heads[i], strlen(heads[i])))
			*digest = digest_add(*digest, line, len);
	return 0;
}

int ipset_glance(struct ipset_link *l, uint64_t *digest, struct diags *d)
{
	int err;

	l->d = d;
	l->err = 0;
	l->take = take_header;
	l->arg = digest;
	ipset_session_output(l->session, IPSET_LIST_PLAIN);
	ipset_envopt_set(l->session, IPSET_ENV_LIST_HEADER);
	err = ipset_cmd(l->session, IPSET_CMD_LIST, 0);
	ipset_envopt_unset(l->session, IPSET_ENV_LIST_HEADER);
	l->take = NULL;
	host_trace("ipset list -t = %d", err);
	return l->err ? l->err : err ? session_failed(l, "list", d) : 0;
}

static int take_any(struct ipset_link *l, char *line, size_t len)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	const struct save *to = l->arg;
	int err = ipt_args_split(line, len, &a);

	return err || !a.n ? err : to->take(to->arg, &a);
}

int ipset_save(struct ipset_link *l, const char *name,
	       int (*take)(void *arg, const struct ipt_args *a), void *arg)
{
	struct save to = { take, arg };
	int err;

	l->d = NULL;
	l->err = 0;
	l->take = take_any;
	l->arg = &to;
	err = list_set(l, name);
	l->take = NULL;
	strbuf_clear(&l->out);
	return err && err != -ENOMEM && !l->err ? -EIO : err;
}

uint32_t ipset_limit(const struct ipset_link *l, const char *name)
{
	for (size_t i = 0; i < l->n_limits; i++)
		if (!strcmp(l->limits[i].name, name))
			return l->limits[i].max;
	return 0;
}

static uint8_t family_of(const struct image_set *s)
{
	return s->family == AF_INET6 ? NFPROTO_IPV6 :
	       s->family == AF_INET  ? NFPROTO_IPV4 :
				       NFPROTO_UNSPEC;
}

int ipset_create(struct ipset_link *l, const struct image_set *s,
		 const char *name, uint32_t maxelem, struct diags *d)
{
	uint32_t hashsize = ipt_set_hashsize(s), on = 1;
	uint16_t first = 0, last = 65535;
	uint8_t family = family_of(s);
	const struct ipset_type *type;
	int err;

	set(l, IPSET_SETNAME, name);
	set(l, IPSET_OPT_TYPENAME, s->kind);
	type = ipset_type_get(l->session, IPSET_CMD_CREATE);
	if (!type)
		return session_failed(l, s->kind, d);
	set(l, IPSET_OPT_TYPE, type);
	set(l, IPSET_OPT_FAMILY, &family);
	if (s->family == AF_UNSPEC) {
		set(l, IPSET_OPT_PORT_FROM, &first);
		set(l, IPSET_OPT_PORT_TO, &last);
	} else {
		set(l, IPSET_OPT_HASHSIZE, &hashsize);
		set(l, IPSET_OPT_MAXELEM, &maxelem);
	}
	set(l, IPSET_OPT_CREATE_COMMENT, &on);
	err = ipset_cmd(l->session, IPSET_CMD_CREATE, 0);
	host_trace("ipset create %s %s = %d", name, s->kind, err);
	return err ? session_failed(l, name, d) : 0;
}

int ipset_destroy(struct ipset_link *l, const char *name, struct diags *d)
{
	int err;

	set(l, IPSET_SETNAME, name);
	err = ipset_cmd(l->session, IPSET_CMD_DESTROY, 0);
	host_trace("ipset destroy %s = %d", name, err);
	return err ? session_failed(l, name, d) : 0;
}

int ipset_swap(struct ipset_link *l, const char *a, const char *b,
	       struct diags *d)
{
	int err;

	set(l, IPSET_SETNAME, a);
	set(l, IPSET_OPT_SETNAME2, b);
	err = ipset_cmd(l->session, IPSET_CMD_SWAP, 0);
	host_trace("ipset swap %s %s = %d", a, b, err);
	return err ? session_failed(l, a, d) : 0;
}

/* Field i of an element in ipset's order. */
static void set_field(struct ipset_link *l, const struct image_set *s,
		      size_t elem, unsigned int i)
{
	bool second = i > 0;		/* when it is an address */
	const struct ipt_set_kind *k = ipt_set_kind_find(s->kind);
	unsigned int f = ipt_set_field(s->elems.field[0] == FIELD_PORT,
				       s->elems.n_fields, i);
	size_t off = elems_offset(&s->elems, f);
	size_t width = field_width(s->elems.field[f]);
	const uint8_t *first = elems_first(&s->elems, elem) + off;
	union nf_inet_addr addr;
	uint16_t port;
	uint8_t len;

	if (s->elems.field[f] == FIELD_PORT) {
		port = (uint16_t)(first[0] << 8 | first[1]);
		set(l, IPSET_OPT_PORT, &port);
		if (s->proto)
			set(l, IPSET_OPT_PROTO, &s->proto);
		return;
	}
	memset(&addr, 0, sizeof(addr));
	memcpy(&addr, first, width);
	set(l, second ? IPSET_OPT_IP2 : IPSET_OPT_IP, &addr);
	if (!k || !k->net[i])
		return;
	len = (uint8_t)ipt_range_len(first, elems_last(&s->elems, elem) + off,
				     width);
	set(l, second ? IPSET_OPT_CIDR2 : IPSET_OPT_CIDR, &len);
}

static void trace_element(const struct image_set *s, size_t i,
			  const char *name, bool add)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!host_tracing())
		return;
	ipt_set_print_elem(s, i, &b);
	host_trace("ipset %s %s %s", add ? "add" : "del", name,
		      strbuf_str(&b));
}

int ipset_element(struct ipset_link *l, const struct image_set *s, size_t i,
		  const char *name, bool add, struct diags *d)
{
	enum ipset_cmd cmd = add ? IPSET_CMD_ADD : IPSET_CMD_DEL;
	uint8_t family = family_of(s);
	char comment[COMMENT_MAX + 1];

	trace_element(s, i, name, add);
	ipset_envopt_set(l->session, IPSET_ENV_EXIST);
	set(l, IPSET_SETNAME, name);
	if (!ipset_type_get(l->session, cmd))
		return session_failed(l, name, d);
	set(l, IPSET_OPT_FAMILY, &family);
	for (unsigned int k = 0; k < s->elems.n_fields; k++)
		set_field(l, s, i, k);
	if (add) {
		origin_comment(s->elems.origin[i], comment, COMMENT_MAX);
		set(l, IPSET_OPT_ADT_COMMENT, comment);
	}
	/* A line number makes libipset hold the command back for a batch. */
	if (ipset_cmd(l->session, cmd, ++l->queued))
		return session_failed(l, name, d);
	return 0;
}

int ipset_flush(struct ipset_link *l, struct diags *d)
{
	int err = l->queued ? ipset_commit(l->session) : 0;

	if (l->queued)
		host_trace("ipset: %u elements sent = %d", l->queued, err);
	l->queued = 0;
	ipset_envopt_unset(l->session, IPSET_ENV_EXIST);
	return err ? session_failed(l, "elements", d) : 0;
}
