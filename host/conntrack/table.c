/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files.h"
#include "core/mem.h"

/* Of a sysctl. */
#define SMALL 4096
/* Two hundred bytes a processor. */
#define STAT_MAX (4u << 20)
#define COLUMNS_MAX 32

/* The same thing by its name of today, and by the old one. */
struct names {
	const char *now, *old;
};

static const struct names count_name = {
	"sys/net/netfilter/nf_conntrack_count",
	"sys/net/ipv4/netfilter/ip_conntrack_count",
};
static const struct names max_name = {
	"sys/net/netfilter/nf_conntrack_max",
	"sys/net/ipv4/netfilter/ip_conntrack_max",
};
static const struct names buckets_name = {
	"sys/net/netfilter/nf_conntrack_buckets",
	"sys/net/ipv4/netfilter/ip_conntrack_buckets",
};
static const struct names stat_name = {
	"self/net/stat/nf_conntrack", "self/net/stat/ip_conntrack",
};

static int read_one(int proc, const char *path, size_t max, char **ret)
{
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	size_t len;
	int err;

	if (fd < 0)
		return -errno;
	err = fd_read(fd, max, ret, &len);
	close(fd);
	return err;
}

static int read_either(int proc, const struct names *n, size_t max, char **ret)
{
	int err = read_one(proc, n->now, max, ret);

	return err == -ENOENT ? read_one(proc, n->old, max, ret) : err;
}

static int read_number(int proc, const struct names *n, uint64_t *ret)
{
	_cleanup_free_ char *text = NULL;
	int err = read_either(proc, n, SMALL, &text);
	char *end;

	if (err)
		return err;
	*ret = strtoull(text, &end, 10);
	return end == text ? -EINVAL : 0;
}

static const char *const columns[] = {
#define X(id, name, column) [CT_##id] = (column),
	CT_COUNTERS(X)
#undef X
};

/* Which column is which counter; CT_COUNTER_MAX_: none of ours. */
static size_t read_heading(char *line, enum ct_counter *ret)
{
	char *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(line, " ", &save); w && n < COLUMNS_MAX;
	     w = strtok_r(NULL, " ", &save)) {
		unsigned int c = 0;

		while (c < CT_COUNTER_MAX_ && strcmp(w, columns[c]))
			c++;
		ret[n++] = (enum ct_counter)c;
	}
	return n;
}

static void add_row(char *line, const enum ct_counter *of, size_t n,
		    struct ct_table *t)
{
	char *save = NULL, *w = strtok_r(line, " ", &save);

	for (size_t i = 0; w && i < n; i++, w = strtok_r(NULL, " ", &save))
		if (of[i] != CT_COUNTER_MAX_)
			t->counter[of[i]] += strtoull(w, NULL, 16);
}

static int read_counters(int proc, struct ct_table *t)
{
	_cleanup_free_ char *text = NULL;
	enum ct_counter of[COLUMNS_MAX];
	int err = read_either(proc, &stat_name, STAT_MAX, &text);
	char *save = NULL, *line;
	size_t n;

	if (err)
		return err;
	line = strtok_r(text, "\n", &save);
	n = line ? read_heading(line, of) : 0;
	for (size_t i = 0; i < n; i++)
		if (of[i] != CT_COUNTER_MAX_)
			t->known |= 1u << of[i];
	while (line && (line = strtok_r(NULL, "\n", &save)))
		add_row(line, of, n, t);
	return 0;
}

int ct_table_read(int proc, struct ct_table *ret)
{
	struct ct_table t = { 0 };
	int err = read_number(proc, &count_name, &t.count);

	if (!err)
		err = read_number(proc, &max_name, &t.max);
	if (err)
		return err;
	/* Very old kernels have neither. */
	err = read_number(proc, &buckets_name, &t.buckets);
	if (!err || err == -ENOENT)
		err = read_counters(proc, &t);
	if (err && err != -ENOENT)
		return err;
	*ret = t;
	return 0;
}

int ct_table_now(struct ct_table *ret)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err = proc < 0 ? -errno : ct_table_read(proc, ret);

	if (proc >= 0)
		close(proc);
	return err;
}

const char *ct_counter_name(enum ct_counter c)
{
	static const char *const names[] = {
#define X(id, name, column) [CT_##id] = (name),
		CT_COUNTERS(X)
#undef X
	};

	return names[c];
}
