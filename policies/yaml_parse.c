/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_parse.c: YAML events to nodes. Events are pulled one at a time,
 * so that the work stops where a limit is exceeded: libyaml has none and
 * is quadratic in the depth of flow collections. Long runs of plain list items
 * never reach libyaml, whose events would be most of the time that a large
 * policy takes.
 */
#include <string.h>

#include "core/diag_ids.h"
#include "core/mem.h"
#include "policies/yaml_build.h"
#include "policies/yaml_cursor.h"

struct frame {
	uint32_t id;
	bool map, want_key;
	bool in_key;		/* inside of a key that was reported */
	unsigned keys;
};

struct builder {
	yaml_parser_t parser;
	struct ydoc *doc;
	struct diags *d;
	size_t errors;		/* d->errors at the start */
	unsigned documents;
	struct frame stack[YAML_DEPTH_MAX];
	unsigned depth;
	struct ycursor cur;
};

/* The place of an event, and its length where it ends on the same line. */
static struct yspan span(struct builder *b, const yaml_mark_t *from,
			 const yaml_mark_t *to)
{
	struct yspan s = { .len = 1 };

	ycursor_seek(&b->cur, from);
	s.line = b->cur.at.line;
	s.col = b->cur.at.col;
	if (to->line == from->line && to->index > from->index)
		s.len = (uint32_t)(to->index - from->index);
	return s;
}

static struct srcpos place(struct builder *b, const yaml_event_t *ev)
{
	struct yspan s = span(b, &ev->start_mark, &ev->end_mark);

	return (struct srcpos){ b->doc->file, s.line, s.col, s.len };
}

static int too_many_nodes(struct builder *b, struct srcpos at)
{
	int err = diag_add(b->d, DIAG_ERROR, -EINVAL, ID_TOO_MANY_NODES, at,
			   "more than %u values in one file",
			   YAML_NODES_MAX);

	diag_help(b->d, "write networks and port ranges for long lists");
	return err;
}

static int too_deep(struct builder *b, const yaml_event_t *ev)
{
	struct srcpos at = place(b, ev);
	int err;

	at.len = 1;
	err = diag_add(b->d, DIAG_ERROR, -EINVAL, ID_TOO_DEEP, at,
		       "nested more than %d levels deep", YAML_DEPTH_MAX);
	diag_help(b->d, "no part of a policy needs more than five levels");
	return err;
}

static void bad_anchor(struct builder *b, const yaml_event_t *ev, char mark,
		       const char *name)
{
	struct srcpos at = place(b, ev);

	at.len = (uint32_t)strlen(name) + 1;
	diag_add(b->d, DIAG_ERROR, -EINVAL, ID_ALIAS, at,
		 "YAML %s are not used in policies: `%c%s`",
		 mark == '&' ? "anchors" : "aliases", mark, name);
	if (mark == '&') {
		diag_mend(b->d, FIX_REPLACE, "%s", "");
		diag_help(b->d, "remove `&%s`, or quote a text that begins with &",
			  name);
	} else {
		diag_help(b->d, "write the value out, or quote a text that "
				"begins with *");
	}
}

static void bad_tag(struct builder *b, const yaml_event_t *ev, const char *tag)
{
	struct srcpos at = place(b, ev);

	at.len = 1;
	diag_add(b->d, DIAG_ERROR, -EINVAL, ID_TAG, at,
		 "YAML tags are not used in policies: `%.64s`", tag);
	diag_help(b->d, "remove the tag, or quote a text that begins with !");
	/* `!eth0` is no tag that anybody means: it may be a negation */
	if (!strncmp(tag, "tag:", 4))
		diag_mend(b->d, FIX_DROP_WORD, "%s", "");
}

/* Report the properties that no node may have; the node is kept. */
static void check_properties(struct builder *b, const yaml_event_t *ev,
			     const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		bad_anchor(b, ev, '&', (const char *)anchor);
	else if (tag)
		bad_tag(b, ev, (const char *)tag);
}

static bool same_text(struct ydoc *doc, uint32_t a, uint32_t b)
{
	const char *sa, *sb;
	size_t na, nb;

	if (ydoc_kind(doc, a) != YNODE_SCALAR)
		return false;
	ydoc_slice(doc, a, &sa, &na);
	ydoc_slice(doc, b, &sb, &nb);
	return na == nb && !memcmp(sa, sb, na);
}

/* A key is unusable: reported here, skipped by whoever reads the map. */
static void spoil(struct builder *b, uint32_t id)
{
	ydoc_node(b->doc, id)->kind = YNODE_BAD;
	ydoc_node(b->doc, id)->ref = id + 1;
}

static void check_twin(struct builder *b, const struct frame *f, uint32_t key)
{
	struct ydoc *doc = b->doc;
	const char *s;
	uint32_t i;

	for (i = f->id + 1; i < key; i = ydoc_after(doc, ydoc_after(doc, i))) {
		if (!same_text(doc, i, key))
			continue;
		s = ydoc_text(doc, key);
		diag_add(b->d, DIAG_ERROR, -EINVAL, ID_DUPLICATE_KEY,
			 ydoc_pos(doc, key), "`%s` is given twice",
			 s ? s : "key");
		diag_related(b->d, ydoc_pos(doc, i), "first given here");
		diag_help(b->d, "remove one of them");
		diag_mend(b->d, FIX_DROP_TWIN, "%s", "");
		spoil(b, key);
		return;
	}
}

static int check_key(struct builder *b, struct frame *f, uint32_t key,
		     const yaml_event_t *ev)
{
	struct srcpos at = ydoc_pos(b->doc, key);
	int err;

	if (++f->keys > YAML_KEYS_MAX) {
		err = diag_add(b->d, DIAG_ERROR, -EINVAL, ID_TOO_MANY_KEYS, at,
			       "more than %d keys in one mapping",
			       YAML_KEYS_MAX);
		diag_help(b->d, "long lists are written with `- ` or in [ ]");
		return err;
	}
	if (ev->data.scalar.length > YAML_KEY_MAX) {
		diag_add(b->d, DIAG_ERROR, 0, ID_BAD_KEY, at,
			 "a key longer than %d characters", YAML_KEY_MAX);
		diag_help(b->d, "no key of a policy is that long");
		spoil(b, key);
	} else if (!ev->data.scalar.length) {
		diag_add(b->d, DIAG_ERROR, 0, ID_BAD_KEY, at,
			 "a key is missing before the `:`");
		diag_help(b->d, "write `key: value`, and put quotes around a "
				"text that holds colons, such as \"::1\"");
		spoil(b, key);
	} else {
		check_twin(b, f, key);
	}
	return 0;
}

/* Take a node into the innermost collection. */
static int enter_node(struct builder *b, const yaml_event_t *ev, uint32_t id)
{
	struct frame *f = b->depth ? &b->stack[b->depth - 1] : NULL;
	bool key;

	if (!f || !f->map)
		return 0;
	key = f->want_key;
	f->want_key = !key;
	if (!key || ydoc_kind(b->doc, id) == YNODE_BAD)
		return 0;
	if (ydoc_kind(b->doc, id) == YNODE_SCALAR)
		return check_key(b, f, id, ev);
	if (f->in_key)
		return 0;
	diag_add(b->d, DIAG_ERROR, 0, ID_BAD_KEY, ydoc_pos(b->doc, id),
		 "a key must be a word, not a %s",
		 ydoc_kind(b->doc, id) == YNODE_MAP ? "mapping" : "list");
	diag_help(b->d, "write `key: value`");
	return 0;
}

static int add_node(struct builder *b, const yaml_event_t *ev,
		    enum ynode_kind kind, uint32_t *ret)
{
	struct yspan at = span(b, &ev->start_mark, &ev->end_mark);
	int err = ydoc_add(b->doc, kind, at, ret);

	return err == -E2BIG ? too_many_nodes(b, place(b, ev)) : err;
}

/*
 * The items that libyaml never saw, if they follow the scalar just read and
 * it is an item of a list.
 */
static int take_run(struct builder *b, uint32_t id)
{
	const struct yrun *run = ycursor_run(&b->cur);
	const struct ynode *node = ydoc_node(b->doc, id);
	struct yplace at;
	struct yspan over;
	int err;

	if (!run || !b->depth || b->stack[b->depth - 1].map ||
	    !node->plain || !node->borrowed ||
	    node->ref + node->len != run->anchor)
		return 0;
	ycursor_enter_run(&b->cur);
	at = b->cur.at;
	err = ydoc_add_words(b->doc, &at, run->end, &over);
	if (err == -E2BIG)
		return too_many_nodes(b, (struct srcpos){
			b->doc->file, over.line, over.col, over.len });
	ycursor_leave_run(&b->cur, at);
	return err;
}

static int on_scalar(struct builder *b, const yaml_event_t *ev)
{
	const char *s = (const char *)ev->data.scalar.value;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	size_t len = ev->data.scalar.length;
	uint32_t id;
	int err;

	check_properties(b, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	err = add_node(b, ev, YNODE_SCALAR, &id);
	if (err)
		return err;
	if (memchr(s, '\0', len)) {
		diag_add(b->d, DIAG_ERROR, 0, ID_CONTROL_CHARACTER,
			 place(b, ev), "a NUL character in a text");
		diag_help(b->d, "remove the `\\0`");
		yaml_mend_nul(b->d, b->doc, id, s, len);
		spoil(b, id);
	} else {
		err = ydoc_set_text(b->doc, id, s, len,
				    b->cur.at.off, plain);
		if (err)
			return err;
	}
	err = enter_node(b, ev, id);
	return err ? err : take_run(b, id);
}

static int on_alias(struct builder *b, const yaml_event_t *ev)
{
	uint32_t id;
	int err;

	bad_anchor(b, ev, '*', (const char *)ev->data.alias.anchor);
	err = add_node(b, ev, YNODE_BAD, &id);
	return err ? err : enter_node(b, ev, id);
}

static int on_open(struct builder *b, const yaml_event_t *ev, bool map)
{
	const struct frame *f = b->depth ? &b->stack[b->depth - 1] : NULL;
	bool in_key = f && (f->in_key || (f->map && f->want_key));
	uint32_t id;
	int err;

	if (map)
		check_properties(b, ev, ev->data.mapping_start.anchor,
				 ev->data.mapping_start.tag);
	else
		check_properties(b, ev, ev->data.sequence_start.anchor,
				 ev->data.sequence_start.tag);
	if (b->depth == YAML_DEPTH_MAX)
		return too_deep(b, ev);
	err = add_node(b, ev, map ? YNODE_MAP : YNODE_LIST, &id);
	if (!err)
		err = enter_node(b, ev, id);
	if (err)
		return err;
	b->stack[b->depth++] = (struct frame){
		.id = id, .map = map, .want_key = map, .in_key = in_key
	};
	return 0;
}

static void on_close(struct builder *b, const yaml_event_t *ev)
{
	struct ynode *node = ydoc_node(b->doc, b->stack[--b->depth].id);
	bool flow = ev->end_mark.index > ev->start_mark.index;

	node->ref = (uint32_t)b->doc->n;
	node->len = 1;
	if (!flow)
		return;
	/* `[a, b]` is underlined whole; a block at its first character. */
	ycursor_seek(&b->cur, &ev->end_mark);
	if (b->cur.at.line == node->line)
		node->len = b->cur.at.col - node->col;
}

static int on_document(struct builder *b, const yaml_event_t *ev)
{
	struct srcpos at = place(b, ev);
	int err;

	if (!b->documents++)
		return 0;
	err = diag_add(b->d, DIAG_ERROR, -EINVAL, ID_SECOND_DOCUMENT, at,
		       "a second document begins here; a policy is one");
	diag_help(b->d, "put it into a file of its own");
	return err;
}

static int on_event(struct builder *b, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(b, ev);
	case YAML_ALIAS_EVENT:
		return on_alias(b, ev);
	case YAML_SCALAR_EVENT:
		return on_scalar(b, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(b, ev, false);
	case YAML_MAPPING_START_EVENT:
		return on_open(b, ev, true);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_close(b, ev);
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return 0;
}

static int too_many_errors(struct builder *b)
{
	return diag_add(b->d, DIAG_NOTE, -EINVAL, ID_TOO_MANY_ERRORS,
			(struct srcpos){ .file = b->doc->file },
			"too many errors: the rest of the file was not "
			"checked");
}

static int parse_error(struct builder *b)
{
	if (b->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	/* Its marks are right only if it was given everything. */
	if (b->cur.runs->n)
		return -EAGAIN;
	return yaml_error_report(&b->parser, b->doc->file, b->doc->src,
				 b->doc->src_len, b->d);
}

static int build(struct builder *b)
{
	bool end = false;
	int err = 0;

	while (!end && !err) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&b->parser, &ev))
			return parse_error(b);
		err = on_event(b, &ev);
		end = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
		if (b->cur.stray)
			err = -EAGAIN;
		else if (!err && b->d->errors - b->errors >= YAML_ERRORS_MAX)
			err = too_many_errors(b);
	}
	return !err && ycursor_run(&b->cur) ? -EAGAIN : err;
}

static int check_empty(struct builder *b)
{
	struct srcpos at = { b->doc->file, 1, 1, 1 };
	int err;

	if (!ydoc_is_empty(b->doc))
		return 0;
	err = diag_add(b->d, DIAG_ERROR, -EINVAL, ID_EMPTY, at,
		       "the file holds no policy");
	diag_help(b->d, "a policy begins with `version: 1`; "
			"see ctpolicy.yaml(5)");
	return err;
}

/* -EAGAIN: these are no runs after all; nothing was reported. */
static int read_document(struct ydoc *doc, const struct yruns *runs,
			 struct diags *d)
{
	struct builder b = { .doc = doc, .d = d, .errors = d->errors };
	struct yfeed feed = { doc->src, doc->src_len, runs, 0, 0 };
	size_t before = d->n;
	int err;

	if (!yaml_parser_initialize(&b.parser))
		return -ENOMEM;
	ycursor_init(&b.cur, doc->src, doc->src_len, runs);
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input(&b.parser, yfeed_read, &feed);
	err = build(&b);
	if (!err)
		err = check_empty(&b);
	yaml_parser_delete(&b.parser);
	if (err == -EAGAIN) {
		diags_truncate(d, before);
		ydoc_clear(doc);
	}
	return err;
}

static int read_text(struct ydoc *doc, struct diags *d)
{
	_cleanup_(yruns_release) struct yruns runs = { 0 };
	const struct yruns none = { 0 };
	int err;

	err = ytext_check(doc->file, doc->src, doc->src_len, d);
	if (!err)
		err = yruns_find(doc->src, doc->src_len, &runs);
	if (!err)
		err = read_document(doc, &runs, d);
	return err == -EAGAIN ? read_document(doc, &none, d) : err;
}

int ydoc_parse(const char *file, const char *text, size_t len,
	       struct ydoc **ret, struct diags *d)
{
	_cleanup_(ydoc_free) struct ydoc *doc = calloc(1, sizeof(*doc));
	int err;

	if (!doc)
		return -ENOMEM;
	if (len > YAML_FILE_MAX)
		return diag_add(d, DIAG_ERROR, -EINVAL, ID_FILE_TOO_LARGE,
				(struct srcpos){ .file = file },
				"larger than %u MiB", YAML_FILE_MAX >> 20);
	/* Editors show no byte order mark, so columns do not count it. */
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	doc->file = file;
	doc->src = text;
	doc->src_len = len;
	err = read_text(doc, d);
	if (err)
		return err;
	*ret = TAKE_PTR(doc);
	return 0;
}
