/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/boot_files.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/file_match.h"
#include "core/files.h"
#include "core/intern.h"
#include "core/mem.h"

#define ETC "/etc/"
#define CONF ".conf"

/* Folders of configuration, the first is the strongest. */
static const char *const load_folders[] = {
	"/etc/modules-load.d", "/run/modules-load.d",
	"/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d",
	"/lib/modules-load.d", NULL
};
static const char *const probe_folders[] = {
	"/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d",
	"/usr/lib/modprobe.d", "/lib/modprobe.d", NULL
};
static const char *const sysctl_folders[] = {
	"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d",
	"/usr/lib/sysctl.d", "/lib/sysctl.d", NULL
};
/* Programs that set sysctls of their own */
static const char *const setters[] = {
	"/etc/sysctl.conf", "/etc/rc.local", "/etc/rc.d/rc.local",
	"/etc/tuned/*/tuned.conf", "/etc/tuned/profiles/*/tuned.conf",
	"/var/lib/kube-proxy/*", "/etc/kubernetes/*",
	"/etc/kubernetes/manifests/*", "/etc/default/kube-proxy",
	"/etc/rancher/*/config.yaml", "/etc/docker/daemon.json",
	"/etc/systemd/system/*.service",
	"/etc/systemd/system/*.service.d/*.conf",
};
#define TUNED_ACTIVE "/etc/tuned/active_profile"
#define PROFILES_MAX 4096
#define PROFILE_SIZE_MAX 65536
#define TUNED_DEPTH 8
#define TUNED_BETWEEN " \t\n,;"
#define INCLUDE "include"
static const char *const tuned_folders[] = {
	"/etc/tuned", "/etc/tuned/profiles", "/usr/lib/tuned",
	"/usr/lib/tuned/profiles",
};
static const struct {
	const char *path;
	bool is_rules;
	enum boot_grammar grammar;
	uint8_t family;
} single[] = {
	{ "/etc/modules", false, BOOT_NAMES, 0 },
	{ BOOT_COMMAND, false, BOOT_COMMAND_LINE, 0 },
	{ "/etc/sysconfig/iptables-config", false, BOOT_ASSIGNED, 0 },
	{ "/etc/sysconfig/ip6tables-config", false, BOOT_ASSIGNED, 0 },
	{ "/etc/iptables/rules.v4", true, BOOT_NAMES, AF_INET },
	{ "/etc/iptables/rules.v6", true, BOOT_NAMES, AF_INET6 },
	{ "/etc/sysconfig/iptables", true, BOOT_NAMES, AF_INET },
	{ "/etc/sysconfig/ip6tables", true, BOOT_NAMES, AF_INET6 },
	{ "/etc/nftables.conf", true, BOOT_NAMES, 0 },
	{ "/etc/sysconfig/nftables.conf", true, BOOT_NAMES, 0 },
};

static bool is_listed(const struct boot_files *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->v[i].path, path))
			return true;
	return false;
}

/* One that does not exist, or is listed already, is none. */
static int add(struct boot_files *f, const char *path, bool is_rules,
	       enum boot_grammar g, uint8_t family)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	const char *kept;

	if (!real)
		return errno == ENOMEM ? -ENOMEM : 0;
	if (!strncmp(real, "/dev/", strlen("/dev/")) || is_listed(f, real))
		return 0;
	kept = intern(real);
	if (!kept || mem_grow(&f->v, &f->cap, f->n + 1))
		return -ENOMEM;
	f->v[f->n++] = (struct boot_file){
		kept, is_rules, g, !strncmp(kept, ETC, strlen(ETC)), family,
	};
	return 0;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > strlen(CONF) &&
	       !strcmp(e->d_name + n - strlen(CONF), CONF);
}

struct names {
	const char **v;
	size_t n, cap;
};

/* Was a file of this name in a stronger folder? */
static bool is_hidden(const struct names *seen, const char *name)
{
	for (size_t i = 0; i < seen->n; i++)
		if (!strcmp(seen->v[i], name))
			return true;
	return false;
}

static int add_name(struct boot_files *f, struct names *seen,
		    const char *folder, const char *name, enum boot_grammar g)
{
	const char *kept = intern(name);
	const char *path = intern_printf("%s/%s", folder, name);

	if (!kept || !path)
		return -ENOMEM;
	if (is_hidden(seen, kept))
		return 0;
	if (mem_grow(&seen->v, &seen->cap, seen->n + 1))
		return -ENOMEM;
	seen->v[seen->n++] = kept;
	return add(f, path, false, g, 0);
}

static int add_folder(struct boot_files *f, struct names *seen,
		      const char *folder, enum boot_grammar g)
{
	struct dirent **v = NULL;
	int n = scandir(folder, &v, is_conf, alphasort), err = 0;

	if (n < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	for (int i = 0; i < n; i++) {
		if (!err)
			err = add_name(f, seen, folder, v[i]->d_name, g);
		free(v[i]);
	}
	free(v);
	return err;
}

static int add_folders(struct boot_files *f, const char *const *folders,
		       enum boot_grammar g)
{
	struct names seen = { 0 };
	int err = 0;

	for (; !err && *folders; folders++)
		err = add_folder(f, &seen, *folders, g);
	free(seen.v);
	return err;
}

int boot_files_list(struct boot_files *ret)
{
	_cleanup_(boot_files_release) struct boot_files f = { 0 };
	int err = add_folders(&f, load_folders, BOOT_NAMES);

	if (!err)
		err = add_folders(&f, probe_folders, BOOT_MODPROBE);
	for (size_t i = 0; !err && i < ARRAY_SIZE(single); i++)
		err = add(&f, single[i].path, single[i].is_rules,
			  single[i].grammar, single[i].family);
	if (err)
		return err;
	*ret = f;
	f = (struct boot_files){ 0 };
	return 0;
}

struct taker {
	struct boot_files *f;
	bool is_rules;
};

static int take_file(void *arg, const char *path)
{
	const struct taker *t = arg;

	return add(t->f, path, t->is_rules, BOOT_NAMES, 0);
}

static int add_pattern(struct boot_files *f, const char *pattern, bool is_rules)
{
	struct taker t = { f, is_rules };

	return pattern ? file_match(pattern, take_file, &t) : -ENOMEM;
}

static int add_profiles(struct boot_files *f, struct names *seen, char *names,
			unsigned int depth);

/* "include = one, two" or "include=three", of whatever section */
static int add_included(struct boot_files *f, struct names *seen,
			const char *path, unsigned int depth)
{
	_cleanup_free_ char *text = NULL;
	char *rest = NULL, *line;
	size_t len;
	int err = file_read(path, PROFILE_SIZE_MAX, &text, &len);

	if (err)
		return err == -ENOMEM ? err : 0;
	for (line = strtok_r(text, "\n", &rest); !err && line;
	     line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " \t");
		if (strncmp(line, INCLUDE, strlen(INCLUDE)))
			continue;
		line += strlen(INCLUDE);
		line += strspn(line, " \t");
		if (*line == '=')
			err = add_profiles(f, seen, line + 1, depth);
	}
	return err;
}

/*
 * The strongest of a name is the one that counts; that one may include the
 * next of its own name, and no file is read twice.
 */
static int add_profile(struct boot_files *f, struct names *seen,
		       const char *name, unsigned int depth)
{
	for (size_t i = 0; i < ARRAY_SIZE(tuned_folders); i++) {
		const char *path = intern_printf("%s/%s/tuned.conf",
						 tuned_folders[i], name);
		int err;

		if (!path)
			return -ENOMEM;
		if (is_hidden(seen, path) || access(path, F_OK))
			continue;
		if (mem_grow(&seen->v, &seen->cap, seen->n + 1))
			return -ENOMEM;
		seen->v[seen->n++] = path;
		err = add(f, path, false, BOOT_NAMES, 0);
		return err ? err : add_included(f, seen, path, depth);
	}
	return 0;
}

/* "-name" is one that need not be there; a variable is tuned's to know. */
static int add_profiles(struct boot_files *f, struct names *seen, char *names,
			unsigned int depth)
{
	char *rest = NULL, *name;
	int err = 0;

	if (!depth)
		return 0;
	for (name = strtok_r(names, TUNED_BETWEEN, &rest); !err && name;
	     name = strtok_r(NULL, TUNED_BETWEEN, &rest))
		if (!strpbrk(name, "/$"))
			err = add_profile(f, seen, name + (*name == '-'),
					  depth - 1);
	return err;
}

/* The active profiles, by name, and those that these include. */
static int add_tuned(struct boot_files *f)
{
	_cleanup_free_ char *text = NULL;
	struct names seen = { 0 };
	size_t len;
	int err = file_read(TUNED_ACTIVE, PROFILES_MAX, &text, &len);

	if (err)
		return err == -ENOMEM ? err : 0;
	err = add_profiles(f, &seen, text, TUNED_DEPTH);
	free(seen.v);
	return err;
}

int boot_files_settings(struct boot_files *ret)
{
	_cleanup_(boot_files_release) struct boot_files f = { 0 };
	int err = add_folders(&f, sysctl_folders, BOOT_NAMES);

	if (!err)
		err = add_folders(&f, probe_folders, BOOT_MODPROBE);
	for (size_t i = 0; !err && i < ARRAY_SIZE(setters); i++)
		err = add_pattern(&f, setters[i], false);
	if (!err)
		err = add_tuned(&f);
	if (err)
		return err;
	*ret = f;
	f = (struct boot_files){ 0 };
	return 0;
}

/* What is no absolute path lies in nft's own folder, /etc. */
int boot_files_include(struct boot_files *f, const char *pattern)
{
	return add_pattern(f, intern_printf("%s%s", *pattern == '/' ? "" : ETC,
					    pattern), true);
}

void boot_files_release(struct boot_files *f)
{
	free(f->v);
	*f = (struct boot_files){ 0 };
}
