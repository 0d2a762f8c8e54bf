/* SPDX-License-Identifier: MIT */
/*
 * What an encrypted link is told before it is open, by a peer or by whoever
 * stands in between.
 *
 * Byte 0: bit 0 who is told (0: the responder, 1: the initiator); bits 1 and 2
 * the pattern; bit 3: what follows byte 1 is all that it is told. Else it is
 * what changes in what the peer says: offset, 2 bytes, and what is added to it
 * by exclusive or. Bits 4 to 7: so many bytes come at a time; 0: all.
 * Byte 1: bits 0 and 1 the verdict of who is told; bit 2: it has no liking for
 * the pattern; bit 3: the owner answers, bit 4 what.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/secure_fixture.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WORDS "what is said when it is open"

static void
expect(bool claim)
{
	if (!claim) {
		abort();
	}
}

static bool
is_prefix(const struct end *end, const struct end *other)
{
	const struct bytes *in = &end->session.in;

	return in->len <= other->session.out.len &&
	       (in->len == 0 ||
	        memcmp(in->data, other->session.out.data, in->len) == 0);
}

/* The end takes no more than it was given, and stands by what it said. */
static void
check_end(const struct end *end, size_t given)
{
	const waldoi_secure *secure = end->channel.secure;

	if (secure->handshake != NULL) {
		expect(waldoi_handshake_room(secure->handshake) <=
		       64 + 2 * given);
		expect(end->session.opened == 0 && end->session.in.len == 0);
	} else {
		expect(secure->records->part_cap <= 64 + 2 * given);
		expect(end->failed == WALDO_OK && end->met == 1);
	}
	expect(end->met <= 1 && end->said.len <= WALDOI_PAYLOAD);
}

/* What the peer says passes through the hands of who has `edits`. Returns
 * whether anything was changed. */
static bool
pass_on(struct end *from, struct end *to, size_t chunk, const uint8_t *edits,
        size_t len)
{
	size_t more = end_take(from, SIZE_MAX);
	struct bytes *wire = &from->wire;
	size_t at = wire->len - more;
	bool changed = false;

	for (size_t i = 0; i + 3 <= len; i += 3) {
		size_t where = (size_t) edits[i] << 8 | edits[i + 1];

		if (where >= at && where < wire->len) {
			wire->data[where] ^= edits[i + 2];
		}
	}
	/* Two edits may undo each other. */
	for (size_t i = 0; i + 3 <= len && !changed; i += 3) {
		size_t where = (size_t) edits[i] << 8 | edits[i + 1];
		uint8_t sum = 0;

		for (size_t k = 0; k + 3 <= len; k += 3) {
			sum ^= memcmp(edits + k, edits + i, 2) == 0
			           ? edits[k + 2]
			           : 0;
		}
		changed = sum != 0 && where >= at && where < wire->len;
	}
	if (more > 0) {
		end_give(to, wire->data + at, more, chunk);
	}
	return changed;
}

static void
answer(struct end *end, uint8_t flags)
{
	if ((flags & 8) != 0) {
		waldoi_channel_answer(&end->channel, (flags & 16) != 0);
	}
}

static void
converse(struct end ends[2], int victim, const uint8_t *data, size_t len)
{
	size_t chunk = data[0] >> 4;
	bool changed = false, willing;

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 2; i++) {
			bool ours = i != victim;

			changed |= pass_on(&ends[i], &ends[1 - i], chunk,
			                   data + 2, ours ? len - 2 : 0);
		}
		answer(&ends[victim], data[1]);
	}
	expect(is_prefix(&ends[0], &ends[1]) && is_prefix(&ends[1], &ends[0]));
	willing = ends[victim].verdict == WALDOI_GO_ON ||
	          (ends[victim].verdict == WALDOI_WAIT && victim == 0 &&
	           (data[1] & 24) == 24);
	willing = willing && ends[victim].accepted != 0;
	expect((end_heard(&ends[0], &ends[1]) &&
	        end_heard(&ends[1], &ends[0])) == (willing && !changed));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct end ends[2];
	int victim;

	if (len < 2 || sodium_init() < 0) {
		return 0;
	}
	victim = 1 - (data[0] & 1);
	expect(ends_init(ends));
	expect(ends_open(ends, (waldoi_pattern) (1 + (data[0] >> 1 & 3) % 3)));
	ends[victim].verdict = (waldoi_verdict) ((data[1] & 3) % 3);
	if ((data[1] & 4) != 0 && victim == 1) {
		ends[1].accepted = 0;
	}
	for (int i = 0; i < 2; i++) {
		end_say(&ends[i], WORDS, sizeof(WORDS));
	}
	if ((data[0] & 8) == 0) {
		converse(ends, victim, data, len);
	} else {
		(void) end_take(&ends[victim], SIZE_MAX);
		end_give(&ends[victim], data + 2, len - 2, data[0] >> 4);
		answer(&ends[victim], data[1]);
		(void) end_take(&ends[victim], SIZE_MAX);
	}
	check_end(&ends[victim], ends[1 - victim].wire.len + len);
	ends_fini(ends);
	return 0;
}
