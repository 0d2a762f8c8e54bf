/* SPDX-License-Identifier: MIT */
/*
 * Records between two ends of an open link, and somebody in between.
 *
 * Byte 0: bit 0: both use one sealer; bits 1 to 7: records until the keys
 * change, less one. Then acts, 4 bytes each: which, for which end (bit 7), and
 * a number of 3 bytes: see act().
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/secure_fixture.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ACTS = 64, MOST_SAID = 100000 };

struct side {
	struct end *end;
	size_t given; /* of what it has sent, to the other */
	bool tampered;
};

static void
expect(bool claim)
{
	if (!claim) {
		abort();
	}
}

/* Without a handshake, which would take nearly all of the time. */
static void
open_at_once(struct end ends[2], uint8_t flags)
{
	expect(ends_init(ends) && ends_open(ends, WALDOI_XK));
	for (uint8_t i = 0; i < 2; i++) {
		waldoi_secure *secure = ends[i].channel.secure;
		waldoi_records *records = calloc(1, sizeof(*records));

		expect(records != NULL);
		memset(records->send.key, 50 + i, WALDOI_KEY);
		memset(records->receive.key, 51 - i, WALDOI_KEY);
		records->period = 1 + (flags >> 1);
		waldoi_handshake_fini(secure->handshake);
		free(secure->handshake);
		secure->handshake = NULL;
		secure->records = records;
		ends[i].channel.session = &ends[i].session;
	}
	if ((flags & 1) != 0) {
		ends[1].channel.secure->sealer = ends[0].sealer;
	}
}

static void
say(struct end *end, size_t len)
{
	static uint8_t words[70000];
	struct bytes *out = &end->session.out;

	len %= sizeof(words);
	if (out->len + len <= MOST_SAID) {
		memset(words, (int) out->len, len);
		end_say(end, words, len);
	}
}

/* What one call of the kernel takes. */
static void
send_some(struct end *end, size_t most)
{
	struct iovec iov[8];
	size_t count = waldoi_channel_output(&end->channel, iov, 8), now = 0;

	for (size_t i = 0; i < count && now < most; i++) {
		size_t len = iov[i].iov_len;

		len = len < most - now ? len : most - now;
		bytes_add(&end->wire, iov[i].iov_base, len);
		now += len;
	}
	if (now > 0) {
		waldoi_channel_sent(&end->channel, now);
	}
}

static void
give_some(struct side *from, struct side *to, size_t len, size_t chunk)
{
	size_t left = from->end->wire.len - from->given;

	if (left == 0) {
		return;
	}
	len = len < left ? len : left;
	end_give(to->end, from->end->wire.data + from->given, len, chunk);
	from->given += len;
}

static void
tamper(struct side *side, uint32_t number)
{
	struct bytes *wire = &side->end->wire;
	size_t left = wire->len - side->given;

	if (left > 0) {
		wire->data[side->given + (number >> 3) % left] ^=
		    (uint8_t) (1 << (number & 7));
		side->tampered = true; /* may be undone by another */
	}
}

static void
act(struct side sides[2], const uint8_t *p)
{
	int who = p[0] >> 7;
	struct side *side = &sides[who], *other = &sides[1 - who];
	uint32_t number = (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];

	switch ((p[0] & 0x7f) % 8) {
	case 0: say(side->end, number); break;
	case 1: side->end->session.piece = number % 70000; break;
	case 2: send_some(side->end, number); break;
	case 3: send_some(side->end, SIZE_MAX); break;
	case 4: give_some(side, other, number, 0); break;
	case 5: give_some(side, other, number >> 8, 1 + (number & 0xff)); break;
	case 6: tamper(side, number); break;
	default:
		/* Something of its own comes back, or of nobody's. */
		end_give(side->end, p + 1, 3, 0);
		other->tampered = true;
	}
}

/* Nothing is heard that was not said, in that order; and all of it, unless
 * somebody interfered. */
static void
check(const struct side *from, const struct side *to)
{
	const struct bytes *in = &to->end->session.in;
	const struct bytes *out = &from->end->session.out;

	expect(in->len <= out->len &&
	       (in->len == 0 || memcmp(in->data, out->data, in->len) == 0));
	if (!from->tampered && !to->tampered) {
		expect(in->len == out->len);
		expect(to->end->session.broken == WALDO_OK);
		expect(to->end->channel.secure->records->part == NULL);
	}
}

static void
finish(struct side sides[2])
{
	for (int i = 0; i < 2; i++) {
		size_t before;

		sides[i].end->session.piece = 0;
		do {
			before = sides[i].end->wire.len;
			(void) end_take(sides[i].end, SIZE_MAX);
		} while (sides[i].end->wire.len > before);
		give_some(&sides[i], &sides[1 - i], SIZE_MAX, 0);
	}
	check(&sides[0], &sides[1]);
	check(&sides[1], &sides[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct end ends[2];
	struct side sides[2] = {{&ends[0], 0, false}, {&ends[1], 0, false}};

	if (len == 0 || sodium_init() < 0) {
		return 0;
	}
	open_at_once(ends, data[0]);
	for (size_t i = 0; i < MOST_ACTS && 5 + 4 * i <= len; i++) {
		act(sides, data + 1 + 4 * i);
	}
	finish(sides);
	ends[1].channel.secure->sealer = ends[1].sealer;
	ends_fini(ends);
	return 0;
}
