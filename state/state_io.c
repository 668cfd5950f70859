/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/state_io.c: a folder's files, for the journal and the trial. */
#include "state/state_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "state/folder.h"

int state_cannot(const struct state *st, const char *what, const char *name,
		 int err, struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_STATE_FILE, NOPOS, "cannot %s %s/%s: %s",
		 what, st->path, name, strerror(-err));
	return -EIO;
}

int state_say_version(const char *folder, const char *name, const char *help,
		      struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_RECORD_VERSION, NOPOS,
		 "%s/%s was written by another version of ctpolicy", folder,
		 name);
	diag_help(d, "%s", help);
	return -FAULT_LACKING;
}

int state_write_pieces(struct state *st, const char *name,
		       const struct state_piece *v, size_t n, struct diags *d)
{
	int err = state_file_write_pieces(st->dir, name, v, n);

	return err ? state_cannot(st, "write", name, err, d) : 0;
}

int state_write(struct state *st, const char *name, const struct strbuf *text,
		struct diags *d)
{
	const struct state_piece all = {
		.s = strbuf_str(text), .len = text->n,
	};

	return state_write_pieces(st, name, &all, 1, d);
}

int state_read(struct state *st, const char *name, char **ret,
	       size_t *ret_len, struct diags *d)
{
	int err = state_file_read(st->dir, name, ret, ret_len);

	if (!err || err == -ENOENT)
		return err;
	return state_cannot(st, "read", name, err, d);
}

int state_claim(struct state *st)
{
	char *folder;

	if (!st->claim.locked ||
	    (st->claim.folder && !strcmp(st->claim.folder, st->path)))
		return 0;
	folder = strdup(st->path);
	if (!folder)
		return -ENOMEM;
	free(st->claim.folder);
	st->claim.folder = folder;
	/* Without room for the claim nothing is guarded, as without /run. */
	(void)claim_write(&st->claim);
	return 0;
}

int state_put_aside(const struct state *st, const char *text, size_t len,
		    FILE **ret)
{
	return state_file_nameless(st->dir, text, len, ret);
}
