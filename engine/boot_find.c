/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/boot_find.h"

#include <errno.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"
#include "host/kmod.h"
#include "host/modules.h"
#include "host/swap.h"

/* So many lines of one ruleset are named. */
#define RULES_SAID 5

static int needs_tracking(void *index, const char *name, bool *ret)
{
	return kmod_needs(index, name, MODULES_ROOT, ret);
}

int boot_add_find(struct boot_finds *to, const struct boot_find *f)
{
	if (!f->what || mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	to->v[to->n++] = *f;
	return 0;
}

static int add_lines(const struct boot_file *file, const struct boot_lines *l,
		     struct boot_finds *to)
{
	int err = 0;

	for (size_t i = 0; !err && i < l->n; i++) {
		const struct boot_edit e = {
			file->path, l->v[i].line, l->v[i].was, l->v[i].is,
		};

		err = boot_add_find(to, &(struct boot_find){
			file->path, l->v[i].line,
			intern_printf("this line loads module %s, which needs connection tracking",
				      l->v[i].module),
			false, file->is_admins,
		});
		if (!err && file->is_admins)
			err = boot_add(&to->edits, &e);
	}
	return err;
}

/* What is read with: the running kernel's modules. */
struct look {
	struct kmod_known *index;
	struct boot_finds *to;
};

static int look_into(const struct look *x, const struct boot_file *file,
		     const char *text, size_t len, struct boot_files *more)
{
	_cleanup_(boot_lines_release) struct boot_lines l = { 0 };
	struct boot_finds *to = x->to;
	int err;

	if (memchr(text, '\0', len))
		return boot_add_find(to, &(struct boot_find){
			file->path, 0,
			"this is not text: whether it loads connection tracking is not known",
			file->is_rules, false,
		});
	if (file->is_rules)
		return boot_find_rules(file, text, len, more, to);
	err = boot_lines_read(file->grammar, text, len, needs_tracking,
			      x->index, &l);
	return err ? err : add_lines(file, &l, to);
}

/* What would be edited, and cannot be, is found all the same. */
static int check_editable(const struct boot_file *file, int why, size_t from,
			  struct boot_finds *to)
{
	bool edited = false;
	size_t n = 0;

	for (size_t i = 0; i < to->edits.n; i++)
		if (to->edits.v[i].path != file->path)
			to->edits.v[n++] = to->edits.v[i];
	to->edits.n = n;
	for (size_t i = from; i < to->n; i++) {
		edited |= to->v[i].edited;
		to->v[i].edited = false;
	}
	return !edited ? 0 : boot_add_find(to, &(struct boot_find){
		file->path, 0,
		intern_printf("this file cannot be edited: %s",
			      boot_reason(why)),
		file->is_rules, false,
	});
}

static int look_at(const struct look *x, const struct boot_file *file,
		   struct boot_files *more)
{
	_cleanup_free_ char *text = NULL;
	struct boot_finds *to = x->to;
	size_t len, from = to->n;
	int err = swap_read(file->path, &text, &len), why;

	if (!err) {
		why = file->is_admins ? swap_check(file->path) : 0;
		err = look_into(x, file, text, len, more);
		return err || !why ? err : check_editable(file, why, from, to);
	}
	if (err == -ENOMEM || err == -ENOENT)
		return err == -ENOMEM ? err : 0;
	return boot_add_find(to, &(struct boot_find){
		file->path, 0,
		intern_printf("this file cannot be read (%s): whether it loads connection tracking is not known",
			      strerror(-err)),
		file->is_rules, false,
	});
}

int boot_find(struct boot_finds *ret)
{
	_cleanup_(boot_finds_release) struct boot_finds found = { 0 };
	_cleanup_(boot_files_release) struct boot_files files = { 0 };
	_cleanup_(kmod_known_close) struct kmod_known *index = NULL;
	struct look x = { .to = &found };
	int err = boot_files_list(&files);
	size_t n = files.n;

	if (!err)
		err = kmod_known_open(&index);
	x.index = index;

	/* What these include is read, but not what that includes. */
	for (size_t i = 0; !err && i < files.n; i++) {
		struct boot_file file = files.v[i];

		err = look_at(&x, &file, i < n ? &files : NULL);
	}
	if (err)
		return err;
	*ret = found;
	found = (struct boot_finds){ 0 };
	return 0;
}

static const char *base(const char *path)
{
	return strrchr(path, '/') + 1;
}

static void say_cure(const struct boot_find *f, enum boot_saying how,
		     struct diags *d)
{
	bool admins = !strncmp(f->path, "/etc/", strlen("/etc/"));

	if (!strcmp(f->path, BOOT_COMMAND))
		diag_help(d, "remove it from the kernel command line in your boot loader's configuration");
	else if (!admins && !f->is_rules)
		diag_help(d, strstr(f->path, "modprobe.d") ?
			  "it is not the administrator's: write /etc/modprobe.d/%s without the line" :
			  "it is not the administrator's: hide it by 'ln -s /dev/null /etc/modules-load.d/%s'",
			  base(f->path));
	else if (!f->line)
		diag_help(d, "ctpolicy does not edit this one: remove what loads it by hand");
	else if (how == BOOT_REPORTS && f->edited)
		diag_help(d, "take it out, or write `existing_rules: replace` for ctpolicy to do so");
	else if (f->is_rules)
		diag_help(d, "'ctpolicy audit %s --rewrite' prints the file without state matches, where that can be",
			  f->path);
	else
		diag_help(d, "take it out if connection tracking is to stay off");
}

/* Of how many lines of the same file were there so many words? */
static size_t said_before(const struct boot_finds *f, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < i; k++)
		n += f->v[k].path == f->v[i].path;
	return n;
}

static size_t of_file(const struct boot_finds *f, const char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->v[i].path == path;
	return n;
}

void boot_say(const struct boot_finds *f, enum boot_saying how,
	      struct diags *d)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct boot_find *x = &f->v[i];
		size_t before = x->is_rules ? said_before(f, i) : 0;
		const struct srcpos at = { x->path, x->line, x->line > 0, 0 };

		if ((how == BOOT_EDITS && x->edited) || before > RULES_SAID)
			continue;
		if (before == RULES_SAID) {
			diag_add(d, DIAG_WARNING, 0, ID_LOADS_AGAIN, at,
				 "%zu more lines of this file need connection tracking",
				 of_file(f, x->path) - RULES_SAID);
			continue;
		}
		diag_add(d, DIAG_WARNING, 0, ID_LOADS_AGAIN, at, "%s",
			 x->what);
		say_cure(x, how, d);
	}
}

void boot_finds_release(struct boot_finds *f)
{
	free(f->v);
	boot_edits_release(&f->edits);
	*f = (struct boot_finds){ 0 };
}
