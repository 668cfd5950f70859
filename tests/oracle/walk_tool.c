/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/oracle/walk_tool.c: what the walk says of many packets.
 *
 * Takes commands, a line each, and answers each with a line of JSON:
 *
 *     read FILE           these rules from now on
 *     live                those of this network namespace
 *     packet KEY=VALUE... walk this packet
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "core/fault.h"
#include "core/files.h"
#include "core/mem.h"
#include "rules/walk.h"

struct rules {
	struct foreign *f;
	struct walker *walker;
};

static void rules_release(struct rules *r)
{
	walker_free(&r->walker);
	foreign_free(&r->f);
}

static int fresh(struct rules *r)
{
	rules_release(r);
	r->f = calloc(1, sizeof(*r->f));
	if (!r->f)
		return -ENOMEM;
	r->f->wants_terms = true;
	return 0;
}

static int read_file(struct rules *r, const char *path, struct diags *d)
{
	const struct backend *b;
	int err = fresh(r);

	if (!err)
		err = file_read(path, 64 << 20, &r->f->text, &r->f->len);
	if (err)
		return err;
	b = backend_of_text(r->f->text);
	if (!b)
		return -EINVAL;
	err = b->read_foreign(path, r->f, d);
	return err ? err : walker_new(r->f, &r->walker);
}

static int read_one(const struct backend *b, struct foreign *f,
		    struct diags *d)
{
	struct backend_ctx *ctx = NULL;
	int err;

	if (!b->read_live)
		return 0;
	err = b->open(&ctx, d);
	if (err)
		return err;
	err = b->read_live(ctx, f, d);
	b->close(&ctx);
	return err;
}

static int read_live(struct rules *r, struct diags *d)
{
	int err = fresh(r);

	for (size_t i = 0; !err && backends[i]; i++)
		err = read_one(backends[i], r->f, d);
	return err ? err : walker_new(r->f, &r->walker);
}

static void answer(int err, const struct diags *d)
{
	if (!err) {
		printf("{}\n");
		return;
	}
	printf("{\"error\": \"%s\"}\n", fault_text(err));
	for (size_t i = 0; i < d->n; i++)
		fprintf(stderr, "walk_tool: line %u: %s\n", d->v[i].at.line,
			d->v[i].msg);
}

/* ---- packets */
static int number(const char *text)
{
	return text ? (int)strtol(text, NULL, 10) : 0;
}

static void set_address(struct packet *p, enum packet_field x,
			const char *text)
{
	uint8_t raw[16];

	if (inet_pton(p->family == NFPROTO_IPV6 ? AF_INET6 : AF_INET, text,
		      raw) == 1)
		packet_set(p, x, raw);
}

static void set_key(struct packet *p, const char *key, const char *value)
{
	static const struct {
		const char *key;
		enum packet_field x;
	} numbers[] = {
		{ "sport", FIELD_SPORT }, { "dport", FIELD_DPORT },
		{ "flags", FIELD_TCP_FLAGS }, { "type", FIELD_ICMP_TYPE },
		{ "code", FIELD_ICMP_CODE }, { "mark", FIELD_MARK },
		{ "srctype", FIELD_SADDR_TYPE },
		{ "dsttype", FIELD_DADDR_TYPE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(key, numbers[i].key))
			packet_set_number(p, numbers[i].x,
					  (uint32_t)number(value));
	if (!strcmp(key, "src"))
		set_address(p, FIELD_SADDR, value);
	else if (!strcmp(key, "dst"))
		set_address(p, FIELD_DADDR, value);
	else if (!strcmp(key, "iif"))
		packet_set_iface(p, FIELD_IIF, value);
	else if (!strcmp(key, "oif"))
		packet_set_iface(p, FIELD_OIF, value);
	else if (!strcmp(key, "states"))
		p->ct_states = (uint8_t)number(value);
	else if (!strcmp(key, "tracking"))
		p->tracking = number(value) ? TRUTH_YES : TRUTH_NO;
}

/* FAMILY PROTOCOL PATH KEY=VALUE... */
static void packet_read(struct packet *p, char *words)
{
	char *save = NULL;
	int family = number(strtok_r(words, " ", &save));
	int proto = number(strtok_r(NULL, " ", &save));
	int path = number(strtok_r(NULL, " ", &save));

	packet_init(p, family == 6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
		    (uint8_t)proto, (enum packet_path)path);
	for (char *w; (w = strtok_r(NULL, " ", &save));) {
		char *value = strchr(w, '=');

		if (value) {
			*value++ = '\0';
			set_key(p, w, value);
		} else if (!strcmp(w, "fragment")) {
			packet_cut(p);
		}
	}
}

/* ---- answers */
static const char *truth_word(enum truth t)
{
	static const char *const words[] = { "no", "yes", "maybe" };

	return words[t];
}

static void print_step(const struct foreign *f, const struct walk_step *s)
{
	printf("[\"%s\", %u, \"%s\", \"%s\"]", f->chains[s->chain].name,
	       s->position, truth_word(s->matched), truth_word(s->reached));
}

static void print_phase(const struct foreign *f, const struct walk *w,
			const struct walk_phase *p)
{
	const struct host_chain *c = &f->chains[p->chain];
	const struct foreign_table *t = &f->tables[c->table];

	printf("{\"world\": \"%s\", \"family\": \"%s\", \"table\": \"%s\", \"chain\": \"%s\", \"hook\": \"%s\", \"priority\": %d, \"outcome\": %d, \"reached\": \"%s\", \"steps\": [",
	       t->world == WORLD_NFT ? "nft" : "legacy",
	       foreign_family_name(t->family), t->name, c->name,
	       walk_hook_name(p->hook), p->priority, p->outcome,
	       truth_word(p->reached));
	for (size_t i = 0; i < p->n; i++) {
		if (i)
			printf(", ");
		print_step(f, &w->steps[p->first + i]);
	}
	printf("]}");
}

static void print_walk(const struct foreign *f, const struct walk *w)
{
	bool comma = false;

	printf("{\"outcome\": %d, \"tracked\": \"%s\", \"order_matters\": %s, \"phases\": [",
	       w->outcome, truth_word(w->tracked),
	       w->order_matters ? "true" : "false");
	for (size_t i = 0; i < w->n_phases; i++) {
		if (w->phases[i].chain == FOREIGN_NOWHERE)
			continue;
		if (comma)
			printf(", ");
		comma = true;
		print_phase(f, w, &w->phases[i]);
	}
	printf("]}\n");
}

static void walk_packet(struct rules *r, char *words, struct diags *d)
{
	struct walk w = { 0 };
	struct packet p;
	int err;

	packet_read(&p, words);
	err = r->walker ? walk_run(r->walker, &p, &w) : -EINVAL;
	if (err)
		answer(err, d);
	else
		print_walk(r->f, &w);
	walk_release(&w);
}

int main(void)
{
	struct rules r = { 0 };
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		_cleanup_(diags_release) struct diags d = { 0 };
		char *words = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (words)
			*words++ = '\0';
		if (!strcmp(line, "read") && words)
			answer(read_file(&r, words, &d), &d);
		else if (!strcmp(line, "live"))
			answer(read_live(&r, &d), &d);
		else if (!strcmp(line, "packet") && words)
			walk_packet(&r, words, &d);
		else
			answer(-EINVAL, &d);
		fflush(stdout);
	}
	rules_release(&r);
	return 0;
}
