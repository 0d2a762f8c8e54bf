/* SPDX-License-Identifier: MIT */
/*
 * broker/channel/handshake.h - how an encrypted link opens
 *
 *	initiator: preamble, message 1      u16be length | message, each
 *	responder: message 2
 *	initiator: message 3, records ...
 *
 * PROTOCOL.md N1 to N8. Bytes in, bytes out: it is given what has come and
 * leaves what is to be sent in `out`. Who we are, whom we meet and what the
 * messages carry is the owner's affair.
 */
#ifndef WALDOI_HANDSHAKE_H
#define WALDOI_HANDSHAKE_H

#include "broker/channel/channel.h"
#include "broker/channel/noise.h"

#define WALDOI_SUITE        1 /* 25519_ChaChaPoly_SHA256 */
#define WALDOI_REFUSAL      4 /* bytes that refuse a preamble */
#define WALDOI_MESSAGE_HEAD 2

typedef enum waldoi_handshake_state {
	WALDOI_HS_START,     /* the initiator has said nothing */
	WALDOI_HS_PREAMBLE,  /* the responder waits for it */
	WALDOI_HS_MESSAGE_1, /* for that one the responder waits, */
	WALDOI_HS_MESSAGE_2, /* the initiator, */
	WALDOI_HS_MESSAGE_3, /* the responder */
	WALDOI_HS_ASKED,     /* the owner thinks: the initiator's of message 2,
	                      * the responder's of message 1 */
	WALDOI_HS_OPEN,      /* all went well: what follows are records */
	WALDOI_HS_FAILED     /* `err` and `why`; say no more than `out` */
} waldoi_handshake_state;

typedef struct waldoi_handshake {
	const waldoi_handshake_ops *ops;
	void *owner;
	waldoi_noise *noise; /* the responder's: once there is a message 1 */
	const char *why;     /* static; for people */
	uint8_t *in;         /* what has not come whole */
	uint8_t *out;        /* to be sent; whoever takes it sets NULL */
	uint16_t in_len;
	uint16_t out_len;
	bool initiator;
	uint8_t state; /* waldoi_handshake_state */
	uint8_t err;   /* waldo_err */
	uint8_t slot;  /* of psk; 0: none */
} waldoi_handshake;

/* How much room `in` has: it grows with what has come. */
size_t waldoi_handshake_room(const waldoi_handshake *handshake);

/* As initiator if `dial` is not NULL; of what it points to the keypair is
 * borrowed until the link is open. */
waldo_err waldoi_handshake_init(waldoi_handshake *handshake,
                                const waldoi_handshake_ops *ops, void *owner,
                                const waldoi_dial_keys *dial) WALDO_MUST_CHECK;

/* Wipes it. */
void waldoi_handshake_fini(waldoi_handshake *handshake);

/* The link can carry bytes: the initiator's first words, in `out`. */
void waldoi_handshake_start(waldoi_handshake *handshake);

/* Bytes came; writable. Returns how many it used: what is behind them, once it
 * is open, are records. */
size_t waldoi_handshake_input(waldoi_handshake *handshake, uint8_t *data,
                              size_t len);

/* What the owner decided after WALDOI_WAIT. */
void waldoi_handshake_answer(waldoi_handshake *handshake, bool go_on);

#endif
