/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/off_users.h"

#include <errno.h>
#include <string.h>

#include "core/file_match.h"
#include "core/files.h"
#include "core/intern.h"
#include "core/mem.h"

#define WANTS "/etc/systemd/system/*.wants/"
#define NAMES_MAX 4
#define SMALL 65536

static const struct {
	const char *name, *loses;
	/* Of nft tables and of chains: a name, or how names begin ("x*"). */
	const char *tables[NAMES_MAX], *chains[NAMES_MAX];
	const char *files[NAMES_MAX];	/* patterns: core/file_match.h */
} users[] = {
	{ "docker", "published ports and the containers' way out, which are NAT",
	  { "docker-bridges" }, { "DOCKER", "DOCKER-*" },
	  { "/run/docker.sock", "/run/docker.pid", WANTS "docker.service" } },
	{ "podman", "published ports and the containers' way out, which are NAT",
	  { "netavark" }, { "NETAVARK*", "CNI-*" },
	  { "/run/containers/networks" } },
	{ "libvirt", "the way out of virtual networks, which is NAT",
	  { "libvirt_network" }, { "LIBVIRT_*" },
	  { "/run/libvirt/libvirt-sock", "/run/libvirt/virtnetworkd-sock",
	    WANTS "libvirtd.service", WANTS "virtnetworkd.service" } },
	{ "kube-proxy", "the addresses of services, which are NAT",
	  { "kube-proxy" }, { "KUBE-*" },
	  { "/var/lib/kube-proxy", "/var/lib/kubelet/config.yaml" } },
	{ "firewalld", "its zones, which match connection states",
	  { "firewalld" }, { "INPUT_ZONES" },
	  { "/run/firewalld.pid", WANTS "firewalld.service" } },
	{ "ufw", "its rules, which match connection states",
	  { NULL }, { "ufw-*", "ufw6-*" }, { NULL } },
	{ "IPVS", "its virtual services, whose connections it tracks",
	  { NULL }, { NULL },
	  { "/run/keepalived.pid", "/run/keepalived/keepalived.pid",
	    WANTS "keepalived.service", WANTS "ipvsadm.service" } },
	{ "Open vSwitch", "its flows with ct() actions",
	  { NULL }, { NULL },
	  { "/run/openvswitch/db.sock", "/run/openvswitch/ovs-vswitchd.pid",
	    WANTS "openvswitch.service", WANTS "openvswitch-switch.service" } },
};
_Static_assert(ARRAY_SIZE(users) == OFF_USERS_MAX, "a program has no sign");

enum { UFW = 5, IPVS = 6 };

static bool is_called(const char *name, const char *const *names)
{
	for (size_t i = 0; i < NAMES_MAX && names[i]; i++) {
		size_t n = strlen(names[i]);
		bool begins = names[i][n - 1] == '*';

		if (begins ? !strncmp(name, names[i], n - 1) :
			     !strcmp(name, names[i]))
			return true;
	}
	return false;
}

static int note(struct off_users *u, size_t i, const char *sign)
{
	if (!u->sign[i])
		u->sign[i] = sign;
	return sign ? 0 : -ENOMEM;
}

static int see_chain(const struct foreign *f, const struct host_chain *c,
		     struct off_users *u)
{
	const struct foreign_table *t = &f->tables[c->table];
	const char *family = foreign_family_name(t->family);
	int err = 0;

	for (size_t i = 0; !err && i < OFF_USERS_MAX; i++)
		if (is_called(c->name, users[i].chains) ||
		    is_called(t->name, users[i].tables))
			err = note(u, i,
				   intern_printf("chain %s of table %s %s",
						 c->name, family, t->name));
	return err;
}

int off_users_in_rules(const struct foreign *f, struct off_users *u)
{
	int err = 0;

	for (size_t i = 0; !err && i < f->n_chains; i++)
		err = see_chain(f, &f->chains[i], u);
	return err;
}

static int take_first(void *arg, const char *path)
{
	const char **first = arg;

	*first = path;
	return 1;
}

static int see_file(const char *pattern, size_t i, struct off_users *u)
{
	const char *first = NULL;
	int err = file_match(pattern, take_first, &first);

	return err > 0 ? note(u, i, first) : err;
}

/* Its unit is enabled everywhere, and does nothing without this line. */
static int see_ufw(struct off_users *u)
{
	static const char path[] = "/etc/ufw/ufw.conf", word[] = "\nENABLED=yes";
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = file_read(path, SMALL, &text, &len);

	if (!err && (strstr(text, word) || !strncmp(text, word + 1,
						    strlen(word + 1))))
		return note(u, UFW, intern(path));
	return err == -ENOMEM ? err : 0;
}

/* Two lines of heading, one about columns, and its services. */
static int see_ipvs(struct off_users *u)
{
	static const char path[] = "/proc/net/ip_vs";
	_cleanup_free_ char *text = NULL;
	const char *at;
	size_t len, lines = 0;
	int err = file_read(path, SMALL, &text, &len);

	if (err)
		return err == -ENOMEM ? err : 0;
	for (at = text; (at = strchr(at, '\n')); at++)
		lines++;
	return lines > 3 ? note(u, IPVS, intern(path)) : 0;
}

int off_users_in_files(struct off_users *u)
{
	int err = 0;

	for (size_t i = 0; i < OFF_USERS_MAX; i++)
		for (size_t k = 0; !err && k < NAMES_MAX && users[i].files[k];
		     k++)
			err = see_file(users[i].files[k], i, u);
	if (!err)
		err = see_ufw(u);
	return err ? err : see_ipvs(u);
}

void off_users_say(const struct off_users *u, struct diags *d)
{
	for (size_t i = 0; i < OFF_USERS_MAX; i++) {
		if (!u->sign[i])
			continue;
		diag_add(d, DIAG_WARNING, 0, ID_SERVICE_TRACKS, NOPOS,
			 "%s is on this host (%s): without connection tracking it loses %s",
			 users[i].name, u->sign[i], users[i].loses);
		diag_help(d, "stop and disable it first, or keep tracking (`modules: keep`): its next start loads the modules again");
	}
}
