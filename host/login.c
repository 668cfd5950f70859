/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/login.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "host/held.h"
#include "host/tcp_table.h"

/* No process has more parents than that. */
#define PARENTS_MAX 256

static const char *const servers[] = {
	"sshd", "sshd-session", "sshd-auth", "dropbear",
};
static const char *const multiplexers[] = {
	"tmux: server", "screen", "SCREEN", "tmate", "zellij", "dtach",
	"abduco", "mosh-server",
};

struct process {
	char name[64];
	pid_t pid, parent;
};

struct search {
	struct held_list held;
	unsigned int processes;
	bool hidden, shared;
};

static bool is_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static bool is_server(const char *name)
{
	return is_among(name, servers, ARRAY_SIZE(servers));
}

static ssize_t read_small(int proc, const char *path, char *buf, size_t size)
{
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n >= 0)
		buf[n] = '\0';
	else
		n = -errno;
	close(fd);
	return n;
}

static bool get_pid(const char **at, pid_t *ret)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	n = strtol(*at, &end, 10);
	if (errno || n > INT32_MAX)
		return false;
	*at = end;
	*ret = (pid_t)n;
	return true;
}

/* "1234 (name) S 1 ..."; a name may hold blanks and parentheses. */
static bool parse_stat(const char *text, struct process *ret)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	const char *at = text;
	struct process p = { 0 };
	size_t len;

	if (!open || !close || close < open || !get_pid(&at, &p.pid) ||
	    at + 1 != open || *at != ' ')
		return false;
	len = (size_t)(close - open - 1);
	if (len >= sizeof(p.name))
		return false;
	memcpy(p.name, open + 1, len);
	if (close[1] != ' ' || !close[2] || close[3] != ' ')
		return false;
	at = close + 4;
	if (!get_pid(&at, &p.parent) || *at != ' ')
		return false;
	*ret = p;
	return true;
}

static bool read_process(int proc, const char *which, struct process *ret)
{
	char path[32], text[1024];

	snprintf(path, sizeof(path), "%s/stat", which);
	return read_small(proc, path, text, sizeof(text)) > 0 &&
	       parse_stat(text, ret);
}

static int open_folder(int at, const char *path, DIR **ret)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;
	int err;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret = dir;
	return 0;
}

/* "3" -> "socket:[12345]"; 1, 0: something else, or -errno. */
static int read_socket(DIR *dir, const char *name, struct held *ret)
{
	static const char head[] = "socket:[";
	const char *at = name;
	char link[64], *end;
	pid_t fd;
	ssize_t n;

	if (!get_pid(&at, &fd) || *at)
		return 0;
	n = readlinkat(dirfd(dir), name, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = '\0';
	if (strncmp(link, head, strlen(head)) ||
	    !isdigit((unsigned char)link[strlen(head)]))
		return 0;
	ret->inode = strtoull(link + strlen(head), &end, 10);
	ret->fd = (unsigned int)fd;
	return !strcmp(end, "]");
}

static bool is_refusal(int err)
{
	return err == -EACCES || err == -EPERM;
}

static int add_sockets(struct search *s, DIR *dir, pid_t pid)
{
	const struct dirent *e;
	int err;

	while ((e = readdir(dir))) {
		struct held h = { .pid = pid, .order = s->processes };

		err = read_socket(dir, e->d_name, &h);
		if (err <= 0) {
			s->hidden |= is_refusal(err);
			continue;
		}
		if (mem_grow(&s->held.v, &s->held.cap, s->held.n + 1))
			return -ENOMEM;
		s->held.v[s->held.n++] = h;
	}
	return 0;
}

/* A process that cannot be read is noted, and is not an error. */
static int look_into(struct search *s, int proc, pid_t pid)
{
	char path[32];
	DIR *dir;
	int err;

	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	err = open_folder(proc, path, &dir);
	if (err) {
		s->hidden |= is_refusal(err);
		return err == -ENOMEM ? err : 0;
	}
	err = add_sockets(s, dir, pid);
	closedir(dir);
	s->processes++;
	return err;
}

/* From this process up; the nearest server comes first. */
static int look_up(struct search *s, int proc)
{
	struct process p;
	char which[16] = "self";
	int err = 0;

	for (int i = 0; !err && i < PARENTS_MAX; i++) {
		if (!read_process(proc, which, &p))
			break;
		if (is_server(p.name))
			err = look_into(s, proc, p.pid);
		s->shared |= is_among(p.name, multiplexers,
				      ARRAY_SIZE(multiplexers));
		if (p.parent <= 0)
			break;
		snprintf(which, sizeof(which), "%d", (int)p.parent);
	}
	return err;
}

static bool is_named_server(int proc, const char *pid)
{
	char path[32], name[64];
	ssize_t n;

	if (strlen(pid) > 10 || pid[strspn(pid, "0123456789")])
		return false;
	snprintf(path, sizeof(path), "%.10s/comm", pid);
	n = read_small(proc, path, name, sizeof(name));
	if (n <= 0)
		return false;
	name[strcspn(name, "\n")] = '\0';
	return is_server(name);
}

/* Every SSH server on this host. */
static int look_around(struct search *s, int proc)
{
	const struct dirent *e;
	DIR *dir;
	int err = open_folder(proc, ".", &dir);

	if (err)
		return err == -ENOMEM ? err : 0;
	while (!err && (e = readdir(dir))) {
		const char *at = e->d_name;
		pid_t pid;

		if (is_named_server(proc, e->d_name) && get_pid(&at, &pid))
			err = look_into(s, proc, pid);
	}
	closedir(dir);
	return err;
}

static bool same_flow(const struct flow *a, const struct flow *b)
{
	return a->family == b->family && a->sport == b->sport &&
	       a->dport == b->dport &&
	       !memcmp(a->saddr, b->saddr, sizeof(a->saddr)) &&
	       !memcmp(a->daddr, b->daddr, sizeof(a->daddr));
}

static bool is_there(const struct logins *l, const struct flow *f)
{
	for (size_t i = 0; i < l->n; i++)
		if (same_flow(&l->v[i].flow, f))
			return true;
	return false;
}

static int add(struct logins *l, struct login login)
{
	if (is_there(l, &login.flow))
		return 0;
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n++] = login;
	return 0;
}

static int take_found(struct logins *l, const struct held_list *held,
		      bool nearest)
{
	unsigned int next = 0;
	int err = 0;

	for (size_t i = 0; !err && i < held->n; i++) {
		const struct held *h = &held->v[i];

		if (!held_is_first(h, &next) ||
		    (!nearest && !held_is_listened_to(held, h->flow.dport)))
			continue;
		err = add(l, (struct login){ .flow = h->flow, .inode = h->inode,
					     .pid = h->pid });
		if (nearest)
			break;
	}
	return err;
}

static int search_with(struct logins *l, int proc, bool nearest)
{
	struct search s = { 0 };
	int err;

	if (nearest)
		err = look_up(&s, proc);
	else	/* one listens, one is a login */
		err = tcp_table_may_hold(proc, 2) ? look_around(&s, proc) : 0;
	if (!err)
		err = held_find(&s.held, proc, nearest);
	if (!err)
		err = take_found(l, &s.held, nearest);
	free(s.held.v);
	if (nearest) {
		l->hidden = s.hidden;
		l->shared = s.shared;
		l->own = l->n;
	}
	return err;
}

static int add_environment(struct logins *l, const char *text)
{
	struct login login = { 0 };

	if (!text || !*text)
		return 0;
	l->garbled = !login_parse(text, &login.flow);
	return l->garbled ? 0 : add(l, login);
}

int logins_read(int proc, const char *environment, struct logins *ret)
{
	_cleanup_(logins_release) struct logins l = { 0 };
	int err = search_with(&l, proc, true);

	if (!err && !l.own)
		err = search_with(&l, proc, false);
	if (!err)
		err = add_environment(&l, environment);
	if (err)
		return err;
	*ret = l;
	l = (struct logins){ 0 };
	return 0;
}

int logins_find(struct logins *ret)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	/* Without /proc only the environment is left. */
	err = logins_read(proc, getenv("SSH_CONNECTION"), ret);
	if (proc >= 0)
		close(proc);
	return err;
}

int logins_find_all(struct logins *ret)
{
	_cleanup_(logins_release) struct logins l = { 0 };
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = search_with(&l, proc, false);

	if (proc >= 0)
		close(proc);
	if (err)
		return err;
	*ret = l;
	l = (struct logins){ 0 };
	return 0;
}

void logins_release(struct logins *l)
{
	free(l->v);
	*l = (struct logins){ 0 };
}
