/* SPDX-License-Identifier: MIT */
#include "tests/unit/secure_fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
bytes_add(struct bytes *bytes, const void *data, size_t len)
{
	if (bytes->len + len > bytes->cap) {
		bytes->cap = 2 * (bytes->len + len);
		bytes->data = realloc(bytes->data, bytes->cap);
		if (bytes->data == NULL) {
			abort();
		}
	}
	if (len > 0) {
		memcpy(bytes->data + bytes->len, data, len);
		bytes->len += len;
	}
}

void
bytes_fini(struct bytes *bytes)
{
	free(bytes->data);
	memset(bytes, 0, sizeof(*bytes));
}

/* ---- the session */

static uint8_t *
give_space(struct waldoi_session *session, size_t *ret_len)
{
	*ret_len = session->space_len;
	return session->space;
}

static void
take_space(struct waldoi_session *session, size_t len)
{
	session->received++;
	bytes_add(&session->in, session->space, len);
}

static void
take_input(struct waldoi_session *session, uint8_t *data, size_t len)
{
	if (len == 0) {
		session->signs++;
		return;
	}
	session->inputs++;
	bytes_add(&session->in, data, len);
	memset(data, 0xee, len); /* it is the session's until it returns */
}

static bool
wants_input(const struct waldoi_session *session)
{
	return !session->busy;
}

static size_t
give_output(struct waldoi_session *session, struct iovec *iov, size_t max)
{
	size_t at = session->out_sent, n = 0;

	for (; n < max && at < session->out.len; n++) {
		size_t len = session->out.len - at;

		if (session->piece > 0 && len > session->piece) {
			len = session->piece;
		}
		iov[n].iov_base = session->out.data + at;
		iov[n].iov_len = len;
		at += len;
	}
	return n;
}

static bool
note_sent(struct waldoi_session *session, size_t len)
{
	session->out_sent += len;
	session->sent_0 += len == 0;
	return true;
}

static void
note_lost(struct waldoi_session *session, waldo_err err, const char *message)
{
	session->lost++;
	session->why_lost = err;
	(void) snprintf(session->lost_message, sizeof(session->lost_message),
	                "%s", message);
}

static void
note_opened(struct waldoi_session *session)
{
	session->opened++;
}

static void
note_refused(struct waldoi_session *session, const char *what)
{
	session->why_broken = what;
}

static void
note_broken(struct waldoi_session *session, waldo_err err, const char *what)
{
	session->broken = err;
	session->why_broken = what;
}

static const waldoi_channel_user user = {
    .space = give_space,
    .received = take_space,
    .input = take_input,
    .wants_input = wants_input,
    .output = give_output,
    .sent = note_sent,
    .lost = note_lost,
    .opened = note_opened,
    .refused = note_refused,
    .broken = note_broken,
};

/* ---- the owner */

static void
count_up(void *owner, void *data, size_t len)
{
	struct end *end = owner;

	memset(data, end->seed++, len);
}

static const waldoi_keypair *
find_key(void *owner, const uint8_t *hint)
{
	struct end *end = owner;
	uint8_t ours[WALDOI_HINT];

	end->asked++;
	if (hint == NULL) {
		return &end->keys[0];
	}
	for (int i = 0; i < 2; i++) {
		waldoi_key_hint(end->keys[i].public, ours);
		if (memcmp(hint, ours, sizeof(ours)) == 0) {
			return &end->keys[i];
		}
	}
	return NULL;
}

static const uint8_t *
find_psk(void *owner, unsigned slot)
{
	struct end *end = owner;

	return slot == 3 ? end->psk : NULL;
}

static bool
accepts(void *owner, unsigned pattern)
{
	struct end *end = owner;

	return (end->accepted & 1U << pattern) != 0;
}

static waldoi_verdict
afford(void *owner)
{
	struct end *end = owner;

	return end->afforded;
}

static size_t
offer(void *owner, uint8_t *data)
{
	struct end *end = owner;
	size_t len = strlen(end->payload);

	memcpy(data, end->payload, len);
	return len;
}

static waldoi_verdict
meet(void *owner, const uint8_t *key, uint8_t *payload, size_t len)
{
	struct end *end = owner;

	end->met++;
	memcpy(end->key, key, WALDOI_KEY);
	bytes_add(&end->said, payload, len);
	if (end->verdict == WALDOI_GO_ON) {
		end->channel.session = &end->session;
	}
	return end->verdict;
}

static void
note_failed(void *owner, waldo_err err, const char *what)
{
	struct end *end = owner;

	end->failed = err;
	end->why = what;
}

static const waldoi_handshake_ops ops = {
    .random = count_up,
    .find_key = find_key,
    .find_psk = find_psk,
    .accepts = accepts,
    .afford = afford,
    .offer = offer,
    .meet = meet,
    .failed = note_failed,
};

/* ---- the ends */

bool
ends_init(struct end ends[2])
{
	uint8_t secret[WALDOI_KEY];

	memset(ends, 0, 2 * sizeof(*ends));
	for (uint8_t i = 0; i < 2; i++) {
		struct end *end = &ends[i];

		end->seed = (uint8_t) (1 + 100 * i);
		end->accepted = 0xe;
		end->payload = i == 0 ? "who dials" : "who answers";
		memset(end->psk, 9, sizeof(end->psk));
		end->sealer = waldoi_sealer_new();
		for (uint8_t k = 0; k < 2; k++) {
			memset(secret, 200 + 2 * i + k, sizeof(secret));
			if (!waldoi_keypair_init(&end->keys[k], secret)) {
				return false;
			}
		}
		if (end->sealer == NULL) {
			return false;
		}
	}
	return true;
}

static void
end_fini(struct end *end)
{
	waldoi_channel_fini(&end->channel);
	waldoi_sealer_free(end->sealer);
	for (int k = 0; k < 2; k++) {
		if (end->keys[k].secret != NULL) {
			waldoi_keypair_fini(&end->keys[k]);
		}
	}
	bytes_fini(&end->session.out);
	bytes_fini(&end->session.in);
	bytes_fini(&end->said);
	bytes_fini(&end->wire);
}

void
ends_fini(struct end ends[2])
{
	end_fini(&ends[0]);
	end_fini(&ends[1]);
	memset(ends, 0, 2 * sizeof(*ends));
}

bool
end_dial(struct end *end, const waldoi_dial_keys *dial)
{
	return waldoi_channel_init_secure(&end->channel, &user, &end->session,
	                                  end->sealer, &ops, end,
	                                  dial) == WALDO_OK;
}

bool
end_accept(struct end *end)
{
	return waldoi_channel_init_secure(&end->channel, &user, NULL,
	                                  end->sealer, &ops, end,
	                                  NULL) == WALDO_OK;
}

bool
ends_open(struct end ends[2], waldoi_pattern pattern)
{
	const waldoi_dial_keys dial = {
	    .pattern = pattern,
	    .slot = pattern == WALDOI_XKPSK3 ? 3 : 0,
	    .keypair = &ends[0].keys[0],
	    .remote = pattern == WALDOI_XX ? NULL : ends[1].keys[0].public,
	    .psk = pattern == WALDOI_XKPSK3 ? ends[0].psk : NULL,
	};

	return end_dial(&ends[0], &dial) && end_accept(&ends[1]);
}

size_t
end_take(struct end *end, size_t most)
{
	size_t taken = 0, count;
	struct iovec iov[8];

	while ((count = waldoi_channel_output(&end->channel, iov, 8)) > 0) {
		size_t now = 0;

		for (size_t i = 0; i < count && now < most; i++) {
			size_t len = iov[i].iov_len;

			len = len < most - now ? len : most - now;
			bytes_add(&end->wire, iov[i].iov_base, len);
			now += len;
		}
		waldoi_channel_sent(&end->channel, now);
		taken += now;
	}
	return taken;
}

/* Straight to where the channel wants it; returns how much. */
static size_t
give_straight(struct end *end, const uint8_t *data, size_t len)
{
	size_t room = 0;
	uint8_t *space = waldoi_channel_space(&end->channel, &room);

	if (space == NULL) {
		return 0;
	}
	len = len < room ? len : room;
	memcpy(space, data, len);
	waldoi_channel_received(&end->channel, len);
	return len;
}

static void
give_copy(struct end *end, const uint8_t *data, size_t len)
{
	/* Exact, so that a sanitizer sees one byte too far. */
	uint8_t *copy = malloc(len);

	if (copy == NULL) {
		abort();
	}
	memcpy(copy, data, len);
	waldoi_channel_input(&end->channel, copy, len);
	free(copy);
}

void
end_give(struct end *end, const uint8_t *data, size_t len, size_t chunk)
{
	while (len > 0) {
		size_t now = chunk > 0 && chunk < len ? chunk : len;
		size_t taken = give_straight(end, data, now);

		if (taken == 0) {
			give_copy(end, data, now);
			taken = now;
		}
		data += taken;
		len -= taken;
	}
}

void
ends_settle(struct end ends[2], size_t chunk)
{
	size_t more;

	do {
		more = 0;
		for (int i = 0; i < 2; i++) {
			size_t len = end_take(&ends[i], SIZE_MAX);
			const struct bytes *wire = &ends[i].wire;

			if (len > 0) {
				end_give(&ends[1 - i],
				         wire->data + wire->len - len, len,
				         chunk);
			}
			more += len;
		}
	} while (more > 0);
}

void
end_say(struct end *end, const void *data, size_t len)
{
	bytes_add(&end->session.out, data, len);
}

bool
end_heard(const struct end *end, const struct end *other)
{
	const struct bytes *in = &end->session.in;
	const struct bytes *out = &other->session.out;

	return in->len == out->len &&
	       (in->len == 0 || memcmp(in->data, out->data, in->len) == 0);
}
