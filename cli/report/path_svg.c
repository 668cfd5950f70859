/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report/path_svg.h"

#include "cli/report/html.h"

#define LINE_HEIGHT 18
#define ROUND 7			/* of its corners */

struct box {
	int x, y, w, h;
};

struct label {
	int x, y;		/* the middle of its first line */
	bool is_short;
};

struct layout {
	const char *kind;
	int w, h;
	struct box boxes[PATH_BOX_MAX_];
	const char *untracked, *tracked;	/* as paths of SVG */
	const char *untracked_heads, *tracked_heads;
	struct label untracked_label, tracked_label;
};

static const struct layout wide = {
	.kind = "wide",
	.w = 980,
	.h = 300,
	.boxes = {
		[PATH_NETWORK] = { 8, 99, 104, 72 },
		[PATH_RAW] = { 190, 85, 160, 100 },
		[PATH_CONNTRACK] = { 430, 166, 170, 84 },
		[PATH_FILTER] = { 690, 80, 150, 100 },
		[PATH_HOST] = { 884, 94, 88, 72 },
	},
	.untracked = "M112 122H182M350 115C430 115 430 64 515 64S600 115 682 115M840 120H876",
	.tracked = "M112 150H182M350 155C394 155 380 208 422 208M600 208C650 208 636 150 682 150M840 142H876",
	.untracked_heads = "M180 115l10 7-10 7zM680 108l10 7-10 7zM874 113l10 7-10 7z",
	.tracked_heads = "M180 143l10 7-10 7zM420 201l10 7-10 7zM680 143l10 7-10 7zM874 135l10 7-10 7z",
	.untracked_label = { 515, 30, false },
	.tracked_label = { 515, 272, false },
};

static const struct layout narrow = {
	.kind = "narrow",
	.w = 340,
	.h = 580,
	.boxes = {
		[PATH_NETWORK] = { 95, 4, 150, 72 },
		[PATH_RAW] = { 60, 116, 220, 84 },
		[PATH_CONNTRACK] = { 4, 262, 176, 84 },
		[PATH_FILTER] = { 60, 410, 220, 84 },
		[PATH_HOST] = { 95, 534, 150, 44 },
	},
	.untracked = "M185 76V108M225 200V402M185 494V526",
	.tracked = "M155 76V108M125 200V254M125 346V402M155 494V526",
	.untracked_heads = "M178 106l7 10 7-10zM218 400l7 10 7-10zM178 524l7 10 7-10z",
	.tracked_heads = "M148 106l7 10 7-10zM118 252l7 10 7-10zM118 400l7 10 7-10zM148 524l7 10 7-10z",
	.untracked_label = { 286, 300, true },
	.tracked_label = { 62, 370, true },
};

static const char *const titles[] = {
	[PATH_NETWORK] = "network", [PATH_RAW] = "raw",
	[PATH_CONNTRACK] = "conntrack", [PATH_FILTER] = "filter",
	[PATH_HOST] = "host",
};

static void put_text(int x, int y, const char *kind, const char *s,
		     struct strbuf *out)
{
	strbuf_printf(out, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y,
		      kind);
	html_text(out, s);
	strbuf_puts(out, "</text>\n");
}

static void put_line(int x, int y, const struct strbuf *s, struct strbuf *out)
{
	put_text(x, y, "mut", strbuf_text(s, &out->lost), out);
}

static int count_lines(const struct path_picture *p, enum path_box b)
{
	int n = 0;

	while (n < PATH_LINES && p->lines[b][n].n)
		n++;
	return n;
}

/* The words in the middle of their box. */
static void put_box(const struct path_picture *p, const struct layout *l,
		    enum path_box b, struct strbuf *out)
{
	const struct box *at = &l->boxes[b];
	int n = count_lines(p, b), x = at->x + at->w / 2;
	int y = at->y + (at->h - n * LINE_HEIGHT) / 2 + 5;
	bool idle = b == PATH_CONNTRACK && p->no_tracked;

	strbuf_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"%s/>\n",
		      at->x, at->y, at->w, at->h, ROUND,
		      idle ? " class=\"idle\"" : "");
	put_text(x, y, "title", titles[b], out);
	for (int i = 0; i < n; i++)
		put_line(x, y + (i + 1) * LINE_HEIGHT, &p->lines[b][i], out);
	/* one that was lost is not even counted */
	for (int i = 0; i < PATH_LINES; i++)
		html_lose_with(out, &p->lines[b][i]);
}

static void put_lane(const char *kind, const char *path, const char *heads,
		     bool empty, struct strbuf *out)
{
	strbuf_printf(out, "<path class=\"%s%s\" d=\"%s\"/>\n", kind,
		      empty ? " none" : "", path);
	if (!empty)
		strbuf_printf(out, "<path class=\"%s head\" d=\"%s\"/>\n",
			      kind, heads);
}

static void put_label(const struct label *l, const char *kind,
		      const char *word, const struct strbuf *full,
		      const struct strbuf *brief, struct strbuf *out)
{
	put_text(l->x, l->y, kind, word, out);
	put_line(l->x, l->y + LINE_HEIGHT, l->is_short ? brief : full, out);
}

static void put_picture(const struct path_picture *p, const struct layout *l,
			const char *alone, struct strbuf *out)
{
	strbuf_puts(out, "<svg");
	if (alone)
		strbuf_printf(out, " xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\"",
			      l->w, l->h);
	strbuf_printf(out, " class=\"%s\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-title %s-desc\">\n"
		      "<title id=\"%s-title\">Where packets go</title>\n"
		      "<desc id=\"%s-desc\">", l->kind, l->w, l->h,
		      l->kind, l->kind, l->kind, l->kind);
	html_buffer(out, &p->summary);
	strbuf_puts(out, "</desc>\n");
	if (alone)
		strbuf_printf(out, "<style>\n%s</style>\n<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n",
			      alone, l->w, l->h);
	put_lane("un", l->untracked, l->untracked_heads, p->no_untracked, out);
	put_lane("tr", l->tracked, l->tracked_heads, p->no_tracked, out);
	for (int b = 0; b < PATH_BOX_MAX_; b++)
		put_box(p, l, (enum path_box)b, out);
	put_label(&l->untracked_label, "un", "untracked", &p->untracked,
		  &p->untracked_short, out);
	put_label(&l->tracked_label, "tr", "tracked", &p->tracked,
		  &p->tracked_short, out);
	strbuf_puts(out, "</svg>\n");
}

void path_svg_print(const struct path_picture *p, const char *alone,
		    struct strbuf *out)
{
	put_picture(p, &wide, alone, out);
	if (!alone)
		put_picture(p, &narrow, NULL, out);
}

void path_picture_release(struct path_picture *p)
{
	for (int b = 0; b < PATH_BOX_MAX_; b++)
		for (int i = 0; i < PATH_LINES; i++)
			strbuf_release(&p->lines[b][i]);
	strbuf_release(&p->untracked);
	strbuf_release(&p->untracked_short);
	strbuf_release(&p->tracked);
	strbuf_release(&p->tracked_short);
	strbuf_release(&p->summary);
}
