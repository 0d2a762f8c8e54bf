/* SPDX-License-Identifier: MIT */
/*
 * ideal.h - not a peer, but the bound of what is reachable
 *
 * Frames with a length of four bytes; MessagePack written by hand; an object
 * table and a method table; all replies of one read in one write. It has no
 * counts, no state of calls, no deadlines and no patience: a full socket is
 * tried again at once.
 *
 *	request  [0, sequence, object, "echo", number, text]
 *	reply    [1, sequence, number, text]
 *
 * Modes: clear; one secretstream record for each batch; one for each message.
 */
#ifndef IDEAL_H
#define IDEAL_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDEAL_BUFFER ((size_t) 256 * 1024)
#define IDEAL_OBJECT 0x1234

typedef crypto_secretstream_xchacha20poly1305_state ideal_stream;

enum ideal_mode { IDEAL_CLEAR, IDEAL_BATCH, IDEAL_EACH };

struct ideal_link {
	int fd;
	enum ideal_mode mode;
	size_t len;  /* received, and not yet taken */
	uint8_t *in; /* IDEAL_BUFFER */
	ideal_stream rx, tx;
};

/* Makes an answer to `message` at `out` and returns its length; 0: none. */
typedef size_t ideal_handler(const uint8_t *message, size_t len, uint8_t *out);

/* "crypt", "crypt1" or anything else. */
enum ideal_mode ideal_mode_of(const char *word);

/* Both ends have one key, which is no secret. */
void ideal_link_init(struct ideal_link *link, int fd, enum ideal_mode mode);

/* What `make` writes at its second argument, `count` times, is sent at once;
 * it returns the length. */
void ideal_send(struct ideal_link *link, int count,
                size_t (*make)(uint8_t *out));

/* Reads once, handles each message and sends what comes of it. Returns false
 * if the connection is over. */
bool ideal_receive(struct ideal_link *link, ideal_handler *handle);

/* ---- message.c: four bytes, and MessagePack, each value within bounds */

uint32_t ideal_load32(const uint8_t *p);
void ideal_store32(uint8_t *p, size_t value);

struct ideal_reader {
	const uint8_t *p, *end;
};

bool ideal_read_array(struct ideal_reader *r, unsigned count);
bool ideal_read_uint(struct ideal_reader *r, uint64_t *ret_value);
bool ideal_read_text(struct ideal_reader *r, const uint8_t **ret_text,
                     size_t *ret_len);
uint8_t *ideal_put_uint32(uint8_t *p, uint32_t value);
uint8_t *ideal_put_int64(uint8_t *p, uint64_t value);
uint8_t *ideal_put_text(uint8_t *p, const void *text, size_t len);

#endif
