/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_words.c: the nodes of a run of words, of which a policy may
 * have a million. Nothing is kept of them but where the run is.
 */
#include "core/mem.h"
#include "policies/yaml_build.h"

static struct yspan span_of(const struct yplace *word,
			    const struct yplace *behind)
{
	return (struct yspan){ word->line, word->col,
			       (uint32_t)(behind->off - word->off) };
}

int ydoc_add_words(struct ydoc *doc, struct yplace *at, size_t end,
		   struct yspan *ret_over)
{
	struct ywords run = { .first = (uint32_t)doc->n,
			      .behind = (uint32_t)doc->n_v,
			      .start = *at, .end = end };
	struct yplace word;

	for (; yruns_next_word(doc->src, end, at, &word); run.n++) {
		if (doc->n + run.n >= YAML_NODES_MAX) {
			*ret_over = span_of(&word, at);
			return -E2BIG;
		}
	}
	if (mem_grow(&doc->runs, &doc->cap_runs, doc->n_runs + 1))
		return -ENOMEM;
	doc->runs[doc->n_runs++] = run;
	doc->word.run = NULL;	/* they may have moved */
	doc->n += run.n;
	return 0;
}

const struct ywords *ywords_before(const struct ydoc *doc, uint32_t id)
{
	size_t lo = 0, hi = doc->n_runs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (doc->runs[mid].first <= id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &doc->runs[lo - 1] : NULL;
}

/* From the word that was asked for last, if that is no later one. */
const struct ynode *ywords_node(struct ydoc *doc, const struct ywords *run,
				uint32_t id)
{
	struct yword *w = &doc->word;
	struct yplace word;
	struct yspan span;

	if (w->run == run && w->id == id)
		return &w->node;
	if (w->run != run || w->id > id)
		*w = (struct yword){ run, run->first - 1, run->start, { 0 } };
	for (; w->id != id; w->id++)
		yruns_next_word(doc->src, run->end, &w->at, &word);
	span = span_of(&word, &w->at);
	w->node = (struct ynode){
		.kind = YNODE_SCALAR, .plain = true, .borrowed = true,
		.line = span.line, .col = span.col, .len = span.len,
		.ref = (uint32_t)word.off,
	};
	return &w->node;
}
