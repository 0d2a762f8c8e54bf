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

#define IN_LEAST 64

/* Where in the preamble. */
enum { AT_VERSION = MAGIC, AT_PATTERN, AT_SUITE, AT_FLAGS, AT_SLOT, AT_HINT };

static const uint8_t magic[] = {0xc1, 'W', 'D', VERSION};

static void
begin_noise(waldoi_handshake *handshake, const waldoi_keypair *keypair,
            const uint8_t *remote, const uint8_t *psk)
{
	uint8_t prologue[PROLOGUE_LEN] = PROLOGUE;

	memcpy(prologue + sizeof(PROLOGUE), handshake->preamble,
	       WALDOI_PREAMBLE);
	waldoi_noise_init(&handshake->noise,
	                  (waldoi_pattern) handshake->preamble[AT_PATTERN],
	                  handshake->initiator, prologue, sizeof(prologue),
	                  keypair, remote, psk);
}

void
waldoi_handshake_init(waldoi_handshake *handshake,
                      const waldoi_handshake_ops *ops, void *owner,
                      const waldoi_dial_keys *dial)
{
	uint8_t *preamble = handshake->preamble;

	*handshake = (waldoi_handshake){
	    .ops = ops, .owner = owner, .state = WALDOI_HS_PREAMBLE};
	if (dial == NULL) {
		return;
	}
	handshake->initiator = true;
	handshake->state = WALDOI_HS_START;
	memcpy(preamble, magic, sizeof(magic));
	preamble[AT_PATTERN] = (uint8_t) dial->pattern;
	preamble[AT_SUITE] = WALDOI_SUITE;
	preamble[AT_SLOT] = (uint8_t) dial->slot;
	if (dial->remote != NULL) {
		waldoi_key_hint(dial->remote, preamble + AT_HINT);
	}
	begin_noise(handshake, dial->keypair, dial->remote, dial->psk);
}

static void
free_in(waldoi_handshake *handshake)
{
	free(handshake->in);
	handshake->in = NULL;
	handshake->in_len = handshake->in_cap = 0;
}

void
waldoi_handshake_fini(waldoi_handshake *handshake)
{
	free_in(handshake);
	free(handshake->out);
	sodium_memzero(handshake, sizeof(*handshake));
}

static void
fail(waldoi_handshake *handshake, waldo_err err, const char *why)
{
	free_in(handshake);
	waldoi_noise_fini(&handshake->noise);
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
write_message(waldoi_handshake *handshake, const uint8_t *payload, size_t len)
{
	size_t rest = waldoi_noise_overhead(&handshake->noise) + len;
	uint8_t *p = grow_out(handshake, WALDOI_MESSAGE_HEAD + rest);
	uint8_t ephemeral[WALDOI_KEY];
	bool ok;

	if (p == NULL) {
		return false;
	}
	p[0] = (uint8_t) (rest >> 8);
	p[1] = (uint8_t) rest;
	if (handshake->noise.message < 2) {
		handshake->ops->random(handshake->owner, ephemeral,
		                       sizeof(ephemeral));
	}
	ok = waldoi_noise_write(&handshake->noise, ephemeral, payload, len,
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
write_offer(waldoi_handshake *handshake)
{
	uint8_t payload[WALDOI_PAYLOAD];
	size_t len = handshake->ops->offer(handshake->owner, payload);

	return write_message(handshake, payload, len);
}

void
waldoi_handshake_start(waldoi_handshake *handshake)
{
	uint8_t *p = grow_out(handshake, WALDOI_PREAMBLE);

	if (p == NULL) {
		return;
	}
	memcpy(p, handshake->preamble, WALDOI_PREAMBLE);
	if (write_message(handshake, NULL, 0)) {
		handshake->state = WALDOI_HS_MESSAGE_2;
	}
}

/* ---- collecting what comes in parts */

struct feed {
	uint8_t *data;
	size_t len;
};

/* The next `need` bytes: where they came, if they came at once, else copied
 * together. NULL: they are not all there, and `feed` is used up; or failed. */
static uint8_t *
collect(waldoi_handshake *handshake, struct feed *feed, size_t need)
{
	size_t len = handshake->in_len;

	if (len == 0 && feed->len >= need) {
		return feed->data;
	}
	if (len < need) {
		size_t more = need - len < feed->len ? need - len : feed->len;

		if (len + more > handshake->in_cap) {
			size_t cap = 2 * (len + more);
			uint8_t *in;

			cap = cap > IN_LEAST ? cap : IN_LEAST;
			in = realloc(handshake->in, cap);
			if (in == NULL) {
				fail(handshake, WALDO_ENOMEM, "out of memory");
				return NULL;
			}
			handshake->in = in;
			handshake->in_cap = (uint16_t) cap;
		}
		if (more > 0) {
			memcpy(handshake->in + len, feed->data, more);
		}
		handshake->in_len = (uint16_t) (len + more);
		feed->data += more;
		feed->len -= more;
	}
	return handshake->in_len >= need ? handshake->in : NULL;
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

/* The next message, from `least` to `most` bytes; NULL: as above. */
static uint8_t *
collect_message(waldoi_handshake *handshake, struct feed *feed, size_t least,
                size_t most, size_t *ret_len)
{
	uint8_t *p = collect(handshake, feed, WALDOI_MESSAGE_HEAD);
	size_t len;

	if (p == NULL) {
		return NULL;
	}
	len = (size_t) p[0] << 8 | p[1];
	if (handshake->initiator && p[0] == magic[0]) {
		fail(handshake, WALDO_ECONNECT,
		     "it refuses our version, or links without the secret of "
		     "its cluster (?psk=SLOT)");
		return NULL;
	}
	if (len < least || len > most) {
		fail(handshake, WALDO_ECONNECT, "what it says is no handshake");
		return NULL;
	}
	p = collect(handshake, feed, WALDOI_MESSAGE_HEAD + len);
	*ret_len = len;
	return p == NULL ? NULL : p + WALDOI_MESSAGE_HEAD;
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

/* It may be anybody: nothing is computed, and nothing said, that would tell
 * which keys are here. */
static void
check_preamble(waldoi_handshake *handshake)
{
	const uint8_t *p = handshake->preamble;
	const waldoi_handshake_ops *ops = handshake->ops;
	bool knows = p[AT_PATTERN] != WALDOI_XX;
	bool has_psk = p[AT_PATTERN] == WALDOI_XKPSK3;
	const waldoi_keypair *keypair;
	const uint8_t *psk = NULL;

	if (p[AT_VERSION] != VERSION) {
		refuse(handshake, "it is of another version");
		return;
	}
	if (p[AT_PATTERN] < WALDOI_XK || p[AT_PATTERN] > WALDOI_XKPSK3 ||
	    p[AT_SUITE] != WALDOI_SUITE || p[AT_FLAGS] != 0 ||
	    (p[AT_SLOT] != 0) != has_psk ||
	    (!knows && memcmp(p + AT_HINT, "\0\0\0", WALDOI_HINT) != 0) ||
	    !ops->accepts(handshake->owner, p[AT_PATTERN])) {
		refuse(handshake, "it wants a link of a kind that is refused");
		return;
	}
	keypair = ops->find_key(handshake->owner, knows ? p + AT_HINT : NULL);
	if (keypair == NULL) {
		fail(handshake, WALDO_EDENIED, "it asks for another key");
		return;
	}
	if (has_psk) {
		psk = ops->find_psk(handshake->owner, p[AT_SLOT]);
		if (psk == NULL) {
			fail(handshake, WALDO_EDENIED,
			     "it names a slot without a secret");
			return;
		}
	}
	begin_noise(handshake, keypair, NULL, psk);
	handshake->state = WALDOI_HS_MESSAGE_1;
}

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
		memcpy(handshake->preamble, p, WALDOI_PREAMBLE);
		consume(handshake, feed, WALDOI_PREAMBLE);
		check_preamble(handshake);
	}
}

static void
take_message_1(waldoi_handshake *handshake, struct feed *feed)
{
	size_t overhead = waldoi_noise_overhead(&handshake->noise);
	uint8_t *message, *payload;
	size_t len;

	/* Its payload could be replayed: so it has none. */
	message = collect_message(handshake, feed, overhead, overhead, &len);
	if (message == NULL) {
		return;
	}
	if (!waldoi_noise_read(&handshake->noise, message, len, &payload,
	                       &len)) {
		fail(handshake, WALDO_EDENIED,
		     "it wants another key, or its words were changed");
		return;
	}
	consume(handshake, feed, WALDOI_MESSAGE_HEAD + overhead);
	if (write_offer(handshake)) {
		handshake->state = WALDOI_HS_MESSAGE_3;
	}
}

static void
take_message_3(waldoi_handshake *handshake, struct feed *feed)
{
	size_t overhead = waldoi_noise_overhead(&handshake->noise);
	uint8_t *message, *payload;
	size_t len, payload_len;

	message = collect_message(handshake, feed, overhead,
	                          overhead + WALDOI_PAYLOAD, &len);
	if (message == NULL) {
		return;
	}
	if (!waldoi_noise_read(&handshake->noise, message, len, &payload,
	                       &payload_len)) {
		fail(handshake, WALDO_EDENIED, "it could not prove who it is");
		return;
	}
	if (handshake->ops->meet(handshake->owner, handshake->noise.remote,
	                         payload, payload_len) != WALDOI_GO_ON) {
		fail(handshake, WALDO_EDENIED, "its key is refused");
		return;
	}
	consume(handshake, feed, WALDOI_MESSAGE_HEAD + len);
	handshake->state = WALDOI_HS_OPEN;
}

/* ---- the initiator */

void
waldoi_handshake_answer(waldoi_handshake *handshake, bool go_on)
{
	if (handshake->state != WALDOI_HS_ASKED) {
		return; /* it failed meanwhile */
	}
	if (!go_on) {
		fail(handshake, WALDO_EDENIED, "its key is refused");
	} else if (write_offer(handshake)) {
		handshake->state = WALDOI_HS_OPEN;
	}
}

static void
take_message_2(waldoi_handshake *handshake, struct feed *feed)
{
	size_t overhead = waldoi_noise_overhead(&handshake->noise);
	bool knows = handshake->noise.pattern != WALDOI_XX;
	uint8_t *message, *payload;
	size_t len, payload_len;
	waldoi_verdict verdict;

	message = collect_message(handshake, feed, overhead,
	                          overhead + WALDOI_PAYLOAD, &len);
	if (message == NULL) {
		return;
	}
	if (!waldoi_noise_read(&handshake->noise, message, len, &payload,
	                       &payload_len)) {
		fail(handshake, WALDO_EDENIED,
		     knows ? "it could not prove that it has the key that was "
		             "asked for"
		           : "its words were changed on the way");
		return;
	}
	verdict = handshake->ops->meet(
	    handshake->owner, handshake->noise.remote, payload, payload_len);
	consume(handshake, feed, WALDOI_MESSAGE_HEAD + len);
	handshake->state = WALDOI_HS_ASKED;
	if (verdict != WALDOI_WAIT) {
		waldoi_handshake_answer(handshake, verdict == WALDOI_GO_ON);
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
