/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/import.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "audit/import_parts.h"
#include "core/mem.h"

int rule_list_add(struct rule_list *l, uint32_t rule)
{
	int err;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == rule)
			return 0;
	err = mem_grow(&l->v, &l->cap, l->n + 1);
	if (!err)
		l->v[l->n++] = rule;
	return err;
}

/* Said once, however many ways lead to the rule. */
int import_leave(struct import *im, const struct import_left *x)
{
	int err;

	for (size_t i = im->n_left; i-- > 0 && im->left[i].rule == x->rule;)
		if (im->left[i].reason == x->reason)
			return 0;
	err = mem_grow(&im->left, &im->cap_left, im->n_left + 1);
	if (!err)
		im->left[im->n_left++] = *x;
	return err;
}

void import_legs_release(struct import_legs *l)
{
	for (size_t i = 0; i < l->n; i++)
		box_release(&l->v[i].box);
	free(l->v);
	free(l->twins);
	uses_release(&l->uses);
	*l = (struct import_legs){ 0 };
}

void import_service_release(struct import_service *s)
{
	box_release(&s->box);
	free(s->rules.v);
	free(s->name);
	*s = (struct import_service){ 0 };
}

bool import_has_ports(const struct import_service *s)
{
	return s->box.dport.n && !box_has_proto(&s->box, IPPROTO_ICMP);
}

void import_release(struct import *im)
{
	for (size_t i = 0; i < im->n; i++)
		import_service_release(&im->v[i]);
	free(im->v);
	free(im->left);
	*im = (struct import){ 0 };
}

int import_make(const struct foreign *f, const struct import_request *rq,
		struct import *ret)
{
	_cleanup_(import_legs_release) struct import_legs legs = { 0 };
	_cleanup_(import_release) struct import im = { 0 };
	int err = import_read(f, rq, &im, &legs);

	if (!err)
		err = import_find_twins(&legs);
	if (!err)
		err = import_pair_every(&legs, rq, &im);
	if (!err)
		err = import_pair(&legs, rq, &im);
	if (!err)
		err = import_merge(&im);
	if (!err)
		err = import_list_rules(&legs, &im);
	if (!err)
		err = import_name(&im);
	if (err)
		return err;
	*ret = im;
	im = (struct import){ 0 };
	return 0;
}

static const char *const unsaid_texts[UNSAID_MAX_] = {
	[UNSAID_FIELD] = "it matches the %s, which no policy can",
	[UNSAID_MATCH] = "it uses `%s`, which no policy can express",
	[UNSAID_SET] = "the members of the set `%s` are not known here",
	[UNSAID_NEGATION] = "it excludes %s, and a policy can only list them",
	[UNSAID_MASK] = "it masks the %s, which no policy can",
	[UNSAID_NAME] = "it names an interface that no policy can name",
	[UNSAID_MANY] = "it has too many combinations",
};

static const char *const reason_texts[REASON_MAX_] = {
	[REASON_PROTOCOL] = "it names no protocol, which only services of a router or of loopback can leave out",
	[REASON_ICMP] = "of ICMP, only echoes can be a service, `icmp-echo`",
	[REASON_IPV6_HEADER] = "protocol %s is an extension header in IPv6 and cannot be matched there",
	[REASON_PORTS] = "it limits the ports of both ends, and a policy names the server's alone",
	[REASON_PORT_ZERO] = "no socket can have port 0",
	[REASON_HOOK] = "at hook %s packets are tracked already: it has no effect",
	[REASON_FAMILY] = "it is in a table of family %s",
	[REASON_SHADOWED] = "it is never reached: an earlier rule takes all of its packets",
	[REASON_SPARED] = "an earlier rule keeps some of its packets tracked, and a policy cannot leave them out",
	[REASON_PARTNER] = "the rule for the other direction could not be expressed",
	[REASON_UNREACHED] = "no packet comes here: no chain with a hook leads to it",
	[REASON_NOTHING] = "no packet can match it",
};

void import_print_reason(const struct import_left *x, struct strbuf *out)
{
	const char *text = x->reason == REASON_BOX ? unsaid_texts[x->unsaid] :
						     reason_texts[x->reason];
	const char *at = strstr(text, "%s");

	if (!at) {
		strbuf_puts(out, text);
		return;
	}
	strbuf_add(out, text, (size_t)(at - text));
	strbuf_puts(out, x->word ? x->word : "?");
	strbuf_puts(out, at + 2);
}
