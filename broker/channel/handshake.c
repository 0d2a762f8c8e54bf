/* SPDX-License-Identifier: MIT */
#include "broker/channel/handshake.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define MAGIC   3 /* bytes of the preamble that every version has */

/* With its NUL; behind it the bytes of the preamble (PROTOCOL.md N3). */
#define PROLOGUE     "waldo-noise-1"
#define PROLOGUE_LEN (sizeof(PROLOGUE) + WALDOI_PREAMBLE)

#define IN_LEAST 56 /* there is room for message 1 of XX, and the preamble */

/* Where in the preamble. */
enum { AT_VERSION = MAGIC, AT_PATTERN, AT_SUITE, AT_FLAGS, AT_SLOT, AT_HINT };

static const uint8_t magic[] = {0xc1, 'W', 'D', VERSION};

/* What an initiator has besides, from the beginning. */
typedef struct initiator {
	waldoi_noise noise;
	const waldoi_keypair *keypair;
	uint8_t psk[WALDOI_KEY];
	uint8_t remote[WALDOI_KEY]; /* the peer's static key, once known */
	uint8_t preamble[WALDOI_PREAMBLE];
} initiator;

static initiator *
initiator_of(const waldoi_handshake *handshake)
{
	return (initiator *) handshake->noise;
}

static void
begin_noise(waldoi_noise *noise, const uint8_t *preamble, bool dials,
            const uint8_t *responder)
{
	uint8_t prologue[PROLOGUE_LEN] = PROLOGUE;

	memcpy(prologue + sizeof(PROLOGUE), preamble, WALDOI_PREAMBLE);
	waldoi_noise_init(noise, (waldoi_pattern) preamble[AT_PATTERN], dials,
	                  prologue, sizeof(prologue), responder);
}

static void
fill_preamble(uint8_t preamble[WALDOI_PREAMBLE], const waldoi_dial_keys *dial)
{
	memset(preamble, 0, WALDOI_PREAMBLE);
	memcpy(preamble, magic, sizeof(magic));
	preamble[AT_PATTERN] = (uint8_t) dial->pattern;
	preamble[AT_SUITE] = WALDOI_SUITE;
	preamble[AT_SLOT] = (uint8_t) dial->slot;
	if (dial->remote != NULL) {
		waldoi_key_hint(dial->remote, preamble + AT_HINT);
	}
}

waldo_err
waldoi_handshake_init(waldoi_handshake *handshake,
                      const waldoi_handshake_ops *ops, void *owner,
                      const waldoi_dial_keys *dial)
{
	initiator *self;

	*handshake = (waldoi_handshake){
	    .ops = ops, .owner = owner, .state = WALDOI_HS_PREAMBLE};
	if (dial == NULL) {
		return WALDO_OK;
	}
	self = malloc(sizeof(*self));
	if (self == NULL) {
		return WALDO_ENOMEM;
	}
	fill_preamble(self->preamble, dial);
	self->keypair = dial->keypair;
	if (dial->psk != NULL) {
		memcpy(self->psk, dial->psk, sizeof(self->psk));
	}
	if (dial->remote != NULL) {
		memcpy(self->remote, dial->remote, sizeof(self->remote));
	}
	begin_noise(&self->noise, self->preamble, true, self->remote);
	handshake->noise = &self->noise;
	handshake->initiator = true;
	handshake->state = WALDOI_HS_START;
	return WALDO_OK;
}

static void
free_in(waldoi_handshake *handshake)
{
	free(handshake->in);
	handshake->in = NULL;
	handshake->in_len = 0;
}

static void
free_noise(waldoi_handshake *handshake)
{
	if (handshake->noise != NULL) {
		sodium_memzero(handshake->noise, handshake->initiator
		                                     ? sizeof(initiator)
		                                     : sizeof(waldoi_noise));
		free(handshake->noise);
		handshake->noise = NULL;
	}
}

void
waldoi_handshake_fini(waldoi_handshake *handshake)
{
	free_in(handshake);
	free_noise(handshake);
	free(handshake->out);
}

static void
fail(waldoi_handshake *handshake, waldo_err err, const char *why)
{
	free_in(handshake);
	free_noise(handshake);
	handshake->state = WALDOI_HS_FAILED;
	handshake->err = (uint8_t) err;
	handshake->why = why;
}

/* ---- sending */

/* Room for `len` more bytes of output; NULL, and failed: no memory. */
static uint8_t *
grow_out(waldoi_handshake *handshake, size_t len)
{
	uint8_t *out = realloc(handshake->out, handshake->out_len + len);

	if (out == NULL) {
		fail(handshake, WALDO_ENOMEM, "out of memory");
		return NULL;
	}
	handshake->out = out;
	out += handshake->out_len;
	handshake->out_len = (uint16_t) (handshake->out_len + len);
	return out;
}

static bool
write_message(waldoi_handshake *handshake, waldoi_noise_keys keys,
              const uint8_t *payload, size_t len)
{
	size_t rest = waldoi_noise_overhead(handshake->noise) + len;
	uint8_t *p = grow_out(handshake, WALDOI_MESSAGE_HEAD + rest);
	uint8_t ephemeral[WALDOI_KEY];
	bool ok;

	if (p == NULL) {
		return false;
	}
	p[0] = (uint8_t) (rest >> 8);
	p[1] = (uint8_t) rest;
	if (handshake->noise->message < 2) {
		handshake->ops->random(handshake->owner, ephemeral,
		                       sizeof(ephemeral));
	}
	ok = waldoi_noise_write(handshake->noise, keys, ephemeral, payload, len,
	                        p + WALDOI_MESSAGE_HEAD);
	sodium_memzero(ephemeral, sizeof(ephemeral));
	if (!ok) {
		free(handshake->out);
		handshake->out = NULL;
		handshake->out_len = 0;
		fail(handshake, WALDO_EDENIED, "a key of the peer's is none");
	}
	return ok;
}

/* Message 2 or 3, with what the owner has to say. */
static bool
write_offer(waldoi_handshake *handshake, waldoi_noise_keys keys)
{
	uint8_t payload[WALDOI_PAYLOAD];
	size_t len = handshake->ops->offer(handshake->owner, payload);

	return write_message(handshake, keys, payload, len);
}

static waldoi_noise_keys
initiators_keys(const waldoi_handshake *handshake)
{
	initiator *self = initiator_of(handshake);

	return (waldoi_noise_keys){self->keypair, self->psk, self->remote};
}

void
waldoi_handshake_start(waldoi_handshake *handshake)
{
	uint8_t *p = grow_out(handshake, WALDOI_PREAMBLE);

	if (p == NULL) {
		return;
	}
	memcpy(p, initiator_of(handshake)->preamble, WALDOI_PREAMBLE);
	if (write_message(handshake, initiators_keys(handshake), NULL, 0)) {
		handshake->state = WALDOI_HS_MESSAGE_2;
	}
}

/* ---- collecting what comes in parts */

struct feed {
	uint8_t *data;
	size_t len;
};

static size_t
room_for(size_t len)
{
	size_t room = len > 0 ? IN_LEAST : 0;

	while (room < len) {
		room *= 2;
	}
	return room;
}

size_t
waldoi_handshake_room(const waldoi_handshake *handshake)
{
	return room_for(handshake->in_len);
}

/* Moves bytes to `in` until `need` of them are there. False: they are not all
 * there; or failed. */
static bool
gather(waldoi_handshake *handshake, struct feed *feed, size_t need)
{
	size_t len = handshake->in_len, left = need - len;
	size_t more = left < feed->len ? left : feed->len;

	if (room_for(len + more) > room_for(len)) {
		uint8_t *in = realloc(handshake->in, room_for(len + more));

		if (in == NULL) {
			fail(handshake, WALDO_ENOMEM, "out of memory");
			return false;
		}
		handshake->in = in;
	}
	if (more > 0) {
		memcpy(handshake->in + len, feed->data, more);
	}
	handshake->in_len = (uint16_t) (len + more);
	feed->data += more;
	feed->len -= more;
	return more == left;
}

/* The next `need` bytes: where they came, if they came at once, else copied
 * together. NULL: they are not all there, and `feed` is used up; or failed. */
static uint8_t *
collect(waldoi_handshake *handshake, struct feed *feed, size_t need)
{
	if (handshake->in_len == 0 && feed->len >= need) {
		return feed->data;
	}
	return handshake->in_len >= need || gather(handshake, feed, need)
	           ? handshake->in
	           : NULL;
}

/* The `len` bytes that collect() gave last are done with. */
static void
consume(waldoi_handshake *handshake, struct feed *feed, size_t len)
{
	if (handshake->in_len > 0) {
		free_in(handshake);
	} else {
		feed->data += len;
		feed->len -= len;
	}
}

/* The next message, from `least` to `most` bytes, which stands behind `before`
 * others; NULL: as above. */
static uint8_t *
collect_message(waldoi_handshake *handshake, struct feed *feed, size_t before,
                size_t least, size_t most, size_t *ret_len)
{
	const size_t head = before + WALDOI_MESSAGE_HEAD;
	uint8_t *p = collect(handshake, feed, head);
	size_t len;

	if (p == NULL) {
		return NULL;
	}
	len = (size_t) p[before] << 8 | p[before + 1];
	if (handshake->initiator && p[before] == magic[0]) {
		fail(handshake, WALDO_ECONNECT,
		     "it refuses our version, or links without the secret of "
		     "its cluster (?psk=SLOT)");
		return NULL;
	}
	if (len < least || len > most) {
		fail(handshake, WALDO_ECONNECT, "what it says is no handshake");
		return NULL;
	}
	p = collect(handshake, feed, head + len);
	*ret_len = len;
	return p == NULL ? NULL : p + head;
}

/* ---- the responder */

/* Says that it is of another version, or not welcome like this. */
static void
refuse(waldoi_handshake *handshake, const char *why)
{
	uint8_t *p = grow_out(handshake, WALDOI_REFUSAL);

	if (p != NULL) {
		memcpy(p, magic, WALDOI_REFUSAL);
		fail(handshake, WALDO_ECONNECT, why);
	}
}

static bool
is_welcome(const waldoi_handshake *handshake, const uint8_t *p)
{
	bool knows = p[AT_PATTERN] != WALDOI_XX;
	bool has_psk = p[AT_PATTERN] == WALDOI_XKPSK3;

	return p[AT_PATTERN] >= WALDOI_XK && p[AT_PATTERN] <= WALDOI_XKPSK3 &&
	       p[AT_SUITE] == WALDOI_SUITE && p[AT_FLAGS] == 0 &&
	       (p[AT_SLOT] != 0) == has_psk &&
	       (knows || memcmp(p + AT_HINT, "\0\0\0", WALDOI_HINT) == 0) &&
	       handshake->ops->accepts(handshake->owner, p[AT_PATTERN]);
}

static const waldoi_keypair *
find_key(const waldoi_handshake *handshake, const uint8_t *preamble)
{
	return handshake->ops->find_key(
	    handshake->owner,
	    preamble[AT_PATTERN] != WALDOI_XX ? preamble + AT_HINT : NULL);
}

static const uint8_t *
find_psk(const waldoi_handshake *handshake)
{
	return handshake->slot == 0 ? NULL
	                            : handshake->ops->find_psk(handshake->owner,
	                                                       handshake->slot);
}

/* It may be anybody: nothing is computed, and nothing said, that would tell
 * which keys are here. */
static void
check_preamble(waldoi_handshake *handshake, const uint8_t *p)
{
	if (p[AT_VERSION] != VERSION) {
		refuse(handshake, "it is of another version");
		return;
	}
	if (!is_welcome(handshake, p)) {
		refuse(handshake, "it wants a link of a kind that is refused");
		return;
	}
	if (find_key(handshake, p) == NULL) {
		fail(handshake, WALDO_EDENIED, "it asks for another key");
		return;
	}
	handshake->slot = p[AT_SLOT];
	if (handshake->slot != 0 && find_psk(handshake) == NULL) {
		fail(handshake, WALDO_EDENIED,
		     "it names a slot without a secret");
		return;
	}
	handshake->state = WALDOI_HS_MESSAGE_1;
}

/* It stays where it is: what follows is not begun before message 1 is there. */
static void
take_preamble(waldoi_handshake *handshake, struct feed *feed)
{
	uint8_t *p = collect(handshake, feed, WALDOI_PREAMBLE);
	const uint8_t *begun = p != NULL ? p : handshake->in;
	size_t len = p != NULL ? WALDOI_PREAMBLE : handshake->in_len;

	/* As soon as a byte is wrong: who sends a line of text must not have
	 * to send twelve. */
	if (begun != NULL &&
	    memcmp(begun, magic, len < MAGIC ? len : MAGIC) != 0) {
		fail(handshake, WALDO_ECONNECT,
		     "it began with another preamble");
	} else if (p != NULL) {
		check_preamble(handshake, p);
	}
}

/* `preamble` and, behind it and the length, message 1 of `len` bytes. */
static bool
answer_message_1(waldoi_handshake *handshake, uint8_t *preamble, size_t len)
{
	uint8_t *message = preamble + WALDOI_PREAMBLE + WALDOI_MESSAGE_HEAD;
	const waldoi_noise_keys keys = {find_key(handshake, preamble), NULL,
	                                NULL};
	uint8_t *payload;

	if (keys.keypair == NULL) {
		fail(handshake, WALDO_EDENIED, "it asks for another key");
		return false;
	}
	handshake->noise = malloc(sizeof(*handshake->noise));
	if (handshake->noise == NULL) {
		fail(handshake, WALDO_ENOMEM, "out of memory");
		return false;
	}
	begin_noise(handshake->noise, preamble, false, keys.keypair->public);
	if (!waldoi_noise_read(handshake->noise, keys, message, len, &payload,
	                       &len)) {
		fail(handshake, WALDO_EDENIED,
		     "it wants another key, or its words were changed");
		return false;
	}
	if (write_offer(handshake, keys)) {
		handshake->state = WALDOI_HS_MESSAGE_3;
	}
	return handshake->state == WALDOI_HS_MESSAGE_3;
}

static void
take_message_1(waldoi_handshake *handshake, struct feed *feed)
{
	const size_t before = WALDOI_PREAMBLE + WALDOI_MESSAGE_HEAD;
	const uint8_t *preamble = collect(handshake, feed, WALDOI_PREAMBLE);
	/* Its payload could be replayed: so it has none. */
	size_t len = waldoi_noise_first((waldoi_pattern) preamble[AT_PATTERN]);
	uint8_t *message =
	    collect_message(handshake, feed, WALDOI_PREAMBLE, len, len, &len);

	if (message == NULL) {
		return;
	}
	switch (handshake->ops->afford(handshake->owner)) {
	case WALDOI_GO_ON:
		if (answer_message_1(handshake, message - before, len)) {
			consume(handshake, feed, before + len);
		}
		break;
	case WALDOI_WAIT:
		if (gather(handshake, feed, before + len)) {
			handshake->state = WALDOI_HS_ASKED;
		}
		break;
	default:
		fail(handshake, WALDO_ELIMIT,
		     "too many come from where it does");
	}
}

static void
take_message_3(waldoi_handshake *handshake, struct feed *feed)
{
	size_t overhead = waldoi_noise_overhead(handshake->noise);
	uint8_t remote[WALDOI_KEY], *message, *payload;
	const waldoi_noise_keys keys = {NULL, find_psk(handshake), remote};
	size_t len, payload_len;

	message = collect_message(handshake, feed, 0, overhead,
	                          overhead + WALDOI_PAYLOAD, &len);
	if (message == NULL) {
		return;
	}
	if ((handshake->slot != 0 && keys.psk == NULL) ||
	    !waldoi_noise_read(handshake->noise, keys, message, len, &payload,
	                       &payload_len)) {
		fail(handshake, WALDO_EDENIED, "it could not prove who it is");
		return;
	}
	if (handshake->ops->meet(handshake->owner, remote, payload,
	                         payload_len) != WALDOI_GO_ON) {
		fail(handshake, WALDO_EDENIED, "its key is refused");
		return;
	}
	consume(handshake, feed, WALDOI_MESSAGE_HEAD + len);
	handshake->state = WALDOI_HS_OPEN;
}

/* ---- the initiator */

static void
take_message_2(waldoi_handshake *handshake, struct feed *feed)
{
	size_t overhead = waldoi_noise_overhead(handshake->noise);
	bool knows = handshake->noise->pattern != WALDOI_XX;
	uint8_t *message, *payload;
	size_t len, payload_len;
	waldoi_verdict verdict;

	message = collect_message(handshake, feed, 0, overhead,
	                          overhead + WALDOI_PAYLOAD, &len);
	if (message == NULL) {
		return;
	}
	if (!waldoi_noise_read(handshake->noise, initiators_keys(handshake),
	                       message, len, &payload, &payload_len)) {
		fail(handshake, WALDO_EDENIED,
		     knows ? "it could not prove that it has the key that was "
		             "asked for"
		           : "its words were changed on the way");
		return;
	}
	verdict = handshake->ops->meet(handshake->owner,
	                               initiator_of(handshake)->remote, payload,
	                               payload_len);
	consume(handshake, feed, WALDOI_MESSAGE_HEAD + len);
	handshake->state = WALDOI_HS_ASKED;
	if (verdict != WALDOI_WAIT) {
		waldoi_handshake_answer(handshake, verdict == WALDOI_GO_ON);
	}
}

/* ---- both */

void
waldoi_handshake_answer(waldoi_handshake *handshake, bool go_on)
{
	if (handshake->state != WALDOI_HS_ASKED) {
		return; /* it failed meanwhile */
	}
	if (handshake->initiator && !go_on) {
		fail(handshake, WALDO_EDENIED, "its key is refused");
	} else if (handshake->initiator) {
		if (write_offer(handshake, initiators_keys(handshake))) {
			handshake->state = WALDOI_HS_OPEN;
		}
	} else if (!go_on) {
		fail(handshake, WALDO_ELIMIT,
		     "too many come from where it does");
	} else if (answer_message_1(handshake, handshake->in,
	                            handshake->in_len - WALDOI_PREAMBLE -
	                                WALDOI_MESSAGE_HEAD)) {
		free_in(handshake);
	}
}

size_t
waldoi_handshake_input(waldoi_handshake *handshake, uint8_t *data, size_t len)
{
	struct feed feed = {data, len};

	while (feed.len > 0 && handshake->state < WALDOI_HS_OPEN) {
		switch (handshake->state) {
		case WALDOI_HS_PREAMBLE: take_preamble(handshake, &feed); break;
		case WALDOI_HS_MESSAGE_1:
			take_message_1(handshake, &feed);
			break;
		case WALDOI_HS_MESSAGE_2:
			take_message_2(handshake, &feed);
			break;
		case WALDOI_HS_MESSAGE_3:
			take_message_3(handshake, &feed);
			break;
		default:
			fail(handshake, WALDO_EPROTOCOL,
			     "it spoke before its turn");
		}
	}
	return len - feed.len;
}
