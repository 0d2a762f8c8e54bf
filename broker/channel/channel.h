/* SPDX-License-Identifier: MIT */
/*
 * broker/channel/channel.h - between the link and the session
 *
 * The link moves bytes of the wire, the session makes and takes frames. What
 * stands between them opens the link (the preamble) and, for the patterns
 * that have one, runs the handshake and seals and opens records (secure.c).
 * Pattern 0 (plain.c) has none: after the preamble the bytes of the wire are
 * the session's frames, which it lends without a copy in both directions.
 *
 * All functions may be called with a channel whose session has let go (then
 * bytes are discarded and there is nothing to send). What the channel calls
 * back may let go of it, but ends or frees it only later.
 */
#ifndef WALDOI_CHANNEL_H
#define WALDOI_CHANNEL_H

#include <waldo/error.h>

#include <sys/uio.h>

#define WALDOI_PREAMBLE 12
#define WALDOI_PAYLOAD  1024 /* bytes that a message of a handshake may carry */

struct waldoi_session;
struct waldoi_keypair;

/* What the channel asks of the session that it serves. */
typedef struct waldoi_channel_user {
	uint8_t *(*space)(struct waldoi_session *session, size_t *ret_len);
	void (*received)(struct waldoi_session *session, size_t len);
	/* With `len` 0: the peer lives, though it has said nothing yet. */
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
	/* An encrypted link that was open is of no use any more: what came is
	 * not what the peer sent, or memory ran out. To be closed without a
	 * word. */
	void (*broken)(struct waldoi_session *session, waldo_err err,
	               const char *what);
} waldoi_channel_user;

typedef enum waldoi_verdict {
	WALDOI_GO_ON,
	WALDOI_WAIT, /* waldoi_channel_answer() will tell */
	WALDOI_REFUSE
} waldoi_verdict;

/* What an encrypted link asks of its owner until it is open: the session, or
 * what stands in for it as long as nobody knows who dialled. */
typedef struct waldoi_handshake_ops {
	void (*random)(void *owner, void *data, size_t len);

	/* The responder: which key is meant, and the secret of a slot (32
	 * bytes); NULL: there is none. `hint` is NULL where the initiator does
	 * not know any. Asked each time that they are needed. */
	const struct waldoi_keypair *(*find_key)(void *owner,
	                                         const uint8_t *hint);
	const uint8_t *(*find_psk)(void *owner, unsigned slot);
	/* Whether links of a pattern are welcome. */
	bool (*accepts)(void *owner, unsigned pattern);
	/* Message 1 is there, and to answer it is work: whether there is time
	 * for that now. */
	waldoi_verdict (*afford)(void *owner);

	/* Writes the payload of our message, 2 or 3, and returns its length,
	 * at most WALDOI_PAYLOAD. */
	size_t (*offer)(void *owner, uint8_t *data);

	/* The peer has proved that it has `key` (the initiator: after message
	 * 2; the responder: after message 3, and now is the time for it to set
	 * channel->session) and says `payload`. Until WALDOI_GO_ON nothing more
	 * is sent, and the peer does not learn who we are. The responder does
	 * not wait here. */
	waldoi_verdict (*meet)(void *owner, const uint8_t *key,
	                       uint8_t *payload, size_t len);

	/* It will not open; `what` is for people at this end. If
	 * waldoi_channel_owes() close it in order, else at once. */
	void (*failed)(void *owner, waldo_err err, const char *what);

	/* The link was lost before it was anybody's: as `lost` of the session,
	 * which it has not yet. The channel is not to be used any more. */
	void (*gone)(void *owner, waldo_err err, const char *message);
} waldoi_handshake_ops;

/* What an initiator knows; borrowed until the link is open, but for
 * `remote`. */
typedef struct waldoi_dial_keys {
	unsigned pattern; /* waldoi_pattern of noise.h, but not 0 */
	unsigned slot;    /* of psk, 1 to 255; else 0 */
	const struct waldoi_keypair *keypair;
	const uint8_t *remote; /* the responder's key; NULL with XX */
	const uint8_t *psk;    /* 32 bytes; NULL without */
} waldoi_dial_keys;

struct waldoi_channel_ops;
struct waldoi_secure;
typedef struct waldoi_sealer waldoi_sealer;

typedef struct waldoi_channel {
	const struct waldoi_channel_ops *ops; /* of the pattern */
	struct waldoi_secure *secure;         /* NULL for pattern 0 */
	const waldoi_channel_user *user;
	struct waldoi_session *session; /* NULL once it has let go */
	bool initiator;
	/* Of pattern 0: */
	uint8_t in_len;   /* bytes of the peer's preamble that have come */
	bool in_differs;  /* they are not as ours */
	uint8_t out_len;  /* bytes of ours that open the link, or refuse it */
	uint8_t out_left; /* of them, not sent */
} waldoi_channel;

/* For pattern 0. `user` is static. */
void waldoi_channel_init(waldoi_channel *channel,
                         const waldoi_channel_user *user,
                         struct waldoi_session *session, bool initiator);

/*
 * For the others: the initiator if `dial` is not NULL. `ops` is static, and
 * `owner` theirs. A responder has no session until its owner has met the peer.
 * `sealer` is borrowed. libsodium is initialised.
 */
waldo_err waldoi_channel_init_secure(waldoi_channel *channel,
                                     const waldoi_channel_user *user,
                                     struct waldoi_session *session,
                                     waldoi_sealer *sealer,
                                     const waldoi_handshake_ops *ops,
                                     void *owner, const waldoi_dial_keys *dial)
    WALDO_MUST_CHECK;

/* Wipes and frees what the channel has; it may be a pattern 0 one. */
void waldoi_channel_fini(waldoi_channel *channel);

/* Where records are sealed, for all links of one thread. NULL: no memory. */
waldoi_sealer *waldoi_sealer_new(void);
void waldoi_sealer_free(waldoi_sealer *sealer);

/* After WALDOI_WAIT, once. See then whether the channel wants to answer. */
void waldoi_channel_answer(waldoi_channel *channel, bool go_on);

/* True while bytes wait that the session need not give any more: words of the
 * channel's own, or a record that the kernel did not take whole. Ask after
 * waldoi_channel_input() whether to send, and before an end in order. When the
 * last of a record has left user->sent(session, 0) says so. */
bool waldoi_channel_owes(const waldoi_channel *channel);

/* True while there is something to send and no session that could ask for a
 * flush. */
static inline bool
waldoi_channel_answers(const waldoi_channel *channel)
{
	return channel->session == NULL && channel->secure != NULL &&
	       waldoi_channel_owes(channel);
}

/* Who is at the other end, and the hash of the handshake, which both ends have
 * and no other link has: 32 bytes each, as long as the channel. NULL before it
 * is open, and for pattern 0. */
const uint8_t *waldoi_channel_get_key(const waldoi_channel *channel);
const uint8_t *waldoi_channel_get_binding(const waldoi_channel *channel);

/* Where the next bytes of the wire should be received, then announced by
 * waldoi_channel_received(); NULL: anywhere, then waldoi_channel_input(). */
uint8_t *waldoi_channel_space(waldoi_channel *channel, size_t *ret_len);
void waldoi_channel_received(waldoi_channel *channel, size_t len);

/* Bytes came. `data` is writable, used up and free again at return. Bounded:
 * what is left for a later turn is copied out, and goes on by itself. Ask then
 * whether the channel itself wants to answer (waldoi_channel_answers()). */
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
 * in place until the next call of a function of the channel, or of the output
 * of any channel with the same sealer. An encrypted link tells the session of
 * what it has sealed as sent. */
size_t waldoi_channel_output(waldoi_channel *channel, struct iovec *iov,
                             size_t max);

/* The first `len` bytes of that were given to the kernel. False if there is
 * nothing more to send. */
bool waldoi_channel_sent(waldoi_channel *channel, size_t len);

/* ---- for the patterns */

typedef struct waldoi_channel_ops {
	uint8_t *(*space)(waldoi_channel *channel, size_t *ret_len);
	void (*received)(waldoi_channel *channel, size_t len);
	void (*input)(waldoi_channel *channel, uint8_t *data, size_t len);
	bool (*wants_input)(const waldoi_channel *channel);
	void (*lost)(waldoi_channel *channel, waldo_err err,
	             const char *message);
	size_t (*output)(waldoi_channel *channel, struct iovec *iov,
	                 size_t max);
	bool (*sent)(waldoi_channel *channel, size_t len);
} waldoi_channel_ops;

#endif
