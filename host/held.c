/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/held.h"

#include <errno.h>
#include <stdlib.h>

#include "host/held_socket.h"
#include "host/tcp_table.h"

/* With more sockets the table is cheaper than to ask each. */
#define ASKED_MAX 256

static int by_inode(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static int by_order(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

static void note_listener(struct held_list *l, uint16_t port)
{
	l->listens[port / 8] |= (uint8_t)(1 << port % 8);
}

bool held_is_listened_to(const struct held_list *l, uint16_t port)
{
	return l->listens[port / 8] & 1 << port % 8;
}

/* Processes share sockets: an inode may be there several times. */
static int match(const struct tcp_row *row, void *data)
{
	struct held_list *l = data;
	struct held key = { .inode = row->inode }, *h;

	if (row->listens) {
		note_listener(l, row->flow.dport);
		return 0;
	}
	h = l->n && row->inode ?
		bsearch(&key, l->v, l->n, sizeof(*l->v), by_inode) : NULL;
	if (!h)
		return 0;
	while (h > l->v && h[-1].inode == row->inode)
		h--;
	for (; h < l->v + l->n && h->inode == row->inode; h++) {
		h->found = true;
		h->flow = row->flow;
	}
	return 0;
}

bool held_is_first(const struct held *h, unsigned int *next)
{
	if (!h->found || h->order < *next)
		return false;
	*next = h->order + 1;
	return true;
}

/* Somebody else may listen for a server: systemd does, for sshd@.service. */
static bool knows_listeners(const struct held_list *l)
{
	unsigned int next = 0;

	for (size_t i = 0; i < l->n; i++)
		if (held_is_first(&l->v[i], &next) &&
		    !held_is_listened_to(l, l->v[i].flow.dport))
			return false;
	return true;
}

static int ask_each(struct held_list *l, struct holder *holder, bool nearest)
{
	struct tcp_row row;
	int got;

	for (size_t i = 0; i < l->n; i++) {
		struct held *h = &l->v[i];

		got = held_read(holder, h->pid, h->fd, h->inode, &row);
		if (got < 0)
			return got;
		if (got && row.listens)
			note_listener(l, row.flow.dport);
		if (!got || row.listens)
			continue;
		h->found = true;
		h->flow = row.flow;
		if (nearest)
			break;
	}
	return 0;
}

/* False: only the table tells. */
static bool ask_sockets(struct held_list *l, bool nearest)
{
	struct holder holder = HOLDER_NONE;
	bool told;

	if (l->n > ASKED_MAX || held_open(&holder))
		return false;
	qsort(l->v, l->n, sizeof(*l->v), by_order);
	told = !ask_each(l, &holder, nearest) &&
	       (nearest || knows_listeners(l));
	held_close(&holder);
	for (size_t i = 0; !told && i < l->n; i++)
		l->v[i].found = false;
	return told;
}

int held_find(struct held_list *l, int proc, bool nearest)
{
	int err;

	if (!l->n || ask_sockets(l, nearest))
		return 0;
	qsort(l->v, l->n, sizeof(*l->v), by_inode);
	err = tcp_table_read(proc, match, l);
	qsort(l->v, l->n, sizeof(*l->v), by_order);
	return err == -ENOMEM ? err : 0;
}
