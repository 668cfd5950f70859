/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_port.c: ports: numbers, ranges and names. */
#include <ctype.h>
#include <string.h>

#include "core/mem.h"
#include "core/suggest.h"
#include "policies/policy_load.h"

#define DIGITS "0123456789"

struct port_list {
	struct port_set set;
	const uint8_t *protocols;
	size_t n_protocols;
};

/* What else means "up to": a word, and the dashes of a word processor. */
static bool is_up_to(const char *s, size_t n)
{
	static const char *const signs[] = {
		"to", "\xe2\x80\x90", "\xe2\x80\x91", "\xe2\x80\x92",
		"\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x88\x92",
	};

	for (; n && *s == ' '; s++)
		n--;
	while (n && s[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (strlen(signs[i]) == n && !strncmp(s, signs[i], n))
			return true;
	return false;
}

/* "lo SEP hi" with decimal numbers: a range with the wrong separator. */
static bool explain_range(struct diags *d, const char *s)
{
	size_t a = strspn(s, DIGITS), sep = strcspn(s + a, DIGITS);
	const char *hi = s + a + sep;
	size_t b = strspn(hi, DIGITS);

	if (!a || a > 5 || !sep || sep > 5 || !b || b > 5 || hi[b])
		return false;
	if (!is_up_to(s + a, sep) &&
	    (strspn(s + a, " :-.~") != sep || sep > 3 ||
	     (sep == 1 && s[a] == '.')))
		return false;
	if (strspn(s + a, " ") == sep) {
		diag_help(d, "write %.*s-%s for a range, or %.*s, %s for two ports",
			  (int)a, s, hi, (int)a, s, hi);
		return true;
	}
	diag_help(d, "a range is written %.*s-%s", (int)a, s, hi);
	diag_mend(d, FIX_REPLACE, "%.*s-%s", (int)a, s, hi);
	return true;
}

/* "53/udp", in a service of udp alone */
static void explain_protocol(struct diags *d, const char *s,
			     const struct port_list *list)
{
	int digits = (int)strspn(s, DIGITS);

	diag_help(d, "write %.*s; the protocol has a key of its own", digits,
		  s);
	if (list->n_protocols == 1 &&
	    protocol_number(s + digits + 1) == list->protocols[0])
		diag_mend(d, FIX_REPLACE, "%.*s", digits, s);
}

static void explain_port(struct diags *d, const char *s,
			 const struct port_list *list)
{
	size_t digits = strspn(s, DIGITS);

	if (explain_range(d, s) || explain_number(d, s))
		return;
	if (strchr(s, ',')) {
		diag_help(d, "write the ports as items of a list: [80, 81]");
		if (!s[strspn(s, DIGITS "-, ")])
			diag_mend(d, FIX_REPLACE, "%s", s);
	} else if (digits && s[digits] == '/' && strlen(s) < 20) {
		explain_protocol(d, s, list);
	} else if (!strcmp(s, "*") || !strcasecmp(s, "any") ||
		   !strcasecmp(s, "all")) {
		diag_help(d, "every port is 0-65535");
		diag_mend(d, FIX_REPLACE, "0-65535");
	} else {
		diag_help(d, "write a number, a range such as 8000-8010, or a "
			  "name from " SERVICES_FILE);
		if (digits && digits < 6 && !strcmp(s + digits, "-"))
			diag_mend(d, FIX_REPLACE, "%s65535", s);
	}
}

/* Two numbers and a dash, but not a range: why? */
static int bad_range(struct loader *l, uint32_t node, const char *s)
{
	const char *lo = s, *hi = strchr(s, '-') + 1;
	size_t nlo = (size_t)(hi - s) - 1;
	bool zero = (*lo == '0' && nlo > 1) || (*hi == '0' && hi[1]);

	if (zero) {
		load_error(l, node, ID_BAD_PORT, "`%s` has a leading zero",
			   load_shown(l, s));
		lo += strspn(lo, "0");
		hi += strspn(hi, "0");
		lo -= *lo == '-';
		hi -= !*hi;
		diag_help(l->d, "write %.*s-%.5s", (int)strspn(lo, DIGITS), lo,
			  hi);
		diag_mend(l->d, FIX_REPLACE, "%.*s-%.5s",
			  (int)strspn(lo, DIGITS), lo, hi);
		return -EINVAL;
	}
	load_error(l, node, ID_REVERSED_RANGE,
		   "the range `%s` runs backwards", load_shown(l, s));
	diag_help(l->d, "write %s-%.*s", hi, (int)nlo, s);
	diag_mend(l->d, FIX_REPLACE, "%s-%.*s", hi, (int)nlo, s);
	return -EINVAL;
}

static int bad_port(struct loader *l, uint32_t node, const char *s, int why,
		    const struct port_list *list)
{
	const char *dash = strchr(s, '-');
	size_t n = strlen(s);

	if (why == -ERANGE) {
		load_error(l, node, ID_NUMBER_RANGE,
			   "port `%s` is out of range", load_shown(l, s));
		diag_help(l->d, "ports are 0 to 65535");
		return -EINVAL;
	}
	if (n < 16 && dash && dash > s && dash[1] &&
	    strspn(s, DIGITS) == (size_t)(dash - s) &&
	    !dash[1 + strspn(dash + 1, DIGITS)])
		return bad_range(l, node, s);
	load_error(l, node, ID_BAD_PORT, "`%s` is not a port",
		   load_shown(l, s));
	explain_port(l->d, s, list);
	return -EINVAL;
}

static int read_names(struct loader *l)
{
	int err = l->names_read ? 0 : port_names_read(SERVICES_FILE, &l->names);

	l->names_read = true;
	return err;
}

static int unknown_name(struct loader *l, uint32_t node, const char *s)
{
	const char *names[64], *near;
	size_t n = 0;

	while (n < ARRAY_SIZE(names) && port_names_builtin_at(n)) {
		names[n] = port_names_builtin_at(n);
		n++;
	}
	near = suggest(s, names, n);
	load_error(l, node, ID_UNKNOWN_PORT_NAME,
		   "`%s` is not a port, nor the name of one in "
		   SERVICES_FILE, load_shown(l, s));
	if (!strcasecmp(s, "dns"))
		near = "domain";
	if (near && (!strcasecmp(s, "dns") ||
		     suggest_is_clear(s, near, names, n)))
		diag_mend(l->d, FIX_REPLACE, "%d", port_names_builtin(near));
	if (near)
		diag_help(l->d, "did you mean `%s` (%d)?", near,
			  port_names_builtin(near));
	else
		diag_help(l->d, "write its number");
	return -EINVAL;
}

static void note_port(struct loader *l, uint32_t node, const char *s, int port,
		      bool from_file)
{
	int usual = port_names_builtin(s);

	if (usual >= 0 && usual != port)
		load_warning(l, ydoc_pos(l->doc, node), ID_PORT_NAME_DIFFERS,
			     "write the number to be sure",
			     "`%s` is %d in " SERVICES_FILE ", but usually %d",
			     s, port, usual);
	else if (load_may_warn(l))
		diag_add(l->d, DIAG_NOTE, 0, ID_PORT_NAME,
			 ydoc_pos(l->doc, node), "`%s` is port %d (%s)", s,
			 port, from_file ? SERVICES_FILE : "built in");
}

static int load_port_name(struct loader *l, uint32_t node, const char *s,
			  struct port_list *list)
{
	bool from_file = true;
	int port;

	if (read_names(l))
		return -ENOMEM;
	port = port_names_find(&l->names, s, list->protocols,
			       list->n_protocols);
	if (port == -EEXIST) {
		load_error(l, node, ID_AMBIGUOUS_PORT_NAME,
			   "`%s` has more than one number in " SERVICES_FILE,
			   load_shown(l, s));
		diag_help(l->d, "write the number");
		return -EINVAL;
	}
	if (port < 0) {
		from_file = false;
		port = port_names_builtin(s);
	}
	if (port < 0)
		return unknown_name(l, node, s);
	note_port(l, node, s, port, from_file);
	return port_set_add(&list->set, (struct port_range){
		(uint16_t)port, (uint16_t)port });
}

/* A letter first, and only what names may hold: not a mistyped number. */
static bool is_name(const char *s)
{
	if (!isalpha((unsigned char)*s) || !strcasecmp(s, "any") ||
	    !strcasecmp(s, "all"))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.+*", *s))
			return false;
	return true;
}

static int load_port(struct loader *l, uint32_t node, void *arg)
{
	const char *s = ydoc_text(l->doc, node);
	struct port_list *list = arg;
	struct port_range range;
	int err;

	if (!s)
		return -ENOMEM;
	err = port_range_parse(s, &range);
	if (err)
		return is_name(s) ? load_port_name(l, node, s, list) :
				    bad_port(l, node, s, err, list);
	if (!range.last) {
		load_error(l, node, ID_PORT_ZERO, "no socket can have port 0");
		diag_help(l->d, "write the port that the server listens on; "
			  "every port is 0-65535");
		return -EINVAL;
	}
	return port_set_add(&list->set, range);
}

int load_ports(struct loader *l, uint32_t node, const uint8_t *protocols,
	       size_t n, struct port_set *ret)
{
	struct port_list list = { .protocols = protocols, .n_protocols = n };
	int err;

	err = load_each(l, node, "ports",
			"write a port or a range lo-hi, without `:`", load_port,
			&list);
	if (err) {
		port_set_release(&list.set);
		return err;
	}
	port_set_normalize(&list.set);
	*ret = list.set;
	return 0;
}
