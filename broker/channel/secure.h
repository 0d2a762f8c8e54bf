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

/* Bytes that wait for the kernel. */
typedef struct waldoi_kept_bytes {
	uint32_t len, sent;
	uint8_t data[];
} waldoi_kept_bytes;

typedef struct waldoi_secure {
	waldoi_handshake *handshake; /* until the link is open */
	waldoi_records *records;     /* from then on */
	waldoi_sealer *sealer;
	waldoi_kept_bytes *kept; /* to be sent before all else; not the
	                          * sealer's. NULL: none */
	bool dead;               /* it failed or broke, and that was told */
	bool no_room;            /* what was sealed could not be kept */
	bool stalled; /* the kernel did not take what was sealed at once */
	bool more;    /* the session has what is not sealed */
} waldoi_secure;

/* With one of at most so many bytes before it another one is sealed at once. */
#define WALDOI_RECORD_FIRST 1024

/* One record at a time, or the first two; it belongs to a link until all of it
 * is sent, or another link needs the room. */
struct waldoi_sealer {
	waldoi_secure *user; /* NULL: free */
	unsigned copies;     /* as there were when it was made */
	size_t len, sent;
	uint8_t record[WALDOI_RECORD_FIRST + WALDOI_RECORD_HEAD +
	               WALDOI_RECORD_REST];
};

/* ---- sealer.c: bytes that wait for the kernel */

/* Frees it for another link. Whoever has it keeps what is not sent: its nonce
 * is spent, so that it cannot be sealed again. */
void waldoi_sealer_clear(waldoi_sealer *sealer);

/* This process is a copy (fork()) of the one that made it: whatever it sealed
 * the other might seal, too, with the same nonce. */
bool waldoi_sealer_is_copied(const waldoi_sealer *sealer);

/* Copies bytes, to be sent behind those that are kept and before all else.
 * False: no memory. */
bool waldoi_secure_keep(waldoi_secure *secure, const uint8_t *data, size_t len);

/* Nothing more is sent. */
void waldoi_secure_drop(waldoi_secure *secure);

bool waldoi_secure_owes(const waldoi_secure *secure);

/* How much of what is kept the kernel has not taken. */
size_t waldoi_secure_left(const waldoi_secure *secure);

/* What waits, and how much of it the kernel took; as for
 * waldoi_channel_output(). */
size_t waldoi_secure_pieces(const waldoi_secure *secure, struct iovec *iov,
                            size_t max);
void waldoi_secure_took(waldoi_secure *secure, size_t len);

#endif
