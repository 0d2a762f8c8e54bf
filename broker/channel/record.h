/* SPDX-License-Identifier: MIT */
/*
 * broker/channel/record.h - an authenticated stream of bytes, in records
 *
 *	u16be length of what follows | ciphertext | tag, 16 bytes
 *
 * Where the records begin and end means nothing: frames share them and span
 * them. One that is empty keeps the link alive and says nothing (PROTOCOL.md
 * N9 to N12).
 *
 * What is sent is sealed out of place, since the session keeps the plaintext,
 * into a buffer that all links of a node share: the sealer. What has come is
 * opened in place or straight to where it is wanted. Only what has come in
 * part is collected, large records without a copy. A link that is idle has no
 * buffer.
 */
#ifndef WALDOI_RECORD_H
#define WALDOI_RECORD_H

#include "broker/channel/noise.h"

#include <sys/uio.h>

#define WALDOI_RECORD_HEAD  2
#define WALDOI_RECORD_REST  65535 /* the most that a length can say */
#define WALDOI_RECORD_PLAIN (WALDOI_RECORD_REST - WALDOI_TAG)
#define WALDOI_REKEY_EVERY  65536 /* records */

typedef struct waldoi_records {
	waldoi_cipher send, receive;
	uint32_t period;   /* WALDOI_REKEY_EVERY, or less in a test */
	uint32_t part_len; /* of a record that has not come whole, or of one
	                    * and the head behind it */
	uint32_t part_cap; /* grows with what has come: at most twice that */
	bool part_is_done; /* it was given out and may go */
	uint8_t *part;
	uint8_t binding[WALDOI_HASH]; /* the handshake hash */
	uint8_t remote[WALDOI_KEY];   /* the peer's key */
} waldoi_records;

/* Takes the keys of a handshake that is complete. */
void waldoi_records_init(waldoi_records *records, const waldoi_noise *noise);
void waldoi_records_fini(waldoi_records *records);

/* ---- sending */

/* Seals one record from the pieces, in their order, as much of them as it can
 * take; none makes an empty record. `out` has room for a head and
 * WALDOI_RECORD_REST bytes. Returns how many bytes of the pieces it has; the
 * length of the record goes to *ret_len: 0 if all nonces are used up. */
size_t waldoi_record_seal(waldoi_records *records, const struct iovec *pieces,
                          size_t count, uint8_t *out, size_t *ret_len);

/* ---- receiving */

typedef enum waldoi_record_cut {
	WALDOI_RECORD,      /* there is one */
	WALDOI_RECORD_MORE, /* all bytes are used up; what is left was copied */
	WALDOI_RECORD_BAD,  /* a length that no record has */
	WALDOI_RECORD_NOMEM
} waldoi_record_cut;

/* Bytes of the wire that are to be looked at; writable. */
typedef struct waldoi_feed {
	uint8_t *data;
	size_t len;
} waldoi_feed;

/* Finds the next record and moves `feed` behind it. *ret_record is its head,
 * *ret_plain how long what it contains is; it stays until the next call. */
waldoi_record_cut waldoi_record_next(waldoi_records *records, waldoi_feed *feed,
                                     uint8_t **ret_record, size_t *ret_plain);

/* Where the rest of a large record that has come in part should be received,
 * without a copy; NULL: anywhere. What was received is announced, then
 * waldoi_record_next() looks at it too. */
uint8_t *waldoi_record_space(waldoi_records *records, size_t *ret_len);
void waldoi_record_received(waldoi_records *records, size_t len);

/* Opens it, in place (`to` is record + WALDOI_RECORD_HEAD) or to elsewhere.
 * False: it is not the one that the peer sealed next. */
bool waldoi_record_open(waldoi_records *records, const uint8_t *record,
                        size_t plain, uint8_t *to);

#endif
