/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/plan_text.h"

#include <stdlib.h>

#include "state/state_file.h"

/* Shorter ones are not worth a file. */
#define LONG (64u << 10)

void plan_put_text_aside(struct plan *p)
{
	if (!p->state || !p->text || p->len < LONG ||
	    state_put_aside(p->state, p->text, p->len, &p->aside))
		return;
	free(p->text);
	p->text = NULL;
}

void plan_bring_text_back(struct plan *p)
{
	char *text;
	size_t len;

	if (!p->aside || state_file_read_open(fileno(p->aside), &text, &len))
		return;
	plan_drop_text(p);
	p->text = text;
}

void plan_drop_text(struct plan *p)
{
	if (p->aside)
		fclose(p->aside);
	p->aside = NULL;
	free(p->text);
	p->text = NULL;
}
