/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state/trial.c: the change that waits for its confirmation. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "state/folder.h"
#include "state/kept.h"
#include "state/state_file.h"
#include "state/state_io.h"

/* Tell processes that hold the note open that ctpolicy ends or replaces it. */
static int mark_over(const struct state *st)
{
	int err, fd = openat(st->dir, STATE_PENDING, O_RDONLY | O_CLOEXEC |
			     O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = fchmod(fd, KEPT_OVER_MODE) ? -errno : 0;
	close(fd);
	return err;
}

int pending_write(struct state *st, const struct pending *p, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	int err = pending_encode(p, &text);

	if (!err)
		err = state_claim(st);
	if (err)
		return err;
	err = mark_over(st);
	if (err)
		return state_cannot(st, "replace", STATE_PENDING, err, d);
	return state_write(st, STATE_PENDING, &text, d);
}

/*
 * What cannot be read any more cannot be confirmed either; the time it had is
 * over.
 */
static void say_damaged(const struct state *st, struct pending *ret,
			struct diags *d)
{
	*ret = (struct pending){ 0 };
	diag_add(d, DIAG_WARNING, 0, ID_TRIAL_DAMAGED, NOPOS,
		 "%s/" STATE_PENDING " is damaged: the change on trial counts as not confirmed in time",
		 st->path);
}

int pending_read(struct state *st, struct pending *ret, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	struct pending p;
	size_t len;
	int err = state_read(st, STATE_PENDING, &text, &len, d);

	if (!err)
		err = pending_decode(text, len, &p);
	if (err == -EPROTO)
		return state_say_version(st->path, STATE_PENDING,
					 "confirm it or roll it back with that version; or move the file away, then 'ctpolicy apply POLICY' or 'ctpolicy remove' sets the rules right", d);
	if (err == -EBADMSG) {
		say_damaged(st, &p, d);
		err = 0;
	}
	if (err)
		return err;
	if (claim_is_over(&st->claim, &p))
		return -ENOENT;
	*ret = p;
	return 0;
}

int pending_read_other(struct state *st, struct pending *ret, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	struct pending p;
	size_t len;
	int err = state_read(st, STATE_PENDING, &text, &len, d);

	if (err)
		return err;
	err = pending_decode(text, len, &p);
	if (err == -EPROTO)
		return pending_glean(text, len, ret);
	return err == -ENOMEM ? err : -ENOENT;
}

int pending_set_aside(struct state *st, struct diags *d)
{
	int err = mark_over(st);

	if (!err)
		err = state_file_rename(st->dir, STATE_PENDING, STATE_ASIDE);
	if (err)
		return state_cannot(st, "set aside", STATE_PENDING, err, d);
	diag_add(d, DIAG_WARNING, 0, ID_RECORD_PASSED_OVER, NOPOS,
		 "%s/" STATE_PENDING " was written by another version of ctpolicy and is passed over; it is now " STATE_ASIDE,
		 st->path);
	return 0;
}

/* In memory, where the disk cannot take it. */
static int note_over(struct state *st, enum ending ending, struct diags *d)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	struct pending p;
	int err = pending_read(st, &p, &said);

	if (err)
		return err == -ENOENT ? 0 : err;
	st->claim.over.id = p.id;
	st->claim.over.deadline = p.deadline;
	st->claim.over.ending = ending;
	st->claim.over.told = ending == ENDING_CONFIRMED;
	err = p.id ? claim_write(&st->claim) : -EROFS;
	if (err) {
		memset(&st->claim.over, 0, sizeof(st->claim.over));
		return err;
	}
	diag_add(d, DIAG_WARNING, 0, ID_TRIAL_END_UNSAVED, NOPOS,
		 "%s/" STATE_PENDING " cannot be removed; the end of the trial is noted in /run until the next boot",
		 st->path);
	return 0;
}

static int drop(struct state *st, enum ending ending, struct diags *d)
{
	int err = mark_over(st);

	if (!err)
		err = state_file_unlink(st->dir, STATE_PENDING);

	if (!err || !note_over(st, ending, d))
		return 0;
	return state_cannot(st, "remove", STATE_PENDING, err, d);
}

int pending_drop(struct state *st, struct diags *d)
{
	return drop(st, ENDING_CONFIRMED, d);
}

/* That it ended matters more than the report: a full disk may lose that. */
static int write_ending(struct state *st, const struct ending_note *e)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	int err = ending_encode(e, &text);

	return err ? err : state_file_write(st->dir, STATE_RESULT,
					    strbuf_str(&text), text.n);
}

int pending_end(struct state *st, uint32_t id, enum ending ending,
		struct diags *d)
{
	const struct ending_note e = {
		.id = id, .ending = ending, .time = (int64_t)time(NULL),
	};
	int told = write_ending(st, &e), r = drop(st, ending, d);

	if (!r && told)
		(void)write_ending(st, &e);
	return r;
}

int ending_read(struct state *st, struct ending_note *ret, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	struct ending_note e = { 0 };
	size_t len;
	int err;

	if (st->claim.over.id) {
		if (st->claim.over.told)
			return -ENOENT;
		e.id = st->claim.over.id;
		e.ending = st->claim.over.ending;
		*ret = e;
		return 0;
	}
	err = state_read(st, STATE_RESULT, &text, &len, d);
	if (!err)
		err = ending_decode(text, len, &e);
	/* A result that nobody can read tells nothing. */
	if (err == -EBADMSG || err == -EPROTO)
		return -ENOENT;
	if (!err)
		*ret = e;
	return err;
}

void ending_forget(struct state *st)
{
	(void)state_file_unlink(st->dir, STATE_RESULT);
	if (st->claim.over.id && !st->claim.over.told) {
		st->claim.over.told = true;
		(void)claim_write(&st->claim);
	}
}

int state_watch(struct state *st)
{
	int fd = openat(st->dir, STATE_WATCH, O_RDONLY | O_CREAT | O_CLOEXEC |
			O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0)
		fd = openat(st->dir, STATE_WATCH, O_RDONLY | O_CLOEXEC |
			    O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || !flock(fd, LOCK_SH | LOCK_NB))
		return fd;
	close(fd);
	return -1;
}

/* The disk may have been mended since a trial ended. */
void trial_tidy(struct state *st)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	struct ending_note e;
	struct pending p;

	if (!st->claim.locked || !st->claim.over.id)
		return;
	if (pending_read(st, &p, &said) != -ENOENT || mark_over(st) ||
	    state_file_unlink(st->dir, STATE_PENDING))
		return;
	if (ending_is_undone(st->claim.over.ending))
		state_forget_record(st, st->claim.over.id);
	e = (struct ending_note){
		.id = st->claim.over.id, .ending = st->claim.over.ending,
		.time = (int64_t)time(NULL),
	};
	if (!st->claim.over.told && write_ending(st, &e))
		return;
	memset(&st->claim.over, 0, sizeof(st->claim.over));
	(void)claim_write(&st->claim);
}
