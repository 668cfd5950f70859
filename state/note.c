/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/note.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/sealed.h"
#include "state/state_file.h"
#include "state/state_io.h"

static const struct {
	const char *name, *lost;
} notes[] = {
	[NOTE_FILES] = { STATE_FILES,
			 "lines of files that ctpolicy changed cannot be put back" },
	[NOTE_MODULES] = { STATE_MODULES,
			   "modules that were unloaded cannot be loaded again" },
	[NOTE_SETTINGS] = { STATE_SETTINGS,
			    "settings that ctpolicy changed cannot be put back" },
};
_Static_assert(ARRAY_SIZE(notes) == NOTE_MAX_, "a note has no file");

int note_read(struct state *st, enum note n, char **ret, size_t *ret_len,
	      struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = state_read(st, notes[n].name, &text, &len, d);

	if (err)
		return err;
	if (sealed_check(text, &len))
		return diag_add(d, DIAG_WARNING, -EIO, ID_NOTES_DAMAGED,
				NOPOS, "%s/%s is damaged: %s", st->path,
				notes[n].name, notes[n].lost);
	text[len] = '\0';
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}

static int drop(struct state *st, const char *name, struct diags *d)
{
	int err = state_file_unlink(st->dir, name);

	return err ? state_cannot(st, "remove", name, err, d) : 0;
}

int note_write(struct state *st, enum note n, const char *text, size_t len,
	       struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err;

	if (!len)
		return drop(st, notes[n].name, d);
	strbuf_add(&b, text, len);
	err = sealed_put_checksum(&b);
	if (!err)
		err = state_write(st, notes[n].name, &b, d);
	if (err)
		return err;
	err = state_file_sync(st->dir);
	return err ? state_cannot(st, "write", notes[n].name, err, d) : 0;
}

#define BOOT "boot "

void note_put_space(const struct state *st, struct strbuf *out)
{
	strbuf_printf(out, BOOT "%s\n", state_space(st));
}

char *note_behind_space(const struct state *st, char *text, bool *ret)
{
	const char *space = state_space(st);
	char *end = strchr(text, '\n');
	size_t n = strlen(BOOT);

	if (!end || strncmp(text, BOOT, n) != 0)
		return NULL;
	text += n;
	n = (size_t)(end - text);
	*ret = n == strlen(space) && !memcmp(text, space, n);
	return end + 1;
}
