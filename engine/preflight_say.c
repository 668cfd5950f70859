/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/preflight_say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "core/diag_ids.h"
#include "core/mem.h"
#include "core/strbuf.h"

static const struct {
	enum diag_id id;
	unsigned int override;		/* OVERRIDE_*; 0: a warning anyway */
	const char *word;		/* in the policy */
	const char *cure;
} harms[] = {
	[HARM_CUT_OFF] = {
		ID_WOULD_CUT_OFF, OVERRIDE_DROPS, "drops",
		"accept these packets in a rule ahead of that one that asks for no state",
	},
	[HARM_LET_IN] = {
		ID_WOULD_LET_IN, OVERRIDE_DROPS, "drops",
		"limit the service to the `clients`, `servers` or `interfaces` that may pass",
	},
	[HARM_TRACKED] = {
		ID_STAYS_TRACKED, OVERRIDE_HELPERS, "helpers",
		"leave what that rule is for out of the service",
	},
	[HARM_NAT] = {
		ID_NEEDS_NAT, OVERRIDE_NAT, "nat",
		"leave the translated ports, addresses or interfaces out of the service",
	},
	[HARM_PORTS] = {
		ID_NEEDS_NAT, OVERRIDE_NAT, "nat", NULL,
	},
	[HARM_HELPER] = {
		ID_NEEDS_ENTRY, OVERRIDE_HELPERS, "helpers",
		"leave what that rule is for out of the service",
	},
	[HARM_COUNT] = {
		ID_NEEDS_ENTRY, OVERRIDE_LIMITS, "limits",
		"leave what that rule is for out of the service",
	},
	[HARM_LIMIT] = {
		ID_NEEDS_ENTRY, OVERRIDE_LIMITS, "limits",
		"accept these packets ahead of that rule, in one that asks for no state",
	},
	[HARM_KEPT] = {
		ID_OWN_STAYS_TRACKED, 0, NULL,
		"`override: [nat]` takes it out as well, and then the rule has no effect on it",
	},
	[HARM_MARK] = {
		ID_NEEDS_ENTRY, OVERRIDE_LIMITS, "limits",
		"set that mark in a rule that asks for no connection",
	},
	[HARM_ERRORS] = {
		ID_LOSES_ERRORS, OVERRIDE_INVALID, "invalid",
		"accept these ICMP errors in a rule ahead of that one",
	},
	[HARM_ANSWERS] = {
		ID_LOSES_ANSWERS, 0, NULL,
		"list the peers of the service in `clients` and `servers`: what others send stays tracked",
	},
	[HARM_UNTIMED] = {
		ID_TIMEOUTS_UNUSED, 0, NULL,
		"leave what that rule is for out of the service",
	},
	[HARM_WIDER] = {
		ID_OPENS_WIDER, 0, NULL,
		"leave out `accept: open`: with `inherit` this host's rules go on deciding who may use the service",
	},
	[HARM_MOVED] = {
		ID_NEEDS_NAT, OVERRIDE_NAT, "nat",
		"leave the port that it leads to out of the service",
	},
	[HARM_BEHIND_PORTS] = {
		ID_EPHEMERAL_SERVER, OVERRIDE_NAT, "nat",
		"name in `servers` addresses that the host does not masquerade behind, or let it masquerade to other ports (masquerade to :1024-32767)",
	},
	[HARM_BEHIND_PROTO] = {
		ID_MASQUERADED_REPLIES, OVERRIDE_NAT, "nat",
		"name the far end, in `servers` for a client and in `clients` for a server; the hosts behind must not use it",
	},
	[HARM_BEHIND_OPEN] = {
		ID_UNGUARDED_REPLIES, OVERRIDE_NAT, "nat",
		"leave `reply_guard` out",
	},
};

_Static_assert(ARRAY_SIZE(harms) == HARM_MAX_, "a harm lacks a row");

static void print_end(const struct flow_space *sp, const uint8_t *address,
		      const uint8_t *port, struct strbuf *out)
{
	char text[INET6_ADDRSTRLEN] = "?";
	uint16_t n;

	inet_ntop(sp->family, address, text, sizeof(text));
	memcpy(&n, port, sizeof(n));
	if (!sp->ports->n)
		strbuf_puts(out, text);
	else
		strbuf_printf(out, sp->family == AF_INET ? "%s:%u" : "[%s]:%u",
			      text, ntohs(n));
}

/* "tcp 192.0.2.66:32768 > 198.51.100.2:80, in by eth0" */
static void print_flow(const struct flow_space *sp,
		       const struct flow_sample *s, struct strbuf *out)
{
	const char *in = (const char *)s->key[FLOW_IN];
	const char *by = (const char *)s->key[FLOW_OUT];

	protocol_print(sp->proto, out);
	strbuf_puts(out, " ");
	print_end(sp, s->key[FLOW_CLIENT], s->key[FLOW_CPORT], out);
	strbuf_puts(out, " > ");
	print_end(sp, s->key[FLOW_SERVER], s->key[FLOW_SPORT], out);
	if (*in)
		strbuf_printf(out, ", in by %.15s", in);
	if (*by)
		strbuf_printf(out, ", out by %.15s", by);
}

static void print_chain(const struct foreign *f, uint32_t chain,
			struct strbuf *out)
{
	const struct foreign_table *t = &f->tables[f->chains[chain].table];

	strbuf_printf(out, "chain %s of table %s %s%s", f->chains[chain].name,
		      foreign_family_name(t->family), t->name,
		      t->world == WORLD_LEGACY ? " (legacy iptables)" : "");
}

#define RAW_MAX 160

void preflight_print_place(const struct host_rules *host,
			   const struct harm_found *h, struct strbuf *out)
{
	const struct foreign *f = host->f;
	const struct foreign_rule *r;

	if (h->rule == FOREIGN_NOWHERE) {
		if (h->chain == FOREIGN_NOWHERE) {
			strbuf_puts(out, "this host's rules");
			return;
		}
		strbuf_puts(out, "the policy of ");
		print_chain(f, h->chain, out);
		return;
	}
	r = &f->rules[h->rule];
	if (h->rule < host->n)
		strbuf_printf(out, "rule %u of ", host->position[h->rule]);
	else
		strbuf_puts(out, "ctpolicy's rule in ");
	print_chain(f, r->chain, out);
	strbuf_printf(out, ": %.*s%s",
		      (int)(r->raw.n > RAW_MAX ? RAW_MAX : r->raw.n), r->raw.s,
		      r->raw.n > RAW_MAX ? "..." : "");
}

bool preflight_is_elsewhere(const struct plan *p, const struct harm_found *h)
{
	const struct foreign *f = p->host.f;
	uint32_t chain = h->rule == FOREIGN_NOWHERE ? h->chain :
						      f->rules[h->rule].chain;

	return chain != FOREIGN_NOWHERE &&
	       f->tables[f->chains[chain].table].world !=
		       p->change.v[0].backend->world;
}

/* Is it known which rule takes such packets today? */
static bool has_passed(const struct harm_found *h)
{
	return h->harm == HARM_CUT_OFF && h->by.base != FOREIGN_NOWHERE;
}

static void describe(const struct service *s, const struct harm_found *h,
		     const char *flow, const char *place, const char *by,
		     struct strbuf *out)
{
	const char *may = h->maybe ? "may" : "would";

	switch (h->harm) {
	case HARM_CUT_OFF:
		strbuf_printf(out, "this %s %s service %s: its %s (%s) %spass today%s%s%s, and %s be dropped by %s",
			      may, s->management ? "lock you out of management" :
						   "cut off",
			      s->name, talk_name(h->talk), flow,
			      *by && h->by.maybe ? "may " : "",
			      *by ? " by " : "", by,
			      *by && h->by.limited ? ", which limits them" :
						     "", may, place);
		break;
	case HARM_LET_IN:
		strbuf_printf(out, "this %s let in what this host's rules forbid: %s of service %s (%s) %s dropped today by %s",
			      may, talk_name(h->talk), s->name, flow,
			      h->maybe ? "may be" : "are", place);
		break;
	case HARM_TRACKED:
		strbuf_printf(out, "connections of service %s (%s) would stay tracked: %s comes ahead of the NOTRACK rules or undoes them",
			      s->name, flow, h->rule == FOREIGN_NOWHERE ?
			      "something on this host" : place);
		break;
	case HARM_NAT:
		strbuf_printf(out, "this host %stranslates connections of service %s (%s), which cannot be done for untracked packets: %s",
			      h->maybe ? "may be one that " : "", s->name,
			      flow, place);
		break;
	case HARM_PORTS:
		strbuf_printf(out, "requests of service %s (%s) would leave from ports of the kernel's choice, to which this host translates no untracked packet: %s",
			      s->name, flow, place);
		break;
	case HARM_KEPT:
		strbuf_printf(out, "of service %s, what this host sends to itself stays tracked, because it %s translated (%s): %s",
			      s->name, h->maybe ? "may be" : "is", flow, place);
		break;
	case HARM_HELPER:
	case HARM_COUNT:
		strbuf_printf(out, "connections of service %s (%s) need their conntrack entries: %s",
			      s->name, flow, place);
		break;
	case HARM_LIMIT:
		strbuf_printf(out, "each packet of service %s (%s) would count, where connections are counted today: %s",
			      s->name, flow, place);
		break;
	case HARM_MARK:
		strbuf_printf(out, "packets of service %s (%s) %s not have the mark that they have today, which routing rules, traffic control or IPsec look at: %s",
			      s->name, flow, may, place);
		break;
	case HARM_ERRORS:
		strbuf_printf(out, "service %s (%s) %s lose %s, and path MTU discovery with them: dropped by %s",
			      s->name, flow, may, talk_name(h->talk), place);
		break;
	case HARM_ANSWERS:
		strbuf_printf(out, "whoever sends from a port of service %s (%s) gets answers today, by connection tracking; its %s %s be dropped by %s",
			      s->name, flow, talk_name(h->talk), may, place);
		break;
	case HARM_UNTIMED:
		strbuf_printf(out, "timeouts of tracked service %s (%s) have no effect: %s comes first",
			      s->name, flow, place);
		break;
	case HARM_WIDER:
		strbuf_printf(out, "this would open service %s to more than this host's rules do, which let only some use it: its %s (%s) %s dropped today by %s",
			      s->name, talk_name(h->talk), flow,
			      h->maybe ? "may be" : "are", place);
		break;
	case HARM_MOVED:
		strbuf_printf(out, "service %s %s take answers out of tracking that this host translates back (%s): %s",
			      s->name, may, flow, place);
		break;
	case HARM_BEHIND_PORTS:
	case HARM_BEHIND_PROTO:
	case HARM_BEHIND_OPEN:
		strbuf_printf(out, "service %s %s take answers to hosts behind this one out of tracking (%s), which then get lost: %s",
			      s->name, may, flow, place);
		break;
	case HARM_NONE:
	case HARM_MAX_:
		break;
	}
}

/* A zone of one direction is seldom meant, and never shows where it drops. */
static void describe_zone(const struct plan *p, const struct harm_found *h,
			  struct strbuf *out)
{
	const struct harm_found by = { .rule = h->zone };

	if (!h->hidden || h->zone == FOREIGN_NOWHERE)
		return;
	strbuf_puts(out, h->zone == h->rule ?
		    ", which puts requests and answers into different conntrack zones" :
		    "; requests and answers are in different conntrack zones, by ");
	if (h->zone != h->rule)
		preflight_print_place(&p->host, &by, out);
}

/* An accept rule counts in the chains of its own world alone. */
static bool is_beyond(const struct plan *p, const struct service *s,
		      const struct harm_found *h)
{
	return h->harm == HARM_CUT_OFF && s->accept != ACCEPT_NONE &&
	       preflight_is_elsewhere(p, h);
}

/* Are accept rules wanted in the world that the plan writes to? */
static bool filters_here(const struct plan *p)
{
	return p->stands.n > 0;
}

static void help_beyond(struct plan *p)
{
	const struct part *m = &p->change.v[0];

	if (filters_here(p))
		diag_help(&p->diags,
			  "this host drops such packets in %s as well: let only one of the two filter them; or say `override: [%s]`",
			  m->backend->name, harms[HARM_CUT_OFF].word);
	else
		diag_help(&p->diags,
			  "%suse the other backend (--backend), which can accept packets in that chain",
			  m->live.survey.ours ? "run 'ctpolicy remove', then " :
						"");
}

/* Of a rule that asks for more than a state, `inherit` makes no copy. */
static const char *cure_of(const struct service *s, const struct harm_found *h)
{
	if (has_passed(h) && h->by.limited)
		return "accept these packets in a rule that asks for no state and has no limit";
	return h->harm == HARM_CUT_OFF && s->accept == ACCEPT_INHERIT ?
		       "say `accept: open`, or accept these packets in a rule that asks for no state" :
		       harms[h->harm].cure;
}

static enum diag_id id_of(const struct plan *p, const struct service *s,
			  const struct harm_found *h)
{
	if (h->harm == HARM_CUT_OFF && s->management)
		return ID_LOCKED_OUT;
	return is_beyond(p, s, h) ? ID_DROPPED_ELSEWHERE : harms[h->harm].id;
}

/* What nobody knows the cause of is a warning: it does no harm, nor good. */
static bool is_refused(const struct harm_found *h)
{
	return !h->mild &&
	       (h->harm != HARM_TRACKED || h->rule != FOREIGN_NOWHERE);
}

/* The rules that the message names are not to be seen now. */
static const char puts_back[] =
	"this change also puts back the rules that were replaced: run 'ctpolicy remove' first to see them; ";

static void say(struct plan *p, const struct service *s,
		const struct harm_found *h, const char *text, bool *refused)
{
	unsigned int override = harms[h->harm].override;
	bool allowed = !override || !is_refused(h) || p->rq->force ||
		       s->overrides & override;

	diag_add(&p->diags, h->mild ? DIAG_NOTE : allowed ? DIAG_WARNING :
							     DIAG_ERROR, 0,
		 id_of(p, s, h), s->at, "%s", text);
	*refused |= !allowed;
	if (!override && harms[h->harm].cure)
		diag_help(&p->diags, "%s", harms[h->harm].cure);
	else if (!allowed && is_beyond(p, s, h))
		help_beyond(p);
	else if (!allowed)
		diag_help(&p->diags,
			  "%s%s; or say `override: [%s]`; --force applies it once",
			  edits_are_undone(p) ? puts_back : "", cure_of(s, h),
			  harms[h->harm].word);
}

int preflight_say(struct plan *p, const struct service *s,
		  const struct flow_space *sp, const struct flow_sample *sample,
		  const struct harm_found *h, struct preflight_said *said)
{
	_cleanup_(strbuf_release) struct strbuf flow = { 0 };
	_cleanup_(strbuf_release) struct strbuf place = { 0 };
	_cleanup_(strbuf_release) struct strbuf by = { 0 };
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	const struct harm_found passes = { .rule = h->by.rule };
	bool known = true;
	int err = h->harm ? preflight_note(said, s, h, &known) : 0;

	if (err || known)
		return err;
	print_flow(sp, sample, &flow);
	preflight_print_place(&p->host, h, &place);
	if (has_passed(h))
		preflight_print_place(&p->host, &passes, &by);
	describe(s, h, strbuf_text(&flow, &text.lost),
		 strbuf_text(&place, &text.lost),
		 strbuf_text(&by, &text.lost), &text);
	describe_zone(p, h, &text);
	if (strbuf_status(&text))
		return -ENOMEM;
	say(p, s, h, strbuf_str(&text), &said->refused);
	return 0;
}
