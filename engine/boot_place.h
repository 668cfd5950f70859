/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/boot_place.h: where in a file edits are, or could be made.
 *
 * Shape:  edits of one file, by line, and a place for each, in the same order.
 *         No two overlap.
 */
#ifndef CTPOLICY_ENGINE_BOOT_PLACE_H
#define CTPOLICY_ENGINE_BOOT_PLACE_H

#include "core/lines.h"
#include "engine/boot.h"

enum boot_holds { BOOT_HOLDS_NEITHER, BOOT_HOLDS_WAS, BOOT_HOLDS_IS };

struct boot_place {
	enum boot_holds holds;
	size_t at;
};

void boot_find_places(struct lines_part text, const struct boot_edit *v,
		      size_t n, struct boot_place *ret);
/* How many edits at the front are of one file. */
size_t boot_of_one_file(const struct boot_edits *e, size_t from);
/* Of all files, as they are now; one that cannot be read holds neither. */
int boot_places_now(const struct boot_edits *of, struct boot_place **ret);

#endif
