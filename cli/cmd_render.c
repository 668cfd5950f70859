/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cmd_render.c: the rules as the backend's own text. */
#include <errno.h>

#include "cli/report.h"
#include "core/mem.h"

static int run(const struct options *o)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	int r = plan_load(&p, o, o->args[0]);

	if (!r)
		r = plan_choose_offline(&p);
	if (!r)
		r = plan_lower(&p, NULL);
	if (r)
		return report_failure(&p, "render", r);
	report(&p, "render", "rendered", NULL);
	r = p.backend->render(p.want, stdout);
	return r ? exit_code_of(r) : EXIT_DONE;
}

const struct command cmd_render = {
	.name = "render",
	.summary = "print the rules as nft or iptables-restore text (no root)",
	.takes = OPT_BACKEND | OPT_FAMILY,
	.min_args = 1,
	.max_args = 1,
	.run = run,
	.help =
"Example:  ctpolicy render policy.yaml --backend nftables | nft -f -\n"
"\n"
"Usage: ctpolicy render [OPTION...] POLICY\n"
"\n"
"Prints what apply would make, as text for `nft -f` or for both of\n"
"`iptables-restore --noflush` and `ip6tables-restore --noflush`. Large lists\n"
"are ipsets there, on lines that begin with '#ipset ': feed those to\n"
"`ipset restore` first. With nftables, accepts depend on the chains of the\n"
"host and are not part of the text.\n"
"\n"
"  --backend NAME      nftables (default) or iptables\n"
"  --family FAMILY     ipv4 or ipv6 only\n"
"  --color=WHEN        auto, always or never\n"
"  -q, -v, --help      errors only; more; this text\n",
};
