/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/status_metrics.c: how a host stands, as metrics. */
#include <config.h>

#include <inttypes.h>
#include <sys/socket.h>

#include "cli/output/output_file.h"
#include "cli/status/metrics.h"
#include "cli/status/status_report.h"
#include "core/mem.h"
#include "engine/drift.h"
#include "host/conntrack/entries.h"
#include "host/privilege.h"

/* Larger tables are sampled: the first entries of a listing are random. */
#define COUNTED_MAX 200000
#define SAMPLE 100000

struct metrics {
	struct strbuf *out;
	struct status *s;
	struct request asked;
	struct plan plan;	/* of the policy that was applied last */
	struct top top;
	bool has_policy, listed;
};

static void put_run(struct metrics *m, bool failed)
{
	metric_begin(m->out, "ctpolicy_info", "gauge", "Which version of ctpolicy wrote this.");
	strbuf_puts(m->out, "ctpolicy_info{version=\"" PACKAGE_VERSION "\"} 1\n");
	metric_number(m->out, "ctpolicy_last_run_success", "gauge",
	       !failed && !m->s->unfinished.command,
	       "Whether this host could be read and no change was cut short.");
}

static void put_policy(struct metrics *m)
{
	const struct record *last = &m->s->history[0];
	size_t all = m->has_policy ? m->plan.policy->n_services : 0;
	size_t out = m->s->services.n < all ? m->s->services.n : all;

	if (m->s->n_history && last->policy)
		metric_number(m->out, "ctpolicy_policy_applied_timestamp_seconds", "gauge",
		       (uint64_t)last->time,
		       "When the policy in force was applied.");
	metric_number(m->out, "ctpolicy_drift_rules", "gauge", m->s->rules,
	       "Differences between ctpolicy's rules and what was applied.");
	if (all)
		metric_ratio(m->out, "ctpolicy_untracked_share_ratio",
		      (double)out / (double)all,
		      "Share of the policy's services that rules in the kernel take out of tracking.");
}

static void put_label(struct metrics *m, const char *before, const char *value)
{
	strbuf_puts(m->out, before);
	metric_put_label(m->out, value);
}

static void put_count(struct metrics *m, const char *name,
		      const struct live_count *c, uint64_t value)
{
	strbuf_puts(m->out, name);
	put_label(m, "{service=\"", c->service);
	put_label(m, "\",family=\"", c->family == AF_INET ? "ipv4" :
				     c->family == AF_INET6 ? "ipv6" : "inet");
	put_label(m, "\",chain=\"", c->chain);
	strbuf_printf(m->out, "\"} %" PRIu64 "\n", value);
}

static void put_counts(struct metrics *m)
{
	static const char packets[] = "ctpolicy_rule_packets_total";
	static const char bytes[] = "ctpolicy_rule_bytes_total";
	const struct live_services *s = &m->s->services;

	if (!s->n_counts)
		return;
	metric_begin(m->out, packets, "counter",
		     "Packets that ctpolicy's rules took out of tracking.");
	for (size_t i = 0; i < s->n_counts; i++)
		put_count(m, packets, &s->counts[i], s->counts[i].packets);
	metric_begin(m->out, bytes, "counter",
		     "Bytes that ctpolicy's rules took out of tracking.");
	for (size_t i = 0; i < s->n_counts; i++)
		put_count(m, bytes, &s->counts[i], s->counts[i].bytes);
}

static void put_row(struct metrics *m, const struct ranking_row *row,
		    double each)
{
	const char *service = top_service(&m->top, &row->key);

	strbuf_puts(m->out, "ctpolicy_conntrack_entries{l4proto=\"");
	protocol_print(row->key.proto, m->out);
	strbuf_puts(m->out, "\",service=\"");
	metric_put_label(m->out, service ? service : "");
	strbuf_puts(m->out, "\",state=\"");
	top_print_state(&row->key, m->out);
	strbuf_printf(m->out, "\"} %.0f\n", (double)row->entries * each);
}

static void put_entries(struct metrics *m)
{
	const struct ranking *r = &m->top.ranking;
	double seen = (double)r->entries, all = (double)m->s->table.count;
	double share = m->top.complete || seen >= all ? 1 : seen / all;

	if (!m->listed)
		return;
	if (r->n)
		metric_begin(m->out, "ctpolicy_conntrack_entries", "gauge",
		      "Entries of the connection table, by the policy's services.");
	for (size_t i = 0; i < r->n; i++)
		put_row(m, &r->v[i], 1 / share);
	metric_ratio(m->out, "ctpolicy_conntrack_sampled_ratio", share,
	      "Share of the entries that was counted; 1: all. Numbers of entries are scaled up.");
}

static void put_counter(struct metrics *m, enum ct_counter c,
			const char *name, const char *help)
{
	if (m->s->table.known >> c & 1)
		metric_number(m->out, name, "counter", m->s->table.counter[c], help);
}

static void put_table(struct metrics *m)
{
	if (!m->s->has_table)
		return;
	if (m->s->table.buckets)
		metric_number(m->out, "ctpolicy_conntrack_buckets", "gauge",
		       m->s->table.buckets,
		       "Buckets of the connection table.");
	put_counter(m, CT_CLASH_RESOLVE,
		    "ctpolicy_conntrack_clash_resolve_total",
		    "Insertions of entries that were there already, resolved.");
	put_counter(m, CT_CHAIN_TOO_LONG,
		    "ctpolicy_conntrack_chaintoolong_total",
		    "Packets dropped because a chain of the table was too long.");
	put_entries(m);
}

static int read_more(struct metrics *m)
{
	struct top_request how = { .by = TOP_KINDS, .rows = SIZE_MAX };

	if (!drift_load_policy(&m->plan, &m->asked, m->s)) {
		m->has_policy = true;
		how.rules = m->plan.rules;
	}
	/* Metrics are not worth a module. */
	if (!m->s->has_table || !ct_entries_load_nothing())
		return 0;
	if (m->s->table.count > COUNTED_MAX)
		how.limit = SAMPLE;
	m->listed = true;
	return top_read(&how, &m->top, &m->s->diags);
}

int status_write_metrics(const struct request *rq, struct status *s,
			 bool failed, const char *path)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	struct metrics m = { .out = &text, .s = s, .asked = *rq };
	int err = failed ? 0 : read_more(&m), written;

	put_run(&m, failed || err);
	if (!failed && !err) {
		put_policy(&m);
		put_counts(&m);
		put_table(&m);
	}
	/* Not with root's power to write everywhere. */
	written = privilege_drop(PRIVILEGE_RULES);
	if (!written)
		written = output_write(&text, path, &s->diags);
	plan_release(&m.plan);
	top_release(&m.top);
	return err ? err : written;
}
