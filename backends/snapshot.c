/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/snapshot.c: the end of what every backend's snapshot() gives. */
#include "backends/backend.h"
#include "core/mem.h"

void snapshot_release(struct snapshot *s)
{
	image_free(&s->image);
	free(s->survey.filters);
	*s = (struct snapshot){ 0 };
}
