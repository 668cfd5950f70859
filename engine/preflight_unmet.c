/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/preflight_unmet.c: rules that bans and counts to come depend on. */
#include <errno.h>
#include <string.h>

#include "audit/lasting.h"
#include "core/diag_ids.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "engine/preflight_say.h"

static const struct {
	enum diag_id id;
	enum harm harm;
	unsigned int override;		/* OVERRIDE_* */
	const char *word;		/* in the policy */
	const char *what;		/* it does with their packets */
	const char *cure;
} unmets[] = {
	{ ID_WOULD_LET_IN, HARM_LET_IN, OVERRIDE_DROPS, "drops",
	  "would go past a rule that may come to ban them, though its set, map or chain may be empty today:",
	  "ask for no state in that rule" },
	{ ID_NEEDS_ENTRY, HARM_COUNT, OVERRIDE_LIMITS, "limits",
	  "would no longer change a set, as they do today by",
	  "ask in that rule for `tcp flags syn` in place of a state, or for none" },
};

static const struct service *service_of(const struct plan *p,
					const struct origin *o)
{
	for (size_t i = 0; i < p->policy->n_services; i++)
		if (o->service &&
		    !strcmp(p->policy->services[i].name, o->service))
			return &p->policy->services[i];
	return NULL;
}

static int say(struct plan *p, const struct unmet *u, const struct service *s,
	       struct preflight_said *said)
{
	_cleanup_(strbuf_release) struct strbuf place = { 0 };
	struct harm_found h = {
		.harm = unmets[u->adds].harm, .rule = u->rule,
		.chain = p->host.f->rules[u->rule].chain,
	};
	bool allowed = p->rq->force ||
		       s->overrides & unmets[u->adds].override;
	bool known;
	int err = preflight_note(said, s, &h, &known);

	if (err || known)
		return err;
	preflight_print_place(&p->host, &h, &place);
	if (strbuf_status(&place))
		return -ENOMEM;
	diag_add(&p->diags, allowed ? DIAG_WARNING : DIAG_ERROR, 0,
		 unmets[u->adds].id, s->at, "packets of service %s %s %s",
		 s->name, unmets[u->adds].what,
		 strbuf_text(&place, &p->diags.lost));
	said->refused |= !allowed;
	if (!allowed)
		diag_help(&p->diags,
			  "%s; or say `override: [%s]`; --force applies it once",
			  unmets[u->adds].cure, unmets[u->adds].word);
	return 0;
}

/* Where the accept rules stand depends on what the list says today. */
static int say_states(struct plan *p, uint32_t rule)
{
	_cleanup_(strbuf_release) struct strbuf place = { 0 };
	const struct harm_found h = {
		.harm = HARM_LET_IN, .rule = rule,
		.chain = p->host.f->rules[rule].chain,
	};

	preflight_print_place(&p->host, &h, &place);
	if (strbuf_status(&place))
		return -ENOMEM;
	diag_add(&p->diags, DIAG_WARNING, 0, ID_WOULD_LET_IN, NOPOS,
		 "untracked packets will not meet what a list of states may come to say of new packets: %s",
		 strbuf_text(&place, &p->diags.lost));
	diag_help(&p->diags,
		  "apply again whenever that list changes, or write the states into the rule");
	return 0;
}

int preflight_say_unmet(struct plan *p, struct preflight_said *said)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->stands.n_unmet; i++) {
		const struct unmet *u = &p->stands.unmet[i];
		const struct service *s = service_of(p, u->origin);

		/* nothing comes past a rule of what is dropped */
		if (s && u->rule < p->host.n && !preflight_is_cut_off(said, s))
			err = say(p, u, s, said);
	}
	for (uint32_t i = 0; !err && i < p->host.n; i++)
		if (!foreign_is_gone(&p->host.f->rules[i]) &&
		    lasting_lists_states(p->host.f, i))
			err = say_states(p, i);
	return err;
}
