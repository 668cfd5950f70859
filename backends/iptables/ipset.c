/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipset.c: libipset knows each revision of a set type that
 * the kernel speaks: sets are made by it, and whoever's are listed, as the text
 * of `ipset save`, for it hands out nothing else. Elements of ours, of which
 * there may be very many, go by messages of our own. It keeps its cache of set
 * names in globals, so one link at a time.
 */
#include "backends/iptables/ipset.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libipset/ipset.h>

#include "backends/backend.h"
#include "backends/iptables/ipset_dump.h"
#include "backends/iptables/ipset_queue.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "core/digest.h"
#include "host/trace.h"

struct ipset_link {
	struct ipset_session *session;
	struct strbuf out;		/* printed and not yet taken */
	int (*take)(struct ipset_link *l, char *line, size_t len);
	void *arg;
	struct diags *d;
	int err;			/* of take() */
	struct ipset_limits limits;
	struct ipset_queue queue;
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
	ipset_limits_release(&(*l)->limits);
	ipset_queue_release(&(*l)->queue);
	free(*l);
	*l = NULL;
}

static int set(struct ipset_link *l, enum ipset_opt opt, const void *value)
{
	return ipset_session_data_set(l->session, opt, value);
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

int ipset_list_ours(struct ipset_link *l, struct image *img,
		    struct image_table *t, const struct expectation *x,
		    struct diags *d)
{
	return ipset_dump(img, t, x, &l->limits, d);
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
	return ipset_limits_find(&l->limits, name);
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

static void trace_element(const struct image_set *s, size_t i,
			  const char *name, bool add)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!host_tracing())
		return;
	ipt_set_print_elem(s, i, &b);
	host_trace("ipset %s %s %s", add ? "add" : "del", name,
		   strbuf_status(&b) ? "(out of memory)" : strbuf_str(&b));
}

int ipset_element(struct ipset_link *l, const struct image_set *s, size_t i,
		  const char *name, bool add, struct diags *d)
{
	int err;

	trace_element(s, i, name, add);
	err = ipset_queue_put(&l->queue, s, i, name, add);
	return err ? ipset_failed(l->queue.name, err, d) : 0;
}

int ipset_flush(struct ipset_link *l, struct diags *d)
{
	int err = ipset_queue_flush(&l->queue);

	return err ? ipset_failed(l->queue.name, err, d) : 0;
}
