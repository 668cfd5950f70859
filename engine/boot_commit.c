/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/boot_commit.c: write the files, one after the other. */
#include <errno.h>
#include <string.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "engine/boot.h"
#include "engine/boot_place.h"
#include "host/swap.h"

/* One file: the edits that are or were there, and which go the other way. */
struct job {
	const char *path;
	struct boot_edits edits;
	const struct boot_steps *steps;
	bool adds;
};

static const struct boot_step *step_of(const struct job *j,
				       const struct boot_edit *e)
{
	struct boot_edit copy = *e;
	const struct boot_edits one = { &copy, 1, 1 };

	for (size_t i = 0; i < j->steps->n; i++)
		if (boot_has(&one, &j->steps->v[i].edit))
			return &j->steps->v[i];
	return NULL;
}

static int fill(const struct boot *b, const struct boot_step *first,
		struct job *j)
{
	int err = 0;

	*j = (struct job){ .path = first->edit.path, .steps = &b->steps };
	for (size_t i = 0; !err && i < b->live.n; i++)
		if (!strcmp(b->live.v[i].path, j->path))
			err = boot_add(&j->edits, &b->live.v[i]);
	for (size_t i = 0; !err && i < b->steps.n; i++)
		if (!strcmp(b->steps.v[i].edit.path, j->path)) {
			j->adds |= b->steps.v[i].add;
			err = boot_add(&j->edits, &b->steps.v[i].edit);
		}
	return err;
}

static int make_text(const struct job *j, struct lines_part text,
		     struct strbuf *out)
{
	_cleanup_free_ struct boot_place *at =
		calloc(j->edits.n + 1, sizeof(*at));
	size_t done = 0;

	if (!at)
		return -ENOMEM;
	boot_find_places(text, j->edits.v, j->edits.n, at);
	for (size_t i = 0; i < j->edits.n; i++) {
		const struct boot_edit *e = &j->edits.v[i];
		const struct boot_step *s = step_of(j, e);
		bool is = at[i].holds == BOOT_HOLDS_IS;
		const char *from = is ? e->is : e->was;

		if (at[i].holds == BOOT_HOLDS_NEITHER || (s && s->add == is))
			return -FAULT_CONFLICT;
		strbuf_add(out, text.s + done, at[i].at - done);
		strbuf_puts(out, !s ? from : s->add ? e->is : e->was);
		done = at[i].at + strlen(from);
	}
	strbuf_add(out, text.s + done, text.n - done);
	return strbuf_status(out);
}

static int write_file(const struct job *j)
{
	_cleanup_(strbuf_release) struct strbuf out = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = swap_read(j->path, &text, &len);

	if (!err)
		err = make_text(j, (struct lines_part){ text, len }, &out);
	if (!err)
		err = swap_write(j->path, strbuf_str(&out), out.n);
	return err;
}

/* The way back is open whatever the disk says: what stays is said. */
static int give_up(struct boot *b, const struct job *j, int err,
		   struct diags *d)
{
	bool yields = !j->adds || b->yields;

	if (err == -ENOMEM)
		return err;
	diag_add(d, yields ? DIAG_WARNING : DIAG_ERROR, 0, ID_FILE_NOT_EDITED,
		 (struct srcpos){ j->path, 0, 0, 0 },
		 j->adds ? "this file cannot be edited: %s" :
			   "lines of this file cannot be put back: %s",
		 boot_reason(err));
	if (!yields)
		return err;
	diag_help(d, "run 'ctpolicy %s' once it can be written",
		  j->adds ? "apply" : "remove");
	for (size_t i = 0; i < j->edits.n; i++)
		if (step_of(j, &j->edits.v[i]) &&
		    boot_add(&b->given_up, &j->edits.v[i]))
			return -ENOMEM;
	return 0;
}

const char *boot_reason(int err)
{
	return err == -FAULT_CONFLICT ? "it was changed meanwhile" :
	       err == -EMLINK ? "it has several names (hard links)" :
	       err == -EBUSY ? "something is mounted on it" :
	       err == -EPERM ? "its owner, group or attributes could not be kept, or it is protected (chattr +i, +a)" :
			       strerror(-err);
}

static bool is_first(const struct boot_steps *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(s->v[k].edit.path, s->v[i].edit.path))
			return false;
	return true;
}

int boot_commit(struct boot *b, unsigned int *begun, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && b->there && i < b->steps.n; i++) {
		struct job j = { 0 };

		if (!is_first(&b->steps, i))
			continue;
		err = fill(b, &b->steps.v[i], &j);
		if (!err) {
			*begun |= BEGUN_TOLD;
			err = write_file(&j);
			if (!err)
				*begun |= BEGUN_UNDONE;
			else
				err = give_up(b, &j, err, d);
		}
		boot_edits_release(&j.edits);
	}
	return err;
}
