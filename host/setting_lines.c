/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/setting_lines.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "core/intern.h"
#include "core/lines.h"
#include "core/mem.h"
#include "host/boot_files.h"
#include "host/own_files.h"
#include "host/own_lines.h"
#include "host/swap.h"

#define MAX "nf_conntrack_max"
#define BUCKETS "nf_conntrack_buckets"
#define ESTABLISHED "nf_conntrack_tcp_timeout_established"
#define CLOSE_WAIT "nf_conntrack_tcp_timeout_close_wait"
#define UDP "nf_conntrack_udp_timeout"
#define UDP_STREAM "nf_conntrack_udp_timeout_stream"

/* What kube-proxy calls them; it sets the buckets by the limit. */
static const struct {
	const char *word, *key;
} others[] = {
	{ "conntrack-max-per-core", MAX },
	{ "conntrack-max-per-core", BUCKETS },
	{ "conntrack-min", MAX },
	{ "conntrack-min", BUCKETS },
	{ "maxPerCore", MAX },
	{ "maxPerCore", BUCKETS },
	{ "conntrack-tcp-timeout-established", ESTABLISHED },
	{ "tcpEstablishedTimeout", ESTABLISHED },
	{ "conntrack-tcp-timeout-close-wait", CLOSE_WAIT },
	{ "tcpCloseWaitTimeout", CLOSE_WAIT },
	{ "conntrack-udp-timeout", UDP },
	{ "udpTimeout", UDP },
	{ "conntrack-udp-timeout-stream", UDP_STREAM },
	{ "udpStreamTimeout", UDP_STREAM },
};

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Behind a whole word; NULL: the line has it not. */
static const char *behind(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = line; (s = strstr(s, word)); s++)
		if ((s == line || !isalnum((unsigned char)s[-1])) &&
		    !is_of_word(s[n]))
			return s + n;
	return NULL;
}

/* As a sysctl or as a path, "net.netfilter.K", "/proc/sys/net/netfilter/K" */
static bool names_sysctl(const char *line, const char *name)
{
	for (const char *s = line; (s = strstr(s, name)); s++)
		if (s > line && strchr("./", s[-1]) &&
		    !is_of_word(s[strlen(name)]))
			return true;
	return false;
}

/* The option sets the limit as well. */
static bool is_option(const char *line, const char *name)
{
	const char *s = behind(line, "options");

	if (!s || line + strlen("options") != s ||
	    (strcmp(name, MAX) && strcmp(name, BUCKETS)))
		return false;
	s += strspn(s, " \t");
	return !strncmp(s, "nf_conntrack", strlen("nf_conntrack")) &&
	       behind(s, "hashsize");
}

/* 0 is "leave it alone" for kube-proxy. */
static bool is_other(const char *line, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		const char *s = strcmp(others[i].key, name) ? NULL :
				behind(line, others[i].word);

		if (!s)
			continue;
		s += strspn(s, " \t:=\"'");
		if (strcmp(s, "0") && strncmp(s, "0 ", 2) &&
		    strncmp(s, "0\"", 2))
			return true;
	}
	return false;
}

bool setting_line_names(const char *line, const char *key)
{
	const char *name = strrchr(key, '.') + 1;

	return !strchr("#;", *line) &&
	       (names_sysctl(line, name) || is_option(line, name) ||
		is_other(line, name));
}

struct search {
	const char *key, *path;
	bool own;		/* ctpolicy's file: its lines do not count */
	struct own_lines at;
	uint32_t line;
	struct setting_lines *to;
};

static int look_at(char *line, void *arg)
{
	struct search *s = arg;
	char *from = line + strspn(line, " \t");
	size_t n = strlen(from);
	const char *kept;

	s->line++;
	if (s->own && own_lines_next(&s->at, line, strlen(line)))
		return 0;
	while (n && isspace((unsigned char)from[n - 1]))
		from[--n] = '\0';
	if (!n || !setting_line_names(from, s->key))
		return 0;
	kept = intern(from);
	if (!kept || mem_grow(&s->to->v, &s->to->cap, s->to->n + 1))
		return -ENOMEM;
	s->to->v[s->to->n++] =
		(struct setting_line){ s->path, s->line, kept };
	return 0;
}

int setting_lines_find(const char *key, struct setting_lines *to)
{
	_cleanup_(boot_files_release) struct boot_files f = { 0 };
	int err = boot_files_settings(&f);

	for (size_t i = 0; !err && i < f.n; i++) {
		_cleanup_free_ char *text = NULL;
		struct search s = { .key = key, .path = f.v[i].path, .to = to };
		size_t len;

		err = swap_read(s.path, &text, &len);
		s.own = !err && own_file_is_path(s.path) &&
			own_file_has_mark(text);
		if (s.own)
			own_lines_begin(&s.at, text);
		if (!err && !memchr(text, '\0', len))
			err = lines_each(text, len, look_at, &s);
		err = err == -ENOMEM ? err : 0;
	}
	return err;
}

void setting_lines_release(struct setting_lines *l)
{
	free(l->v);
	*l = (struct setting_lines){ 0 };
}
