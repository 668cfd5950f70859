/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/state.h: what outlives a command, for one network namespace.
 *
 *   DIR/main/  DIR/BOOT-COOKIE/    the machine's own namespace, and others
 *        lock                      held while rules change; says the number
 *                                  that the last change was given
 *        journal                   the change that is under way
 *        1, 2, 3...                changes that were made, newest last
 *        undone.4...               rollbacks, which can be undone in turn
 *        pending                   the newest must be confirmed in time
 *        pending.other             another version's, which is over
 *        result                    how the last trial ended
 *        watch                     held by processes that wait
 *        originals                 the host's rules that were replaced
 *        files                     lines of the host's files that were changed
 *        modules                   what was unloaded in this boot
 *
 * A change is in `journal`, with its undo data, before the kernel hears of it;
 * it becomes a numbered record when it is complete, and is gone when it was
 * undone. A journal whose lock is free is an interrupted change. No number is
 * given twice, whatever became of its change.
 *
 * Shape:  state_open(), then one journal_begin(), then journal_finish() or
 *         journal_drop(). Reading may go without the lock.
 * Owner:  state_close() frees; it lets go of the lock.
 * Errors: -errno and a diagnostic. -FAULT_BUSY: another ctpolicy was still
 *         at work when the time was up. -EIO: the folder or a file cannot be
 *         used (the reason is in the diagnostic); the call changed nothing.
 *         -ENOENT, without a diagnostic: there is no such record.
 * Source: SO_NETNS_COOKIE in asm-generic/socket.h, never given twice in one
 *         boot; /proc/sys/kernel/random/boot_id in random(4).
 */
#ifndef CTPOLICY_STATE_STATE_H
#define CTPOLICY_STATE_STATE_H

#include <stdbool.h>

#include "core/diag.h"
#include "state/pending.h"
#include "state/record.h"

#define STATE_DIR "/var/lib/ctpolicy"
#define STATE_KEPT 8	/* records; older ones go */

struct state;

/* Make the folder where it is missing, take the lock. */
int state_open(const char *dir, struct state **ret, struct diags *d);
/* Only to read, without the lock: no folder gives -ENOENT. */
int state_open_reading(const char *dir, struct state **ret, struct diags *d);
void state_close(struct state **st);
/*
 * Keep a text in a file without a name, as long as that is open. -errno, said
 * to nobody: it is kept elsewhere then.
 */
int state_put_aside(const struct state *st, const char *text, size_t len,
		    FILE **ret);
/* This boot and namespace: the rules of records of another one are gone. */
const char *state_space(const struct state *st);

/*
 * Write the journal: `r` as given, with its number, its space and the time
 * put in. Again while one is there: it takes its place.
 */
int journal_begin(struct state *st, struct record *r, struct diags *d);
int journal_read(struct state *st, struct record *ret, struct diags *d);
/* The record of what a rollback's journal undoes, or a redo's. */
int journal_read_undone(struct state *st, const struct record *journal,
			struct record *ret, struct diags *d);
/*
 * The change is complete: the journal becomes the newest record. A rollback's
 * takes the place of what it undid, among those that can be undone in turn;
 * so does a redo's, among the changes.
 */
int journal_finish(struct state *st, struct diags *d);
/* The change was undone. */
int journal_drop(struct state *st, struct diags *d);
/* One that cannot be read keeps what it says, under another name. */
int journal_set_aside(struct state *st);

int state_record(struct state *st, uint32_t id, struct record *ret,
		 struct diags *d);
int state_newest(struct state *st, struct record *ret, struct diags *d);
/* The newest rollback, if no other change was made after it. */
int state_newest_undone(struct state *st, struct record *ret, struct diags *d);
/* Numbers of the records, rising; *ret_n of at most STATE_KEPT + 1. */
int state_list(struct state *st, uint32_t *ret, size_t *ret_n,
	       struct diags *d);

/* In place of the record of that number; undo data must be the same. */
int state_renew_record(struct state *st, const struct record *r,
		       struct diags *d);
/*
 * Its change was undone, and no record says so: no earlier rollback can be
 * undone either. What cannot be removed now goes later.
 */
void state_forget_record(struct state *st, uint32_t id);

int pending_write(struct state *st, const struct pending *p, struct diags *d);
/*
 * -ENOENT alone says that no change is on trial. One whose file is damaged has
 * the number 0, and a deadline long past.
 */
int pending_read(struct state *st, struct pending *ret, struct diags *d);
/*
 * The note of another version's trial, as far as it can be read. -ENOENT: no
 * note of such a one is there.
 */
int pending_read_other(struct state *st, struct pending *ret, struct diags *d);
/* Out of the way of all commands, with a warning; what it says stays. */
int pending_set_aside(struct state *st, struct diags *d);
/* It is over, and there is nothing to report. */
int pending_drop(struct state *st, struct diags *d);
/* It is over: the next `confirm` reports it. */
int pending_end(struct state *st, uint32_t id, enum ending ending,
		struct diags *d);
int ending_read(struct state *st, struct ending_note *ret, struct diags *d);
/* It was reported, or a later change was made. */
void ending_forget(struct state *st);

/*
 * For as long as the file is open, this process looks after the change on
 * trial. Shared: a process that gets it alone is the only one. -1: not held.
 */
int state_watch(struct state *st);

/* The folder's path, for a process that must watch it; borrowed. */
const char *state_path(const struct state *st);

#endif
