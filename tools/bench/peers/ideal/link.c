/* SPDX-License-Identifier: MIT */
#include "ideal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Frames in clear, and what leaves; those of one pass. */
static uint8_t plain[2 * IDEAL_BUFFER], sealed[2 * IDEAL_BUFFER];
static uint8_t opened[2 * IDEAL_BUFFER];

_Noreturn static void
die(const char *what)
{
	fprintf(stderr, "ideal: %s\n", what);
	exit(4);
}

/* ---- sending */

enum ideal_mode
ideal_mode_of(const char *word)
{
	return strcmp(word, "crypt") == 0    ? IDEAL_BATCH
	       : strcmp(word, "crypt1") == 0 ? IDEAL_EACH
	                                     : IDEAL_CLEAR;
}

void
ideal_link_init(struct ideal_link *link, int fd, enum ideal_mode mode)
{
	static const uint8_t key[32] = {1}, header[24] = {2};

	*link = (struct ideal_link){.fd = fd, .mode = mode};
	link->in = malloc(IDEAL_BUFFER);
	if (link->in == NULL) {
		die("out of memory");
	}
	crypto_secretstream_xchacha20poly1305_init_pull(&link->rx, header, key);
	crypto_secretstream_xchacha20poly1305_init_pull(&link->tx, header, key);
}

/* A record of `len` bytes at `out`; its length. */
static size_t
seal(struct ideal_link *link, const uint8_t *data, size_t len, uint8_t *out)
{
	unsigned long long sealed_len;

	crypto_secretstream_xchacha20poly1305_push(
	    &link->tx, out + 4, &sealed_len, data, len, NULL, 0, 0);
	ideal_store32(out, sealed_len);
	return 4 + sealed_len;
}

static void
write_all(int fd, const uint8_t *data, size_t len)
{
	size_t sent = 0;

	while (sent < len) {
		ssize_t n = write(fd, data + sent, len - sent);

		if (n >= 0) {
			sent += (size_t) n;
		} else if (errno != EAGAIN) {
			return; /* the reader will notice */
		}
	}
}

/* What is ready to leave: sealed records, or frames in clear. */
struct batch {
	size_t plain, sealed;
};

/* A message of `len` bytes stands at the end of the clear frames. */
static void
add_message(struct ideal_link *link, struct batch *batch, size_t len)
{
	ideal_store32(plain + batch->plain, len);
	batch->plain += 4 + len;
	if (link->mode == IDEAL_EACH) {
		batch->sealed +=
		    seal(link, plain, batch->plain, sealed + batch->sealed);
		batch->plain = 0;
	}
}

static void
send_batch(struct ideal_link *link, struct batch *batch)
{
	if (link->mode == IDEAL_BATCH && batch->plain > 0) {
		batch->sealed = seal(link, plain, batch->plain, sealed);
	}
	if (link->mode == IDEAL_CLEAR) {
		write_all(link->fd, plain, batch->plain);
	} else {
		write_all(link->fd, sealed, batch->sealed);
	}
	*batch = (struct batch){0};
}

void
ideal_send(struct ideal_link *link, int count, size_t (*make)(uint8_t *out))
{
	struct batch batch = {0};

	for (int i = 0; i < count; i++) {
		add_message(link, &batch, make(plain + batch.plain + 4));
	}
	send_batch(link, &batch);
}

/* ---- receiving */

/* Handles the complete messages of `len` bytes; returns how many it took. */
static size_t
handle_frames(struct ideal_link *link, const uint8_t *data, size_t len,
              struct batch *batch, ideal_handler *handle)
{
	size_t at = 0;

	while (len - at >= 4) {
		size_t n = ideal_load32(data + at), made;

		if (len - at - 4 < n) {
			break;
		}
		made = handle(data + at + 4, n, plain + batch->plain + 4);
		if (made > 0) {
			add_message(link, batch, made);
		}
		at += 4 + n;
	}
	return at;
}

/* The same of records, each of which has whole frames. */
static size_t
handle_records(struct ideal_link *link, struct batch *batch,
               ideal_handler *handle)
{
	size_t at = 0;

	while (link->len - at >= 4) {
		size_t n = ideal_load32(link->in + at);
		unsigned long long len;
		unsigned char tag;

		if (link->len - at - 4 < n) {
			break;
		}
		if (crypto_secretstream_xchacha20poly1305_pull(
		        &link->rx, opened, &len, &tag, link->in + at + 4, n,
		        NULL, 0) != 0) {
			die("a record is not genuine");
		}
		handle_frames(link, opened, len, batch, handle);
		if (link->mode == IDEAL_BATCH && batch->plain > 0) {
			batch->sealed += seal(link, plain, batch->plain,
			                      sealed + batch->sealed);
			batch->plain = 0;
		}
		at += 4 + n;
	}
	return at;
}

bool
ideal_receive(struct ideal_link *link, ideal_handler *handle)
{
	ssize_t got =
	    read(link->fd, link->in + link->len, IDEAL_BUFFER - link->len);
	struct batch batch = {0};
	size_t taken;

	if (got <= 0) {
		return got < 0 && errno == EAGAIN;
	}
	link->len += (size_t) got;
	taken = link->mode == IDEAL_CLEAR
	            ? handle_frames(link, link->in, link->len, &batch, handle)
	            : handle_records(link, &batch, handle);
	link->len -= taken;
	memmove(link->in, link->in + taken, link->len);
	send_batch(link, &batch);
	return true;
}
