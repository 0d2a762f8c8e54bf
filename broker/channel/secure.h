/* SPDX-License-Identifier: MIT */
/*
 * broker/channel/secure.h - what an encrypted channel consists of
 *
 * A handshake, then records. Included by secure.c and by tests.
 */
#ifndef WALDOI_SECURE_H
#define WALDOI_SECURE_H

#include "broker/channel/handshake.h"
#include "broker/channel/record.h"

typedef struct waldoi_secure {
	waldoi_handshake *handshake; /* until the link is open */
	waldoi_records *records;     /* from then on */
	waldoi_sealer *sealer;
	uint8_t *kept; /* to be sent before all else; not the sealer's */
	uint32_t kept_len, kept_sent;
	bool dead;    /* it failed or broke, and that was told */
	bool no_room; /* what was sealed could not be kept */
	bool stalled; /* the kernel did not take what was sealed at once */
} waldoi_secure;

/* One record at a time; it belongs to a link until all of it is sent, or
 * another link needs the room. */
struct waldoi_sealer {
	waldoi_secure *user; /* NULL: free */
	size_t len, sent;
	uint8_t record[WALDOI_RECORD_HEAD + WALDOI_RECORD_REST];
};

#endif
