/* SPDX-License-Identifier: MIT */
/*
 * broker/channel/channel.h - between the link and the session
 *
 * The link moves bytes of the wire, the session makes and takes frames. What
 * stands between them opens the link (the preamble) and, for the patterns
 * that have one, runs the handshake and seals and opens records. Pattern 0
 * (plain.c) has none: after the preamble the bytes of the wire are the
 * session's frames, which it lends without a copy in both directions.
 *
 * All functions may be called with a channel whose session has let go (then
 * bytes are discarded and there is nothing to send).
 */
#ifndef WALDOI_CHANNEL_H
#define WALDOI_CHANNEL_H

#include <waldo/error.h>

#include <sys/uio.h>

#define WALDOI_PREAMBLE 12

struct waldoi_session;

/* What the channel asks of the session that it serves. */
typedef struct waldoi_channel_user {
	uint8_t *(*space)(struct waldoi_session *session, size_t *ret_len);
	void (*received)(struct waldoi_session *session, size_t len);
	void (*input)(struct waldoi_session *session, uint8_t *data,
	              size_t len);
	bool (*wants_input)(const struct waldoi_session *session);
	size_t (*output)(struct waldoi_session *session, struct iovec *iov,
	                 size_t max);
	bool (*sent)(struct waldoi_session *session, size_t len);
	void (*lost)(struct waldoi_session *session, waldo_err err,
	             const char *message);
	/* The link is open: what there is to send may leave. */
	void (*opened)(struct waldoi_session *session);
	/* The peer is not one, or of another version; `what` is for people. */
	void (*refused)(struct waldoi_session *session, const char *what);
} waldoi_channel_user;

typedef struct waldoi_channel {
	const waldoi_channel_user *user;
	struct waldoi_session *session; /* NULL once it has let go */
	bool initiator;
	uint8_t in_len;   /* bytes of the peer's preamble that have come */
	uint8_t out_len;  /* bytes that open the link from our side */
	uint8_t out_left; /* of them, not sent */
	uint8_t in[WALDOI_PREAMBLE];
	uint8_t out[WALDOI_PREAMBLE];
} waldoi_channel;

/* `user` is static. */
void waldoi_channel_init(waldoi_channel *channel,
                         const waldoi_channel_user *user,
                         struct waldoi_session *session, bool initiator);

/* Where the next bytes of the wire should be received, then announced by
 * waldoi_channel_received(); NULL: anywhere, then waldoi_channel_input(). */
uint8_t *waldoi_channel_space(waldoi_channel *channel, size_t *ret_len);
void waldoi_channel_received(waldoi_channel *channel, size_t len);

/* Bytes came. `data` is writable, used up and free again at return. Bounded:
 * what is left for a later turn is copied out, and goes on by itself. */
void waldoi_channel_input(waldoi_channel *channel, uint8_t *data, size_t len);

/* False while frames of an earlier turn still wait: do not read more from the
 * link now (a flush will be asked for when it is time). */
bool waldoi_channel_wants_input(const waldoi_channel *channel);

/* The link is gone: end of file (`err` WALDO_ELOST), an error, or it never
 * came to be (WALDO_ECONNECT). The link closes itself after this returns and
 * must not use the channel any more; `message` is for people: what, where. */
void waldoi_channel_lost(waldoi_channel *channel, waldo_err err,
                         const char *message);

/* What is to be sent, at most `max` pieces; returns their number. They stay
 * in place until the next call of a function of the channel. */
size_t waldoi_channel_output(waldoi_channel *channel, struct iovec *iov,
                             size_t max);

/* The first `len` bytes of that were given to the kernel. False if there is
 * nothing more to send. */
bool waldoi_channel_sent(waldoi_channel *channel, size_t len);

#endif
