/* SPDX-License-Identifier: MIT */
#include "broker/channel/record.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A piece that long is sealed where it stands; shorter ones are gathered, so
 * that few records carry many frames. */
#define LARGE ((size_t) 16 * 1024)

#define PART_LEAST 64

void
waldoi_records_init(waldoi_records *records, const waldoi_noise *noise)
{
	*records = (waldoi_records){.period = WALDOI_REKEY_EVERY};
	waldoi_noise_split(noise, &records->send, &records->receive);
	memcpy(records->binding, noise->h, sizeof(records->binding));
	memcpy(records->remote, noise->key, sizeof(records->remote));
}

static void
free_part(waldoi_records *records)
{
	free(records->part);
	records->part = NULL;
	records->part_len = records->part_cap = 0;
	records->part_is_done = false;
}

void
waldoi_records_fini(waldoi_records *records)
{
	free_part(records);
	sodium_memzero(records, sizeof(*records));
}

/* PROTOCOL.md N11: both sides count alike. */
static void
note_record(const waldoi_records *records, waldoi_cipher *cipher)
{
	if (cipher->n % records->period == 0) {
		waldoi_cipher_rekey(cipher);
	}
}

/* ---- sending */

/* Copies pieces until the record is full, or the next one is large. */
static size_t
gather(const struct iovec *pieces, size_t count, uint8_t *to)
{
	size_t len = 0;

	for (size_t i = 0; i < count && len < WALDOI_RECORD_PLAIN; i++) {
		size_t more = pieces[i].iov_len;

		if (more >= LARGE && len > 0) {
			break;
		}
		if (more > WALDOI_RECORD_PLAIN - len) {
			more = WALDOI_RECORD_PLAIN - len;
		}
		memcpy(to + len, pieces[i].iov_base, more);
		len += more;
	}
	return len;
}

size_t
waldoi_record_seal(waldoi_records *records, const struct iovec *pieces,
                   size_t count, uint8_t *out, size_t *ret_len)
{
	const uint8_t *plain = out + WALDOI_RECORD_HEAD;
	size_t len;

	if (count > 0 && (count == 1 || pieces[0].iov_len >= LARGE)) {
		plain = pieces[0].iov_base;
		len = pieces[0].iov_len < WALDOI_RECORD_PLAIN
		          ? pieces[0].iov_len
		          : WALDOI_RECORD_PLAIN;
	} else {
		len = gather(pieces, count, out + WALDOI_RECORD_HEAD);
	}
	*ret_len = 0;
	if (!waldoi_cipher_seal(&records->send, NULL, 0, plain, len,
	                        out + WALDOI_RECORD_HEAD)) {
		return 0;
	}
	note_record(records, &records->send);
	out[0] = (uint8_t) ((len + WALDOI_TAG) >> 8);
	out[1] = (uint8_t) (len + WALDOI_TAG);
	*ret_len = WALDOI_RECORD_HEAD + len + WALDOI_TAG;
	return len;
}

/* ---- receiving */

static size_t
rest_of(const uint8_t *record)
{
	return (size_t) record[0] << 8 | record[1];
}

/* Makes room for what comes behind `now` bytes of the part, up to `most`. */
static bool
grow_part(waldoi_records *records, size_t now, size_t most)
{
	size_t cap = 2 * now;
	uint8_t *part;

	cap = cap > most ? most : cap;
	cap = cap < PART_LEAST ? PART_LEAST : cap;
	if (cap <= records->part_cap) {
		return true;
	}
	part = realloc(records->part, cap);
	if (part == NULL) {
		return false;
	}
	records->part = part;
	records->part_cap = (uint32_t) cap;
	return true;
}

/* Copies what the part lacks of `whole` bytes, as far as it is there. */
static bool
add_part(waldoi_records *records, waldoi_feed *feed, size_t whole)
{
	size_t more = records->part_len < whole ? whole - records->part_len : 0;

	if (more > feed->len) {
		more = feed->len;
	}
	if (more == 0) {
		return true;
	}
	if (records->part_len + more > records->part_cap &&
	    !grow_part(records, records->part_len + more, whole)) {
		return false;
	}
	memcpy(records->part + records->part_len, feed->data, more);
	records->part_len += (uint32_t) more;
	feed->data += more;
	feed->len -= more;
	return true;
}

/* The part was given out; what was received behind it begins the next one. */
static void
begin_part(waldoi_records *records)
{
	size_t whole = WALDOI_RECORD_HEAD + rest_of(records->part);
	size_t more = records->part_len - whole;

	if (more == 0) {
		free_part(records);
		return;
	}
	memmove(records->part, records->part + whole, more);
	records->part_len = (uint32_t) more;
	records->part_is_done = false;
}

static waldoi_record_cut
found(uint8_t *record, uint8_t **ret_record, size_t *ret_plain)
{
	*ret_record = record;
	*ret_plain = rest_of(record) - WALDOI_TAG;
	return WALDOI_RECORD;
}

/* The record that began in an earlier feed, or does not end in this one. */
static waldoi_record_cut
next_in_part(waldoi_records *records, waldoi_feed *feed, uint8_t **ret_record,
             size_t *ret_plain)
{
	size_t whole = WALDOI_RECORD_HEAD;

	if (records->part_len < whole && !add_part(records, feed, whole)) {
		return WALDOI_RECORD_NOMEM;
	}
	if (records->part_len < whole) {
		return WALDOI_RECORD_MORE;
	}
	if (rest_of(records->part) < WALDOI_TAG) {
		return WALDOI_RECORD_BAD;
	}
	whole += rest_of(records->part);
	if (!add_part(records, feed, whole)) {
		return WALDOI_RECORD_NOMEM;
	}
	if (records->part_len < whole) {
		return WALDOI_RECORD_MORE;
	}
	records->part_is_done = true;
	return found(records->part, ret_record, ret_plain);
}

waldoi_record_cut
waldoi_record_next(waldoi_records *records, waldoi_feed *feed,
                   uint8_t **ret_record, size_t *ret_plain)
{
	uint8_t *record = feed->data;
	size_t whole;

	if (records->part_is_done) {
		begin_part(records);
	}
	if (records->part_len > 0) {
		return next_in_part(records, feed, ret_record, ret_plain);
	}
	if (feed->len == 0) {
		return WALDOI_RECORD_MORE;
	}
	if (feed->len >= WALDOI_RECORD_HEAD) {
		whole = WALDOI_RECORD_HEAD + rest_of(record);
		if (rest_of(record) < WALDOI_TAG) {
			return WALDOI_RECORD_BAD;
		}
		if (feed->len >= whole) {
			feed->data += whole;
			feed->len -= whole;
			return found(record, ret_record, ret_plain);
		}
	}
	return next_in_part(records, feed, ret_record, ret_plain);
}

uint8_t *
waldoi_record_space(waldoi_records *records, size_t *ret_len)
{
	size_t len = records->part_len, whole, room;

	if (records->part_is_done || len < WALDOI_RECORD_HEAD) {
		return NULL;
	}
	whole = WALDOI_RECORD_HEAD + rest_of(records->part);
	if (whole < LARGE ||
	    !grow_part(records, len, whole + WALDOI_RECORD_HEAD)) {
		return NULL;
	}
	/* Also the head of the next record, so that it can come straight. */
	room = whole + WALDOI_RECORD_HEAD < records->part_cap
	           ? whole + WALDOI_RECORD_HEAD - len
	           : records->part_cap - len;
	if (len + room < whole && room < LARGE) {
		return NULL;
	}
	*ret_len = room;
	return records->part + len;
}

void
waldoi_record_received(waldoi_records *records, size_t len)
{
	records->part_len += (uint32_t) len;
}

bool
waldoi_record_open(waldoi_records *records, const uint8_t *record, size_t plain,
                   uint8_t *to)
{
	if (!waldoi_cipher_open(&records->receive, NULL, 0,
	                        record + WALDOI_RECORD_HEAD, plain + WALDOI_TAG,
	                        to)) {
		return false;
	}
	note_record(records, &records->receive);
	return true;
}
