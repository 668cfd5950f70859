/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/past_loss.h"

static void say_thing(const struct image_loss *l, struct diags *d)
{
	diag_add(d, DIAG_WARNING, 0, ID_MADE_BY_HAND, NOPOS,
		 "%s %s%s%s%s%s was made by hand and cannot be recorded; rollback will not restore it",
		 step_kind_name(l->kind), l->name, *l->table ? " of table " : "",
		 nfproto_name(l->family), *nfproto_name(l->family) ? " " : "",
		 l->table);
}

void past_say_not_recorded(const struct image_losses *lost, struct diags *d)
{
	size_t rules = 0;

	for (size_t i = 0; i < lost->n; i++)
		if (lost->v[i].kind == STEP_RULE)
			rules += lost->v[i].n;
		else
			say_thing(&lost->v[i], d);
	if (rules)
		diag_add(d, DIAG_WARNING, 0, ID_HAND_EDITED, NOPOS,
			 "%zu hand-edited %s in ctpolicy's chains cannot be recorded; rollback will not restore %s",
			 rules, rules == 1 ? "rule" : "rules",
			 rules == 1 ? "it" : "them");
}

void past_say_asleep(const struct image *live, struct diags *d)
{
	for (size_t i = 0; i < live->n_tables; i++)
		if (live->tables[i].asleep)
			diag_add(d, DIAG_WARNING, 0, ID_MADE_BY_HAND, NOPOS,
				 "table %s %s is dormant, which cannot be recorded; rollback will restore it active",
				 nfproto_name(live->tables[i].family),
				 live->tables[i].name);
}

void past_say_not_restored(const struct image_losses *gone, bool whole,
			   struct diags *d)
{
	for (size_t i = 0; i < gone->n; i++)
		diag_add(d, DIAG_WARNING, 0, ID_ACCEPTS_GONE, NOPOS,
			 "chain %s of table %s %s is gone; ctpolicy's accept rules there are not restored",
			 gone->v[i].name, nfproto_name(gone->v[i].family),
			 gone->v[i].table);
	if (gone->n)
		diag_help(d, "if the host filters elsewhere now, 'ctpolicy apply POLICY' puts accept rules there");
	if (whole)
		return;
	diag_add(d, DIAG_WARNING, 0, ID_RESTORED_IN_PART, NOPOS,
		 "somebody else changed ctpolicy's rules after this change; the previous rules are restored only in part");
	diag_help(d, "'ctpolicy apply POLICY' makes the rules complete");
}
