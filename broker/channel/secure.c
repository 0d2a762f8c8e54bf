/* SPDX-License-Identifier: MIT */
/* Patterns 1 to 3: a handshake, then records. */
#include "broker/channel/secure.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIECES 64

/* With no more than that before it a new record may be sealed: message 3 and
 * the first calls leave together. */
#define FEW_KEPT 4096

/* The contents of records shorter than that are moved together, so that the
 * session sees many small ones as one. */
#define SMALL_RECORD 4096

static void
break_off(waldoi_channel *channel, waldo_err err, const char *what)
{
	waldoi_secure *secure = channel->secure;

	secure->dead = true;
	waldoi_secure_drop(secure);
	if (channel->session != NULL) {
		channel->user->broken(channel->session, err, what);
	}
}

/* ---- the handshake */

static void
fail(waldoi_channel *channel, waldo_err err, const char *why)
{
	waldoi_secure *secure = channel->secure;

	secure->dead = true;
	secure->handshake->ops->failed(secure->handshake->owner, err, why);
}

static void
free_handshake(waldoi_secure *secure)
{
	if (secure->handshake != NULL) {
		waldoi_handshake_fini(secure->handshake);
		free(secure->handshake);
		secure->handshake = NULL;
	}
}

static void
open_link(waldoi_channel *channel)
{
	waldoi_secure *secure = channel->secure;

	secure->records = malloc(sizeof(*secure->records));
	if (secure->records == NULL) {
		/* Who met the peer has handed it over to the session. */
		free_handshake(secure);
		break_off(channel, WALDO_ENOMEM, "out of memory");
		return;
	}
	waldoi_records_init(secure->records, secure->handshake->noise);
	free_handshake(secure);
	if (channel->session != NULL) {
		channel->user->opened(channel->session);
	}
}

/* Something was done to the handshake: looks at what became of it. */
static void
look_at_handshake(waldoi_channel *channel)
{
	waldoi_secure *secure = channel->secure;
	waldoi_handshake *handshake = secure->handshake;

	if (handshake->out != NULL) {
		if (!waldoi_secure_keep(secure, handshake->out,
		                        handshake->out_len)) {
			fail(channel, WALDO_ENOMEM, "out of memory");
			return;
		}
		free(handshake->out);
		handshake->out = NULL;
		handshake->out_len = 0;
	}
	if (handshake->state == WALDOI_HS_FAILED) {
		fail(channel, (waldo_err) handshake->err, handshake->why);
	} else if (handshake->state == WALDOI_HS_OPEN) {
		open_link(channel);
	}
}

void
waldoi_channel_answer(waldoi_channel *channel, bool go_on)
{
	if (channel->secure->handshake != NULL && !channel->secure->dead) {
		waldoi_handshake_answer(channel->secure->handshake, go_on);
		look_at_handshake(channel);
	}
}

/* ---- input */

/* Contents of small records, moved together. */
struct run {
	uint8_t *data;
	size_t len;
	bool gave; /* the session was given something */
};

static void
deliver(waldoi_channel *channel, struct run *run)
{
	if (run->len > 0 && channel->session != NULL) {
		channel->user->input(channel->session, run->data, run->len);
		run->gave = true;
	}
	run->len = 0;
}

/* A large one is opened to where the session wants it, if it fits there. */
static bool
open_large(waldoi_channel *channel, uint8_t *record, size_t plain)
{
	waldoi_records *records = channel->secure->records;
	uint8_t *to = record + WALDOI_RECORD_HEAD, *space;
	size_t room;

	space = channel->user->space(channel->session, &room);
	if (space != NULL && room >= plain) {
		to = space;
	}
	if (!waldoi_record_open(records, record, plain, to)) {
		return false;
	}
	if (to == space) {
		channel->user->received(channel->session, plain);
	} else {
		channel->user->input(channel->session, to, plain);
	}
	return true;
}

static bool
open_small(waldoi_channel *channel, uint8_t *record, size_t plain,
           struct run *run)
{
	uint8_t *to = record + WALDOI_RECORD_HEAD;

	if (!waldoi_record_open(channel->secure->records, record, plain, to)) {
		return false;
	}
	if (run->len == 0) {
		run->data = to;
	} else {
		memmove(run->data + run->len, to, plain);
	}
	run->len += plain;
	return true;
}

static bool
take_record(waldoi_channel *channel, uint8_t *record, size_t plain,
            struct run *run)
{
	/* One that was collected does not stand before those behind it. */
	bool apart = channel->secure->records->part_is_done;
	bool ok;

	if (plain >= SMALL_RECORD) {
		deliver(channel, run);
		run->gave = true;
		return channel->session == NULL ||
		       open_large(channel, record, plain);
	}
	ok = open_small(channel, record, plain, run);
	if (apart && ok) {
		deliver(channel, run);
	}
	return ok;
}

static void
take_records(waldoi_channel *channel, uint8_t *data, size_t len)
{
	waldoi_feed feed = {data, len};
	struct run run = {NULL, 0, false};
	waldoi_record_cut cut = WALDOI_RECORD;
	bool ok = true;
	uint8_t *record;
	size_t plain;

	while (ok && channel->session != NULL && !channel->secure->dead) {
		cut = waldoi_record_next(channel->secure->records, &feed,
		                         &record, &plain);
		if (cut != WALDOI_RECORD) {
			break;
		}
		ok = take_record(channel, record, plain, &run);
	}
	deliver(channel, &run); /* what came before is good */
	if (!run.gave && channel->session != NULL) {
		channel->user->input(channel->session, data, 0);
	}
	if (cut == WALDOI_RECORD_NOMEM) {
		break_off(channel, WALDO_ENOMEM, "out of memory");
	} else if (!ok || cut == WALDOI_RECORD_BAD) {
		break_off(channel, WALDO_ELOST,
		          "what came is not what was sent");
	}
}

static void
secure_input(waldoi_channel *channel, uint8_t *data, size_t len)
{
	waldoi_secure *secure = channel->secure;

	if (secure->dead) {
		return;
	}
	if (secure->handshake != NULL) {
		size_t used =
		    waldoi_handshake_input(secure->handshake, data, len);

		data += used;
		len -= used;
		look_at_handshake(channel);
	}
	if (len > 0 && secure->records != NULL && channel->session != NULL) {
		take_records(channel, data, len);
	}
}

/* What comes is sealed: the session cannot receive it straight, but records
 * that are large can be collected so. */
static uint8_t *
secure_space(waldoi_channel *channel, size_t *ret_len)
{
	waldoi_secure *secure = channel->secure;

	return secure->records == NULL || secure->dead ||
	               channel->session == NULL
	           ? NULL
	           : waldoi_record_space(secure->records, ret_len);
}

static void
secure_received(waldoi_channel *channel, size_t len)
{
	waldoi_record_received(channel->secure->records, len);
	take_records(channel, NULL, 0);
}

static bool
secure_wants_input(const waldoi_channel *channel)
{
	return channel->session == NULL || channel->secure->records == NULL ||
	       channel->user->wants_input(channel->session);
}

/* The session is told, or whoever stands in for it: also if that knows that it
 * failed, for it still has the link. */
static void
tell_lost(waldoi_channel *channel, struct waldoi_session *session,
          waldo_err err, const char *message)
{
	const waldoi_handshake *handshake = channel->secure->handshake;

	if (session != NULL) {
		channel->user->lost(session, err, message);
	} else if (handshake != NULL) {
		channel->secure->dead = true;
		handshake->ops->gone(handshake->owner, err, message);
	}
}

static void
secure_lost(waldoi_channel *channel, waldo_err err, const char *message)
{
	struct waldoi_session *session = channel->session;
	const waldoi_handshake *handshake = channel->secure->handshake;
	char text[600];

	channel->session = NULL;
	if (handshake != NULL && handshake->state == WALDOI_HS_MESSAGE_2 &&
	    err == WALDO_ELOST) {
		/* A responder that has not the key that we want closes without
		 * a word. */
		(void) snprintf(text, sizeof(text),
		                "%s before it had proved that it has the key "
		                "that was asked for",
		                message);
		err = WALDO_EDENIED;
		message = text;
	}
	tell_lost(channel, session, err, message);
}

/* ---- output */

/* A record, of at most so many pieces; false if there is none. */
static bool
seal_one(waldoi_channel *channel, size_t most)
{
	waldoi_secure *secure = channel->secure;
	waldoi_sealer *sealer = secure->sealer;
	struct iovec pieces[MAX_PIECES];
	size_t count, len, record_len;

	count = channel->user->output(channel->session, pieces, most);
	if (count == 0) {
		return false;
	}
	if (sealer->user != secure) {
		waldoi_sealer_clear(sealer);
		sealer->len = sealer->sent = 0;
	}
	len = waldoi_record_seal(secure->records, pieces, count,
	                         sealer->record + sealer->len, &record_len);
	if (record_len == 0) {
		break_off(channel, WALDO_ELIMIT,
		          "the link has carried all records that it may");
		return false;
	}
	sealer->len += record_len;
	sealer->user = secure;
	/* It cannot be taken back: the nonce is spent. */
	secure->more = channel->user->sent(channel->session, len);
	return true;
}

/* PROTOCOL.md N9: the first one has what the session says first, HELLO; what is
 * behind that goes along. */
static void
seal(waldoi_channel *channel)
{
	const waldoi_secure *secure = channel->secure;

	if (secure->records->send.n > 0 ||
	    (seal_one(channel, 1) && secure->more &&
	     secure->sealer->len <= WALDOI_RECORD_FIRST)) {
		(void) seal_one(channel, MAX_PIECES);
	}
}

static bool
may_seal(const waldoi_channel *channel)
{
	const waldoi_secure *secure = channel->secure;

	return secure->records != NULL && channel->session != NULL &&
	       secure->sealer->user != secure &&
	       waldoi_secure_left(secure) <= FEW_KEPT;
}

static size_t
secure_output(waldoi_channel *channel, struct iovec *iov, size_t max)
{
	waldoi_secure *secure = channel->secure;

	if (!secure->dead && waldoi_sealer_is_copied(secure->sealer)) {
		break_off(channel, WALDO_ELOST,
		          "the link is that of the process that this is a "
		          "copy of");
	}
	if (secure->no_room && !secure->dead) {
		break_off(channel, WALDO_ENOMEM, "out of memory");
	}
	if (!secure->dead && secure->handshake != NULL &&
	    secure->handshake->state == WALDOI_HS_START) {
		waldoi_handshake_start(secure->handshake);
		look_at_handshake(channel);
	}
	if (!secure->dead && max > (secure->kept != NULL) &&
	    may_seal(channel)) {
		seal(channel);
	}
	return waldoi_secure_pieces(secure, iov, max);
}

static bool
secure_sent(waldoi_channel *channel, size_t len)
{
	waldoi_secure *secure = channel->secure;

	waldoi_secure_took(secure, len);
	if (waldoi_secure_owes(secure)) {
		secure->stalled = true;
	} else if (secure->stalled) {
		secure->stalled = false;
		if (channel->session != NULL && secure->records != NULL) {
			secure->more = channel->user->sent(channel->session, 0);
		}
	}
	return secure->more || secure->records == NULL ||
	       waldoi_secure_owes(secure);
}

bool
waldoi_channel_owes(const waldoi_channel *channel)
{
	return channel->secure == NULL ? channel->out_left > 0
	                               : waldoi_secure_owes(channel->secure);
}

/* ---- the beginning and the end */

static const waldoi_channel_ops secure_ops = {
    .space = secure_space,
    .received = secure_received,
    .input = secure_input,
    .wants_input = secure_wants_input,
    .lost = secure_lost,
    .output = secure_output,
    .sent = secure_sent,
};

waldo_err
waldoi_channel_init_secure(waldoi_channel *channel,
                           const waldoi_channel_user *user,
                           struct waldoi_session *session,
                           waldoi_sealer *sealer,
                           const waldoi_handshake_ops *ops, void *owner,
                           const waldoi_dial_keys *dial)
{
	waldoi_secure *secure = calloc(1, sizeof(*secure));
	waldoi_handshake *handshake = malloc(sizeof(*handshake));

	if (secure == NULL || handshake == NULL ||
	    waldoi_handshake_init(handshake, ops, owner, dial) != WALDO_OK) {
		free(secure);
		free(handshake);
		return WALDO_ENOMEM;
	}
	secure->handshake = handshake;
	secure->sealer = sealer;
	*channel = (waldoi_channel){
	    .ops = &secure_ops,
	    .secure = secure,
	    .user = user,
	    .session = session,
	    .initiator = dial != NULL,
	};
	return WALDO_OK;
}

void
waldoi_channel_fini(waldoi_channel *channel)
{
	waldoi_secure *secure = channel->secure;

	if (secure == NULL) {
		return;
	}
	waldoi_secure_drop(secure);
	free_handshake(secure);
	if (secure->records != NULL) {
		waldoi_records_fini(secure->records);
		free(secure->records);
	}
	free(secure);
	channel->secure = NULL;
}

const uint8_t *
waldoi_channel_get_key(const waldoi_channel *channel)
{
	return channel->secure == NULL || channel->secure->records == NULL
	           ? NULL
	           : channel->secure->records->remote;
}

const uint8_t *
waldoi_channel_get_binding(const waldoi_channel *channel)
{
	return channel->secure == NULL || channel->secure->records == NULL
	           ? NULL
	           : channel->secure->records->binding;
}
