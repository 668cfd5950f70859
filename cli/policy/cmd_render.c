/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy/cmd_render.c: the rules as the backend's own text. */
#include "cli/output/report.h"
#include "core/mem.h"

static int run(const struct options *o)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	int err;

	err = plan_load(&p, &o->request, o->args[0]);
	if (!err)
		err = plan_choose_offline(&p);
	if (!err)
		err = plan_lower(&p, p.change.v, NULL);
	if (err)
		return report_failure(&p, "render", err);
	report(&p, "render", "rendered", SHOW_RENDERED);
	return EXIT_DONE;
}

const struct command cmd_render = {
	.name = "render",
	.summary = "print the rules as nft or iptables-restore text (root not needed)",
	.takes = OPT_FAMILY,
	.min_args = 0,
	.max_args = 1,
	.args = ARGS_POLICY,
	.run = run,
	.help =
"Example:  ctpolicy render policy.yaml --backend iptables\n"
"\n"
"Usage: ctpolicy render [OPTION...] [POLICY]\n"
"\n"
"Prints the rules as text for `nft -f`, or for both `iptables-restore\n"
"--noflush` and `ip6tables-restore --noflush`, where long lists are ipsets on\n"
"lines that begin with '#ipset ': feed those to `ipset restore` first. With\n"
"nftables the accept rules depend on the host's chains and are not part of\n"
"the text: on a host that filters, use apply instead of loading it. Without\n"
"--backend, and with auto, it is nftables unless the policy names one.\n",
};
