/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_plan.c: a policy is loaded and a backend chosen, and each
 * place where that can fail.
 */
#include "tests/unit/plan_hosts.h"

/* ---- loading ---- */

static void file_faults(void **state)
{
	static const struct {
		int err, fault;
	} faults[] = {
		{ 0, 0 },
		{ -EINVAL, -FAULT_POLICY },
		{ -ENOENT, -FAULT_INPUT },
		{ -ENOTDIR, -FAULT_INPUT },
		{ -EACCES, -FAULT_INPUT },
		{ -EISDIR, -FAULT_INPUT },
		{ -EIO, -EIO },
		{ -ENOMEM, -ENOMEM },
		{ -FAULT_BUSY, -FAULT_BUSY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		assert_int_equal(plan_file_fault(faults[i].err),
				 faults[i].fault);
}

/* A file that holds this text; *ret is its name. */
static int put_file(const char *text, char ret[32])
{
	int fd = memfd_create("policy", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	snprintf(ret, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static int load(struct plan *p, const struct request *rq, const char *text,
		char ret_name[32])
{
	int fd = put_file(text, ret_name);
	int err = plan_load(p, rq, ret_name);

	close(fd);
	return err;
}

static void loads(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	char name[32];

	(void)state;
	assert_int_equal(load(&p, &request, WEB, name), 0);
	assert_ptr_equal(p.rq, &request);
	assert_ptr_equal(p.file, name);
	assert_int_equal(p.len, strlen(WEB));
	assert_string_equal(p.text, WEB);
	assert_int_equal(p.policy->n_services, 1);
	assert_true(p.rules->n > 0);
	assert_true(p.facts.ephemeral.first > 0);
	assert_false(p.facts.whole);
	assert_int_equal(p.change.n, 0);
	assert_int_equal(drops, 1);
}

static void load_no_file(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	assert_int_equal(plan_load(&p, &request, "/nonexistent/p.yaml"),
			 -FAULT_INPUT);
	assert_non_null(only(&p, ID_UNREADABLE));
	assert_null(p.text);
	assert_null(p.policy);
	assert_int_equal(drops, 0);
}

static void load_wrong_policy(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	char name[32];

	(void)state;
	assert_int_equal(load(&p, &request, "version: 2\n", name),
			 -FAULT_POLICY);
	assert_true(p.diags.errors > 0);
	assert_string_equal(p.text, "version: 2\n");
	assert_null(p.policy);
	assert_null(p.rules);
}

/* What cannot be parsed without privileges is not parsed with them. */
static void load_keeps_capabilities(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	char name[32];

	(void)state;
	drop_fails = -EIO;
	assert_int_equal(load(&p, &request, WEB, name), -EPERM);
	assert_int_equal(only(&p, ID_CAPS_KEPT)->level, DIAG_ERROR);
	assert_null(p.policy);
}

/* Namespaces take the capabilities that are dropped otherwise. */
static void load_for_private_kernel(void **state)
{
	static const struct request own_kernel = { .private_kernel = true };
	_cleanup_(plan_release) struct plan p = { 0 };
	char name[32];

	(void)state;
	assert_int_equal(load(&p, &own_kernel, WEB, name), 0);
	assert_int_equal(drops, 0);
}

static void load_one_family(void **state)
{
	static const struct {
		uint8_t asked;
		bool ipv4, ipv6;
	} cases[] = {
		{ AF_INET, true, false }, { AF_INET6, false, true },
		{ AF_UNSPEC, true, true },
	};
	char name[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct request rq = { .family = cases[i].asked };
		_cleanup_(plan_release) struct plan p = { 0 };

		assert_int_equal(load(&p, &rq, WEB, name), 0);
		assert_int_equal(p.policy->ipv4, cases[i].ipv4);
		assert_int_equal(p.policy->ipv6, cases[i].ipv6);
		assert_int_equal(p.rules->ipv4, cases[i].ipv4);
		assert_int_equal(p.rules->ipv6, cases[i].ipv6);
	}
}

/* A family that the policy leaves out does not come in by an option. */
static void load_excluded_family(void **state)
{
	static const struct {
		const char *text;
		struct request rq;
	} cases[] = {
		{ "families: [ipv4]\n" WEB, { .family = AF_INET6 } },
		{ "families: [ipv6]\n" WEB, { .family = AF_INET } },
	};
	char name[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(plan_release) struct plan p = { 0 };

		assert_int_equal(load(&p, &cases[i].rq, cases[i].text, name),
				 0);
		assert_false(p.policy->ipv4);
		assert_false(p.policy->ipv6);
		assert_int_equal(p.rules->n, 0);
	}
}

/* ---- choosing a backend ---- */

static void names(void **state)
{
	static const struct {
		const char *asked, *policy, *name;
	} cases[] = {
		{ NULL, NULL, NULL },
		{ NULL, "other", "other" },
		{ "fake", NULL, "fake" },
		{ "fake", "other", "fake" },
		{ "auto", "other", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct request rq = { .backend = cases[i].asked };
		struct policy policy = { .backend = cases[i].policy };
		struct plan p = { .rq = &rq, .policy = &policy };
		const char *name = plan_backend_name(&p);

		assert_int_equal(!name, !cases[i].name);
		if (name)
			assert_string_equal(name, cases[i].name);
		p.policy = NULL;
		name = plan_backend_name(&p);
		assert_true(!name || !strcmp(name, "fake"));
		assert_int_equal(!name, !cases[i].asked ||
					!strcmp(cases[i].asked, "auto"));
	}
}

static void assert_unknown(const struct plan *p, const char *name)
{
	const struct diag *d = only(p, ID_NO_SUCH_BACKEND);

	assert_int_equal(d->level, DIAG_ERROR);
	assert_non_null(strstr(d->msg, name));
	assert_string_equal(d->help, "built in: auto, fake, other");
	assert_int_equal(p->change.n, 0);
}

static void unknown_backend(void **state)
{
	static const struct request rq = { .backend = "pf" };

	(void)state;
	for (int live = 0; live < 2; live++) {
		_cleanup_(plan_release) struct plan p = { 0 };

		plan_text(&p, WEB);
		p.rq = &rq;
		assert_int_equal(live ? plan_choose_live(&p) :
					plan_choose_offline(&p), -FAULT_USAGE);
		assert_unknown(&p, "'pf'");
	}
}

static void offline(void **state)
{
	static const struct {
		const char *asked;
		const struct backend *chosen;
	} cases[] = {
		{ NULL, &one }, { "auto", &one }, { "other", &two },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct request rq = { .backend = cases[i].asked };
		_cleanup_(plan_release) struct plan p = { 0 };

		plan_text(&p, WEB);
		p.rq = &rq;
		assert_int_equal(plan_choose_offline(&p), 0);
		assert_int_equal(p.change.n, 1);
		assert_ptr_equal(p.change.v[0].backend, cases[i].chosen);
		assert_null(p.change.v[0].ctx);
		assert_int_equal(p.diags.n, 0);
	}
	assert_int_equal(hosts[0].snapshots + hosts[1].snapshots, 0);
}

/* No host is known: what a masquerading one would refuse is a note. */
static void offline_notes_translation(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	plan_text(&p, UNGUARDED);
	assert_int_equal(plan_choose_offline(&p), 0);
	assert_int_equal(only(&p, ID_UNGUARDED_REPLIES)->level, DIAG_NOTE);
}

static void live(void **state)
{
	static const struct request rq = { .backend = "other" };
	_cleanup_(plan_release) struct plan p = { 0 }, named = { 0 };

	(void)state;
	plan_live(&p, UNGUARDED);
	assert_ptr_equal(p.change.v[0].backend, &one);
	assert_non_null(p.change.v[0].ctx);
	assert_non_null(p.change.v[0].live.image);
	assert_non_null(p.why);
	assert_true(p.facts.whole);
	assert_int_equal(p.diags.n, 0);
	plan_text(&named, WEB);
	named.rq = &rq;
	assert_int_equal(plan_choose_live(&named), 0);
	assert_ptr_equal(named.change.v[0].backend, &two);
	assert_null(named.why);
}

static void live_without_policy(void **state)
{
	_cleanup_(plan_release) struct plan p = { .rq = &request };

	(void)state;
	assert_int_equal(plan_choose_live(&p), 0);
	assert_int_equal(p.diags.n, 0);
	assert_false(p.facts.whole);
}

static void live_fails(void **state)
{
	static const struct request rq = { .backend = "other" };
	_cleanup_(plan_release) struct plan p = { 0 }, named = { 0 };

	(void)state;
	hosts[0].open = hosts[1].open = -EPERM;
	plan_text(&p, WEB);
	assert_int_equal(plan_choose_live(&p), -EPERM);
	assert_non_null(only(&p, ID_NO_NETLINK));
	assert_int_equal(p.change.n, 0);
	hosts[1].open = 0;
	hosts[1].snapshot = -EIO;
	plan_text(&named, WEB);
	named.rq = &rq;
	assert_int_equal(plan_choose_live(&named), -EIO);
	assert_non_null(only(&named, ID_NFT_UNREADABLE));
	assert_int_equal(named.change.n, 0);
}

static size_t state_matches(const struct ruleset *rs)
{
	size_t n = 0;

	for (size_t i = 0; i < rs->n; i++)
		n += rs->v[i].match.ct != CT_ANY;
	return n;
}

/* The first state match of a host would switch tracking on for all. */
static void live_without_state(void **state)
{
	(void)state;
	for (int tracks = 0; tracks < 3; tracks++) {
		_cleanup_(plan_release) struct plan p = { 0 };

		hosts[0].tracks = tracks == 1;
		hosts[1].tracks = tracks == 2;
		plan_text(&p, WEB);
		assert_true(state_matches(p.rules) > 0);
		assert_int_equal(plan_choose_live(&p), 0);
		assert_int_equal(state_matches(p.rules) > 0, tracks > 0);
		assert_int_equal(p.diags.n, 0);
	}
}

static void released_is_empty(void **state)
{
	struct plan p = { 0 };
	char name[32];

	(void)state;
	assert_int_equal(load(&p, &request, WEB, name), 0);
	assert_int_equal(plan_choose_live(&p), 0);
	assert_int_equal(plan_compare(&p), 0);
	for (int i = 0; i < 2; i++) {
		plan_release(&p);
		assert_null(p.text);
		assert_null(p.policy);
		assert_null(p.rules);
		assert_int_equal(p.change.n, 0);
		assert_int_equal(p.diags.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_faults),
		TEST(loads),
		TEST(load_no_file),
		TEST(load_wrong_policy),
		TEST(load_keeps_capabilities),
		TEST(load_for_private_kernel),
		TEST(load_one_family),
		TEST(load_excluded_family),
		TEST(names),
		TEST(unknown_backend),
		TEST(offline),
		TEST(offline_notes_translation),
		TEST(live),
		TEST(live_without_policy),
		TEST(live_fails),
		TEST(live_without_state),
		TEST(released_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
