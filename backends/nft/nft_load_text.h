/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_load_text.h: what in nft's text matters to whoever loads it
 * into another network namespace.
 *
 * Errors: -ENOMEM, and what a function that is given returns.
 * Source: nft(8) on "include", on `iif`, on flowtables and on the flags of
 *         tables; nft_rcv_nl_event() in the kernel's nf_tables_api.c.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_LOAD_TEXT_H
#define CTPOLICY_BACKENDS_NFT_NFT_LOAD_TEXT_H

#include <stddef.h>

#include "core/diag.h"

struct foreign;

typedef int nft_name_fn(const char *name, void *arg);

/*
 * Each interface that must be there when the text is loaded: what `iif`, `oif`
 * and flowtables name. Not those of variables, of sets by name, and of chains
 * that hook a device. A name may come more than once.
 */
int nft_text_devices(const struct foreign *f, nft_name_fn *take, void *arg);

/* Whose rules an included file has is not for this file alone to say. */
void nft_text_note_includes(const char *file, const struct foreign *f,
			    struct diags *d);

/*
 * A table with the flag `owner` goes with the process that loads it. The flag
 * becomes blanks, so that all else stays where it was.
 */
void nft_text_disown(char *text, size_t len);

#endif
