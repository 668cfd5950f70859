/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/vm/ipvs_service.c: a virtual service of IPVS's with one server.
 *
 *	ipvs_service ADDRESS PORT SERVER PORT
 *
 * TCP, by turns, translated (`ipvsadm -A -t ... -s rr; ipvsadm -a -t ... -m`).
 * Source: linux/ip_vs.h; net/netfilter/ipvs/ip_vs_ctl.c of Linux.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>

static struct mnl_socket *link_to(void)
{
	struct mnl_socket *s = mnl_socket_open(NETLINK_GENERIC);

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0) {
		perror("netlink");
		exit(1);
	}
	return s;
}

static struct nlmsghdr *begin(char *buf, uint16_t type, uint8_t command,
			      uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = command;
	g->version = version;
	return nlh;
}

static int take_id(const struct nlmsghdr *nlh, void *id)
{
	struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			*(uint16_t *)id = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static void ask(struct mnl_socket *s, struct nlmsghdr *nlh, uint16_t *id)
{
	char buf[8192];
	ssize_t n = mnl_socket_sendto(s, nlh, nlh->nlmsg_len);
	int more = MNL_CB_OK;

	while (n >= 0 && more > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
		more = n < 0 ? -1 : mnl_cb_run(buf, (size_t)n, 0, 0,
					       id ? take_id : NULL, id);
	}
	if (n < 0 || more < 0) {
		perror("IPVS");
		exit(1);
	}
}

static void put_address(struct nlmsghdr *nlh, uint16_t attr, const char *text)
{
	uint8_t v[16] = { 0 };

	if (inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, v) != 1)
		exit(64);
	mnl_attr_put(nlh, attr, sizeof(v), v);
}

static uint16_t port_of(const char *text)
{
	return htons((uint16_t)strtoul(text, NULL, 10));
}

static void put_service(struct nlmsghdr *nlh, char **argv, int whole)
{
	const struct ip_vs_flags flags = { 0, ~0U };
	int v6 = strchr(argv[1], ':') != NULL;
	struct nlattr *nest = mnl_attr_nest_start(nlh, IPVS_CMD_ATTR_SERVICE);

	mnl_attr_put_u16(nlh, IPVS_SVC_ATTR_AF, v6 ? AF_INET6 : AF_INET);
	mnl_attr_put_u16(nlh, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
	put_address(nlh, IPVS_SVC_ATTR_ADDR, argv[1]);
	mnl_attr_put_u16(nlh, IPVS_SVC_ATTR_PORT, port_of(argv[2]));
	if (whole) {
		mnl_attr_put_strz(nlh, IPVS_SVC_ATTR_SCHED_NAME, "rr");
		mnl_attr_put(nlh, IPVS_SVC_ATTR_FLAGS, sizeof(flags), &flags);
		mnl_attr_put_u32(nlh, IPVS_SVC_ATTR_TIMEOUT, 0);
		mnl_attr_put_u32(nlh, IPVS_SVC_ATTR_NETMASK, v6 ? 128 : ~0U);
	}
	mnl_attr_nest_end(nlh, nest);
}

static void put_server(struct nlmsghdr *nlh, char **argv)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, IPVS_CMD_ATTR_DEST);

	put_address(nlh, IPVS_DEST_ATTR_ADDR, argv[3]);
	mnl_attr_put_u16(nlh, IPVS_DEST_ATTR_PORT, port_of(argv[4]));
	mnl_attr_put_u32(nlh, IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_MASQ);
	mnl_attr_put_u32(nlh, IPVS_DEST_ATTR_WEIGHT, 1);
	mnl_attr_put_u32(nlh, IPVS_DEST_ATTR_U_THRESH, 0);
	mnl_attr_put_u32(nlh, IPVS_DEST_ATTR_L_THRESH, 0);
	mnl_attr_nest_end(nlh, nest);
}

int main(int argc, char **argv)
{
	struct mnl_socket *s = link_to();
	struct nlmsghdr *nlh;
	uint16_t id = 0;
	char buf[4096];

	if (argc != 5)
		return 64;
	nlh = begin(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME);
	ask(s, nlh, &id);
	nlh = begin(buf, id, IPVS_CMD_NEW_SERVICE, IPVS_GENL_VERSION);
	put_service(nlh, argv, 1);
	ask(s, nlh, NULL);
	nlh = begin(buf, id, IPVS_CMD_NEW_DEST, IPVS_GENL_VERSION);
	put_service(nlh, argv, 0);
	put_server(nlh, argv);
	ask(s, nlh, NULL);
	mnl_socket_close(s);
	return 0;
}
