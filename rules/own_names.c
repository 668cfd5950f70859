/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/own_names.h"

#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>

bool own_names_table(uint8_t family, const char *name)
{
	return family == NFPROTO_INET && !strcmp(name, OWN_TABLE);
}

bool own_names_nft(const char *name)
{
	return !strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX));
}

bool own_names_xt(const char *chain)
{
	return !strncmp(chain, OWN_PREFIX_XT, strlen(OWN_PREFIX_XT));
}

bool own_names_echo(const char *chain)
{
	return (own_names_nft(chain) || own_names_xt(chain)) &&
	       strchr(chain, '.');
}

bool own_names_end(const char *chain)
{
	return own_names_echo(chain) && !strcmp(strchr(chain, '.'), ".0");
}

bool own_names_edit(const char *chain)
{
	const char *kind = own_names_echo(chain) ? strchr(chain, '.') + 1 : "";

	return *kind >= 'a' && *kind <= 'z';
}

bool own_names_stand_in(const char *chain)
{
	return own_names_echo(chain) && strchr(chain, '.')[1] == 'r';
}

bool own_names_led_to(const char *chain)
{
	return own_names_echo(chain) && strchr("gc", strchr(chain, '.')[1]) &&
	       strchr(chain, '.')[1];
}

bool own_names_tracked(const char *chain)
{
	return !strncmp(chain, OWN_PREFIX_TRACKED, strlen(OWN_PREFIX_TRACKED));
}
